"""What a phone does by codes in a call: transfers, consultation, conference, parking, and taking calls."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from appliance.calls.flows.consult import CODES
from appliance.calls.flows.stage import Stage
from appliance.calls.flows.talk import TABLE
from appliance.calls.leg import Leg
from appliance.calls.routing import ToExtension, ToQueue
from appliance.config.model import CallKeys
from appliance.messages import CallConferenced, CallEnded, CallTransferred
from drivers.base import TransferAsked
from tests.callslab import settle
from tests.keyslab import Office, run

# ---- tables ------------------------------------------------------------------------------------------------------------------


def test_the_tables_name_what_there_is() -> None:
    assert {stage for stage, _ in TABLE} == {stage for stage, _ in CODES} == set(Stage)
    assert {name for _, name in CODES} <= set(CallKeys.__struct_fields__)


# ---- keys ----------------------------------------------------------------------------------------------------------------------


def test_keys_that_are_no_code_reach_the_other_side() -> None:
    async def work() -> None:
        office = await Office().begin()
        port: Any = office.b.port
        await office.press(office.a, "15*9")
        assert port.digits == "15*9" and office.a.port.kept and not hasattr(port, "kept")  # type: ignore[union-attr]
        await office.press(office.b, "##")  # a line's keys are nobody's codes; the engine passes them on
        assert not office.lab.ledger.of(CallTransferred) and office.hear_each_other(office.a, office.b)
        await office.over()

    run(work())


def test_a_code_that_stays_unfinished_is_passed_on() -> None:
    async def work() -> None:
        office = await Office(call_keys=CallKeys(digit_seconds=1.0)).begin()
        await office.press(office.a, "#")
        port: Any = office.b.port
        assert port.digits == ""
        for _ in range(2000):
            await asyncio.sleep(0.01)
            if port.digits:
                break
        assert port.digits == "#"
        await office.over()

    run(work())


def test_without_codes_nobody_listens() -> None:
    async def work() -> None:
        off = CallKeys(**{name: "" for name in CallKeys.__struct_fields__ if name != "digit_seconds"})
        office = await Office(call_keys=off).begin()
        assert not hasattr(office.a.port, "kept")
        await office.over()

    run(work())


# ---- blind ---------------------------------------------------------------------------------------------------------------------


def test_blind_transfer() -> None:
    async def work() -> None:
        office = await Office().begin()
        await office.press(office.a, "##103#")
        c = office.leg("103")
        assert office.a.is_ended and office.hear_each_other(office.b, c)
        assert [(t.kind, t.target, t.by_leg) for t in office.lab.ledger.of(CallTransferred)] == [("blind", "103", office.a.id)]
        await office.over()

    run(work())


@pytest.mark.parametrize("number", ["112", "101", "999", "701", "*41", ""])
def test_where_nobody_can_be_put_through(number: str) -> None:
    async def work() -> None:
        office = await Office().begin()
        await office.press(office.a, f"##{number}#")
        port: Any = office.a.port
        assert port.heard == ["transfer-enter-number", "transfer-number-bad"]
        assert office.hear_each_other(office.a, office.b) and not office.lab.ledger.of(CallTransferred)
        await office.over()

    run(work())


def test_a_transfer_that_is_refused_comes_back() -> None:
    async def work() -> None:
        office = await Office().begin()
        office.lab.driver.on_place = office.lab.fails(486)
        await office.press(office.a, "##103#")
        port: Any = office.a.port
        assert office.hear_each_other(office.a, office.b) and port.heard[-1] == "transfer-failed"
        await office.over()

    run(work())


def test_a_transfer_to_a_queue() -> None:
    async def work() -> None:
        office = await Office().begin()
        await office.press(office.a, "##600#")
        assert office.a.is_ended and office.lab.sent == [ToQueue("front")]
        await office.over()

    run(work())


# ---- consultation and conference -----------------------------------------------------------------------------------------------


async def consulting(office: Office) -> Leg:
    await office.begin()
    await office.press(office.a, "*2103#")
    c = office.leg("103")
    assert office.hear_each_other(office.a, c)
    port: Any = office.b.port
    assert "hold-wait" in port.heard
    return c


def test_consult_and_hang_up_to_put_through() -> None:
    async def work() -> None:
        office = Office()
        c = await consulting(office)
        await office.go(office.a)
        assert office.hear_each_other(office.b, c)
        assert [t.kind for t in office.lab.ledger.of(CallTransferred)] == ["attended"]
        await office.go(c)
        assert office.b.is_ended
        await office.over()
        assert [e.disposition for e in office.lab.ledger.of(CallEnded)] == ["answered"]

    run(work())


def test_consult_and_go_back() -> None:
    async def work() -> None:
        office = Office()
        c = await consulting(office)
        await office.press(office.a, "*0")
        assert c.is_ended and office.hear_each_other(office.a, office.b)
        await office.over()

    run(work())


def test_the_one_who_was_consulted_hangs_up() -> None:
    async def work() -> None:
        office = Office()
        c = await consulting(office)
        await office.go(c)
        assert office.hear_each_other(office.a, office.b)
        await office.over()

    run(work())


def test_the_one_who_waits_hangs_up() -> None:
    async def work() -> None:
        office = Office()
        c = await consulting(office)
        await office.go(office.b)
        assert office.hear_each_other(office.a, c)
        await office.go(office.a)
        assert c.is_ended
        await office.over()

    run(work())


def test_keys_in_a_consultation_reach_the_one_consulted() -> None:
    async def work() -> None:
        office = Office()
        c = await consulting(office)
        await office.press(office.a, "7")
        there, waits = c.port, office.b.port
        assert there is not None and waits is not None
        assert (there.digits, waits.digits) == ("7", "")  # type: ignore[attr-defined]
        await office.over()

    run(work())


@pytest.mark.parametrize("leaves", ["a", "b", "c"])
def test_a_conference_and_its_end(leaves: str) -> None:
    async def work() -> None:
        office = Office()
        c = await consulting(office)
        await office.press(office.a, "*3")
        assert office.hear_each_other(office.a, office.b, c)
        assert [e.target for e in office.lab.ledger.of(CallConferenced)] == ["103"]
        legs = {"a": office.a, "b": office.b, "c": c}
        await office.go(legs.pop(leaves))
        assert office.hear_each_other(*legs.values())
        ports: list[Any] = [leg.port for leg in legs.values()]
        assert [port.heard[-1] for port in ports] == ["conference-left"] * 2
        last = list(legs.values())
        await office.go(last[0])
        assert last[1].is_ended
        await office.over()

    run(work())


def test_a_fourth_joins_while_the_others_talk() -> None:
    async def work() -> None:
        office = Office()
        c = await consulting(office)
        await office.press(office.a, "*3")
        await office.press(office.a, "*2104#")
        d = office.leg("104")
        assert office.hear_each_other(office.a, d) and office.hear_each_other(office.b, c)
        await office.press(office.a, "*3")
        assert office.hear_each_other(office.a, office.b, c, d)
        await office.go(office.a)
        assert office.hear_each_other(office.b, c, d)
        await office.over()

    run(work())


def test_in_a_conference_a_phones_own_transfer_is_declined() -> None:
    async def work() -> None:
        office = Office()
        await consulting(office)
        office.lab.tell(TransferAsked(leg=office.a.id, target="104"))
        await settle()
        assert ("transfer_state", office.a.id, 603, "Decline") in office.lab.driver.did
        await office.over()

    run(work())


def test_a_consultation_is_taken_back_while_it_rings() -> None:
    async def work() -> None:
        office = await Office("103").begin()
        await office.press(office.a, "*2103#*0")
        assert office.hear_each_other(office.a, office.b)
        assert not [leg for leg in office.lab.switch.legs.values() if leg.endpoint == "103"]
        await office.over()

    run(work())


def test_who_hangs_up_while_it_rings_has_put_through() -> None:
    async def work() -> None:
        office = await Office("103").begin()
        await office.press(office.a, "*2103#")
        c = office.leg("103")
        await office.go(office.a)
        assert not c.is_ended and not office.b.is_ended
        office.lab.answers(office.lab.driver.placed[-1])
        await settle()
        assert office.hear_each_other(office.b, c)
        await office.over()

    run(work())


def test_nobody_is_lost_where_the_second_does_not_answer() -> None:
    async def work() -> None:
        office = await Office("103").begin()
        await office.press(office.a, "*2103#")
        await office.go(office.a)
        office.lab.fails(486)(office.lab.driver.placed[-1])
        await settle()
        assert office.lab.sent == [ToExtension("101")]
        await office.over()

    run(work())


def test_a_second_that_is_busy() -> None:
    async def work() -> None:
        office = await Office().begin()
        office.lab.driver.on_place = office.lab.fails(486)
        await office.press(office.a, "*2103#")
        assert office.hear_each_other(office.a, office.b)
        await office.press(office.a, "*3")
        port: Any = office.a.port
        assert port.heard[-2:] == ["transfer-failed", "conference-none"]
        await office.over()

    run(work())
