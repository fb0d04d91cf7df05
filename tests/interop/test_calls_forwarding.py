"""Calls sent on by what a phone has set, through the whole box: by code and command, over a restart, and to a mobile that must
press 1."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.messages import PhoneSet
from tests.peers import sound
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.station import Station


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    edits = {r'^secret = "boris-102"$': 'secret = "boris-102"\nfollow_me = "0401234567"',
             r'^secret = "anna-101"$': 'secret = "anna-101"\nforward_after_seconds = 3'}
    with House(tmp_path_factory.mktemp("house"), edits=edits, provider=False) as house:
        yield house


@pytest.fixture(autouse=True)
def idle(house: House, anna: Station, chen: Station) -> Iterator[None]:
    for station in (anna, chen, house.gateway):  # a test that failed may leave calls
        station.hang_up_all()
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


def keyed(house: House, phone: Station, code: str) -> tuple[str, str]:
    """What dialling this code sets; the spoken answer is not heard out."""
    def known() -> list[PhoneSet]:
        return [record.event for record in house.reader.read(limit=100_000) if isinstance(record.event, PhoneSet)]

    before = len(known())
    call = phone.dial(code).wait_up()
    new = wait_for(lambda: known()[before:], 10, "the setting")[0]
    call.hang_up()
    return new.setting, new.value


@pytest.mark.parametrize(("on", "off", "setting", "plan"), [
    ("*90103", "*91", "forward_busy", [486]), ("*92103", "*93", "forward_no_answer", [180]),
    ("*94103", "*95", "forward_unregistered", [180, 200]), ("*94103", "*95", "forward_unregistered", []),
])  # fmt: skip
def test_where_a_phone_is_busy_silent_or_away(
    house: House, anna: Station, chen: Station, on: str, off: str, setting: str, plan: list[int]
) -> None:
    anna.plan = plan
    assert keyed(house, anna, on) == (setting, "103")
    away, dead = setting == "forward_unregistered" and bool(plan), not plan
    anna.deaf = dead  # unplugged: it is registered, and silent
    with house.guest_desk("104", "daria") as daria:
        if away:
            anna.unregister()
        try:
            call = daria.dial("101").wait_up(15)
            taken = chen.wait_call(fits=lambda each: not each.ended)
            assert taken.invite is not None and "101" in taken.invite.get("Diversion")
            call.hang_up()
            taken.wait_end()
        finally:
            anna.plan, anna._expires, anna.deaf = [180, 200], 300, False
            if away:
                anna.register()
    assert keyed(house, anna, off) == (setting, "")
    house.cdrs(3)


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
