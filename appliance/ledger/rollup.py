"""Quarter-hour sums over CDRs, so that figures of a long period need not read every call.

A CDR counts in the quarter hour (UTC) in which it started, once for the office ("all") and once for each line,
extension and
campaign that took part in it ("line:NAME", "extension:101", "campaign:7").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from .cdr import Cdr
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

    def add(self, cdr: Cdr) -> None:
        self.calls += 1
        setattr(self, cdr.disposition, getattr(self, cdr.disposition) + 1)
        self.ring += cdr.ring
        self.talk += cdr.talk
        self.hold += cdr.hold
        self.duration += cdr.duration


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Rollup)


def subjects(cdr: Cdr) -> set[str]:
    """What a CDR counts for."""
    found = {"all"}
    for leg in cdr.legs:
        found.add(f"{'line' if leg.kind == 'line' else 'extension'}:{leg.endpoint}")
    if cdr.campaign:
        found.add(f"campaign:{cdr.campaign}")
    return found


def key_of(start: float, subject: str) -> bytes:
    return subject.encode("utf-8", "replace")[:300] + b"\0" + U32.pack(max(0, int(start)) // SLOT)


class Rollups:
    """The writer's side: sums touched in a transaction, put at its end."""

    def __init__(self) -> None:
        self._sums: dict[bytes, Rollup] = {}
        self._touched: set[bytes] = set()

    def forget(self) -> None:
        self._sums.clear()
        self._touched.clear()

    def add(self, txn: Any, db: Any, cdr: Cdr) -> None:
        for subject in subjects(cdr):
            key = key_of(cdr.start, subject)
            found = self._sums.get(key)
            if found is None:
                stored = txn.get(key, db=db)
                found = self._sums[key] = _decoder.decode(stored) if stored else Rollup()
            found.add(cdr)
            self._touched.add(key)

    def put(self, txn: Any, db: Any) -> None:
        for key in self._touched:
            txn.put(key, _encoder.encode(self._sums[key]), db=db)
        self._touched.clear()
        if len(self._sums) > 10_000:
            self._sums.clear()


def read(txn: Any, dbs: Dbs, subject: str, since: float, until: float) -> Iterator[tuple[int, Rollup]]:
    """(UTC second at which the quarter hour starts, its sums), for quarter hours that start in [since, until)."""
    prefix = subject.encode("utf-8", "replace")[:300] + b"\0"
    with txn.cursor(db=dbs["rollup"]) as cursor:
        if not cursor.set_range(prefix + U32.pack(max(0, -int(-since // SLOT)))):
            return
        for key, value in cursor:
            slot = U32.unpack(key[-4:])[0] * SLOT
            if key[:-4] != prefix or slot >= until:
                return
            yield slot, _decoder.decode(value)
