"""Legs that ring at once for one party: the first to answer wins, the others are called off.

A leg may join later, and one may have to press 1 before its answer counts: a mobile's voicemail answers, too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from appliance.calls.call import Call
from appliance.calls.leg import Leg, LegState
from appliance.calls.replace import Replacing, replace
from appliance.calls.routing import ToExcuse
from appliance.media.events import Digit
from appliance.messages import Cause
from drivers.base import Answered, EarlyMedia, LegEvent, Ringing

log = logging.getLogger("reach")

BUSY = frozenset({486, 600})
ELSEWHERE = 26
"""Q.850 non-selected user clearing: another device of the extension was faster."""
TAKE, REFUSE = "1", "2"
ASK_GAP_MS = 1500
"""Between two times that somebody is asked to press 1."""


class Failed(msgspec.Struct, frozen=True):
    """Nobody was reached. `excuse` is what to say where there is more to say than the status."""

    cause: Cause
    excuse: ToExcuse | None = None
    elsewhere: str = ""
    """Where a phone says that the call is to go instead (302)."""


CANCELLED = Failed(Cause(sip=487, by="near", text="called off"))
"""The party that waits has taken it back (a key), and is still there."""


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


class Later(msgspec.Struct, frozen=True):
    """Legs that join when `at` (monotonic s) has come. `place` gives those that could be placed."""

    at: float
    place: Callable[[], list[Leg]]


@dataclass(slots=True)
class Race:
    """`near` must stay: when it goes, everything is called off. Whoever leads may put another party in its place meanwhile. None:
    on behalf of nobody yet.

    `on_event` sees every event that is not one of these legs'; what it says true to is the end of the search."""

    call: Call
    near: Leg | None
    legs: list[Leg]
    seconds: float
    on_ringing: Callable[[], None] = lambda: None
    on_early: Callable[[Leg], None] = lambda leg: None
    on_event: Callable[[object], bool] | None = None
    later: Later | None = None
    confirms: set[str] = field(default_factory=set)
    """Ids of legs that must press 1."""
    _asked: set[str] = field(default_factory=set)

    async def run(self) -> Leg | Failed:
        """The first of these legs to answer. Somebody who picks up in place of one is as good."""
        try:
            return await self._run()
        finally:
            self.call.replaceable = set()

    async def _run(self) -> Leg | Failed:
        clock = self.call.switch.clock
        until = clock.mono() + self.seconds
        self.call.replaceable = {leg.id for leg in self.legs}
        while True:
            now = clock.mono()
            if self.later is not None and now >= self.later.at:
                self._join(self.later)
            wait = until if self.later is None else min(until, self.later.at)
            event = await self.call.inbox.get(max(0.0, wait - now))
            if self.on_event is not None and event is not None and self.on_event(event):
                self._call_off(self.legs, 16, "called off")
                return CANCELLED
            if self.near is not None and self.near.is_ended:
                self._call_off(self.legs, 16, "the caller hung up")
                return Failed(Cause(sip=487, by="far"))
            over = await self._look(event, until)
            if over is not None:
                return over

    async def _look(self, event: object, until: float) -> Leg | Failed | None:
        if isinstance(event, Replacing):
            await self._picked_up(event)
        elif self._asked and isinstance(event, Digit):
            self._pressed(event)
        won = next((leg for leg in self.legs if leg.answered_at and not leg.is_ended and leg.id not in self.confirms), None)
        if won is not None:
            self._call_off([leg for leg in self.legs if leg is not won], ELSEWHERE, "answered elsewhere")
            return won
        if self.confirms:
            self._ask()
        if all(leg.is_ended for leg in self.legs):
            return self._nobody_left()
        if self.call.switch.clock.mono() >= until:
            return self._too_late()
        if isinstance(event, LegEvent) and any(event.leg == leg.id for leg in self.legs):
            self._progress(event)
        return None

    def _join(self, later: Later) -> None:
        self.later = None
        self.legs += later.place()
        self.call.replaceable = {leg.id for leg in self.legs}

    def _nobody_left(self) -> Failed | None:
        """Who is busy or declines has said enough; otherwise those who were to join later do so now."""
        best = best_of([leg.cause for leg in self.legs])
        if self.later is None or best.sip in BUSY or best.sip >= 600:
            pointing = [leg.diverted_to for leg in self.legs if leg.kind == "phone" and leg.diverted_to]
            return Failed(best, elsewhere=pointing[0] if pointing else "")
        self._join(self.later)
        return Failed(best) if all(leg.is_ended for leg in self.legs) else None

    def _too_late(self) -> Failed:
        self._call_off(self.legs, 19, "no answer")
        if self.legs and all(leg.kind == "line" and leg.state is LegState.NEW for leg in self.legs):
            return Failed(Cause(sip=408, q850=102, by="network", text="the line did not even ring"))
        return Failed(Cause(sip=480, q850=19, by="near", text="no answer"))

    async def _picked_up(self, event: Replacing) -> None:
        if event.leg not in self.legs or event.leg.answered_at or self.near is None:
            event.by.reject(486 if event.leg in self.legs else 603)
            return
        self.legs.append(event.by)
        await replace(self.call, event, self.near)

    # -- a key instead of an answer --

    def _ask(self) -> None:
        """Ask those who answered and must confirm, again and again until the ringing is over."""
        switch = self.call.switch
        for leg in self.legs:
            if leg.id in self.confirms and leg.answered_at and not leg.is_ended and leg.id not in self._asked:
                self._asked.add(leg.id)
                port = leg.open_port()
                if leg.media is None or not leg.media.telephone_event:
                    port.detect(digits=True)
                clips = switch.prompts.clips("follow-me-confirm", leg.language or switch.config.office.language)
                port.play(clips, loop=True, gap_ms=ASK_GAP_MS)

    def _pressed(self, event: Digit) -> None:
        leg = next((leg for leg in self.legs if leg.port is not None and leg.port.id == event.port), None)
        if leg is None or leg.id not in self.confirms:
            return
        if event.digit == TAKE:
            leg.stop_play()
            self.confirms.discard(leg.id)
        elif event.digit == REFUSE:
            leg.hang_up(21, "refused")

    def _progress(self, event: LegEvent) -> None:
        if isinstance(event, EarlyMedia) and len(self.legs) == 1 and self.later is None and not self.confirms:
            self.on_early(self.legs[0])
        elif isinstance(event, Ringing | EarlyMedia):
            self.on_ringing()
        elif not isinstance(event, Answered):
            log.debug("passed over", extra={"call": self.call.id, "event": type(event).__name__})

    @staticmethod
    def _call_off(legs: list[Leg], q850: int, text: str) -> None:
        for leg in legs:
            leg.hang_up(q850, text)
