"""The quarter-hour sums on disk: DATA/figures, an LMDB of their own, made from the ledger alone.

Whoever asks may bring them up to date (`catch_up`): a batch of records, what the fold remembers and the number of the last record
go into one transaction, so a kill anywhere leaves them whole and nothing is counted twice. They can be thrown away at any time.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import Any, Protocol

import lmdb
import msgspec

from appliance.messages import Record

from .counts import VERSION, Counts, Sums, add_into
from .fold import Fold, State, Subject
from .shelf import Shelf
from .slots import LEVELS, cover

log = logging.getLogger("figures")

MAP_BYTES = 8 << 30
"""Address space, not disk."""
BATCH = 5_000
"""Records of a transaction."""
DAY = 86_400
SAME_LEDGER = 1
"""The record that tells one ledger from another."""
_KEY = Struct(">IBI")
_U32 = Struct(">I")
_encode = msgspec.msgpack.Encoder().encode
_sums_of = msgspec.msgpack.Decoder(dict[int, int]).decode
_state_of = msgspec.msgpack.Decoder(State).decode


class Records(Protocol):
    """What of the ledger is needed here (`LedgerReader` is one)."""

    def last_seq(self) -> int: ...
    def read(self, after_seq: int = 0, limit: int = 1000) -> list[Record]: ...
    def event(self, seq: int) -> Record | None: ...


class Progress(msgspec.Struct):
    """How far the sums have come: the ledger's record `seq`, written at `utc`; `ledger` tells which ledger it is."""

    version: int = VERSION
    ledger: str = ""
    seq: int = 0
    utc: float = 0.0


_progress_of = msgspec.msgpack.Decoder(Progress).decode


class FiguresStore:
    """Safe for threads and processes; one instance a process and folder. Give back with `close`."""

    def __init__(self, data: Path) -> None:
        folder = data / "figures"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_file = folder / "writer.lock"
        self._env = lmdb.open(str(folder), map_size=MAP_BYTES, max_dbs=8, max_readers=256, mode=0o600, meminit=False)
        names = (b"meta", b"subjects", b"sums", b"shelf")
        self._meta, self._subjects, self._sums, self._shelved = (self._env.open_db(name) for name in names)
        self._shelf = Shelf(self._shelved)
        self._here = threading.Lock()

    def close(self) -> None:
        self._env.close()

    def __enter__(self) -> FiguresStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- reading --

    def progress(self) -> Progress:
        with self._env.begin() as txn:
            return self._progress(txn)

    def _progress(self, txn: Any) -> Progress:
        found = txn.get(b"progress", db=self._meta)
        return _progress_of(found) if found else Progress()

    def names(self, kind: str) -> list[str]:
        """Those of which there are sums: "queue", "agent", "seat", "campaign"."""
        head = kind.encode() + b"\0"
        with self._env.begin() as txn, txn.cursor(db=self._subjects) as cursor:
            found = []
            if cursor.set_range(head):
                for key in cursor.iternext(keys=True, values=False):
                    if not key.startswith(head):
                        break
                    found.append(key[len(head) :].decode())
            return found

    def total(self, subject: Subject, first: int, end: int) -> Counts:
        """The sum over the quarter hours [first, end)."""
        found = Counts()
        with self._env.begin() as txn:
            for _, sums in self._walk(txn, subject, cover(first, end)):
                add_into(found.sums, sums)
        return found

    def by_slot(self, subject: Subject, first: int, end: int, hours: bool = False) -> Iterator[tuple[int, Counts]]:
        """Each quarter hour that has anything, in order; `hours`: whole hours where that is possible, named by their first
        quarter hour."""
        with self._env.begin() as txn:
            runs = _hours(first, end) if hours else iter([(0, first, end)])
            for slot, sums in self._walk(txn, subject, runs):
                yield slot, Counts(sums)

    def _walk(self, txn: Any, subject: Subject, runs: Iterator[tuple[int, int, int]]) -> Iterator[tuple[int, Sums]]:
        name = txn.get(_subject_key(subject), db=self._subjects)
        if name is None:
            return
        number = _U32.unpack(name)[0]
        with txn.cursor(db=self._sums) as cursor:
            for level, low, high in runs:
                last = _KEY.pack(number, level, min(high, 0xFFFFFFFF))
                if not cursor.set_range(_KEY.pack(number, level, low)):
                    continue
                for key, value in cursor:
                    if key >= last:
                        break
                    yield _KEY.unpack(key)[2] * LEVELS[level], _sums_of(value)

    def still(self, now: float) -> dict[tuple[Subject, int], Sums]:
        """What the agents' states that last have come to by `now`, and is not in the sums yet."""
        with self._env.begin() as txn:
            return self._fold(txn).still(now)

    def _fold(self, txn: Any) -> Fold:
        found = txn.get(b"state", db=self._meta)
        return Fold(_state_of(found) if found else None, self._shelf)

    # -- writing --

    def catch_up(self, ledger: Records, told: Callable[[int, int], None] | None = None, most: int = 0) -> Progress:
        """Take what is new in the ledger, up to `most` records (0: all). Returns at once where another thread or process is at
        it. `told`: how far it is, and the ledger's last record."""
        with self._alone() as mine:
            if not mine:
                return self.progress()
            done, fold = 0, None
            while True:
                records, fold = self._batch(ledger, fold)
                done += records
                if told is not None:
                    told(self.progress().seq, ledger.last_seq())
                if records < BATCH or (most and done >= most):
                    return self.progress()

    def rebuild(self, ledger: Records, told: Callable[[int, int], None] | None = None) -> Progress:
        """Throw all away and compute it anew."""
        with self._alone(wait=True), self._env.begin(write=True) as txn:
            self._empty(txn)
        return self.catch_up(ledger, told)

    def _empty(self, txn: Any) -> None:
        for db in (self._meta, self._subjects, self._sums, self._shelved):
            txn.drop(db, delete=False)

    @contextmanager
    def _alone(self, wait: bool = False) -> Iterator[bool]:
        """Whether this is the only one that catches up now, of all threads and processes."""
        if not self._here.acquire(blocking=wait):
            yield False
            return
        handle = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            yield False
        else:
            yield True
        finally:
            os.close(handle)
            self._here.release()

    def _batch(self, ledger: Records, fold: Fold | None) -> tuple[int, Fold]:
        """`fold`: as the batch before left it; None: as it stands on disk."""
        first = ledger.event(SAME_LEDGER)
        with self._env.begin(write=True) as txn:
            progress = self._progress(txn)
            if _another(progress, first, ledger):
                if progress.seq:
                    log.warning("the figures are of another ledger, or of another version: they are computed anew")
                self._empty(txn)
                progress, fold = Progress(ledger=_mark(first)), None
            if fold is None:
                fold = self._fold(txn)
            self._shelf.begin(txn)
            records = ledger.read(progress.seq, BATCH)
            for record in records:
                fold.take(record)
            if records:
                self._put(txn, fold.added)
                fold.added = {}
                self._tidy(txn, records[-1].utc)
                txn.put(b"state", _encode(fold.state), db=self._meta)
                txn.put(b"progress", _encode(Progress(VERSION, progress.ledger, records[-1].seq, records[-1].utc)), db=self._meta)
            return len(records), fold

    def _tidy(self, txn: Any, now: float) -> None:
        """What was remembered goes to the disk; once a day what is older than a week goes."""
        self._shelf.flush()
        today = _U32.pack(min(int(now // DAY), 0xFFFFFFFF))
        if (txn.get(b"swept", db=self._meta) or b"") < today:
            self._shelf.sweep(now)
            txn.put(b"swept", today, db=self._meta)

    def _put(self, txn: Any, added: dict[tuple[Subject, int], Sums]) -> None:
        """Into the quarter hour, its hour and its day."""
        sums: dict[bytes, Sums] = {}
        for (subject, slot), more in added.items():
            number = self._number(txn, subject)
            for level, size in enumerate(LEVELS):
                add_into(sums.setdefault(_KEY.pack(number, level, slot // size), {}), more)
        for key in sorted(sums):
            stored = txn.get(key, db=self._sums)
            found = _sums_of(stored) if stored else {}
            add_into(found, sums[key])
            txn.put(key, _encode(found), db=self._sums)

    def _number(self, txn: Any, subject: Subject) -> int:
        key = _subject_key(subject)
        found = txn.get(key, db=self._subjects)
        if found is None:
            found = _U32.pack(txn.stat(self._subjects)["entries"])
            txn.put(key, found, db=self._subjects)
        number: int = _U32.unpack(found)[0]
        return number


def _hours(first: int, end: int) -> Iterator[tuple[int, int, int]]:
    """As `cover`, of hours and quarter hours alone."""
    low, high = -(-first // 4), end // 4
    if low >= high:
        yield 0, first, end
        return
    yield 0, first, low * 4
    yield 1, low, high
    yield 0, high * 4, end


def _subject_key(subject: Subject) -> bytes:
    kind, name = subject
    return f"{kind}\0{name}".encode("utf-8", "replace")[:500]


def _mark(first: Record | None) -> str:
    return f"{first.boot} {first.utc!r}" if first is not None else ""


def _another(progress: Progress, first: Record | None, ledger: Records) -> bool:
    if progress.version != VERSION or progress.ledger != _mark(first):
        return True
    if not progress.seq:
        return False
    last = ledger.event(progress.seq)
    return last is None or last.utc != progress.utc
