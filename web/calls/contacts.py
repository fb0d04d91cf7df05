"""What the queues made of calls: for each contact its queues, its agents and how it left. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from appliance import messages as m
from appliance.figures.folding.callers import USUAL_MARKS
from web.calls.stays import Stays

OF_CALLS = (m.VoicemailLeft, m.CallTransferred, m.CallConferenced)
"""Events that name the call; a contact has its id."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent wrote about a contact; `at` UTC seconds."""

    at: float
    agent: str
    text: str


class Contact(msgspec.Struct, kw_only=True):
    """A call as the ACD met it; its id is the call's. `waited` seconds to the first agent, None: to none."""

    queues: list[str] = []
    agents: list[str] = []
    waited: float | None = None
    left: str = ""
    queued: bool = False
    """False: turned away at the door."""
    outcome: str = ""
    marks: list[str] = []
    noted_by: str = ""
    noted_in: str = ""
    """Who keyed it, and in which queue it had its last agent; "" where no agent had it."""
    callback: bool = False
    surveyed: bool = False
    asked_after: tuple[str, str] | None = None
    """Queue and agent of the conversation that the caller was asked about."""
    missed: list[tuple[str, str]] = []
    """Queue and agent of each offer that nobody took up."""
    last_in: str = ""
    """Queue in which it had its last agent."""
    notes: list[Note] = []
    """The last one of each agent."""
    had: dict[str, str] = {}
    """In which queue each agent had it last."""
    stays: Stays = msgspec.field(default_factory=Stays)


def contacts_of(events: Iterable[m.Event], known: dict[str, Contact] | None = None) -> dict[str, Contact]:
    """By call id; with what is `known` already."""
    found: dict[str, Contact] = {} if known is None else known
    for event in events:
        take = _TAKE.get(type(event))
        if take is not None:
            id = event.call if isinstance(event, OF_CALLS) else event.contact  # type: ignore[attr-defined]
            contact = found.setdefault(id, Contact())
            contact.stays.take(event)
            take(contact, event)
    return found


def queue_of(contact: Contact, agent: str) -> str:
    """In which an agent had the contact, else which it was in last; "" in none."""
    return contact.had.get(agent) or (contact.queues[-1] if contact.queues else "")


def _queue(contact: Contact, event: Any) -> None:
    queue: str = event.queue
    if queue and queue not in contact.queues:
        contact.queues.append(queue)


def _queued(contact: Contact, event: m.ContactQueued) -> None:
    _queue(contact, event)
    contact.queued = True


def _connected(contact: Contact, event: m.ContactConnected) -> None:
    _queue(contact, event)
    contact.had[event.agent] = contact.last_in = event.queue
    if event.agent not in contact.agents:
        contact.agents.append(event.agent)
    if contact.waited is None:
        contact.waited = event.waited


def _handed(contact: Contact, event: m.ContactHandedOver) -> None:
    _queue(contact, event)
    if event.to:
        contact.had[event.to] = event.queue
    if event.to and event.to not in contact.agents:
        contact.agents.append(event.to)


def _left(contact: Contact, event: m.ContactLeft) -> None:
    _queue(contact, event)
    contact.left = event.reason


def _kept(contact: Contact, event: m.CallbackRequested) -> None:
    _queue(contact, event)
    contact.callback = True


def _noted(contact: Contact, event: m.ContactOutcome) -> None:
    contact.outcome, contact.marks = event.name, event.marks or USUAL_MARKS.get(event.name, [])
    contact.noted_by = event.agent
    contact.noted_in = contact.last_in or (contact.queues[-1] if contact.callback else "")


def _surveyed(contact: Contact, event: m.SurveyAsked | m.SurveyAnswered) -> None:
    contact.surveyed = contact.surveyed or isinstance(event, m.SurveyAsked)
    contact.asked_after = contact.asked_after or (event.queue, event.agent)


def _offer_ended(contact: Contact, event: m.OfferEnded) -> None:
    if event.how == "missed":
        contact.missed.append((event.queue, event.agent))


def _written(contact: Contact, event: m.ContactNoted) -> None:
    contact.notes[:] = [each for each in contact.notes if each.agent != event.agent]
    if event.text:
        contact.notes.append(Note(at=event.at, agent=event.agent, text=event.text))


def _only_its_stays(contact: Contact, event: m.Event) -> None:
    """No more than `Stays.take` makes of it."""


_TAKE: dict[type[m.Event], Callable[[Contact, Any], None]] = {
    m.ContactQueued: _queued, m.ContactConnected: _connected, m.ContactHandedOver: _handed, m.ContactLeft: _left,
    m.CallbackRequested: _kept, m.ContactOutcome: _noted, m.SurveyAsked: _surveyed, m.SurveyAnswered: _surveyed,
    m.ContactNoted: _written, m.OfferEnded: _offer_ended, m.ContactEnded: _only_its_stays, m.CallbackClosed: _only_its_stays,
    **dict.fromkeys(OF_CALLS, _only_its_stays),
}
