"""The core's one owner of the ACD: tells it what happens, wakes it when something falls due, carries out what it decides, and
keeps it all in the ledger (docs/acd.md).

What stands in the ledger's class "commit before effect" (a promise to call back, an attempt, a hand-over) is on disk before it
takes effect; the rest is written behind. After a restart the state is the last snapshot and what the ledger has since.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

import msgspec

from appliance import _core as core
from appliance.acd.of_config import rules_of
from appliance.acd.past import Rules
from appliance.calls.call import Call
from appliance.calls.disk import in_time
from appliance.calls.flows.callback import CallbackFlow
from appliance.calls.flows.desk import Customer, Party
from appliance.calls.flows.reach import Exchange
from appliance.calls.flows.ring import Seat
from appliance.calls.leg import Leg
from appliance.calls.switch import Switch
from appliance.config.model import Outcome
from appliance.config.opening import ALWAYS, Opening
from appliance.core.acd_clock import AcdClock
from appliance.core.acd_ledger import configured, facts
from appliance.core.acd_order import InOrder
from appliance.core.acd_restore import Kept, Talk, interrupted, recall
from appliance.core.agent_lamps import AgentLamps
from appliance.core.callers import NAMESPACE, Callers
from appliance.core.contact_notes import ContactNotes, Writer
from appliance.core.customers import Customers
from appliance.core.goodbyes import Goodbyes
from appliance.core.own_calls import OwnCalls
from appliance.core.queue_board import Touched
from appliance.core.seats import Seats
from appliance.core.served import Last, Served
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger, OpenCall
from appliance.ledger.durability import DURABILITY, Durability
from appliance.messages import (
    CallbackClosed,
    CallbackRequested,
    Changed,
    ContactConnected,
    ContactEnded,
    ContactHandedOver,
    ContactNoted,
    ContactOutcome,
    Event,
)

log = logging.getLogger("acd")

LATE = (core.KeptPlace, core.DialCustomer, core.RetryLater, core.CallbackClosed, core.HandedOver)
"""Actions whose effect waits for the ledger."""
BEGIN = (core.Offer, core.DialCustomer)
"""Actions that begin the call of a virtual caller, where there is none yet."""
COMMITTED = frozenset(cls for cls, durability in DURABILITY.items() if durability is Durability.COMMIT)
TALKED = (ContactConnected, ContactHandedOver, ContactEnded)
"""Who talked with a contact, and that it ended well."""
SNAPSHOT_EVENTS = 2000
"""Decisions after which the state is noted whole: a restart replays so many at most."""


class LedgerLike(Writer, Protocol):
    def append(self, event: Event) -> None: ...
    def states(self, namespace: str) -> dict[str, bytes]: ...


class Dispatch:
    """One per core. `exchange` is how flows reach anybody (core/reception.py)."""

    def __init__(self, switch: Switch, ledger: LedgerLike, exchange: Exchange) -> None:
        self.switch = switch
        self.seats = Seats(switch, ledger)
        self._lamps = AgentLamps(switch)
        self.customers = Customers(ledger)
        self._ledger = ledger
        self._exchange = exchange
        self._parties: dict[str, Party] = {}
        self._people: dict[str, Customer] = {}
        self._goodbyes = Goodbyes()
        self._order = InOrder(self._do, self._goodbyes.over)
        self._serving: dict[str, tuple[Party, str]] = {}
        """Leg that rings or talks for a contact -> who leads that, and which agent it is."""
        self._own = OwnCalls(self)
        self.callers = Callers(ledger)
        self._served = Served(ledger)
        self.touched = Touched()
        """Whose part screens must be shown anew."""
        self._notes = ContactNotes(ledger)
        self.core = core.Acd(self.seed)
        self._clock = AcdClock(switch.clock)
        self._told = 0.0
        """The latest time that the ACD was told."""
        self.recalled = 0.0
        """UTC of the last that the ledger knew at the start; 0.0 for nothing."""
        self.version = 0
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._steps = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.number = 0
        """How many steps changed something, in this run of the core."""
        self.run = secrets.token_hex(8)
        self.afterwards: Callable[[Leg], Awaitable[None]] | None = None
        """What an agent outside can do after a call, on the same line."""
        self.opening: Callable[[str | None], Opening] = lambda hours: ALWAYS
        """The state of opening hours now."""
        self.on_change: Callable[[Changed], None] | None = None
        """Everything that was decided, for those who watch (the bus)."""
        self.followed: Callable[[], bool] = lambda: True
        """Whether anybody watches."""

    # -- life --

    @property
    def seed(self) -> int:
        """What the random strategies begin with: the same after each restart, so that the ledger can be replayed."""
        return self.callers.seed

    def start(self, ledger: Ledger, rules: Callable[[int], Rules], version: int, open_calls: Iterable[OpenCall]) -> None:
        """Go on where the ledger stands, under today's configuration. Before any call is taken, and before it is known which
        phones are there: the box has `look_at_phones` do that."""
        raw = self._ledger.get_state(NAMESPACE, "state")
        self.core, last = recall(ledger, raw, rules, self.seed, self._recall)
        self.callers.recall(last)
        self.recalled = self._told = float(self.core.snapshot()["now"])
        self._clock.settle(self._told)
        if self.core.next_timer() is None and not self.core.contact_ids() and self._clock.is_far_ahead():
            self._clock.set_back()
        self._take_rules(version)
        interrupted(self, open_calls)

    def configure(self, version: int) -> None:
        """Take over the queues and agents of the configuration in force."""
        self._take_rules(version)
        self.look_at_phones()

    def _take_rules(self, version: int) -> None:
        self.version = version
        queues, agents = rules_of(self.switch.config)
        now = self._told = self.now()
        actions = self.core.configure(queues, agents, now)
        unpaid = [each.name for each in self.switch.config.breaks if not each.paid]
        self._carry_out(actions, self._write(configured(version, now, self.core, actions, unpaid)))

    def look_at_phones(self) -> None:
        """Agree with the phones as they are: who is always signed in comes in, whose phone is not there is not answering."""
        for agent in self.core.agent_ids():
            self._show(agent)
            self._own.look(agent)  # one that a restart cut off is over
            view, extension = self.core.agent(agent), self.seats.extension_of(agent)
            if view is not None and self.seats.outside(agent):
                if view.state == "logged-out" and self.seats.always(agent):
                    self.tell(core.SignIn(agent))
                continue
            if view is None or not extension:
                continue
            there = bool(self._exchange.contacts(extension))
            if view.state == "logged-out" or view.state == "not-answering":
                if there:
                    self.on_phone(extension, True)
            elif not there:
                self.tell(core.PhoneLost(agent))

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    # -- telling the ACD --

    def now(self) -> float:
        """The ACD's time (UTC, but for what appliance/core/acd_clock.py says): all its times count from this."""
        return self._clock.now()

    def tell(self, event: core.AcdEvent) -> list[core.Action]:
        if self._due is None and not self.core.contact_ids():
            self._settle()
        self._told = self.now()
        actions = self.core.step(self._told, event)
        written = self._write(facts(self.core, event, actions))
        self._carry_out(actions, written)
        return actions

    def _settle(self) -> None:
        """Take the calendar up again: nothing waits for its time. Where the ACD goes back with it the rules are taken over at the
        last moment before and at the first after, from which the ledger's replay knows of it, too."""
        if not self._clock.is_far_ahead():
            self._clock.settle(self._told)
            return
        self._take_rules(self.version)
        self._clock.set_back()
        log.warning("the calendar was set back", extra={"hours": round((self._told - self.now()) / 3600)})
        self._take_rules(self.version)

    def sign_in(self, agent: str, extension: str) -> list[core.Action]:
        """Sign an agent in at this phone, "" for the usual one. The seat is taken first: a caller who waits is offered at
        once, and it is this phone that must ring."""
        view = self.core.agent(agent)
        if extension and view is not None and view.state == "logged-out":
            self.seats.sit(agent, extension)
        return self.tell(core.SignIn(agent))

    def _write(self, events: list[Event]) -> Awaitable[object] | None:
        """Note it; where something must be on disk before it takes effect, the future of that."""
        if events:
            self.number += 1
            self.touched.note(events)
            if self.on_change is not None and self.followed():
                self.on_change(Changed(core=self.run, number=self.number, events=[_shown(event) for event in events]))
        later = [(left, contact) for left, event in enumerate(reversed(events)) if (contact := self._late_for(event))]
        if later or not COMMITTED.isdisjoint(map(type, events)):
            self._keep_customers(events)
            written = self._ledger.commit(*events)
            for left, contact in later:
                self._also(self._notes.found(contact, written, left))
            return written
        for event in events:
            self._ledger.append(event)
        return None

    def _late_for(self, event: Event) -> str:
        """The contact whose call is over by now, or may be: a callback ended, or somebody talks with the customer. "": none."""
        if isinstance(event, TALKED):
            return "" if event.contact in self.switch.calls else event.contact
        return event.contact if isinstance(event, CallbackClosed) else ""

    def _keep_customers(self, events: Iterable[Event]) -> None:
        """The number of whoever is promised a call stands in the ledger before the promise does."""
        for event in events:
            person = self._people.get(event.contact) if isinstance(event, CallbackRequested) else None
            if isinstance(event, CallbackRequested) and person is not None:
                self.customers.keep(event.contact, person)

    def _carry_out(self, actions: list[core.Action], written: Awaitable[object] | None) -> None:
        for action in actions:
            contact = getattr(action, "contact", "")
            if (written is not None and isinstance(action, LATE)) or self._order.waits(contact):
                self._order.put(contact, action, written)
            else:
                self._do(action)
        if actions:
            self._steps += 1
            if self._steps >= SNAPSHOT_EVENTS:
                self._steps = 0
                self._also(self.note_state())
        self._arm()

    def _also(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _do(self, action: core.Action) -> None:
        contact = getattr(action, "contact", "")
        if contact:
            party = self._parties.get(contact)
            if isinstance(action, core.Connect):
                self.took(action.agent, action.contact, action.queue)
                self._remember(self.core, action, action.at)
            if party is None and isinstance(action, BEGIN) and not self._order.is_undone(action):
                party = self._begin_callback(action)
            if party is not None:
                party.act(action)
                if isinstance(action, core.KeptPlace):
                    self._let_go(contact, party)
            if isinstance(action, core.CallbackClosed):
                self.customers.forget(contact)
        elif isinstance(action, core.AgentChanged):
            asyncio.get_running_loop().call_soon(self._agent_changed, action.agent)
            if action.state == "logged-out":
                self.seats.sit(action.agent, "")

    def _agent_changed(self, agent: str) -> None:
        self._show(agent)
        self._own.look(agent)

    def _show(self, agent: str) -> None:
        """The lamps of an agent who can sign in."""
        view = self.core.agent(agent)
        if view is not None and self.switch.config.agent(agent) is not None:
            self._lamps.show(agent, self.seats.extension_of(agent), view.state)

    def _arm(self) -> None:
        """One timer, for whatever falls due next."""
        due = self.core.next_timer()
        if due == self._due and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due = due
        if due is not None:
            left = max(0.0, due - self.now())
            self._timer = asyncio.get_running_loop().call_later(min(left, 3600.0), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.tell(core.Tick())

    # -- contacts (calls.flows.desk.QueueDesk) --

    async def promise(self, queue: str, call: Call, customer: Customer) -> bool:
        """A caller is to be called back by a queue without waiting in it (a call of its own leads that, when the turn comes)."""
        listed, key = call.vip, self.caller_key(customer.number)
        own = listed.priority if listed else None
        self._people[call.id] = customer
        try:
            actions = self.tell(core.Enter(
                call.id, queue, "callback", priority=own or 0, vip=listed is not None and own is None,
                sticky=self.last_agent(key, queue), caller=key, virtual=True))
        finally:
            if call.id not in self._parties:  # nobody leads it yet
                self._people.pop(call.id, None)
        if any(isinstance(action, core.Denied) for action in actions):
            return False
        try:
            await in_time(self._ledger.flush(), "a promise to call back", call.id)
        except SwitchroomError as problem:
            log.error("nothing is promised: %s", problem, extra={"call": call.id})
            self.tell(core.CloseCallback(call.id))
            return False
        return True

    def flushed(self) -> asyncio.Future[int]:
        return asyncio.ensure_future(self._ledger.flush())

    def lead(self, contact: str, party: Party, customer: Customer) -> None:
        self._parties[contact] = party
        self._people[contact] = customer

    def leave(self, contact: str, party: Party) -> None:
        if self._parties.get(contact) is party:
            del self._parties[contact]
            self._people.pop(contact, None)
            view = self.core.contact(contact)
            if view is not None and view.channel == "voice" and not view.virtual and not self._talks_on(contact, party):
                # Its flow has failed: nobody must be rung for a caller whom nothing leads any more. (An agent who was put
                # through to another call talks on there; the contact ends with that leg, see `on_leg`.)
                log.error("a contact lost its flow", extra={"call": contact, "queue": view.queue})
                self.tell(core.HangUp(contact, "cut"))
        self._goodbyes.end(contact, party)

    def _talks_on(self, contact: str, party: Party) -> bool:
        """Whether a leg that serves this live contact has gone over to another call. (The contact's id is its own call's.)"""
        legs = (self.switch.legs.get(id) for id, served in self._serving.items() if served[0] is party)
        return any(leg is not None and leg.call.id != contact for leg in legs)

    def _let_go(self, contact: str, party: Party) -> None:
        """The live caller is a callback now. The flow that says goodbye leads it no more: what comes is for another."""
        self._goodbyes.begin(contact, party)
        del self._parties[contact]
        self._people.pop(contact, None)

    def customer_of(self, contact: str) -> Customer | None:
        """Who a contact that is here now is."""
        return self._people.get(contact) or self.customers.get(contact)

    def is_with_somebody(self, contact: str) -> bool:
        """The customer of this callback hears our goodbye still, or is called by hand."""
        return contact in self._goodbyes

    def by_hand(self, contact: str) -> Callable[[], None]:
        """Somebody calls this customer now without the ACD: until what this gives is called, nobody else dials the number."""
        return self._goodbyes.by_hand(contact)

    def serving(self, leg: Leg, party: Party, agent: str) -> None:
        self._serving[leg.id] = (party, agent)

    def given(self, leg: Leg) -> bool:
        """Whether this leg rings or talks for a contact of the ACD."""
        return leg.id in self._serving

    def agent_of(self, leg: Leg) -> str:
        """Which agent it rings or talks for then; "": none."""
        return self._serving.get(leg.id, (None, ""))[1]

    def seat_of(self, agent: str, queue: str) -> Seat | None:
        return self.seats.seat_of(agent, queue)

    def agent_at(self, extension: str) -> str:
        return self.seats.agent_at(extension)

    def _begin_callback(self, action: core.Offer | core.DialCustomer) -> Party | None:
        """A virtual caller's turn: a call of its own."""
        customer = self.customers.get(action.contact)
        if customer is None:
            log.error("nobody knows whom to call back", extra={"contact": action.contact})
            asyncio.get_running_loop().call_soon(self.tell, core.CloseCallback(action.contact, "unreachable"))
            return None
        call: Call = self.switch.new_call("callback")
        call.facts = dict(customer.facts)
        flow = CallbackFlow(call, action.contact, action.queue, self, self._exchange, customer)
        self.lead(action.contact, flow, customer)
        self.switch.lead(call, flow.run)
        return flow

    async def after_call(self, leg: Leg) -> None:
        if self.afterwards is not None:
            await self.afterwards(leg)
        leg.hang_up()

    def caller_key(self, number: str) -> str:
        return self.callers.key(number)

    def _recall(self, acd: core.Acd, talk: Talk, at: float) -> None:
        self._served.fold(talk.agent, Last(talk.contact, talk.queue, at))
        self._remember(acd, talk, at)

    def _remember(self, acd: core.Acd, talk: Talk, at: float) -> None:
        view = acd.contact(talk.contact) if isinstance(talk, core.Connect) else talk
        if view is not None and view.caller:
            self.callers.remember(view.caller, talk.agent, talk.queue, at)

    def last_agent(self, caller: str, queue: str) -> str:
        return self.callers.last_agent(caller, self.switch.config.queue(queue), self.now())

    # -- agents (calls.flows.agent.AgentDesk) --

    def last_contact(self, agent: str) -> tuple[str, str] | None:
        return self._served.of(agent)

    def took(self, agent: str, contact: str, queue: str) -> None:
        """The agent has reached this contact by a call of the agent's own: notes and outcome are about that now."""
        self._served.put(agent, Last(contact, queue, self.now()))
        self.touched.agent(agent)

    async def note_outcome(self, agent: str, contact: str, outcome: Outcome) -> None:
        await self._notes.write(ContactOutcome(
            at=self.switch.clock.utc(), contact=contact, agent=agent, code=outcome.code, name=outcome.name,
            marks=list(outcome.marks)))

    async def note(self, agent: str, contact: str, caller: str, text: str) -> None:
        await self._notes.write(ContactNoted(at=self.switch.clock.utc(), contact=contact, agent=agent, caller=caller, text=text))

    # -- agents' phones --

    def on_leg(self, leg: Leg) -> None:
        """A leg came to be, was answered or is gone (Switch.on_leg)."""
        party, serves = self._serving.get(leg.id, (None, ""))
        if party is not None and leg.is_ended:
            del self._serving[leg.id]
            asyncio.get_running_loop().call_soon(party.agent_left, leg, serves)
        if leg.kind == "phone":
            for agent in self.seats.agents_at(leg.endpoint):
                if agent != serves:
                    self._own.look(agent)
                    self._own.passed_on(agent, leg)
        elif leg.is_ended and leg.outsider is not None:
            self._own.gone(leg.outsider.agent, leg)

    def has_contact(self, agent: str) -> bool:
        """Whether the ACD rings this agent, or has given a contact that goes on."""
        view = self.core.agent(agent)
        return view is not None and view.state in ("offered", "on-contact")

    def calls_in(self, agent: str, leg: Leg) -> None:
        """An agent outside calls us: the number is busy as long as this leg lasts, or another call from it."""
        self._own.comes(agent, leg)

    def is_outside(self, agent: str) -> bool:
        """Whether the agent is rung at a number outside."""
        return self.seats.outside(agent)

    def on_phone(self, extension: str, up: bool) -> None:
        """A phone came or went."""
        for agent in self.seats.agents_at(extension):
            if self.seats.outside(agent):
                continue
            view = self.core.agent(agent)
            if up and view is not None and view.state == "logged-out" and self.seats.always(agent):
                self.tell(core.SignIn(agent))
            else:
                self.tell(core.PhoneBack(agent) if up else core.PhoneLost(agent))

    # -- restart --

    async def note_state(self) -> None:
        """Keep the whole state, and up to where in the ledger it reaches."""
        state, last, version = self.core.snapshot(), dict(self.callers.last), self.version
        seq = await self._ledger.flush()
        self._ledger.put_state(NAMESPACE, "state", msgspec.msgpack.encode(Kept(seq, version, state, last)))


def _shown(event: Event) -> dict[str, Any]:
    """An event of the ledger for those who watch: without the ACD's own input."""
    shown: dict[str, Any] = msgspec.to_builtins(event)
    shown.pop("asked", None)
    return shown
