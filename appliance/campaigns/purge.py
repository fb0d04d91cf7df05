"""Taking a person out of the lists that came through the pages: DATA/lists/NUMBER.csv, and files on their way in.

`python -m appliance.campaigns.purge DATA` does it as a process of its own, as the intake does: 200,000 rows hold up no call, and
a workbook's memory is bounded. It reads an Order from its input (a number is nobody's business in a list of processes) and
writes a Purged. A list is rewritten beside itself and swapped in, so that who reads it has the old or the new one whole.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import fcntl
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from appliance.campaigns import intake
from appliance.campaigns.intake import Plan
from appliance.campaigns.lists import MAX_LINE, delimiter_of, find_columns, open_rows
from appliance.config.numbers import normalise
from appliance.errors import SwitchroomError
from appliance.system import files, precedence

ERASED = "(erased)"
TAIL = 7
"""So many last digits tell that a cell may be about a number; what it is is then read as a number is."""
_OWN = re.compile(r"[0-9]{1,10}\.csv")
_BETWEEN = re.compile(r"[^0-9|]+")
_LOCK = ".lock"


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """How the configuration has a list read: see `appliance.config.campaigns.SubscriberList`."""

    number: str = ""
    name: str = ""
    encoding: str = "auto"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """`number` as E.164; `lists` by the names of their files; `countries` in which numbers may be meant, the office's first."""

    number: str
    dry_run: bool = False
    countries: list[str]
    lists: dict[str, Columns] = {}


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """`rows` that went, or that had the number in a further column; `lists` that were rewritten, by the names of their files;
    `uploads` that were removed; `unread`: files that could not be looked at; `links`: files elsewhere that a list's name leads to
    and that have the number. They are the office's own: they are named and left alone."""

    rows: int = 0
    lists: list[str] = []
    uploads: int = 0
    unread: list[str] = []
    links: list[str] = []


@contextlib.contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """While a list in `folder` (DATA/lists) is exchanged, nobody else exchanges one. Blocks; without `wait` raises
    BlockingIOError where one is. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.ExitStack() as opened:
        owner = folder.parent.stat()
        root = os.geteuid() == 0 and owner.st_uid != 0  # the command line: no link of the box's leads it anywhere else
        place = _opened(opened, folder, os.O_RDONLY | os.O_DIRECTORY | (os.O_NOFOLLOW if root else 0))
        handle = _opened(opened, _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, place)
        for each in (place, handle) if root else ():  # the box must be able to do the same
            os.fchown(each, owner.st_uid, owner.st_gid)
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _opened(opened: contextlib.ExitStack, path: Path | str, flags: int, place: int | None = None) -> int:
    handle = os.open(path, flags, 0o600, dir_fd=place)
    opened.callback(os.close, handle)
    return handle


class Wanted:
    """Whether a cell is about the number."""

    def __init__(self, number: str, countries: Collection[str]) -> None:
        self.number = number
        self._countries = countries
        digits = re.sub(r"\D", "", number)
        self._tail = digits[-TAIL:] if len(digits) >= TAIL else ""

    def may_be_in(self, cells: list[str]) -> bool:
        """Quick: most rows are left here."""
        text = "|".join(cells)
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text)
        return not self._tail or self._tail in _BETWEEN.sub("", text)

    def is_it(self, cell: str) -> bool:
        return any(self._read(cell, country) == self.number for country in self._countries)

    def is_in(self, cell: str) -> bool:
        """It is the number, or text that has it inside; another number with the same end is another one."""
        if not self._tail or not self.may_be_in([cell]):
            return bool(cell.strip()) and self.is_it(cell)
        readings = {self._read(cell, country) for country in self._countries}
        return self.number in readings or "" in readings

    def _read(self, cell: str, country: str) -> str:
        try:
            return normalise(cell, country, strict=False)
        except SwitchroomError:
            return ""


# ---- lists -----------------------------------------------------------------------------------------------------------


def rows_without(wanted: Wanted, cells: list[str], number_at: int | None) -> list[str] | None:
    """The row as it may stay; None where it goes."""
    if not wanted.may_be_in(cells):
        return cells
    if number_at is not None and number_at < len(cells) and wanted.is_it(cells[number_at]):
        return None
    return [ERASED if wanted.is_in(cell) else cell for cell in cells]


def clean_list(path: Path, columns: Columns, wanted: Wanted, dry_run: bool) -> int:
    """How many rows went or changed. Raises SwitchroomError "list.…" where the file cannot be read, OSError where it cannot be
    written."""
    count = sum(kept != row for row, kept in _cleaned(path, columns, wanted))
    if count and not dry_run:
        beside = path.with_name(f".{path.name}.new")
        try:
            _write(path, beside, (kept for _, kept in _cleaned(path, columns, wanted) if kept is not None), columns.encoding)
            shutil.copymode(path, beside)
            files.put(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    return count


def _cleaned(path: Path, columns: Columns, wanted: Wanted) -> Iterator[tuple[list[str], list[str] | None]]:
    """Each row of the file and what becomes of it, the header first."""
    with open_rows(path, columns.encoding) as (_, rows):
        header = next(rows, (0, []))[1]
        number_at, _name = find_columns([cell.strip() for cell in header], path, columns.number, columns.name)
        yield header, header
        for _, cells in rows:
            yield cells, rows_without(wanted, cells, number_at)


def _write(path: Path, beside: Path, rows: Iterator[list[str]], encoding: str) -> None:
    with open_rows(path, encoding) as (used, _):
        if used == "xlsx":
            raise OSError(errno.EINVAL, "a workbook under the name of a text")  # put there by hand
    with path.open(encoding=used, newline="") as old, beside.open("w", encoding=used, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter_of(old.readline(MAX_LINE)))
        writer.writerows(rows)


# ---- files on their way in -------------------------------------------------------------------------------------------


def holds(folder: Path, wanted: Wanted, rewritten: Collection[str]) -> bool:
    """Whether an upload has the number: in its file or in what was made of that. One that is no file of numbers at all holds
    what nobody can tell; one that is being put together with a list that was rewritten just now may have read the old one."""
    for name in ("source", "list.csv"):
        if not (folder / name).is_file():
            continue
        try:
            with open_rows(folder / name) as (_, rows):
                if any(wanted.may_be_in(cells) and any(map(wanted.is_in, cells)) for _, cells in rows):
                    return True
        except (SwitchroomError, MemoryError):
            return True
    return Path(_before(folder)).name in rewritten and intake.read_state(folder).phase == "checking"


def _before(folder: Path) -> str:
    """The list that an upload is added to."""
    try:
        return msgspec.json.decode((folder / "plan.json").read_bytes(), type=Plan).before
    except (OSError, msgspec.DecodeError):
        return ""


# ---- all of it -------------------------------------------------------------------------------------------------------


def purge(lists: Path, order: Order) -> Purged:
    """`lists`: DATA/lists."""
    wanted, rows = Wanted(order.number, order.countries), 0
    rewritten, unread, links, uploads = list[str](), list[str](), list[str](), 0
    _sweep(lists, order)
    for path in sorted(each for each in lists.glob("*.csv") if _OWN.fullmatch(each.name)):
        columns = order.lists.get(path.name) or Columns()
        try:
            with locked(lists):
                away = path.is_symlink()
                count = clean_list(path, columns, wanted, order.dry_run or away)
        except (SwitchroomError, OSError):
            unread.append(str(path))
            continue
        if away:
            links += [str(path.resolve())] if count and not _is_own(path.resolve(), lists) else []
            continue
        rows += count
        rewritten += [path.name] if count else []
    for folder in sorted((lists / "incoming").glob("*")):
        if holds(folder, wanted, rewritten):
            uploads += 1
            if not order.dry_run:
                shutil.rmtree(folder, ignore_errors=True)
    return Purged(rows=rows, lists=rewritten, uploads=uploads, unread=unread, links=links)


def _is_own(path: Path, lists: Path) -> bool:
    return path.parent == lists.resolve() and _OWN.fullmatch(path.name) is not None


def _sweep(lists: Path, order: Order) -> None:
    """What was left by a kill in the middle of an exchange has people too; an import that goes on may have read the old list, and
    fails."""
    with contextlib.suppress(OSError), locked(lists):
        for pattern in (".*.csv.old", ".*.csv.new", ".import-*.csv") if not order.dry_run else ():
            for path in lists.glob(pattern):
                path.unlink(missing_ok=True)


def main() -> None:
    intake.behave()
    precedence.stand_back()
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(purge(Path(sys.argv[1]) / "lists", order)))


if __name__ == "__main__":
    main()
