"""A call: its legs, its inbox, the flow that leads it, and its traces in the ledger."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

import msgspec

from appliance.calls.disk import noted
from appliance.calls.inbox import Inbox
from appliance.calls.leg import HungUp, Leg, LegState
from appliance.errors import SwitchroomError
from appliance.ids import leg_id
from appliance.messages import CallEnded, CallReached, CallTransferred, Cause, Event, LegOpened

if TYPE_CHECKING:
    from appliance.calls.forwarding import Diversion
    from appliance.calls.recording import Recording
    from appliance.calls.routing import Decision
    from appliance.calls.switch import Switch
    from appliance.config.callers import CallerList

log = logging.getLogger("calls")
Transfer = Literal["blind", "attended", "pickup"]
Disposition = Literal["answered", "no_answer", "busy", "failed", "cancelled", "interrupted"]
GOODBYE_SECONDS = 40
"""How long a leg may take to end: a BYE is repeated for 32 s (RFC 3261 timer F) before the far end counts as gone."""
MAX_LEGS = 100
UNREACHABLE = frozenset({3, 20, 27, 34, 38, 41, 42})
"""Q.850: no route, subscriber absent, out of order, no channel, network trouble: it never rang."""
RETRY_AFTER = 5
"""Seconds after which a caller that we had no means for may try again."""


class OutOf(msgspec.Struct, frozen=True):
    """A contact that its queue rings nobody for any more. `caller`: the id of the caller's leg; `since` UTC when it came."""

    contact: str
    queue: str
    caller: str
    since: float


class Call:
    """All legs that belong together, led by one flow. Ends (CDR and all) when the flow has returned and every leg is gone."""

    recording: Recording | None = None
    """The recording of its conversation, also one that is over."""
    diverted: tuple[Diversion, ...] = ()
    """How it was sent on so far, in order."""

    def __init__(self, switch: Switch, id: str, purpose: str, campaign: int = 0) -> None:
        self.switch = switch
        self.id = id
        self.purpose = purpose
        self.campaign = campaign
        self.inbox = Inbox()
        self.legs: list[Leg] = []
        self.last_words: list[Event] = []
        """Events to be committed together with the end of the call (an attempt's outcome)."""
        self.interrupted = ""
        """Why the box broke the call off, "" while it did not."""
        self.verdict: Cause | None = None
        """Why nobody was reached, where the flow knows better than the last leg (several devices, several lines)."""
        self.lent: list[Leg] = []
        """Legs that another call has taken over (attended transfer): they stand in this call's record until they end."""
        self.bound_for: Decision | None = None
        """What its caller was led to last: who is transferred to this call before anybody has answered it goes there."""
        self.hops = 0
        """How often its caller was sent on to another target."""
        self.waits_since = 0.0
        """UTC from which the caller's place counts in the next queue, where it has waited before; else 0."""
        self.out_of: OutOf | None = None
        """Set while somebody out of a queue is in this call whom the queue rings nobody for: connected, moved, sent on."""
        self.facts: dict[str, str] = {}
        """What the caller keyed in, by name ("account"): kept with the contact, and shown to whoever talks to the caller."""
        self.vip: CallerList | None = None
        """The list of important callers that the caller is on."""
        self.replaceable: set[str] = set()
        """Ids of the legs whose place another may take now (appliance/calls/replace.py): whoever leads the call says so."""

    def add_leg(
        self, direction: Literal["in", "out"], kind: Literal["phone", "line"], endpoint: str, number: str = "",
        *, id: str | None = None, supervised: bool = False,
    ) -> Leg:
        if len(self.legs) >= MAX_LEGS:
            raise SwitchroomError("calls.too-many-legs", "This call has too many legs.", "Look for a forwarding loop.")
        leg = Leg(self, id or leg_id(self.id, len(self.legs) + 1), direction, kind, endpoint, number, supervised=supervised)
        self.legs.append(leg)
        self.switch.add(leg)
        return leg

    def forget(self, leg: Leg) -> None:
        """Take back a leg that was never placed: nothing is on any wire and nothing in the ledger."""
        self.legs.remove(leg)
        self.switch.drop(leg)

    def opened(self, leg: Leg, name: str = "", peer: str = "", sip_call_id: str = "") -> LegOpened:
        """The ledger's event of a leg that opens."""
        return LegOpened(
            call=self.id, leg=leg.id, direction=leg.direction, kind=leg.kind, endpoint=leg.endpoint, number=leg.number,
            name=name, peer=peer, sip_call_id=sip_call_id or self.switch.driver.call_id_of(leg.id),
            media_port=leg.port.port if leg.port else 0, purpose=self.purpose, campaign=self.campaign,
        )

    def reached(self, target: str) -> None:
        self.switch.ledger.append(CallReached(call=self.id, target=target))

    async def transferred(self, by: Leg, kind: Transfer, target: str) -> None:
        """Note it; the call goes on where the disk is late. Raises SwitchroomError."""
        event = CallTransferred(call=self.id, by_leg=by.id, kind=kind, target=target)
        await noted(self.switch.ledger.commit(event), "a transfer", self.id)

    @property
    def open_legs(self) -> list[Leg]:
        return [leg for leg in self.legs if leg.state is not LegState.ENDED]

    def break_off(self, why: str) -> None:
        """End the call from outside its flow (emergency needs the channel, the box stops)."""
        self.interrupted = why
        for leg in self.open_legs:
            leg.hang_up(31, why)
        self.inbox.poke()

    async def lead(self, flow: Callable[[], Awaitable[None]]) -> None:
        """Run the flow, then see every leg to its end and close the books."""
        try:
            await flow()
        except HungUp as over:
            log.debug("flow ended by hang-up", extra={"call": self.id, "leg": over.leg.id})
        except SwitchroomError as problem:
            log.warning("flow refused: %s", problem, extra={"call": self.id, "error": problem.id})
            for leg in self.open_legs:
                leg.reject_incoming(503, RETRY_AFTER)
        except Exception:
            log.exception("flow failed", extra={"call": self.id})
            for leg in self.open_legs:
                leg.reject_incoming(500)
        finally:
            await self._finish()
            self.inbox.close()
            self.legs.clear()  # each knows its call: call and legs would stay in memory until the collector comes by

    async def _finish(self) -> None:
        if self.open_legs:
            await self._say_goodbye()
        for leg in self.lent:
            await leg.gone()
        ended = CallEnded(call=self.id, disposition=self.disposition())
        self.switch.calls.pop(self.id, None)
        if self.last_words:
            await self.switch.ledger.commit(*self.last_words, ended)
            self.switch.on_last_words(self.last_words)
        else:
            self.switch.ledger.append(ended)

    async def _say_goodbye(self) -> None:
        """Hang up what still stands, and wait until it is gone."""
        for leg in self.open_legs:
            leg.hang_up()
        timer = asyncio.get_running_loop().call_later(GOODBYE_SECONDS, self._give_up)
        try:
            for leg in self.open_legs:
                await leg.gone()
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        for leg in self.open_legs:
            log.error("a leg does not end, giving it up", extra={"call": self.id, "leg": leg.id})
            self.switch.leg_ended(leg, Cause(by="network", text="no answer to the hang-up"))

    def disposition(self) -> Disposition:
        """The call in one word: answered where the called side was, else why not."""
        if self.interrupted:
            return "interrupted"
        called = [leg for leg in [*self.legs, *self.lent] if leg.direction == "out" or leg.took_over]
        if any(leg.answered_at for leg in called or self.legs):
            return "answered"
        return disposition_of(
            self.verdict or (called[-1].cause if called else None), [leg.cause for leg in self.legs if leg.direction == "in"])


def disposition_of(called: Cause | None, calling: list[Cause]) -> Disposition:
    """Why an unanswered call ended. A caller who gave up is "cancelled"; then the called side's SIP status decides
    (RFC 3261 21.4): 486 and 600 busy, 408/480/487 no answer, the rest failed. None: nobody was ever called."""
    if any(cause.by == "far" and cause.sip in (0, 487) for cause in calling):
        return "cancelled"
    if called is None or called.q850 in UNREACHABLE:
        return "failed"
    if called.sip in (486, 600) or called.q850 == 17 or called.tone == "busy":
        return "busy"
    if called.by != "network" and (called.sip in (0, 408, 480, 487) or called.q850 in (18, 19)):
        return "no_answer"
    return "failed"
