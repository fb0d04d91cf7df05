"""What the ledger of the last days says for the desks: callers whom nobody served, and whom each agent talked with. Read once,
then followed, in slices on a thread: a page costs what has happened in the last second. What is read anew from time to time is
read beside that.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from appliance import messages as m
from appliance.acd.missed import Missed, MissedCallers
from appliance.clock import Clock
from appliance.config.model import Config
from appliance.errors import SwitchroomError
from appliance.ledger.reader import LedgerReader

log = logging.getLogger("desk")
DAYS = 7.0
MOST_EVENTS = 500_000
"""Of the past that are read: a box with more than that in a week shows the part that it holds."""
AGAIN_SECONDS = 1800.0
"""So often all is read anew: what is older than the days goes, and what was erased of a caller goes from memory too."""
ERASED_SECONDS = 5.0
"""After somebody is erased: the texts go a moment after it was noted."""
TRY_AGAIN_SECONDS = 60.0
SLICE = 1_000
"""Events that are folded in one go in the background; then the pages, which share the interpreter with it, have their turn."""
NAP_SECONDS = 0.005
LOOK_SECONDS = 1.0
TALKS = 30
"""Of each agent, the last."""
LEFT = 10_000
"""Calls that go on after their contact has left a queue."""
NUMBERS = 50_000
"""Calls whose caller's number is remembered."""


class Talk(msgspec.Struct, kw_only=True):
    """A contact that an agent had; `at` UTC seconds, `number` "" unknown; `outcome` and `note` as this agent left them."""

    contact: str
    queue: str
    at: float
    number: str = ""
    outcome: str = ""
    note: str = ""


class Talks:
    """A fold of the ledger: for each agent the last contacts, also those who came to the phone without the queue. Pure."""

    def __init__(self, agent_at: Callable[[str], str] = lambda extension: "") -> None:
        """`agent_at`: whose phone this is, "" nobody's."""
        self._agent_at = agent_at
        self._of: dict[str, deque[Talk]] = {}
        self._numbers: dict[str, str] = {}
        self._out: dict[str, str] = {}
        """Calls of contacts that left a queue without an agent -> the queue."""
        self._rung: dict[str, m.LegOpened] = {}
        """Phones that such a call rings, by their leg."""

    def apply(self, event: m.Event, utc: float = 0.0) -> None:
        match event:
            case m.LegOpened(direction="in"):
                if event.call not in self._numbers and len(self._numbers) >= NUMBERS:
                    del self._numbers[next(iter(self._numbers))]
                self._numbers.setdefault(event.call, event.number if event.kind == "line" else event.endpoint)
            case m.ContactConnected():
                self._add(event.agent, event.contact, event.queue, event.at)
            case m.ContactHandedOver() if event.to:
                self._add(event.to, event.contact, event.queue, event.at)
            case m.ContactLeft():
                if len(self._out) >= LEFT:
                    del self._out[next(iter(self._out))]
                self._out[event.contact] = event.queue
            case m.ContactQueued():
                self._out.pop(event.contact, None)
            case m.LegOpened(kind="phone") if event.call in self._out:
                self._rung[event.leg] = event
            case m.LegAnswered() if event.leg in self._rung:
                self._passed_on(self._rung[event.leg], utc)
            case m.LegEnded():
                self._rung.pop(event.leg, None)
            case m.CallEnded():
                self._out.pop(event.call, None)
            case m.ContactOutcome():
                self._of_agent(event.agent, event.contact, event.at).outcome = event.name
            case m.ContactNoted():
                self._of_agent(event.agent, event.contact, event.at).note = event.text

    def _passed_on(self, leg: m.LegOpened, utc: float) -> None:
        agent = self._agent_at(leg.endpoint)
        if agent:
            self._add(agent, leg.call, self._out.get(leg.call, ""), utc)

    def _add(self, agent: str, contact: str, queue: str, at: float) -> Talk:
        talks = self._of.setdefault(agent, deque(maxlen=TALKS))
        known = next((each for each in talks if each.contact == contact), None)
        if known is None:
            known = Talk(contact=contact, queue=queue, at=at, number=self._numbers.get(contact, ""))
            talks.append(known)
        return known

    def _of_agent(self, agent: str, contact: str, at: float) -> Talk:
        """Also of a contact that no queue connected: a callback taken by hand."""
        return self._add(agent, contact, "", at)

    def of(self, agent: str) -> list[Talk]:
        """The newest first."""
        return list(reversed(self._of.get(agent, ())))

    def number(self, contact: str) -> str:
        return self._numbers.get(contact, "")


class Look(msgspec.Struct):
    """What was folded so far, up to `seq`; begun at `began` (UTC), to be read anew at `again` (monotonic)."""

    seq: int
    began: float
    again: float
    missed: MissedCallers
    talks: Talks

    def catch_up(self, reader: LedgerReader, now: float, stop: threading.Event, most: int = MOST_EVENTS) -> bool:
        """Fold what is new, at most so many events; True: there may be more."""
        for record in itertools.islice(reader.follow(self.seq), most):
            self.missed.apply(record.event, record.utc)
            self.talks.apply(record.event, record.utc)
            self.seq = record.seq
            if _erases(record.event) and record.utc > self.began - ERASED_SECONDS:  # of those before, the texts were gone already
                self.again = min(self.again, now + ERASED_SECONDS)
            most -= 1
            if stop.is_set():
                return False
        return not most


def _erases(event: m.Event) -> bool:
    return isinstance(event, m.AuditNoted) and event.what == "person.erase"


class Follow:
    """One a process; asked from any thread. Give back with `close`."""

    def __init__(self, data: Path, clock: Clock, config: Callable[[], Config]) -> None:
        self._data = data
        self._clock = clock
        self._config = config
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._reader: LedgerReader | None = None
        self._now: Look | None = None
        self._anew: threading.Thread | None = None
        self._stay: threading.Thread | None = None

    def start(self) -> None:
        """Follow the ledger whether or not a desk is looked at: neither the first page after a start nor the first of the morning
        reads what a week or a night brought."""
        self._stay = threading.Thread(target=self._stays, name="desk", daemon=True)
        self._stay.start()

    def close(self) -> None:
        self._stop.set()
        with self._lock:
            anew = self._anew
        for thread in (anew, self._stay):
            if thread is not None:
                thread.join()
        with self._lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def missed(self) -> list[Missed]:
        """The oldest first."""
        with self._lock:
            now = self._caught_up()
            return [msgspec.structs.replace(each) for each in now.missed.entries()] if now else []

    def talks(self, agent: str) -> list[Talk]:
        """The newest first."""
        with self._lock:
            now = self._caught_up()
            return [msgspec.structs.replace(each) for each in now.talks.of(agent)] if now else []

    def number(self, contact: str) -> str:
        """Who called in this contact, "" unknown."""
        with self._lock:
            now = self._caught_up()
            return now.talks.number(contact) if now else ""

    def _caught_up(self, most: int = MOST_EVENTS) -> Look | None:
        """By at most so many events. None: no box has run here yet. While all is read anew, the one before goes on: an agent's
        page waits for no week."""
        reader = self._open()
        if reader is None:
            return None
        if self._now is None or reader.last_seq() < self._now.seq:  # there is nothing (any more) that could be shown meanwhile
            self._now = self._fresh(reader)
        mono = self._clock.mono()
        more = self._now.catch_up(reader, mono, self._stop, most)
        if not more and mono > self._now.again and self._anew is None and not self._stop.is_set():
            self._anew = threading.Thread(target=self._read_anew, name="desk-anew", daemon=True)
            self._anew.start()
        return self._now

    def _stays(self) -> None:
        rest = NAP_SECONDS
        while not self._stop.wait(rest):
            try:
                with self._lock:
                    now = self._caught_up(SLICE)
                    behind = now is not None and self._reader is not None and now.seq < self._reader.last_seq()
                rest = NAP_SECONDS if behind else LOOK_SECONDS
            except Exception:  # a page that asks says why; the desks are followed all the same when it is over
                log.exception("the desks' view of the ledger could not be brought up to date")
                rest = TRY_AGAIN_SECONDS

    def _read_anew(self) -> None:
        fresh: Look | None
        try:
            with LedgerReader(self._data / "ledger") as reader:
                fresh = self._fresh(reader)
                while fresh.catch_up(reader, self._clock.mono(), self._stop, SLICE):
                    self._stop.wait(NAP_SECONDS)
        except Exception:
            log.exception("the desks' view of the last days could not be read anew")
            fresh = None
        with self._lock:
            self._anew = None
            if fresh is not None:
                self._now = fresh
            elif self._now is not None:
                self._now.again = self._clock.mono() + TRY_AGAIN_SECONDS

    def _fresh(self, reader: LedgerReader) -> Look:
        """Nothing folded yet."""
        last = reader.event(reader.last_seq())
        seq = max(reader.seq_at(last.utc - DAYS * 86400), last.seq - MOST_EVENTS) if last is not None else 0
        return Look(seq, self._clock.utc(), self._clock.mono() + AGAIN_SECONDS, MissedCallers(self._short), Talks(self._agent_at))

    def _agent_at(self, extension: str) -> str:
        return next((each.id for each in self._config().agents if each.extension == extension), "")

    def _short(self, queue: str) -> float:
        known = self._config().queue(queue)
        return float(known.short_abandon_seconds) if known else 0.0

    def _open(self) -> LedgerReader | None:
        """None: no box has run here yet."""
        if self._reader is None:
            try:
                self._reader = LedgerReader(self._data / "ledger")
            except SwitchroomError as problem:
                if problem.id != "ledger.missing":
                    raise
        return self._reader
