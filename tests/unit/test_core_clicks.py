"""What agents do with a click: numbers called from their own phone, callbacks taken, notes; what is refused, and why."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from appliance import _core as core
from appliance import messages as m
from appliance.ledger import fold
from drivers.base import Ended
from tests.callslab import in_time, settle
from tests.dispatchlab import NUMBER, House

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
