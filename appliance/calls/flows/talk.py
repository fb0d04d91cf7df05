"""Two parties in conversation: hold, digits, transfers, silence, and the end.

Audio is joined by a bridge. What one side does (hold, hang up, press a key by INFO) is carried to the other.
"""

from __future__ import annotations

import functools
import logging

from appliance.calls.flows.reach import Exchange, Failed, Reach, Shown
from appliance.calls.leg import HungUp, Leg, LegState
from appliance.calls.replace import Replacing, replace
from appliance.calls.routing import ToExtension, ToOutside, caller_id_for
from appliance.media import tones
from appliance.media.engine import Bridge
from appliance.media.events import Digit
from appliance.messages import CallTransferred, LegHeld, LegResumed
from drivers.base import MediaChanged, TransferAsked

log = logging.getLogger("talk")

RINGS = 24
"""Rings that somebody who is put through hears at most: 2 minutes, more than `ring_seconds` gives."""
RING_PERIOD = 5.0


@functools.cache
def ringing_tone(country: str) -> bytes:
    """One ring and its pause, as heard in this country."""
    return tones.generate(tones.plan(country), "ringback", RING_PERIOD)


class Talk:
    """A call's parties, `first` and `second`, until one of them goes. Both are answered."""

    def __init__(self, first: Leg, second: Leg, exchange: Exchange, bridge: Bridge) -> None:
        self.parties = [first, second]
        self.call = first.call
        self.switch = first.call.switch
        self.exchange = exchange
        self.bridge = bridge

    async def run(self) -> None:
        self.join()
        try:
            await self._talk()
        finally:
            self.call.replaceable = set()

    async def _talk(self) -> None:
        until = self.switch.clock.mono() + self.switch.config.dialling.max_call_hours * 3600
        while True:
            self.call.replaceable = {leg.id for leg in self.parties}
            left = until - self.switch.clock.mono()
            event = await self.call.inbox.get(max(0.0, left))
            self.call.replaceable = set()
            gone = next((leg for leg in self.parties if leg.is_ended or leg.call is not self.call), None)
            if gone is not None:
                self._part(gone)
                return
            if left <= 0:
                for leg in self.parties:
                    leg.hang_up(102, "longest call reached")
                continue
            if isinstance(event, MediaChanged):
                self._carry_hold(event)
            elif isinstance(event, Digit):
                self._carry_digit(event)
            elif isinstance(event, TransferAsked):
                await self._transfer(event)
            elif isinstance(event, Replacing):
                await self._replace(event)

    def _part(self, gone: Leg) -> None:
        """One is gone: the other is hung up, except where another call has taken it over."""
        for leg in self.parties:
            if leg.call is self.call:
                leg.hang_up(gone.cause.q850 or 16)

    def join(self) -> None:
        """Let the parties hear each other."""
        for leg in self.parties:
            if leg.port is not None and not leg.port.closed and leg.port not in self.bridge.ports:
                self.bridge.add(leg.port)

    def _other(self, leg_id: str) -> Leg | None:
        """The party on the other side of this one; None where the leg is no party of this talk."""
        ids = [leg.id for leg in self.parties]
        return self.parties[1 - ids.index(leg_id)] if leg_id in ids else None

    def _language(self, leg: Leg) -> str:
        return self.switch.language_of(leg.endpoint)

    # -- digits --

    def _carry_digit(self, event: Digit) -> None:
        """A key pressed on one side reaches the other. Those that come in the audio stream are passed on by the engine; those
        that come by INFO, or must leave by it, pass here."""
        giver = next((leg for leg in self.parties if leg.port is not None and leg.port.id == event.port), None)
        taker = self._other(giver.id) if giver is not None else None
        if taker is None or taker.port is None or taker.port.closed:
            return
        line = self.switch.config.line(taker.endpoint) if taker.kind == "line" else None
        if line is not None and line.dtmf == "info":
            self.switch.driver.send_info_digit(taker.id, event.digit)
        elif event.source == "info":
            taker.port.send_digits(event.digit)

    # -- hold --

    def _carry_hold(self, event: MediaChanged) -> None:
        """One side holds: the other hears that it waits, and hears the first again on resuming."""
        other = self._other(event.leg)
        if other is None or other.port is None or other.port.closed:
            return
        holder = next(leg for leg in self.parties if leg.id == event.leg)
        if holder.held and other.port in self.bridge.ports:
            self.bridge.remove(other.port)
            prompts, language = self.switch.prompts, self._language(other)
            clips = [*prompts.clips("hold-wait", language), *prompts.clips("pause-long", language)]
            other.port.play(clips, loop=True, gap_ms=5000)
            self.switch.ledger.append(LegHeld(leg=other.id, by="near"))
        elif not holder.held and other.port not in self.bridge.ports:
            other.stop_play()
            self.join()
            self.switch.ledger.append(LegResumed(leg=other.id))

    # -- transfers (RFC 3515, RFC 5589) --

    async def _transfer(self, event: TransferAsked) -> None:
        by, other = next((leg for leg in self.parties if leg.id == event.leg), None), self._other(event.leg)
        if by is None or other is None:
            return
        if event.replaces:
            await self._attended(by, other, event)
        else:
            await self._blind(by, other, event)

    async def _attended(self, by: Leg, other: Leg, event: TransferAsked) -> None:
        """The transferring phone has a second call with us: its other end becomes our other end."""
        second = self.switch.legs.get(event.replaces)
        ends = [leg for leg in second.call.legs if leg is not second and leg.state is LegState.ANSWERED] if second else []
        own = second is not None and (second.kind, second.endpoint) == (by.kind, by.endpoint)
        if second is None or not own or not ends or second.call is self.call:
            self.switch.driver.transfer_state(by.id, 481, "No such call")
            return
        target = ends[0]
        await self.switch.ledger.commit(
            CallTransferred(call=self.call.id, by_leg=by.id, kind="attended", target=target.number or target.endpoint))
        if target.is_ended or other.is_ended:  # they went while that was written
            self.switch.driver.transfer_state(by.id, 481, "No such call")
            return
        self.switch.adopt(target, self.call)
        second.call.inbox.poke()
        self._resume(other)
        self._resume(target)
        self._let_go(by)
        self.parties = [other, target]
        self.switch.driver.transfer_state(by.id, 200, "OK")
        second.hang_up()
        by.hang_up()
        self.join()

    async def _replace(self, event: Replacing) -> None:
        """Another leg takes a party's place (RFC 3891): the phones did the transfer among themselves."""
        other = self._other(event.leg.id)
        if other is None:  # it was replaced by somebody else meanwhile
            event.by.reject(481)
            return
        new = await replace(self.call, event, other)
        if new is None:
            return
        self._let_go(event.leg)
        self._resume(other)
        self.parties = [other, new]
        self.join()

    def _resume(self, leg: Leg) -> None:
        """A party that was held by the one who went hears somebody again."""
        leg.stop_play()
        if leg.port is not None and leg.port not in self.bridge.ports:
            self.switch.ledger.append(LegResumed(leg=leg.id))

    def _let_go(self, leg: Leg) -> None:
        """A party that handed on hears nothing more."""
        if leg.port is not None and leg.port in self.bridge.ports:
            self.bridge.remove(leg.port)

    async def _blind(self, by: Leg, other: Leg, event: TransferAsked) -> None:
        """Call the target with the transferring party's rights; the waiting one hears that it is put through, then
        ringing."""
        decision = self.exchange.decide(by, event.target)
        if not isinstance(decision, ToExtension | ToOutside):
            self.switch.driver.transfer_state(by.id, 404, "Not Found")
            return
        await self.switch.ledger.commit(
            CallTransferred(call=self.call.id, by_leg=by.id, kind="blind", target=event.target))
        self._let_go(by)
        if other.port is not None and not other.port.closed:
            self._wait_music(other)
        reach = Reach(self.call, self.exchange, other, self._shown(other, by), on_early=lambda leg: self._early(other, leg))
        found = await reach.run(decision)
        if other.is_ended:
            return
        if isinstance(found, Leg):
            other.stop_play()
            self.parties = [other, found]
            self.switch.driver.transfer_state(by.id, 200, "OK")
            by.hang_up()
            self.join()
        else:
            await self._transfer_failed(by, other, found)

    def _wait_music(self, other: Leg) -> None:
        if other.port in self.bridge.ports:
            self.bridge.remove(other.port)
        clips = self.switch.prompts.clips("transfer-wait", self._language(other))
        assert other.port is not None
        other.port.play([*clips, *[ringing_tone(self.switch.config.office.country)] * RINGS])

    def _early(self, other: Leg, target: Leg) -> None:
        """The target's line sends its own ringing: the waiting one hears that instead."""
        other.stop_play()
        for leg in (other, target):
            if leg.port is not None and not leg.port.closed:
                self.bridge.add(leg.port)

    async def _transfer_failed(self, by: Leg, other: Leg, why: Failed) -> None:
        """Back to the one who transferred, where still there; else the waiting one is told, and the call ends."""
        self.switch.driver.transfer_state(by.id, why.cause.sip or 480, "Not reached")
        if not by.is_ended:
            other.stop_play()
            self.join()
            return
        prompt = "number-busy" if why.cause.sip in (486, 600) else "no-answer"
        try:
            await other.play(self.switch.prompts.clips(prompt, self._language(other)))
        except HungUp:
            return

    def _shown(self, other: Leg, by: Leg) -> Shown:
        """A transfer's target sees the party that it will talk to; a line gets the number of the one who transferred."""
        config = self.switch.config
        phone = config.phone(by.endpoint) if by.kind == "phone" else None
        if other.direction == "in" and other.kind == "line" and other.incoming is not None:
            who = (other.incoming.caller or by.endpoint, other.incoming.caller_name)
        elif other.kind == "phone":
            entry = config.phone(other.endpoint)
            who = (other.endpoint, entry.name if entry else "")
        else:
            who = (other.number or by.endpoint, "")
        return Shown(on_line=lambda line: caller_id_for(config, line, phone.caller_id if phone else None), to_phone=who)


