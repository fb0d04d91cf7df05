"""What a waiting caller is told, and when. Pure: times in, names out.

Times are monotonic seconds. Between what is told there is music.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from appliance.config.model import Queue

Item = Literal["place", "message", "offer"]
EDGE = 1.2816
"""Of ten waits one is shorter and one is longer than what is told: standard deviations of a normal distribution."""


def minutes_told(estimate: float, place: int) -> tuple[int, int]:
    """Whole minutes between which four of five callers at this place are served, where `estimate` seconds are expected: 0 is told
    as "at most", (0, 1) as "less than a minute".

    A caller at place k waits for k agents to become free, one after the other: the wait is as good as gamma distributed, k steps
    long. Its edges by Wilson and Hilferty's cube (1931); to whole minutes they go outwards."""
    steps = max(1, place)
    low, high = (estimate * max(0.0, 1 - 1 / (9 * steps) + z / (3 * math.sqrt(steps))) ** 3 for z in (-EDGE, EDGE))
    return int(low // 60), max(1, math.ceil(high / 60))


class Schedule:
    """For one caller in one queue, from `begun` on."""

    def __init__(self, queue: Queue, begun: float) -> None:
        self._queue = queue
        self._begun = begun
        self._due: dict[Item, float] = {}
        self._told = 0
        if queue.announce_position_every is not None:
            self._due["place"] = begun + queue.announce_position_every
        if queue.messages:
            self._due["message"] = begun + queue.message_every_seconds
        if queue.offer_callback_after_seconds is not None:
            self._due["offer"] = begun + queue.offer_callback_after_seconds

    def expect(self, seconds: float | None) -> None:
        """Where the expected wait is long, being called back is offered at once."""
        limit = self._queue.callback.offer_when_wait_over_seconds
        if limit is not None and seconds is not None and seconds > limit and self.offers:
            self._due["offer"] = self._begun

    @property
    def offers(self) -> bool:
        """Whether this queue offers to call back at all."""
        callback = self._queue.callback
        return self._queue.offer_callback_after_seconds is not None or callback.offer_when_wait_over_seconds is not None

    def next(self) -> float | None:
        """When the next thing is to be told."""
        return min(self._due.values(), default=None)

    def take(self, now: float) -> Iterator[Item]:
        """What is due, in order; each comes again after its time."""
        for item in sorted((item for item, at in self._due.items() if at <= now), key=lambda item: self._due[item]):
            self._due[item] = now + self._period(item)
            yield item

    def _period(self, item: Item) -> float:
        queue = self._queue
        if item == "place":
            return float(queue.announce_position_every or 0)
        return float(queue.message_every_seconds if item == "message" else queue.callback.offer_again_every_seconds)

    def message(self) -> int:
        """Index of the message whose turn it is."""
        turn = self._told % len(self._queue.messages)
        self._told += 1
        return turn
