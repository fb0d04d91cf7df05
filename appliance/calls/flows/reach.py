"""Reaching somebody: all devices of an extension at once, or a number over one line after another.

Used wherever a flow needs a second party: a call, a blind transfer. Nothing is heard here; the caller of `Reach` says what
its own party hears meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from appliance._core import EMERGENCY, PHONE
from appliance.calls.call import Call
from appliance.calls.leg import Leg, LegState
from appliance.calls.replace import Replacing, replace
from appliance.calls.routing import Decision, ToExcuse, ToExtension, ToOutside, number_on
from appliance.config.values import Target
from appliance.errors import SwitchroomError
from appliance.messages import Cause
from drivers.base import Answered, EarlyMedia, LegEvent, Ringing

log = logging.getLogger("reach")

LINE_FAILED = frozenset({401, 403, 407, 408, 500, 501, 502, 503, 504, 513})
"""SIP statuses that speak of the line (down, full, our account) and not of the callee: the next line is tried."""
BUSY = frozenset({486, 600})
ELSEWHERE = 26
"""Q.850 non-selected user clearing: another device of the extension was faster."""
MAX_DIVERSIONS = 5
EMERGENCY_WAIT = 3.0
"""Seconds for a campaign's channel to come free: a BYE is answered long before, a dead gateway's is not waited for."""


class Exchange(Protocol):
    """What calling somebody needs of the core beside the switch."""

    def decide(self, leg: Leg, dialled: str) -> Decision: ...
    def contacts(self, extension: str) -> list[str]:
        """Addresses of the extension's registered devices, best first; the driver knows them by these names."""

    def free_for_emergency(self, lines: list[str]) -> bool:
        """Break off a campaign's call on one of these lines; False where there is none. Its channel follows shortly."""

    async def channel_freed(self, seconds: float) -> bool: ...

    async def send(self, leg: Leg, target: Target | Decision) -> None:
        """Bring a caller on to another target, and return when the flow of that is over. Any flow may do this as its last
        step; a call that is sent on too often (menus in a circle) ends in a spoken goodbye."""


@dataclass(frozen=True)
class Failed:
    """Nobody was reached. `excuse` is what to say where there is more to say than the status."""

    cause: Cause
    excuse: ToExcuse | None = None


@dataclass(frozen=True)
class Shown:
    """Who the called party sees. On a line, a number of the office's own; to a phone, number and name of the caller."""

    on_line: Callable[[str], str]
    to_phone: tuple[str, str]


def best_of(causes: list[Cause]) -> Cause:
    """What to tell of several devices (RFC 3261 16.7 step 6, for a person): a device that is busy or declined says more
    than one that rang in vain, and that more than one that could not be found."""
    def rank(cause: Cause) -> int:
        if cause.sip >= 600:
            return 0
        if cause.sip in BUSY:
            return 1
        return 2 if cause.sip in (480, 487) or cause.q850 == 19 else 3

    return min(causes, key=rank) if causes else Cause(sip=480, by="near")


class Reach:
    """One search for a second party on behalf of `near`, which must stay: when it goes, everything is called off. None: on
    behalf of nobody yet (a customer who is called back first)."""

    def __init__(
        self, call: Call, exchange: Exchange, near: Leg | None, shown: Shown, *,
        on_ringing: Callable[[], None] = lambda: None, on_early: Callable[[Leg], None] = lambda leg: None,
    ) -> None:
        self.call = call
        self.switch = call.switch
        self.exchange = exchange
        self.near = near
        self.shown = shown
        self.on_ringing = on_ringing
        self.on_early = on_early
        self.diverted: list[str] = []
        """Extensions whose phones forwarded this call, in order."""

    @property
    def _left_alone(self) -> bool:
        return self.near is not None and self.near.is_ended

    async def run(self, decision: ToExtension | ToOutside) -> Leg | Failed:
        """The leg that answered, or why there is none. Raises SwitchroomError "media.ports-exhausted"."""
        if isinstance(decision, ToExtension):
            return await self._extension(decision.extension)
        return await self._outside(decision)

    # -- a phone of the house --

    async def _extension(self, extension: str) -> Leg | Failed:
        phone = self.switch.config.phone(extension)
        contacts = self.exchange.contacts(extension)
        if not contacts:
            return Failed(Cause(sip=480, q850=20, by="near"), ToExcuse("phone-not-connected", 480, f"extension:{extension}"))
        if phone is not None and self.switch.calls_of(extension) >= phone.max_calls:
            return Failed(Cause(sip=486, q850=17, by="near", text="all its calls are in use"))
        legs = []
        for contact in contacts[: phone.max_contacts if phone else 1]:
            leg = self.call.add_leg("out", "phone", extension, extension)
            leg.contact = contact
            legs.append(leg)
        self._equip(legs)
        for leg in legs:
            self._place(leg, extension, *self.shown.to_phone)
        found = await self._first(legs)
        elsewhere = next((leg for leg in legs if leg.diverted_to), None)
        if isinstance(found, Leg) or elsewhere is None or self._left_alone:
            return found
        return await self._follow(elsewhere)

    async def _follow(self, leg: Leg) -> Leg | Failed:
        """A phone forwards by itself (302): the call goes where that phone itself may call, never round in a circle."""
        decision = self.exchange.decide(leg, leg.diverted_to)
        self.diverted.append(leg.endpoint)
        target = decision.extension if isinstance(decision, ToExtension) else leg.diverted_to
        allowed = isinstance(decision, ToExtension) or (isinstance(decision, ToOutside) and not decision.emergency)
        if not allowed or target in self.diverted or len(self.diverted) > MAX_DIVERSIONS:
            log.warning("a phone's forwarding is not followed", extra={"call": self.call.id, "extension": leg.endpoint})
            return Failed(Cause(sip=480, q850=20, by="near", text="forwarded to nowhere"))
        assert isinstance(decision, ToExtension | ToOutside)
        return await self.run(decision)

    # -- over our lines --

    async def _outside(self, decision: ToOutside) -> Leg | Failed:
        """Over the first line that takes it; each further line where the one before failed as a line. An emergency call
        tries them all, whatever the first one says."""
        left = list(decision.lines)
        failed: Failed | None = None
        while left:
            leg = self.call.add_leg("out", "line", "", decision.number)
            line, why = await self._seize(leg, left, decision.emergency)
            if line is None:
                self.call.forget(leg)
                return failed or Failed(Cause(sip=503, q850=34, by="near", text=why), _line_excuse(why))
            left = left[left.index(line) + 1:]
            leg.endpoint = line
            self._equip([leg])
            self._place(leg, self.number_on(line, decision), self.shown.on_line(line), "")
            found = await self._first([leg])
            if isinstance(found, Leg) or self._left_alone:
                return found
            failed = found
            if not (decision.emergency or found.cause.sip in LINE_FAILED or found.cause.by == "network"):
                return found
            log.warning("a line did not take the call", extra={
                "call": self.call.id, "line": line, "sip": found.cause.sip, "next": left[0] if left else ""})
        return _of_line(failed) if failed else Failed(Cause(sip=404, by="near"), _line_excuse("no_route"))

    async def _seize(self, leg: Leg, lines: list[str], emergency: bool) -> tuple[str | None, str]:
        channels = self.switch.channels
        line, why = channels.seize(leg.id, lines, EMERGENCY if emergency else PHONE)
        until = self.switch.clock.mono() + EMERGENCY_WAIT
        if line is None and emergency and self.exchange.free_for_emergency(lines):
            while line is None and self.switch.clock.mono() < until and not self._left_alone:
                await self.exchange.channel_freed(max(0.0, until - self.switch.clock.mono()))
                line, why = channels.seize(leg.id, lines, EMERGENCY)
        return line, why

    def number_on(self, line: str, decision: ToOutside) -> str:
        """The number as this line wants it; emergency numbers as they are dialled."""
        if decision.emergency:
            return decision.number
        return number_on(self.switch.config, line, decision.number)

    # -- placing and waiting --

    def _equip(self, legs: list[Leg]) -> None:
        """Codecs and an RTP port for each, or for none: a leg without a port is not placed."""
        try:
            for leg in legs:
                leg.codecs = self._codecs_for(leg)
                leg.open_port(near=self.near)
        except SwitchroomError:
            for leg in legs:
                self.call.forget(leg)
            raise

    def _codecs_for(self, leg: Leg) -> tuple[str, ...]:
        """Its codecs with the near party's own first: what both speak needs no transcoding."""
        near = self.near
        offer = near.incoming.offer if near and near.incoming else None
        mine = near.media.codec if near and near.media else offer.codec if offer else ""
        return tuple(sorted(self.switch.codecs_of(leg.kind, leg.endpoint), key=lambda codec: codec != mine))

    def _place(self, leg: Leg, number: str, caller: str, name: str) -> None:
        self.switch.ledger.append(self.call.opened(leg))
        more = {"diverted_from": self.diverted[-1], "diversions": len(self.diverted)} if self.diverted else {}
        self.switch.place(leg, number, caller, name, **more)

    async def _first(self, legs: list[Leg]) -> Leg | Failed:
        """The first of these legs to answer; the others are called off. Somebody who picks up in place of one is as good."""
        legs = list(legs)
        self.call.replaceable = {leg.id for leg in legs}
        try:
            return await self._first_of(legs)
        finally:
            self.call.replaceable = set()

    async def _first_of(self, legs: list[Leg]) -> Leg | Failed:
        until = self.switch.clock.mono() + self.switch.config.dialling.ring_seconds
        while True:
            left = until - self.switch.clock.mono()
            event = await self.call.inbox.get(max(0.0, left))
            if self._left_alone:
                self._call_off(legs, 16, "the caller hung up")
                return Failed(Cause(sip=487, by="far"))
            if isinstance(event, Replacing):
                await self._picked_up(event, legs)
            won = next((leg for leg in legs if leg.answered_at and not leg.is_ended), None)
            if won is not None:
                self._call_off([leg for leg in legs if leg is not won], ELSEWHERE, "answered elsewhere")
                return won
            if all(leg.is_ended for leg in legs):
                return Failed(best_of([leg.cause for leg in legs]))
            if left <= 0:
                self._call_off(legs, 19, "no answer")
                if all(leg.kind == "line" and leg.state is LegState.NEW for leg in legs):
                    return Failed(Cause(sip=408, q850=102, by="network", text="the line did not even ring"))
                return Failed(Cause(sip=480, q850=19, by="near", text="no answer"))
            if isinstance(event, LegEvent) and any(event.leg == leg.id for leg in legs):
                self._progress(event, legs)

    async def _picked_up(self, event: Replacing, legs: list[Leg]) -> None:
        if event.leg not in legs or event.leg.answered_at or self.near is None:
            event.by.reject(486 if event.leg in legs else 603)
            return
        legs.append(event.by)
        await replace(self.call, event, self.near)

    def _progress(self, event: LegEvent, legs: list[Leg]) -> None:
        if isinstance(event, EarlyMedia) and len(legs) == 1:
            self.on_early(legs[0])
        elif isinstance(event, Ringing | EarlyMedia):
            self.on_ringing()
        elif not isinstance(event, Answered):
            log.debug("passed over", extra={"call": self.call.id, "event": type(event).__name__})

    @staticmethod
    def _call_off(legs: list[Leg], q850: int, text: str) -> None:
        for leg in legs:
            leg.hang_up(q850, text)


def _line_excuse(why: str) -> ToExcuse:
    prompt = {"line_down": "line-down", "no_route": "number-not-in-service"}.get(why, "no-line")
    return ToExcuse(prompt, 503, f"line:{why}")


def _of_line(failed: Failed) -> Failed:
    """The last line failed as a line: the caller hears that, instead of a status that phones show as a number."""
    if failed.cause.sip in LINE_FAILED or failed.cause.by == "network":
        return Failed(failed.cause, ToExcuse("line-down", 503, "line:failed"))
    return failed
