"""A customer is called back: the agent first and then the customer, or the customer first and then an agent.

The ACD keeps the customer's place and says who is called when. This flow leads one try: it begins with an agent who is rung
(or a customer who is dialled) and ends with the conversation, or with the customer's place kept for later.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from appliance._core import (
    CallbackClosed,
    CloseCallback,
    Connect,
    DialCustomer,
    EndOffer,
    HangUp,
    KeptPlace,
    Leave,
    Reached,
    RetryLater,
    StopDialling,
    Unreached,
)
from appliance.calls.call import Call
from appliance.calls.flows.contact import ContactCall, Decided
from appliance.calls.flows.desk import Customer, QueueDesk
from appliance.calls.flows.reach import Exchange, Failed, Reach, Shown
from appliance.calls.flows.ringing import ringing_tone
from appliance.calls.flows.transfer import RINGS
from appliance.calls.leg import HungUp, Leg
from appliance.calls.routing import Decision, ToExtension, ToOutside, caller_id_for, to_target
from appliance.config.values import Target

log = logging.getLogger("queue")
GONE_SECONDS = 30.0
"""The goodbye to who asked to be called back takes less."""


class CallbackFlow(ContactCall):
    ACTS = {kind: act for kind, act in ContactCall.ACTS.items() if kind is not KeptPlace} | {
        DialCustomer: "_decide", RetryLater: "_decide", CallbackClosed: "_closed", StopDialling: "_stop",
    }
    """With the promise on disk (KeptPlace) nothing is to be done: an agent may be rung for it already."""

    def __init__(
        self, call: Call, contact: str, queue: str, desk: QueueDesk, exchange: Exchange, customer: Customer
    ) -> None:
        super().__init__(call, contact, queue, desk, exchange, None)
        self.customer = customer

    def who(self) -> tuple[str, str]:
        return self.customer.number, self.customer.name

    def _end_offer(self, action: EndOffer) -> None:
        super()._end_offer(action)
        self.call.inbox.poke()

    def _closed(self, action: CallbackClosed) -> None:
        """No callback any more: this try is over, unless that is because the customer is on the line."""
        if self.caller is None:
            self._decide(action)

    def _stop(self, action: StopDialling) -> None:
        """No attempt any more: the customer's leg goes, and the search for it with that; or it is not begun."""
        if isinstance(self.verdict, DialCustomer):
            self.verdict = None
        for leg in self.call.open_legs:
            if all(not ring.owns(leg.id) for ring in self.rings.values()):
                leg.hang_up(16, "not needed any more")

    async def run(self) -> None:
        self.call.reached(f"callback:{self.queue}")
        try:
            while await self._step():
                continue
        finally:
            self.desk.leave(self.contact, self)
            self.stop_rings()

    async def _step(self) -> bool:
        """Wait for what the ACD decides, and do it. False: this try is over."""
        try:
            while self.verdict is not None or self.caller is not None or self.rings:
                await self._next()
            return False  # no agent took it: the next offer is another try
        except Decided:
            verdict: Any = self.verdict
        except HungUp:
            self.desk.tell(HangUp(self.contact, "caller"))
            return False
        self.verdict = None
        if isinstance(verdict, DialCustomer):
            await self._dial(verdict)
            return True
        if isinstance(verdict, Connect):
            return not await self.talk(verdict)
        if isinstance(verdict, RetryLater | CallbackClosed):
            await self._tell_agent("callback-unreached")
        elif isinstance(verdict, Leave) and verdict.target and self.caller is not None:
            await self.exchange.send(self.caller, Target(verdict.target))
        return False

    # -- the customer --

    async def _dial(self, dial: DialCustomer) -> None:
        agent = self._agent()
        where = self._where()
        if where is None:
            log.warning("no line leads to who is to be called back", extra={"contact": self.contact})
            self.desk.tell(CloseCallback(self.contact, "unreachable"))
            return
        if agent is not None:
            prompts = self.switch.prompts.clips("callback-agent", agent.language)
            agent.open_port().play([*prompts, *[ringing_tone(self.switch.config.office.country)] * RINGS])
        await self._until_gone()
        found = await Reach(self.call, self.exchange, agent, self._to_customer(agent)).run(where)
        if agent is not None:
            agent.stop_play()
            if agent.is_ended:
                if isinstance(found, Leg):
                    found.hang_up()
                self.desk.tell(HangUp(self.contact, "agent"))
                return
        if isinstance(found, Failed):
            self.desk.tell(Unreached(self.contact, f"sip-{found.cause.sip}" if found.cause.sip else found.cause.by))
            return
        self.caller = found
        found.language = self.customer.language
        if agent is None:
            hello = self.switch.prompts.clips("callback-hello", found.language)
            config = self.switch.config
            rules = config.queue(self.queue)
            music = self.switch.prompts.melody() if rules is None or config.music_named(rules.music) is None else None
            found.open_port().play([*hello, *([music] * 20 if music else [])])
        self.desk.tell(Reached(self.contact))

    async def _until_gone(self) -> None:
        """The customer is still on the line on which the call was asked for: their phone would be busy."""
        asked = self.switch.calls.get(self.contact)
        if asked is None or asked is self.call:
            return
        try:
            async with asyncio.timeout(GONE_SECONDS):
                for leg in asked.open_legs:
                    await leg.gone()
        except TimeoutError:
            log.warning("a customer who asked to be called back is still on the line", extra={"call": self.call.id})

    def _where(self) -> ToExtension | ToOutside | None:
        config, number = self.switch.config, self.customer.number
        where: Decision = ToExtension(number) if config.phone(number) else to_target(config, Target(f"outside:{number}"))
        return where if isinstance(where, ToExtension | ToOutside) else None

    def _to_customer(self, agent: Leg | None) -> Shown:
        config = self.switch.config
        rules = config.queue(self.queue)
        wanted = rules.callback.caller_id if rules else None
        name = config.office.name
        return Shown(on_line=lambda line: caller_id_for(config, line, wanted),
                     to_phone=((rules.number if rules else None) or "switchroom", name))

    def _agent(self) -> Leg | None:
        """The leg of the agent who waits on the line."""
        return next((ring.won for ring in self.rings.values() if ring.taken), None)

    async def _tell_agent(self, prompt: str) -> None:
        agent = self._agent()
        if agent is None or agent.is_ended:
            return
        try:
            await agent.play(self.switch.prompts.clips(prompt, agent.language))
        except HungUp:
            return
        agent.hang_up()
