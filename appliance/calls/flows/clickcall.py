"""Click to call: the phone of whoever clicked rings, and when it is picked up the number is called as if it had been dialled
there. In the ledger the phone's leg is the caller's (`in`), although we rang it: it is its user who calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from appliance.calls.call import Call
from appliance.calls.flows.dial import Dial
from appliance.calls.flows.reach import Exchange, Shown
from appliance.calls.flows.ring import AgentRing, Seat
from appliance.calls.leg import Leg
from appliance.calls.routing import ToExtension, ToOutside, caller_id_for

RING_SECONDS = 30.0
"""So long the phone of whoever clicked rings."""


class OwnPhone(AgentRing):
    """All devices of the phone; `dialled` is what it would have dialled."""

    dialled = ""

    def leg_of(self, extension: str) -> Leg:
        return self.call.add_leg("in", "phone", extension, self.dialled)


class ClickCall:
    """`reached` is awaited when somebody has answered, before both talk. `shown_as`: the number shown on a line instead of the
    phone's own, "" for that."""

    def __init__(
        self, call: Call, exchange: Exchange, extension: str, dialled: str, decision: ToExtension | ToOutside, *,
        name: str = "", shown_as: str = "", reached: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.call = call
        self._exchange = exchange
        self._decision = decision
        self._shown_as = shown_as
        self._reached = reached
        switch = call.switch
        seat = Seat(ToExtension(extension), False, switch.language_of(extension))
        shown = Shown(on_line=lambda line: caller_id_for(switch.config, line, None), to_phone=(dialled, name or dialled))
        self._ring = OwnPhone(call, exchange, "", seat, shown, None)
        self._ring.dialled = dialled

    def start(self) -> bool:
        """Ring the phone. False where it cannot be rung; the call is empty then."""
        if not self._ring.start():
            return False
        for leg in self._ring.legs:
            self.call.switch.on_leg(leg)  # its user is busy from now on: no queue rings it meanwhile
        return True

    async def run(self) -> None:
        """After `start`."""
        leg = await self._own_phone()
        if leg is not None:
            self.call.bound_for = self._decision
            leg.language = leg.language or self.call.switch.language_of(leg.endpoint)
            await _Towards(leg, self._exchange, self._shown_as, self._reached).run(self._decision)

    async def _own_phone(self) -> Leg | None:
        """The leg that was picked up; None where nobody did."""
        ring, loop = self._ring, asyncio.get_running_loop()
        until, what = loop.time() + RING_SECONDS, ""
        while not what and (left := until - loop.time()) > 0:
            what = ring.look(await self.call.inbox.get(left))
        if what == "taken":
            return ring.won
        ring.stop()
        return None


class _Towards(Dial):
    def __init__(self, a: Leg, exchange: Exchange, shown_as: str, reached: Callable[[], Awaitable[None]] | None) -> None:
        super().__init__(a, exchange)
        self._shown_as = shown_as
        self._on_reached = reached

    def _shown(self) -> Shown:
        shown = super()._shown()
        if not self._shown_as:
            return shown
        config = self.switch.config
        return Shown(on_line=lambda line: caller_id_for(config, line, self._shown_as), to_phone=shown.to_phone,
                     diverted=shown.diverted)

    async def _talk(self, b: Leg) -> None:
        if self._on_reached is not None:
            await self._on_reached()
        await super()._talk(b)
