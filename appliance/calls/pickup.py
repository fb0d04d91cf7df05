"""Who may take a call that rings at another phone. Pure, over the configuration and the legs that ring."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from appliance.calls.leg import Leg, LegState
from appliance.config.model import Config


def same_group(config: Config, one: str, other: str) -> bool:
    """Whether these two phones share a pick-up group."""
    a, b = config.phone(one), config.phone(other)
    return a is not None and b is not None and not set(a.pickup_groups).isdisjoint(b.pickup_groups)


def ringing(config: Config, by: str, legs: Iterable[Leg], extension: str = "") -> Leg | None:
    """The leg that has rung longest (`legs` in the order they were made) at this phone, or at any other of the same group, and
    whose place `by` may take."""
    for leg in legs:
        rings = leg.kind == "phone" and leg.direction == "out" and leg.state in (LegState.NEW, LegState.RINGING)
        if not rings or leg.hanging_up or leg.id not in leg.call.replaceable:
            continue
        wanted = leg.endpoint == extension if extension else leg.endpoint != by
        if wanted and same_group(config, by, leg.endpoint):
            return leg
    return None


def watch_policy(config: Config, by: str, resource: str) -> Literal["no", "look", "pick-up"]:
    """What a phone may see of another's calls: `drivers.base.WatchPolicy`."""
    watched = config.phone(resource)
    if watched is None:
        return "look"
    if watched.watched_by is not None and by not in watched.watched_by:
        return "no"
    return "pick-up" if same_group(config, by, resource) else "look"
