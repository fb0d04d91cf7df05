"""How many new calls a second are let in: as many as the core keeps up with, never more than configured. Pure.

The sign of overload is the event loop's lag: everything that the SIP thread has told waits in front of it. A rate that is
cut below what was worked off lets the backlog melt; then it grows again by small steps until the next lag (AIMD, as in
RFC 6357 5.3's local control). The guard refuses the rest with 503 for next to nothing; what belongs to a call is never shed.
"""

from __future__ import annotations

STEP_SECONDS = 0.1
LATE = 0.1
"""Seconds of lag that count as overload: far below the 0.5 s after which callers repeat themselves (RFC 3261 T1)."""
UP = 1.05
"""By step: twice the rate after 1.4 s without a lag."""
LEAST = 50
"""A lag that is not ours (a disk, a neighbour on the machine) must not shut an office out."""


class Shedding:
    """`most` new calls a second are configured; `rate` is what is let in now."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.rate = float(most)

    @property
    def burst(self) -> int:
        """How many may come at one moment."""
        return max(int(self.rate) // 5, 20)

    def step(self, lag: float, taken: float) -> bool:
        """After each step of about STEP_SECONDS: `lag` s that the loop was late by, `taken` new calls a second that were worked
        off. True where `rate` has changed."""
        before = self.rate
        if lag > LATE:
            spare = min(0.8, 0.05 + lag - LATE)  # the longer the queue, the more of our time is for what waits in it
            self.rate = min(float(self.most), max(float(LEAST), min(self.rate, taken) * (1 - spare)))
        elif lag < LATE / 2:
            self.rate = min(float(self.most), self.rate * UP)
        return self.rate != before
