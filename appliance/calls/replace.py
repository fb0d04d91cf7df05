"""One leg takes another's place in its call (RFC 3891): an attended transfer by phones, or a pick-up of one that still rings.

The new leg belongs to that call from its first moment, so one record holds the whole story. Whoever leads the call says in
`Call.replaceable` which legs it can give up now, and finds a `Replacing` in its inbox. Nobody else's call can be taken: a
line gets its own legs only, and a phone must have known both tags of the dialog, which only its two ends and those that may
watch it are ever told.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from appliance.calls.leg import Leg, LegState
from appliance.calls.pickup import same_group
from appliance.errors import SwitchroomError
from drivers.base import Incoming

if TYPE_CHECKING:
    from appliance.calls.call import Call

log = logging.getLogger("calls")


class Replacing:
    """In a call's inbox: `by`, an incoming leg of this call, is to take the place of `leg`."""

    __slots__ = ("by", "leg")

    def __init__(self, leg: Leg, by: Leg) -> None:
        self.leg = leg
        self.by = by


def may_replace(event: Incoming, leg: Leg) -> bool:
    """Whether this caller may have the place of `leg` now. What rings is for the phones of the same group."""
    if event.kind == "line" and (leg.kind, leg.endpoint) != ("line", event.endpoint):
        return False
    rings = event.kind == "phone" and leg.kind == "phone" and leg.state is not LegState.ANSWERED
    if rings and event.endpoint != leg.endpoint and not same_group(leg.call.switch.config, event.endpoint, leg.endpoint):
        return False
    return leg.id in leg.call.replaceable and not leg.is_ended and not leg.hanging_up


async def replace(call: Call, event: Replacing, near: Leg) -> Leg | None:
    """Answer the new leg in place of the old one, and let that go. `near` is the party that stays. None where either went
    meanwhile, or (pick-up) where the old one answered first, or there is no port for the new one; then that has been refused,
    and the old one stays."""
    old, new = event.leg, event.by
    if new.is_ended or new.hanging_up:
        return None
    try:
        new.open_port(near=near)
    except SwitchroomError as problem:
        log.warning("a leg cannot take another's place", extra={"call": call.id, "leg": new.id, "problem": problem.id})
        new.reject(503)
        return None
    ringing = old.state is not LegState.ANSWERED
    await call.transferred(old, "pickup" if ringing else "attended", new.endpoint)
    if new.is_ended or new.hanging_up or near.is_ended or old.is_ended or (ringing and old.answered_at):
        new.reject(486 if old.answered_at and not old.is_ended else 481)
        return None
    new.answer()
    new.took_over = True
    old.hang_up(26 if ringing else 16, "answered elsewhere" if ringing else "")
    return new
