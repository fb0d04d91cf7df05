"""What a flow listens to: the events of all legs of its call, in the order they happened."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

LIMIT = 2000
"""Events kept for a flow that does not look. A peer that floods one call with digits fills its own inbox only."""
TICK = 0.001
"""Seconds that a loop's timer may go off too early by: it counts in milliseconds."""


class Inbox:
    __slots__ = ("_due", "_events", "_timer", "_until", "_waiter", "lost")

    def __init__(self) -> None:
        self._events: deque[Any] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._until: float | None = None
        """When the reader wants to be woken at the latest (the loop's time)."""
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        """When the timer goes off. That may be too early, then it is set anew: flows wait often and long, and are woken soon, so
        that one timer a call is cheaper than one a wait."""
        self.lost = 0

    def put(self, event: Any) -> None:
        """Add an event; a call flooded past `LIMIT` loses the newest (an end is never lost: legs keep it as state)."""
        if len(self._events) >= LIMIT:
            self.lost += 1
        else:
            self._events.append(event)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self, timeout: float | None = None) -> Any | None:
        """The next event, or None after `timeout` seconds. One flow, one reader."""
        if not self._events:
            if timeout is not None and timeout <= 0:
                return None
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            if timeout is not None:
                self._wake_at(loop, loop.time() + timeout)
            try:
                await self._waiter
            finally:
                self._waiter = self._until = None
            if not self._events:
                return None
        return self._events.popleft()

    def close(self) -> None:
        """Nobody waits here any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake_at(self, loop: asyncio.AbstractEventLoop, until: float) -> None:
        self._until = until
        if self._timer is not None and self._due <= until:
            return
        self.close()
        self._due = until
        self._timer = loop.call_at(until, self._time_is_up, loop)

    def _time_is_up(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._until is None:
            return
        if self._until - loop.time() < TICK:
            self._wake()
        else:
            self._wake_at(loop, self._until)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def poke(self) -> None:
        """Wake the reader without an event: something it checks for itself has changed."""
        self._wake()

    def put_back(self, events: list[Any]) -> None:
        """Give back what was taken too early: it comes first again, in its order."""
        self._events.extendleft(reversed(events))

    def drain(self) -> list[Any]:
        """All waiting events at once: what a caller pressed in the moment of hanging up still counts."""
        events = list(self._events)
        self._events.clear()
        return events
