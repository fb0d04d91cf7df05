"""Callers who are moved, put through, or wait to be called back: to a queue, to a phone, and where it is refused."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from appliance import _core as core
from appliance import messages as m
from appliance.calls.flows.queue import QueueFlow
from appliance.calls.routing import ToQueue
from drivers.base import Ended, Ringing, TransferAsked
from tests.callslab import in_time, settle
from tests.dispatchlab import House


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
        assert house.acd.callers.last[house.acd.caller_key("104")][:2] == ("boris", "billing")
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
        assert house.state("boris") != "wrap-up" and not house.acd.callers.last

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
