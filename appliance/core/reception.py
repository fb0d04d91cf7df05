"""Reception: what a call is for, and which flow leads it. A table, and a few lines for each row.

A flow that is done with its caller but not finished (a menu's choice, a queue's overflow) sends the caller on: `send`.
Short codes have a table of their own, by their key in [codes]; `codes` is where each part of the core adds its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from appliance._core import CAMPAIGN, INBOUND
from appliance.calls.call import Call
from appliance.calls.codes import ToCode
from appliance.calls.flows.dial import Dial
from appliance.calls.flows.excuse import excuse
from appliance.calls.flows.operator import Operator
from appliance.calls.flows.queue import QueueFlow
from appliance.calls.flows.settings import SettingCodes
from appliance.calls.flows.take import TakeCodes
from appliance.calls.flows.wish import Wish
from appliance.calls.leg import Leg
from appliance.calls.parking import ParkingLot
from appliance.calls.routing import (
    Decision,
    ToAgents,
    ToCallback,
    ToExcuse,
    ToExtension,
    ToHangUp,
    ToMenu,
    ToOutside,
    ToQueue,
    ToScenario,
    ToSurvey,
    ToVoicemail,
    from_line,
    from_phone,
    to_target,
)
from appliance.config.values import Target
from drivers.base import LAMP_OFF, LAMP_ON, Incoming

if TYPE_CHECKING:
    from appliance.core.box import Box

log = logging.getLogger("reception")

MAX_HOPS = 40
"""A caller is sent on so often at most: a patient one may wander through menus, a circle without keys comes to an end."""

Flow = Callable[[Leg, Any], Awaitable[None]]
CodeFlow = Callable[[Leg, str], Awaitable[None]]
"""What a code does: the phone's leg, not answered yet, and the digits dialled after the code."""


class Reception:
    """One per core. It is also what flows call the exchange (calls.flows.reach.Exchange)."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._freed: asyncio.Event | None = None
        """Made where somebody waits for a channel."""
        self.settings = box.settings
        self.recorder = box.recordings
        self.lot = ParkingLot(lambda: box.config.parking.slots, self._parked)
        self.flows: dict[type[Decision], Flow] = {
            ToExtension: self._dial,
            ToOutside: self._dial,
            ToScenario: self._scenario,
            ToQueue: self._queue,
            ToMenu: self._not_yet("menu-excuse"),
            ToVoicemail: self._not_yet("voicemail-excuse"),
            ToCallback: self._callback,
            ToSurvey: self._goodbye,
            ToAgents: self._goodbye,
            ToHangUp: self._goodbye,
            ToCode: self._code,
            ToExcuse: self._excuse,
        }
        self.codes: dict[str, CodeFlow] = {**SettingCodes(box.settings).table(), **TakeCodes(self.lot).table()}
        """Key in [codes] -> its flow."""
        self.screen: Callable[[Leg], Decision | None] = lambda leg: None
        """Where callers go who are on a list or hide their number; None: where all others go."""

    # -- a call comes in --

    async def incoming(self, leg: Leg, event: Incoming) -> None:
        """Find what a call is for, and let that flow lead it."""
        box = self._box
        leg.language = box.switch.language_of(leg.endpoint)
        if leg.kind == "line" and not box.channels.occupy(leg.id, leg.endpoint, INBOUND):
            leg.reject(503, "All channels in use", 5)
            await leg.gone()
            return
        await self.lead(leg, self.screen(leg) or self.decide(leg, event.number))

    async def lead(self, leg: Leg, decision: Decision) -> None:
        leg.call.bound_for = decision
        await self.flows[type(decision)](leg, decision)

    async def send(self, leg: Leg, target: Target | Decision) -> None:
        """Bring a caller on to another target; returns when its flow has. See calls.flows.reach.Exchange."""
        leg.check()
        call = leg.call
        call.hops += 1
        if call.hops > MAX_HOPS:
            log.warning("a caller goes round in circles", extra={"call": call.id, "target": str(target)})
            await self.lead(leg, ToExcuse("menu-goodbye", 480, "loop"))
            return
        await self.lead(leg, to_target(self._box.config, target) if isinstance(target, Target) else target)

    # -- the rows of the table --

    async def _dial(self, leg: Leg, decision: ToExtension | ToOutside) -> None:
        await Dial(leg, self).run(decision)

    async def _scenario(self, leg: Leg, decision: ToScenario) -> None:
        scenario = self._box.config.scenario(decision.code)
        assert scenario is not None
        leg.call.reached(f"scenario:{decision.code}")
        await Operator(leg, scenario, self._box.desk, self._box.pins, leg.language).run()

    async def _queue(self, leg: Leg, decision: ToQueue) -> None:
        queue = self._box.config.queue(decision.queue)
        if queue is None:  # the configuration changed while the caller was on the way here
            await self.lead(leg, ToExcuse("queue-goodbye", 480, f"queue:{decision.queue}"))
            return
        await QueueFlow(leg, queue, self._box.acd, self).run()

    async def _callback(self, leg: Leg, decision: ToCallback) -> None:
        queue = self._box.config.queue(decision.queue)
        if queue is None:  # the configuration changed while the caller was on the way here
            await self.lead(leg, ToExcuse("queue-goodbye", 480, f"callback:{decision.queue}"))
            return
        await Wish(leg, queue, self._box.acd).run()

    async def _code(self, leg: Leg, decision: ToCode) -> None:
        flow = self.codes.get(decision.name)
        leg.call.purpose = "code"
        leg.call.reached(f"code:{decision.name}")
        if flow is None:
            await excuse(leg, ToExcuse("not-yet-available", 480, f"code:{decision.name}"), leg.language)
        else:
            await flow(leg, decision.digits)

    async def _excuse(self, leg: Leg, decision: ToExcuse) -> None:
        await excuse(leg, decision, leg.language)

    async def _goodbye(self, leg: Leg, decision: Decision) -> None:
        await excuse(leg, ToExcuse("goodbye", 480, "hangup"), leg.language)

    def _not_yet(self, prompt: str) -> Flow:
        """A part of the box that does not serve calls yet."""

        async def flow(leg: Leg, decision: Any) -> None:
            kind, name = prompt.removesuffix("-excuse"), "".join(vars(decision).values())
            await excuse(leg, ToExcuse(prompt, 480, f"{kind}:{name}"), leg.language)

        return flow

    def _parked(self, slot: int, leg: Leg | None) -> None:
        """A slot is taken or free: the lamp of its code shows it."""
        code = self._box.config.codes.unpark
        if code:
            self._box.driver.set_lamp(f"{code}{slot}", LAMP_ON if leg is not None else LAMP_OFF)

    # -- calls.flows.reach.Exchange --

    def ring_and_say(self, extension: str, prompt: str, **values: object) -> None:
        self._box.ring(extension, None, lambda language: self._box.switch.prompts.clips(prompt, language, **values))

    def decide(self, leg: Leg, dialled: str) -> Decision:
        if leg.is_ours:
            return from_phone(self._box.config, leg.extension, dialled)
        return from_line(self._box.config, leg.endpoint, dialled)

    def contacts(self, extension: str) -> list[str]:
        return self._box.driver.contacts(extension)

    def free_for_emergency(self, lines: Sequence[str], call: Call) -> bool:
        box = self._box
        found = (leg for id in box.channels.victims(list(lines)) if (leg := box.switch.legs.get(id)) is not None)
        leg = next((leg for leg in found if leg.call is not call), None)
        holding = box.channels.holding(leg.id) if leg is not None else None
        if box.recovery.pending and (holding is None or holding.purpose != CAMPAIGN):
            return True  # right after a restart: channels of calls left over are being freed
        if leg is None:
            return False
        log.warning("an emergency call takes another call's channel", extra={"call": call.id, "ended": leg.call.id})
        leg.call.break_off("emergency")
        return True

    def channel_free(self) -> None:
        """A channel of some line is free."""
        if self._freed is not None:
            self._freed.set()
            self._freed = None

    async def channel_freed(self, seconds: float) -> bool:
        freed = self._freed = self._freed or asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await freed.wait()
        except TimeoutError:
            return False
        return True
