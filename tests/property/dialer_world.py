"""A world for the dialer in simulated time: a core with channels and leases, a ledger, callees, kills at any instant.

Nothing here decides whom to call: that is the book's and the pacer's, driven exactly as the process drives them. The
core is a small model of the real one: idempotent leases, commits that take time, orphans interrupted after a restart.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from appliance.campaigns.book import Books, CampaignBook
from appliance.dialer.pacing import Lines, OpensIn, Pacer
from appliance.messages import (
    AskAttempt,
    AttemptEnded,
    AttemptStarted,
    BoxStarted,
    CampaignCreated,
    CampaignState,
    CampaignStateChanged,
    Cause,
    Event,
    LineChanged,
    Outcome,
    Record,
)

BUS = 0.001
COMMIT = 0.004
UTC = 1_800_000_000.0
Callee = Callable[[int, int], tuple[float, Outcome]]
"""(subscriber, attempt) -> seconds until the call ends, its outcome."""


def by_last_digit(subscriber: int, attempt: int) -> tuple[float, Outcome]:
    """The reference gateway: 0-3 hear 5 s and the wait, 4 and 8 press after 6 s, 5 leaves after 2 s, 6 is busy, 7 rings
    25 s, 9 does not exist."""
    return {
        4: (6.6, "confirmed"), 5: (2.6, "hung_up"), 6: (0.05, "busy"), 7: (25.1, "no_answer"), 8: (6.6, "declined"),
        9: (0.05, "unreachable"),
    }.get(subscriber % 10, (11.6, "heard"))  # type: ignore[return-value]


class Core:
    """Channels, leases, and the ledger's only writer."""

    def __init__(self, world: World, channels: int) -> None:
        self.world = world
        self.channels = channels
        self.up = True
        self.line_up = True
        self.life = 0
        self.calls: dict[str, tuple[int, int, int]] = {}
        self.over: dict[str, str] = {}
        """Call -> its line, where the world has more than one."""
        self.leased: set[tuple[int, int, int]] = set()

    def ask(self, ask: AskAttempt) -> tuple[str, float]:
        """("granted", 0) or (why, retry_after), decided at once as in the core; the lease is committed first."""
        key = (ask.campaign, ask.subscriber, ask.attempt)
        if key in self.leased:
            return ("granted", 0.0) if key in self.calls.values() else ("done", 1.0)
        state = self.world.state_of(ask.campaign)
        if state != "running":
            return "paused", 1.0
        if not self.line_up:
            return "line_down", 1.0
        if sum(c == ask.campaign for c, _, _ in self.calls.values()) >= self.world.lines[ask.campaign]:
            return "share", 1.0
        if len(self.calls) >= self.channels:
            return "full", 1.0
        lines = self.world.lines_of(ask.subscriber)
        line = next((name for name in lines if self.free(name)), "gateway")
        if lines and not self.free(line):
            return "full", 1.0
        call = f"c{next(self.world.numbers)}"
        self.over[call] = line
        self.leased.add(key)
        self.calls[call] = key
        seconds, outcome = self.world.callee(ask.subscriber, ask.attempt)
        self.world.commit(AttemptStarted(campaign=key[0], subscriber=key[1], attempt=key[2], call=call, leg=call + "-1",
                                         line="gateway"))
        self.world.at(seconds, lambda life=self.life: self.end(life, call, outcome))
        return "granted", 0.0

    def free(self, line: str) -> int:
        return self.world.channels_of.get(line, 0) - sum(self.over[call] == line for call in self.calls)

    def end(self, life: int, call: str, outcome: Outcome) -> None:
        if life != self.life or call not in self.calls:
            return
        key = self.calls.pop(call)
        self.world.commit(AttemptEnded(campaign=key[0], subscriber=key[1], attempt=key[2], call=call, outcome=outcome,
                                       line="gateway", cause=Cause(sip=486) if outcome == "busy" else Cause()))

    def kill(self) -> None:
        """kill -9, and a restart a moment later: what was not committed is gone, open attempts become interrupted."""
        self.up = False
        self.life += 1
        orphans, self.calls = self.calls, {}
        self.world.drop_uncommitted()

        def restart() -> None:
            self.up = True
            started = {e.call: e for e in self.world.events() if isinstance(e, AttemptStarted)}
            ended = {e.call for e in self.world.events() if isinstance(e, AttemptEnded)}
            self.leased = {(e.campaign, e.subscriber, e.attempt) for e in started.values()}
            for call, e in started.items():
                if call not in ended:
                    self.world.commit(AttemptEnded(campaign=e.campaign, subscriber=e.subscriber, attempt=e.attempt,
                                                   call=call, outcome="interrupted", cause=Cause(by="restart")))
            self.world.commit(BoxStarted(version="t", clean=False))

        del orphans
        self.world.at(0.7, restart)


class Dialer:
    """The process without its I/O."""

    def __init__(self, world: World, opens_in: OpensIn) -> None:
        self.world = world
        self.books = Books()
        self.pacer = Pacer(opens_in, lambda book, subscriber: world.lines_of(subscriber))
        self.seq = 0
        self.alive = True
        self._timer = 0

    def step(self, timer: int | None = None) -> None:
        """Fold, plan, ask; `timer` is the number of the timer that called, only the newest of which counts."""
        if not self.alive or (timer is not None and timer != self._timer):
            return
        self._timer += 1
        for record in self.world.ledger[self.seq:]:
            self.books.apply(record)
            self.pacer.noticed(record.event, self.world.now)
        self.seq = len(self.world.ledger)
        plan = self.pacer.plan(self.books.open(), UTC + self.world.now, self.world.now)
        for ask in plan.asks:
            self.world.on_ask(self, ask)
            self.world.at(BUS, lambda ask=ask: self.deliver(ask))
        for campaign in plan.finish:
            if self.world.core.up and self.world.state_of(campaign) in ("running", "paused"):
                self.world.change(campaign, "finished")
        if plan.look_again is not None:
            self.world.at(plan.look_again + 1e-6, lambda timer=self._timer: self.step(timer))

    def deliver(self, ask: AskAttempt) -> None:
        """The ask reaches the core, even where the dialer has died meanwhile."""
        if not self.world.core.up:
            self.world.at(0.2, lambda: self.reply(ask, "", 0.0))
            return
        why, retry_after = self.world.core.ask(ask)
        self.world.at(COMMIT + BUS if why == "granted" else BUS, lambda: self.reply(ask, why, retry_after))

    def reply(self, ask: AskAttempt, why: str, retry_after: float) -> None:
        if not self.alive:
            return
        if why == "":
            self.pacer.failed(ask, 0.2, self.world.now)
        elif why == "granted":
            for record in self.world.ledger[self.seq:]:
                self.books.apply(record)
                self.pacer.noticed(record.event, self.world.now)
            self.seq = len(self.world.ledger)
            self.pacer.granted(ask)
        else:
            self.pacer.refused(self.books.by_id[ask.campaign], ask, why, retry_after, self.world.now)
        self.step()


class World:
    """Holds time. `lines`: campaign -> calls at once; `sizes`: campaign -> subscribers."""

    def __init__(self, sizes: dict[int, int], lines: dict[int, int], channels: int, callee: Callee = by_last_digit,
                 rules: dict[str, object] | None = None, opens_in: OpensIn = lambda book, subscriber, utc: 0.0,
                 lines_of: Callable[[int], Lines] = lambda subscriber: (), channels_of: dict[str, int] | None = None) -> None:
        self.now = 0.0
        self.lines = lines
        self.sizes = sizes
        self.callee = callee
        self.numbers = itertools.count(1)
        self.ledger: list[Record] = []
        self._pending: list[tuple[float, Event]] = []
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._opens_in = opens_in
        self.lines_of = lines_of
        self.channels_of = channels_of or {}
        """Line -> channels, where `lines_of` tells the numbers apart."""
        self.core = Core(self, channels)
        self.dialer = Dialer(self, opens_in)
        self.asks: list[tuple[float, AskAttempt]] = []
        self.check_ask: Callable[[World, AskAttempt], None] = lambda world, ask: None
        self.rules = {"code": "701", "retries": 2, "retry_after_minutes": 1.0} | (rules or {})
        self._states: dict[int, str] = {}
        for campaign in sizes:
            self._append(self.created(campaign))

    def created(self, campaign: int) -> CampaignCreated:
        return CampaignCreated(campaign=campaign, scenario="701", name="T", list="12", lines=self.lines[campaign],
                               message="m.wav", message_seconds=5.0, subscribers=self.sizes[campaign], rules=self.rules)

    def at(self, delay: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + delay, next(self._order), what))

    def events(self) -> list[Event]:
        return [record.event for record in self.ledger]

    def commit(self, event: Event) -> None:
        """On disk after COMMIT; a kill before that loses it."""
        entry = (self.now, event)
        self._pending.append(entry)
        self.at(COMMIT, lambda: self._written(entry))

    def _written(self, entry: tuple[float, Event]) -> None:
        if any(entry is waiting for waiting in self._pending):
            self._pending.remove(entry)
            self._append(entry[1])

    def _append(self, event: Event) -> None:
        self.ledger.append(Record(len(self.ledger) + 1, UTC + self.now, self.now, f"b{self.core.life}", event))
        if isinstance(event, CampaignStateChanged):
            self._states[event.campaign] = event.state
        self.at(BUS, self._step)

    def _step(self) -> None:
        self.dialer.step()

    def drop_uncommitted(self) -> None:
        self._pending.clear()

    def change(self, campaign: int, state: CampaignState) -> None:
        self.commit(CampaignStateChanged(campaign=campaign, state=state))

    def state_of(self, campaign: int) -> str:
        return self._states.get(campaign, "running")

    def on_ask(self, dialer: Dialer, ask: AskAttempt) -> None:
        self.asks.append((self.now, ask))
        self.check_ask(self, ask)

    # ---- what happens to it ------------------------------------------------------------------------------------------

    def kill_core(self) -> None:
        if self.core.up:
            self.core.kill()

    def kill_dialer(self) -> None:
        self.dialer.alive = False
        self.dialer = Dialer(self, self._opens_in)
        self.at(0.5, self._step)

    def set_line(self, up: bool) -> None:
        self.core.line_up = up
        if self.core.up:
            self.commit(LineChanged(line="gateway", up=up))

    def run(self, until: float, check: Callable[[World], None] = lambda world: None) -> None:
        """Let time pass until `until`, or until every campaign is over."""
        while self._queue and self._queue[0][0] <= until:
            self.now, _, what = heapq.heappop(self._queue)
            what()
            check(self)
            if all(self.state_of(campaign) in ("finished", "cancelled") for campaign in self.sizes) \
                    and not self.core.calls and not self._pending:
                return

    def book(self, campaign: int) -> CampaignBook:
        """A book folded afresh from what is on disk."""
        return Books(self.ledger).by_id[campaign]
