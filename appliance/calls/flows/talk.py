"""Parties in conversation: hold, digits, codes, transfers, conference, silence, and the end.

A table says what may happen in which stage; what is not in it changes nothing. Audio is joined by a bridge. What one of two
sides does (hold, hang up, press a key by INFO) is carried to the other. Transfers by the phones stand in `transfer.py`, what
phones do by codes in `consult.py`.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from appliance.calls.flows import consult, record, transfer
from appliance.calls.flows.reach import Exchange
from appliance.calls.flows.ringing import ringing_tone
from appliance.calls.flows.stage import Stage
from appliance.calls.keys import Code, KeyReader, codes_of
from appliance.calls.leg import Leg
from appliance.calls.replace import Replacing
from appliance.media.engine import Bridge
from appliance.media.events import Digit, PlayDone
from appliance.messages import Cause, LegHeld, LegResumed
from drivers.base import MediaChanged, TransferAsked

__all__ = ["Stage", "Talk", "ringing_tone"]
log = logging.getLogger("talk")


class Talk:
    """A call's parties, `first` and `second`, until fewer than two are left. Both are answered."""

    def __init__(self, first: Leg, second: Leg, exchange: Exchange, bridge: Bridge, queue: str = "") -> None:
        self.stage = Stage.TALKING
        self.parties = [first, second]
        """All of them, also those who wait."""
        self.aside: tuple[Leg, Leg] | None = None
        """While consulting: who consults, and whom."""
        self.call = first.call
        self.switch = first.call.switch
        self.exchange = exchange
        self.bridge = bridge
        self.queue = queue
        """Of which queue the call is, for its rules."""
        self.announcing: record.Announcement | None = None
        """Of a recording that begins after it."""
        self.side: Bridge | None = None
        """Where the two of a consultation hear each other."""
        self.then: Callable[[], Awaitable[None]] | None = None
        """What leads the party that is left when the conversation is over (a queue, a slot); it has left the bridge."""
        self.stays: Leg | None = None
        """Who is not hung up with the other: whoever leads the talk has something to say to it."""
        self.keeps: Leg | None = None
        """Who is not hung up where the other is lost (a phone without power): whoever leads the talk brings it elsewhere."""
        self.left_alone = False
        """That has happened."""
        self.putting_through = False
        """Whoever is left goes to somebody who does not answer yet; the one who asked for that may go meanwhile."""
        self._heard_for_codes: set[str] = set()
        """Ids of the legs whose keys may be codes; `_readers` has those that have pressed any."""
        self._readers: dict[str, KeyReader] = {}

    async def run(self) -> None:
        for leg in self.parties:
            self.listen(leg)
        self.join()
        record.by_rule(self)
        try:
            await self._talk()
        finally:
            self.call.replaceable = set()
            if self.side is not None:
                self.side.close()

    async def lead_on(self) -> None:
        """Let what was asked for lead the party that is left."""
        if self.then is not None:
            await self.then()

    async def _talk(self) -> None:
        clock = self.switch.clock
        until = clock.mono() + self.switch.config.dialling.max_call_hours * 3600
        while True:
            self.call.replaceable = {leg.id for leg in self.parties} if self.stage is Stage.TALKING else set()
            now = clock.mono()
            due = self._due(until)
            event = await self.call.inbox.get(max(0.0, due - now))
            self.call.replaceable = set()
            if not await self._look_round():
                return
            if clock.mono() >= until:
                for leg in self.parties:
                    leg.hang_up(102, "longest call reached")
                continue
            handler = TABLE.get((self.stage, type(event)))
            if handler is not None:
                await handler(self, event)
            if self._readers:
                await self._overdue()
            if self.announcing is not None:
                record.announce_again(self)
            if self.then is not None or not await self._look_round():
                return

    # -- who is there --

    async def _look_round(self) -> bool:
        """Notice who has gone; False where the conversation is over."""
        for leg in [leg for leg in self.parties if leg.is_ended or leg.call is not self.call]:
            if self.stage is Stage.TALKING:
                self._part(leg)
                return False
            await self._leave(leg)
        return True

    def _part(self, gone: Leg) -> None:
        """One of two is gone: the other is hung up, except where another call has taken it over, or where it goes on to what
        comes afterwards."""
        for leg in self.parties:
            if leg.call is not self.call or leg is self.stays:
                continue
            decision = leg.afterwards
            if decision is not None and not leg.is_ended and gone.is_ended and went_well(gone.cause):
                leg.afterwards = None
                record.stop(self)
                self.resume(leg)
                self.let_go(leg)
                self.then = partial(self.exchange.send, leg, decision)
            elif leg is self.keeps and gone.is_ended and is_lost(gone.cause) and not (leg.is_ended or leg.hanging_up):
                self.left_alone = True
                record.stop(self)
                self.resume(leg)
                self.let_go(leg)
            else:
                leg.hang_up(gone.cause.q850 or 16)

    async def _leave(self, gone: Leg) -> None:
        """One of several is gone: the others go on."""
        self.parties.remove(gone)
        if self.aside is not None:
            await consult.left(self, gone)
        elif self.stage is Stage.CONFERENCE:
            for leg in self.parties:
                self.say(leg, "conference-left")
        if self.stage is not Stage.CONSULTING and len(self.parties) == 2:
            self.stage = Stage.TALKING

    def other_of(self, leg: Leg) -> Leg | None:
        """The party on the other side of this one, where two talk; None where the leg is no party."""
        others = [party for party in self.parties if party is not leg]
        return others[0] if leg in self.parties and len(others) == 1 else None

    def party(self, leg_id: str) -> Leg | None:
        return next((leg for leg in self.parties if leg.id == leg_id), None)

    def language(self, leg: Leg) -> str:
        return leg.language or self.switch.language_of(leg.endpoint)

    # -- audio --

    def join(self) -> None:
        """Let the parties hear each other, but for those who are aside."""
        for leg in self.parties:
            apart = self.aside is not None and leg in self.aside
            if not apart and leg.port is not None and not leg.port.closed and leg.port not in self.bridge.ports:
                self.bridge.add(leg.port)

    def let_go(self, leg: Leg) -> None:
        """This one hears nothing more of the others."""
        if leg.port is not None and leg.port in self.bridge.ports:
            self.bridge.remove(leg.port)

    def resume(self, leg: Leg) -> None:
        """A party that waited hears somebody again."""
        leg.stop_play()
        if leg.port is not None and leg.port not in self.bridge.ports:
            self.switch.ledger.append(LegResumed(leg=leg.id))

    def hold(self, leg: Leg) -> None:
        """Let a party wait: it is told so, and hears music."""
        if leg.port is None or leg.port.closed:
            return
        self.let_go(leg)
        switch = self.switch
        music = switch.sounds.music(switch.config.music_named(None), random.Random())
        leg.port.play([*switch.prompts.clips("hold-wait", self.language(leg)), *music], loop=True)
        self.switch.ledger.append(LegHeld(leg=leg.id, by="near"))

    async def carry_hold(self, event: MediaChanged) -> None:
        """One side holds: the other hears that it waits, and hears the first again on resuming."""
        holder = self.party(event.leg)
        other = self.other_of(holder) if holder is not None else None
        if holder is None or other is None or other.port is None or other.port.closed:
            return
        if holder.held and other.port in self.bridge.ports:
            self.hold(other)
        elif not holder.held and other.port not in self.bridge.ports:
            other.stop_play()
            self.join()
            self.switch.ledger.append(LegResumed(leg=other.id))

    def say(self, leg: Leg, prompt: str, **values: object) -> int:
        """Told to one party, over what it hears; the play id."""
        if leg.port is None or leg.port.closed:
            return -1
        return leg.port.play(self.switch.prompts.clips(prompt, self.language(leg), **values))

    # -- keys --

    def listen(self, leg: Leg) -> None:
        """Hear the codes of [call_keys] at our own phones, and of our own people outside: their digits are told, and passed on
        where they are none."""
        if not leg.is_ours or leg.port is None or leg.port.closed or not codes_of(self.switch.config.call_keys):
            return
        leg.port.keep_digits()
        if leg.media is not None and not leg.media.telephone_event:
            leg.port.detect(digits=True)
        self._heard_for_codes.add(leg.id)

    def _due(self, until: float) -> float:
        for reader in self._readers.values():
            if reader.due is not None and reader.due < until:
                until = reader.due
        return until

    async def _overdue(self) -> None:
        for leg_id, reader in list(self._readers.items()):
            leg = self.party(leg_id)
            if leg is None:
                del self._readers[leg_id]
            elif reader.due is not None:
                await self._keys(leg, reader.tick(self.switch.clock.mono()), "rfc4733")

    async def key(self, event: Digit) -> None:
        giver = next((leg for leg in self.parties if leg.port is not None and leg.port.id == event.port), None)
        if giver is None:
            return
        if giver.id not in self._heard_for_codes:
            self.carry_digit(giver, event.digit, event.source)
            return
        reader = self._readers.get(giver.id)
        if reader is None:
            keys = self.switch.config.call_keys
            reader = self._readers[giver.id] = KeyReader(codes_of(keys), keys.digit_seconds)
        await self._keys(giver, reader.press(event.digit, self.switch.clock.mono()), event.source)

    async def _keys(self, giver: Leg, found: list[Any], source: str) -> None:
        for each in found:
            if not isinstance(each, Code):
                for digit in each.keys:
                    # What was kept must be sent anew, whichever way it came; a tone is heard by the other side as it is.
                    self.carry_digit(giver, digit, source if source == "inband" else "info")
                continue
            log.info("a code in a call", extra={"call": self.call.id, "leg": giver.id, "code": each.name})
            handler = consult.CODES.get((self.stage, each.name))
            if handler is not None:
                await handler(self, giver)
            else:
                await consult.refuse(self, giver, each.name)
            if self.then is not None:
                return

    def carry_digit(self, giver: Leg, digit: str, source: str) -> None:
        """A key pressed on one side reaches the others. Those that come in the audio stream are passed on by the engine; those
        that come by INFO or were kept, or must leave by INFO, pass here."""
        bridge = self.side if self.aside is not None and giver in self.aside else self.bridge
        for taker in self.parties:
            if taker is giver or taker.port is None or taker.port.closed or bridge is None or taker.port not in bridge.ports:
                continue
            line = self.switch.config.line(taker.endpoint) if taker.kind == "line" else None
            if line is not None and line.dtmf == "info":
                self.switch.driver.send_info_digit(taker.id, digit)
            elif source == "info":
                taker.port.send_digits(digit)


def is_lost(cause: Cause) -> bool:
    """Whether a party did not hang up but fell silent, or was cut off by the network."""
    return cause.by == "network" or cause.q850 == 102


def went_well(cause: Cause) -> bool:
    """Whether a party hung up as people do (Q.850 16, 31 or none told), and was not lost."""
    return cause.by in ("far", "near") and cause.q850 in (0, 16, 31)


TABLE: dict[tuple[Stage, type], Callable[[Talk, Any], Awaitable[None]]] = {
    (Stage.TALKING, MediaChanged): Talk.carry_hold,
    (Stage.TALKING, Digit): Talk.key,
    (Stage.TALKING, TransferAsked): transfer.asked,
    (Stage.TALKING, Replacing): transfer.replaced,
    (Stage.TALKING, PlayDone): record.told,
    (Stage.CONSULTING, PlayDone): record.told,
    (Stage.CONFERENCE, PlayDone): record.told,
    (Stage.CONSULTING, Digit): Talk.key,
    (Stage.CONSULTING, TransferAsked): transfer.refused,
    (Stage.CONSULTING, Replacing): transfer.not_replaced,
    (Stage.CONFERENCE, Digit): Talk.key,
    (Stage.CONFERENCE, TransferAsked): transfer.refused,
    (Stage.CONFERENCE, Replacing): transfer.not_replaced,
}
"""(stage, event) -> what happens. Hold in a conference is between a phone and the engine: nobody else need hear of it."""
