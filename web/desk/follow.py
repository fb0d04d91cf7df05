"""What the ledger of the last days says for the desks: callers whom nobody served, and whom each agent talked with. Read once,
then followed: a page costs what has happened since the one before.
"""

from __future__ import annotations

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

DAYS = 7.0
MOST_EVENTS = 500_000
"""Of the past that are read: a box with more than that in a week shows the part that it holds."""
AGAIN_SECONDS = 1800.0
"""So often all is read anew: what is older than the days goes, and what was erased of a caller goes from memory too."""
ERASED_SECONDS = 5.0
"""After somebody is erased: the texts go a moment after it was noted."""
TALKS = 30
"""Of each agent, the last."""
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
    """A fold of the ledger: for each agent the last contacts. Pure."""

    def __init__(self) -> None:
        self._of: dict[str, deque[Talk]] = {}
        self._numbers: dict[str, str] = {}

    def apply(self, event: m.Event) -> None:
        match event:
            case m.LegOpened(direction="in"):
                if event.call not in self._numbers and len(self._numbers) >= NUMBERS:
                    del self._numbers[next(iter(self._numbers))]
                self._numbers.setdefault(event.call, event.number if event.kind == "line" else event.endpoint)
            case m.ContactConnected():
                self._add(event.agent, event.contact, event.queue, event.at)
            case m.ContactHandedOver() if event.to:
                self._add(event.to, event.contact, event.queue, event.at)
            case m.ContactOutcome():
                self._of_agent(event.agent, event.contact, event.at).outcome = event.name
            case m.ContactNoted():
                self._of_agent(event.agent, event.contact, event.at).note = event.text

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


class Follow:
    """One a process; asked from any thread. Give back with `close`."""

    def __init__(self, data: Path, clock: Clock, config: Callable[[], Config]) -> None:
        self._data = data
        self._clock = clock
        self._config = config
        self._lock = threading.Lock()
        self._reader: LedgerReader | None = None
        self._seq = 0
        self._began = float("-inf")
        self._missed = MissedCallers()
        self._talks = Talks()

    def close(self) -> None:
        with self._lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def missed(self) -> list[Missed]:
        """The oldest first."""
        with self._lock:
            self._catch_up()
            return [msgspec.structs.replace(each) for each in self._missed.entries()]

    def talks(self, agent: str) -> list[Talk]:
        """The newest first."""
        with self._lock:
            self._catch_up()
            return [msgspec.structs.replace(each) for each in self._talks.of(agent)]

    def number(self, contact: str) -> str:
        """Who called in this contact, "" unknown."""
        with self._lock:
            self._catch_up()
            return self._talks.number(contact)

    def _catch_up(self) -> None:
        reader = self._open()
        if reader is None:
            return
        last, now = reader.last_seq(), self._clock.mono()
        if last < self._seq or now - self._began > AGAIN_SECONDS:
            self._begin(reader, now)
        for record in reader.follow(self._seq):
            self._missed.apply(record.event, record.utc)
            self._talks.apply(record.event)
            self._seq = record.seq
            if isinstance(record.event, m.AuditNoted) and record.event.what == "person.erase":
                self._began = now - AGAIN_SECONDS + ERASED_SECONDS

    def _begin(self, reader: LedgerReader, now: float) -> None:
        last = reader.event(reader.last_seq())
        self._missed, self._talks = MissedCallers(self._short), Talks()
        self._seq = max(reader.seq_at(last.utc - DAYS * 86400), last.seq - MOST_EVENTS) if last is not None else 0
        self._began = now

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
