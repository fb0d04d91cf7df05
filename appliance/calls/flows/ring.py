"""One agent is rung for a contact: all devices of the phone, or the outside number of one who works from home."""

from __future__ import annotations

import logging

import msgspec

from appliance._core import PHONE
from appliance.calls.call import Call
from appliance.calls.flows.keyed import listen
from appliance.calls.flows.race import BUSY, ELSEWHERE
from appliance.calls.flows.reach import Exchange, Shown
from appliance.calls.leg import Leg, Outsider
from appliance.calls.routing import ToExtension, ToOutside, number_on
from appliance.errors import SwitchroomError
from appliance.media.events import Digit

log = logging.getLogger("queue")

DECLINED = BUSY | {403, 603}
ACCEPT = "1"


class Seat(msgspec.Struct, frozen=True):
    """Where an agent is rung. `confirms`: the call is taken by pressing 1, so that no mailbox takes it."""

    where: ToExtension | ToOutside
    confirms: bool
    language: str
    extension: str = ""
    """The phone whose rights the agent has outside."""


def _not_now(leg: Leg) -> bool:
    """480 of the phone itself: it is there and does not want calls (some phones' do-not-disturb). A line says it of a mobile
    phone that is off."""
    return leg.kind == "phone" and leg.cause.sip == 480 and leg.cause.by == "far"


class AgentRing:
    """The legs that ring one agent. `won` is the leg that was picked up."""

    def __init__(self, call: Call, exchange: Exchange, agent: str, seat: Seat, shown: Shown, near: Leg | None) -> None:
        self.call = call
        self.agent = agent
        self.seat = seat
        self.won: Leg | None = None
        self.taken = False
        """The agent was told of to the ACD: picked up, and confirmed where that is asked."""
        self.legs: list[Leg] = []
        self._exchange = exchange
        self._shown = shown
        self._near = near

    def start(self) -> bool:
        """Ring. False where there is nothing to ring (no device, no line, no RTP port)."""
        where = self.seat.where
        try:
            return self._phone(where) if isinstance(where, ToExtension) else self._outside(where)
        except SwitchroomError as problem:
            log.warning("an agent cannot be rung: %s", problem, extra={"call": self.call.id, "agent": self.agent})
            for leg in [leg for leg in self.legs if not leg.shown]:
                self.call.forget(leg)
                self.legs.remove(leg)
            return bool(self.legs)

    def _phone(self, where: ToExtension) -> bool:
        phone = self.call.switch.config.phone(where.extension)
        contacts = self._exchange.contacts(where.extension)
        for contact in contacts[: phone.max_contacts if phone else 1]:
            leg = self.leg_of(where.extension)
            leg.contact = contact
            self.legs.append(leg)
        for leg in self.legs:
            self._equip(leg)
        for leg in self.legs:
            self._place(leg, where.extension, *self._shown.to_phone)
        return bool(self.legs)

    def leg_of(self, extension: str) -> Leg:
        return self.call.add_leg("out", "phone", extension, extension)

    def _outside(self, where: ToOutside) -> bool:
        switch = self.call.switch
        leg = self.call.add_leg("out", "line", "", where.number)
        line, why = switch.channels.seize(leg.id, where.lines, PHONE)
        if line is None:
            log.warning("no line for an agent outside: %s", why, extra={"call": self.call.id, "agent": self.agent})
            self.call.forget(leg)
            return False
        leg.endpoint = line
        leg.outsider = Outsider(self.seat.extension, self.agent)
        self.legs.append(leg)
        self._equip(leg)
        self._place(leg, number_on(switch.config, line, where.number), self._shown.on_line(line), "")
        return True

    def _equip(self, leg: Leg) -> None:
        """The caller's codec first: what both speak needs no transcoding."""
        mine = self._near.media.codec if self._near is not None and self._near.media else ""
        codecs = self.call.switch.codecs_of(leg.kind, leg.endpoint)
        leg.codecs = tuple(sorted(codecs, key=lambda codec: codec != mine)) if mine else codecs
        leg.language = self.seat.language
        leg.open_port(near=self._near)

    def _place(self, leg: Leg, number: str, caller: str, name: str) -> None:
        self.call.switch.ledger.append(self.call.opened(leg))
        self.call.switch.place(leg, number, caller, name)

    # -- what happens to it --

    def owns(self, leg_id: str) -> bool:
        return any(leg.id == leg_id for leg in self.legs)

    def look(self, event: object) -> str:
        """What has become of it, after an event: "taken" (once), "declined", "unreachable", or "" (it rings on)."""
        if self.won is None:
            self._picked_up()
        if self.won is not None:
            if self.won.is_ended:
                return "declined"
            if not self.taken and (not self.seat.confirms or self._confirmed(event, self.won)):
                self.taken = True
                self.won.stop_play()
                return "taken"
            return ""
        if all(leg.is_ended for leg in self.legs):
            told = any(leg.cause.sip in DECLINED or leg.rang or _not_now(leg) for leg in self.legs)
            return "declined" if told else "unreachable"
        return ""

    def _picked_up(self) -> None:
        self.won = next((leg for leg in self.legs if leg.answered_at and not leg.is_ended), None)
        if self.won is None:
            return
        for leg in self.legs:
            if leg is not self.won:
                leg.hang_up(ELSEWHERE, "answered elsewhere")
        if self.seat.confirms:
            prompts = self.call.switch.prompts
            clips = [*prompts.clips("agent-confirm", self.seat.language), *prompts.clips("pause-long", self.seat.language)]
            listen(self.won)
            self.won.open_port().play(clips, loop=True, gap_ms=1000)

    @staticmethod
    def _confirmed(event: object, leg: Leg) -> bool:
        return isinstance(event, Digit) and event.digit == ACCEPT and leg.owns(event)

    def stop(self, elsewhere: bool = False) -> None:
        """Stop ringing, and hang up who picked up too late."""
        for leg in self.legs:
            leg.hang_up(ELSEWHERE if elsewhere else 16, "answered elsewhere" if elsewhere else "")
