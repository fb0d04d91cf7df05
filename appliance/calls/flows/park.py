"""A party put aside: it hears music until somebody takes it; after a while it rings where it came from, then goes where the
office says."""

from __future__ import annotations

import random
from typing import Literal

from appliance.calls.flows.excuse import excuse
from appliance.calls.flows.reach import Exchange, Reach, Shown
from appliance.calls.flows.ringing import ringing_tone
from appliance.calls.leg import Leg
from appliance.calls.parking import ParkingLot
from appliance.calls.routing import ToExcuse, ToExtension, ToOutside, caller_id_for, to_target
from appliance.config.values import Target
from appliance.errors import SwitchroomError
from appliance.media.events import PlayDone
from appliance.messages import CallParked, CallUnparked

KEEP_SECONDS = 90.0
"""How long a slot is kept for a phone that is about to transfer somebody into it."""
TROUBLE = {"park.taken": "park-taken", "park.no-slot": "number-unknown"}
"""What is said where a slot cannot be had; of others, that none is free."""


def trouble(problem: SwitchroomError) -> str:
    return TROUBLE.get(problem.id, "park-full")


async def keep_slot(leg: Leg, wanted: str, lot: ParkingLot) -> None:
    """The code for parking, dialled as a call of its own: a slot is kept and told, and whoever is transferred to this call is
    parked in it (flows/transfer.py)."""
    prompts, config = leg.call.switch.prompts, leg.call.switch.config
    try:
        slot = lot.keep(leg, wanted)
    except SwitchroomError as problem:
        await excuse(leg, ToExcuse(trouble(problem), 486, "park"), leg.language)
        return
    try:
        leg.answer()
        music = leg.call.switch.sounds.music(config.music_named(config.parking.music), random.Random())
        leg.open_port().play([*prompts.clips("park-here", leg.language, slot=slot), *music])
        await leg.wait(timeout=KEEP_SECONDS)
        leg.hang_up()
    finally:
        lot.give_up(leg)


class Taking:
    """In a parked call's inbox: `by` wants to talk to whoever is parked."""

    __slots__ = ("by",)

    def __init__(self, by: Leg) -> None:
        self.by = by


class Parked:
    """`leg` is in `slot` of the lot already; `parker` is the leg of the phone that parked it, which is told the slot if it is
    still there."""

    def __init__(self, leg: Leg, slot: int, parker: Leg, exchange: Exchange) -> None:
        self.leg = leg
        self.call = leg.call
        self.switch = leg.call.switch
        self.slot = slot
        self.by = parker.extension
        self.parker = parker
        self.exchange = exchange
        self.lot = exchange.lot

    async def run(self) -> None:
        by = self.by or self.parker.number
        self.switch.ledger.append(CallParked(call=self.call.id, leg=self.leg.id, slot=self.slot, by=by))
        try:
            taker = await self._wait()
        finally:
            self.lot.free(self.slot, self.leg)
        how: Literal["gone", "taken", "timeout"] = "gone" if self.leg.is_ended else "taken" if taker is not None else "timeout"
        self.switch.ledger.append(CallUnparked(
            call=self.call.id, leg=self.leg.id, slot=self.slot, how=how, by=taker.endpoint if taker is not None else ""))
        if self.leg.is_ended:
            if taker is not None:
                taker.reject(404)
        elif taker is not None:
            taker.open_port(near=self.leg)
            taker.answer()
            taker.took_over = True
            await self._talk(taker)
        else:
            await self._back()

    async def _wait(self) -> Leg | None:
        """Who takes the call; None when its time is up, or it is gone."""
        config, clock = self.switch.config, self.switch.clock
        music = self.switch.sounds.music(config.music_named(config.parking.music), random.Random())
        self.leg.open_port().play(music, loop=True)
        told = self._tell()
        until = clock.mono() + config.parking.timeout_seconds
        while not self.leg.is_ended and clock.mono() < until:
            event = await self.call.inbox.get(max(0.0, until - clock.mono()))
            if isinstance(event, PlayDone) and event.play == told:
                self.parker.hang_up()
            if isinstance(event, Taking) and not event.by.is_ended:
                return event.by
        return None

    def _tell(self) -> int:
        """The slot, told to whoever parked the call and is still there; the play id."""
        if self.parker.is_ended or self.parker.hanging_up or self.parker.port is None:
            return -1
        language = self.switch.language_of(self.by)
        return self.parker.port.play(self.switch.prompts.clips("parked-at", language, slot=self.slot))

    async def _back(self) -> None:
        """Nobody took it: ring who parked it; where that is not answered, on to where the office says."""
        leg, config = self.leg, self.switch.config
        leg.open_port().play([ringing_tone(config.office.country)], loop=True)
        who = (leg.number or leg.endpoint, "") if leg.kind == "line" else (leg.endpoint, "")
        shown = Shown(on_line=lambda line: caller_id_for(config, line, None), to_phone=who)
        home = self._home()
        found = await Reach(self.call, self.exchange, leg, shown).run(home, self.parker.outsider) if home else None
        if isinstance(found, Leg):
            await found.play(self.switch.prompts.clips("park-back", self.switch.language_of(self.by)))
            await self._talk(found)
        elif not leg.is_ended:
            leg.stop_play()
            owner = self.by or (self.parker.outsider.agent if self.parker.outsider else "")
            mailbox = Target(f"voicemail:{owner}") if owner else None
            nobody = ToExcuse("no-answer", 480, f"parking:{self.slot}")
            await self.exchange.send(leg, config.parking.when_not_taken or mailbox or nobody)

    def _home(self) -> ToExtension | ToOutside | None:
        """Where who parked it is rung: an agent who works outside there, everybody else at the phone."""
        if self.parker.outsider is not None and self.parker.outsider.agent:
            outside = to_target(self.switch.config, Target(f"outside:{self.parker.number}"))
            return outside if isinstance(outside, ToOutside) else None
        return ToExtension(self.by) if self.by else None

    async def _talk(self, other: Leg) -> None:
        from appliance.calls.flows.talk import Talk  # it parks its parties by this module

        self.leg.check()
        self.leg.stop_play()
        bridge = self.switch.engine.bridge([])
        try:
            talk = Talk(self.leg, other, self.exchange, bridge)
            await talk.run()
        finally:
            bridge.close()
        await talk.lead_on()
