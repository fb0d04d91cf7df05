"""The codes that take a call: one that rings elsewhere, one that is parked. The taker's leg joins that call. And the one that
keeps a slot for a call to be parked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from appliance.calls.flows import keyed
from appliance.calls.flows.excuse import excuse
from appliance.calls.flows.park import Taking, keep_slot
from appliance.calls.leg import Leg
from appliance.calls.parking import ParkingLot
from appliance.calls.pickup import ringing
from appliance.calls.replace import Replacing
from appliance.calls.routing import ToExcuse
from appliance.calls.switch import REPLACE_SECONDS


class TakeCodes:
    def __init__(self, lot: ParkingLot) -> None:
        self._lot = lot

    def table(self) -> dict[str, Callable[[Leg, str], Awaitable[None]]]:
        """Key in [codes] -> its flow."""
        return {"pick_up": self._pick_up, "pick_up_group": self._pick_up_group, "unpark": self._unpark, "park": self._park}

    async def _park(self, leg: Leg, digits: str) -> None:
        await keep_slot(leg, digits, self._lot)

    async def _pick_up(self, leg: Leg, digits: str) -> None:
        await self._take_ringing(leg, digits or "-")

    async def _pick_up_group(self, leg: Leg, digits: str) -> None:
        await self._take_ringing(leg, "")

    async def _take_ringing(self, leg: Leg, extension: str) -> None:
        switch = leg.call.switch
        found = ringing(switch.config, leg.endpoint, switch.legs.values(), extension)
        if found is None:
            await excuse(leg, ToExcuse("pick-up-nothing", 404, "pick-up"), leg.language)
        else:
            join(leg, found, Replacing(found, leg))

    async def _unpark(self, leg: Leg, digits: str) -> None:
        if not digits and self._lot.count > 1:
            leg.answer()
            digits = await keyed.number(leg, leg.call.switch.prompts.clips("park-enter-slot", leg.language))
        found = self._lot.parked(digits)
        if found is None or found.is_ended:
            await excuse(leg, ToExcuse("park-empty", 404, "unpark"), leg.language)
        else:
            join(leg, found, Taking(leg))


def join(leg: Leg, found: Leg, event: object) -> None:
    """Move a leg to the call of another, whose flow does the rest; or refuse it, where that has something else to do."""
    switch = leg.call.switch
    switch.adopt(leg, found.call)
    found.call.inbox.put(event)
    asyncio.get_running_loop().call_later(REPLACE_SECONDS, leg.reject, 603)  # nothing, where it was answered
