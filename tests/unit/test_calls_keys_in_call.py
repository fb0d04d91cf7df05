"""What a phone does by codes in a call: transfers, consultation, conference, parking, and taking calls."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest

from appliance.calls import pickup
from appliance.calls.flows.consult import CODES
from appliance.calls.flows.dial import Dial
from appliance.calls.flows.stage import Stage
from appliance.calls.flows.take import TakeCodes
from appliance.calls.flows.talk import TABLE
from appliance.calls.leg import Leg, Outsider
from appliance.calls.parking import ParkingLot
from appliance.calls.routing import ToExtension, ToOutside, ToQueue
from appliance.config.model import CallKeys
from appliance.config.values import Target
from appliance.errors import SwitchroomError
from appliance.media.events import PlayDone
from appliance.messages import (
    CallConferenced,
    CallEnded,
    CallParked,
    CallTransferred,
    CallUnparked,
    Cause,
)
from drivers.base import Ended, Place, Ringing, TransferAsked
from tests.callslab import Lab, settle

LINE = ToOutside("+358917700000", ["gateway", "provider"])


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


class Office:
    """`a`, phone 101, talks to `b`, 102 or a line. Phones in `ringing` only ring."""

    def __init__(self, *ringing: str, **config: Any) -> None:
        self.lab = Lab()
        self.lab.config = self.lab.switch.config = msgspec.structs.replace(self.lab.config, **config)
        self.lab.devices = {n: [f"sip:{n}@a"] for n in ("101", "102", "103", "104")}
        self.ringing = set(ringing)
        self.lab.driver.on_place = self._placed

    def _placed(self, order: Place) -> None:
        if order.endpoint in self.ringing:
            self.lab.tell(Ringing(leg=order.leg))
        else:
            self.lab.answers(order)

    async def begin(self, decision: ToExtension | ToOutside = LINE) -> Office:
        self.a = self.lab.comes("102")
        self.task = self.lab.switch.lead(self.a.call, lambda: Dial(self.a, self.lab).run(decision))
        await settle()
        self.b = self.a.call.legs[1]
        self.call = self.a.call
        return self

    async def press(self, leg: Leg, keys: str) -> None:
        for key in keys:
            self.lab.tell_digit(leg, key)
            await settle()

    async def go(self, leg: Leg) -> None:
        self.lab.tell(Ended(leg=leg.id, cause=Cause(q850=16)))
        await settle()

    def leg(self, endpoint: str) -> Leg:
        return [leg for leg in self.lab.switch.legs.values() if leg.endpoint == endpoint][-1]

    def hear_each_other(self, *legs: Leg) -> bool:
        """Whether just these are in one bridge."""
        ports = {leg.port for leg in legs}
        return any({port for port in bridge.ports if not port.closed} == ports for bridge in self.lab.engine.bridges)

    async def over(self) -> None:
        for leg in list(self.lab.switch.legs.values()):
            await self.go(leg)
        await self.task
        await settle()
        assert not self.lab.switch.legs and not self.lab.switch.calls and not self.lab.engine.open_ports
        assert all(port.closed for bridge in self.lab.engine.bridges for port in bridge.ports)
        assert [self.lab.busy(name) for name in ("gateway", "provider")] == [0, 0]


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
        office = await Office(call_keys=CallKeys(digit_seconds=0.3)).begin()
        await office.press(office.a, "#")
        port: Any = office.b.port
        assert port.digits == ""
        for _ in range(100):
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
        for _ in range(100):
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
        for _ in range(100):
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
