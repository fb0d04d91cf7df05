"""Which lines take which outside numbers. Pure."""

from __future__ import annotations

from collections.abc import Container

from appliance.config import numbers
from appliance.config.model import Config, Route


def route_for(config: Config, number: str) -> Route | None:
    """The first route that matches an E.164 number."""
    for route in config.routes:
        if any(numbers.matches(pattern, number) for pattern in route.numbers):
            return route
    return None


def lines_of(route: Route, over: Container[str]) -> list[str]:
    """A route's lines in order, narrowed to `over` where that names any."""
    return [name for name in route.lines if not over or name in over]
