"""An office in which a phone talks, for tests of what its keys do meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec

from appliance.calls.flows.dial import Dial
from appliance.calls.leg import Leg
from appliance.calls.routing import ToExtension, ToOutside
from appliance.messages import Cause
from drivers.base import Ended, Place, Ringing
from tests.callslab import Lab, settle
from tests.peers.net import PATIENCE

LINE = ToOutside("+358917700000", ["gateway", "provider"])


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, PATIENCE))


class Office:
    """`a`, phone 101, talks to `b`, 102 or a line. Phones in `ringing` only ring."""

    def __init__(self, *ringing: str, **config: Any) -> None:
        self.lab = Lab()
        self.lab.config = self.lab.switch.config = msgspec.structs.replace(self.lab.config, **config)
        self.lab.devices = {n: [f"sip:{n}@a"] for n in ("101", "102", "103", "104")}
        self.ringing = set(ringing)
        self.lab.driver.on_place = self._placed

    def _placed(self, order: Place) -> None:
        if order.endpoint in self.ringing:
            self.lab.tell(Ringing(leg=order.leg))
        else:
            self.lab.answers(order)

    async def begin(self, decision: ToExtension | ToOutside = LINE) -> Office:
        self.a = self.lab.comes("102")
        self.task = self.lab.switch.lead(self.a.call, lambda: Dial(self.a, self.lab).run(decision))
        await settle()
        self.b = self.a.call.legs[1]
        self.call = self.a.call
        return self

    async def press(self, leg: Leg, keys: str) -> None:
        for key in keys:
            self.lab.tell_digit(leg, key)
            await settle()

    async def go(self, leg: Leg) -> None:
        self.lab.tell(Ended(leg=leg.id, cause=Cause(q850=16)))
        await settle()

    def leg(self, endpoint: str) -> Leg:
        return [leg for leg in self.lab.switch.legs.values() if leg.endpoint == endpoint][-1]

    def hear_each_other(self, *legs: Leg) -> bool:
        """Whether just these are in one bridge."""
        ports = {leg.port for leg in legs}
        return any({port for port in bridge.ports if not port.closed} == ports for bridge in self.lab.engine.bridges)

    async def over(self) -> None:
        for leg in list(self.lab.switch.legs.values()):
            await self.go(leg)
        await self.task
        await settle()
        assert not self.lab.switch.legs and not self.lab.switch.calls and not self.lab.engine.open_ports
        assert all(port.closed for bridge in self.lab.engine.bridges for port in bridge.ports)
        assert [self.lab.busy(name) for name in ("gateway", "provider")] == [0, 0]
