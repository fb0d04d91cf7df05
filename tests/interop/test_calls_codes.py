"""What a desk phone does by codes, through the whole box: transfers, conference, parking, pick-up. Who hears whom is heard."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.messages import CallConferenced, CallParked, CallUnparked
from tests.peers import sound
from tests.peers.ear import Party
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.station import Station, StationCall


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house"), provider=False) as house:
        yield house


@pytest.fixture(autouse=True)
def idle(house: House, anna: Station, chen: Station) -> Iterator[None]:
    for station in (anna, chen, house.gateway):  # a test that failed may leave calls
        station.hang_up_all()
    house.forget()
    yield


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[sound.Samples]:
    folder = tmp_path_factory.mktemp("words")
    whole = sound.load(sound.message_of(folder / "all.wav", 6.0))
    return [whole[i * 16000:(i + 1) * 16000] for i in range(3)]


def heard(hears: Callable[[], sound.Samples], said: sound.Samples, by: StationCall | None = None) -> None:
    """Wait until it was heard; `by` says it again now and then: on a machine that has no time for it some goes missing."""
    due = time.monotonic() + 2 * len(said) / sound.RATE + 2

    def look() -> bool:
        nonlocal due
        if by is not None and time.monotonic() > due:
            by.say(said)
            due += 2 * len(said) / sound.RATE + 2
        return sound.likeness(said, hears()) > 0.9

    wait_for(look, 12, "what was said to be heard")


def press(call: StationCall, keys: str) -> None:
    for key in keys:
        call.info_digit(key)


def outside(house: House) -> StationCall:
    """A caller on the gateway who talks to anna."""
    return house.gateway.dial("+358911111101")


def test_blind_transfer_by_code(house: House, anna: Station, chen: Station, words: list[sound.Samples]) -> None:
    caller = outside(house).wait_up()
    at_anna = anna.wait_call()
    press(at_anna, "##103#")
    at_chen = chen.wait_call().wait_up()
    at_anna.wait_end()
    caller.say(words[0])
    heard(at_chen.heard, words[0], caller)
    at_chen.say(words[1])
    heard(caller.heard, words[1], at_chen)
    caller.hang_up()
    at_chen.wait_end()
    assert [(t.kind, t.target) for t in house.cdr().transfers] == [("blind", "103")]


def test_consult_confer_and_leave(house: House, anna: Station, chen: Station, words: list[sound.Samples]) -> None:
    caller = outside(house).wait_up()
    at_anna = anna.wait_call()
    press(at_anna, "*2103#")
    at_chen = chen.wait_call().wait_up()
    at_anna.say(words[0])
    heard(at_chen.heard, words[0], at_anna)
    assert sound.likeness(words[0], caller.heard()) < 0.9  # who waits does not hear it
    press(at_anna, "*3")
    caller.say(words[1])
    heard(at_chen.heard, words[1], caller)
    caller.say(words[2])  # the first time anna heard that the conference has begun, over it
    heard(at_anna.heard, words[2])
    at_anna.hang_up()
    Party(at_chen).hear("conference-left")
    at_chen.say(words[0])
    heard(caller.heard, words[0], at_chen)
    caller.hang_up()
    at_chen.wait_end()
    cdr = house.cdr()
    assert [leg.endpoint for leg in cdr.legs] == ["gateway", "101", "103"] and cdr.talk > 3
    joined = [r.event for r in house.reader.read(limit=100_000) if isinstance(r.event, CallConferenced)]
    assert [(event.call, event.target) for event in joined] == [(cdr.call, "103")]


def test_consult_and_go_back(house: House, anna: Station, chen: Station, words: list[sound.Samples]) -> None:
    caller = outside(house).wait_up()
    at_anna = anna.wait_call()
    press(at_anna, "*2103#")
    at_chen = chen.wait_call().wait_up()
    press(at_anna, "*0")
    at_chen.wait_end()
    at_anna.say(words[0])
    heard(caller.heard, words[0], at_anna)
    caller.hang_up()
    at_anna.wait_end()
    house.cdr()


def test_keys_for_a_machine_outside_get_through(house: House, anna: Station) -> None:
    call = anna.dial("00401234567").wait_up()
    machine = house.gateway.wait_call().wait_up()
    press(call, "1*9#")
    wait_for(lambda: machine.events == list("1*9#"), 10, f"the keys; came {machine.events}")
    call.hang_up()
    machine.wait_end()
    house.cdr()


@pytest.mark.parametrize("how", ["code", "refer"])
def test_parked_and_taken_elsewhere(house: House, anna: Station, chen: Station, words: list[sound.Samples], how: str) -> None:
    caller = outside(house).wait_up()
    at_anna = anna.wait_call()
    if how == "code":
        press(at_anna, "*5")
    else:
        at_anna.refer("*50")
    at_anna.wait_end(15)
    if how == "refer":
        anna.wait_call().wait_up().wait_end(15)  # is told the slot
    taken = chen.dial("*511").wait_up()
    taken.say(words[0])
    heard(caller.heard, words[0], taken)
    caller.say(words[1])
    heard(taken.heard, words[1], caller)
    caller.hang_up()
    taken.wait_end()
    events = [r.event for r in house.reader.read(limit=100_000)]
    assert [e.by for e in events if isinstance(e, CallParked)][-1] == "101"
    assert [(e.how, e.by) for e in events if isinstance(e, CallUnparked)][-1] == ("taken", "103")
    house.cdrs(2 if how == "code" else 3)


@pytest.mark.parametrize("code", ["**102", "*8"])
def test_a_call_that_rings_is_taken_by_code(
    house: House, anna: Station, chen: Station, code: str, words: list[sound.Samples]
) -> None:
    with house.guest_desk("102", "boris", plan=[180]) as boris:
        call = anna.dial("102").wait_status(180)
        rings = boris.wait_call().wait_status(180)
        taken = chen.dial(code).wait_up()
        call.wait_up()
        rings.wait_end()
        call.say(words[0])
        heard(taken.heard, words[0], call)
        call.hang_up()
        taken.wait_end()
    picked = [cdr for cdr in house.cdrs(2) if cdr.transfers]
    assert [(t.kind, t.target) for t in picked[0].transfers] == [("pickup", "103")] and picked[0].disposition == "answered"


def test_nothing_to_take(house: House, chen: Station, tmp_path: Path) -> None:
    chen.dial("*8").wait_status(404, 15)
    chen.dial("*517").wait_status(404, 15)
    house.cdrs(2)
