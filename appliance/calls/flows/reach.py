"""Reaching somebody: all devices of an extension at once, or a number over one line after another.

Used wherever a flow needs a second party: a call, a blind transfer. Nothing is heard here; the caller of `Reach` says what
its own party hears meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from appliance._core import EMERGENCY, PHONE
from appliance.calls.call import Call
from appliance.calls.flows.race import Failed, Later, Race
from appliance.calls.forwarding import ABSENT, follow_me
from appliance.calls.leg import Leg, Outsider
from appliance.calls.parking import ParkingLot
from appliance.calls.recording import Recorder
from appliance.calls.routing import Decision, ToExcuse, ToExtension, ToOutside, number_on
from appliance.calls.settings import SettingsBook
from appliance.config.values import Target
from appliance.errors import SwitchroomError
from appliance.messages import Cause

log = logging.getLogger("reach")

LINE_FAILED = frozenset({401, 403, 407, 408, 500, 501, 502, 503, 504, 513})
"""SIP statuses that speak of the line (down, full, our account) and not of the callee: the next line is tried."""
EMERGENCY_WAIT = 3.0
"""Seconds for a campaign's channel to come free: a BYE is answered long before, a dead gateway's is not waited for."""


class Exchange(Protocol):
    """What calling somebody needs of the core beside the switch."""

    @property
    def settings(self) -> SettingsBook:
        """What the users of phones have set."""

    @property
    def recorder(self) -> Recorder: ...
    @property
    def lot(self) -> ParkingLot: ...
    def ring_and_say(self, extension: str, prompt: str, **values: object) -> None:
        """Ring a phone of ours and say this."""

    def decide(self, leg: Leg, dialled: str) -> Decision: ...
    def contacts(self, extension: str) -> list[str]:
        """Addresses of the extension's registered devices, best first; the driver knows them by these names."""

    def free_for_emergency(self, lines: list[str], call: Call) -> bool:
        """Break off another call than this on one of these lines, a campaign's where there is one; False where there is none. Its
        channel follows shortly."""

    async def channel_freed(self, seconds: float) -> bool: ...

    async def send(self, leg: Leg, target: Target | Decision) -> None:
        """Bring a caller on to another target, and return when the flow of that is over. Any flow may do this as its last
        step; a call that is sent on too often (menus in a circle) ends in a spoken goodbye."""


class Shown(msgspec.Struct, frozen=True):
    """Who the called party sees. On a line, a number of the office's own; to a phone, number and name of the caller."""

    on_line: Callable[[str], str]
    to_phone: tuple[str, str]
    diverted: Callable[[str], dict[str, Any]] | None = None
    """Fields of Place that say who sent the call on, by line ("" for a phone)."""


class Reach:
    """One search for a second party on behalf of `near`, which must stay: when it goes, everything is called off. None: on
    behalf of nobody yet (a customer who is called back first)."""

    def __init__(
        self, call: Call, exchange: Exchange, near: Leg | None, shown: Shown, *,
        on_ringing: Callable[[], None] = lambda: None, on_early: Callable[[Leg], None] = lambda leg: None,
        on_event: Callable[[object], bool] | None = None, ring_seconds: float | None = None,
    ) -> None:
        self.call = call
        self.switch = call.switch
        self.exchange = exchange
        self.near = near
        self.shown = shown
        self.on_ringing = on_ringing
        self.on_early = on_early
        self.on_event = on_event
        self.ring_seconds = ring_seconds
        """How long it rings; None: as the office says."""
        self.race: Race | None = None
        """The search under way."""

    @property
    def _left_alone(self) -> bool:
        return self.near is not None and self.near.is_ended

    async def run(self, decision: ToExtension | ToOutside, outsider: Outsider | None = None) -> Leg | Failed:
        """The leg that answered, or why there is none. `outsider`: whose number outside it is; an answer there counts after a
        key, as a mailbox may pick up. Raises SwitchroomError "media.ports-exhausted"."""
        if isinstance(decision, ToExtension):
            return await self._extension(decision.extension)
        return await self._outside(decision, outsider)

    # -- a phone of the house --

    async def _extension(self, extension: str) -> Leg | Failed:
        phone = self.switch.config.phone(extension)
        contacts = self.exchange.contacts(extension)
        follows = follow_me(self.switch.config, phone) if phone is not None and phone.follow_me else None
        if not contacts and follows is None:
            return _of_phone(Failed(Cause(sip=480, q850=ABSENT, by="near")), extension)
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
        if phone is None or follows is None:
            return _of_phone(await self._first(legs), extension)
        confirms: set[str] = set()
        at = self.switch.clock.mono() + (phone.follow_me_after_seconds if legs else 0.0)
        return await self._first(legs, Later(at, lambda: self._follow(extension, follows, confirms)), confirms)

    def _follow(self, extension: str, decision: ToOutside, confirms: set[str]) -> list[Leg]:
        """The outside number that rings with the phone, over the first line that is free; an answer there counts after a key.
        Without a line the phone rings alone."""
        leg = self.call.add_leg("out", "line", "", decision.number)
        line, why = self.switch.channels.seize(leg.id, decision.lines, PHONE)
        if line is None:
            log.warning("a follow-me number cannot be called", extra={"call": self.call.id, "why": why})
            self.call.forget(leg)
            return []
        leg.endpoint = line
        try:
            self._equip([leg])
        except SwitchroomError as problem:
            log.warning("a follow-me number cannot be called: %s", problem, extra={"call": self.call.id})
            return []
        confirms.add(leg.id)
        leg.outsider = Outsider(extension)
        self._place(leg, self.number_on(line, decision), self.shown.on_line(line), "")
        return [leg]

    # -- over our lines --

    async def _outside(self, decision: ToOutside, outsider: Outsider | None) -> Leg | Failed:
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
            # An emergency call comes back to lines that were full: it takes a campaign's channel there, if it must.
            left = [name for name in left if name != line] if decision.emergency else left[left.index(line) + 1:]
            leg.endpoint = line
            leg.outsider = outsider
            self._equip([leg])
            self._place(leg, self.number_on(line, decision), self.shown.on_line(line), "")
            found = await self._first([leg], confirms={leg.id} if outsider is not None else None)
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
        if not emergency:
            return channels.seize(leg.id, lines, PHONE)
        up = [name for name in lines if (line := channels.line(name)) is not None and line.up]
        found, why = await self._seize_for_help(leg, up) if up else (None, "line_down")
        # A line that is down is tried where no other is left: it may work all the same.
        return (found, why) if found is not None or up == lines else await self._seize_for_help(leg, lines)

    async def _seize_for_help(self, leg: Leg, lines: list[str]) -> tuple[str | None, str]:
        """A channel of these lines for an emergency call; where none is free a campaign's, else the one of another call."""
        channels = self.switch.channels
        line, why = channels.seize(leg.id, lines, EMERGENCY)
        until = self.switch.clock.mono() + EMERGENCY_WAIT
        if line is None and self.exchange.free_for_emergency(lines, self.call):
            while line is None and self.switch.clock.mono() < until and not self._left_alone:
                await self.exchange.channel_freed(max(0.0, until - self.switch.clock.mono()))
                line, why = channels.seize(leg.id, lines, EMERGENCY)
                if line is None:  # it went to another emergency call, which had chosen the same: one more, where there is one
                    self.exchange.free_for_emergency(lines, self.call)
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
        more = self.shown.diverted(leg.endpoint if leg.kind == "line" else "") if self.shown.diverted else {}
        self.switch.place(leg, number, caller, name, **more)

    async def _first(self, legs: list[Leg], later: Later | None = None, confirms: set[str] | None = None) -> Leg | Failed:
        """The first of these legs to answer; the others are called off."""
        race = self.race = Race(
            self.call, self.near, legs, self.ring_seconds or self.switch.config.dialling.ring_seconds, self.on_ringing,
            self.on_early, self.on_event, later, confirms if confirms is not None else set())
        return await race.run()


def _of_phone(found: Leg | Failed, extension: str) -> Leg | Failed:
    """Nobody is told "no answer" of a phone that is not there: unregistered, or silent when it was called."""
    if isinstance(found, Failed) and found.cause.q850 == ABSENT:
        return Failed(found.cause, ToExcuse("phone-not-connected", 480, f"extension:{extension}"), found.elsewhere)
    return found


def _line_excuse(why: str) -> ToExcuse:
    prompt = {"line_down": "line-down", "no_route": "number-not-in-service"}.get(why, "no-line")
    return ToExcuse(prompt, 503, f"line:{why}")


def _of_line(failed: Failed) -> Failed:
    """The last line failed as a line: the caller hears that, instead of a status that phones show as a number."""
    if failed.cause.sip in LINE_FAILED or failed.cause.by == "network":
        return Failed(failed.cause, ToExcuse("line-down", 503, "line:failed"))
    return failed
