"""The one owner of the ACD: who is handed what it decides, in which order, and what waits for the ledger."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from appliance import _core as core
from appliance.acd.of_config import phone_agent
from appliance.calls.flows.callback import CallbackFlow
from appliance.calls.flows.desk import Customer
from appliance.calls.leg import Outsider
from appliance.calls.routing import ToExtension
from appliance.clock import ManualClock
from appliance.config.queues import Member
from appliance.core.queue_board import AgentBoard
from appliance.core.queue_commands import QueueCommands
from appliance.ledger import late
from appliance.messages import AgentNow, Cause, ControlAgent
from drivers.base import Answered, Ended
from tests.callslab import in_time, media, settle
from tests.dispatchlab import Office


def test_a_caller_who_keeps_the_place_while_an_agent_is_rung_is_no_live_caller_any_more() -> None:
    """The next agent is rung by the flow that calls back, once the promise stands in the ledger: not by the one that hangs up."""

    async def work() -> None:
        office = Office()
        office.enters()
        assert office.caller.heard()[-1] == "Offer"
        office.acd.tell(core.KeepPlace(office.contact))
        await settle()
        assert office.caller.heard() == ["Queued", "Offer", "EndOffer"] and office.rung() == []
        office.ledger.written()
        await settle()
        assert office.caller.heard() == ["Queued", "Offer", "EndOffer", "KeptPlace"]
        assert isinstance(office.leads(), CallbackFlow) and office.rung() == ["102"]
        office.acd.leave(office.contact, office.caller)
        assert isinstance(office.leads(), CallbackFlow)

    in_time(work())


def test_an_agent_who_is_free_while_the_caller_says_goodbye_gets_a_callback() -> None:
    async def work() -> None:
        office = Office(agents=())
        office.enters()
        office.acd.tell(core.KeepPlace(office.contact))
        office.ledger.written()
        await settle()
        office.acd.tell(core.SignIn("anna"))
        await settle()
        assert office.caller.heard() == ["Queued", "KeptPlace"]
        assert isinstance(office.leads(), CallbackFlow) and office.rung() == ["101"]

    in_time(work())


@pytest.mark.parametrize("first", ["agent", "customer"])
def test_the_customer_is_not_called_before_the_line_is_free(first: str) -> None:
    async def work() -> None:
        office = Office(agents=(), callback_first=first)
        office.enters()
        office.acd.tell(core.KeepPlace(office.contact))
        office.ledger.written()
        await settle()
        office.acd.tell(core.SignIn("anna"))
        await settle()
        if first == "agent":
            office.lab.answers(office.lab.driver.placed[0])
        await settle()
        office.ledger.written()
        await settle()
        assert office.state() == "dialling" and "104" not in office.rung()
        office.acd.leave(office.contact, office.caller)
        await settle()
        assert office.rung()[-1] == "104"

    in_time(work())


def test_an_attempt_that_is_stopped_before_the_ledger_has_it_is_not_made() -> None:
    async def work() -> None:
        office = Office(agents=(), callback_first="customer")
        office.acd.customers.keep(office.contact, Customer("104", "Daria", "en", {}))
        office.acd.tell(core.Enter(office.contact, "billing", "callback", virtual=True, caller="key"))
        office.ledger.written()
        await settle()
        office.acd.tell(core.SignIn("anna"))
        office.acd.tell(core.CloseCallback(office.contact))
        office.ledger.written()
        await settle()
        assert office.rung() == [] and office.state() == "none" and office.leads() is None

    in_time(work())


@pytest.mark.parametrize("fails", [False, True])
def test_how_a_callback_ended_is_found_by_its_contact(fails: bool) -> None:
    """The call in which it was asked for is long over. Where the end cannot be written nothing is to be found."""

    async def work() -> None:
        office = Office(agents=(), callback_first="customer")
        office.acd.customers.keep(office.contact, Customer("104", "Daria", "en", {}))
        office.acd.tell(core.Enter(office.contact, "billing", "callback", virtual=True, caller="key"))
        office.ledger.written()
        await settle()
        office.acd.tell(core.CloseCallback(office.contact))
        if fails:
            office.ledger.fails()
        else:
            office.ledger.written()
        await settle()
        known = office.ledger.kept.get((late.NAMESPACE, office.contact))
        assert known == (None if fails else late.added(None, 1))

    in_time(work())


def test_who_talked_with_a_customer_called_back_is_found_by_its_contact() -> None:
    """That the callback was reached, who had it, and that it ended well."""

    async def work() -> None:
        office = Office()
        office.acd.customers.keep(office.contact, Customer("104", "Daria", "en", {}))
        office.acd.tell(core.Enter(office.contact, "billing", "callback", virtual=True, caller="key"))
        for _ in ("the agent", "the customer"):
            office.ledger.written()
            await settle()
            office.lab.answers(office.lab.driver.placed[-1])
            await settle()
        office.ledger.written()
        await settle()
        assert office.state() == "connected"
        office.lab.tell(Ended(leg=office.lab.driver.placed[-1].leg, cause=Cause(by="far", q850=16)))
        await settle()
        office.ledger.written()
        await settle()
        known = office.ledger.kept[late.NAMESPACE, office.contact]
        assert len(msgspec.msgpack.decode(known)) == 3

    in_time(work())


def test_a_ledger_that_fails_loses_no_caller() -> None:
    async def work() -> None:
        office = Office(agents=())
        office.enters()
        office.acd.tell(core.KeepPlace(office.contact))
        office.ledger.fails()
        await settle()
        assert office.caller.heard() == ["Queued", "KeptPlace"]
        office.acd.leave(office.contact, office.caller)
        office.acd.tell(core.SignIn("anna"))
        await settle()
        assert office.rung() == ["101"]

    in_time(work())


@pytest.mark.parametrize("state", ["offered", "waiting"])
def test_a_flow_that_fails_leaves_no_contact_for_whom_phones_ring_on(state: str) -> None:
    async def work() -> None:
        office = Office(("anna",) if state == "offered" else ())
        office.enters()
        assert office.state() == state
        office.acd.leave(office.contact, office.caller)
        assert office.state() == "none" and office.leads() is None
        await settle()
        anna = office.acd.core.agent("anna")
        assert anna is not None and anna.state in ("ready", "logged-out", "wrap-up")

    in_time(work())


def test_a_contact_lasts_as_long_as_its_agent_talks_on_in_another_call() -> None:
    async def work() -> None:
        office = Office(("anna",))
        office.enters()
        leg = office.lab.comes("102", "101")
        office.acd.serving(leg, office.caller, "anna")
        office.acd.tell(core.Answer(office.contact, "anna"))
        before = office.state()
        office.acd.leave(office.contact, office.caller)
        assert office.state() == before != "none"

    in_time(work())


def test_a_phone_that_a_queue_rings_is_told_beside_who_sits_there() -> None:
    """Anna's own phone stands in a queue by its extension: it takes calls whether she has signed in or not, and both are busy
    while it is in use."""

    async def work() -> None:
        office = Office(())
        config = office.lab.switch.config
        front = msgspec.structs.replace(config.queues[0], agents=[*config.queues[0].agents, Member(extension="101")])
        office.lab.switch.config = msgspec.structs.replace(config, queues=[front, *config.queues[1:]])
        office.acd.configure(2)

        def states() -> tuple[str, str]:
            views = [office.acd.core.agent(agent) for agent in ("anna", phone_agent("101"))]
            return tuple(view.state if view else "none" for view in views)  # type: ignore[return-value]

        assert states() == ("logged-out", "ready")
        office.acd.tell(core.SignIn("anna"))
        office.acd.seats.sit("anna", "101")
        assert states() == ("ready", "ready")
        leg = office.lab.comes("101")
        office.acd.on_leg(leg)
        assert states() == ("dialling-out", "dialling-out")
        office.lab.tell(Ended(leg=leg.id, cause=Cause(q850=16)))
        await settle()
        assert states() == ("ready", "ready")
        office.acd.on_phone("101", False)
        assert states() == ("not-answering", "not-answering")
        office.acd.on_phone("101", True)
        assert states() == ("ready", "ready")

    in_time(work())


def test_a_phone_with_an_agents_contact_is_rung_for_no_queue_besides() -> None:
    async def work() -> None:
        office = Office(())
        config = office.lab.switch.config
        front = msgspec.structs.replace(config.queues[0], agents=[Member(extension="101")])
        office.lab.switch.config = msgspec.structs.replace(config, queues=[front, *config.queues[1:]])
        office.acd.configure(2)
        office.acd.tell(core.SignIn("anna"))
        call = office.lab.switch.new_call("line")
        leg = call.add_leg("out", "phone", "101", "101")
        office.acd.serving(leg, office.caller, "anna")
        leg.open_port()
        office.lab.tell(Answered(leg=leg.id, media=media()))
        await settle()
        view, anna = office.acd.core.agent(phone_agent("101")), office.acd.core.agent("anna")
        assert view is not None and anna is not None
        assert (view.state, anna.state) == ("dialling-out", "ready")  # what Anna's contact is to her is told by its flow
        office.lab.tell(Ended(leg=leg.id, cause=Cause(q850=16)))
        await settle()
        view = office.acd.core.agent(phone_agent("101"))
        assert view is not None and view.state == "ready"

    in_time(work())


@pytest.mark.parametrize("seed", range(8))
def test_screens_are_shown_the_agents_as_they_are_whatever_happens(seed: int) -> None:
    """Only those whom something has happened to are looked at anew: never one too few."""

    async def work() -> None:
        office, chance = Office(agents=()), random.Random(seed)
        shown = AgentBoard(office.acd, lambda: office.lab.switch.config)
        people, clock = ("anna", "boris", "chen"), ManualClock()
        office.lab.switch.clock = clock

        def step() -> None:
            agent, contact = chance.choice(people), f"call-{chance.randrange(6)}"
            event = chance.choice([
                core.SignIn(agent), core.Ready(agent), core.Ready(agent), core.SignOut(agent), core.Break(agent, "lunch"),
                core.Dial(agent), core.DialEnded(agent), core.PhoneLost(agent), core.PhoneBack(agent), core.Extend(agent, 30),
                core.Enter(contact, "billing", caller=contact), core.Enter(contact, "front", caller=contact),
                core.Answer(contact, agent), core.HangUp(contact, "caller"), core.NewDay(), core.Tick()])
            office.acd.tell(event)
            match chance.randrange(20):
                case 0:
                    office.acd.seats.sit(agent, chance.choice(["104", ""]))
                case 1:
                    office.acd.took(agent, contact, "front")
                case 2:
                    office.lab.switch.config = msgspec.structs.replace(office.lab.switch.config)
                    office.acd.configure(2)

        moved = 0
        before: list[AgentNow] = []
        for _ in range(300):
            clock.advance(chance.choice([0.0, 1.0, 40.0]))
            step()
            await settle()
            now = shown.agents()
            again = AgentBoard(office.acd, lambda: office.lab.switch.config)
            assert now == [again._look(agent, office.lab.switch.config) for agent in office.acd.core.agent_ids()]
            moved, before = moved + (now != before), now
        assert moved > 50

    in_time(work())


def test_an_agent_who_calls_in_twice_is_free_when_both_calls_are_over() -> None:
    async def work() -> None:
        office = Office(agents=("anna",))
        legs: list[Any] = [SimpleNamespace(id=f"in-{at}", kind="line", endpoint="gateway", is_ended=False,
                                           outsider=Outsider("101", "anna")) for at in (1, 2)]
        for leg in legs:
            office.acd.calls_in("anna", leg)
        states = []
        for leg in reversed(legs):
            leg.is_ended = True
            office.acd.on_leg(leg)
            view = office.acd.core.agent("anna")
            states.append(view.state if view else "")
        assert states == ["dialling-out", "ready"]

    in_time(work())


def test_an_agent_who_keys_the_sign_in_code_once_more_is_free_when_the_call_is_over() -> None:
    async def work() -> None:
        office = Office(agents=("anna",))
        leg: Any = SimpleNamespace(id="in-1", kind="line", endpoint="gateway", is_ended=False, outsider=Outsider("101", "anna"))
        for _ in range(2):
            office.acd.calls_in("anna", leg)
        leg.is_ended = True
        office.acd.on_leg(leg)
        view = office.acd.core.agent("anna")
        assert view is not None and view.state == "ready"

    in_time(work())


@pytest.mark.parametrize("command", [False, True])
def test_who_signs_in_at_another_phone_is_rung_there_for_the_caller_who_waits(command: bool) -> None:
    async def work() -> None:
        office = Office(agents=())
        office.lab.devices["103"] = ["sip:103@c"]
        rung: list[Any] = []

        def act(action: core.Action) -> None:
            if isinstance(action, core.Offer):
                rung.append(office.acd.seat_of(action.agent, action.queue))

        office.caller.act = act  # type: ignore[method-assign]
        office.enters()
        if command:
            box: Any = SimpleNamespace(acd=office.acd, config=office.lab.config)
            await QueueCommands(box).table[ControlAgent](ControlAgent(agent="anna", action="login", extension="103"))
        else:
            office.acd.sign_in("anna", "103")
        assert [seat.where for seat in rung] == [ToExtension("103")] and office.acd.agent_at("103") == "anna"
        office.acd.sign_in("anna", "102")  # she is here already
        assert office.acd.seats.extension_of("anna") == "103"

    in_time(work())
