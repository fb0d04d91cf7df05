"""Quarter-hour sums over CDRs, so that figures of a long period need not read every call.

A CDR counts in the quarter hour (UTC) in which it started, once for the office ("all") and once for each line,
extension and
campaign that took part in it ("line:NAME", "extension:101", "campaign:7").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from .store import U32, Dbs

SLOT = 900


class Rollup(msgspec.Struct, array_like=True):
    """Sums of one quarter hour. Counts of calls; `ring`, `talk`, `hold`, `duration` in seconds."""

    calls: int = 0
    answered: int = 0
    no_answer: int = 0
    busy: int = 0
    failed: int = 0
    cancelled: int = 0
    interrupted: int = 0
    ring: float = 0.0
    talk: float = 0.0
    hold: float = 0.0
    duration: float = 0.0


_decoder = msgspec.msgpack.Decoder(Rollup)


def head_of(subject: str) -> bytes:
    """What the keys of a subject begin with; the quarter hour's number follows."""
    return subject.encode("utf-8", "replace")[:300] + b"\0"


def read(txn: Any, dbs: Dbs, subject: str, since: float, until: float) -> Iterator[tuple[int, Rollup]]:
    """(UTC second at which the quarter hour starts, its sums), for quarter hours that start in [since, until)."""
    prefix = head_of(subject)
    with txn.cursor(db=dbs["rollup"]) as cursor:
        if not cursor.set_range(prefix + U32.pack(max(0, -int(-since // SLOT)))):
            return
        for key, value in cursor:
            slot = U32.unpack(key[-4:])[0] * SLOT
            if key[:-4] != prefix or slot >= until:
                return
            yield slot, _decoder.decode(value)


def subjects(txn: Any, dbs: Dbs, head: str) -> Iterator[str]:
    """The subjects that begin so ("line:"), each once."""
    begin = head.encode()
    with txn.cursor(db=dbs["rollup"]) as cursor:
        there = cursor.set_range(begin)
        while there and (key := cursor.key()).startswith(begin):
            yield key[:-5].decode("utf-8", "replace")
            there = cursor.set_range(key[:-4] + b"\xff" * 5)
