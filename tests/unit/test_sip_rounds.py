"""Events are fetched by turns while many come, and each at once where few do."""

from __future__ import annotations

from drivers.sip.rounds import MANY, WINDOW, Rounds


def _seconds(rounds: Rounds, rate: float, since: float, seconds: float) -> float:
    """`rate` events a second, one at a time. -> when that is over."""
    count = int(rate * seconds)
    for n in range(1, count + 1):
        rounds.note(1, since + n / rate)
    return since + seconds


def test_an_offices_load_wakes_us_at_once() -> None:
    rounds = Rounds()
    _seconds(rounds, MANY * 0.9, 100.0, 2.0)
    assert not rounds.busy


def test_many_events_are_fetched_by_turns_and_few_not_any_more() -> None:
    rounds = Rounds()
    now = _seconds(rounds, MANY * 1.2, 100.0, 2 * WINDOW)
    assert rounds.busy
    assert not rounds.note(0, now + WINDOW)


def test_one_burst_after_a_silence_is_not_many() -> None:
    rounds = Rounds()
    assert not rounds.note(60, 100.0)
