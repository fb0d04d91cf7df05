"""When the events of the SIP thread are fetched by turns instead of each waking the event loop. Pure.

To be woken costs as much as what many an event asks for. Where events come thick, several are fetched at once every
ROUND_SECONDS: what they have in common (the loop, the caches, the wake-up of the SIP thread by our orders) is paid once. Where
they come seldom each wakes us at once, as then nothing is gained by waiting.
"""

from __future__ import annotations

ROUND_SECONDS = 0.004
MANY = 1000
"""Events a second from which they are fetched by turns: some 160 calls between two parties, or 330 that we answer."""
WINDOW = 0.05
"""Seconds over which they are counted."""


class Rounds:
    """`busy` while many events come."""

    def __init__(self) -> None:
        self.busy = False
        self._since = 0.0
        self._count = 0

    def note(self, events: int, now: float) -> bool:
        """So many events were just fetched, at `now` (monotonic seconds). -> `busy`."""
        self._count += events
        passed = now - self._since
        if passed >= WINDOW:
            self.busy = self._count >= MANY * passed
            self._since, self._count = now, 0
        return self.busy
