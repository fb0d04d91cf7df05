"""Pacing: which attempts to ask the core for, and when to look again. Pure: books, replies and `now` in, asks out.

Progressive pacing without a tick: whenever something happened (an attempt ended, a reply came, a time fell due) the
process calls `plan`, which fills every campaign up to its `lines`. What the dialer cannot know, the free channels, it
learns from refusals: each campaign has a window of unanswered asks, closed to one by "full" and opened by each grant,
and events that may have freed a channel let it try again at once. Campaigns share by fewest calls in progress first.

Where the routes take a campaign's numbers over different lines, a refusal for want of a channel holds the numbers of those
lines alone: they stand on a shelf of their own in the book, found when one of them is first looked at.

`utc` is calendar time (retries fall due by it), `mono` monotonic (holds end by it); both in seconds.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from appliance.campaigns.book import SHELVES, CampaignBook
from appliance.messages import (
    AskAttempt,
    AttemptEnded,
    BoxStarted,
    CallEnded,
    CampaignStateChanged,
    ConfigApplied,
    Event,
    LegEnded,
    LineChanged,
    ShortageChanged,
)

OpensIn = Callable[[CampaignBook, int, float], float]
"""(book, subscriber, utc) -> seconds until this subscriber may be called; 0.0 for now."""
Lines = tuple[str, ...]
LinesOf = Callable[[CampaignBook, int], Lines]
"""(book, subscriber) -> the lines that this number may go over; empty where that is the same for the whole campaign."""

FREEING: Final[tuple[type[Event], ...]] = (
    AttemptEnded, LegEnded, CallEnded, LineChanged, ConfigApplied, ShortageChanged, CampaignStateChanged, BoxStarted,
)
"""Events after which a refused ask may succeed: they end waits for a channel."""
REOPENING: Final[tuple[type[Event], ...]] = (LineChanged, ConfigApplied, ShortageChanged, BoxStarted)
"""Events that change what is possible at all: they end every hold."""

SUBSCRIBER_HOLDS: Final = frozenset({"line_down", "no_route", "closed", "done"})
"""Refusals that concern the number (its route, its time of day): the next subscriber may fare better."""
LINE_HOLDS: Final = frozenset({"full", "line_down"})
"""Refusals that concern the number's lines: numbers that go over others may fare better."""
CHANNEL_HOLDS: Final = frozenset({"full", "share"})
HELD_SHELF: Final = SHELVES - 1
FIRST_BACKOFF: Final = 0.05
"""Seconds a campaign waits after a refusal that is not about channels; doubles with each in a row."""
MAX_BACKOFF: Final = 30.0
MAX_HOLD: Final = 900.0
"""A subscriber is looked at again after so long at the latest, whatever the core said."""
MAX_LOOKS: Final = 500
"""Subscribers looked at in one plan and found closed: the rest has to wait for the next plan."""


class Lane(msgspec.Struct, kw_only=True):
    """What the pacer knows of one campaign beside its book. Lost at a restart and learnt again."""

    window: int
    asking: dict[tuple[int, int], Lines] = {}
    """(subscriber, attempt) asked for and not yet answered, and the lines it may go over."""
    hold_until: float = 0.0
    hold_why: str = ""
    refusals: int = 0
    no_lines: int = 0
    """Attempts in a row that ended for want of a line."""
    held: dict[int, float] = {}
    """Subscriber -> mono until which it is left out."""
    holds: list[tuple[float, int]] = []
    """Heap of `held`, earliest first; entries that `held` does not confirm are void."""
    reopened: bool = False
    """Everything held may be looked at again."""
    shelves: dict[Lines, int] = {}
    """Where in the book the numbers of these lines stand."""
    closed: dict[int, tuple[float, str]] = {}
    """Shelf -> mono until which its lines are not asked for, and why."""
    turn: int = 0

    def hold(self, book: CampaignBook, subscriber: int, until: float) -> None:
        self.held[subscriber] = until
        heapq.heappush(self.holds, (until, subscriber))
        book.put(subscriber, HELD_SHELF)

    def release(self, book: CampaignBook, mono: float) -> None:
        """Let go whose time has come, or everybody where things have changed."""
        if self.reopened:
            for subscriber in self.held:
                book.put(subscriber, 0)
            self.held, self.holds, self.reopened = {}, [], False
        while self.holds and (self.holds[0][0] <= mono or self.held.get(self.holds[0][1]) != self.holds[0][0]):
            until, subscriber = heapq.heappop(self.holds)
            if self.held.get(subscriber) == until:
                del self.held[subscriber]
                book.put(subscriber, 0)

    def waited_for_channel(self, mono: float) -> bool:
        """Whether a wait for a free channel has just come to its end."""
        return (0.0 < self.hold_until <= mono and self.hold_why in CHANNEL_HOLDS) or any(
            until <= mono and why in CHANNEL_HOLDS for until, why in self.closed.values())

    def shelf(self, lines: Lines) -> int:
        """The shelf for numbers of these lines; 0, which all start on, where lines make no difference."""
        if not lines:
            return 0
        return self.shelves.setdefault(lines, min(len(self.shelves) + 1, HELD_SHELF - 1))

    def open_shelves(self, mono: float) -> list[int]:
        return [0, *(shelf for shelf in self.shelves.values() if not self.is_closed(shelf, mono))]

    def is_closed(self, shelf: int, mono: float) -> bool:
        return shelf in self.closed and self.closed[shelf][0] > mono


class Plan(msgspec.Struct, frozen=True):
    """`asks` in the order in which they should reach the core; `finish`: campaigns whose last subscriber is final;
    `look_again`: seconds until something falls due by itself, None where only an event can change anything."""

    asks: list[AskAttempt]
    finish: list[int]
    look_again: float | None


class Pacer:
    """Holds the lanes. Every method is quick and does no I/O."""

    def __init__(
        self, opens_in: OpensIn = lambda book, subscriber, utc: 0.0, lines_of: LinesOf = lambda book, subscriber: (),
    ) -> None:
        self.opens_in = opens_in
        self.lines_of = lines_of
        self.lanes: dict[int, Lane] = {}
        self._turns = 0

    def lane(self, book: CampaignBook) -> Lane:
        found = self.lanes.get(book.id)
        if found is None:
            found = self.lanes[book.id] = Lane(window=book.lines)
        return found

    # ---- what happened -----------------------------------------------------------------------------------------------

    def noticed(self, event: Event, mono: float) -> None:
        """An event that was folded into the books (or concerns none of them)."""
        if isinstance(event, AttemptEnded):
            self._count_no_lines(event, mono)
        if isinstance(event, REOPENING):
            for lane in self.lanes.values():
                lane.hold_until, lane.refusals = 0.0, 0
                lane.reopened = True
                lane.closed.clear()
        elif isinstance(event, FREEING):
            self._end_channel_holds()

    def _end_channel_holds(self) -> None:
        for lane in self.lanes.values():
            if lane.hold_why in CHANNEL_HOLDS:
                lane.hold_until = 0.0
            for shelf in [shelf for shelf, (_, why) in lane.closed.items() if why in CHANNEL_HOLDS]:
                del lane.closed[shelf]

    def _count_no_lines(self, event: AttemptEnded, mono: float) -> None:
        """A line that takes calls and fails them all would burn through the list: slow down, more with each round."""
        lane = self.lanes.get(event.campaign)
        if lane is None:
            return
        lane.no_lines = lane.no_lines + 1 if event.outcome == "no_line" else 0
        if lane.no_lines >= 2:
            self._hold(lane, "no_line", min(MAX_BACKOFF, 0.5 * 2.0 ** min(lane.no_lines - 2, 10)), mono)

    def granted(self, ask: AskAttempt) -> None:
        """The core gave the lease; the ledger holds the attempt, fold it before the next `plan`."""
        lane, _ = self._answered(ask)
        if lane is not None:
            lane.refusals = 0
            lane.window += 1

    def refused(self, book: CampaignBook, ask: AskAttempt, why: str, retry_after: float, mono: float) -> None:
        """The core said "not now" (AttemptRefused)."""
        lane, lines = self._answered(ask)
        if lane is None:
            return
        lane.window = 1
        wait = min(MAX_HOLD, max(0.0, retry_after))
        if lines and why in LINE_HOLDS:
            lane.closed[lane.shelf(lines)] = (mono + wait, why)
            return
        if why in SUBSCRIBER_HOLDS:
            lane.hold(book, ask.subscriber, mono + max(1.0, wait))
            wait = min(MAX_BACKOFF, FIRST_BACKOFF * 2.0 ** min(lane.refusals, 16))
            lane.refusals += 1
        self._hold(lane, why, wait, mono)

    def failed(self, ask: AskAttempt, wait: float, mono: float) -> None:
        """No answer: the core is gone or silent. Whether the attempt exists, the ledger will say."""
        lane, _ = self._answered(ask)
        if lane is not None:
            self._hold(lane, "core", wait, mono)

    def _answered(self, ask: AskAttempt) -> tuple[Lane | None, Lines]:
        lane = self.lanes.get(ask.campaign)
        return lane, lane.asking.pop((ask.subscriber, ask.attempt), ()) if lane is not None else ()

    def _hold(self, lane: Lane, why: str, seconds: float, mono: float) -> None:
        until = mono + seconds
        if until >= lane.hold_until:
            lane.hold_until, lane.hold_why = until, why

    # ---- what to do --------------------------------------------------------------------------------------------------

    def plan(self, books: Iterable[CampaignBook], utc: float, mono: float) -> Plan:
        """Fill the lines. The asks in the plan count as asked from now on: follow each up with `granted`, `refused` or
        `failed`."""
        running = [book for book in books if book.open]
        self._forget(running)
        if any(lane.waited_for_channel(mono) for lane in self.lanes.values()):
            # Those who wait for a channel try again together, or the first to wake would take another's turn.
            self._end_channel_holds()
        finish = [book.id for book in running if book.all_final and not book.busy_lines]
        asks: list[AskAttempt] = []
        looks: list[float] = []
        wanting = [book for book in running if self._wants(book) and not self._is_held(book, mono, looks)]
        while wanting:
            book = min(wanting, key=lambda b: (self._load(b), self.lane(b).turn))
            lane = self.lane(book)
            if len(lane.asking) >= lane.window:
                break  # its answer is awaited: others, who have more already, must not overtake it
            ask = self._next_ask(book, utc, mono, looks)
            if ask is None:
                wanting.remove(book)
                continue
            asks.append(ask)
            self._turns += 1
            lane.turn = self._turns
            if not self._wants(book):
                wanting.remove(book)
        return Plan(asks, finish, max(0.0, min(looks)) if looks else None)

    def _forget(self, running: list[CampaignBook]) -> None:
        ids = {book.id for book in running}
        for gone in [campaign for campaign in self.lanes if campaign not in ids]:
            del self.lanes[gone]

    def _load(self, book: CampaignBook) -> int:
        asked = {subscriber for subscriber, _ in self.lane(book).asking}
        return book.busy_lines + sum(not book.is_calling(subscriber) for subscriber in asked)

    def _wants(self, book: CampaignBook) -> bool:
        return book.state == "running" and self._load(book) < book.lines

    def _is_held(self, book: CampaignBook, mono: float, looks: list[float]) -> bool:
        lane = self.lane(book)
        if lane.hold_until <= mono:
            return False
        looks.append(lane.hold_until - mono)
        return True

    def _next_ask(self, book: CampaignBook, utc: float, mono: float, looks: list[float]) -> AskAttempt | None:
        """The first due subscriber who may be called now; those found on the way are put where they wait."""
        lane = self.lane(book)
        lane.release(book, mono)
        asked = {subscriber for subscriber, _ in lane.asking}
        for _ in range(MAX_LOOKS):
            due = book.next_due(utc, asked, lane.open_shelves(mono))
            if due is None:
                break
            lines = self.lines_of(book, due.subscriber)
            shelf = lane.shelf(lines)
            book.put(due.subscriber, shelf)
            if lane.is_closed(shelf, mono):
                continue
            wait = self.opens_in(book, due.subscriber, utc)
            if wait <= 0.0:
                lane.asking[due.subscriber, due.attempt] = lines
                return AskAttempt(campaign=book.id, subscriber=due.subscriber, attempt=due.attempt)
            lane.hold(book, due.subscriber, mono + min(wait, MAX_HOLD))
        else:
            looks.append(0.01)
        looks += [until - mono for until, _ in lane.closed.values() if until > mono]
        if lane.holds:
            looks.append(lane.holds[0][0] - mono)
        at = book.next_time(lane.open_shelves(mono))
        if at is not None and at > utc:
            looks.append(at - utc)
        return None
