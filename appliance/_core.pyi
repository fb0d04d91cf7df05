"""The compiled core: the account of channels, and the ACD (docs/acd.md)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from appliance.acd.rules import AgentRules, QueueRules

CAMPAIGN: int
PHONE: int
INBOUND: int
EMERGENCY: int

class Line:
    name: str
    channels: int
    reserve: int
    up: bool
    reason: str
    busy: int

class Holding:
    leg: str
    line: Line
    purpose: int
    campaign: int
    order: int

class Channels:
    def set_line(self, name: str, channels: int, reserve: int = 0) -> None: ...
    def remove_line(self, name: str) -> None: ...
    def set_up(self, name: str, up: bool, reason: str = "") -> None: ...
    def lines(self) -> list[Line]: ...
    def line(self, name: str) -> Line | None: ...
    def in_use(self, campaign: int) -> int: ...
    def holding(self, leg: str) -> Holding | None: ...
    def seize(
        self, leg: str, names: list[str], purpose: int, campaign: int = 0, limit: int = 0
    ) -> tuple[str | None, str]: ...
    def occupy(self, leg: str, name: str, purpose: int, campaign: int = 0) -> bool: ...
    def victims(self, names: list[str]) -> list[str]: ...
    def release(self, leg: str) -> bool: ...

# ---- the ACD: events in ----------------------------------------------------------------------------------------------

class AcdEvent:
    """Something that happened. Immutable; equal by value. `data()` is a plain dict with its "type", `event_of` makes it back."""

    def data(self) -> dict[str, Any]: ...

def event_of(data: Mapping[str, Any]) -> AcdEvent:
    """The event that `data()` described. ValueError for an unknown type or fields that do not fit."""

class Tick(AcdEvent):
    """Nothing happened but time: what is due is done. Every step does it, whatever its event."""

    def __init__(self) -> None: ...

class Enter(AcdEvent):
    """A contact wants into a queue. `contact`: the call's id; `skills`: least levels beside the queue's own; `sticky`: an agent
    to prefer; `caller`: an opaque key of the number (a keyed hash, never the number), by which an old place is found again.

    `virtual`: nobody holds the line, the customer is to be called (a wish left on the web, or by voicemail). `since`: where the
    contact's place counts from, if it waited before (in another queue, say); 0: now.

    -> Queued and, where an agent is free, Offer; or Leave with why it was turned away.
    Denied: "known-contact", "unknown-queue"."""

    contact: str
    queue: str
    channel: str
    priority: int
    skills: dict[str, int]
    vip: bool
    sticky: str
    caller: str
    virtual: bool
    since: float
    def __init__(
        self,
        contact: str,
        queue: str,
        channel: Literal["voice", "callback", "chat", "mail"] = "voice",
        priority: int = 0,
        skills: Mapping[str, int] | None = None,
        vip: bool = False,
        sticky: str = "",
        caller: str = "",
        virtual: bool = False,
        since: float = 0.0,
    ) -> None: ...

class Move(AcdEvent):
    """A contact goes to another queue (a transfer by its agent, or by choice while it waits). `keep` lets it keep the time it
    has waited so far. -> as Enter; the agent it talked to has wrap-up."""

    contact: str
    queue: str
    keep: bool
    priority: int
    def __init__(self, contact: str, queue: str, keep: bool = False, priority: int = 0) -> None: ...

class HangUp(AcdEvent):
    """The contact's side is gone, or its conversation is over. `by`: "caller", "agent", "cut" (the network lost it: the place
    can be had again), "restart" (the box went down: likewise). Waiting: -> Leave, or KeptPlace where the queue's rule makes a
    callback of it. Connected: -> Ended, and the agent's wrap-up. A virtual caller that waits cannot hang up (CloseCallback)."""

    contact: str
    by: str
    def __init__(self, contact: str, by: Literal["caller", "agent", "cut", "restart"] = "caller") -> None: ...

class Depart(AcdEvent):
    """A waiting contact leaves by its own wish or the flow's (pressed a key for voicemail). -> Leave with `reason`: "left",
    "transferred", "voicemail", "callback", "overflow"."""

    contact: str
    reason: str
    target: str
    def __init__(self, contact: str, reason: str = "left", target: str = "") -> None: ...

class KeepPlace(AcdEvent):
    """The waiting caller will be called back and keeps the place; the call may end now. -> KeptPlace."""

    contact: str
    def __init__(self, contact: str) -> None: ...

class Answer(AcdEvent):
    """The agent's phone was picked up for this contact. -> EndOffer for the others and Connect; for a virtual caller Dial.
    Denied "not-offered" where the ring time was over or another was faster: end that leg."""

    contact: str
    agent: str
    def __init__(self, contact: str, agent: str) -> None: ...

class Refuse(AcdEvent):
    """The agent declined (busy, 603, a key). -> EndOffer "refused", then Offer to another."""

    contact: str
    agent: str
    def __init__(self, contact: str, agent: str) -> None: ...

class Unreachable(AcdEvent):
    """The agent's phone could not be rung, or vanished while it rang. -> EndOffer "unreachable", the agent "not-answering"."""

    contact: str
    agent: str
    def __init__(self, contact: str, agent: str) -> None: ...

class HandOver(AcdEvent):
    """The connected contact goes on with agent `to` (who must be ready, dialling out or reserved: the consultation before it);
    "" takes it out of the ACD to a number outside. -> HandedOver; the first agent has wrap-up."""

    contact: str
    to: str
    def __init__(self, contact: str, to: str = "") -> None: ...

class Reached(AcdEvent):
    """The customer of a callback picked up. -> Connect (agent first) or Offer (customer first)."""

    contact: str
    def __init__(self, contact: str) -> None: ...

class Unreached(AcdEvent):
    """The customer of a callback was not reached. -> RetryLater, or CallbackClosed "attempts"; the agent is free again."""

    contact: str
    reason: str
    def __init__(self, contact: str, reason: str = "") -> None: ...

class CloseCallback(AcdEvent):
    """No callback any more: `reason` "cancelled" (by the office or the caller), "reached" (somebody reached the customer by
    another way), "unreachable" (no line leads to the number)."""

    contact: str
    reason: str
    def __init__(self, contact: str, reason: str = "cancelled") -> None: ...

class SignIn(AcdEvent):
    """-> AgentChanged to "ready", or to "break" with reason "signed-in" where `ready` is False. Denied where he is signed in."""

    agent: str
    ready: bool
    def __init__(self, agent: str, ready: bool = True) -> None: ...

class SignOut(AcdEvent):
    """On a contact: takes effect after its wrap-up. While ringing: counts as refusing."""

    agent: str
    def __init__(self, agent: str) -> None: ...

class Ready(AcdEvent):
    """Ends break, wrap-up, "not answering"; on a contact it takes back a break or sign-out asked for."""

    agent: str
    def __init__(self, agent: str) -> None: ...

class Break(AcdEvent):
    """On a contact: begins after its wrap-up. While ringing: counts as refusing."""

    agent: str
    reason: str
    def __init__(self, agent: str, reason: str = "") -> None: ...

class Extend(AcdEvent):
    """Wrap-up lasts so many seconds more (at most an hour altogether); on a contact it counts for the wrap-up to come."""

    agent: str
    seconds: float
    def __init__(self, agent: str, seconds: float) -> None: ...

class Dial(AcdEvent):
    """The agent's phone is in use for a call that no queue gave (dialled, or rung directly)."""

    agent: str
    def __init__(self, agent: str) -> None: ...

class DialEnded(AcdEvent):
    """That call is over: back to what was before; wrap-up goes on for what was left of it. Where the agent talked with a
    `contact` that was passed on from `queue`, that queue's wrap-up comes first; `caller` is the caller's key."""

    agent: str
    queue: str
    contact: str
    caller: str
    def __init__(self, agent: str, queue: str = "", contact: str = "", caller: str = "") -> None: ...

class Reserve(AcdEvent):
    """Keep a ready agent free (for a dialler's call about to come), at most so many seconds."""

    agent: str
    seconds: float
    reason: str
    def __init__(self, agent: str, seconds: float = 30.0, reason: str = "") -> None: ...

class Release(AcdEvent):
    """The reservation is not needed any more."""

    agent: str
    def __init__(self, agent: str) -> None: ...

class PhoneLost(AcdEvent):
    """The agent's phone is not reachable: "not-answering", after the contact if there is one; what rings is "unreachable"."""

    agent: str
    def __init__(self, agent: str) -> None: ...

class PhoneBack(AcdEvent):
    """It is reachable again: ready, if PhoneLost was why not."""

    agent: str
    def __init__(self, agent: str) -> None: ...

class SwitchQueue(AcdEvent):
    """A queue opens or closes (hours, night switch): its `door` (closed: nobody enters, who waits is served on), its
    `callbacks` (closed: virtual callers keep their places and wait), or both. -> QueueSwitched."""

    queue: str
    open: bool
    reason: str
    what: str
    def __init__(
        self, queue: str, open: bool, reason: str = "", what: Literal["both", "door", "callbacks"] = "both"
    ) -> None: ...

class NewDay(AcdEvent):
    """Midnight of the office: the counts of the day begin anew. -> DayBegan."""

    def __init__(self) -> None: ...

# ---- the ACD: actions out --------------------------------------------------------------------------------------------

class Action:
    """Something to do, or that has become so. Immutable; equal by value. `at`: the ACD's time at which it was decided."""

    at: float

class Denied(Action):
    """The event of this step was refused and changed nothing. `reason` is one of `DENIALS`, `state` what it met."""

    reason: str
    state: str

class Queued(Action):
    """The contact has a place; `position` 1 is the next to be served. `since`: where its place counts from."""

    contact: str
    queue: str
    position: int
    since: float

class Offer(Action):
    """Ring this agent for this contact until `until` at most (the ACD ends it itself then). `virtual`: the caller holds no
    line, the customer will be dialled when the agent has answered."""

    contact: str
    agent: str
    queue: str
    until: float
    virtual: bool

class EndOffer(Action):
    """The agent is not rung any more for this contact; stop it where it still rings. `how`: see messages_acd.OfferEnd."""

    contact: str
    agent: str
    queue: str
    how: str

class Connect(Action):
    """Join the contact and the agent (who has answered)."""

    contact: str
    agent: str
    queue: str
    waited: float

class HandedOver(Action):
    contact: str
    agent: str
    to: str
    queue: str

class Ended(Action):
    """A conversation is over; the contact is forgotten, unless a Queued follows."""

    contact: str
    agent: str
    queue: str
    talked: float
    reason: str

class Leave(Action):
    """The contact is out of the queue and forgotten: bring it to `target`. `reason`: see messages_acd.LeaveReason."""

    contact: str
    queue: str
    reason: str
    target: str
    waited: float

class KeptPlace(Action):
    """The contact is a virtual caller now. Tell the caller once the ledger has it."""

    contact: str
    queue: str
    since: float
    expires: float

class DialCustomer(Action):
    """Call the customer of this callback; say Reached or Unreached. `agent` waits, on the line (agent first) or reserved."""

    contact: str
    agent: str
    queue: str
    attempt: int

class StopDialling(Action):
    """End the attempt that DialCustomer began: the agent is gone, or the callback was closed."""

    contact: str
    queue: str

class RetryLater(Action):
    """The customer was not reached; the place is kept, the next attempt is not before `again`."""

    contact: str
    queue: str
    reason: str
    again: float

class CallbackClosed(Action):
    """See messages_acd.CallbackClosed. The contact is forgotten, unless `reason` is "reached"."""

    contact: str
    queue: str
    reason: str

class AgentChanged(Action):
    """`reason`: of a break, or the contact's id, or why; `until`: when the state ends by itself (0: it does not)."""

    agent: str
    state: str
    before: str
    reason: str
    until: float

class QueueSwitched(Action):
    queue: str
    what: str
    open: bool
    reason: str

class DayBegan(Action):
    """The counts of the day begin anew."""

# ---- the ACD itself --------------------------------------------------------------------------------------------------

class Reason:
    """Why an agent has or has not been given a contact: `reason` is one of `REASONS`, `values` what belongs to it (times are
    the ACD's; `text(clock)` says it in English, `clock` writes a time)."""

    agent: str
    name: str
    reason: str
    values: dict[str, Any]
    def text(self, clock: Callable[[float], str] = ...) -> str: ...

class AgentView:
    """An agent as it stands. `since`: when the state began; `contacts`: taken today; `busy`: seconds of contacts and wrap-up
    today; `offered`, `holding`: ids of contacts; `pending`: "break" or "logged-out" asked for while on a contact."""

    id: str
    state: str
    reason: str
    since: float
    until: float
    idle_since: float
    contacts: int
    busy: float
    misses: int
    offered: list[str]
    holding: list[str]
    pending: str

class QueueView:
    """A queue as it stands. `open`: its door; `calling`: its callbacks are made. `waiting`: those with a place, virtual ones
    included (`virtual`); `longest`: since when the oldest waits (0: nobody); `handling`: seconds a contact takes now;
    `ready`, `signed_in`, `on_break`: of its agents."""

    name: str
    open: bool
    calling: bool
    waiting: int
    virtual: int
    talking: int
    longest: float
    handling: float
    ready: int
    signed_in: int
    on_break: int

class ContactView:
    """A contact as it stands: `state` one of "waiting", "offered", "connected", "parked", "dialling"."""

    id: str
    queue: str
    channel: str
    state: str
    priority: int
    skills: dict[str, int]
    vip: bool
    sticky: str
    caller: str
    virtual: bool
    entered: float
    since: float
    agents: list[str]
    attempts: int

class Acd:
    """Queues and agents: events and time in, actions out. Deterministic: the same events at the same times give the same
    actions and state, whenever it is asked and whatever `Tick`s came between.

    Time is UTC seconds that never run backwards (the box steers the calendar by the monotonic clock); an earlier `now` counts as
    the latest seen. What fell due before `now` is done first, at the time at which it was due."""

    def __init__(self, seed: int = 0) -> None:
        """`seed` drives random and weighted-random; it is part of the state."""

    def configure(self, queues: Iterable[QueueRules], agents: Iterable[AgentRules], now: float) -> list[Action]:
        """Take over these rules; nobody loses a place or a conversation. An agent who is gone from the rules is signed out, after
        a contact where he has one; who waits in a queue that is gone leaves to its old `overflow` ("no-queue"). Where nothing
        waits for its time and `now` is more than SET_BACK_SECONDS earlier than the time before, all times go back by that.

        ValueError where a member is no agent, a name comes twice or a number makes no sense; nothing changes then."""

    def step(self, now: float, event: AcdEvent) -> list[Action]:
        """What to do, in order. An event that does not fit the state gives one `Denied` and changes nothing (what was due by
        time is done all the same, and stands before it)."""

    def next_timer(self) -> float | None:
        """When the next thing falls due: call `step(now, Tick())` then. None: nothing will."""

    def position(self, contact: str) -> int:
        """1 for the next to be served, counting all in the queue with a place before it, being rung or virtual included. 0: it
        is not waiting. Takes log n."""

    def estimate(self, contact: str) -> float | None:
        """Seconds the contact will yet wait, as expected from the agents here, how long contacts take, and who stands before it.
        None where no agent who could take it is signed in (it cannot be told)."""

    def expected_wait(self, queue: str, priority: int = 0, skills: Mapping[str, int] | None = None) -> float | None:
        """The same for a contact that would enter now. KeyError for an unknown queue."""

    def why(self, contact: str, now: float | None = None) -> list[Reason]:
        """For each agent, in the order of the queue's list and then the others: what became of it for this contact, or why it
        has not been asked. KeyError where the contact is not here (a past one: appliance.core.acd_ledger.why_past)."""

    def agent(self, id: str) -> AgentView | None: ...
    def queue(self, name: str) -> QueueView | None: ...
    def contact(self, id: str) -> ContactView | None: ...
    def agent_ids(self) -> list[str]: ...
    def queue_names(self) -> list[str]: ...
    def contact_ids(self, queue: str | None = None) -> list[str]:
        """Ids of those known, or of those who have a place in the queue, in order."""

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain data for msgpack or JSON. Equal states give equal snapshots."""

    @classmethod
    def restore(
        cls, snapshot: Mapping[str, Any], queues: Iterable[QueueRules], agents: Iterable[AgentRules]
    ) -> Acd:
        """An ACD that goes on exactly where that one stood, given the same rules. After a restart of the box follow it with
        HangUp(by="restart") for each contact whose call is gone, and `configure` with today's rules. ValueError for data that is
        no snapshot of this release."""

SET_BACK_SECONDS: float
AGENT_STATES: tuple[str, ...]
CONTACT_STATES: tuple[str, ...]
DENIALS: dict[str, str]
"""Reason -> what it means, in English."""
REASONS: dict[str, str]
"""Reason id of `why` -> its English pattern."""
AGENT_TABLE: list[Transition]
CONTACT_TABLE: list[Transition]

class Transition(NamedTuple):
    """A row of a state machine: in `state`, `event` is taken and leads to one of `targets`."""

    state: str
    event: str
    targets: tuple[str, ...]
    what: str
