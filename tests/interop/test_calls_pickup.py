"""Phones that transfer and pick up by INVITE with Replaces, through the whole box, with the audio that must go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.peers import sound
from tests.peers.baresip import Phone
from tests.peers.house import House
from tests.peers.net import wait_for


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house"), provider=False) as house:
        yield house


@pytest.fixture(scope="module")
def anna(house: House) -> Phone:
    return house.phone("101", "anna")


@pytest.fixture(autouse=True)
def idle(house: House, anna: Phone) -> Iterator[None]:
    house.forget()
    anna.quiet()
    yield
    for _ in range(3):
        anna.command("hangup")


def heard(hears: Callable[[], sound.Samples], what: Path) -> None:
    said = sound.load(what)
    wait_for(lambda: sound.likeness(said, hears()) > 0.9, 12, f"{what.name} to be heard")


def test_a_phone_takes_over_a_call_that_another_had(house: House, anna: Phone, words: list[Path]) -> None:
    with house.guest_desk("103", "chen") as chen, house.guest_desk("104", "daria") as daria:
        first = chen.dial("101")
        anna.wait_event("CALL_INCOMING", 10)
        anna.answer()
        first.wait_up()
        first.modify("sendonly")
        anna.speak(words[0])
        taken = daria.dial("101", f"Replaces: {first.replaces()}", "Require: replaces").wait_up()
        first.wait_end(5)
        heard(taken.heard, words[0])
        taken.say(sound.load(words[1]))
        heard(anna.hears, words[1])
        anna.hang_up()
        taken.wait_end(5)
    cdr = house.cdr()
    assert [leg.endpoint for leg in cdr.legs] == ["103", "101", "104"] and cdr.disposition == "answered"
    assert [(t.kind, t.target) for t in cdr.transfers] == [("attended", "104")]
    assert cdr.talk > 2 and cdr.hold < cdr.duration / 2


def test_a_call_that_rings_is_picked_up_elsewhere(house: House, anna: Phone, words: list[Path]) -> None:
    with house.guest_desk("103", "chen", plan=[180]) as chen, house.guest_desk("104", "daria") as daria:
        anna.dial("103", house.box.sip_port)
        rings = chen.wait_call().wait_status(180)
        taken = daria.dial("103", f"Replaces: {rings.replaces()};early-only").wait_up()
        anna.wait_event("CALL_ESTABLISHED", 5)
        rings.wait_end(5)
        assert rings.cancelled
        taken.say(sound.load(words[2]))
        heard(anna.hears, words[2])
        taken.hang_up()
        anna.wait_event("CALL_CLOSED", 5)
    cdr = house.cdr()
    assert (cdr.disposition, cdr.caller, cdr.to, [t.kind for t in cdr.transfers]) == ("answered", "101", "103", ["pickup"])
    assert cdr.talk > 1


def test_nobody_takes_a_call_whose_tags_it_does_not_know(house: House, anna: Phone) -> None:
    with house.guest_desk("103", "chen") as chen, house.guest_desk("104", "daria") as daria:
        anna.dial("103", house.box.sip_port)
        call = chen.wait_call().wait_up()
        guess = daria.dial("103", f"Replaces: {call.call_id};to-tag=a;from-tag=b")
        guess.wait_status(481)
        assert call.up
        call.hang_up()
        anna.wait_event("CALL_CLOSED", 5)
    house.cdr()


def test_baresip_refers_with_replaces(house: House, anna: Phone, words: list[Path]) -> None:
    """baresip 1.0 has no command for it, but sends the Refer-To that it is given: Boris has Chen, then Anna, and joins them."""
    with house.guest("102", "boris") as boris, house.guest_desk("103", "chen") as chen:
        boris.dial("103", house.box.sip_port)
        first = chen.wait_call().wait_up()
        boris.wait_event("CALL_ESTABLISHED", 5)
        boris.command("hold")
        boris.dial("101", house.box.sip_port)
        anna.wait_event("CALL_INCOMING", 10)
        anna.answer()
        boris.wait_event("CALL_ESTABLISHED", 5)
        call_id = next(e["id"] for e in _outgoing(boris) if "103" in e["peeruri"])
        boris.command("transfer", f"sip:103@127.0.0.1:{house.box.sip_port}?Replaces={call_id}%3Bto-tag%3Dx%3Bfrom-tag%3Dy")
        anna.speak(words[0])
        heard(first.heard, words[0])
        first.hang_up()
        anna.wait_event("CALL_CLOSED", 5)
    kinds = [t.kind for cdr in house.cdrs(2) for t in cdr.transfers]
    assert kinds == ["attended"]


def _outgoing(phone: Phone) -> list[dict[str, str]]:
    phone.quiet_read()
    return [e for e in phone.events if e.get("id")]
