"""Pacing: which attempts to ask the core for, and when to look again. Pure: books, replies and `now` in, asks out.

Progressive pacing without a tick: whenever something happened (an attempt ended, a reply came, a time fell due) the
process calls `plan`, which fills every campaign up to its `lines`. What the dialer cannot know, the free channels, it
learns from refusals: each campaign has a window of unanswered asks, closed to one by "full" and opened by each grant,
and events that may have freed a channel let it try again at once. Campaigns share by fewest calls in progress first.

`utc` is calendar time (retries fall due by it), `mono` monotonic (holds end by it); both in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from appliance.campaigns.book import CampaignBook
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

FREEING: Final[tuple[type[Event], ...]] = (
    AttemptEnded, LegEnded, CallEnded, LineChanged, ConfigApplied, ShortageChanged, CampaignStateChanged, BoxStarted,
)
"""Events after which a refused ask may succeed: they end waits for a channel."""
REOPENING: Final[tuple[type[Event], ...]] = (LineChanged, ConfigApplied, ShortageChanged, BoxStarted)
"""Events that change what is possible at all: they end every hold."""

SUBSCRIBER_HOLDS: Final = frozenset({"line_down", "no_route", "closed", "done"})
"""Refusals that concern the number (its route, its time of day): the next subscriber may fare better."""
CHANNEL_HOLDS: Final = frozenset({"full", "share"})
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
    asking: set[tuple[int, int]] = set()
    """(subscriber, attempt) asked for and not yet answered."""
    hold_until: float = 0.0
    hold_why: str = ""
    refusals: int = 0
    no_lines: int = 0
    """Attempts in a row that ended for want of a line."""
    held: dict[int, float] = {}
    """Subscriber -> mono until which it is left out."""
    held_first: float = 0.0
    """The earliest of `held`."""
    turn: int = 0

    def hold(self, subscriber: int, until: float) -> None:
        self.held_first = min(self.held_first, until) if self.held else until
        self.held[subscriber] = until

    def release(self, mono: float) -> None:
        """Let go whose time has come. The whole dict is looked through only when at least one is."""
        if self.held and self.held_first <= mono:
            self.held = {index: until for index, until in self.held.items() if until > mono}
            self.held_first = min(self.held.values(), default=0.0)


class _Either:
    """Two collections as one, without copying the large one for each ask."""

    def __init__(self, small: set[int], large: dict[int, float]) -> None:
        self._small, self._large = small, large

    def __contains__(self, index: object) -> bool:
        return index in self._small or index in self._large


class Plan(msgspec.Struct, frozen=True):
    """`asks` in the order in which they should reach the core; `finish`: campaigns whose last subscriber is final;
    `look_again`: seconds until something falls due by itself, None where only an event can change anything."""

    asks: list[AskAttempt]
    finish: list[int]
    look_again: float | None


class Pacer:
    """Holds the lanes. Every method is quick and does no I/O."""

    def __init__(self, opens_in: OpensIn = lambda book, subscriber, utc: 0.0) -> None:
        self.opens_in = opens_in
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
                lane.held.clear()
        elif isinstance(event, FREEING):
            self._end_channel_holds()

    def _end_channel_holds(self) -> None:
        for lane in self.lanes.values():
            if lane.hold_why in CHANNEL_HOLDS:
                lane.hold_until = 0.0

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
        lane = self._answered(ask)
        if lane is not None:
            lane.refusals = 0
            lane.window += 1

    def refused(self, ask: AskAttempt, why: str, retry_after: float, mono: float) -> None:
        """The core said "not now" (AttemptRefused)."""
        lane = self._answered(ask)
        if lane is None:
            return
        lane.window = 1
        wait = min(MAX_HOLD, max(0.0, retry_after))
        if why in SUBSCRIBER_HOLDS:
            lane.hold(ask.subscriber, mono + max(1.0, wait))
            wait = min(MAX_BACKOFF, FIRST_BACKOFF * 2.0 ** min(lane.refusals, 16))
            lane.refusals += 1
        self._hold(lane, why, wait, mono)

    def failed(self, ask: AskAttempt, wait: float, mono: float) -> None:
        """No answer: the core is gone or silent. Whether the attempt exists, the ledger will say."""
        lane = self._answered(ask)
        if lane is not None:
            self._hold(lane, "core", wait, mono)

    def _answered(self, ask: AskAttempt) -> Lane | None:
        lane = self.lanes.get(ask.campaign)
        if lane is not None:
            lane.asking.discard((ask.subscriber, ask.attempt))
        return lane

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
        if any(0.0 < lane.hold_until <= mono and lane.hold_why in CHANNEL_HOLDS for lane in self.lanes.values()):
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
            lane.asking.add((ask.subscriber, ask.attempt))
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
        return len(book.in_progress | {subscriber for subscriber, _ in self.lane(book).asking})

    def _wants(self, book: CampaignBook) -> bool:
        return book.state == "running" and self._load(book) < book.lines

    def _is_held(self, book: CampaignBook, mono: float, looks: list[float]) -> bool:
        lane = self.lane(book)
        if lane.hold_until <= mono:
            return False
        looks.append(lane.hold_until - mono)
        return True

    def _next_ask(self, book: CampaignBook, utc: float, mono: float, looks: list[float]) -> AskAttempt | None:
        """The first due subscriber who may be called now; the others found on the way are held until they may."""
        lane = self.lane(book)
        lane.release(mono)
        skip = _Either({subscriber for subscriber, _ in lane.asking}, lane.held)
        for _ in range(MAX_LOOKS):
            due = book.next_due(utc, skip)
            if due is None:
                break
            wait = self.opens_in(book, due.subscriber, utc)
            if wait <= 0.0:
                return AskAttempt(campaign=book.id, subscriber=due.subscriber, attempt=due.attempt)
            lane.hold(due.subscriber, mono + min(wait, MAX_HOLD))
        else:
            looks.append(0.01)
        if lane.held:
            looks.append(lane.held_first - mono)
        at = book.next_time()
        if at is not None and at > utc:
            looks.append(at - utc)
        return None
