"""Whether an office is open now: its hours, set aside by the night switch or not. Pure.

The night switch has a setting for all hours together, under the name "", and one for each of those that have a code of their
own. What was switched later counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from appliance.config import hours as calendar
from appliance.config.model import Config, Hours
from appliance.config.values import Target

Setting = Literal["open", "closed", "auto"]
ALL = ""
"""The name under which all hours together are switched."""


class Switched(msgspec.Struct, frozen=True):
    """How the switch of some hours was set, when (UTC seconds) and by whom ("101" a phone, "cli")."""

    setting: Setting
    at: float
    by: str = ""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """`forced`: by the night switch, whatever the clock says. `target`: where callers go while it is closed, where that is set;
    `opens`: when it opens (UTC seconds), where the clock says so."""

    open: bool
    forced: bool = False
    target: Target | None = None
    opens: float | None = None


ALWAYS = Opening(open=True)


def opening(config: Config, name: str | None, switched: Mapping[str, Switched], now: float) -> Opening:
    """The state of the hours of this name at `now`. Without hours, and of hours that are gone, always open."""
    hours = config.hours_named(name) if name else None
    if hours is None:
        return ALWAYS
    office, night = config.office, config.night
    setting = setting_of(config, hours, switched, now)
    if setting == "open":
        return Opening(open=True, forced=True)
    if setting == "closed":
        return Opening(open=False, forced=True, target=night.target or hours.closed, opens=_after_night(config, hours, now))
    if calendar.is_open(hours, now, office.timezone, office.country):
        return ALWAYS
    return Opening(
        open=False, target=hours.closed, opens=calendar.next_change(hours, now, office.timezone, office.country))


def _after_night(config: Config, hours: Hours, now: float) -> float | None:
    """When it opens after a forced night (UTC seconds): one that ends by itself gives way to the clock at its next change; when
    somebody will switch it, nobody knows."""
    office = config.office
    if config.night.lasts != "until-next-hours":
        return None
    change = calendar.next_change(hours, now, office.timezone, office.country)
    if change is None or calendar.is_open(hours, change, office.timezone, office.country):
        return change
    return calendar.next_change(hours, change, office.timezone, office.country)


def setting_of(config: Config, hours: Hours, switched: Mapping[str, Switched], now: float) -> Setting:
    """How the switch stands for these hours: their own setting or that of all, whichever was made later. One that ends by
    itself (`lasts`) is "auto" from the next time on that the clock opens or closes."""
    found = max((switched[name] for name in (hours.name, ALL) if name in switched), key=lambda s: s.at, default=None)
    if found is None or found.setting == "auto":
        return "auto"
    if config.night.lasts == "until-next-hours":
        change = calendar.next_change(hours, found.at, config.office.timezone, config.office.country)
        if change is not None and change <= now:
            return "auto"
    return found.setting


def by_code(config: Config, digits: str) -> Hours | None:
    """The hours whose `code` was keyed after the code of the night switch."""
    return next((hours for hours in config.hours if hours.code and hours.code == digits), None)


def pin_and_right(config: Config, extension: str) -> tuple[bool, str | None]:
    """Whether this phone may switch, and the PIN that is asked for before."""
    night = config.night
    return (not night.allowed or extension in night.allowed), night.pin
