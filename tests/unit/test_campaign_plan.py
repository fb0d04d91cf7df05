"""When a campaign may be planned for."""

from __future__ import annotations

import pytest

from appliance.campaigns.opening import MOST_AHEAD, check_plan
from appliance.errors import SwitchroomError

NOW = 1_800_000_000.0


@pytest.mark.parametrize("not_before", [0.0, NOW - 30, NOW, NOW + 3600, NOW + MOST_AHEAD])
def test_a_time_to_come_is_taken(not_before: float) -> None:
    check_plan(not_before, NOW)


@pytest.mark.parametrize(("not_before", "id"), [
    (NOW - 86400, "campaign.past"), (1.0, "campaign.past"), (-5.0, "campaign.past"), (NOW + MOST_AHEAD + 1, "campaign.too-far"),
])
def test_a_time_that_is_over_does_not_mean_at_once(not_before: float, id: str) -> None:
    with pytest.raises(SwitchroomError) as told:
        check_plan(not_before, NOW)
    assert told.value.id == id
