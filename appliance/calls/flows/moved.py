"""A waiting caller whom the office sends to a phone: it rings as long as the queue says, and where nobody answers, the caller is
back in the queue and has the old place."""

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
        rules = self.switch.config.queue(queue)
        if rules is not None:
            self.ring_seconds = float(rules.ring_seconds)

    async def _talk(self, b: Leg) -> None:
        self.call.waits_since = 0.0
        await super()._talk(b)

    async def _tell(self, failed: Failed) -> None:
        await self.exchange.send(self.a, ToQueue(self._queue))
