"""Ledger events of queues and agents: what the ACD was told and what it decided (docs/acd.md).

`at` is the ACD's own clock: UTC seconds that never run backwards, equal for all events of one step. The first event of a step
carries in `asked` the input that led to it, so that replaying the inputs of the ledger gives the same state
(`appliance.core.acd_ledger`). A decision that fell due by time has no `asked`.

`contact` is the id of the call that the contact came with. `caller` is an opaque key that the box makes of a number (a keyed
hash), never the number itself.
"""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Any, Literal

from appliance.messages_base import Event

AgentState = Literal[
    "logged-out", "ready", "offered", "on-contact", "wrap-up", "break", "dialling-out", "reserved", "not-answering",
]  # fmt: skip
OfferEnd = Literal["accepted", "refused", "missed", "withdrawn", "unreachable"]
"""`missed`: rang to the end of its time. `withdrawn`: another agent took the contact, or it left. `unreachable`: the phone
could not be rung or vanished while it rang."""
LeaveReason = Literal[
    "abandoned", "cut", "overflow", "max-wait", "left", "transferred", "voicemail", "callback", "closed", "full",
    "nobody-in", "all-on-break", "long-wait", "no-queue", "interrupted", "resumed",
]  # fmt: skip
"""Why a contact left without (or instead of) an agent. `abandoned`: hung up; `cut`: the network lost it; `left`: pressed out;
`max-wait` and `overflow`: a rule of the queue; `closed` to `no-queue`: turned away at the door; `interrupted`: the box
restarted; `resumed`: the caller called again and has the place in a new contact."""


class ContactQueued(Event, frozen=True, kw_only=True):
    """A contact waits in a queue. `since` is the time its place counts from: earlier than `at` where it kept an older place."""

    at: float
    contact: str
    queue: str
    channel: Literal["voice", "callback", "chat", "mail"] = "voice"
    priority: int = 0
    skills: dict[str, int] = {}
    vip: bool = False
    sticky: str = ""
    caller: str = ""
    since: float = 0.0
    position: int = 0
    asked: dict[str, Any] = {}


class ContactOffered(Event, frozen=True, kw_only=True):
    """An agent's phone is to ring for this contact, until `until`."""

    at: float
    contact: str
    agent: str
    queue: str
    until: float = 0.0
    asked: dict[str, Any] = {}


class OfferEnded(Event, frozen=True, kw_only=True):
    at: float
    contact: str
    agent: str
    queue: str
    how: OfferEnd
    asked: dict[str, Any] = {}


class ContactConnected(Event, frozen=True, kw_only=True):
    """Contact and agent are joined. `waited` seconds since the contact's place began."""

    at: float
    contact: str
    agent: str
    queue: str
    waited: float = 0.0
    asked: dict[str, Any] = {}


class ContactHandedOver(Event, frozen=True, kw_only=True):
    """The contact goes on with another agent (`to`), or leaves the ACD's care for a number outside it (`to` empty)."""

    at: float
    contact: str
    agent: str
    to: str = ""
    queue: str = ""
    asked: dict[str, Any] = {}


class ContactEnded(Event, frozen=True, kw_only=True):
    """A contact that was connected is over. `talked` seconds with this agent."""

    at: float
    contact: str
    agent: str
    queue: str
    talked: float = 0.0
    reason: str = ""
    asked: dict[str, Any] = {}


class ContactLeft(Event, frozen=True, kw_only=True):
    """A contact left the queue, or was turned away at its door, without an agent. `target`: where it goes now ("" nowhere)."""

    at: float
    contact: str
    queue: str
    reason: LeaveReason
    waited: float = 0.0
    target: str = ""
    asked: dict[str, Any] = {}


class AgentStateChanged(Event, frozen=True, kw_only=True):
    """`reason`: of a break ("lunch"), of wrap-up and contact (the contact's id), or why the box did it ("missed", "unreachable").
    `until`: when the state ends by itself; 0: it does not."""

    at: float
    agent: str
    state: AgentState
    before: AgentState
    reason: str = ""
    until: float = 0.0
    asked: dict[str, Any] = {}


class CallbackRequested(Event, frozen=True, kw_only=True):
    """The caller keeps the place and will be called. Committed before the caller is told so."""

    at: float
    contact: str
    queue: str
    since: float
    expires: float = 0.0
    caller: str = ""
    asked: dict[str, Any] = {}


class CallbackAttempted(Event, frozen=True, kw_only=True):
    """The customer is called now; `agent` waits for it. Committed before the INVITE leaves."""

    at: float
    contact: str
    queue: str
    attempt: int
    agent: str = ""
    asked: dict[str, Any] = {}


class CallbackFailed(Event, frozen=True, kw_only=True):
    """The attempt did not reach the customer; the next is at `again`."""

    at: float
    contact: str
    queue: str
    reason: str = ""
    again: float = 0.0
    asked: dict[str, Any] = {}


class CallbackClosed(Event, frozen=True, kw_only=True):
    """No further attempt: `reached`, `expired`, `attempts` (used up), `cancelled`, `called-again` (the caller did),
    `no-queue` (it is configured no more) or `unreachable` (no line leads to the number)."""

    at: float
    contact: str
    queue: str
    reason: Literal["reached", "expired", "attempts", "cancelled", "called-again", "no-queue", "unreachable"]
    asked: dict[str, Any] = {}


class QueueSwitched(Event, frozen=True, kw_only=True):
    """A queue opened or closed, by its hours or by hand: its `door`, its `callbacks`, or `both`."""

    at: float
    queue: str
    open: bool
    what: Literal["both", "door", "callbacks"] = "both"
    reason: str = ""
    asked: dict[str, Any] = {}


class DayBegan(Event, frozen=True, kw_only=True):
    """Midnight of the office: the ACD's counts of the day begin anew."""

    at: float
    asked: dict[str, Any] = {}


class AcdConfigured(Event, frozen=True, kw_only=True):
    """The queues and agents of this version of the configuration hold from now. `unpaid`: its breaks that are not paid; None:
    unknown, the record is of an earlier release."""

    at: float
    version: int
    unpaid: list[str] | None = None


ACD_EVENTS: tuple[type[Event], ...] = (
    ContactQueued, ContactOffered, OfferEnded, ContactConnected, ContactHandedOver, ContactEnded, ContactLeft,
    AgentStateChanged, CallbackRequested, CallbackAttempted, CallbackFailed, CallbackClosed, QueueSwitched,
    DayBegan, AcdConfigured,
)  # fmt: skip
