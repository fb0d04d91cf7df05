"""The ledger's events, folded into quarter-hour sums. Pure: a record in, numbers to add out.

A contact counts in the quarter hour in which it entered the queue, with all that becomes of it later, so that the parts of a
figure belong to the same contacts. Agents' time counts when it was spent. A queue counts each stay in it; the office counts each
contact once, by its first queue and its first answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from appliance import messages as m

from .counts import CODES, SPREAD_CODES, Sums, edge_of
from .slots import slot_of, split

OFFICE = ("office", "")
Subject = tuple[str, str]
"""("office", ""), ("queue", NAME), ("agent", ID), ("seat", QUEUE NUL AGENT), ("campaign", NUMBER)."""
MOST_OPEN = 50_000
"""Calls, contacts, attempts that are remembered until they end. The oldest are let go beyond: their end never came."""
LONGEST_STATE = 40 * 86_400.0
"""Seconds of one state that count: a clock that was set by years must not fill them."""

EXITS = {
    "abandoned": "abandoned", "cut": "abandoned", "voicemail": "to_voicemail", "callback": "to_callback", "left": "pressed_out",
    "overflow": "overflowed", "max-wait": "overflowed", "nobody-in": "overflowed", "all-on-break": "overflowed",
    "closed": "overflowed", "no-queue": "overflowed", "interrupted": "broken_off",
}
"""Reason of ContactLeft -> counter, for who had entered."""
DOOR = {
    "closed": "turned_closed", "full": "turned_full", "nobody-in": "turned_nobody", "all-on-break": "turned_nobody",
    "long-wait": "turned_long",
}
OFFER_ENDS = {"missed": "rung_missed", "refused": "rung_refused", "unreachable": "rung_unreachable"}
CLOSED = {
    "expired": "cb_expired", "attempts": "cb_given_up", "no-queue": "cb_given_up", "unreachable": "cb_given_up",
    "cancelled": "cb_cancelled", "called-again": "cb_called_again",
}
TIMES = {
    "ready": "ready_ms", "offered": "ringing_ms", "on-contact": "contact_ms", "wrap-up": "wrapping_ms", "break": "break_ms",
    "dialling-out": "dialling_ms", "reserved": "reserved_ms", "not-answering": "away_ms",
}


class Stay(msgspec.Struct):
    """One stay in one queue; `at` when it began (UTC seconds)."""

    queue: str
    at: float
    slot: int
    since: float
    requested: float = 0.0
    """When the caller asked to be called back; 0: did not."""
    reached: bool = False
    answered: bool = False
    handled: bool = False


class Contact(msgspec.Struct):
    slot: int
    at: float
    arrived: float = 0.0
    stay: Stay | None = None
    agent: str = ""
    joined: float = 0.0
    hold_ms: int = 0
    answered: bool = False
    handled: bool = False
    out: str = ""
    """Agent who had it when it was taken to another queue, or went ahead of the caller."""
    passed: tuple[str, str, int] | None = None
    """Agent, queue and quarter hour of the last time it was passed on, while it is not known how."""
    how: str = ""
    """A transfer that was announced and not yet done."""
    mailbox: tuple[str, int] | None = None
    """Queue and quarter hour of the stay that it left for a mailbox."""
    over: bool = False


class Call(msgspec.Struct):
    slot: int
    utc: float
    legs: list[str] = []
    line_in: str = ""
    """The leg of a caller on a line, until it is answered."""
    blocked: bool = False
    held: list[str] = []
    held_since: float = 0.0
    boot: str = ""


class Agent(msgspec.Struct):
    state: str
    since: float
    last: tuple[str, int, int] | None = None
    """Queue, quarter hours (of the stay, of the contact) of the last conversation: what the after-call work is of."""


class State(msgspec.Struct):
    """All that the fold remembers between records."""

    utc: float = 0.0
    calls: dict[str, Call] = {}
    legs: dict[str, str] = {}
    contacts: dict[str, Contact] = {}
    agents: dict[str, Agent] = {}
    attempts: dict[str, int] = {}


class Fold:
    """`take` records in order; `added` has what they came to since it was last emptied: (subject, quarter hour) -> sums."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()
        self.added: dict[tuple[Subject, int], Sums] = {}
        self._takes: dict[type[m.Event], Callable[[Any, m.Record], None]] = {
            m.LegOpened: self._leg_opened, m.LegAnswered: self._leg_answered, m.LegHeld: self._held, m.LegResumed: self._resumed,
            m.LegEnded: self._leg_ended, m.CallReached: self._reached, m.CallTransferred: self._transferred,
            m.CallEnded: self._call_ended, m.VoicemailLeft: self._message, m.ContactQueued: self._queued,
            m.ContactOffered: self._offered, m.OfferEnded: self._offer_ended, m.ContactConnected: self._connected,
            m.ContactHandedOver: self._handed_over, m.ContactEnded: self._ended, m.ContactLeft: self._left,
            m.AgentStateChanged: self._agent, m.CallbackRequested: self._cb_requested, m.CallbackAttempted: self._cb_attempted,
            m.CallbackClosed: self._cb_closed, m.AttemptStarted: self._attempt, m.AttemptEnded: self._attempt_ended,
            m.BoxStarted: self._started,
        }

    def take(self, record: m.Record) -> None:
        take = self._takes.get(type(record.event))
        if take is not None:
            take(record.event, record)
        self.state.utc = max(self.state.utc, record.utc)

    # -- adding --

    def _add(self, subject: Subject, slot: int, code: int, number: int) -> None:
        sums = self.added.get((subject, slot))
        if sums is None:
            sums = self.added[subject, slot] = {}
        sums[code] = sums.get(code, 0) + number

    def _of_stay(self, stay: Stay, name: str, number: int = 1, agent: str = "") -> None:
        """Of the queue, and of the agent in it."""
        code = CODES[name]
        self._add(("queue", stay.queue), stay.slot, code, number)
        if agent:
            self._of_agent(agent, stay.queue, stay.slot, name, number)

    def _of_agent(self, agent: str, queue: str, slot: int, name: str, number: int = 1) -> None:
        self._add(("agent", agent), slot, CODES[name], number)
        self._add(("seat", f"{queue}\0{agent}"), slot, CODES[name], number)

    def _of_office(self, slot: int, name: str, number: int = 1) -> None:
        self._add(OFFICE, slot, CODES[name], number)

    def _wait(self, subject: Subject, slot: int, spread: str, name: str, ms: int) -> None:
        self._add(subject, slot, SPREAD_CODES[spread] + edge_of(ms), 1)
        self._add(subject, slot, CODES[name], ms)

    # -- calls --

    def _call(self, call: str, record: m.Record) -> Call:
        found = self.state.calls.get(call)
        if found is None:
            found = self.state.calls[call] = Call(slot_of(record.utc), record.utc, boot=record.boot)
            _bound(self.state.calls)
        return found

    def _leg_opened(self, event: m.LegOpened, record: m.Record) -> None:
        call = self._call(event.call, record)
        if not call.legs and event.kind == "line" and event.direction == "in":
            call.line_in = event.leg
        call.legs.append(event.leg)
        self.state.legs[event.leg] = event.call
        _bound(self.state.legs)

    def _leg_answered(self, event: m.LegAnswered, record: m.Record) -> None:
        call = self.state.calls.get(self.state.legs.get(event.leg, ""))
        if call is not None and call.line_in == event.leg:
            call.line_in = ""

    def _leg_ended(self, event: m.LegEnded, record: m.Record) -> None:
        name = self.state.legs.pop(event.leg, "")
        call = self.state.calls.get(name)
        if call is None:
            return
        self._resume(name, call, event.leg, record)
        if call.line_in == event.leg and event.cause.sip == 503:
            call.blocked = True

    def _reached(self, event: m.CallReached, record: m.Record) -> None:
        if event.target.startswith("excuse:line:"):
            self._call(event.call, record).blocked = True

    def _call_ended(self, event: m.CallEnded, record: m.Record) -> None:
        call = self.state.calls.pop(event.call, None)
        if call is not None:
            for leg in call.legs:
                self.state.legs.pop(leg, None)
            if call.blocked:
                self._of_office(call.slot, "blocked")
        contact = self.state.contacts.get(event.call)
        if contact is not None:
            contact.over = True
            self._tidy(event.call, contact)

    # -- hold: while any party of the call holds, and an agent has the contact --

    def _held(self, event: m.LegHeld, record: m.Record) -> None:
        call = self.state.calls.get(self.state.legs.get(event.leg, ""))
        if call is not None and event.leg not in call.held:
            if not call.held:
                call.held_since, call.boot = record.mono, record.boot
            call.held.append(event.leg)

    def _resumed(self, event: m.LegResumed, record: m.Record) -> None:
        name = self.state.legs.get(event.leg, "")
        call = self.state.calls.get(name)
        if call is not None:
            self._resume(name, call, event.leg, record)

    def _resume(self, name: str, call: Call, leg: str, record: m.Record) -> None:
        if leg in call.held:
            if len(call.held) == 1:
                self._note_hold(name, call, record)
            call.held.remove(leg)

    def _note_hold(self, name: str, call: Call, record: m.Record) -> None:
        """The hold so far, by the monotonic clock; what lies before the conversation does not count."""
        contact = self.state.contacts.get(name)
        held = record.mono - call.held_since if record.boot == call.boot else 0.0
        call.held_since, call.boot = record.mono, record.boot
        if contact is None or not contact.agent or held <= 0.0:
            return
        held = min(held, max(0.0, record.utc - contact.joined))
        contact.hold_ms += round(held * 1000)
        for slot, ms in split(record.utc - held, record.utc):
            self._add(("agent", contact.agent), slot, CODES["held_ms"], ms)
            self._of_office(slot, "held_ms", ms)

    # -- contacts --

    def _queued(self, event: m.ContactQueued, record: m.Record) -> None:
        contacts = self.state.contacts
        contact = contacts.get(event.contact)
        slot = slot_of(event.at)
        if contact is None:
            call = self.state.calls.get(event.contact)
            contact = contacts[event.contact] = Contact(slot, event.at, call.utc if call else 0.0)
            _bound(contacts)
            self._of_office(slot, "offered")
        stay, out, contact.out = contact.stay, contact.out, ""
        if stay is not None and out and stay.queue == event.queue and event.since < event.at:
            return  # the agent went before the two were joined: the caller has the old place
        if stay is not None and out:
            self._pass_on(contact, stay, out)
            self._handle(contact, stay, out)
        elif stay is not None and not stay.requested and not stay.answered:
            self._of_stay(stay, "moved")
        contact.stay = Stay(event.queue, event.at, slot, event.since or event.at)
        self._of_stay(contact.stay, "offered")

    def _stay(self, contact: str) -> tuple[Contact, Stay] | None:
        found = self.state.contacts.get(contact)
        return (found, found.stay) if found is not None and found.stay is not None else None

    def _offered(self, event: m.ContactOffered, record: m.Record) -> None:
        if found := self._stay(event.contact):
            self._of_stay(found[1], "rung", 1, event.agent)

    def _offer_ended(self, event: m.OfferEnded, record: m.Record) -> None:
        name = OFFER_ENDS.get(event.how)
        if name and (found := self._stay(event.contact)):
            self._of_stay(found[1], name, 1, event.agent)

    def _connected(self, event: m.ContactConnected, record: m.Record) -> None:
        found = self._stay(event.contact)
        if found is None:
            return
        contact, stay = found
        self._join(event.contact, contact, event.agent, event.at, record)
        if not stay.answered and not stay.requested:
            stay.answered = True
            ms = _ms(stay.at, event.at)
            self._of_stay(stay, "answered", 1, event.agent)
            self._wait(("queue", stay.queue), stay.slot, "waits", "wait_ms", ms)
            self._wait(("agent", event.agent), stay.slot, "waits", "wait_ms", ms)
            self._wait(("seat", f"{stay.queue}\0{event.agent}"), stay.slot, "waits", "wait_ms", ms)
        if contact.answered:
            return
        contact.answered = True
        if not stay.requested:
            self._of_office(contact.slot, "answered")
            self._wait(OFFICE, contact.slot, "waits", "wait_ms", _ms(contact.at, event.at))
        ms = _ms(contact.arrived or contact.at, event.at)
        for subject, slot in ((OFFICE, contact.slot), (("queue", stay.queue), stay.slot)):
            self._add(subject, slot, CODES["first_n"], 1)
            self._wait(subject, slot, "first", "first_ms", ms)

    def _join(self, name: str, contact: Contact, agent: str, at: float, record: m.Record) -> None:
        contact.agent, contact.joined, contact.hold_ms, contact.how = agent, at, 0, ""
        call = self.state.calls.get(name)
        if call is not None and call.held:
            call.held_since, call.boot = record.mono, record.boot

    def _part(self, name: str, contact: Contact, stay: Stay, at: float, record: m.Record) -> str:
        """The agent's part of the conversation is over: what it took. -> the agent"""
        call, agent = self.state.calls.get(name), contact.agent
        if call is not None and call.held:
            self._note_hold(name, call, record)
        whole = _ms(contact.joined, at)
        hold = min(contact.hold_ms, whole)
        for counter, ms in (("talk_ms", whole - hold), ("hold_ms", hold)):
            if ms:
                self._of_stay(stay, counter, ms, agent)
                self._of_office(contact.slot, counter, ms)
        if agent in self.state.agents:
            self.state.agents[agent].last = (stay.queue, stay.slot, contact.slot)
        contact.agent = ""
        return agent

    def _handle(self, contact: Contact, stay: Stay, agent: str) -> None:
        self._of_agent(agent, stay.queue, stay.slot, "handled")
        if not stay.handled:
            stay.handled = True
            self._of_stay(stay, "handled")
        if not contact.handled:
            contact.handled = True
            self._of_office(contact.slot, "handled")

    def _pass_on(self, contact: Contact, stay: Stay, agent: str) -> None:
        self._of_stay(stay, "passed", 1, agent)
        self._of_office(contact.slot, "passed")
        contact.passed = (agent, stay.queue, stay.slot)
        if contact.how:
            how, contact.how = contact.how, ""
            self._passed_how(contact, how)

    def _passed_how(self, contact: Contact, how: str) -> None:
        assert contact.passed is not None
        agent, queue, slot = contact.passed
        contact.passed = None
        name = f"passed_{how}"
        self._add(("queue", queue), slot, CODES[name], 1)
        self._of_agent(agent, queue, slot, name)
        self._of_office(contact.slot, name)

    def _transferred(self, event: m.CallTransferred, record: m.Record) -> None:
        """Comes before or after the hand-over that it is about."""
        contact = self.state.contacts.get(event.call)
        if contact is None or event.kind == "pickup":
            return
        if contact.passed is not None:
            self._passed_how(contact, event.kind)
        elif contact.agent:
            contact.how = event.kind

    def _handed_over(self, event: m.ContactHandedOver, record: m.Record) -> None:
        found = self._stay(event.contact)
        if found is None or not found[0].agent:
            return
        contact, stay = found
        agent = self._part(event.contact, contact, stay, event.at, record)
        self._pass_on(contact, stay, agent)
        self._handle(contact, stay, agent)
        if event.to:
            self._join(event.contact, contact, event.to, event.at, record)
        else:
            contact.stay = None
            self._tidy(event.contact, contact)

    def _ended(self, event: m.ContactEnded, record: m.Record) -> None:
        found = self._stay(event.contact)
        if found is None or not found[0].agent:
            return
        contact, stay = found
        agent = self._part(event.contact, contact, stay, event.at, record)
        if event.reason == "moved":
            contact.out = agent  # the ContactQueued that follows tells whither
            return
        if event.reason in ("cut", "restart"):
            self._of_stay(stay, "broken", 1, agent)
            self._of_office(contact.slot, "broken")
        else:
            self._handle(contact, stay, agent)
        contact.stay = None
        self._tidy(event.contact, contact)

    def _left(self, event: m.ContactLeft, record: m.Record) -> None:
        found = self._stay(event.contact)
        if found is None:
            name = DOOR.get(event.reason, "turned_otherwise")
            slot = slot_of(event.at)
            self._add(("queue", event.queue), slot, CODES[name], 1)
            self._of_office(slot, name)
            return
        contact, stay = found
        contact.stay = None
        name = EXITS.get(event.reason, "left_otherwise")
        if event.target.startswith("voicemail:"):
            name = "to_voicemail"
        final = not event.target.startswith("queue:") and not contact.answered
        if not stay.requested and not stay.answered:  # counted among the callbacks, or the answered, already
            self._of_stay(stay, name)
            if final:
                self._of_office(contact.slot, name)
            if name == "abandoned":
                self._wait(("queue", stay.queue), stay.slot, "gave_up", "gave_up_ms", _ms(stay.at, event.at))
                if final:
                    self._wait(OFFICE, contact.slot, "gave_up", "gave_up_ms", _ms(contact.at, event.at))
        contact.passed = None
        if name == "to_voicemail":
            contact.mailbox = (stay.queue, stay.slot)
        self._tidy(event.contact, contact)

    def _message(self, event: m.VoicemailLeft, record: m.Record) -> None:
        """A caller who left a queue for a mailbox has said something there."""
        contact = self.state.contacts.get(event.call)
        if contact is None or contact.mailbox is None or contact.answered:
            return
        (queue, slot), contact.mailbox = contact.mailbox, None
        self._add(("queue", queue), slot, CODES["messages"], 1)
        self._of_office(contact.slot, "messages")

    def _tidy(self, name: str, contact: Contact) -> None:
        if contact.over and contact.stay is None:
            self.state.contacts.pop(name, None)

    # -- callbacks --

    def _cb_requested(self, event: m.CallbackRequested, record: m.Record) -> None:
        found = self._stay(event.contact)
        if found is None:
            return
        contact, stay = found
        if not stay.requested:
            stay.requested = event.at
            self._of_stay(stay, "cb_requested")
            self._of_office(contact.slot, "cb_requested")
            if not stay.answered:
                self._of_stay(stay, "to_callback")
            if not contact.answered:
                self._of_office(contact.slot, "to_callback")

    def _cb_attempted(self, event: m.CallbackAttempted, record: m.Record) -> None:
        if found := self._stay(event.contact):
            self._of_stay(found[1], "cb_attempts")
            self._of_office(found[0].slot, "cb_attempts")

    def _cb_closed(self, event: m.CallbackClosed, record: m.Record) -> None:
        found = self._stay(event.contact)
        if found is None:
            return
        contact, stay = found
        if event.reason == "reached":
            stay.reached = True
            ms = _ms(stay.requested or stay.at, event.at)
            for name, number in (("cb_reached", 1), ("cb_ms", ms)):
                self._of_stay(stay, name, number)
                self._of_office(contact.slot, name, number)
            return
        self._of_stay(stay, CLOSED[event.reason])
        self._of_office(contact.slot, CLOSED[event.reason])
        contact.stay = None
        self._tidy(event.contact, contact)

    # -- agents --

    def _agent(self, event: m.AgentStateChanged, record: m.Record) -> None:
        agent = self.state.agents.get(event.agent)
        if agent is None:
            if event.state != "logged-out":
                self.state.agents[event.agent] = Agent(event.state, event.at)
            return
        if event.state == agent.state:
            return  # told what follows later, or wrap-up was extended
        self._spend(event.agent, agent, event.at)
        if agent.state == "wrap-up" and agent.last is not None:
            queue, slot, office = agent.last
            ms = _ms(agent.since, event.at)
            self._add(("queue", queue), slot, CODES["wrap_ms"], ms)
            self._of_agent(event.agent, queue, slot, "wrap_ms", ms)
            self._of_office(office, "wrap_ms", ms)
        agent.state, agent.since = event.state, event.at
        if event.state == "logged-out":
            del self.state.agents[event.agent]

    def _spend(self, name: str, agent: Agent, until: float) -> None:
        counter = TIMES.get(agent.state)
        for slot, ms in split(agent.since, min(until, agent.since + LONGEST_STATE)) if counter else ():
            self._add(("agent", name), slot, CODES[counter or ""], ms)
            self._of_office(slot, counter or "", ms)

    def _started(self, event: m.BoxStarted, record: m.Record) -> None:
        """Nobody worked while the box was off: the states end with the last word before, and begin again now."""
        for name, agent in self.state.agents.items():
            self._spend(name, agent, max(agent.since, self.state.utc))
            agent.since = max(agent.since, record.utc)
        for call in self.state.calls.values():
            call.held.clear()

    def still(self, now: float) -> dict[tuple[Subject, int], Sums]:
        """What the agents' states that last come to up to `now` (UTC seconds); nothing is remembered of it."""
        kept, self.added = self.added, {}
        for name, agent in self.state.agents.items():
            self._spend(name, agent, max(agent.since, now))
        found, self.added = self.added, kept
        return found

    # -- campaigns --

    def _attempt(self, event: m.AttemptStarted, record: m.Record) -> None:
        slot = slot_of(record.utc)
        self.state.attempts[_attempt_key(event)] = slot
        _bound(self.state.attempts)
        self._campaign(event.campaign, slot, "dialled")
        if event.attempt > 1:
            self._campaign(event.campaign, slot, "retries")

    def _attempt_ended(self, event: m.AttemptEnded, record: m.Record) -> None:
        slot = self.state.attempts.pop(_attempt_key(event), None)
        if slot is None:
            return
        self._campaign(event.campaign, slot, f"out_{event.outcome}")
        if event.outcome == "hung_up":
            self._campaign(event.campaign, slot, "early_ms", round(event.seconds_heard * 1000))

    def _campaign(self, campaign: int, slot: int, name: str, number: int = 1) -> None:
        self._add(("campaign", str(campaign)), slot, CODES[name], number)
        self._of_office(slot, name, number)


def _attempt_key(event: m.AttemptStarted | m.AttemptEnded) -> str:
    return f"{event.campaign}.{event.subscriber}.{event.attempt}"


def _ms(since: float, until: float) -> int:
    return max(0, round((until - since) * 1000))


def _bound(found: dict[str, Any]) -> None:
    if len(found) > MOST_OPEN:
        del found[next(iter(found))]
