"""Whether data.mdb has all the pages of the state it says it holds, looked up before LMDB maps it.

LMDB maps the file and trusts it: a page that a file cut short no longer has is SIGBUS for whoever touches it. Its two meta pages
name the newest state and the highest page of it. A sound file may end before that page: pages that a transaction took and gave
back were never written. They stand in the free list, which is read here with plain reads, page by page.
Layout: LMDB 0.9, data version 1 (lmdb.h, mdb.c: MDB_meta, MDB_page, MDB_node), in the machine's byte order.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from struct import error as StructError

_META_SIZE = 152
_MAGIC = 0xBEEFC0DE
_NODE = Struct("=HHHH")
_HEAD = Struct("=8x2xHHH")
_PGNO = Struct("=Q")
_NOTHING = (1 << 64) - 1
_BRANCH, _LEAF, _BIG = 1, 2, 1
_TRIES = 5


class CutShort(Exception):
    """`pages` of `wanted` pages are there."""

    def __init__(self, pages: int, wanted: int) -> None:
        super().__init__(f"it has {pages} of {wanted} pages")


def look(path: Path) -> None:
    """Raises CutShort where pages are missing. What is no LMDB file at all, or an empty one, is left to LMDB to say."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for last in (*[False] * _TRIES, True):
            try:
                _look(fd)
                return
            except CutShort:
                if last:
                    raise  # else: a writer may have gone on while its pages were read
    finally:
        os.close(fd)


def _look(fd: int) -> None:
    first = _meta(fd, 0)
    if first is None:
        return
    size = first[0]
    metas = [found for found in (first, _meta(fd, size)) if found is not None]
    _, root, highest, _ = max(metas, key=lambda found: found[3])
    pages = os.fstat(fd).st_size // size
    if highest < pages:
        return
    try:
        free = set(_free(fd, size, root, pages, highest)) if root != _NOTHING else set()
    except StructError:  # what is left of it was written over
        free = set()
    if not free.issuperset(range(pages, highest + 1)):
        raise CutShort(pages, highest + 1)


def _meta(fd: int, at: int) -> tuple[int, int, int, int] | None:
    """(page size, root of the free list, highest page, transaction) of a meta page."""
    raw = os.pread(fd, _META_SIZE, at)
    if len(raw) < _META_SIZE:
        return None
    magic, version, size, root, highest, transaction = _unpacked(raw)
    if magic != _MAGIC or version != 1 or size not in (4096, 8192, 16384, 32768, 65536):
        return None
    return size, root, highest, transaction


def _unpacked(raw: bytes) -> tuple[int, int, int, int, int, int]:
    """Fields of MDB_meta: after the page's head magic, version, address, map size, two MDB_db (48 bytes), last page, txn."""
    magic, version = Struct("=II").unpack_from(raw, 16)
    (size,) = Struct("=I").unpack_from(raw, 40)
    (root,) = _PGNO.unpack_from(raw, 80)
    highest, transaction = Struct("=QQ").unpack_from(raw, 136)
    return magic, version, size, root, highest, transaction


def _free(fd: int, size: int, root: int, pages: int, highest: int) -> Iterator[int]:
    """Page numbers in the free list. Bounded: each page is read once."""
    todo, seen = [root], set[int]()
    while todo:
        number = todo.pop()
        if number >= pages:
            raise CutShort(pages, highest + 1)
        if number in seen:
            continue
        seen.add(number)
        page = os.pread(fd, size, number * size)
        flags, lower, _ = _HEAD.unpack_from(page)
        for (at,) in Struct("=H").iter_unpack(page[16:lower]):
            low, high, node_flags, key_size = _NODE.unpack_from(page, at)
            if flags & _BRANCH:
                todo.append(low | high << 16 | node_flags << 32)
            elif flags & _LEAF:
                data = page[at + 8 + key_size : at + 8 + key_size + (low | high << 16)]
                if node_flags & _BIG:
                    (over,) = _PGNO.unpack(data[:8])
                    if over >= pages:
                        raise CutShort(pages, highest + 1)
                    data = os.pread(fd, min(low | high << 16, (pages - over) * size), over * size + 16)
                yield from _list(data, pages, highest)


def _list(data: bytes, pages: int, highest: int) -> list[int]:
    if len(data) < 8:
        raise CutShort(pages, highest + 1)
    (count,) = _PGNO.unpack_from(data)
    if len(data) < 8 * (count + 1):
        raise CutShort(pages, highest + 1)
    return [number for (number,) in _PGNO.iter_unpack(data[8 : 8 * (count + 1)])]
