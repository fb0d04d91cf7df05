"""What an agent sees and does at the desk; the same for the page and the API."""

from __future__ import annotations

from typing import Literal

import msgspec

from appliance.acd.missed import Missed, fold
from appliance.errors import SwitchroomError
from appliance.ledger.reader import LedgerReader
from appliance.messages import AgentNow, CallNow, ContactNow, ControlAgent, Done, MarkMissed, NoteOutcome
from appliance.users.model import User
from web.app import Services
from web.live.hub import State

DeskAction = Literal["login", "logout", "ready", "break", "extend"]
DAYS = 7.0
MAX_MISSED = 200


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """The caller who rings or talks. `number` "" where it is withheld; `since` UTC from which the place counts; `facts`: what
    was keyed in the menu."""

    contact: str
    queue: str
    state: str
    since: float
    number: str
    facts: dict[str, str]


class DeskNow(msgspec.Struct, frozen=True, kw_only=True):
    """`agent` None: not known now."""

    agent: AgentNow | None
    card: Card | None


def own_agent(user: User) -> str:
    """Raises "desk.no-agent" for one who is no agent."""
    if not user.agent:
        raise SwitchroomError("desk.no-agent", "You are no agent.", "An administrator names the agent that you are, at Users.")
    return user.agent


def look(state: State, agent: str) -> DeskNow:
    if state.queues is None:
        return DeskNow(agent=None, card=None)
    found = next((each for each in state.queues.agents if each.id == agent), None)
    contact = next((each for each in state.queues.contacts if agent in each.agents), None)
    calls = state.calls.calls if state.calls else []
    call = next((each for each in calls if contact is not None and each.call == contact.id), None)
    return DeskNow(agent=found, card=_card(contact, call) if contact else None)


def _card(contact: ContactNow, call: CallNow | None) -> Card:
    caller = next((leg for leg in call.legs if leg.direction == "in"), None) if call else None
    number = (caller.number if caller.kind == "line" else caller.endpoint) if caller else ""
    return Card(contact=contact.id, queue=contact.queue, state=contact.state, since=contact.since, number=number,
                facts=dict(call.facts) if call else {})


def order(box: Services, user: User, by: str, action: DeskAction, reason: str = "") -> Done:
    """Raises SwitchroomError as `ControlAgent` does, and "desk.no-agent"."""
    done: Done = box.core.ask(ControlAgent(agent=own_agent(user), action=action, reason=reason, by=by))
    return done


def outcome(box: Services, user: User, by: str, code: str) -> Done:
    done: Done = box.core.ask(NoteOutcome(agent=own_agent(user), code=code, by=by))
    return done


def missed(box: Services, user: User) -> list[Missed]:
    """Callers of the queues that one may see whom nobody has served in a week, the oldest first."""
    config = box.config

    def short(queue: str) -> float:
        known = config.queue(queue)
        return float(known.short_abandon_seconds) if known else 0.0

    try:
        with LedgerReader(box.data / "ledger") as reader:
            last = reader.event(reader.last_seq())
            entries = fold(reader.follow(reader.seq_at(last.utc - DAYS * 86400)), short) if last is not None else []
    except SwitchroomError as problem:
        if problem.id != "ledger.missing":
            raise
        return []  # no box has run here yet
    return [each for each in entries if user.sees_queue(each.queue)][:MAX_MISSED]


def mark(box: Services, user: User, contact: str, done: bool) -> Done:
    """Raises "missed.unknown" for one who is not on the list that one may see."""
    if all(each.contact != contact for each in missed(box, user)):
        raise SwitchroomError("missed.unknown", "This caller is not on the list any more.", "Load the page again.")
    reply: Done = box.core.ask(MarkMissed(contact=contact, by=user.name, done=done))
    return reply
