"""What is said of a caller's wait: whole minutes, wider for who stands near the front of a slow queue."""

from __future__ import annotations

import pytest

from appliance.calls.flows.waiting import minutes_told


@pytest.mark.parametrize(("estimate", "place", "told"), [
    (10.0, 1, (0, 1)), (25.0, 1, (0, 1)), (60.0, 1, (0, 3)), (600.0, 1, (0, 23)), (600.0, 10, (6, 15)), (600.0, 100, (8, 12)),
    (0.0, 1, (0, 1)), (60.0, 0, (0, 3)), (3600.0, 1000, (57, 63)),
])  # fmt: skip
def test_the_range_for_four_of_five(estimate: float, place: int, told: tuple[int, int]) -> None:
    assert minutes_told(estimate, place) == told
