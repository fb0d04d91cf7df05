"""Queues and agents on the bus: commands, the state as a whole, and what changes it.

Who wants to follow along asks for `Queues` (the state, and the `number` that it stands at) and takes every `Changed` with a
higher number; one that is missing shows by its number, and another `Queues` mends it. `core` names the run of the core: numbers
begin anew with each.
"""



from __future__ import annotations

from typing import Any, Literal

import msgspec

from appliance.messages_base import Command, Reply


class Queues(Command, frozen=True, kw_only=True):
    """All queues, agents and contacts as they stand. -> QueuesReply"""


class Why(Command, frozen=True, kw_only=True):
    """Why each agent has or has not got this contact, which is here now. -> Reasons, or Refused "queue.no-contact"."""

    contact: str


class ControlAgent(Command, frozen=True, kw_only=True):
    """`reason`: of a break, by its name; `extension`: where to sign in, "" for the agent's own phone.
    -> Done, or Refused "agent.unknown", "agent.state", "agent.no-phone", "agent.no-reason"."""

    agent: str
    action: Literal["login", "logout", "ready", "break"]
    reason: str = ""
    extension: str = ""
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
    """An agent as it stands; `extension` is where, `since` UTC when the state began, `until` when it ends by itself (0: not)."""

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


class ContactNow(msgspec.Struct, frozen=True, kw_only=True):
    """A contact as it stands; `since` UTC from which its place counts, `position` 0 where it does not wait."""

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


class QueuesReply(Reply, frozen=True, kw_only=True):
    core: str
    number: int
    now: float
    queues: list[QueueNow]
    agents: list[AgentNow]
    contacts: list[ContactNow]


class Reasons(Reply, frozen=True, kw_only=True):
    """One line an agent, in English."""

    lines: list[str]


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided in one step, in order, as the ledger's events have it (`type` and fields). `number` follows that of the
    one before, within one `core`."""

    core: str
    number: int
    events: list[dict[str, Any]]
