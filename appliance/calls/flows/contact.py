"""A contact of the ACD as a call: agents are rung for it, one takes it, and both talk.

The ACD decides; its actions come in by `act`, at once, and what they leave to be done (a verdict) is done by the flow that
leads the call. A flow never waits for anything but its inbox, through `_next`, which ends in `Decided` as soon as there is a
verdict: whatever the caller hears then, an agent who has answered is not kept waiting.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence

from appliance._core import (
    Action,
    Answer,
    Connect,
    Denied,
    EndOffer,
    HandOver,
    HangUp,
    KeptPlace,
    Leave,
    Move,
    Offer,
    Refuse,
    Unreachable,
)
from appliance.calls.call import Call, OutOf
from appliance.calls.flows.desk import QueueDesk, caller_of
from appliance.calls.flows.label import label
from appliance.calls.flows.reach import Exchange, Shown
from appliance.calls.flows.ring import AgentRing
from appliance.calls.flows.talk import Talk, is_lost
from appliance.calls.leg import HungUp, Leg
from appliance.calls.routing import Decision, ToExcuse, ToSurvey, caller_id_for
from appliance.media.engine import Clip
from appliance.media.events import Digit, PlayDone

log = logging.getLogger("queue")

TOLD = {"declined": Refuse, "unreachable": Unreachable}


class Decided(Exception):
    """The ACD has decided what becomes of the contact: see `ContactCall.verdict`."""


class ContactCall:
    """`contact` is the ACD's id; `caller` its leg, once there is one."""

    ACTS: Mapping[type[Action], str] = {
        Offer: "_offer", EndOffer: "_end_offer", Connect: "_decide", Leave: "_decide", KeptPlace: "_decide",
    }
    """What the ACD decides -> the method that does it, by its name: bound methods in each flow would keep it in memory after
    its end, until the collector comes by."""

    def __init__(self, call: Call, contact: str, queue: str, desk: QueueDesk, exchange: Exchange, caller: Leg | None) -> None:
        self.call = call
        self.contact = contact
        self.queue = queue
        self.desk = desk
        self.exchange = exchange
        self.caller = caller
        self.switch = call.switch
        self.rings: dict[str, AgentRing] = {}
        self.verdict: Action | None = None
        self._talk: Talk | None = None
        self._back = False
        """The caller was cut off, or waited to be called back, or lost the agent: and has the old place again."""

    # -- what the ACD decides --

    def act(self, action: Action) -> None:
        name = self.ACTS.get(type(action))
        if name is not None:
            getattr(self, name)(action)

    def _decide(self, action: Action) -> None:
        self.verdict = action
        self.call.inbox.poke()

    def _offer(self, action: Offer) -> None:
        seat = self.desk.seat_of(action.agent, action.queue)
        ring = AgentRing(self.call, self.exchange, action.agent, seat, self.shown(action.queue), self.caller) if seat else None
        started = ring is not None and not self.call.interrupted and ring.start()
        if ring is None or not started:
            asyncio.get_running_loop().call_soon(self.desk.tell, Unreachable(self.contact, action.agent))
            return
        self.rings[action.agent] = ring
        for leg in ring.legs:
            self.desk.serving(leg, self, action.agent)

    def _end_offer(self, action: EndOffer) -> None:
        if action.how != "accepted":
            ring = self.rings.pop(action.agent, None)
            if ring is not None:
                ring.stop(elsewhere=action.how == "withdrawn")

    def shown(self, queue: str) -> Shown:
        """The agent sees who calls and for what: the name, what was keyed in and the queue; the number. On a line it is a
        number of ours."""
        config, caller = self.switch.config, self.caller
        number, name = self.who()
        phone = config.phone(caller.endpoint) if caller is not None and caller.kind == "phone" else None
        return Shown(on_line=lambda line: caller_id_for(config, line, phone.caller_id if phone else None),
                     to_phone=(number, label(name, number, self.call.facts.values(), queue)))

    def who(self) -> tuple[str, str]:
        """Number and name of the customer."""
        caller = self.caller
        if caller is None:
            return "anonymous", ""
        return caller_of(caller, self.switch.config)

    # -- waiting for anything --

    async def _next(self, timeout: float | None = None) -> object | None:
        """The next event that is no agent's; None after `timeout` seconds or to look again. Raises `Decided`, `HungUp`."""
        if self.verdict is None:
            event = await self.call.inbox.get(timeout)
            self._look(event)
        else:
            event = None
        if self.caller is not None:
            self.caller.check()
        if self.verdict is not None:
            raise Decided
        return event

    def _look(self, event: object) -> None:
        """What an event means for the agents who are being rung."""
        for agent, ring in list(self.rings.items()):
            if ring.taken or self.rings.get(agent) is not ring:
                continue
            what = ring.look(event)
            if what == "taken":
                self.desk.tell(Answer(self.contact, agent))
            elif what:
                self.desk.tell(TOLD[what](self.contact, agent))

    async def play(self, clips: Sequence[Clip], keys: str = "") -> str:
        """Play to the caller to the end, or up to a key out of `keys`, which is returned."""
        caller, wanted = self.caller, set(keys)
        assert caller is not None
        caller.check()
        playing = caller.open_port().play(list(clips))
        while True:
            event = await self._next()
            if isinstance(event, PlayDone) and caller.owns(event) and event.play == playing:
                return ""
            if isinstance(event, Digit) and caller.owns(event) and event.digit in wanted:
                caller.stop_play()
                return event.digit

    async def key(self, keys: str, seconds: float) -> str:
        """A key out of `keys`, "" after so many seconds."""
        wanted, loop = set(keys), asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            event = await self._next(left)
            if isinstance(event, Digit) and self.caller is not None and self.caller.owns(event) and event.digit in wanted:
                return event.digit
        return ""

    # -- the conversation --

    async def talk(self, connect: Connect) -> bool:
        """Join caller and agent until one of them goes. False where the agent went before they were joined: the caller is
        in the queue again, in the old place."""
        self.verdict = None
        ring, caller = self.rings.pop(connect.agent), self.caller
        agent = ring.won
        assert agent is not None and caller is not None
        try:
            await self._whisper(agent, connect.queue)
        except HungUp as gone:
            return await self._parted_early(gone.leg)
        caller.stop_play()
        caller.afterwards = self._afterwards(connect)
        self.call.out_of = OutOf(self.contact, connect.queue, caller.id, connect.at - connect.waited)
        bridge = self.switch.engine.bridge([])
        talk = self._talk = Talk(caller, agent, self.exchange, bridge, connect.queue)
        talk.stays, talk.keeps = agent if agent.outsider is not None else None, caller
        try:
            await talk.run()
        finally:
            bridge.close()
            if not (talk.left_alone and caller.call is self.call) or caller.is_ended or self.call.interrupted:
                self._over(caller, agent, connect.agent)
        if self._talk is talk:
            return await self._left_alone(caller)
        await talk.lead_on()
        if agent is talk.stays and agent.call is self.call and not (agent.is_ended or agent.hanging_up):
            await self.desk.after_call(agent)
        return True

    def _afterwards(self, connect: Connect) -> Decision | None:
        """What the caller is asked when the agent has hung up."""
        rules = self.switch.config.queue(connect.queue)
        if rules is None or rules.survey is None:
            return None
        return ToSurvey(rules.survey, connect.queue, self.contact, connect.agent)

    async def _whisper(self, agent: Leg, queue: str) -> None:
        """A word to the agent about the queue; the caller hears the music meanwhile. Raises HungUp where either goes."""
        known = self.switch.config.queue(queue)
        words = known.tell_agent if known else ""
        office = self.switch.config.office.language
        clips = self.switch.sounds.say(words, agent.language or office, (known.language if known else None) or office)
        for leg in (agent, self.caller):
            if leg is not None:
                leg.check()
        if not clips:
            return
        playing = agent.open_port().play(list(clips))
        while True:
            event = await self.call.inbox.get()
            for leg in (agent, self.caller):
                if leg is not None:
                    leg.check()
            if isinstance(event, PlayDone) and agent.owns(event) and event.play == playing:
                return

    async def _parted_early(self, gone: Leg) -> bool:
        if gone is self.caller:
            self.desk.tell(HangUp(self.contact, "caller"))
            raise HungUp(gone)
        caller = self.caller
        assert caller is not None
        log.info("an agent went before the caller was put through", extra={"call": self.call.id})
        return await self._back_in_place(caller)

    async def _left_alone(self, caller: Leg) -> bool:
        """The agent's phone has fallen silent in the conversation: nobody is hung up on for that."""
        self._talk = None
        log.warning("an agent's phone was lost in a conversation, the caller waits again", extra={"call": self.call.id})
        music = self.switch.sounds.music(self.switch.config.music_named(None), random.Random())
        language = caller.language or self.switch.config.office.language
        caller.open_port().play([*self.switch.prompts.clips("hold-wait", language), *music], loop=True)
        return await self._back_in_place(caller)

    async def _back_in_place(self, caller: Leg) -> bool:
        """The caller is in the queue again; True where that cannot be, and the call is over."""
        view = self.desk.core.contact(self.contact)
        back = Move(self.contact, view.queue, keep=True, priority=view.priority) if view is not None else None
        if back is None or any(isinstance(action, Denied) for action in self.desk.tell(back)):
            # The queue went with a new configuration: nobody is left to music that no agent will ever end.
            self.desk.tell(HangUp(self.contact, "agent"))
            await self.exchange.send(caller, ToExcuse("queue-goodbye", 480, f"queue:{self.queue}"))
            return True
        self._back = True
        self.call.out_of = None
        return False

    def agent_left(self, leg: Leg, agent: str) -> None:
        """The agent's leg is gone while the talk goes on: it was put through to somebody else. Or the leg has been talking in
        another call, and that is over."""
        talk = self._talk
        if talk is None and leg.call is not self.call:
            self.desk.tell(HangUp(self.contact, "agent"))
        parties = [party for party in talk.parties if party is not self.caller and not party.is_ended] if talk else []
        if talk is not None and talk.putting_through:
            self.desk.tell(HandOver(self.contact, ""))  # whoever answers has a call of their own
        elif parties and parties[0] is not leg:
            other = parties[0]
            to = self.desk.agent_at(other.endpoint) if other.kind == "phone" else ""
            view = self.desk.core.agent(to) if to else None
            free = view is not None and view.state in ("ready", "dialling-out", "reserved")
            self.desk.tell(HandOver(self.contact, to if free and to != agent else ""))

    def _over(self, caller: Leg, agent: Leg, name: str) -> None:
        """The conversation is over, or has gone on to another call."""
        self._talk = None
        if caller.call is not self.call:
            self.desk.tell(HandOver(self.contact, ""))
        elif agent.call is not self.call and not agent.is_ended:
            log.debug("the agent talks on in another call", extra={"call": self.call.id, "to": agent.call.id})
        elif self.call.interrupted:
            self.desk.tell(HangUp(self.contact, "restart"))
        else:
            cut = caller.is_ended and is_lost(caller.cause)
            by_caller = caller.is_ended and caller.cause.by == "far"
            self.desk.tell(HangUp(self.contact, "cut" if cut else "caller" if by_caller else "agent"))

    def stop_rings(self) -> None:
        for ring in self.rings.values():
            ring.stop()
        self.rings.clear()
