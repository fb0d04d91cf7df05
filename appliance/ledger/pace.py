"""How long commits wait for one another, so that many share a transaction when the box is busy."""

from __future__ import annotations

import time
from collections.abc import Sized

GATHER_MOST = 0.01
GATHER_STEP = 0.002
GATHER_ENOUGH = 100


def gather_seconds(rate: float) -> float:
    """How long a commit waits for others to share its transaction, at `rate` commits per second. Nothing at an office's load; a
    few milliseconds under pressure, where a transaction of its own for each would cost more CPU than the calls. Pure."""
    return min(GATHER_MOST, max(0.0, (rate - 100.0) / 1000.0 * GATHER_MOST))


class Pace:
    """The rate of commits, as the writer's thread sees it."""

    def __init__(self) -> None:
        self._rate = 0.0
        self._measured = time.monotonic()

    def gather(self, queue: Sized) -> None:
        """Let more come into the queue."""
        left = gather_seconds(self._rate)
        while left > 0 and len(queue) < GATHER_ENOUGH:
            time.sleep(min(left, GATHER_STEP))
            left -= GATHER_STEP

    def measure(self, commits: int) -> None:
        """So many were written since the last time. Smoothed over about a quarter of a second."""
        now = time.monotonic()
        passed, self._measured = now - self._measured, now
        self._rate += (commits / max(passed, 1e-4) - self._rate) * min(1.0, passed / 0.25)
