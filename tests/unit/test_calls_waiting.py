"""What is said of a caller's wait: whole minutes, wider for who stands near the front of a slow queue. And when what is told."""

from __future__ import annotations

import pytest

from appliance.calls.flows.waiting import Schedule, minutes_told
from appliance.config.queues import CallbackRules, Queue


@pytest.mark.parametrize(("estimate", "place", "told"), [
    (10.0, 1, (0, 1)), (25.0, 1, (0, 1)), (60.0, 1, (0, 3)), (600.0, 1, (0, 23)), (600.0, 10, (6, 15)), (600.0, 100, (8, 12)),
    (0.0, 1, (0, 1)), (60.0, 0, (0, 3)), (3600.0, 1000, (57, 63)),
])  # fmt: skip
def test_the_range_for_four_of_five(estimate: float, place: int, told: tuple[int, int]) -> None:
    assert minutes_told(estimate, place) == told


def told(schedule: Schedule, until: float) -> list[tuple[float, str]]:
    """All that is told up to then, at its time."""
    found = []
    while (at := schedule.next()) is not None and at <= until:
        found += [(at, item) for item in schedule.take(at)]
    return found


def test_each_thing_is_told_at_its_time_and_again() -> None:
    queue = Queue(name="q", announce_position_every=30, messages=["One.", "Two."], message_every_seconds=45,
                  offer_callback_after_seconds=20, callback=CallbackRules(offer_again_every_seconds=60))
    schedule = Schedule(queue, 1000.0)
    assert told(schedule, 1090.0) == [(1020.0, "offer"), (1030.0, "place"), (1045.0, "message"), (1060.0, "place"),
                                      (1080.0, "offer"), (1090.0, "place"), (1090.0, "message")]
    assert [schedule.message() for _ in range(3)] == [0, 1, 0]


@pytest.mark.parametrize(("expected", "first"), [(301.0, 1000.0), (300.0, 1120.0), (None, 1120.0)])
def test_a_callback_is_offered_at_once_where_the_wait_will_be_long(expected: float | None, first: float) -> None:
    queue = Queue(name="q", offer_callback_after_seconds=120, callback=CallbackRules(offer_when_wait_over_seconds=300))
    schedule = Schedule(queue, 1000.0)
    schedule.expect(expected)
    assert told(schedule, 1120.0)[0] == (first, "offer")


def test_where_it_goes_by_the_expected_wait_alone_nothing_is_offered_to_whose_wait_is_short() -> None:
    rules = CallbackRules(offer_when_wait_over_seconds=300)
    schedule = Schedule(Queue(name="q", callback=rules), 1000.0)
    assert schedule.offers
    schedule.expect(299.0)
    assert schedule.next() is None
    plain = Schedule(Queue(name="q"), 1000.0)
    plain.expect(9999.0)
    assert not plain.offers and plain.next() is None
