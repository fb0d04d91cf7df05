"""What agents do with a click: a number is called from their phone, a promised callback is taken, a waiting caller is moved."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from appliance import _core as core
from appliance import messages as m
from appliance.calls import callers
from appliance.calls.disk import noted
from appliance.calls.flows.clickcall import ClickCall
from appliance.calls.routing import ToCode, ToExtension, ToOutside, ToQueue, from_phone, to_target
from appliance.config.values import Target
from appliance.errors import SwitchroomError
from appliance.sentences import say

if TYPE_CHECKING:
    from appliance.core.box import Box

log = logging.getLogger("clicks")
BUSY = ("offered", "on-contact")
"""States in which an agent's phone rings or talks for a queue."""


class Clicks:
    def __init__(self, box: Box) -> None:
        self._box = box
        self.table: dict[type[m.Command], Callable[[Any], Awaitable[m.Reply]]] = {
            m.CallNumber: self._call_number, m.TakeCallback: self._take_callback, m.MoveContact: self._move,
        }

    # -- calling --

    async def _call_number(self, command: m.CallNumber) -> m.Reply:
        extension = self._free_phone(command.agent)
        number, decision = self._read(extension, command.number)
        name = self._box.office.callers.name_of(number)
        return self._begin(extension, number, decision, command.by, name=name)

    def _free_phone(self, agent: str) -> str:
        """The phone at which the agent sits, which is there and in no call."""
        box, seats = self._box, self._box.acd.seats
        view = box.acd.core.agent(agent)
        if view is None:
            raise SwitchroomError("agent.unknown", "There is no agent {agent}.", "See `switchroom agent list`.",
                                  agent=agent[:40])
        if seats.outside(agent):
            raise SwitchroomError("agent.outside", "This agent works at a number outside.", "Sign in at a phone first.")
        extension = seats.extension_of(agent)
        if not extension:
            raise SwitchroomError("agent.no-phone", "This agent has no phone.", "Sign in at a phone first.")
        if not box.driver.registered(extension):
            raise SwitchroomError("phone.not-connected", "The phone {extension} is not connected.",
                                  "Look whether it has power and network.", extension=extension)
        if view.state in BUSY or box.switch.legs_at(extension):
            raise SwitchroomError("agent.busy", "The phone {extension} is in a call.", "End that call first.",
                                  extension=extension)
        return extension

    def _read(self, extension: str, dialled: str) -> tuple[str, ToExtension | ToOutside]:
        """What is called, with the rights of this phone."""
        config = self._box.config
        decision = from_phone(config, extension, dialled)
        if isinstance(decision, ToOutside) and decision.emergency:
            raise SwitchroomError("call.emergency", "Emergency numbers are not called by a click.",
                                  "Dial it at the phone: nothing stands before it there.")
        if isinstance(decision, ToExtension) and decision.extension != extension:
            return decision.extension, decision
        if isinstance(decision, ToOutside):
            return decision.number, decision
        if getattr(decision, "sip_code", 0) == 403:
            raise SwitchroomError("call.not-allowed", "The phone {extension} may not call this number.",
                                  "Its rights stand in `allow` of the phone and of the route.", extension=extension)
        hint = say("Dial codes at the phone itself.") if isinstance(decision, ToCode) else say(
            "Write it as it is dialled at this phone, or with + and the country's code.")
        raise SwitchroomError("call.number", "This is no number that can be called from here.", hint)

    def _begin(
        self, extension: str, number: str, decision: ToExtension | ToOutside, by: str, *, name: str = "", shown_as: str = "",
        reached: Callable[[], Awaitable[None]] | None = None, over: Callable[[], None] = lambda: None,
    ) -> m.Done:
        switch = self._box.switch
        call = switch.new_call("phone")
        flow = ClickCall(call, self._box.reception, extension, number, decision, name=name, shown_as=shown_as, reached=reached)
        if not flow.start():
            switch.calls.pop(call.id, None)
            over()
            raise SwitchroomError("phone.not-connected", "The phone {extension} cannot be rung now.",
                                  "Try again in a moment.", extension=extension)
        log.info("a call by a click", extra={"call": call.id, "extension": extension, "by": by})
        switch.lead(call, flow.run).add_done_callback(lambda task: over())
        return m.Done(text=call.id)

    # -- callbacks --

    async def _take_callback(self, command: m.TakeCallback) -> m.Reply:
        box, acd, contact = self._box, self._box.acd, command.contact
        extension = self._free_phone(command.agent)
        view, customer = acd.core.contact(contact), acd.customer_of(contact)
        if view is None or not view.virtual or customer is None:
            raise SwitchroomError("callback.unknown", "This customer does not wait any more.", "Load the page again.")
        if view.state not in ("waiting", "parked") or acd.is_with_somebody(contact):
            raise SwitchroomError("callback.taken", "Somebody calls this customer just now.", "Take another one.")
        decision = self._office_calls(customer.number)
        queue, agent = view.queue, command.agent
        rules, over = box.config.queue(queue), acd.by_hand(contact)

        async def reached() -> None:
            """The promise is kept: on disk before anybody else may dial the number. Whoever has taken the same customer from the
            queue meanwhile is told now, and not when this conversation is over."""
            acd.took(agent, contact, queue)
            acd.tell(core.CloseCallback(contact, "reached"))
            try:
                await noted(box.ledger.flush(), "a callback that was made")  # both are on the line
            finally:
                over()

        return self._begin(
            extension, customer.number, decision, command.by, name=customer.name,
            shown_as=(rules.callback.caller_id if rules else None) or "", reached=reached, over=over)

    def _office_calls(self, number: str) -> ToExtension | ToOutside:
        """Who was promised a call is called by the office, whatever the phone may dial."""
        config = self._box.config
        extension = config.phone(number) is not None
        where = to_target(config, Target(f"{'extension' if extension else 'outside'}:{number}"))
        if callers.is_hidden(number) or not isinstance(where, ToExtension | ToOutside):
            raise SwitchroomError("call.number", "No line leads to this customer's number.", "Look at the routes.")
        return where

    # -- moving --

    async def _move(self, command: m.MoveContact) -> m.Reply:
        acd = self._box.acd
        view = acd.core.contact(command.contact)
        if view is None:
            raise SwitchroomError("queue.no-contact", "This caller is not here any more.", "Load the page again.")
        if view.state not in ("waiting", "offered", "parked"):
            raise SwitchroomError("queue.not-waiting", "This caller is being served already.", "Transfer at the phone.")
        target = self._target(command.to, view.queue)
        if view.virtual and target.kind != "queue":
            raise SwitchroomError("queue.bad-target", "Who is to be called back can go to another queue alone.",
                                  "Or take the callback from the desk.")
        if view.state == "parked":
            raise SwitchroomError("queue.not-waiting", "This customer rests between two attempts to call.",
                                  "Move the customer when it is the next attempt's time, or take the callback from the desk.")
        if view.virtual:
            event: core.AcdEvent = core.Move(command.contact, target.name, keep=True, priority=view.priority)
        else:
            event = core.Depart(command.contact, "transferred", str(target))
        log.info("a caller is moved", extra={"call": command.contact, "to": str(target), "by": command.by})
        if any(isinstance(action, core.Denied) for action in acd.tell(event)):
            raise SwitchroomError("queue.closed", "{name} does not take this caller now.", "Choose another one.",
                                  name=target.name)
        return m.Done()

    def _target(self, to: str, queue: str) -> Target:
        """Raises "queue.bad-target", "queue.closed"."""
        kind, _, name = to.partition(":")
        if kind == "agent":
            kind, name = "extension", self._box.acd.seats.extension_of(name) if not self._box.acd.seats.outside(name) else ""
        fits = kind in ("queue", "extension") and name and name == name.strip()
        where = to_target(self._box.config, Target(f"{kind}:{name}")) if fits else None
        known = self._box.acd.core.queue(name) if isinstance(where, ToQueue) else None
        there = isinstance(where, ToExtension) and self._box.config.phone(name) is not None
        if not there and (known is None or name == queue):
            raise SwitchroomError("queue.bad-target", "A caller cannot be moved to {to}.",
                                  "Name another queue (queue:NAME), a phone (extension:NUMBER) or an agent (agent:ID).",
                                  to=to[:60])
        if known is not None and not known.open:
            raise SwitchroomError("queue.closed", "The queue {name} is closed now.", "Choose another one.", name=name)
        return Target(f"{kind}:{name}")
