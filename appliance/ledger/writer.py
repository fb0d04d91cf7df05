"""The ledger as the core writes it: append and commit on the event loop, transactions and fsync on a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lmdb

from appliance import messages as m
from appliance.clock import Clock, machine_boot
from appliance.errors import SwitchroomError
from appliance.sentences import say

from . import batch as b
from . import late
from .choices import check
from .durability import DURABILITY, Durability
from .guard import CopyGuard
from .pace import Pace
from .persons import Texts
from .reader import LedgerReader
from .recover import OpenCall, OpenLeg, open_call
from .space import Level, Shortage, Thresholds, Watch, free_bytes
from .store import WriterLock, close_store, open_store, state_key

log = logging.getLogger(__name__)

BEHIND_SECONDS = 0.05
"""How long a write-behind event waits for company; with the transaction itself it is on disk within 100 ms."""
STALE_READERS_SECONDS = 60.0
BATCH = 4000
MIN_ROOM = 16 << 20
RETRY_SECONDS = 0.25
CLOSE_SECONDS = 5.0

_UNSTORABLE = (lmdb.BadValsizeError, lmdb.InvalidParameterError)
"""LMDB's refusals of what it is given; every other error of its is the disk's or the file's, and is tried again."""
_BEHIND = frozenset(cls for cls, durability in DURABILITY.items() if durability is Durability.BEHIND)
ON_DISK = frozenset({late.NAMESPACE})
"""Namespaces of states that have a record for each call and grow with the years: not kept in memory, nor read at a start."""


class Ledger:
    """The only writer. Made by the core, once; used from its event loop.

    `path` is the ledger's directory (made if missing). `on_shortage(level, detail)` is called on the loop when the disk runs
    short or recovers. `queue_limit` events are kept in memory while the disk cannot take them; beyond, `append` and
    `commit` raise "ledger.full". Raises "ledger.locked" where another writer runs."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        boot_id: str | None = None,
        *,
        on_shortage: Shortage | None = None,
        on_written: Callable[[int], None] | None = None,
        thresholds: Thresholds = Thresholds(),  # noqa: B008
        reserve_bytes: int = 16 << 20,
        queue_limit: int = 200_000,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._clock = clock
        self._lock = WriterLock(path)
        try:
            self._store = open_store(path, write=True)
        except BaseException:
            self._lock.release()
            raise
        self._store.create()
        self._store.env.reader_check()
        self._batch = b.Batch(boot_id or machine_boot())
        self._reload()
        self._written = self._batch.seq
        self.reader = LedgerReader(path)
        self._states = self._load_states()
        self._found_open = self._find_open()
        with self._store.read() as (txn, dbs):
            self._campaign = b.next_campaign(txn, dbs)
        self._queue: deque[b.Item] = deque()
        self._limit = queue_limit
        self._armed = False
        self._urgent = False
        self._closing = False
        self._closed = False
        self._wake = threading.Lock()
        self._wake.acquire()
        self._loop = running_loop()
        self._on_shortage = on_shortage
        self._on_written = on_written
        self._space = Watch(path, reserve_bytes, thresholds, free, self._shortage)
        self._failing = ""
        self._stale_due = 0.0
        self._guard = CopyGuard()
        self._pace = Pace()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    # -- writing, on the event loop --

    def append(self, event: m.Event) -> None:
        """Write behind: on disk within 100 ms, in order with everything else. An event of class COMMIT is refused
        ("ledger.needs-commit"): whoever appended it would act before it is safe. So is one that nobody could read again
        ("ledger.bad-event")."""
        if event.__class__ not in _BEHIND:
            raise SwitchroomError("ledger.needs-commit", "{name} must be committed before anybody acts on it.",
                                  "Use `commit`.", name=event.__class__.__name__)
        check(event)
        queue = self._queue
        if len(queue) >= self._limit:
            raise self._full()
        queue.append((event, self._clock.utc(), self._clock.mono()))
        if not self._armed:
            self._armed = True
            self._kick()

    def commit(self, *events: m.Event) -> asyncio.Future[int]:
        """Commit before effect: the future is done after fsync, with the last event's sequence number.

        The events stand or fall together, in one transaction, numbered in order of the calls (the call counts, not the
        await; a future may be left alone). Refusals: "ledger.duplicate-attempt", "ledger.attempt-ended",
        "ledger.duplicate-campaign", "ledger.full", "ledger.bad-event"."""
        return self._submit(self._stamp(events))

    def append_campaign(self, event: m.CampaignCreated, subscribers: Sequence[m.Subscriber]) -> asyncio.Future[int]:
        """As `commit`, with the campaign's subscribers in the same transaction."""
        return self._submit(self._stamp((event,)), subscribers)

    def erase(self, number: str) -> asyncio.Future[int]:
        """Erase a person: the number, names that came with it, and its rows in campaign lists. -> how many texts went.
        Readers get "(erased)" in their place. LMDB reuses the freed pages in time; `ledger check` says how many are
        free."""
        return self._do(lambda txn, dbs: self._batch.erase(txn, dbs, number))

    def flush(self) -> asyncio.Future[int]:
        """Done when everything appended so far is on disk. -> the last sequence number."""
        return self._do(lambda txn, dbs: self._batch.seq)

    def next_campaign(self) -> int:
        """A campaign number never given before."""
        number, self._campaign = self._campaign, self._campaign + 1
        return number

    def commit_now(self, *events: m.Event, timeout: float = 30.0) -> int:
        """`commit` for code without an event loop: blocks the calling thread."""
        return self._wait(b.Group(self._stamp(events), threading.Event()), timeout)

    def _stamp(self, events: Sequence[m.Event]) -> list[b.Stamped]:
        for event in events:
            check(event)
        utc, mono = self._clock.utc(), self._clock.mono()
        return [(event, utc, mono) for event in events]

    def _submit(self, events: Sequence[b.Stamped], subscribers: Sequence[m.Subscriber] = ()) -> asyncio.Future[int]:
        future = self._future()
        self._put(b.Group(events, future, subscribers))
        return future

    def _do(self, work: Callable[[Any, Any], Any]) -> asyncio.Future[int]:
        future = self._future()
        self._put(b.Group((), future, (), work))
        return future

    def _future(self) -> asyncio.Future[int]:
        self._loop = asyncio.get_running_loop()
        return self._loop.create_future()

    def _put(self, group: b.Group) -> None:
        if self._closing:
            raise SwitchroomError("ledger.closed", "The ledger is closed.", "Start the box again.")
        if len(self._queue) >= self._limit:
            raise self._full()
        self._queue.append(group)
        self._urgent = True
        self._kick()

    def _full(self) -> SwitchroomError:
        return SwitchroomError("ledger.full", "{queue} events wait for the disk: {failing}.", "Free space on the disk.",
                               queue=len(self._queue), failing=self._failing or say("it is too slow"))

    def _kick(self) -> None:
        try:
            self._wake.release()
        except RuntimeError:
            return  # it was awake already: somebody else kicked first

    def _wait(self, group: b.Group, timeout: float) -> int:
        done = group.done
        if not isinstance(done, threading.Event):
            raise TypeError("a group with a thread's event")
        self._put(group)
        if not done.wait(timeout):
            raise SwitchroomError("ledger.slow", "Nothing was written within {timeout} s: {failing}.", "Look at the disk.",
                                  timeout=f"{timeout:g}", failing=self._failing)
        if group.error is not None:
            raise group.error
        return int(group.result)

    # -- state records: what is so now, without history --

    def put_state(self, namespace: str, key: str, value: bytes | None) -> None:
        """Write behind; None deletes. Reads of this object see it at once, those of ON_DISK after a flush."""
        known = self._states.setdefault(namespace, {})
        if value is None:
            known.pop(key, None)
        elif namespace not in ON_DISK:
            known[key] = value
        self._queue.append(b.StatePut(state_key(namespace, key), value))
        if not self._armed:
            self._armed = True
            self._kick()

    def get_state(self, namespace: str, key: str) -> bytes | None:
        if namespace in ON_DISK:
            return self.reader.state(namespace, key)
        return self._states.get(namespace, {}).get(key)

    def states(self, namespace: str) -> dict[str, bytes]:
        return dict(self._states.get(namespace, {}))

    # -- looking --

    @property
    def level(self) -> Level:
        """What runs short of disk: see `space.Thresholds`."""
        return self._space.level

    @property
    def seq(self) -> int:
        """The last sequence number on disk."""
        return self._written

    @property
    def queued(self) -> int:
        """Items not on disk yet."""
        return len(self._queue)

    def attempt(self, campaign: int, subscriber: int, attempt: int) -> m.AttemptStarted | m.AttemptEnded | None:
        """What is committed about an attempt: its end, else its start, else None."""
        return self.reader.attempt(campaign, subscriber, attempt)

    def open_calls(self) -> list[OpenCall]:
        """Calls that had no CallEnded when the ledger was opened: what a restart has to end (`recover.interrupted`)."""
        return list(self._found_open)

    def open_legs(self) -> list[OpenLeg]:
        """Legs that had no LegEnded when the ledger was opened."""
        return [leg for call in self._found_open for leg in call.legs]

    # -- closing --

    async def close(self) -> None:
        """Write what is queued and stop. Nothing can be appended after."""
        self._closing = True
        self._kick()
        await asyncio.to_thread(self._thread.join)
        self._release()

    def close_now(self) -> None:
        """`close` for code without an event loop."""
        self._closing = True
        self._kick()
        self._thread.join()
        self._release()

    def _release(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.reader.close()
        close_store(self._store)
        self._lock.release()
        if self._queue:
            log.error("ledger: %d items were not written: %s", len(self._queue), self._failing)

    # -- the writer thread --

    def _run(self) -> None:
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text("ledger", "ascii")  # what `top -H` shows
        try:
            self._work()
        finally:
            self._guard.drop()

    def _work(self) -> None:
        while True:
            if not self._queue:
                if self._closing:
                    return
                self._wake.acquire(timeout=self._space.period)
            if self._queue and not self._urgent and not self._closing:
                self._wake.acquire(timeout=BEHIND_SECONDS)
            if self._urgent and not self._closing:
                self._pace.gather(self._queue)
            self._armed = self._urgent = False
            items = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH))]
            if len(self._queue):
                self._kick()
                self._urgent = True
            try:
                left = self._write(items) if items else []
                if left:
                    self._queue.extendleft(reversed(left))
                    return
                self._pace.measure(sum(item.__class__ is b.Group for item in items))
                self._housekeeping()
            except Exception:
                log.exception("ledger: the writer thread failed")
                self._reload()

    def _write(self, items: list[b.Item]) -> list[b.Item]:
        """Until the items are on disk. -> those that are not: only where the box stops and the disk takes nothing."""
        give_up = 0.0
        while True:
            try:
                self._transaction(items)
                break
            except lmdb.MapFullError:
                self._reload()
                self._grow(MIN_ROOM * 4)
                continue
            except _UNSTORABLE as error:
                self._reload()
                return self._apart(items, error)
            except (lmdb.Error, OSError, SwitchroomError) as error:
                self._failed(error)
            except Exception as error:
                self._reload()
                return self._apart(items, error)
            if self._closing:
                give_up = give_up or time.monotonic() + CLOSE_SECONDS
                if time.monotonic() > give_up:
                    return items
            self._wake.acquire(timeout=RETRY_SECONDS)
        self._failing = ""
        self._tell(items)
        return []

    def _apart(self, items: list[b.Item], error: Exception) -> list[b.Item]:
        """One of the items cannot be stored, whatever the disk: find it, so that it takes no other with it. A group is told;
        nobody waits for the rest."""
        if len(items) > 1:
            return [left for item in items for left in self._write([item])]
        log.error("ledger: an item cannot be stored and is left out", exc_info=error)
        item = items[0]
        if isinstance(item, b.Group):
            item.error = SwitchroomError("ledger.unstorable", "This cannot be stored: {error}.", "This is a bug: report it.",
                                         error=error)
            self._tell(items)
        return []

    def _transaction(self, items: list[b.Item]) -> None:
        if self._store.room() < MIN_ROOM:
            self._grow(0)
        self._guard.hold(self._store.env, time.monotonic())
        with self._store.write() as (txn, dbs):
            self._batch.apply(txn, dbs, items)
        self._written = self._batch.seq

    def _grow(self, room: int) -> None:
        self._guard.drop()
        self._store.grow(room)

    def _failed(self, error: Exception) -> None:
        """The disk takes nothing: give up the reserve, say so, try again."""
        if not self._failing:
            log.error("ledger: cannot write: %s", error)
        self._failing = str(error)
        try:
            if isinstance(error, lmdb.PanicError) or not self._store.is_open:
                self._guard.drop()
                self._store.reopen()
            self._reload()
            self._space.reserve.spend()
        except (lmdb.Error, OSError, SwitchroomError) as also:
            log.error("ledger: it cannot be opened again: %s", also)  # tried again with the next write
        self._space.takes_nothing(f"{error}")

    def _reload(self) -> None:
        """Take the state from disk again: the transaction that changed it in memory is gone."""
        with self._store.read() as (txn, dbs):
            self._batch.load(txn, dbs)

    def _tell(self, items: list[b.Item]) -> None:
        futures: list[b.Group] = []
        for item in items:
            if isinstance(item, b.Group):
                if isinstance(item.done, threading.Event):
                    item.done.set()
                else:
                    futures.append(item)
        if futures or self._on_written is not None:
            self._on_loop(_resolve, futures, self._on_written, self._written)

    def _on_loop(self, function: Callable[..., Any], *args: Any) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        try:
            loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            log.warning("ledger: the event loop closed before it could be told")

    def _housekeeping(self) -> None:
        now = time.monotonic()
        self._space.look(now)
        if now >= self._stale_due:
            self._stale_due = now + STALE_READERS_SECONDS
            self._store.env.reader_check()

    def _shortage(self, level: Level, detail: str) -> None:
        if self._on_shortage is not None:
            self._on_loop(self._on_shortage, level, detail)

    # -- at the start --

    def _load_states(self) -> dict[str, dict[str, bytes]]:
        found: dict[str, dict[str, bytes]] = {}
        with self._store.read() as (txn, dbs), txn.cursor(db=dbs["states"]) as cursor:
            more = cursor.first()
            while more:
                namespace, _, name = cursor.key().decode().partition("\0")
                if namespace in ON_DISK:
                    more = cursor.set_range(namespace.encode() + b"\1")  # past all of them
                    continue
                found.setdefault(namespace, {})[name] = cursor.value()
                more = cursor.next()
        return found

    def _find_open(self) -> list[OpenCall]:
        with self._store.read() as (txn, dbs):
            texts = Texts(txn, dbs)
            return [open_call(fold, texts) for fold in self._batch.intake.calls.open.values()]


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that this thread runs, if any: callbacks go there from the start."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _resolve(groups: list[b.Group], on_written: Callable[[int], None] | None, seq: int) -> None:
    """On the loop: wake those who wait. Whoever gave up waiting (cancelled) is left alone; it is written all the same."""
    if on_written is not None:
        on_written(seq)
    for group in groups:
        future = group.done
        if isinstance(future, asyncio.Future) and not future.done():
            if group.error is not None:
                future.set_exception(group.error)
            else:
                future.set_result(group.result)
