"""A call from one party to another: phone to phone, phone to the outside, outside to a phone.

The caller's leg is A, the called ones B. Audio is joined by a bridge; hold, early media, transfers and hang-ups of one side
are carried to the other. Lines are tried in the order of the route until one takes the call.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from appliance._core import EMERGENCY, PHONE
from appliance.calls.flows.excuse import excuse
from appliance.calls.leg import Leg, LegState
from appliance.calls.routing import Decision, ToExcuse, ToExtension, ToOutside, caller_id_for
from appliance.config import numbers
from appliance.media.engine import Bridge
from appliance.messages import CallTransferred, Cause, LegHeld, LegResumed
from drivers.base import Answered, EarlyMedia, Ended, LegEvent, MediaChanged, Ringing, TransferAsked

log = logging.getLogger("dial")

LINE_FAILED = frozenset({408, 500, 501, 502, 503, 504, 513})
"""SIP statuses that speak of the line and not of the callee: the next line of the route is tried."""
PASSED_ON = frozenset({404, 410, 480, 484, 486, 487, 488, 600, 603, 604, 606})
"""Statuses that a caller's phone is told as they are; others become 503."""


class Exchange(Protocol):
    """What dialling needs of the core beside the switch."""

    def decide(self, leg: Leg, dialled: str) -> Decision: ...
    def registered(self, extension: str) -> bool: ...
    def free_for_emergency(self, lines: list[str]) -> bool:
        """Break off a campaign's call on one of these lines; False where there is none. Its channel follows shortly."""

    async def channel_freed(self, seconds: float) -> bool: ...


@dataclass
class Bs:
    """The called side: its legs (several when a phone has several devices) and what they have told so far."""

    legs: list[Leg]
    last: Cause

    def alive(self) -> list[Leg]:
        return [leg for leg in self.legs if not leg.is_ended]


class Dial:
    def __init__(self, a: Leg, exchange: Exchange) -> None:
        self.a = a
        self.call = a.call
        self.switch = a.call.switch
        self.exchange = exchange
        self.bridge: Bridge | None = None

    async def run(self, decision: ToExtension | ToOutside) -> None:
        try:
            if isinstance(decision, ToExtension):
                await self._to_extension(decision)
            else:
                await self._to_outside(decision)
        finally:
            if self.bridge is not None:
                self.bridge.close()

    # -- to whom --

    async def _to_extension(self, decision: ToExtension) -> None:
        self.call.reached(f"extension:{decision.extension}")
        if decision.extension == self.a.endpoint and self.a.kind == "phone":
            self.a.reject(486)
            return
        if not self.exchange.registered(decision.extension):
            await excuse(self.a, ToExcuse("phone-not-connected", 480, f"extension:{decision.extension}"), self._language())
            return
        b = self.call.add_leg("out", "phone", decision.extension, decision.extension)
        await self._try(b, decision.extension, [])

    async def _to_outside(self, decision: ToOutside) -> None:
        """Over the first line that takes it; each further line only where the one before failed as a line."""
        self.call.reached("emergency" if decision.emergency else "outside")
        left = list(decision.lines)
        while True:
            b = self.call.add_leg("out", "line", "", decision.number)
            line, why = self.switch.channels.seize(b.id, left, EMERGENCY if decision.emergency else PHONE)
            if line is None and decision.emergency and self.exchange.free_for_emergency(left):
                await self.exchange.channel_freed(3.0)
                line, why = self.switch.channels.seize(b.id, left, EMERGENCY)
            if line is None:
                self._forget(b)
                prompt = {"line_down": "line-down", "no_route": "number-not-in-service"}.get(why, "no-line")
                await excuse(self.a, ToExcuse(prompt, 503, f"line:{why}"), self._language())
                return
            left = left[left.index(line) + 1:]
            b.endpoint = line
            entry = self.switch.config.line(line)
            b.supervised = False  # a person listens: they hear the tones themselves
            form = entry.send_as if entry else "e164"
            number = decision.number if decision.emergency else numbers.send_as(
                decision.number, form, self.switch.config.office.country)
            number = (entry.number_prefix if entry else "") + number
            if not await self._try(b, number, left):
                return

    def _forget(self, leg: Leg) -> None:
        """A leg that never came to be: no line, so nothing on any wire and nothing in the ledger."""
        self.call.legs.remove(leg)
        self.switch.legs.pop(leg.id, None)

    # -- one try --

    async def _try(self, b: Leg, number: str, others: list[str]) -> bool:
        """Call B and stay until the end. True where the line failed and another may be tried."""
        b.codecs = self._codecs_for(b)
        b.open_port(near=self.a)
        caller, name = self._caller(b)
        self.switch.ledger.append(self.call.opened(b))
        self.switch.place(b, number, caller, name)
        ring_seconds = self.switch.config.dialling.ring_seconds
        until = self.switch.clock.mono() + ring_seconds
        while True:
            event = await self.call.inbox.get(max(0.0, until - self.switch.clock.mono()))
            if self.a.is_ended:
                b.hang_up()
                return False
            if event is None and self.switch.clock.mono() >= until:
                b.hang_up(19, "no answer")
                await b.gone()
                await self._tell_a(Cause(sip=480, q850=19, by="near"))
                return False
            if not isinstance(event, LegEvent) or event.leg != b.id:
                continue
            if isinstance(event, Ringing):
                self.a.ring()
            elif isinstance(event, EarlyMedia):
                self._early(b)
            elif isinstance(event, Answered):
                await self._talk(b)
                return False
            elif isinstance(event, Ended):
                if others and b.kind == "line" and (b.cause.sip in LINE_FAILED or b.cause.by == "network"):
                    log.info("line failed, trying the next", extra={"call": self.call.id, "line": b.endpoint})
                    return True
                await self._tell_a(b.cause)
                return False

    def _codecs_for(self, b: Leg) -> tuple[str, ...]:
        """B's codecs with the caller's own first: what both speak needs no transcoding."""
        allowed = self.switch.codecs_of(b.kind, b.endpoint)
        mine = self.a.media.codec if self.a.media else (self.a.incoming.offer.codec if self.a.incoming and self.a.incoming.offer else "")
        return tuple(sorted(allowed, key=lambda codec: codec != mine))

    def _caller(self, b: Leg) -> tuple[str, str]:
        """Number and name shown to B."""
        config = self.switch.config
        if b.kind == "line":
            phone = config.phone(self.a.endpoint) if self.a.kind == "phone" else None
            return caller_id_for(config, b.endpoint, phone.caller_id if phone else None), ""
        if self.a.kind == "phone":
            phone = config.phone(self.a.endpoint)
            return self.a.endpoint, phone.name if phone else ""
        incoming = self.a.incoming
        return (incoming.caller, incoming.caller_name) if incoming else ("anonymous", "")

    def _early(self, b: Leg) -> None:
        if self.a.incoming is None or self.a.incoming.offer is None:
            self.a.ring()
            return
        self.a.open_port(near=b)
        self.a.early()
        self._join(b)

    def _join(self, b: Leg) -> None:
        """Let A and B hear each other."""
        if self.bridge is None:
            self.bridge = self.switch.engine.bridge([])
        for leg in (self.a, b):
            if leg.port is not None and not leg.port.closed:
                self.bridge.add(leg.port)

    async def _tell_a(self, cause: Cause) -> None:
        """B cannot be had: a phone is told the SIP status (it plays the tone), a caller from outside is told in words."""
        if self.a.is_ended:
            return
        if self.a.kind == "line":
            prompt = "number-busy" if cause.sip in (486, 600) else "no-answer"
            await excuse(self.a, ToExcuse(prompt, 480, prompt), self._language())
            return
        self.a.reject(cause.sip if cause.sip in PASSED_ON else 503)
        await self.a.gone()

    def _language(self) -> str:
        return self.switch.language_of(self.a.endpoint)

    # -- talking --

    async def _talk(self, b: Leg) -> None:
        """A and B are connected, until one of them goes, or asks for a transfer."""
        self.a.open_port(near=b)
        self.a.answer()
        self._join(b)
        longest = self.switch.config.dialling.max_call_hours * 3600
        until = self.switch.clock.mono() + longest
        parties = [self.a, b]
        while True:
            event = await self.call.inbox.get(max(0.0, until - self.switch.clock.mono()))
            gone = next((leg for leg in parties if leg.is_ended), None)
            if gone is not None:
                for leg in parties:
                    leg.hang_up(gone.cause.q850 or 16)
                return
            if event is None and self.switch.clock.mono() >= until:
                for leg in parties:
                    leg.hang_up(102, "longest call reached")
                return
            if isinstance(event, MediaChanged):
                self._carry_hold(parties, event)
            elif isinstance(event, TransferAsked):
                parties = await self._transfer(parties, event)

    def _carry_hold(self, parties: list[Leg], event: MediaChanged) -> None:
        """One side holds the other: the held one hears that it waits; it hears the other again on resuming."""
        other = next((leg for leg in parties if leg.id != event.leg), None)
        holder = next((leg for leg in parties if leg.id == event.leg), None)
        if other is None or holder is None or other.port is None or self.bridge is None:
            return
        if holder.held and not other.is_ended:
            if other.port in self.bridge.ports:
                self.bridge.remove(other.port)
                clips = self.switch.prompts.clips("hold-wait", self._language())
                other.port.play([*clips, *self.switch.prompts.clips("pause-long", self._language())], loop=True, gap_ms=5000)
                self.switch.ledger.append(LegHeld(leg=other.id, by="near"))
        elif other.port not in self.bridge.ports:
            other.stop_play()
            self._rejoin(parties)
            self.switch.ledger.append(LegResumed(leg=other.id))

    def _rejoin(self, parties: list[Leg]) -> None:
        if self.bridge is None:
            self.bridge = self.switch.engine.bridge([])
        for leg in parties:
            if leg.port is not None and not leg.port.closed and leg.port not in self.bridge.ports:
                self.bridge.add(leg.port)

    # -- transfers (RFC 3515, RFC 5589) --

    async def _transfer(self, parties: list[Leg], event: TransferAsked) -> list[Leg]:
        """One party hands the other on. Returns who talks afterwards; on failure the two of before."""
        by = next(leg for leg in parties if leg.id == event.leg)
        other = next(leg for leg in parties if leg.id != event.leg)
        if event.replaces:
            return await self._attended(parties, by, other, event)
        return await self._blind(parties, by, other, event)

    async def _attended(self, parties: list[Leg], by: Leg, other: Leg, event: TransferAsked) -> list[Leg]:
        """The transferring phone has a second call with us: its other end becomes our other end."""
        second = self.switch.legs.get(event.replaces)
        ends = [leg for leg in second.call.legs if leg is not second and leg.state is LegState.ANSWERED] if second else []
        if second is None or not ends or second.call is self.call:
            self.switch.driver.transfer_state(by.id, 481, "No such call")
            return parties
        target = ends[0]
        await self.switch.ledger.commit(
            CallTransferred(call=self.call.id, by_leg=by.id, kind="attended", target=target.number or target.endpoint))
        self.switch.adopt(target, self.call)
        other.stop_play()
        self.switch.driver.transfer_state(by.id, 200, "OK")
        second.hang_up()
        by.hang_up()
        self._rejoin([other, target])
        return [other, target]

    async def _blind(self, parties: list[Leg], by: Leg, other: Leg, event: TransferAsked) -> list[Leg]:
        """Call the target in the transferring party's name and rights; the waiting one hears that it is put through."""
        decision = self.exchange.decide(by, event.target)
        c = self._target_leg(decision)
        if c is None:
            self.switch.driver.transfer_state(by.id, 404, "Not Found")
            return parties
        await self.switch.ledger.commit(
            CallTransferred(call=self.call.id, by_leg=by.id, kind="blind", target=event.target))
        number = decision.extension if isinstance(decision, ToExtension) else self._number_on(c, decision)
        c.codecs = self.switch.codecs_of(c.kind, c.endpoint)
        c.open_port(near=other)
        self.switch.ledger.append(self.call.opened(c))
        self.switch.place(c, number, *self._shown(other, by))
        if other.port is not None and self.bridge is not None:
            self.bridge.remove(other.port)
            other.port.play(self.switch.prompts.clips("transfer-wait", self._language()))
        return await self._blind_wait(parties, by, other, c)

    async def _blind_wait(self, parties: list[Leg], by: Leg, other: Leg, c: Leg) -> list[Leg]:
        until = self.switch.clock.mono() + self.switch.config.dialling.ring_seconds
        while True:
            event = await self.call.inbox.get(max(0.0, until - self.switch.clock.mono()))
            late = event is None and self.switch.clock.mono() >= until
            if other.is_ended or late:
                c.hang_up(19)
            if other.is_ended:
                return [other, by]
            if isinstance(event, Answered) and event.leg == c.id:
                self.switch.driver.transfer_state(by.id, 200, "OK")
                other.stop_play()
                by.hang_up()
                self._rejoin([other, c])
                return [other, c]
            if c.is_ended or late:
                self.switch.driver.transfer_state(by.id, c.cause.sip or 480, "Not reached")
                return self._transfer_failed(parties, by, other)

    def _transfer_failed(self, parties: list[Leg], by: Leg, other: Leg) -> list[Leg]:
        """Back to the one who transferred, where still there; else the waiting one is told and the call ends."""
        if by.is_ended:
            return [other, by]
        other.stop_play()
        self._rejoin(parties)
        return parties

    def _target_leg(self, decision: Decision) -> Leg | None:
        if isinstance(decision, ToExtension) and self.exchange.registered(decision.extension):
            return self.call.add_leg("out", "phone", decision.extension, decision.extension)
        if isinstance(decision, ToOutside):
            leg = self.call.add_leg("out", "line", "", decision.number)
            line, _ = self.switch.channels.seize(leg.id, decision.lines, PHONE)
            if line is not None:
                leg.endpoint = line
                return leg
            self._forget(leg)
        return None

    def _number_on(self, leg: Leg, decision: Decision) -> str:
        assert isinstance(decision, ToOutside)
        entry = self.switch.config.line(leg.endpoint)
        form = entry.send_as if entry else "e164"
        return (entry.number_prefix if entry else "") + numbers.send_as(decision.number, form, self.switch.config.office.country)

    def _shown(self, other: Leg, by: Leg) -> tuple[str, str]:
        """Caller shown to a transfer's target: the party that it will talk to."""
        if other.incoming is not None:
            return other.incoming.caller or by.endpoint, other.incoming.caller_name
        return other.number or by.endpoint, ""
