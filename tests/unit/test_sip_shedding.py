"""Overload control against a simulated core: one queue, worked off at a fixed speed."""

from __future__ import annotations

import pytest

from drivers.sip.shedding import LATE, LEAST, STEP_SECONDS, Shedding


def run(shedding: Shedding, offered: float, capacity: float, seconds: float) -> tuple[float, float]:
    """Calls done per second, and the longest queue in seconds of work, after three seconds to settle."""
    now = done = queue = longest = 0.0
    while now < seconds:
        queue += min(offered, shedding.rate) * STEP_SECONDS
        worked = min(queue, capacity * STEP_SECONDS)
        queue -= worked
        lag = queue / capacity
        now += STEP_SECONDS
        if now > 3:
            done += worked
            longest = max(longest, lag)
        shedding.step(lag, worked / STEP_SECONDS)
    return done / (seconds - 3), longest


@pytest.mark.parametrize("offered", [1000, 1600, 4000, 20000])
def test_past_the_knee_nearly_all_that_can_be_done_is_done(offered: int) -> None:
    done, longest = run(Shedding(100_000), offered, 800, 60)
    assert done >= 0.8 * 800
    assert longest < 0.4, "callers repeat themselves after 0.5 s, and then everything costs twice"


def test_below_the_knee_nobody_is_refused() -> None:
    shedding = Shedding(2000)
    done, _ = run(shedding, 700, 800, 30)
    assert done == pytest.approx(700, rel=0.01)
    assert shedding.rate == 2000


def test_it_grows_again_when_the_storm_is_over() -> None:
    shedding = Shedding(2000)
    run(shedding, 4000, 500, 20)
    assert shedding.rate < 700
    run(shedding, 10, 500, 10)
    assert shedding.rate == 2000


def test_a_lag_that_is_not_ours_leaves_an_office_its_calls() -> None:
    shedding = Shedding(2000)
    for _ in range(50):
        shedding.step(5.0, 0.2)
    assert shedding.rate == LEAST


def test_the_configured_rate_is_never_passed() -> None:
    shedding = Shedding(1)
    for _ in range(50):
        shedding.step(0.0, 1.0)
        assert shedding.rate == 1
    shedding.step(LATE * 2, 0.0)
    assert shedding.rate == 1
