"""The ACD and the ledger: what a step leaves behind as events. Pure. The way back is `appliance.acd.past`.

Each event that the ACD accepted stands in `asked` of the first event of its step. Replaying these at their times gives the same
decisions, and so the same state: what fell due by time needs no record of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from appliance import _core as acd
from appliance import messages as m


def facts(core: acd.Acd, event: acd.AcdEvent | None, actions: list[acd.Action]) -> list[m.Event]:
    """The ledger's events of one step, in order; none for what was refused. `core` as it stands after the step; `event` None
    for what `configure` did."""
    found: list[m.Event] = []
    refused, at = False, 0.0
    first = 0  # what came of the event itself: what was due before stands before it, at earlier times
    for action in actions:
        if isinstance(action, acd.Denied):
            refused = True
            continue
        if action.at != at:
            first = len(found)
        at = action.at
        found.append(_FACTS[type(action)](core, action))
    if found and not (event is None or refused or isinstance(event, acd.Tick)):
        found[first] = msgspec.structs.replace(found[first], asked=event.data())
    return found


def configured(version: int, at: float, core: acd.Acd, actions: list[acd.Action],
               unpaid: list[str] | None = None) -> list[m.Event]:
    """The ledger's events of `configure`: which version of the configuration holds from `at`. `unpaid`: its breaks that are not
    paid."""
    return [m.AcdConfigured(at=at, version=version, unpaid=unpaid), *facts(core, None, actions)]


# ---- action -> event -------------------------------------------------------------------------------------------------


def _queued(core: acd.Acd, a: Any) -> m.Event:
    view = core.contact(a.contact)
    if view is None:  # it left again in the same step
        return m.ContactQueued(at=a.at, contact=a.contact, queue=a.queue, since=a.since, position=a.position)
    return m.ContactQueued(
        at=a.at, contact=a.contact, queue=a.queue, channel=view.channel, priority=view.priority, skills=view.skills,  # type: ignore[arg-type]
        vip=view.vip, sticky=view.sticky, caller=view.caller, since=a.since, position=a.position,
    )  # fmt: skip


def _kept_place(core: acd.Acd, a: Any) -> m.Event:
    view = core.contact(a.contact)
    caller = view.caller if view is not None else ""
    return m.CallbackRequested(
        at=a.at, contact=a.contact, queue=a.queue, since=a.since, expires=a.expires, caller=caller
    )


_FACTS: dict[type[acd.Action], Callable[[acd.Acd, Any], m.Event]] = {
    acd.Queued: _queued,
    acd.Offer: lambda _, a: m.ContactOffered(at=a.at, contact=a.contact, agent=a.agent, queue=a.queue, until=a.until),
    acd.EndOffer: lambda _, a: m.OfferEnded(at=a.at, contact=a.contact, agent=a.agent, queue=a.queue, how=a.how),
    acd.Connect: lambda _, a: m.ContactConnected(
        at=a.at, contact=a.contact, agent=a.agent, queue=a.queue, waited=a.waited
    ),
    acd.HandedOver: lambda _, a: m.ContactHandedOver(at=a.at, contact=a.contact, agent=a.agent, to=a.to, queue=a.queue),
    acd.Ended: lambda _, a: m.ContactEnded(
        at=a.at, contact=a.contact, agent=a.agent, queue=a.queue, talked=a.talked, reason=a.reason
    ),
    acd.Leave: lambda _, a: m.ContactLeft(
        at=a.at, contact=a.contact, queue=a.queue, reason=a.reason, waited=a.waited, target=a.target
    ),
    acd.KeptPlace: _kept_place,
    acd.DialCustomer: lambda _, a: m.CallbackAttempted(
        at=a.at, contact=a.contact, queue=a.queue, attempt=a.attempt, agent=a.agent
    ),
    acd.StopDialling: lambda _, a: m.CallbackFailed(at=a.at, contact=a.contact, queue=a.queue, reason="stopped"),
    acd.RetryLater: lambda _, a: m.CallbackFailed(
        at=a.at, contact=a.contact, queue=a.queue, reason=a.reason, again=a.again
    ),
    acd.CallbackClosed: lambda _, a: m.CallbackClosed(at=a.at, contact=a.contact, queue=a.queue, reason=a.reason),
    acd.AgentChanged: lambda _, a: m.AgentStateChanged(
        at=a.at, agent=a.agent, state=a.state, before=a.before, reason=a.reason, until=a.until
    ),
    acd.QueueSwitched: lambda _, a: m.QueueSwitched(at=a.at, queue=a.queue, open=a.open, what=a.what, reason=a.reason),
    acd.DayBegan: lambda _, a: m.DayBegan(at=a.at),
}
