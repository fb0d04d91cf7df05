"""What a phone does by codes in a call: parking, and taking calls that ring elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from appliance.calls import pickup
from appliance.calls.flows.take import TakeCodes
from appliance.calls.leg import Leg, Outsider
from appliance.calls.parking import ParkingLot
from appliance.calls.routing import ToExtension, ToQueue
from appliance.config.values import Target
from appliance.errors import SwitchroomError
from appliance.media.events import PlayDone
from appliance.messages import CallEnded, CallParked, CallTransferred, CallUnparked
from drivers.base import Place, TransferAsked
from tests.callslab import Lab, settle
from tests.keyslab import Office, run

# ---- parking -------------------------------------------------------------------------------------------------------------------


def test_the_lot() -> None:
    told: list[tuple[int, bool]] = []
    lot = ParkingLot(lambda: 2, lambda slot, leg: told.append((slot, leg is not None)))
    one, two = Lab(), Lab()
    a: Any
    b: Any
    a, b = one, two  # any object will do
    assert lot.put(a) == 1 and lot.parked() is a and lot.parked("1") is a and lot.parked("2") is None
    for wanted, problem in (("1", "park.taken"), ("3", "park.no-slot"), ("x", "park.no-slot"), ("*", "park.no-slot")):
        with pytest.raises(SwitchroomError) as refused:
            lot.put(b, wanted)
        assert refused.value.id == problem
    assert lot.put(b, "2") == 2 and lot.parked() is None and lot.count == 2
    with pytest.raises(SwitchroomError) as refused:
        lot.put(a)
    assert refused.value.id == "park.full"
    lot.free(1, b)
    assert lot.count == 2
    lot.free(1, a)
    assert lot.put(a) == 1 and told == [(1, True), (2, True), (1, False), (1, True)]


async def take(office: Office, name: str, digits: str, by: str = "104") -> Leg:
    leg = office.lab.comes("*", by)
    leg.language = "en"
    office.lab.switch.lead(leg.call, lambda: TakeCodes(office.lab.lot).table()[name](leg, digits))
    await settle()
    return leg


@pytest.mark.parametrize("how", ["key", "any", "slot", "lamp"])
def test_parked_and_taken(how: str) -> None:
    async def work() -> None:
        office = await Office().begin()
        if how == "key":
            await office.press(office.a, "*5")
            port: Any = office.a.port
            assert port.heard == ["parked-at"] and not office.a.is_ended
            office.a.inbox.put(PlayDone(port=port.id, play=port.playing, samples=1, total=1, complete=True))
            await settle()
        else:
            target = {"any": "*50", "slot": "*502", "lamp": "*512"}[how]
            office.lab.tell(TransferAsked(leg=office.a.id, target=target))
            await settle()
            assert office.lab.told == ([("101", "parked-at")] if how == "any" else [])  # who named the slot knows it
        slot = 1 if how in ("key", "any") else 2
        assert office.a.is_ended and office.lab.lot.parked(str(slot)) is office.b
        d = await take(office, "unpark", str(slot))
        assert d.answered_at and office.hear_each_other(office.b, d) and office.lab.lot.count == 0
        assert [(e.slot, e.by) for e in office.lab.ledger.of(CallParked)] == [(slot, "101")]
        assert [(e.how, e.by) for e in office.lab.ledger.of(CallUnparked)] == [("taken", "104")]
        await office.over()

    run(work())


@pytest.mark.parametrize("keys", ["##*503#", "*2*503#"])
def test_parked_by_transferring_to_the_code(keys: str) -> None:
    async def work() -> None:
        office = await Office().begin()
        await office.press(office.a, keys)
        assert office.lab.lot.parked("3") is office.b
        await office.go(office.b)
        await office.over()

    run(work())


def test_a_slot_is_kept_for_who_transfers_into_it() -> None:
    """The second call of the phone is the code for parking: it hears the slot, and transfers."""
    async def work() -> None:
        office = await Office().begin()
        kept = await take(office, "park", "", by="101")
        port: Any = kept.port
        assert kept.answered_at and port.heard[0] == "park-here" and office.lab.lot.count == 0
        other = await take(office, "park", "1")
        refused: Any = other.port
        assert refused.heard == ["park-taken"]
        await office.go(other)
        office.lab.tell(TransferAsked(leg=office.a.id, target="*50", replaces=kept.id))
        await settle()
        assert office.lab.lot.parked("1") is office.b and kept.is_ended and office.a.is_ended and office.lab.told == []
        await office.go(office.b)
        await office.over()

    run(work())


def test_who_gives_up_gives_the_slot_back() -> None:
    async def work() -> None:
        office = Office()
        kept = await take(office, "park", "9")
        assert office.lab.lot.kept_by(kept) == 9
        await office.go(kept)
        assert office.lab.lot.kept_by(kept) == 0 and office.lab.lot.put(kept, "9") == 9

    run(work())


def test_attended_to_where_nobody_has_answered_yet() -> None:
    """The phone's second call waits in a queue: the other waits there instead."""
    async def work() -> None:
        office = await Office().begin()
        second = office.lab.comes("600")
        second.call.bound_for = ToQueue("front")
        second.open_port()
        second.answer()
        office.lab.switch.lead(second.call, second.gone)
        office.lab.tell(TransferAsked(leg=office.a.id, target="600", replaces=second.id))
        await settle()
        assert office.lab.sent == [ToQueue("front")] and second.is_ended and office.a.is_ended
        await office.over()

    run(work())


def test_parked_and_gone() -> None:
    async def work() -> None:
        office = await Office().begin()
        await office.press(office.a, "*5")
        await office.go(office.b)
        assert office.lab.lot.count == 0 and [e.how for e in office.lab.ledger.of(CallUnparked)] == ["gone"]
        await office.over()

    run(work())


@pytest.mark.parametrize(("answers", "to"), [(True, None), (False, Target("voicemail:101"))])
def test_nobody_takes_it(answers: bool, to: Target | None) -> None:
    async def work() -> None:
        lab_config = Lab().config
        parking = msgspec.structs.replace(lab_config.parking, timeout_seconds=0.01)
        office = await Office(parking=parking).begin()
        if not answers:
            office.lab.driver.on_place = office.lab.fails(480)
        await office.press(office.a, "*5")
        for _ in range(2000):
            await asyncio.sleep(0.005)
            if office.lab.sent or len(office.lab.driver.placed) > 1:
                break
        await settle()
        assert [e.how for e in office.lab.ledger.of(CallUnparked)] == ["timeout"]
        if answers:
            back = office.leg("101")
            port: Any = back.port
            assert port.heard == ["park-back"]
            back.inbox.put(PlayDone(port=port.id, play=port.playing, samples=1, total=1, complete=True))
            await settle()
            assert office.hear_each_other(office.b, back)
        else:
            assert office.lab.sent == [to]
        await office.over()

    run(work())


@pytest.mark.parametrize("takes", [True, False])
def test_who_parked_from_outside_gets_it_back_there(takes: bool) -> None:
    """An agent without a phone is rung at the number outside, where 1 must be pressed; else it is the agent's mailbox."""
    async def work() -> None:
        lab_config = Lab().config
        parking = msgspec.structs.replace(lab_config.parking, timeout_seconds=0.01)
        office = Office(parking=parking)

        def at_dora(order: Place) -> None:
            office.lab.switch.legs[order.leg].outsider = Outsider("", "dora")
            office.lab.answers(order)

        office.lab.driver.on_place = at_dora
        await office.begin()
        await office.press(office.b, "*5")
        for _ in range(2000):
            await asyncio.sleep(0.005)
            if len(office.lab.driver.placed) > 1:
                break
        await settle()
        order = office.lab.driver.placed[1]
        assert order.number.endswith("917700000") and not office.lab.sent
        back = office.lab.switch.legs[order.leg]
        port: Any = back.port
        assert port.heard == ["follow-me-confirm"]  # picked up is not taken
        if takes:
            await office.press(back, "1")
            assert port.heard[-1] == "park-back"
            back.inbox.put(PlayDone(port=port.id, play=port.playing, samples=1, total=1, complete=True))
            await settle()
            assert office.hear_each_other(office.a, back)
        else:
            await office.go(back)
            assert office.lab.sent == [Target("voicemail:dora")]
        await office.over()

    run(work())


@pytest.mark.parametrize(("name", "digits"), [
    ("unpark", "1"), ("unpark", ""), ("pick_up", "102"), ("pick_up_group", ""), ("pick_up", ""),
])
def test_nothing_to_take(name: str, digits: str) -> None:
    async def work() -> None:
        office = Office()
        leg = await take(office, name, digits)
        port: Any = leg.port
        assert port.heard == ["park-empty" if name == "unpark" else "pick-up-nothing"] and not leg.answered_at
        await office.go(leg)

    run(work())


# ---- picking up ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "digits"), [("pick_up", "102"), ("pick_up_group", "")])
def test_a_call_that_rings_elsewhere(name: str, digits: str) -> None:
    async def work() -> None:
        office = await Office("102").begin(ToExtension("102"))
        d = await take(office, name, digits)
        assert d.answered_at and office.a.answered_at and office.b.is_ended and office.hear_each_other(office.a, d)
        assert [(t.kind, t.target) for t in office.lab.ledger.of(CallTransferred)] == [("pickup", "104")]
        await office.over()
        assert {e.disposition for e in office.lab.ledger.of(CallEnded)} == {"answered"}

    run(work())


def test_only_within_the_group_and_only_what_rings() -> None:
    async def work() -> None:
        phones = [msgspec.structs.replace(p, pickup_groups=["apart"] if p.extension == "104" else p.pickup_groups)
                  for p in Lab().config.phones]
        office = await Office("102", phones=phones).begin(ToExtension("102"))
        legs = list(office.lab.switch.legs.values())
        assert pickup.ringing(office.lab.config, "103", legs) is office.b
        assert pickup.ringing(office.lab.config, "103", legs, "102") is office.b
        assert pickup.ringing(office.lab.config, "104", legs) is None
        assert pickup.ringing(office.lab.config, "102", legs) is None  # its own needs no code
        office.lab.answers(office.lab.driver.placed[0])
        await settle()
        assert pickup.ringing(office.lab.config, "103", legs) is None
        await office.over()

    run(work())


def test_who_may_watch_whom() -> None:
    config = Lab().config
    apart = {"watched_by": ["101"], "pickup_groups": ["x"]}
    phones = [msgspec.structs.replace(p, **apart) if p.extension == "102" else p for p in config.phones]
    config = msgspec.structs.replace(config, phones=phones)
    look = [pickup.watch_policy(config, by, "102") for by in ("101", "103")]
    assert look == ["look", "no"]
    assert pickup.watch_policy(config, "101", "103") == "pick-up" and pickup.watch_policy(config, "101", "*511") == "look"
