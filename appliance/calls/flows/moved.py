"""A waiting caller whom the office sends to a phone: where nobody answers there, back to the queue and the old place."""

from __future__ import annotations

from appliance.calls.flows.dial import Dial
from appliance.calls.flows.race import Failed
from appliance.calls.flows.reach import Exchange
from appliance.calls.leg import Leg
from appliance.calls.routing import ToQueue


class Moved(Dial):
    def __init__(self, a: Leg, exchange: Exchange, queue: str) -> None:
        super().__init__(a, exchange)
        self._queue = queue

    async def _talk(self, b: Leg) -> None:
        self.call.waits_since = 0.0
        await super()._talk(b)

    async def _tell(self, failed: Failed) -> None:
        await self.exchange.send(self.a, ToQueue(self._queue))
