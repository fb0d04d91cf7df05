"""The ACD's time: UTC as long as nobody sets the calendar, and carried on by the monotonic clock where somebody does. A machine
without a clock of its own finds out in the middle of calls that it is a year later; no caller has waited a year for that, and no
phone rings an hour longer because winter time was set by hand."""

from __future__ import annotations

from appliance._core import SET_BACK_SECONDS
from appliance.clock import Clock


class AcdClock:
    """Never jumps while anything waits for its time, and goes back by more than half a day or not at all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._base = clock.utc() - clock.mono()

    def now(self) -> float:
        return self._base + self._clock.mono()

    def is_far_ahead(self) -> bool:
        """Whether the calendar was set back by so much that no gaps make up for it."""
        return self._clock.utc() < self.now() - SET_BACK_SECONDS

    def set_back(self) -> None:
        """Take the calendar up as it is, now that nothing waits."""
        self._base = self._clock.utc() - self._clock.mono()

    def settle(self, latest: float) -> None:
        """Take the calendar up again, now that nothing waits. Not before `latest`, the last time that the ACD was told: after the
        calendar went back, the gaps in which nothing happens make up for it."""
        self._base = max(self._clock.utc(), latest) - self._clock.mono()
