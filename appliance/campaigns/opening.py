"""When a campaign may call at the earliest. Pure."""

from __future__ import annotations

from appliance.config import hours
from appliance.config.model import Config, Scenario
from appliance.errors import SwitchroomError

MOST_AHEAD = 366 * 86400.0
"""A campaign can be planned so many seconds ahead."""
PAST = 60.0
"""Seconds by which a time may be over: somebody read the forecast meanwhile."""


def check_plan(not_before: float, now: float) -> None:
    """`not_before` 0: at once. Raises "campaign.past"; "campaign.too-far" where nobody will remember it any more."""
    if not_before and not_before < now - PAST:
        raise SwitchroomError("campaign.past", "This time is over.", "Choose a later time, or start now.")
    if not_before > now + MOST_AHEAD:
        raise SwitchroomError("campaign.too-far", "A campaign can be planned for a year ahead at most.", "Choose an earlier day.")


def opens_at(config: Config, scenario: Scenario, now: float, not_before: float = 0.0) -> float | None:
    """UTC when it calls at the earliest, by the scenario's hours and `not_before`; None where that is now. Raises SwitchroomError
    "campaign.never-open"."""
    begins = max(now, not_before)
    named = config.hours_named(scenario.hours) if scenario.hours else None
    if named is None or hours.is_open(named, begins, config.office.timezone, config.office.country):
        return begins if begins > now else None
    change = hours.next_change(named, begins, config.office.timezone, config.office.country)
    if change is None:
        raise SwitchroomError("campaign.never-open", "The hours {hours} never open.", "Mend [[hours]].", hours=scenario.hours)
    return change
