"""What the bus may ask about queues and agents."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from appliance import _core as core
from appliance import messages as m
from appliance.acd.told import refused, told
from appliance.calls.disk import in_time
from appliance.core.own_calls import passed_on
from appliance.core.queue_board import AgentBoard
from appliance.errors import SwitchroomError
from appliance.sentences import say

if TYPE_CHECKING:
    from appliance.core.box import Box

SLICE = 16
"""Sentences that are made in one go: some 0.1 ms."""


class QueueCommands:
    def __init__(self, box: Box) -> None:
        self._box = box
        self._board = AgentBoard(box.acd, lambda: box.config)
        self.table: dict[type[m.Command], Callable[[Any], Awaitable[m.Reply]]] = {
            m.Queues: self._queues,
            m.Why: self._why,
            m.ControlAgent: self._control_agent,
            m.NoteOutcome: self._note_outcome,
            m.NoteContact: self._note_contact,
            m.CancelCallback: self._cancel_callback,
            m.MarkMissed: self._mark_missed,
        }
        self._actions: dict[str, Callable[[m.ControlAgent], core.AcdEvent]] = {
            "login": self._login,
            "logout": lambda command: core.SignOut(command.agent),
            "ready": lambda command: core.Ready(command.agent),
            "break": self._break,
            "extend": self._extend,
        }

    # -- looking --

    async def _queues(self, command: m.Queues) -> m.Reply:
        acd = self._box.acd
        return m.QueuesReply(
            core=acd.run, number=acd.number, now=acd.now(),
            queues=[self._queue(name) for name in acd.core.queue_names()],
            agents=self._board.agents(),
            contacts=[self._contact(id, command.people) for id in acd.core.contact_ids()],
            passed_on=list(self._passed_on(command.people)),
        )

    def _queue(self, name: str) -> m.QueueNow:
        acd, known = self._box.acd.core, self._box.config.queue(name)
        view = acd.queue(name)
        assert view is not None
        return m.QueueNow(
            name=name, number=(known.number if known else None) or "", open=view.open, waiting=view.waiting,
            virtual=view.virtual, talking=view.talking, longest=view.longest, handling=view.handling, ready=view.ready,
            signed_in=view.signed_in, on_break=view.on_break, expected=acd.expected_wait(name),
        )

    def _contact(self, id: str, people: list[str]) -> m.ContactNow:
        acd = self._box.acd.core
        view = acd.contact(id)
        assert view is not None
        shown = "*" in people or view.queue in people
        return m.ContactNow(
            id=id, queue=view.queue, channel=view.channel, state=view.state, priority=view.priority, virtual=view.virtual,
            since=view.since, position=acd.position(id), agents=list(view.agents), attempts=view.attempts,
            person=self._person(id) if shown else None,
        )

    def _passed_on(self, people: list[str]) -> Iterator[m.ContactNow]:
        acd = self._box.acd
        for call, talking, agents in passed_on(self._box.switch.calls.values(), acd.given, acd.seats.agents_at):
            came, without = call.out_of, [agent for agent in agents if not acd.has_contact(agent)]
            if came is None or not without:
                continue  # an agent who was put through to has it in the ACD again
            yield m.ContactNow(
                id=came.contact, queue=came.queue, channel="voice", state="connected" if talking else "offered", priority=0,
                virtual=False, since=came.since, position=0, agents=without, attempts=0,
                person=self._person(came.contact) if "*" in people or came.queue in people else None)

    def _person(self, id: str) -> m.Person | None:
        known = self._box.acd.customer_of(id)
        if known is None:
            return None
        call = self._box.switch.calls.get(id)
        came = next((leg for leg in call.legs if leg.direction == "in" and leg.kind == "line"), None) if call else None
        return m.Person(number=known.number, name=known.name, facts=dict(known.facts), line=came.endpoint if came else "")

    async def _why(self, command: m.Why) -> m.Reply:
        acd = self._box.acd
        if acd.core.contact(command.contact) is None:
            raise SwitchroomError("queue.no-contact", "The contact {contact} is not here now.",
                                  "`switchroom queue list` shows who is; past ones are read from the ledger.",
                                  contact=command.contact)
        zone = ZoneInfo(self._box.config.office.timezone)

        @functools.cache
        def clock(at: float) -> str:
            return datetime.fromtimestamp(at, zone).strftime("%H:%M:%S")

        lines = []
        for n, reason in enumerate(acd.core.why(command.contact, acd.now()), 1):
            lines.append(told(reason, clock))
            if n % SLICE == 0:
                await asyncio.sleep(0)  # calls come first
        return m.Reasons(lines=lines)

    # -- agents --

    async def _control_agent(self, command: m.ControlAgent) -> m.Reply:
        acd = self._box.acd
        if acd.core.agent(command.agent) is None:
            known = ", ".join(acd.core.agent_ids()) or say("none is configured")
            raise SwitchroomError("agent.unknown", "There is no agent {agent}.", "There are: {known}.", agent=command.agent,
                                  known=known)
        event = self._actions[command.action](command)
        actions = acd.sign_in(command.agent, command.extension) if command.action == "login" else acd.tell(event)
        denied = [action for action in actions if isinstance(action, core.Denied)]
        if denied:
            raise refused(command.agent, command.action, denied[0].state, denied[0].reason)
        return m.Done()

    def _login(self, command: m.ControlAgent) -> core.AcdEvent:
        box, seats = self._box, self._box.acd.seats
        where = command.extension or seats.extension_of(command.agent)
        if command.extension and box.config.phone(command.extension) is None:
            raise SwitchroomError("agent.no-phone", "There is no phone {extension}.", "See `switchroom status`.",
                                  extension=command.extension)
        other = seats.signed_in_at(where) if where else ""
        if other and other != command.agent:
            raise SwitchroomError("agent.phone-taken", "{other} is signed in at {where}.",
                                  "First: switchroom agent logout {other}", other=other, where=where)
        if not where and not seats.outside(command.agent):
            raise SwitchroomError("agent.no-phone", "{agent} has no phone.", "Name one: --at EXTENSION.", agent=command.agent)
        return core.SignIn(command.agent)

    def _break(self, command: m.ControlAgent) -> core.AcdEvent:
        reasons = [reason.name for reason in self._box.config.breaks]
        if command.reason not in reasons:
            raise SwitchroomError("agent.no-reason", "{reason} is no reason for a break.", "There are: {reasons}.",
                                  reason=repr(command.reason), reasons=", ".join(reasons))
        return core.Break(command.agent, command.reason)

    def _extend(self, command: m.ControlAgent) -> core.AcdEvent:
        last = self._box.acd.last_contact(command.agent)
        queue = self._box.config.queue(last[1]) if last else None
        if queue is None:
            raise SwitchroomError("agent.state", "{agent} is in no wrap-up.",
                                  "Order it during a conversation or in the wrap-up after it.",
                                  agent=command.agent)
        return core.Extend(command.agent, queue.wrap_up_extend_seconds)

    async def _note_outcome(self, command: m.NoteOutcome) -> m.Reply:
        contact, _ = self._contact_of(command.agent, command.contact)
        outcomes = self._box.config.outcomes
        outcome = next((each for each in outcomes if each.code == command.code), None)
        if outcome is None:
            raise SwitchroomError("outcome.unknown", "There is no outcome {code}.", "There are: {outcomes}.",
                                  code=repr(command.code), outcomes=", ".join(each.code for each in outcomes))
        await self._box.acd.note_outcome(command.agent, contact, outcome)
        return m.Done()

    async def _note_contact(self, command: m.NoteContact) -> m.Reply:
        contact, caller = self._contact_of(command.agent, command.contact)
        await self._box.acd.note(command.agent, contact, caller, command.text.strip())
        return m.Done()

    def _contact_of(self, agent: str, named: str) -> tuple[str, str]:
        """The contact named, or the agent's last one, and its caller's number ("" unknown)."""
        acd = self._box.acd
        last = acd.last_contact(agent)
        contact = named or (last[0] if last else "")
        person, cdr = acd.customer_of(contact), self._box.ledger.reader.cdr(contact) if contact else None
        if not contact or (person is None and cdr is None and acd.core.contact(contact) is None):
            raise SwitchroomError("outcome.no-call", "{agent} has had no such call.",
                                  "Outcomes and notes belong to calls of a queue.", agent=agent[:40])
        return contact, person.number if person is not None else cdr.caller if cdr is not None else ""

    # -- callers --

    async def _cancel_callback(self, command: m.CancelCallback) -> m.Reply:
        acd = self._box.acd
        view = acd.core.contact(command.contact)
        if view is None or not view.virtual:
            raise SwitchroomError("callback.unknown", "There is no callback {contact}.", "See `switchroom callback list`.",
                                  contact=command.contact)
        acd.tell(core.CloseCallback(command.contact))
        # Nobody who was told that it is off is called all the same after a kill.
        await in_time(self._box.ledger.flush(), "a callback that was called off")
        return m.Done()

    async def _mark_missed(self, command: m.MarkMissed) -> m.Reply:
        await self._box.ledger.commit(m.MissedMarked(contact=command.contact, by=command.by, done=command.done))
        return m.Done()
