"""The ACD's time: UTC as long as nobody sets the calendar, and carried on by the monotonic clock where somebody does. A machine
without a clock of its own finds out in the middle of calls that it is a year later; no caller has waited a year for that, and no
phone rings an hour longer because winter time was set by hand."""

from __future__ import annotations

from appliance.clock import Clock


class AcdClock:
    """Never goes back, and never jumps while anything waits for its time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._base = clock.utc() - clock.mono()

    def now(self) -> float:
        return self._base + self._clock.mono()

    def settle(self, latest: float) -> None:
        """Take the calendar up again, now that nothing waits. Not before `latest`, the last time that the ACD was told: after the
        calendar went back, the gaps in which nothing happens make up for it."""
        self._base = max(self._clock.utc(), latest) - self._clock.mono()
