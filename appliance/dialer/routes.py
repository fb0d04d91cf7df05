"""Which lines each subscriber of a campaign may be called over: who waits for a full line is told apart by that."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from appliance.campaigns.book import CampaignBook
from appliance.config.model import Config
from appliance.config.routes import lines_of, route_for
from appliance.dialer.pacing import Lines


class Routes:
    """`lines(book, subscriber)` for the pacer. `numbers(campaign)` gives a campaign's E.164 numbers by index."""

    def __init__(self, config: Config, numbers: Callable[[int], Sequence[str]]) -> None:
        self._config = config
        self._numbers = numbers
        self._differ: dict[tuple[str, ...], bool] = {}

    def take_over(self, config: Config) -> None:
        self._config = config
        self._differ.clear()

    def lines(self, book: CampaignBook, subscriber: int) -> Lines:
        """Empty where every number of the campaign goes over the same lines: then no number need be looked at."""
        over = tuple(book.rules.over)
        differ = self._differ.get(over)
        if differ is None:
            ways = {tuple(lines_of(route, over)) for route in self._config.routes}
            differ = self._differ[over] = len(ways) > 1
        numbers = self._numbers(book.id) if differ else ()
        if subscriber >= len(numbers):
            return ()
        route = route_for(self._config, numbers[subscriber])
        return tuple(lines_of(route, over)) if route is not None else ()
