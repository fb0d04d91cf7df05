"""The dialer under random interleavings: lines, leases, kills, pauses, and that everybody gets exactly one outcome."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from appliance.campaigns import causes
from appliance.campaigns.book import CampaignBook, Standing
from appliance.campaigns.summary import line_use
from appliance.dialer.pacing import MAX_LOOKS, Lane, Pacer
from appliance.messages import AskAttempt, AttemptEnded, AttemptStarted, Outcome
from tests.property.dialer_world import UTC, World, by_last_digit

OUTCOMES: list[Outcome] = ["confirmed", "heard", "hung_up", "declined", "machine", "busy", "no_answer", "unreachable",
                           "no_line", "interrupted"]
CALLEES = st.lists(st.tuples(st.floats(0.01, 40.0), st.sampled_from(OUTCOMES)), min_size=1, max_size=40)
TROUBLE = st.lists(
    st.tuples(st.floats(0.0, 200.0),
              st.sampled_from(["kill_core", "kill_dialer", "pause", "resume", "line_down", "line_up"])),
    max_size=12,
)


def check_ledger(world: World) -> None:
    """Facts that must hold of every prefix of the ledger, told from the bare records."""
    calling: Counter[int] = Counter()
    done: set[tuple[int, int]] = set()
    open_now: set[tuple[int, int]] = set()
    for record in world.ledger:
        e = record.event
        if isinstance(e, AttemptStarted):
            who = (e.campaign, e.subscriber)
            assert who not in done, "called after a committed success"
            assert who not in open_now, "called twice at once"
            open_now.add(who)
            calling[e.campaign] += 1
            assert calling[e.campaign] <= world.lines[e.campaign], "more lines than allowed"
            assert sum(calling.values()) <= world.core.channels
        elif isinstance(e, AttemptEnded):
            open_now.discard((e.campaign, e.subscriber))
            calling[e.campaign] -= 1
            if e.outcome in causes.SUCCESS:
                done.add((e.campaign, e.subscriber))


def check_end(world: World) -> None:
    for campaign, size in world.sizes.items():
        assert world.state_of(campaign) == "finished", f"campaign {campaign} never came to its end"
        book = world.book(campaign)
        assert book.all_final
        assert sum(book.finals.values()) == size
        for index in range(size):
            made = [e for e in world.events()
                    if isinstance(e, AttemptEnded) and (e.campaign, e.subscriber) == (campaign, index)]
            assert made, "left out"
            kinds = Counter(causes.retry_of(e.outcome, e.cause) for e in made)
            free = sum(kinds[kind] for kind in causes.FREE_LIMIT)
            assert len(made) - free <= 1 + world.rules["retries"]
            assert all(kinds[kind] <= limit for kind, limit in causes.FREE_LIMIT.items())
            assert [e.attempt for e in made] == list(range(1, len(made) + 1))
            assert book.outcome(index) in {e.outcome for e in made}


def untried_first(world: World, ask: AskAttempt) -> None:
    """A retry is asked for only when every untried subscriber is being called, asked for, or held back. True of the moment
    of the ask: what was asked for before it may be refused a moment later."""
    dialer = world.dialer
    if ask.attempt == 1:
        return
    book, lane = dialer.books.by_id[ask.campaign], dialer.pacer.lanes[ask.campaign]
    assert (ask.subscriber, ask.attempt) in lane.asking
    asked = {subscriber for subscriber, _ in lane.asking}
    assert all(index in asked or index in lane.held or waits_for_its_line(world, lane, index)
               for index in range(book.size) if book.standing(index) is Standing.UNTRIED)


def waits_for_its_line(world: World, lane: Lane, index: int) -> bool:
    return lane.is_closed(lane.shelf(world.lines_of(index)), world.now)


ANY = {
    "sizes": st.lists(st.integers(1, 25), min_size=1, max_size=3), "lines": st.integers(1, 6), "channels": st.integers(1, 8),
    "callees": CALLEES, "trouble": TROUBLE, "retries": st.integers(0, 3), "two_lines": st.booleans(),
}
TWO_LINES = [("a",), ("b",), ("a", "b")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(sizes=[1, 3, 9], lines=4, channels=3, callees=[(11.0, "busy")], trouble=[], retries=1, two_lines=False)
@given(**ANY)
def test_everybody_gets_one_outcome_whatever_happens(**world: Any) -> None:
    one_outcome_each(**world)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(**ANY)
def test_everybody_gets_one_outcome_in_many_worlds(**world: Any) -> None:
    one_outcome_each(**world)


def one_outcome_each(
    sizes: list[int], lines: int, channels: int, callees: list[tuple[float, Outcome]],
    trouble: list[tuple[float, str]], retries: int, two_lines: bool,
) -> None:
    world = World(
        dict(enumerate(sizes, 1)), dict.fromkeys(range(1, len(sizes) + 1), lines), channels,
        lambda subscriber, attempt: callees[(subscriber * 7 + attempt) % len(callees)], {"retries": retries},
        lines_of=lambda subscriber: TWO_LINES[subscriber % 3] if two_lines else (),
        channels_of={"a": max(1, channels - 1), "b": 1} if two_lines else None,
    )
    deeds = {
        "kill_core": world.kill_core, "kill_dialer": world.kill_dialer,
        "pause": lambda: _change(world, "running", "paused"), "resume": lambda: _change(world, "paused", "running"),
        "line_down": lambda: world.set_line(False), "line_up": lambda: world.set_line(True),
    }
    for at, deed in trouble:
        world.at(at, deeds[deed])
    world.at(210.0, lambda: world.set_line(True))
    world.at(210.0, lambda: _change(world, "paused", "running"))
    world.check_ask = untried_first
    world.run(200_000.0)
    event(f"kills {sum(deed.startswith('kill') for _, deed in trouble)}")
    check_ledger(world)
    check_end(world)


def _change(world: World, before: str, after: str) -> None:
    for campaign in world.sizes:
        if world.core.up and world.state_of(campaign) == before:
            world.change(campaign, after)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(at=st.floats(0.0, 60.0), size=st.integers(1, 30), kill=st.booleans())
def test_a_cancelled_campaign_calls_nobody_any_more(at: float, size: int, kill: bool) -> None:
    world = World({1: size}, {1: 3}, 5)
    world.at(at, lambda: world.change(1, "cancelled") if world.state_of(1) == "running" else None)
    if kill:
        world.at(at + 2.0, world.kill_dialer)
    world.run(10_000.0)
    check_ledger(world)
    book = world.book(1)
    assert book.all_final
    over = next(r.seq for r in world.ledger if getattr(r.event, "state", "") in ("cancelled", "finished"))
    # What the core had leased before the cancel reached the disk may still stand behind it, nothing else.
    late = [r for r in world.ledger if r.seq > over and isinstance(r.event, AttemptStarted)]
    assert len(late) <= 3
    if book.state == "cancelled":
        untouched = [i for i in range(size) if not book.attempts(i)]
        assert all(book.outcome(i) == "cancelled" for i in untouched)


def test_300_numbers_over_five_lines_keep_the_lines_busy() -> None:
    world = World({1: 300}, {1: 5}, 5)
    world.run(100_000.0)
    check_ledger(world)
    check_end(world)
    book = world.book(1)
    started = [r for r in world.ledger if isinstance(r.event, AttemptStarted)]
    assert [r.event.attempt for r in started[:300]] == [1] * 300
    work = sum(by_last_digit(i, 1)[0] for i in range(300))
    ends = {r.event.subscriber: r.mono for r in world.ledger
            if isinstance(r.event, AttemptEnded) and r.event.attempt == 1}
    took = max(ends.values()) - started[0].mono
    assert took <= 1.05 * work / 5
    assert line_use(book) >= 0.95
    assert book.peak == 5
    assert book.finals == {"heard": 120, "confirmed": 30, "hung_up": 30, "busy": 30, "no_answer": 30, "declined": 30,
                           "unreachable": 30}


def test_a_freed_line_is_asked_for_within_milliseconds() -> None:
    world = World({1: 40}, {1: 2}, 2, lambda subscriber, attempt: (3.0, "heard"))
    world.run(10_000.0)
    ends = sorted(r.mono for r in world.ledger if isinstance(r.event, AttemptEnded))
    starts = sorted(r.mono for r in world.ledger if isinstance(r.event, AttemptStarted))[2:]
    gaps = [start - end for end, start in zip(ends, starts, strict=False)]
    assert max(gaps) < 0.010  # commit, bus, ask, commit of this world; no tick


def test_two_campaigns_share_the_channels_evenly() -> None:
    world = World({1: 60, 2: 60}, {1: 6, 2: 6}, 6, lambda subscriber, attempt: (7.0 + subscriber % 5, "heard"))
    held: dict[int, float] = {1: 0.0, 2: 0.0}
    calls: list[int] = []
    before = 20.0

    def look(w: World) -> None:
        """Each stretch of time counts with the calls that stood during it."""
        nonlocal before, calls
        if 20.0 < w.now < 80.0:
            for campaign in calls:
                held[campaign] += w.now - before
            before = w.now
        calls = [campaign for campaign, _, _ in w.core.calls.values()]

    world.run(10_000.0, look)
    check_end(world)
    assert held[1] / (before - 20.0) == pytest.approx(3.0, abs=0.1)
    assert held[2] / (before - 20.0) == pytest.approx(3.0, abs=0.1)


def test_a_late_campaign_gets_its_share_as_calls_end() -> None:
    world = World({1: 200}, {1: 4}, 4, lambda subscriber, attempt: (10.0, "heard"))
    world.sizes[2], world.lines[2] = 20, 4
    world.at(35.0, lambda: world.commit(world.created(2)))
    world.run(60.0)
    assert Counter(campaign for campaign, _, _ in world.core.calls.values()) == {1: 2, 2: 2}


def test_closed_subscribers_are_held_back_and_called_when_they_may_be() -> None:
    """Odd subscribers may be called only after two minutes: the even ones do not wait for them."""

    def opens_in(book: object, subscriber: int, utc: float) -> float:
        return max(0.0, UTC + 120.0 - utc) if subscriber % 2 else 0.0

    world = World({1: 40}, {1: 4}, 4, lambda subscriber, attempt: (5.0, "heard"), opens_in=opens_in)
    world.run(10_000.0)
    check_end(world)
    first = {r.event.subscriber: r.mono for r in world.ledger if isinstance(r.event, AttemptStarted)}
    assert all(at >= 120.0 for index, at in first.items() if index % 2)
    assert all(at < 60.0 for index, at in first.items() if not index % 2)
    assert min(at for index, at in first.items() if index % 2) < 121.0


def test_refusals_back_off_and_one_closed_number_does_not_stop_the_rest() -> None:
    book = World({1: 3}, {1: 1}, 1).book(1)
    pacer = Pacer()
    now = 1000.0
    waits = []
    for _ in range(12):
        plan = pacer.plan([book], UTC, now)
        if not plan.asks:
            assert plan.look_again is not None
            now += plan.look_again + 1e-6
            continue
        pacer.refused(book, plan.asks[0], "full", 2.0, now)
        waits.append(pacer.plan([book], UTC, now).look_again)
    assert all(wait == pytest.approx(2.0) for wait in waits)
    ask = pacer.plan([book], UTC, now + 3).asks[0]
    assert ask == AskAttempt(campaign=1, subscriber=0, attempt=1)
    pacer.refused(book, ask, "no_route", 60.0, now + 3)
    following = pacer.plan([book], UTC, now + 4).asks
    assert following == [AskAttempt(campaign=1, subscriber=1, attempt=1)]


def test_a_line_that_fails_every_call_is_given_ever_longer_rests() -> None:
    world = World({1: 30}, {1: 5}, 5, lambda subscriber, attempt: (0.2, "no_line"), {"retry_after_minutes": 10.0})
    world.run(120.0)
    starts = [r.mono for r in world.ledger if isinstance(r.event, AttemptStarted)]
    assert len(starts) < 60  # without rests: five lines, five calls a second, 600
    gaps = [b - a for a, b in pairwise(starts)]
    assert max(gaps) > 10.0


def test_a_full_line_does_not_keep_others_waiting() -> None:
    """The first 100 numbers go over a line with one channel, the next 100 over one with three."""
    world = World(
        {1: 200}, {1: 4}, 4, lambda subscriber, attempt: (10.0, "heard"),
        lines_of=lambda subscriber: ("narrow",) if subscriber < 100 else ("wide",),
        channels_of={"narrow": 1, "wide": 3},
    )
    world.check_ask = untried_first
    world.run(10_000.0)
    check_ledger(world)
    check_end(world)
    ends = {r.event.subscriber: r.mono for r in world.ledger if isinstance(r.event, AttemptEnded)}
    assert max(at for index, at in ends.items() if index >= 100) < 1.05 * 100 / 3 * 10 + 5
    assert max(at for index, at in ends.items() if index < 100) < 1.05 * 100 * 10 + 5
    starts = [r.event.subscriber for r in world.ledger if isinstance(r.event, AttemptStarted)]
    assert [index for index in starts if index < 100] == list(range(100))
    assert [index for index in starts if index >= 100] == list(range(100, 200))


def test_200000_numbers_behind_a_full_line_cost_nothing_once_they_are_known() -> None:
    """What a plan looks at is bounded, and nobody is looked at twice for the same refusal."""
    size, looked = 200_000, Counter[int]()

    def lines_of(book: CampaignBook, subscriber: int) -> tuple[str, ...]:
        looked[subscriber] += 1
        return ("full",) if subscriber < size - 1 else ("free",)

    book = World({1: size}, {1: 5}, 5).book(1)
    pacer = Pacer(lines_of=lines_of)
    found, refused, plans, most = None, 0, 0, 0
    while found is None:
        before = looked.total()
        for ask in pacer.plan([book], UTC, 1.0).asks:
            if ask.subscriber == size - 1:
                found = ask
            else:
                pacer.refused(book, ask, "full", 30.0, 1.0)
                refused += 1
        plans += 1
        most = max(most, looked.total() - before)
    assert most <= MAX_LOOKS + 5 and plans <= size / MAX_LOOKS + 10
    assert refused <= 5 and max(looked.values()) <= 2
