"""What agents do with a click: numbers called from their own phone, callbacks taken, callers moved; what is refused, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from appliance import _core as core
from appliance import messages as m
from appliance.acd.of_config import rules_of
from appliance.calls import callers
from appliance.calls.flows.desk import Customer
from appliance.calls.flows.queue import QueueFlow
from appliance.calls.leg import Leg
from appliance.calls.routing import ToQueue
from appliance.core.acd import Dispatch
from appliance.core.clicks import Clicks
from appliance.core.queue_commands import QueueCommands
from appliance.errors import SwitchroomError
from appliance.ledger import fold
from drivers.base import Ended, Place, Ringing, TransferAsked
from tests.callslab import Lab, in_time, settle

NUMBER = "+358401234567"


class House:
    """The commands of a core on noted parts. Anna sits at 101, Boris at 102; both phones are there."""

    def __init__(self) -> None:
        self.lab = Lab()
        self.lab.devices = {"101": ["sip:101@a"], "102": ["sip:102@b"], "104": ["sip:104@d"]}
        self.acd = Dispatch(self.lab.switch, self.lab.ledger, self.lab)
        self.lab.switch.on_leg = self.acd.on_leg
        self.acd.core.configure(*rules_of(self.lab.config), self.lab.switch.clock.utc())
        self.there = {"101", "102", "104"}
        self.cdrs: dict[str, Any] = {}
        box = SimpleNamespace(
            acd=self.acd, switch=self.lab.switch, config=self.lab.config, reception=self.lab, clock=self.lab.switch.clock,
            ledger=SimpleNamespace(flush=self.lab.ledger.flush, reader=SimpleNamespace(cdr=self.cdrs.get)),
            driver=SimpleNamespace(registered=self.there.__contains__), office=SimpleNamespace(callers=callers.NOBODY))
        self.table = {**Clicks(box).table, **QueueCommands(box).table}  # type: ignore[arg-type]
        for agent in ("anna", "boris"):
            self.acd.tell(core.SignIn(agent))

    async def ask(self, command: m.Command) -> m.Reply:
        return await self.table[type(command)](command)

    async def refused(self, command: m.Command) -> str:
        with pytest.raises(SwitchroomError) as problem:
            await self.ask(command)
        assert problem.value.hint
        return problem.value.id

    def picks_up(self, more: Callable[[Place], None] | None = None) -> None:
        """Phones of the house are picked up; `more` is what becomes of numbers outside."""
        def place(order: Place) -> None:
            if order.kind == "phone" or more is None:
                self.lab.answers(order)
            else:
                more(order)

        self.lab.driver.on_place = place

    def state(self, agent: str) -> str:
        view = self.acd.core.agent(agent)
        return view.state if view else ""

    def virtual(self, contact: str, queue: str = "billing") -> None:
        """A customer who waits to be called back; nobody is free for it."""
        for agent in ("anna", "boris"):
            self.acd.tell(core.Break(agent, "lunch"))
        self.acd.customers.keep(contact, Customer(NUMBER, "Eeva", "en", {}))
        self.acd.tell(core.Enter(contact, queue, "callback", virtual=True))

    def waiting(self) -> Leg:
        """A live caller in the queue billing, whom nobody can take: led by its flow."""
        for agent in ("anna", "boris"):
            self.acd.tell(core.Break(agent, "lunch"))
        leg = self.lab.comes("billing", "104")
        queue = self.lab.config.queue("billing")
        assert queue is not None
        self.lab.switch.lead(leg.call, lambda: QueueFlow(leg, queue, self.acd, self.lab).run())
        return leg


# ---- click to call -------------------------------------------------------------------------------------------------------


def test_the_own_phone_rings_first_and_then_the_number_is_called_as_if_it_had_dialled() -> None:
    async def work() -> None:
        house = House()
        await house.ask(m.CallNumber(agent="anna", number=NUMBER))
        await settle()
        rung = house.lab.driver.placed
        assert [(each.endpoint, each.caller) for each in rung] == [("101", NUMBER)]
        assert house.state("anna") == "dialling-out"  # no queue rings her meanwhile
        house.picks_up()
        house.lab.answers(rung[0])
        await settle()
        assert len(rung) == 2 and rung[1].kind == "line" and rung[1].number.endswith("401234567")
        opened = house.lab.ledger.of(m.LegOpened)
        assert [(each.direction, each.kind, each.number) for each in opened] == [
            ("in", "phone", NUMBER), ("out", "line", NUMBER)]
        assert len(house.lab.engine.bridges[-1].ports) == 2
        house.lab.tell(Ended(leg=rung[1].leg, cause=m.Cause(by="far", q850=16)))
        await settle()
        assert house.state("anna") == "ready" and house.lab.ledger.of(m.CallEnded)[0].disposition == "answered"
        records = [m.Record(at, float(at), float(at), "b", event) for at, event in enumerate(house.lab.ledger.events, 1)]
        cdr, = fold(records)
        assert (cdr.direction, cdr.caller, cdr.to) == ("out", "101", NUMBER)

    in_time(work())


def test_who_does_not_pick_up_the_own_phone_calls_nobody() -> None:
    async def work() -> None:
        house = House()
        house.lab.driver.on_place = house.lab.fails(486)
        await house.ask(m.CallNumber(agent="anna", number=NUMBER))
        await settle()
        assert [each.endpoint for each in house.lab.driver.placed] == ["101"] and not house.lab.switch.calls
        assert house.state("anna") == "ready"

    in_time(work())


def test_a_number_that_does_not_answer_is_told_and_is_no_answered_call() -> None:
    async def work() -> None:
        house = House()
        house.picks_up(house.lab.fails(486))
        said: list[bytes] = []
        house.lab.engine.on_play = lambda port, clips, play: said.extend(clips)
        await house.ask(m.CallNumber(agent="anna", number="104"))
        await house.ask(m.CallNumber(agent="boris", number=NUMBER))
        await settle()
        assert b"number-busy" in said

    in_time(work())


@pytest.mark.parametrize(("number", "id"), [
    ("112", "call.emergency"), ("101", "call.number"), ("*41", "call.number"), ("", "call.number"), ("<script>", "call.number"),
    ("700", "call.number"), ("+", "call.number"),
])
def test_what_a_click_does_not_call(number: str, id: str) -> None:
    async def work() -> None:
        house = House()
        assert await house.refused(m.CallNumber(agent="anna", number=number)) == id
        assert not house.lab.driver.placed

    in_time(work())


def test_the_phone_s_own_rights_hold() -> None:
    async def work() -> None:
        house = House()
        assert await house.refused(m.CallNumber(agent="anna", number="+35860012345")) == "call.not-allowed"

    in_time(work())


def test_a_phone_that_is_busy_gone_or_not_there_is_not_rung() -> None:
    async def work() -> None:
        house = House()
        await house.ask(m.CallNumber(agent="anna", number=NUMBER))
        assert await house.refused(m.CallNumber(agent="anna", number=NUMBER)) == "agent.busy"
        house.there.discard("102")
        assert await house.refused(m.CallNumber(agent="boris", number=NUMBER)) == "phone.not-connected"
        assert await house.refused(m.CallNumber(agent="nobody", number=NUMBER)) == "agent.unknown"

    in_time(work())


# ---- callbacks -----------------------------------------------------------------------------------------------------------


def test_a_callback_that_is_taken_is_over_when_the_customer_answers() -> None:
    async def work() -> None:
        house = House()
        house.virtual("c9")
        house.picks_up()
        await house.ask(m.TakeCallback(agent="anna", contact="c9"))
        await settle()
        assert house.acd.core.contact("c9") is None and house.acd.customers.get("c9") is None
        assert house.lab.ledger.of(m.CallbackClosed)[0].reason == "reached"
        assert house.acd.last_contact("anna") == ("c9", "billing")  # her note and outcome are about that

    in_time(work())


def test_a_customer_who_does_not_answer_keeps_the_place() -> None:
    async def work() -> None:
        house = House()
        house.virtual("c9")
        house.picks_up(house.lab.fails(480))
        await house.ask(m.TakeCallback(agent="anna", contact="c9"))
        assert await house.refused(m.TakeCallback(agent="boris", contact="c9")) == "callback.taken"
        await settle()
        assert house.acd.core.contact("c9") is not None and not house.lab.ledger.of(m.CallbackClosed)
        for leg in list(house.lab.switch.legs.values()):
            house.lab.tell(Ended(leg=leg.id, cause=m.Cause(by="far", q850=16)))
        await settle()
        assert not house.acd.is_with_somebody("c9")
        house.picks_up()
        await house.ask(m.TakeCallback(agent="boris", contact="c9"))
        await settle()
        assert house.acd.core.contact("c9") is None

    in_time(work())


def test_nobody_else_dials_the_customer_while_one_does() -> None:
    async def work() -> None:
        house = House()
        house.virtual("c9", "front")
        said: list[bytes] = []
        house.lab.engine.on_play = lambda port, clips, play: said.extend(clips)
        await house.ask(m.TakeCallback(agent="anna", contact="c9"))
        house.acd.tell(core.Ready("boris"))
        await settle()
        rung = {each.endpoint: each for each in house.lab.driver.placed}
        house.lab.answers(rung["102"])
        await settle()
        lines = [each for each in house.lab.driver.placed if each.kind == "line"]
        assert lines == []  # Boris waits while Anna has not given up
        house.lab.answers(rung["101"])
        await settle()
        lines = [each for each in house.lab.driver.placed if each.kind == "line"]
        assert len(lines) == 1
        house.lab.answers(lines[0])
        await settle()
        assert len([each for each in house.lab.driver.placed if each.kind == "line"]) == 1
        assert house.acd.core.contact("c9") is None and house.state("boris") != "on-contact"
        assert b"callback-unreached" in said  # Boris need not wait on the line until Anna's conversation is over
        for leg in list(house.lab.switch.legs.values()):
            house.lab.tell(Ended(leg=leg.id, cause=m.Cause(by="far", q850=16)))
        await settle()

    in_time(work())


def test_a_callback_is_off_on_the_disk_before_anybody_is_told() -> None:
    async def work() -> None:
        house, written = House(), asyncio.get_running_loop().create_future()
        house.virtual("v1")
        box: Any = house.table[m.CancelCallback].__self__  # type: ignore[attr-defined]
        box._box.ledger.flush = lambda: written
        told = asyncio.ensure_future(house.ask(m.CancelCallback(contact="v1", by="cli")))
        await settle()
        assert house.lab.ledger.of(m.CallbackClosed) and not told.done()
        written.set_result(1)
        assert await told == m.Done()

    in_time(work())


def test_a_callback_that_is_gone_is_not_taken() -> None:
    async def work() -> None:
        house = House()
        assert await house.refused(m.TakeCallback(agent="anna", contact="c9")) == "callback.unknown"

    in_time(work())


# ---- moving --------------------------------------------------------------------------------------------------------------


def test_a_waiting_caller_moves_to_another_queue_with_the_time_waited() -> None:
    async def work() -> None:
        house = House()
        leg = house.waiting()
        await settle()
        before = house.acd.core.contact(leg.call.id)
        assert before is not None and before.queue == "billing"
        await house.ask(m.MoveContact(contact=leg.call.id, to="queue:front"))
        await settle()
        assert house.lab.sent == [ToQueue("front")] and leg.call.waits_since == pytest.approx(before.since, abs=0.2)
        left = house.lab.ledger.of(m.ContactLeft)
        assert [(each.queue, each.reason, each.target) for each in left] == [("billing", "transferred", "queue:front")]

    in_time(work())


def test_the_next_queue_counts_from_then() -> None:
    async def work() -> None:
        house = House()
        leg = house.waiting()
        leg.call.waits_since = house.lab.switch.clock.utc() - 60
        await settle()
        queued = house.lab.ledger.of(m.ContactQueued)[0]
        assert queued.since == pytest.approx(queued.at - 60, abs=1) and leg.call.waits_since == 0.0

    in_time(work())


def test_a_caller_who_is_moved_to_a_phone_comes_back_where_nobody_answers() -> None:
    async def work() -> None:
        house = House()
        leg = house.waiting()
        await settle()
        house.lab.driver.on_place = house.lab.fails(486)
        await house.ask(m.MoveContact(contact=leg.call.id, to="agent:boris"))
        await settle()
        assert [each.endpoint for each in house.lab.driver.placed] == ["102"]
        assert house.lab.sent == [ToQueue("billing")] and leg.call.waits_since > 0

    in_time(work())


def test_a_caller_who_is_moved_to_a_phone_talks_there() -> None:
    async def work() -> None:
        house = House()
        leg = house.waiting()
        await settle()
        house.picks_up()
        await house.ask(m.MoveContact(contact=leg.call.id, to="extension:102"))
        await settle()
        assert len(house.lab.engine.bridges[-1].ports) == 2 and leg.call.waits_since == 0.0 and not house.lab.sent

    in_time(work())


async def board(house: House) -> tuple[m.QueuesReply, m.AgentNow]:
    """All as a screen asks for it, and Boris in it."""
    reply = await house.ask(m.Queues(people=["*"]))
    assert isinstance(reply, m.QueuesReply)
    return reply, next(each for each in reply.agents if each.id == "boris")


def test_an_agent_sees_who_is_moved_to_the_phone_and_is_offered_nobody_else() -> None:
    async def work() -> None:
        house = House()
        leg = house.waiting()
        leg.call.facts["account"] = "42"
        await settle()
        house.acd.tell(core.Ready("boris"))
        await house.ask(m.MoveContact(contact=leg.call.id, to="agent:boris"))
        await settle()
        rung, = house.lab.driver.placed
        house.lab.tell(Ringing(leg=rung.leg))
        await settle()
        now, boris = await board(house)
        (card,) = now.passed_on
        assert (card.id, card.queue, card.state, card.agents) == (leg.call.id, "billing", "offered", ["boris"])
        assert card.person is not None and card.person.number == "104" and boris.state == "offered" and not now.contacts
        assert house.state("boris") == "dialling-out"  # to the ACD: nobody is offered to a phone that rings already
        house.acd.tell(core.Enter("next", "billing"))
        view = house.acd.core.contact("next")
        assert view is not None and view.state == "waiting"
        house.acd.tell(core.HangUp("next", "caller"))

        house.lab.answers(rung)
        await settle()
        now, boris = await board(house)
        assert [each.state for each in now.passed_on] == ["connected"] and boris.state == "on-contact"
        assert boris.last == leg.call.id
        await house.ask(m.NoteContact(agent="boris", text="will pay"))
        assert [(each.contact, each.agent) for each in house.lab.ledger.of(m.ContactNoted)] == [(leg.call.id, "boris")]
        hidden = await house.ask(m.Queues(people=["front"]))
        assert isinstance(hidden, m.QueuesReply) and [each.person for each in hidden.passed_on] == [None]

        house.lab.tell(Ended(leg=rung.leg, cause=m.Cause(by="far", q850=16)))
        await settle()
        now, boris = await board(house)
        view = house.acd.core.agent("boris")
        assert view is not None and not now.passed_on and boris.state == view.state == "wrap-up"  # as the queue has it
        assert view.reason == leg.call.id and view.until - house.acd.now() > 5
        assert house.acd._last[house.acd.caller_key("104")][:2] == ("boris", "billing")
        left = house.lab.ledger.of(m.ContactLeft)
        assert [(each.reason, each.target) for each in left if each.contact == leg.call.id] == [("transferred", "extension:102")]
        assert not house.lab.ledger.of(m.ContactConnected)  # of the queue's figures it is no answer

    in_time(work())


def test_who_was_moved_to_a_phone_hears_it_ring_as_long_as_the_queue_says() -> None:
    """Not the minute of a call between phones: others of the queue may be free by then."""
    async def work() -> None:
        house = House()
        leg = house.waiting()
        await settle()
        config = house.lab.config
        queues = [msgspec.structs.replace(queue, ring_seconds=0.05) for queue in config.queues]  # type: ignore[arg-type]
        house.lab.switch.config = msgspec.structs.replace(config, queues=queues)
        await house.ask(m.MoveContact(contact=leg.call.id, to="extension:102"))
        await settle()
        rung, = house.lab.driver.placed
        house.lab.tell(Ringing(leg=rung.leg))
        while not any(each[:2] == ("hang_up", rung.leg) for each in house.lab.driver.did):
            await asyncio.sleep(0.01)

    in_time(work())


def test_a_phone_that_rings_in_vain_for_who_was_moved_there_has_nothing_to_wrap_up() -> None:
    async def work() -> None:
        house = House()
        leg = house.waiting()
        await settle()
        house.acd.tell(core.Ready("boris"))
        await house.ask(m.MoveContact(contact=leg.call.id, to="agent:boris"))
        await settle()
        rung, = house.lab.driver.placed
        house.lab.tell(Ended(leg=rung.leg, cause=m.Cause(sip=486, by="far", q850=17)))
        await settle()
        assert house.state("boris") != "wrap-up" and not house.acd._last

    in_time(work())


def test_who_puts_a_caller_through_to_a_colleague_gives_the_card_too() -> None:
    async def work() -> None:
        house = House()
        house.picks_up()
        leg = house.lab.comes("billing", "104")
        queue = house.lab.config.queue("billing")
        assert queue is not None
        house.acd.tell(core.Break("boris", "lunch"))
        house.lab.switch.lead(leg.call, lambda: QueueFlow(leg, queue, house.acd, house.lab).run())
        await settle()
        assert house.state("anna") == "on-contact" and not (await board(house))[0].passed_on  # she has it by the queue
        first, = house.lab.driver.placed
        house.lab.driver.on_place = lambda order: house.lab.tell(Ringing(leg=order.leg))
        house.lab.tell(TransferAsked(leg=first.leg, target="102"))
        await settle()
        now, boris = await board(house)
        assert [(each.id, each.state, each.agents) for each in now.passed_on] == [(leg.call.id, "offered", ["boris"])]
        assert boris.state == "offered"
        house.lab.answers(house.lab.driver.placed[-1])
        await settle()
        now, boris = await board(house)
        assert not now.passed_on and [each.agents for each in now.contacts] == [["boris"]]  # the ACD has handed it over
        assert house.state("boris") == "on-contact" and house.state("anna") == "wrap-up"

    in_time(work())


def test_who_is_to_be_called_back_moves_with_the_place() -> None:
    async def work() -> None:
        house = House()
        house.virtual("c9")
        before = house.acd.core.contact("c9")
        assert before is not None
        assert await house.refused(m.MoveContact(contact="c9", to="extension:102")) == "queue.bad-target"
        await house.ask(m.MoveContact(contact="c9", to="queue:front"))
        after = house.acd.core.contact("c9")
        assert after is not None and (after.queue, after.since, after.virtual) == ("front", before.since, True)

    in_time(work())


def test_who_is_to_be_called_back_keeps_the_priority_by_moving() -> None:
    async def work() -> None:
        house = House()
        house.virtual("c1")
        house.acd.tell(core.Enter("c9", "billing", "callback", priority=7, virtual=True))
        await house.ask(m.MoveContact(contact="c9", to="queue:front"))
        after = house.acd.core.contact("c9")
        assert after is not None and (after.queue, after.priority) == ("front", 7)

    in_time(work())


def test_between_two_attempts_nobody_is_moved_and_the_queue_is_not_blamed() -> None:
    async def work() -> None:
        house = House()
        house.virtual("c9", "front")
        house.picks_up(house.lab.fails(480))
        house.acd.tell(core.Ready("boris"))
        await settle()
        await settle()
        found = house.acd.core.contact("c9")
        assert found is not None and found.state == "parked"
        assert await house.refused(m.MoveContact(contact="c9", to="queue:billing")) == "queue.not-waiting"

    in_time(work())


@pytest.mark.parametrize("to", [
    "queue:billing", "queue:none", "extension:999", "agent:nobody", "scenario:701", "hangup", "", "queue:", "queue: front", "x:y",
])
def test_where_a_caller_cannot_be_moved(to: str) -> None:
    async def work() -> None:
        house = House()
        house.virtual("c9")
        assert await house.refused(m.MoveContact(contact="c9", to=to)) == "queue.bad-target"
        assert await house.refused(m.MoveContact(contact="gone", to="queue:front")) == "queue.no-contact"

    in_time(work())


def test_nobody_is_moved_to_a_closed_queue() -> None:
    async def work() -> None:
        house = House()
        leg = house.waiting()
        await settle()
        house.acd.tell(core.SwitchQueue("front", False))
        assert await house.refused(m.MoveContact(contact=leg.call.id, to="queue:front")) == "queue.closed"
        assert house.acd.core.contact(leg.call.id) is not None

    in_time(work())


# ---- notes ---------------------------------------------------------------------------------------------------------------


def test_a_note_is_in_the_ledger_with_its_contact_and_found_by_it() -> None:
    async def work() -> None:
        house = House()
        house.virtual("c9")
        await house.ask(m.NoteContact(agent="anna", text="  wants a berth ", contact="c9"))
        noted, = house.lab.ledger.of(m.ContactNoted)
        assert (noted.contact, noted.agent, noted.caller, noted.text) == ("c9", "anna", NUMBER, "wants a berth")
        assert house.lab.ledger.get_state("late", "c9")
        house.cdrs["c1"] = SimpleNamespace(caller="+3589111")
        await house.ask(m.NoteContact(agent="anna", text="x", contact="c1"))
        assert house.lab.ledger.of(m.ContactNoted)[-1].caller == "+3589111"
        assert await house.refused(m.NoteContact(agent="anna", text="x", contact="none")) == "outcome.no-call"
        assert await house.refused(m.NoteContact(agent="anna", text="x")) == "outcome.no-call"
        await house.ask(m.NoteOutcome(agent="anna", code="1", contact="c1"))
        assert [each.contact for each in house.lab.ledger.of(m.ContactOutcome)] == ["c1"]

    in_time(work())
