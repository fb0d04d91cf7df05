"""Reaching somebody wherever that is now: what is set at a phone (forwarding, do not disturb) and what the phone itself says
(302) sends the search on, from phone to phone and outside. The decisions are pure (appliance/calls/forwarding.py)."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from appliance.calls import forwarding
from appliance.calls.flows.race import Failed
from appliance.calls.flows.reach import Exchange, Reach, Shown
from appliance.calls.leg import Leg
from appliance.calls.routing import Decision, ToExtension, ToOutside
from appliance.calls.settings import target_of
from appliance.messages import CallForwarded, Cause

log = logging.getLogger("seek")
OWN = Cause(sip=486, q850=17, by="near", text="the caller's own number")
NOWHERE = Cause(sip=480, q850=20, by="near", text="forwarded to nowhere")


class Elsewhere(msgspec.Struct, frozen=True):
    """The search led to something that is no party: a queue, a mailbox, a menu. The one who waits is to be sent there."""

    decision: Decision


class Seek:
    """One search on behalf of `near`; `shown` is asked before each step, for who sent the call on stands in the call."""

    def __init__(
        self, near: Leg, exchange: Exchange, shown: Callable[[], Shown], *,
        on_ringing: Callable[[], None] = lambda: None, on_early: Callable[[Leg], None] = lambda leg: None,
        on_event: Callable[[object], bool] | None = None,
    ) -> None:
        self.near = near
        self.call = near.call
        self.switch = near.call.switch
        self.exchange = exchange
        self.reach = Reach(near.call, exchange, near, shown(), on_ringing=on_ringing, on_early=on_early, on_event=on_event)
        self._shown = shown
        self.ring_seconds: float | None = None
        """How long each phone rings that nothing else says it of; None: as the office says."""
        self._since = len(self.call.diverted)
        """Diversions before this search: what led the call meanwhile (a menu) may have sent it back here."""

    def wait_for(self, near: Leg) -> None:
        """From now on the search is on behalf of this one: the other has put it through."""
        self.near = self.reach.near = near
        if self.reach.race is not None:
            self.reach.race.near = near

    async def run(self, decision: ToExtension | ToOutside) -> Leg | Failed | Elsewhere:
        while True:
            found = await self._try(decision)
            if isinstance(found, Leg) or self.near.is_ended or not isinstance(decision, ToExtension):
                return found
            on = self._way_on(decision.extension, found)
            if on is None:
                return Failed(NOWHERE) if found.elsewhere else found
            if not isinstance(on, ToExtension | ToOutside):
                return Elsewhere(on)
            decision = on
            self.reach.shown = self._shown()

    async def _try(self, decision: ToExtension | ToOutside) -> Leg | Failed:
        """Ring whoever that is, where nothing is set that sends the call on at once."""
        self.reach.ring_seconds = self.ring_seconds
        if isinstance(decision, ToExtension):
            self.call.reached(f"extension:{decision.extension}")
            if self._is_own(decision.extension):
                return Failed(OWN)
            settings, phone = self.exchange.settings.of(decision.extension), self.switch.config.phone(decision.extension)
            at_once = forwarding.at_once(phone, settings)
            if at_once is not None:
                return Failed(at_once)
            if phone is not None and target_of(phone, settings, "forward_no_answer"):
                self.reach.ring_seconds = phone.forward_after_seconds
        else:
            self.call.reached("emergency" if decision.emergency else "outside")
        return await self.reach.run(decision)

    def _way_on(self, by: str, failed: Failed) -> Decision | None:
        """Where the call goes now, if the phone that did not take it has something set for this case, or said it itself."""
        if self._is_own(by):
            return None
        phone, settings = self.switch.config.phone(by), self.exchange.settings.of(by)
        next = forwarding.next_way(phone, settings, by, failed.cause, failed.elsewhere)
        if next is None:
            return None
        on = forwarding.decide(self.switch.config, by, next.target)
        back = isinstance(on, ToExtension) and on.extension in {by, *(each.by for each in self.call.diverted[self._since:])}
        emergency = isinstance(on, ToOutside) and on.emergency
        if back or emergency or not forwarding.allowed(self.call.diverted, next, self._since) or not forwarding.is_way(on):
            log.warning("a call is not sent on", extra={"call": self.call.id, "extension": by, "when": next.when.value})
            return None
        self.call.diverted = (*self.call.diverted, next)
        self.switch.ledger.append(
            CallForwarded(call=self.call.id, extension=by, when=next.when.value, target=next.target))
        return on

    def _is_own(self, extension: str) -> bool:
        return self.near.kind == "phone" and extension == self.near.endpoint
