"""Queues and agents on the bus: commands, the state as a whole, and what changes it.

Who wants to follow along asks for `Queues` (the state, and the `number` that it stands at) and takes every `Changed` with a
higher number; one that is missing shows by its number, and another `Queues` mends it. `core` names the run of the core: numbers
begin anew with each.
"""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from appliance.messages_base import Command, Reply
from appliance.sentences import Said


class Queues(Command, frozen=True, kw_only=True):
    """All queues, agents and contacts as they stand. Who the contacts are (number, name, what was keyed in) is told of those
    queues in `people` alone, "*" being all: whoever asks on behalf of somebody names the queues that one may see.
    -> QueuesReply"""

    people: list[str] = []


class Why(Command, frozen=True, kw_only=True):
    """Why each agent has or has not got this contact, which is here now. -> Reasons, or Refused "queue.no-contact"."""

    contact: str


class ControlAgent(Command, frozen=True, kw_only=True):
    """`reason`: of a break, by its name; `extension`: where to sign in, "" for the agent's own phone. "extend" makes the
    wrap-up longer, as its queue has it; "ready" ends it.
    -> Done, or Refused "agent.unknown", "agent.state", "agent.no-phone", "agent.no-reason"."""

    agent: str
    action: Literal["login", "logout", "ready", "break", "extend"]
    reason: str = ""
    extension: str = ""
    by: str = "cli"


class NoteOutcome(Command, frozen=True, kw_only=True):
    """How a contact ended ("": the agent's contact now, or the last one): a code of [[outcomes]]. -> Done, or Refused
    "outcome.no-call", "outcome.unknown"."""

    agent: str
    code: str
    contact: str = ""
    by: str = "cli"


MAX_NOTE = 2000
"""Characters of a note."""


class NoteContact(Command, frozen=True, kw_only=True):
    """What the agent writes about a contact ("": the agent's contact now, or the last one); replaces what stood there.
    -> Done, or Refused "outcome.no-call"."""

    agent: str
    text: Annotated[str, Meta(max_length=MAX_NOTE)]
    contact: str = ""
    by: str = "cli"


class CallNumber(Command, frozen=True, kw_only=True):
    """Click to call: the agent's phone rings, and when it is picked up the number is called as if it had been dialled there,
    with the rights and the number shown that the phone has. `number` as dialled at that phone, or with + and the country's code.
    -> Done as soon as the phone is rung (`text`: the call), or Refused "agent.unknown", "agent.no-phone", "agent.outside",
    "agent.busy", "phone.not-connected", "call.number", "call.not-allowed", "call.emergency"."""

    agent: str
    number: Annotated[str, Meta(max_length=64)]
    by: str = "cli"


class TakeCallback(Command, frozen=True, kw_only=True):
    """The agent calls a customer now who waits to be called back. The promise is kept as soon as the customer answers; else the
    customer keeps the place. -> Done as for CallNumber, or Refused as there, and "callback.unknown", "callback.taken"."""

    agent: str
    contact: str
    by: str = "cli"


class MoveContact(Command, frozen=True, kw_only=True):
    """A waiting caller goes to another queue with the time waited so far ("queue:NAME"), or to a phone ("extension:NUMBER",
    "agent:ID"); where nobody answers there, back to the queue and the old place. -> Done, or Refused "queue.no-contact",
    "queue.not-waiting", "queue.bad-target", "queue.closed"."""

    contact: str
    to: Annotated[str, Meta(max_length=128)]
    by: str = "cli"


class CancelCallback(Command, frozen=True, kw_only=True):
    """-> Done, or Refused "callback.unknown"."""

    contact: str
    by: str = "cli"


class MarkMissed(Command, frozen=True, kw_only=True):
    """Somebody takes care of a missed caller, or has. -> Done"""

    contact: str
    by: str
    done: bool = False


class AskSurveys(Command, frozen=True, kw_only=True):
    """What callers answered from `since` on and before `until` (UTC seconds, 0: now), by survey and queue ("" all).
    -> SurveyFigures"""

    since: float
    until: float = 0.0
    survey: str = ""
    queue: str = ""


class QueueNow(msgspec.Struct, frozen=True, kw_only=True):
    """A queue as it stands. `waiting` has the virtual callers in it; `longest` UTC since when the oldest waits, 0: nobody;
    `expected` seconds that a caller who came now would wait, None where it cannot be told."""

    name: str
    number: str
    open: bool
    waiting: int
    virtual: int
    talking: int
    longest: float
    handling: float
    ready: int
    signed_in: int
    on_break: int
    expected: float | None = None


class AgentNow(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as it stands; `extension` is where, `since` UTC when the state began, `until` when it ends by itself (0: not);
    while somebody who was passed on from a queue (QueuesReply) rings or talks there, `state` is "offered" or "on-contact";
    `last` the contact served now or last, "" none since the core began; `pending` the state that was asked for meanwhile and
    follows when this contact and its wrap-up are over ("break", "logged-out", "not-answering")."""

    id: str
    name: str
    extension: str
    state: str
    reason: str
    since: float
    until: float
    contacts: int
    busy: float
    queues: list[str]
    last: str = ""
    pending: str = ""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who a contact is, as far as that is known: the number to call ("" none), the name, and what was keyed in, by name
    ("account"), and the line on which the call came ("" none, or it is over)."""

    number: str = ""
    name: str = ""
    facts: dict[str, str] = {}
    line: str = ""


class ContactNow(msgspec.Struct, frozen=True, kw_only=True):
    """A contact as it stands; `since` UTC from which its place counts, `position` 0 where it does not wait. `person` None where
    it was not asked for."""

    id: str
    queue: str
    channel: str
    state: str
    priority: int
    virtual: bool
    since: float
    position: int
    agents: list[str]
    attempts: int
    person: Person | None = None


class QueuesReply(Reply, frozen=True, kw_only=True):
    """`passed_on`: who has left a queue or the first agent, and rings ("offered") or talks ("connected") at the phone of these
    agents, without the ACD: moved there, put through by an agent, or sent on by the queue's rule."""

    core: str
    number: int
    now: float
    queues: list[QueueNow]
    agents: list[AgentNow]
    contacts: list[ContactNow]
    passed_on: list[ContactNow] = []


class Reasons(Reply, frozen=True, kw_only=True):
    """One line an agent."""

    lines: list[Said]


class SurveyFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A question's figure over `n` answers, None where there are none. `csat`: share 0..1 of 4 and 5 among 1..5; `nps`: percent
    of 9 and 10 less percent of 0 to 6; `ces`: mean of 1..7; `comment`: `n` alone."""

    survey: str
    question: str
    kind: str
    n: int
    value: float | None = None


class SurveyFigures(Reply, frozen=True, kw_only=True):
    """`asked` callers were asked; the questions in the order in which they were first answered."""

    asked: int
    questions: list[SurveyFigure]


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided in one step, in order, as the ledger's events have it (`type` and fields). `number` follows that of the
    one before, within one `core`."""

    core: str
    number: int
    events: list[dict[str, Any]]
