"""Days simulated through the ACD agree with queueing theory, and callers are told the truth about their wait."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

import pytest

from appliance import _core as acd
from appliance.calls.flows.waiting import minutes_told
from tests.acd_day import Day, erlang_a, erlang_c

HOURS = 3600.0


def share(hits: Iterable[bool]) -> float:
    return statistics.mean(map(float, hits))


T95 = {12: 2.201, 40: 2.023}
"""Student's t for 95 %, by the number of days."""


def days(count: int, hours: float, **day: float) -> list[Day]:
    return [Day(seed=seed, **day).run(hours * HOURS, warm=HOURS) for seed in range(count)]  # type: ignore[arg-type]


def agrees(values: list[float], theory: float, model: float = 0.0) -> None:
    """The theory lies in the 95 % confidence interval of the mean of these days. `model`: a share by which the theory may be
    off besides, where the days are not quite as it supposes."""
    mean = statistics.mean(values)
    half = T95[len(values)] * statistics.stdev(values) / math.sqrt(len(values))
    assert abs(mean - theory) <= half + model * theory, f"{mean:.4f} ± {half:.4f}, theory {theory:.4f}"


def erlang_c_day(count: int, hours: float, spread: float, model: float = 0.0) -> None:
    agents, arrivals, handling = 10, 8.0 / 180.0, 180.0
    found = days(count, hours, agents=agents, arrivals=arrivals, handling=handling, spread=spread)
    waits = erlang_c(agents, arrivals * handling)
    drain = agents / handling - arrivals
    agrees([statistics.mean(day.waits) for day in found], waits / drain, model)
    agrees([day.in_time / len(day.waits) for day in found], 1.0 - waits * math.exp(-drain * 20.0), model / 4)


def erlang_a_day(count: int, hours: float, spread: float, model: float = 0.0) -> None:
    agents, arrivals, handling, patience = 10, 11.0 / 180.0, 180.0, 120.0
    found = days(count, hours, agents=agents, arrivals=arrivals, handling=handling, patience=patience, spread=spread)
    abandon, wait = erlang_a(agents, arrivals, handling, patience)
    agrees([day.abandoned / (day.abandoned + len(day.waits)) for day in found], abandon, model / 4)
    agrees([(sum(day.waits) + day.given) / (len(day.waits) + day.abandoned) for day in found], wait, model / 4)


@pytest.mark.parametrize("count, hours", [(12, 12), pytest.param(40, 24, marks=pytest.mark.slow)])
def test_days_of_exponential_handling_agree_with_erlang_c_and_a(count: int, hours: float) -> None:
    """What the theory supposes: nothing but chance may differ."""
    erlang_c_day(count, hours, spread=0.0)
    erlang_a_day(count, hours, spread=0.0)


@pytest.mark.parametrize("count, hours", [(12, 12), pytest.param(40, 24, marks=pytest.mark.slow)])
def test_days_of_lognormal_handling_agree_as_far_as_theory_goes(count: int, hours: float) -> None:
    """Mean and variance are those of the theory, but the law is another: waits without abandonment differ by up to a tenth."""
    erlang_c_day(count, hours, spread=1.0, model=0.1)
    erlang_a_day(count, hours, spread=1.0, model=0.1)


def test_the_estimate_is_the_wait_to_be_expected() -> None:
    """By how long callers with about the same estimate really wait on average, in a day that is too busy."""
    told: list[tuple[float, float]] = []
    for seed in range(12):
        told += Day(agents=8, arrivals=9.0 / 180.0, patience=400.0, seed=seed).run(8 * HOURS).told
    told.sort()
    size = len(told) // 20
    right = sum(
        abs(statistics.mean(e for e, _ in part) / statistics.mean(w for _, w in part) - 1.0) <= 0.2
        for part in (told[n * size : (n + 1) * size] for n in range(20))
    )
    assert right >= 16, f"right for {right} of 20 groups"


def test_a_long_queue_is_told_within_a_fifth_for_four_of_five_callers() -> None:
    """Each caller's own wait: a wait made of 60 contacts or more before the caller scatters little enough."""
    near = total = 0
    for seed in range(3):
        day = Day(agents=20, arrivals=40.0 / 180.0, seed=seed)
        day.run(6 * HOURS)
        longest = [(told, waited) for told, waited in day.told if told > 60 * 180.0 / 20]
        near += sum(abs(told / waited - 1.0) <= 0.2 for told, waited in longest)
        total += len(longest)
    assert total > 500
    assert near / total >= 0.8, f"{near} of {total}"


@pytest.mark.parametrize("agents, busy, patience", [
    (8, 0.9, 0.0), (30, 0.95, 0.0), (100, 0.97, 0.0), (8, 1.1, 180.0), (30, 1.1, 180.0),
])  # fmt: skip
def test_four_of_five_were_last_told_the_truth_within_a_fifth_or_half_a_minute(agents: int, busy: float, patience: float) -> None:
    """Each caller's own wait, as it was told last (every 30 s). Half a minute is what rounding to whole minutes allows."""
    told: list[tuple[float, float]] = []
    for seed in range(4):
        day = Day(agents=agents, arrivals=busy * agents / 180.0, patience=patience, seed=seed, again=30.0)
        told += day.run(8 * HOURS).last_told
    assert len(told) > 2000
    assert share(abs(whole - waited) <= max(0.2 * waited, 30.0) for whole, waited in told) >= 0.8
    long = [(whole, waited) for whole, waited in told if waited >= 120.0]
    if len(long) > 100:
        assert share(abs(whole / waited - 1.0) <= 0.2 for whole, waited in long) >= 0.8


@pytest.mark.parametrize("agents, busy, patience", [(10, 0.8, 0.0), (10, 0.9, 0.0), (20, 0.9, 0.0), (10, 1.1, 120.0)])
def test_four_of_five_wait_no_longer_than_a_fifth_more_than_they_are_told(agents: int, busy: float, patience: float) -> None:
    """What is said: "less than a minute", or minutes rounded up. (Within a fifth on both sides a single wait cannot be.)"""
    told: list[tuple[float, float]] = []
    for seed in range(10):
        day = Day(agents=agents, arrivals=busy * agents / 180.0, patience=patience, seed=seed)
        told += day.run(8 * HOURS).told
    kept = sum(waited <= 1.2 * 60.0 * math.ceil(estimate / 60.0) for estimate, waited in told)
    assert len(told) > 2000
    assert kept / len(told) >= 0.8, f"{kept} of {len(told)}"


@pytest.mark.parametrize("agents, busy, patience, spread", [
    (3, 0.8, 0.0, 1.0), (8, 0.9, 0.0, 1.0), (30, 0.95, 0.0, 1.0), (8, 1.1, 180.0, 1.0), (8, 0.9, 0.0, 0.3), (8, 0.9, 0.0, 1.5),
])  # fmt: skip
def test_four_of_five_wait_as_long_as_they_are_told(agents: int, busy: float, patience: float, spread: float) -> None:
    """The range that is spoken on entering, "between two and five minutes", against each caller's own wait."""
    kept: list[bool] = []
    for seed in range(4):
        day = Day(agents=agents, arrivals=busy * agents / 180.0, patience=patience, spread=spread, seed=seed).run(8 * HOURS)
        for estimate, place, waited in day.told_at:
            low, high = minutes_told(estimate, place)
            kept.append(low * 60 <= waited <= high * 60)
    assert len(kept) > 900
    assert share(kept) >= 0.8, f"{share(kept):.3f}"


def test_a_day_twice_is_the_same_day() -> None:
    one, two = (Day(agents=5, arrivals=0.03, patience=100.0, seed=3).run(4 * HOURS) for _ in range(2))
    for day in (one, two):
        day.core.step(4 * HOURS, acd.Tick())
    assert one.core.snapshot() == two.core.snapshot()
