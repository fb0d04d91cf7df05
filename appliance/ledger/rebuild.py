"""Deriving everything again from the events, and looking whether what is there agrees with them. For a box that
stands still
(`rebuild` takes the writer's lock); `check` may run beside a core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from appliance import messages as m

from ._derive import Deriver, encode
from .cdr import Cdr
from .codec import decode
from .numbers import Form, Reform
from .reader import LedgerReader
from .store import U64, WHOLE, Dbs, WriterLock, close_store, open_store

PAGE = 10_000
ROOM = 128 << 20
Progress = Callable[[int, int], None]
"""(events done, events in all)"""


class Rebuilt(msgspec.Struct, frozen=True):
    """`numbers`: events whose caller's number was put into the form of today."""

    events: int
    cdrs: int
    open_calls: int
    numbers: int = 0


def rebuild(path: Path, progress: Progress = lambda done, total: None, form: Form = lambda line, number: number) -> Rebuilt:
    """Derive indexes, CDRs and sums again into fresh sub-databases, then put them in force at once; on the way put
    callers' numbers into the form of today (`form`, see numbers.py). A rebuild that is cut short leaves what is derived
    as it was; the next one goes over all again. Raises "ledger.locked" while a core runs, "ledger.missing" where there
    is none."""
    LedgerReader(path).close()  # says "ledger.missing" before anything is made
    lock = WriterLock(path)
    try:
        store = open_store(path, write=True)
        try:
            store.create()
            result: list[Rebuilt] = []
            store.swap(lambda dbs: result.append(_fill(store, dbs, progress, Reform(form))))
            return result[0]
        finally:
            close_store(store)
    finally:
        lock.release()


def _fill(store: Any, dbs: Dbs, progress: Progress, numbers: Reform) -> Rebuilt:
    deriver = Deriver()
    with store.env.begin() as txn:
        total = txn.stat(db=dbs["events"])["entries"]
    after = done = 0
    while True:
        if store.room() < ROOM:
            store.grow(ROOM)
        with store.env.begin(write=True) as txn:
            count = 0
            changed: list[tuple[bytes, bytes]] = []
            for seq, data in _events(txn, dbs, after, PAGE):
                stored = decode(data)
                event = numbers.event(txn, dbs, stored.event)
                if event is not None:
                    changed.append((U64.pack(seq), encode(event, stored.utc, stored.mono, stored.boot)))
                deriver.take(txn, dbs, seq, event or stored.event, stored.utc, stored.mono, stored.boot)
                after, count = seq, count + 1
            deriver.put(txn, dbs)
            numbers.put(txn, dbs)
            for key, value in changed:
                txn.put(key, value, db=dbs["events"])
            cdrs = txn.stat(db=dbs["cdr"])["entries"]
        done += count
        progress(done, total)
        if count < PAGE:
            return Rebuilt(done, cdrs, len(deriver.calls.open), numbers.done)


def _events(txn: Any, dbs: Dbs, after: int, limit: int) -> Iterator[tuple[int, bytes]]:
    with txn.cursor(db=dbs["events"]) as cursor:
        if cursor.set_range(U64.pack(after + 1)):
            for count, (key, value) in enumerate(cursor):
                if count == limit:
                    return
                yield U64.unpack(key)[0], value


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What `check` found. `problems` is empty for a sound ledger; sizes in bytes."""

    events: int
    first_seq: int
    last_seq: int
    cdrs: int
    calls_ended: int
    open_calls: int
    size: int
    map_size: int
    free_pages: int
    problems: list[str]


def check(path: Path, progress: Progress = lambda done, total: None) -> Health:
    """Read every event and every CDR once, in one snapshot: numbers without gaps, events that decode, one CDR per ended
    call, indexes that lead to their CDR."""
    problems: list[str] = []
    with LedgerReader(path) as reader, reader._store.read() as (txn, dbs):
        total = txn.stat(db=dbs["events"])["entries"]
        ended = _check_events(txn, dbs, problems, progress, total)
        cdrs, calls = _check_cdrs(txn, dbs, problems)
        for call in list(ended ^ calls)[:10]:
            problems.append(f"call {call}: " + ("ended without a CDR" if call in ended else "a CDR without its end"))
        with txn.cursor(db=dbs["events"]) as cursor:
            first = U64.unpack(cursor.key())[0] if cursor.first() else 0
            last = U64.unpack(cursor.key())[0] if cursor.last() else 0
        if total and last - first + 1 != total:
            problems.append(f"sequence numbers {first} to {last}, but {total} events")
        info = reader._store.env.info()
        deriver = Deriver()
        deriver.load(txn, dbs)
        return Health(
            events=total, first_seq=first, last_seq=last, cdrs=cdrs, calls_ended=len(ended),
            open_calls=len(deriver.calls.open), size=(path / "data.mdb").stat().st_size,
            map_size=info["map_size"], free_pages=_free_pages(txn, dbs, info), problems=problems,
        )  # fmt: skip


def _check_events(txn: Any, dbs: Dbs, problems: list[str], progress: Progress, total: int) -> set[str]:
    known: set[str] = set()
    ended: set[str] = set()
    for count, (seq, data) in enumerate(_events(txn, dbs, 0, total)):
        try:
            event = decode(data).event
        except (msgspec.MsgspecError, ValueError) as error:
            problems.append(f"event {seq} cannot be read: {error}")
            continue
        if isinstance(event, m.LegOpened | m.AttemptStarted | m.CallReached):
            known.add(event.call)
        elif isinstance(event, m.CallEnded) and event.call in known:
            ended.add(event.call)
        if count % PAGE == 0:
            progress(count, total)
    progress(total, total)
    return ended


def _check_cdrs(txn: Any, dbs: Dbs, problems: list[str]) -> tuple[int, set[str]]:
    decoder = msgspec.msgpack.Decoder(Cdr)
    calls: set[str] = set()
    with txn.cursor(db=dbs["cdr"]) as cursor:
        for _, value in cursor:
            calls.add(decoder.decode(value).call)
    for name in ("cdr_call", "cdr_sip"):
        with txn.cursor(db=dbs[name]) as cursor:
            lost = sum(txn.get(key, db=dbs["cdr"]) is None for _, key in cursor)
        if lost:
            problems.append(f"{lost} entries of {name} lead nowhere")
    for name in {"cdr_number", "cdr_line", "cdr_extension", "cdr_campaign", "cdr_queue", "cdr_agent"} & set(dbs):
        with txn.cursor(db=dbs[name]) as cursor:
            lost = sum(txn.get(key[-16:], db=dbs["cdr"]) is None for key in cursor.iternext(keys=True, values=False)
                       if key != WHOLE)
        if lost:
            problems.append(f"{lost} entries of {name} lead nowhere")
    return txn.stat(db=dbs["cdr"])["entries"], calls


def _free_pages(txn: Any, dbs: Dbs, info: dict[str, int]) -> int:
    """Pages in the file that no tree of the snapshot uses: free for reuse, or held back by a reader."""
    stats = [txn.stat(db=db) for db in dbs.values()]
    used = sum(stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"] for stat in stats)
    return max(0, info["last_pgno"] - 2 - used)
