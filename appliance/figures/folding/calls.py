"""Legs and calls: who was blocked, and how long a conversation was on hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance import messages as m
from appliance.figures.counts import CODES
from appliance.figures.slots import slot_of, split

from .remembered import Call, State, bound
from .tally import Tally


class Calls:
    def __init__(self, state: State, tally: Tally) -> None:
        self._state = state
        self._tally = tally
        self.takes: dict[type[m.Event], Callable[[Any, m.Record], None]] = {
            m.LegOpened: self._leg_opened, m.LegAnswered: self._leg_answered, m.LegHeld: self._held, m.LegResumed: self._resumed,
            m.LegEnded: self._leg_ended, m.CallReached: self._reached, m.CallEnded: self._call_ended,
        }

    # -- calls --

    def _call(self, call: str, record: m.Record) -> Call:
        found = self._state.calls.get(call)
        if found is None:
            found = self._state.calls[call] = Call(slot_of(record.utc), record.utc, boot=record.boot)
            bound(self._state.calls)
        return found

    def _leg_opened(self, event: m.LegOpened, record: m.Record) -> None:
        call = self._call(event.call, record)
        if not call.legs and event.kind == "line" and event.direction == "in":
            call.line_in = event.leg
        call.legs.append(event.leg)
        self._state.legs[event.leg] = event.call
        bound(self._state.legs)

    def _leg_answered(self, event: m.LegAnswered, record: m.Record) -> None:
        call = self._state.calls.get(self._state.legs.get(event.leg, ""))
        if call is not None and call.line_in == event.leg:
            call.line_in = ""

    def _leg_ended(self, event: m.LegEnded, record: m.Record) -> None:
        name = self._state.legs.pop(event.leg, "")
        call = self._state.calls.get(name)
        if call is None:
            return
        self._resume(name, call, event.leg, record)
        if call.line_in == event.leg and event.cause.sip == 503:
            call.blocked = True

    def _reached(self, event: m.CallReached, record: m.Record) -> None:
        if event.target.startswith("excuse:line:"):
            self._call(event.call, record).blocked = True

    def _call_ended(self, event: m.CallEnded, record: m.Record) -> None:
        call = self._state.calls.pop(event.call, None)
        if call is not None:
            for leg in call.legs:
                self._state.legs.pop(leg, None)
            if call.blocked:
                self._tally.of_office(call.slot, "blocked")
        contact = self._state.contacts.get(event.call)
        if contact is not None:
            contact.over = True
            self._state.tidy(event.call, contact)

    # -- hold: while any party of the call holds, and an agent has the contact --

    def _held(self, event: m.LegHeld, record: m.Record) -> None:
        call = self._state.calls.get(self._state.legs.get(event.leg, ""))
        if call is not None and event.leg not in call.held:
            if not call.held:
                call.held_since, call.boot = record.mono, record.boot
            call.held.append(event.leg)

    def _resumed(self, event: m.LegResumed, record: m.Record) -> None:
        name = self._state.legs.get(event.leg, "")
        call = self._state.calls.get(name)
        if call is not None:
            self._resume(name, call, event.leg, record)

    def _resume(self, name: str, call: Call, leg: str, record: m.Record) -> None:
        if leg in call.held:
            if len(call.held) == 1:
                self.note_hold(name, call, record)
            call.held.remove(leg)

    def note_hold(self, name: str, call: Call, record: m.Record) -> None:
        """The hold so far, by the monotonic clock; what lies before the conversation does not count."""
        contact = self._state.contacts.get(name)
        held = record.mono - call.held_since if record.boot == call.boot else 0.0
        call.held_since, call.boot = record.mono, record.boot
        if contact is None or not contact.agent or held <= 0.0:
            return
        held = min(held, max(0.0, record.utc - contact.joined))
        contact.hold_ms += round(held * 1000)
        for slot, ms in split(record.utc - held, record.utc):
            self._tally.add(("agent", contact.agent), slot, CODES["held_ms"], ms)
            self._tally.of_office(slot, "held_ms", ms)
