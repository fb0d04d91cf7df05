"""Parking by a phone's own transfers, and the way back of a call that nobody takes, through the whole box."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.messages import CallParked, CallUnparked
from tests.interop.test_calls_codes import heard, outside, press
from tests.peers import sound
from tests.peers.ear import Party
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.station import Station

BEGAN = [0]
"""Where the ledger stood when the test began."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    more = "\n[parking]\ntimeout_seconds = 10\n"
    with House(tmp_path_factory.mktemp("house"), provider=False, more=more) as house:
        yield house


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> sound.Samples:
    return sound.load(sound.message_of(tmp_path_factory.mktemp("words") / "all.wav", 2.0))


@pytest.fixture(autouse=True)
def idle(house: House, anna: Station, chen: Station) -> Iterator[None]:
    for station in (anna, chen, house.gateway):
        station.plan = [180, 200]
        station.hang_up_all()
    house.forget()
    for station in (anna, chen, house.gateway):
        station.calls.clear()
    BEGAN[0] = house.status().ledger_seq
    yield


def parked(house: House) -> list[tuple[object, ...]]:
    """What was parked and what became of it, since the test began and as far as it is written."""
    found: list[tuple[object, ...]] = []
    for record in house.reader.read(limit=100_000):
        if isinstance(record.event, CallParked) and record.seq > BEGAN[0]:
            found.append(("parked", record.event.slot, record.event.by))
        elif isinstance(record.event, CallUnparked) and record.seq > BEGAN[0]:
            found.append((record.event.how, record.event.slot, record.event.by))
    return found


def written(house: House, *story: tuple[object, ...]) -> None:
    """It is written down, a moment after it happened."""
    wait_for(lambda: parked(house) == list(story), 5, f"{story}")


def test_an_attended_transfer_into_a_slot(house: House, anna: Station, chen: Station, words: sound.Samples) -> None:
    """Anna holds, dials the code for parking, hears the slot, transfers; chen takes it."""
    caller = outside(house).wait_up()
    at_anna = anna.wait_call().wait_up()
    at_anna.modify("inactive")
    second = Party(anna.dial("*507"))
    second.hear("park-here", slot=7)
    anna.dial("*507").wait_status(486)
    at_anna.refer("*507", replaces=second.call)
    at_anna.wait_end()
    second.call.wait_end()
    taken = chen.dial("*517").wait_up()
    taken.say(words)
    heard(caller.heard, words)
    caller.hang_up()
    taken.wait_end()
    written(house, ("parked", 7, "101"), ("taken", 7, "103"))


def test_the_key_of_a_slots_lamp_parks_there_and_takes(house: House, anna: Station, chen: Station) -> None:
    caller = outside(house).wait_up()
    anna.wait_call().wait_up().refer("*513")
    other = chen.dial("*513").wait_up()
    second = house.gateway.dial("+358911111101").wait_up()
    at_anna = anna.wait_call().wait_up()
    at_anna.refer("*513")  # it is free again, and so takes the next
    at_anna.wait_end()
    for call in (caller, second):
        call.hang_up()
    other.wait_end()
    written(house, ("parked", 3, "101"), ("taken", 3, "103"), ("parked", 3, "101"), ("gone", 3, ""))


def test_a_slot_that_is_taken_is_refused(house: House, anna: Station) -> None:
    caller = outside(house).wait_up()
    anna.wait_call().wait_up().refer("*514")
    second = house.gateway.dial("+358911111101").wait_up()
    at_anna = anna.wait_call().wait_up()
    at_anna.refer("*514")
    at_anna.wait_request("NOTIFY", 10, lambda m: "486" in m.body)
    assert at_anna.up and second.up
    for call in (caller, second):
        call.hang_up()
    at_anna.wait_end()


def test_who_parked_gets_it_back(house: House, anna: Station, words: sound.Samples) -> None:
    caller = outside(house).wait_up()
    press(anna.wait_call().wait_up(), "##*509#")
    back = Party(anna.wait_call(20))
    back.hear("park-back")
    back.call.say(words)
    heard(caller.heard, words)
    caller.hang_up()
    back.call.wait_end()
    written(house, ("parked", 9, "101"), ("timeout", 9, ""))


def test_back_to_nobody_and_on_to_the_mailbox(house: House, anna: Station) -> None:
    caller = Party(outside(house))
    at_anna = anna.wait_call().wait_up()
    anna.plan = [180]
    at_anna.refer("*508")
    at_anna.wait_end()
    rings = anna.wait_call(20)
    rings.wait_end(15)
    caller.hear("voicemail-greeting")
    caller.call.hang_up()
    cdr = next(cdr for cdr in house.cdrs(1) if cdr.direction == "in")
    assert cdr.reached == "voicemail:101"
