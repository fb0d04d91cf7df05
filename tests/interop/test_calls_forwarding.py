"""Calls sent on by what a phone has set, through the whole box: by code and command, over a restart, and to a mobile that must
press 1."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import sound
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.station import Station


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    edits = {r'^secret = "boris-102"$': 'secret = "boris-102"\nfollow_me = "0401234567"'}
    with House(tmp_path_factory.mktemp("house"), edits=edits, provider=False) as house:
        yield house


@pytest.fixture(scope="module")
def anna(house: House) -> Station:
    return house.desk("101", "anna")


@pytest.fixture(scope="module")
def chen(house: House) -> Station:
    return house.desk("103", "chen")


@pytest.fixture(autouse=True)
def idle(house: House, anna: Station, chen: Station) -> Iterator[None]:
    for station in (anna, chen, house.gateway):  # a test that failed may leave calls
        for call in station.calls:
            if call.up:
                call.hang_up()
    house.forget()
    yield


def test_by_code_and_over_a_restart(house: House, anna: Station, chen: Station) -> None:
    set_ = anna.dial("*72103").wait_up()
    set_.wait_end(15)
    assert house.box.json("phone", "list")[0]["forward_always"] == "103"
    house.box.kill("core")
    wait_for(house.box.status, 20, "the core to be back")
    with house.guest_desk("104", "daria") as daria:
        call = daria.dial("101").wait_up(15)
        taken = chen.wait_call()
        assert taken.invite is not None and "101" in taken.invite.get("Diversion")
        call.hang_up()
        taken.wait_end()
        house.box.run("phone", "set", "101", "forward-always", "off")
        again = daria.dial("101").wait_up()
        assert anna.wait_call().up
        again.hang_up()
    house.cdrs(3)
    refused = house.box.run("phone", "set", "101", "forward-busy", "112", check=False)
    assert refused.returncode == 1 and "Calls cannot go to '112'" in refused.stderr


def test_do_not_disturb_by_code(house: House, anna: Station, chen: Station) -> None:
    chen.dial("*78").wait_up().wait_end(15)
    assert anna.dial("103").wait_end().statuses[-1] == 486
    chen.dial("*79").wait_up().wait_end(15)
    call = anna.dial("103").wait_up()
    call.hang_up()
    house.cdrs(4)


def test_a_mobile_takes_the_call_by_pressing_1(house: House, anna: Station, tmp_path: Path) -> None:
    words = sound.load(sound.message_of(tmp_path / "words.wav", 2.0))
    with house.guest_desk("102", "boris", plan=[180]) as boris:
        call = anna.dial("102").wait_status(180)
        rings = boris.wait_call().wait_status(180)
        mobile = house.gateway.wait_call(10, lambda c: c.number == "0401234567").wait_up()
        assert not call.up and not rings.ended  # a mailbox that answers gets nothing
        mobile.info_digit("1")
        call.wait_up()
        rings.wait_end()
        call.say(words)
        wait_for(lambda: sound.likeness(words, mobile.heard()) > 0.9, 12, "the caller to be heard outside")
        call.hang_up()
        mobile.wait_end()
    cdr = house.cdr()
    assert cdr.disposition == "answered" and [leg.endpoint for leg in cdr.legs] == ["101", "102", "gateway"]
