"""The book of one campaign: a pure fold of its ledger records into who was called, who is due, who is done.

Nothing else is remembered anywhere: a dialer that starts again folds the ledger and goes on. Made for 200,000
subscribers: an untouched one costs a few bytes, finding the next due is O(log n).

Subscribers stand on shelves: all on shelf 0 at first. Whoever paces may `put` one on another and look at some shelves only,
so that those who cannot be called now (their line is full, their country asleep) cost nothing while they wait.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from appliance.campaigns import causes
from appliance.campaigns.causes import Retry
from appliance.campaigns.rules import HEARD_FRACTION, rules_of
from appliance.messages import (
    AttemptEnded,
    AttemptStarted,
    CampaignCreated,
    CampaignState,
    CampaignStateChanged,
    Cause,
    Event,
    Outcome,
    Record,
    ReportRequested,
    ReportSent,
)
from appliance.sentences import say

CLOCK_SLACK: Final = 60.0
"""Seconds by which a calendar may go back without being noticed: leap seconds, and processes that looked at different moments."""

RANK: Final[dict[Outcome, int]] = {
    "confirmed": 9, "declined": 8, "heard": 7, "hung_up": 6, "machine": 5,
    "busy": 4, "no_answer": 4, "unreachable": 4, "cancelled": 2, "no_line": 1, "interrupted": 1,
}
"""A subscriber's final outcome is the most telling of all attempts, and among equals the last: hung_up, then twice
no_answer, is hung_up, since somebody did hear the beginning; busy, then no_answer, is no_answer."""

NEXT_STATES: Final[dict[CampaignState, frozenset[CampaignState]]] = {
    "running": frozenset({"paused", "finished", "cancelled"}),
    "paused": frozenset({"running", "finished", "cancelled"}),
    "finished": frozenset(),
    "cancelled": frozenset(),
}
"""State -> states it may change to. Anything else is refused and changes nothing."""
STATES: Final = (say("running"), say("paused"), say("finished"), say("cancelled"))
"""As refusals name them."""

FREE: Final = frozenset(causes.FREE_LIMIT)
SHELVES: Final = 255
"""Shelves are numbered from 0 to 254."""
_TRIED: Final = 255


class Standing(IntEnum):
    """Where a subscriber stands. UNTRIED is 0: a fresh book is a run of zero bytes."""

    UNTRIED = 0
    WAITING = 1
    """Tried before, to be tried again at `due_at`."""
    IN_PROGRESS = 2
    FINAL = 3


class Due(NamedTuple):
    """Whom to call next: `attempt` counts from 1."""

    subscriber: int
    attempt: int


class Attempt(msgspec.Struct, kw_only=True, gc=False):
    """One attempt as the ledger tells it. `started`, `ended`: UTC seconds; `seconds`: how long it took (monotonic where
    both ends fall into one run of the core); `outcome` None while in progress."""

    attempt: int
    call: str
    line: str
    started: float
    ended: float | None = None
    seconds: float = 0.0
    outcome: Outcome | None = None
    retry: Retry | None = None
    seconds_heard: float = 0.0
    fraction_heard: float = 0.0
    digit: str = ""
    cause: Cause = Cause()
    why: str = ""
    mono: float = 0.0
    boot: str = ""


class ReportWish(NamedTuple):
    """A report that should leave: at the end of the campaign (`to` empty: the scenario's addresses) or on request.
    `seq` is the record that asked for it, which makes sending it idempotent."""

    seq: int
    to: tuple[str, ...]


class CampaignBook:
    """One campaign. Feed it records in ledger order with `apply`; ask it anything in between."""

    def __init__(self, created: CampaignCreated, seq: int = 0, utc: float = 0.0) -> None:
        self.created = created
        self.seq = seq
        self.started_utc = utc
        self.ended_utc: float | None = None
        self.id = created.campaign
        self.rules = rules_of(created.rules)
        self.lines = created.lines
        self.size = created.subscribers
        self.state: CampaignState = "running"
        self.state_reason = ""
        self.finals: Counter[Outcome] = Counter()
        self.wishes: list[ReportWish] = []
        self.reports: list[ReportSent] = []
        self.attempts_made = 0
        self.peak = 0
        """Most attempts in progress at once."""
        self.last_first_utc: float | None = None
        """When the last subscriber so far was tried for the first time."""
        self._standing = bytearray(self.size)
        self._attempts: dict[int, list[Attempt]] = {}
        self._final: dict[int, Outcome] = {}
        self._in_progress: set[int] = set()
        self._due_at: dict[int, float] = {}
        self._seen = utc
        """The latest calendar time that we were told."""
        self._untried = self.size
        self._shelf = bytearray(self.size)
        self._untried_on = bytearray(self.size)
        """The shelf of each untried subscriber, _TRIED for the others: looked through at the speed of memory."""
        self._untried_from: dict[int, int] = {}
        """Shelf -> index before which nobody on it is untried."""
        self._retries: dict[int, list[tuple[float, int]]] = {}
        """Shelf -> heap of (due, subscriber)."""

    # ---- questions ---------------------------------------------------------------------------------------------------

    @property
    def in_progress(self) -> frozenset[int]:
        return frozenset(self._in_progress)

    @property
    def busy_lines(self) -> int:
        return len(self._in_progress)

    def is_calling(self, subscriber: int) -> bool:
        return subscriber in self._in_progress

    @property
    def untried(self) -> int:
        return self._untried

    @property
    def waiting(self) -> int:
        """Tried, not final, not in progress: they wait for a further attempt."""
        return len(self._due_at)

    @property
    def done(self) -> int:
        return len(self._final)

    @property
    def all_final(self) -> bool:
        return len(self._final) == self.size

    @property
    def open(self) -> bool:
        return self.state in ("running", "paused")

    def standing(self, subscriber: int) -> Standing:
        return Standing(self._standing[subscriber])

    def attempts(self, subscriber: int) -> list[Attempt]:
        return self._attempts.get(subscriber, [])

    def outcome(self, subscriber: int) -> Outcome | None:
        """The final outcome; None as long as more may happen."""
        return self._final.get(subscriber)

    def due_at(self, subscriber: int) -> float | None:
        """UTC of the next attempt of one who waits for it."""
        return self._due_at.get(subscriber)

    def has_attempt(self, subscriber: int, attempt: int) -> bool:
        return any(a.attempt == attempt for a in self.attempts(subscriber))

    def next_due(self, now: float, skip: Container[int] = (), shelves: Sequence[int] = (0,)) -> Due | None:
        """Who is to be called next at `now` (UTC), of those on `shelves`, leaving out `skip` (asked for already); None
        where nobody is due. Untried numbers go first, in the order of the list; then retries by the time they fell due."""
        if self.state != "running":
            return None
        if now < self._seen - CLOCK_SLACK:
            self._clock_set_back(now)
        self._seen = now
        untried = [index for shelf in shelves if (index := self._first_untried(shelf, skip)) >= 0]
        if untried:
            return Due(min(untried), 1)
        due = [entry for shelf in shelves if (entry := self._first_retry(shelf, now, skip)) is not None]
        if not due:
            return None
        index = min(due)[1]
        return Due(index, len(self._attempts[index]) + 1)

    def _clock_set_back(self, now: float) -> None:
        """The calendar was set back by minutes or hours (NTP): what was due keeps its distance, or it would wait that much
        longer. What was noted since then is nearer than that, and stays."""
        gap = self._seen - now
        for index, due in self._due_at.items():
            if due > now + gap:
                self._due_at[index] = due - gap
                heapq.heappush(self._retries.setdefault(self._shelf[index], []), (due - gap, index))

    def next_time(self, shelves: Sequence[int] = (0,)) -> float | None:
        """UTC when the first of those who wait on `shelves` falls due (may be past); None where nobody waits."""
        return min((heap[0][0] for shelf in shelves if (heap := self._fresh(shelf))), default=None)

    def put(self, subscriber: int, shelf: int) -> None:
        """Put a subscriber on a shelf (0..254)."""
        if self._shelf[subscriber] == shelf:
            return
        self._shelf[subscriber] = shelf
        if self._untried_on[subscriber] != _TRIED:
            self._untried_on[subscriber] = shelf
            self._untried_from[shelf] = min(self._untried_from.get(shelf, 0), subscriber)
        due = self._due_at.get(subscriber)
        if due is not None:
            heapq.heappush(self._retries.setdefault(shelf, []), (due, subscriber))

    def _first_untried(self, shelf: int, skip: Container[int]) -> int:
        """The first untried on a shelf, -1 for none."""
        index = self._untried_on.find(shelf, self._untried_from.get(shelf, 0))
        self._untried_from[shelf] = index if index >= 0 else self.size
        while index >= 0 and index in skip:
            index = self._untried_on.find(shelf, index + 1)
        return index

    def _first_retry(self, shelf: int, now: float, skip: Container[int]) -> tuple[float, int] | None:
        aside: list[tuple[float, int]] = []
        found: tuple[float, int] | None = None
        heap = self._fresh(shelf)
        while heap and heap[0][0] <= now:
            if heap[0][1] not in skip:
                found = heap[0]
                break
            aside.append(heapq.heappop(heap))
            self._fresh(shelf)
        for entry in aside:
            heapq.heappush(heap, entry)
        return found

    def _fresh(self, shelf: int) -> list[tuple[float, int]]:
        """A shelf's heap of retries, its first entry being true: entries of those who went elsewhere are dropped here."""
        heap = self._retries.get(shelf, [])
        while heap and (self._due_at.get(heap[0][1]) != heap[0][0] or self._shelf[heap[0][1]] != shelf):
            heapq.heappop(heap)
        return heap

    # ---- the fold ----------------------------------------------------------------------------------------------------

    def apply(self, record: Record) -> None:
        """Take in one record. Those of other campaigns, and what does not concern a campaign, change nothing."""
        handler = _HANDLERS.get(type(record.event))
        if handler is not None and getattr(record.event, "campaign", None) == self.id:
            handler(self, record)

    def _on_state(self, record: Record) -> None:
        event = record.event
        assert isinstance(event, CampaignStateChanged)
        if event.state not in NEXT_STATES[self.state]:
            return
        self.state, self.state_reason = event.state, event.reason
        if not self.open:
            self.ended_utc = record.utc
            self.wishes.append(ReportWish(record.seq, ()))
            self._close_rest()

    def _close_rest(self) -> None:
        """Nobody is called any more: whoever is neither final nor on the phone gets the final outcome now."""
        for index in range(self.size):
            if self._standing[index] in (Standing.UNTRIED, Standing.WAITING):
                self._settle(index, "cancelled")

    def _on_started(self, record: Record) -> None:
        event = record.event
        assert isinstance(event, AttemptStarted)
        index = event.subscriber
        if not 0 <= index < self.size or self.has_attempt(index, event.attempt):
            return
        self._open_attempt(index, event.attempt, event.call, event.line, record)

    def _open_attempt(self, index: int, attempt: int, call: str, line: str, record: Record) -> None:
        self._attempts.setdefault(index, []).append(Attempt(
            attempt=attempt, call=call, line=line, started=record.utc, mono=record.mono, boot=record.boot))
        self.attempts_made += 1
        if self._standing[index] == Standing.UNTRIED:
            self._untried -= 1
            self._untried_on[index] = _TRIED
            self.last_first_utc = record.utc
        self._in_progress.add(index)
        self.peak = max(self.peak, len(self._in_progress))
        self._due_at.pop(index, None)
        if index not in self._final:
            self._standing[index] = Standing.IN_PROGRESS

    def _on_ended(self, record: Record) -> None:
        event = record.event
        assert isinstance(event, AttemptEnded)
        index = event.subscriber
        if not 0 <= index < self.size:
            return
        if not self.has_attempt(index, event.attempt):
            # Its start was lost with a torn file, its end was not: the end is what counts.
            self._open_attempt(index, event.attempt, event.call, event.line, record)
        attempt = next(a for a in self._attempts[index] if a.attempt == event.attempt)
        if attempt.outcome is not None:
            return
        _note_end(attempt, event, record)
        if all(a.outcome is not None for a in self._attempts[index]):
            self._in_progress.discard(index)
            self._after(index, record.utc)

    def _after(self, index: int, utc: float) -> None:
        """An attempt has ended: final, or when again."""
        made = self._attempts[index]
        retry = made[-1].retry
        if index in self._final or any(a.outcome in causes.SUCCESS for a in made) or retry in (None, Retry.NEVER):
            self._settle(index)
        elif not self.open:
            self._settle(index, "cancelled")
        elif self._exhausted(made):
            self._settle(index)
        else:
            assert retry is not None
            times = sum(a.retry is retry for a in made)
            wait = causes.wait_seconds(retry, self.rules.retry_after_minutes, self.rules.busy_retry_minutes, times)
            self._standing[index] = Standing.WAITING
            self._seen = max(self._seen, utc)
            self._due_at[index] = utc + wait
            heapq.heappush(self._retries.setdefault(self._shelf[index], []), (utc + wait, index))

    def _exhausted(self, made: list[Attempt]) -> bool:
        last = made[-1].retry
        if last in FREE:
            assert last is not None
            return sum(a.retry is last for a in made) >= causes.FREE_LIMIT[last]
        return sum(a.retry not in FREE for a in made) > self.rules.retries

    def _settle(self, index: int, floor: Outcome | None = None) -> None:
        """Make the outcome final. `floor`: the least telling that it can be (cancelled before it came to more)."""
        outcomes = [a.outcome for a in self.attempts(index) if a.outcome is not None]
        if floor is not None:
            outcomes.append(floor)
        best = max(RANK[o] for o in outcomes)
        outcome = next(o for o in reversed(outcomes) if RANK[o] == best)
        before = self._final.get(index)
        if before is not None:
            self.finals[before] -= 1
        elif self._standing[index] == Standing.UNTRIED:
            self._untried -= 1
            self._untried_on[index] = _TRIED
        self._final[index] = outcome
        self.finals[outcome] += 1
        self._due_at.pop(index, None)
        self._standing[index] = Standing.FINAL

    def _on_report_requested(self, record: Record) -> None:
        assert isinstance(record.event, ReportRequested)
        self.wishes.append(ReportWish(record.seq, tuple(record.event.to)))

    def _on_report_sent(self, record: Record) -> None:
        assert isinstance(record.event, ReportSent)
        self.reports.append(record.event)


def _note_end(attempt: Attempt, event: AttemptEnded, record: Record) -> None:
    same_run = record.boot == attempt.boot
    attempt.ended = record.utc
    attempt.seconds = max(0.0, record.mono - attempt.mono if same_run else record.utc - attempt.started)
    attempt.outcome = event.outcome
    attempt.line = event.line or attempt.line
    attempt.seconds_heard = event.seconds_heard
    attempt.fraction_heard = event.fraction_heard
    attempt.digit = event.digit
    attempt.cause = event.cause
    attempt.why = event.why
    attempt.retry = causes.retry_of(event.outcome, event.cause,
                                    message_left=event.fraction_heard >= HEARD_FRACTION)


_HANDLERS: Final[dict[type[Event], Callable[[CampaignBook, Record], None]]] = {
    CampaignStateChanged: CampaignBook._on_state,
    AttemptStarted: CampaignBook._on_started,
    AttemptEnded: CampaignBook._on_ended,
    ReportRequested: CampaignBook._on_report_requested,
    ReportSent: CampaignBook._on_report_sent,
}

CAMPAIGN_EVENTS: Final[tuple[type[Event], ...]] = (CampaignCreated, *_HANDLERS)
"""The event types that books are made of."""


class Books:
    """The books of all campaigns, by number, from records of the whole ledger in order."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.by_id: dict[int, CampaignBook] = {}
        for record in records:
            self.apply(record)

    def apply(self, record: Record) -> CampaignBook | None:
        """Take in one record; the book it changed, or None."""
        event = record.event
        if isinstance(event, CampaignCreated):
            return self.by_id.setdefault(event.campaign, CampaignBook(event, record.seq, record.utc))
        if type(event) not in _HANDLERS:
            return None
        book = self.by_id.get(getattr(event, "campaign", 0))
        if book is not None:
            book.apply(record)
        return book

    def open(self) -> list[CampaignBook]:
        return [book for book in self.by_id.values() if book.open]


def book_of(records: Iterable[Record], campaign: int) -> CampaignBook | None:
    """The book of one campaign from records that hold its own (others are passed over)."""
    book: CampaignBook | None = None
    for record in records:
        if isinstance(record.event, CampaignCreated) and record.event.campaign == campaign and book is None:
            book = CampaignBook(record.event, record.seq, record.utc)
        elif book is not None:
            book.apply(record)
    return book
