"""A call from one party to another: phone to phone, phone to the outside, outside to a phone.

The caller's leg is A. Whom it wants is reached (`reach`), then both talk (`talk`); what cannot be had is told: a phone by
SIP status or spoken early media, a caller from outside in words.
"""

from __future__ import annotations

from appliance.calls import forwarding
from appliance.calls.flows.excuse import excuse
from appliance.calls.flows.race import BUSY, Failed
from appliance.calls.flows.reach import Exchange, Shown
from appliance.calls.flows.seek import Elsewhere, Seek
from appliance.calls.flows.talk import Talk, ringing_tone
from appliance.calls.leg import Leg, LegState
from appliance.calls.routing import ToExcuse, ToExtension, ToOutside, caller_id_for
from appliance.config.people import Phone
from appliance.media.engine import Bridge

PASSED_ON = frozenset({404, 410, 480, 484, 486, 487, 488, 600, 603, 604, 606})
"""Statuses that a caller's phone is told as they are; others become 503."""

__all__ = ["Dial", "Exchange"]


class Dial:
    def __init__(self, a: Leg, exchange: Exchange) -> None:
        self.a = a
        self.call = a.call
        self.switch = a.call.switch
        self.exchange = exchange
        self.bridge: Bridge | None = None
        self._hears_ringing = False
        self.ring_seconds: float | None = None
        """How long a phone rings; None: as the office says."""

    async def run(self, decision: ToExtension | ToOutside) -> None:
        try:
            await self._run(decision)
        finally:
            if self.bridge is not None:
                self.bridge.close()

    async def _run(self, decision: ToExtension | ToOutside) -> None:
        self.call.verdict = None
        seek = Seek(self.a, self.exchange, self._shown, on_ringing=self._ringing, on_early=self._early)
        seek.ring_seconds = self.ring_seconds
        found = await seek.run(decision)
        if isinstance(found, Leg):
            await self._talk(found)
        elif self.a.is_ended:
            return
        elif isinstance(found, Elsewhere):
            if self.bridge is not None:
                self.bridge.close()
                self.bridge = None
            await self.exchange.send(self.a, found.decision)
        else:
            await self._tell(found)

    def _shown(self) -> Shown:
        """Number and name that the called party sees."""
        config, a = self.switch.config, self.a
        phone = config.phone(a.endpoint) if a.kind == "phone" else None
        if a.kind == "phone":
            who = (a.endpoint, phone.name if phone else "")
        else:
            who = (a.incoming.caller, a.incoming.caller_name) if a.incoming else (a.number or "anonymous", "")
        made = self.call.diverted
        return Shown(on_line=lambda line: caller_id_for(config, line, self._own_number(phone)), to_phone=who,
                     diverted=(lambda line: forwarding.shown(config, line, made)) if made else None)

    def _own_number(self, phone: Phone | None) -> str | None:
        """What is shown on a line: the number of whoever called, or of whoever sent the call there."""
        if self.call.diverted:
            phone = self.switch.config.phone(self.call.diverted[-1].by)
        return phone.caller_id if phone else None

    def _ringing(self) -> None:
        """A's phone sounds its own ringing; a caller who is answered already (by a menu) gets it from us."""
        if self.a.state is not LegState.ANSWERED:
            self.a.ring()
        elif not self._hears_ringing:
            self._hears_ringing = True
            self.a.open_port().play([ringing_tone(self.switch.config.office.country)], loop=True)

    def _early(self, b: Leg) -> None:
        """B's line sends audio before the answer (its own ringing, an announcement): A hears it."""
        if self.a.media is None and (self.a.incoming is None or self.a.incoming.offer is None):
            self.a.ring()
            return
        self.a.stop_play()
        self.a.open_port(near=b)
        self.a.early()
        bridge = self._bridge()
        for leg in (self.a, b):
            if leg.port is not None and not leg.port.closed:
                bridge.add(leg.port)

    def _bridge(self) -> Bridge:
        if self.bridge is None:
            self.bridge = self.switch.engine.bridge([])
        return self.bridge

    async def _talk(self, b: Leg) -> None:
        self.a.stop_play()
        self.a.open_port(near=b)
        self.a.answer()
        talk = Talk(self.a, b, self.exchange, self._bridge())
        await talk.run()
        await talk.lead_on()

    async def _tell(self, failed: Failed) -> None:
        """Nobody was reached: a phone is told the SIP status (it plays the tone), or in words where the status would not say
        it; a caller from outside always in words."""
        a, cause = self.a, failed.cause
        self.call.verdict = cause
        language = a.language or self.switch.language_of(a.endpoint)
        if failed.excuse is not None:
            await excuse(a, failed.excuse, language)
        elif a.kind == "line" or a.state is LegState.ANSWERED:
            prompt = "number-busy" if cause.sip in BUSY else "no-answer"
            await excuse(a, ToExcuse(prompt, 480, prompt), language)
        else:
            a.reject(cause.sip if cause.sip in PASSED_ON else 503)
            await a.gone()
