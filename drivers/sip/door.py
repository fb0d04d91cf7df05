"""How many new calls the SIP thread lets in, seen to ten times a second: `shedding.py` decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from appliance.clock import Clock
from drivers.sip import wire
from drivers.sip.shedding import STEP_SECONDS, Shedding


class Door:
    """`most` new calls a second are configured; `command` sends to the SIP thread. `invites`: so many came, the driver counts."""

    def __init__(self, command: Callable[..., None], clock: Clock, most: int) -> None:
        self.invites = 0
        self._command = command
        self._clock = clock
        self._shedding = Shedding(most)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def rate(self) -> int:
        """New calls a second that are let in now."""
        return int(self._shedding.rate)

    def configure(self, most: int) -> None:
        self._shedding.most = most

    def open(self) -> None:
        """As soon as the thread runs."""
        self._command(wire.CMD_SHED, a=self.rate, b=self._shedding.burst)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on; the loop's lag is the sign of overload."""
        self._look(loop, self.invites, self._clock.mono())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, loop: asyncio.AbstractEventLoop, invites: int, since: float) -> None:
        passed = self._clock.mono() - since
        if passed > 0 and self._shedding.step(passed - STEP_SECONDS, (self.invites - invites) / passed):
            self.open()
        self._timer = loop.call_later(STEP_SECONDS, self._look, loop, self.invites, self._clock.mono())
