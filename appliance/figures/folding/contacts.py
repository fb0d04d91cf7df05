"""Contacts: their stays in queues, their agents, how they left, and callbacks.

A contact counts in the quarter hour in which it entered the queue, with all that becomes of it later, so that the parts of a
figure belong to the same contacts. A queue counts each stay in it; the office counts each contact once, by its first queue and
its first answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance import messages as m
from appliance.figures.counts import CODES
from appliance.figures.slots import slot_of

from .callers import Callers
from .calls import Calls
from .remembered import Contact, State, Stay, bound
from .tally import OFFICE, Tally, ms_between

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


class Contacts:
    """`calls` know of hold, `callers` who called before."""

    def __init__(self, state: State, tally: Tally, calls: Calls, callers: Callers) -> None:
        self._state = state
        self._tally = tally
        self._calls = calls
        self._callers = callers
        self.takes: dict[type[m.Event], Callable[[Any, m.Record], None]] = {
            m.ContactQueued: self._queued, m.ContactOffered: self._offered, m.OfferEnded: self._offer_ended,
            m.ContactConnected: self._connected, m.ContactHandedOver: self._handed_over, m.ContactEnded: self._ended,
            m.ContactLeft: self._left, m.CallTransferred: self._transferred, m.CallConferenced: self._conferenced,
            m.VoicemailLeft: self._message, m.CallbackRequested: self._cb_requested, m.CallbackAttempted: self._cb_attempted,
            m.CallbackClosed: self._cb_closed,
        }

    def _queued(self, event: m.ContactQueued, record: m.Record) -> None:
        contacts = self._state.contacts
        contact = contacts.get(event.contact)
        slot = slot_of(event.at)
        if contact is None:
            call = self._state.calls.get(event.contact)
            contact = contacts[event.contact] = Contact(slot, event.at, call.utc if call else 0.0, event.caller)
            bound(contacts)
            self._tally.of_office(slot, "offered")
            self._callers.came(event.contact, contact, OFFICE, slot, event.at)
        stay, out, contact.out = contact.stay, contact.out, ""
        if stay is not None and out and stay.queue == event.queue and event.since < event.at:
            return  # the agent went before the two were joined: the caller has the old place
        if stay is not None and out:
            self._pass_on(contact, stay, out)
            self._handle(contact, stay, out)
        elif stay is not None and not stay.requested and not stay.answered:
            self._tally.of_stay(stay, "moved")
        contact.stay = Stay(event.queue, event.at, slot, event.since or event.at)
        self._tally.of_stay(contact.stay, "offered")
        self._callers.came(event.contact, contact, ("queue", event.queue), slot, event.at)

    def _stay(self, contact: str) -> tuple[Contact, Stay] | None:
        found = self._state.contacts.get(contact)
        return (found, found.stay) if found is not None and found.stay is not None else None

    def _offered(self, event: m.ContactOffered, record: m.Record) -> None:
        if found := self._stay(event.contact):
            self._tally.of_stay(found[1], "rung", 1, event.agent)

    def _offer_ended(self, event: m.OfferEnded, record: m.Record) -> None:
        name = OFFER_ENDS.get(event.how)
        if name and (found := self._stay(event.contact)):
            self._tally.of_stay(found[1], name, 1, event.agent)

    def _connected(self, event: m.ContactConnected, record: m.Record) -> None:
        found = self._stay(event.contact)
        if found is None:
            return
        contact, stay = found
        self._join(event.contact, contact, event.agent, event.at, record)
        if not stay.known:
            stay.known = True
            self._callers.answered(event.contact, contact, stay, event.at)
        if not stay.answered and not stay.requested:
            stay.answered = True
            ms = ms_between(stay.at, event.at)
            self._tally.of_stay(stay, "answered", 1, event.agent)
            self._tally.wait(("queue", stay.queue), stay.slot, "waits", "wait_ms", ms)
            self._tally.wait(("agent", event.agent), stay.slot, "waits", "wait_ms", ms)
            self._tally.wait(("seat", f"{stay.queue}\0{event.agent}"), stay.slot, "waits", "wait_ms", ms)
        if contact.answered:
            return
        contact.answered = True
        if not stay.requested:
            self._tally.of_office(contact.slot, "answered")
            self._tally.wait(OFFICE, contact.slot, "waits", "wait_ms", ms_between(contact.at, event.at))
        ms = ms_between(contact.arrived or contact.at, event.at)
        for subject, slot in ((OFFICE, contact.slot), (("queue", stay.queue), stay.slot)):
            self._tally.add(subject, slot, CODES["first_n"], 1)
            self._tally.wait(subject, slot, "first", "first_ms", ms)

    def _join(self, name: str, contact: Contact, agent: str, at: float, record: m.Record) -> None:
        contact.agent, contact.joined, contact.hold_ms, contact.how = agent, at, 0, ""
        call = self._state.calls.get(name)
        if call is not None and call.held:
            call.held_since, call.boot = record.mono, record.boot

    def _part(self, name: str, contact: Contact, stay: Stay, at: float, record: m.Record) -> str:
        """The agent's part of the conversation is over: what it took. -> the agent"""
        call, agent = self._state.calls.get(name), contact.agent
        if call is not None and call.held:
            self._calls.note_hold(name, call, record)
        whole = ms_between(contact.joined, at)
        hold = min(contact.hold_ms, whole)
        for counter, ms in (("talk_ms", whole - hold), ("hold_ms", hold)):
            if ms:
                self._tally.of_stay(stay, counter, ms, agent)
                self._tally.of_office(contact.slot, counter, ms)
        if agent in self._state.agents:
            self._state.agents[agent].last = (stay.queue, stay.slot, contact.slot)
        contact.agent = ""
        return agent

    def _handle(self, contact: Contact, stay: Stay, agent: str) -> None:
        self._tally.of_agent(agent, stay.queue, stay.slot, "handled")
        if not stay.handled:
            stay.handled = True
            self._tally.of_stay(stay, "handled")
        if not contact.handled:
            contact.handled = True
            self._tally.of_office(contact.slot, "handled")

    def _pass_on(self, contact: Contact, stay: Stay, agent: str) -> None:
        self._tally.of_stay(stay, "passed", 1, agent)
        self._tally.of_office(contact.slot, "passed")
        contact.passed = (agent, stay.queue, stay.slot)
        if contact.how:
            how, contact.how = contact.how, ""
            self._passed_how(contact, how)

    def _passed_how(self, contact: Contact, how: str) -> None:
        assert contact.passed is not None
        agent, queue, slot = contact.passed
        contact.passed = None
        name = f"passed_{how}"
        self._tally.add(("queue", queue), slot, CODES[name], 1)
        self._tally.of_agent(agent, queue, slot, name)
        self._tally.of_office(contact.slot, name)

    def _transferred(self, event: m.CallTransferred, record: m.Record) -> None:
        """Comes before or after the hand-over that it is about."""
        contact = self._state.contacts.get(event.call)
        if contact is None or event.kind == "pickup":
            return
        if contact.passed is not None:
            self._passed_how(contact, event.kind)
        elif contact.agent:
            contact.how = event.kind

    def _conferenced(self, event: m.CallConferenced, record: m.Record) -> None:
        """Who leaves the caller with whom they asked in, passes on after asking. A transfer that follows says itself how."""
        contact = self._state.contacts.get(event.call)
        if contact is not None and contact.agent:
            contact.how = "attended"

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
            self._state.tidy(event.contact, contact)

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
            self._tally.of_stay(stay, "broken", 1, agent)
            self._tally.of_office(contact.slot, "broken")
        else:
            self._handle(contact, stay, agent)
        contact.stay = None
        self._state.tidy(event.contact, contact)

    def _left(self, event: m.ContactLeft, record: m.Record) -> None:
        found = self._stay(event.contact)
        if found is None:
            name = DOOR.get(event.reason, "turned_otherwise")
            slot = slot_of(event.at)
            self._tally.add(("queue", event.queue), slot, CODES[name], 1)
            self._tally.of_office(slot, name)
            return
        contact, stay = found
        contact.stay = None
        name = EXITS.get(event.reason, "left_otherwise")
        if event.target.startswith("voicemail:"):
            name = "to_voicemail"
        final = not event.target.startswith("queue:") and not contact.answered
        if not stay.requested and not stay.answered:  # counted among the callbacks, or the answered, already
            self._tally.of_stay(stay, name)
            if final:
                self._tally.of_office(contact.slot, name)
            if name == "abandoned":
                self._tally.wait(("queue", stay.queue), stay.slot, "gave_up", "gave_up_ms", ms_between(stay.at, event.at))
                if final:
                    self._tally.wait(OFFICE, contact.slot, "gave_up", "gave_up_ms", ms_between(contact.at, event.at))
        contact.passed = None
        if name == "to_voicemail":
            contact.mailbox = (stay.queue, stay.slot)
        self._state.tidy(event.contact, contact)

    def _message(self, event: m.VoicemailLeft, record: m.Record) -> None:
        """A caller who left a queue for a mailbox has said something there."""
        contact = self._state.contacts.get(event.call)
        if contact is None or contact.mailbox is None or contact.answered:
            return
        (queue, slot), contact.mailbox = contact.mailbox, None
        self._tally.add(("queue", queue), slot, CODES["messages"], 1)
        self._tally.of_office(contact.slot, "messages")

    # -- callbacks --

    def _cb_requested(self, event: m.CallbackRequested, record: m.Record) -> None:
        found = self._stay(event.contact)
        if found is None:
            return
        contact, stay = found
        if not stay.requested:
            stay.requested = event.at
            self._tally.of_stay(stay, "cb_requested")
            self._tally.of_office(contact.slot, "cb_requested")
            if not stay.answered:
                self._tally.of_stay(stay, "to_callback")
            if not contact.answered:
                self._tally.of_office(contact.slot, "to_callback")

    def _cb_attempted(self, event: m.CallbackAttempted, record: m.Record) -> None:
        if found := self._stay(event.contact):
            self._tally.of_stay(found[1], "cb_attempts")
            self._tally.of_office(found[0].slot, "cb_attempts")

    def _cb_closed(self, event: m.CallbackClosed, record: m.Record) -> None:
        found = self._stay(event.contact)
        if found is None:
            return
        contact, stay = found
        if event.reason == "reached":
            stay.reached = True
            ms = ms_between(stay.requested or stay.at, event.at)
            for name, number in (("cb_reached", 1), ("cb_ms", ms)):
                self._tally.of_stay(stay, name, number)
                self._tally.of_office(contact.slot, name, number)
            return
        self._tally.of_stay(stay, CLOSED[event.reason])
        self._tally.of_office(contact.slot, CLOSED[event.reason])
        contact.stay = None
        self._state.tidy(event.contact, contact)
