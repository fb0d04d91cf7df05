"""What an agent sees and does at the desk; the same for the page and the API."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from appliance.acd.missed import Missed
from appliance.errors import SwitchroomError
from appliance.messages import AgentNow, CallNumber, ControlAgent, Done, MarkMissed, NoteContact, NoteOutcome, TakeCallback
from appliance.messages_queues import MAX_NOTE
from appliance.users.model import User
from web.app import Services
from web.desk import card
from web.desk.card import Card
from web.desk.follow import Talk
from web.live.hub import State

DeskAction = Literal["login", "logout", "ready", "break", "extend"]
MAX_MISSED = 200
TALKS = 12
OPEN_NOTES = 2
"""Contacts whose note can be written on the page at once: this one and the one before."""
NoteText = Annotated[str, Meta(max_length=MAX_NOTE)]


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A customer who is to be called back. `since` UTC from which the place counts; `position` 0: between two attempts."""

    contact: str
    queue: str
    number: str
    name: str
    since: float
    position: int
    state: str
    attempts: int


class DeskNow(msgspec.Struct, frozen=True, kw_only=True):
    """`agent` None: not known now."""

    agent: AgentNow | None
    card: Card | None


def own_agent(user: User) -> str:
    """Raises "desk.no-agent" for one who is no agent."""
    if not user.agent:
        raise SwitchroomError("desk.no-agent", "You are no agent.", "An administrator names the agent that you are, at Users.")
    return user.agent


def look(box: Services, state: State, user: User) -> DeskNow:
    found = agent_of(state, user.agent)
    return DeskNow(agent=found, card=card.of(box, state, user, user.agent) if found is not None else None)


def agent_of(state: State, agent: str) -> AgentNow | None:
    return next((each for each in state.queues.agents if each.id == agent), None) if state.queues and agent else None


def order(box: Services, user: User, by: str, action: DeskAction, reason: str = "") -> Done:
    """Raises SwitchroomError as `ControlAgent` does, and "desk.no-agent"."""
    done: Done = box.core.ask(ControlAgent(agent=own_agent(user), action=action, reason=reason, by=by))
    return done


# ---- calling -------------------------------------------------------------------------------------------------------------


def call(box: Services, user: User, by: str, number: str) -> Done:
    """The own phone rings, then the number is called. Raises SwitchroomError as `CallNumber` does."""
    if not number.strip() or len(number) > 64:
        raise SwitchroomError("call.number", "This is no number that can be called from here.",
                              "Write it as it is dialled at your phone, or with + and the country's code.")
    done: Done = box.core.ask(CallNumber(agent=own_agent(user), number=number.strip(), by=by))
    return done


def callbacks(state: State, user: User) -> list[Waiting]:
    """Who is to be called back by the agent's queues (one who is no agent: by those that one may see), by place."""
    own = agent_of(state, user.agent)
    found = [each for each in (state.queues.contacts if state.queues else []) if each.virtual and user.sees_queue(each.queue)
             and (own is None or each.queue in own.queues)]
    return [Waiting(contact=each.id, queue=each.queue, number=each.person.number if each.person else "",
                    name=each.person.name if each.person else "", since=each.since, position=each.position, state=each.state,
                    attempts=each.attempts)
            for each in sorted(found, key=lambda each: each.since)]


def take_callback(box: Services, state: State, user: User, by: str, contact: str) -> Done:
    """Raises SwitchroomError as `TakeCallback` does; "callback.unknown" also for one of a queue that is not the agent's."""
    agent = own_agent(user)
    if all(each.contact != contact for each in callbacks(state, user)):
        raise SwitchroomError("callback.unknown", "This customer does not wait any more.", "Load the page again.")
    done: Done = box.core.ask(TakeCallback(agent=agent, contact=contact, by=by))
    return done


# ---- notes and outcomes --------------------------------------------------------------------------------------------------


def talks(box: Services, state: State, user: User) -> list[Talk]:
    """The agent's last contacts, the one of now first."""
    if not user.agent:
        return []
    known = box.desks.talks(user.agent)
    now = agent_of(state, user.agent)
    ids = [each.contact for each in known]
    ringing = card.contact_of(state, user.agent)
    if now is not None and now.last and now.last not in ids:  # the ledger is a moment behind
        known.insert(0, Talk(contact=now.last, queue="", at=0.0, number=box.desks.number(now.last)))
    if ringing is not None:
        known = [each for each in known if each.contact == ringing.id] + [each for each in known if each.contact != ringing.id]
        if not known or known[0].contact != ringing.id:
            known.insert(0, Talk(contact=ringing.id, queue=ringing.queue, at=0.0, number=box.desks.number(ringing.id)))
    elif now is not None and now.last:
        known = [each for each in known if each.contact == now.last] + [each for each in known if each.contact != now.last]
    return known[:TALKS]


def own_talk(box: Services, state: State, user: User, contact: str) -> Talk:
    """Raises "note.not-yours"."""
    found = next((each for each in talks(box, state, user) if each.contact == contact), None)
    if found is None:
        raise SwitchroomError("note.not-yours", "This is none of your last calls.", "Choose one of the list.")
    return found


def outcome(box: Services, state: State, user: User, by: str, code: str, contact: str = "") -> Done:
    """`contact` "": the one of now, or the last."""
    agent = own_agent(user)
    if contact:
        own_talk(box, state, user, contact)
    done: Done = box.core.ask(NoteOutcome(agent=agent, code=code, contact=contact, by=by))
    return done


def write(box: Services, state: State, user: User, by: str, contact: str, text: str) -> Done:
    """The agent's note about one of the last contacts; it replaces the one before. Raises "note.too-long", "note.not-yours"."""
    agent = own_agent(user)
    text = text.replace("\r\n", "\n").replace("\0", "").strip()
    if len(text) > MAX_NOTE:
        raise SwitchroomError("note.too-long", "A note has {most} characters at most.", "Shorten it.", most=MAX_NOTE)
    if contact:
        own_talk(box, state, user, contact)
    done: Done = box.core.ask(NoteContact(agent=agent, text=text, contact=contact, by=by))
    return done


# ---- callers whom nobody reached -----------------------------------------------------------------------------------------


def missed(box: Services, user: User) -> list[Missed]:
    """Callers of the queues that one may see whom nobody has served in a week, the oldest first."""
    return [each for each in box.desks.missed() if user.sees_queue(each.queue)][:MAX_MISSED]


def mark(box: Services, user: User, contact: str, done: bool) -> Done:
    """Raises "missed.unknown" for one who is not on the list that one may see."""
    found_missed(box, user, contact)
    reply: Done = box.core.ask(MarkMissed(contact=contact, by=user.name, done=done))
    return reply


def call_missed(box: Services, user: User, by: str, contact: str) -> Done:
    """The agent takes care of this caller, and calls."""
    found = found_missed(box, user, contact)
    done = call(box, user, by, found.number)
    box.core.ask(MarkMissed(contact=contact, by=user.name))
    return done


def found_missed(box: Services, user: User, contact: str) -> Missed:
    found = next((each for each in missed(box, user) if each.contact == contact), None)
    if found is None:
        raise SwitchroomError("missed.unknown", "This caller is not on the list any more.", "Load the page again.")
    return found
