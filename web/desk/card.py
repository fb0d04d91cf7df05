"""The card of who rings or talks: who that is, what for, what was before, and why it came to this agent."""

from __future__ import annotations

import threading
import time
from typing import Any

import msgspec

from appliance.errors import SwitchroomError
from appliance.ledger.cdr import Cdr
from appliance.ledger.reader import LedgerReader
from appliance.messages import ContactNow, Person, Reasons, Why
from appliance.sentences import Said
from appliance.users.model import User
from web.app import Services
from web.calls import met, search
from web.calls.contacts import Contact, Note
from web.i18n import tell
from web.live.hub import State

HISTORY = 8
LOOKED_AT = 40
"""Calls of the number that are looked at for those of the agent's own queues."""
KEPT_SECONDS = 20.0
WHY_SECONDS = 600.0
"""The reasons for one offer do not change with what the others do afterwards."""
MAX_KEPT = 400
LEAST_DIGITS = 3


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier call with the same number. `came`: how it ended ("answered", "abandoned"…)."""

    call: str
    start: float
    direction: str
    queues: list[str]
    agents: list[str]
    came: str
    talk: float
    outcome: str
    notes: list[Note]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """The caller who rings or talks. `number` "" where it is withheld; `line` "" where a phone of the house calls; `since` UTC
    from which the place counts; `facts`: what was keyed in the menu; `script`: the queue's; `why`: what the queue says of each
    agent, in English; `passed_on`: from the queue to this phone, by a move, an agent or a rule."""

    contact: str
    queue: str
    state: str
    since: float
    number: str
    name: str = ""
    line: str = ""
    virtual: bool = False
    passed_on: bool = False
    facts: dict[str, str]
    script: str = ""
    history: list[Past] = []
    why: list[str] = []


class _Kept:
    """Answers kept for a moment: many draws of the same card ask once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._found: dict[Any, tuple[float, Any]] = {}

    def get(self, key: Any) -> Any:
        with self._lock:
            at, value = self._found.get(key, (float("-inf"), None))
            return value if time.monotonic() - at < self._seconds else None

    def put(self, key: Any, value: Any) -> Any:
        with self._lock:
            if len(self._found) >= MAX_KEPT:
                self._found.clear()
            self._found[key] = (time.monotonic(), value)
        return value


_history, _why = _Kept(KEPT_SECONDS), _Kept(WHY_SECONDS)


def of(box: Services, state: State, user: User, agent: str) -> Card | None:
    """The card of the contact that this agent has or is rung for."""
    contact = contact_of(state, agent)
    if contact is None or state.queues is None:
        return None
    passed_on = contact in state.queues.passed_on
    person = contact.person or Person()
    number = person.number if any(character.isdigit() for character in person.number) else ""
    rules = box.config.queue(contact.queue)
    return Card(
        contact=contact.id, queue=contact.queue, state=contact.state, since=contact.since, number=number, name=person.name,
        line=person.line, virtual=contact.virtual, passed_on=passed_on, facts=dict(person.facts),
        script=rules.script if rules else "", history=history(box, user, number, contact.id),
        why=[] if passed_on else [tell(each) for each in why(box, contact)])


def contact_of(state: State, agent: str) -> ContactNow | None:
    """Who rings or talks at this agent: by the ACD, or passed on from a queue."""
    known = [*state.queues.contacts, *state.queues.passed_on] if state.queues else []
    return next((each for each in known if agent in each.agents), None)


def history(box: Services, user: User, number: str, but: str = "") -> list[Past]:
    """The last calls with this number, newest first, of the queues that one may see."""
    known = search.number_of(number, box.config)
    if sum(character.isdigit() for character in known) < LEAST_DIGITS:
        return []
    seen = tuple(user.queues) if user.queues is not None else None
    key = (box.data, known, seen, but)  # another call of the same number asks again
    found = _history.get(key)
    if found is None:
        found = _history.put(key, _read(box, user, known))
    return [each for each in found if each.call != but][:HISTORY]


def _read(box: Services, user: User, number: str) -> list[Past]:
    extension = number if box.config.phone(number) else ""
    try:
        with LedgerReader(box.data / "ledger") as reader:
            page = reader.cdrs(limit=LOOKED_AT, newest_first=True, extension=extension, number="" if extension else number)
            found = met.with_contacts(reader, page)
    except SwitchroomError as problem:
        if problem.id != "ledger.missing":
            raise
        return []  # no box has run here yet
    return [_past(cdr, contact, user) for cdr, contact in found if search.may_see(user, contact)][: HISTORY + 1]


def _past(cdr: Cdr, contact: Contact, user: User) -> Past:
    return Past(
        call=cdr.call, start=cdr.start, direction=cdr.direction, queues=list(contact.queues), agents=list(contact.agents),
        came=contact.left or cdr.outcome or cdr.disposition, talk=cdr.talk, outcome=contact.outcome, 
        notes=[each for each in contact.notes if search.may_read(user, contact, each.agent)])


def why(box: Services, contact: ContactNow) -> list[Said]:
    """The core's reasons, "" where it does not know the contact any more."""
    key = (box.data, contact.id, contact.state, tuple(contact.agents))
    found: list[Said] | None = _why.get(key)
    if found is None:
        try:
            reply: Reasons = box.core.ask(Why(contact=contact.id), 2.0)
        except SwitchroomError:
            return []  # over meanwhile, or the core is away: the page says so itself
        found = _why.put(key, list(reply.lines))
    return found or []
