"""Calls between phones, through the whole box: who rings, who hears whom, how it ends, and what the record says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.peers import sound
from tests.peers.baresip import Phone
from tests.peers.house import RINGS, House
from tests.peers.net import wait_for

HEARD = 0.9
"""Likeness (sound.likeness) that counts as heard: 0.98 and more was measured over G.711 and G.722; other words of the same
voice stay below 0.75."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(scope="module")
def anna(house: House) -> Phone:
    return house.phone("101", "anna")


@pytest.fixture(scope="module")
def boris(house: House) -> Phone:
    return house.phone("102", "boris")


@pytest.fixture(autouse=True)
def idle(house: House, anna: Phone, boris: Phone) -> Iterator[None]:
    """Each test begins and ends with everybody on the hook."""
    house.forget()
    for phone in (anna, boris):
        phone.quiet()
    yield
    for phone in (anna, boris):
        for _ in range(3):  # a test that failed may leave several calls
            phone.command("hangup")


def established(a: Phone, b: Phone, number: str, house: House) -> None:
    a.dial(number, house.box.sip_port)
    b.wait_event("CALL_INCOMING", 10)
    b.answer()
    a.wait_event("CALL_ESTABLISHED", 10)
    b.wait_event("CALL_ESTABLISHED", 10)


def wait_heard(hears: Callable[[], sound.Samples], what: Path | sound.Samples, seconds: float = 12,
               again: Callable[[], None] | None = None) -> None:
    """Wait until `what` was heard; AssertionError with the best correlation where it does not come. `again` says it once more, as
    people do: of what a phone says on a machine that has no time for it some goes missing."""
    said = sound.load(what) if isinstance(what, Path) else what
    best, due = 0.0, time.monotonic() + 2 * len(said) / sound.RATE + 2

    def look() -> bool:
        nonlocal best, due
        if again is not None and time.monotonic() > due:
            again()
            due += 2 * len(said) / sound.RATE + 2
        best = max(best, sound.likeness(said, hears()))
        return best > HEARD

    try:
        wait_for(look, seconds, "heard")
    except AssertionError:
        raise AssertionError(f"heard with correlation {best:.3f} only") from None


def test_both_hear_each_other_and_the_record_is_right(house: House, anna: Phone, boris: Phone, words: list[Path]) -> None:
    established(anna, boris, "102", house)
    began = time.monotonic()
    anna.speak(words[0])
    boris.speak(words[1])
    wait_heard(boris.hears, words[0])
    wait_heard(anna.hears, words[1])
    wait_for(lambda: time.monotonic() - began > 2, 5, "a talk of two seconds, however soon the words are found")
    anna.hang_up()
    boris.wait_event("CALL_CLOSED", 5)
    talked = time.monotonic() - began
    cdr = house.cdr()
    assert abs(cdr.talk - talked) < 1
    assert (cdr.direction, cdr.disposition, cdr.caller, cdr.to) == ("internal", "answered", "101", "102")
    assert cdr.reached == "extension:102" and len(cdr.legs) == 2 and cdr.talk > 1.5
    for leg in cdr.legs:
        assert leg.quality is not None and leg.quality.packets_in > 50 and leg.quality.loss < 0.02 and leg.quality.mos > 4.0
        assert leg.codec == "PCMU" or leg.codec == "PCMA"
    assert cdr.legs[0].cause.by == "far" and cdr.legs[1].cause.by == "near"


def test_the_called_one_hangs_up(house: House, anna: Phone, boris: Phone) -> None:
    established(anna, boris, "102", house)
    boris.hang_up()
    anna.wait_event("CALL_CLOSED", 5)
    assert house.cdr().legs[1].cause.by == "far"


def test_busy(house: House, anna: Phone, boris: Phone) -> None:
    with house.guest_desk("103", "chen", plan=[180, 486]) as chen:
        anna.dial("103", house.box.sip_port)
        closed = anna.wait_event("CALL_CLOSED", 10)
        assert "486" in closed["param"]
        assert house.cdr().disposition == "busy"
        assert len(chen.calls) == 1


def test_the_caller_gives_up(house: House, anna: Phone, boris: Phone) -> None:
    anna.dial("102", house.box.sip_port)
    boris.wait_event("CALL_INCOMING", 10)
    anna.wait_event("CALL_RINGING", 5)
    anna.hang_up()
    boris.wait_event("CALL_CLOSED", 5)
    cdr = house.cdr()
    assert cdr.disposition == "cancelled" and cdr.talk == 0 and cdr.ring > 0


def test_nobody_answers(house: House, anna: Phone, boris: Phone) -> None:
    anna.dial("102", house.box.sip_port)
    boris.wait_event("CALL_INCOMING", 10)
    assert "480" in anna.wait_event("CALL_CLOSED", 12)["param"]
    boris.wait_event("CALL_CLOSED", 5)
    cdr = house.cdr()
    assert cdr.disposition == "no_answer" and RINGS - 0.5 < cdr.ring < RINGS + 3


def test_a_phone_that_is_not_connected_is_excused_before_the_answer(house: House, anna: Phone) -> None:
    anna.dial("104", house.box.sip_port)
    anna.wait_event("CALL_PROGRESS", 5)
    assert "480" in anna.wait_event("CALL_CLOSED", 15)["param"]
    excuse = prompt("phone-not-connected")
    wait_heard(anna.hears, excuse, 1)
    cdr = house.cdr()
    assert cdr.disposition == "failed" and cdr.reached == "excuse:extension:104" and cdr.talk == 0
    assert len(cdr.legs) == 1


def prompt(name: str) -> sound.Samples:
    """A prompt as the box speaks it in English."""
    from appliance.prompts import Prompts
    from appliance.system import paths

    return np.concatenate([sound.load(clip) for clip in Prompts(paths.prompts_dir()).clips(name, "en")])


@pytest.mark.parametrize("codec", ["g722", "pcma"])
def test_legs_of_different_codecs_are_transcoded(house: House, anna: Phone, words: list[Path], codec: str) -> None:
    """Anna speaks G.711 µ-law; the other side G.722, or (a desk that offers nothing else) A-law."""
    if codec == "g722":
        with house.guest("104", "daria", codec="g722") as daria:
            established(anna, daria, "104", house)
            anna.speak(words[0])
            daria.speak(words[1])
            wait_heard(daria.hears, words[0], again=lambda: anna.speak(words[0]))
            wait_heard(anna.hears, words[1], again=lambda: daria.speak(words[1]))
            anna.hang_up()
            daria.wait_event("CALL_CLOSED", 5)
    else:
        with house.guest_desk("104", "daria") as desk:
            anna.dial("104", house.box.sip_port)
            call = desk.wait_call().wait_up()
            anna.wait_event("CALL_ESTABLISHED", 10)
            anna.speak(words[0])
            call.say(sound.load(words[1]))
            wait_heard(anna.hears, words[1], again=lambda: call.say(sound.load(words[1])))
            wait_heard(call.heard, words[0], again=lambda: anna.speak(words[0]))
            call.hang_up()
            anna.wait_event("CALL_CLOSED", 5)
    codecs = [leg.codec for leg in house.cdr().legs]
    assert codecs == ["PCMU", "G722" if codec == "g722" else "PCMA"]


def test_digits_cross_the_bridge(house: House, anna: Phone, boris: Phone) -> None:
    """Between two phones of one codec, each way, once each."""
    established(anna, boris, "102", house)
    for giver, taker in ((anna, boris), (boris, anna)):
        giver.press("159#")
        for key in "159#":
            taker.wait_event("CALL_DTMF_START", 5, key)
    taker.quiet()
    assert not [e for e in anna.events + boris.events if e["type"] == "CALL_DTMF_START"]


def test_digits_cross_codecs_and_come_from_info(house: House, anna: Phone) -> None:
    with house.guest_desk("104", "daria") as desk:
        anna.dial("104", house.box.sip_port)
        call = desk.wait_call().wait_up()
        anna.wait_event("CALL_ESTABLISHED", 10)
        anna.press("27")
        wait_for(lambda: call.events == ["2", "7"], 5, f"RFC 4733 over the transcoder, came {call.events}")
        call.info_digit("5")
        anna.wait_event("CALL_DTMF_START", 5, "5")
        call.hang_up()
        anna.wait_event("CALL_CLOSED", 5)


def test_hold_and_resume(house: House, anna: Phone, boris: Phone, words: list[Path]) -> None:
    established(anna, boris, "102", house)
    anna.speak(words[0])
    wait_heard(boris.hears, words[0])
    anna.command("hold")
    wait = prompt("hold-wait")
    wait_heard(boris.hears, wait)
    anna.command("resume")
    anna.speak(words[2])
    wait_heard(boris.hears, words[2])
    anna.hang_up()
    boris.wait_event("CALL_CLOSED", 5)
    cdr = house.cdr()
    assert cdr.hold > 0.5 and cdr.talk > 0.5 and cdr.talk + cdr.hold < cdr.duration + 0.01


def test_the_one_who_held_hears_the_other_again(house: House, anna: Phone, words: list[Path]) -> None:
    """(baresip 1.0 stops writing down what it hears when it holds, so a desk holds.)"""
    with house.guest_desk("103", "chen") as chen:
        call = chen.dial("101")
        anna.wait_event("CALL_INCOMING", 10)
        anna.answer()
        call.wait_up()
        call.modify("inactive")
        wait_heard(anna.hears, prompt("hold-wait"))
        call.modify("sendrecv")
        call.say(sound.load(words[0]))
        wait_heard(anna.hears, words[0])
        anna.speak(words[1])
        wait_heard(call.heard, words[1])
        call.hang_up()
        anna.wait_event("CALL_CLOSED", 5)


def test_blind_transfer(house: House, anna: Phone, boris: Phone, words: list[Path]) -> None:
    """Boris hands Anna on to Daria, and goes."""
    with house.guest("104", "daria") as daria:
        established(anna, boris, "102", house)
        boris.command("transfer", f"sip:104@127.0.0.1:{house.box.sip_port}")
        daria.wait_event("CALL_INCOMING", 10)
        wait = prompt("transfer-wait")
        wait_heard(anna.hears, wait)
        daria.answer()
        boris.wait_event("CALL_CLOSED", 5)
        daria.wait_event("CALL_ESTABLISHED", 5)
        anna.speak(words[0])
        daria.speak(words[1])
        wait_heard(daria.hears, words[0])
        wait_heard(anna.hears, words[1])
        daria.hang_up()
        anna.wait_event("CALL_CLOSED", 5)
    cdr = house.cdr()
    assert [leg.endpoint for leg in cdr.legs] == ["101", "102", "104"] and cdr.disposition == "answered"
    assert [(t.kind, t.target) for t in cdr.transfers] == [("blind", "104")]


def test_blind_transfer_to_nobody_leads_back(house: House, anna: Phone, boris: Phone, words: list[Path]) -> None:
    with house.guest_desk("103", "chen") as chen:
        anna.dial("103", house.box.sip_port)
        call = chen.wait_call().wait_up()
        anna.wait_event("CALL_ESTABLISHED", 5)
        call.refer("104")  # not connected
        notes = [call.wait_request("NOTIFY", 10, lambda m, status=status: m.body.startswith(f"SIP/2.0 {status}"))
                 for status in (100, 480)]
        assert "terminated" in notes[1].get("Subscription-State")
        call.say(sound.load(words[1]))
        wait_heard(anna.hears, words[1])
        call.refer("102")
        boris.wait_event("CALL_INCOMING", 5)
        boris.command("hangup")  # declines
        call.wait_request("NOTIFY", 10, lambda m: not m.body.startswith(("SIP/2.0 100", "SIP/2.0 480")))
        call.say(sound.load(words[2]))
        wait_heard(anna.hears, words[2])
        call.hang_up()
        anna.wait_event("CALL_CLOSED", 5)
    assert house.cdr().disposition == "answered"


def test_attended_transfer(house: House, anna: Phone, boris: Phone, words: list[Path]) -> None:
    """Chen has Anna on one line and Boris on another, and joins them."""
    with house.guest_desk("103", "chen") as chen:
        first = chen.dial("101")
        anna.wait_event("CALL_INCOMING", 10)
        anna.answer()
        first.wait_up().modify("sendonly")
        second = chen.dial("102")
        boris.wait_event("CALL_INCOMING", 10)
        boris.answer()
        second.wait_up()
        first.refer("102", replaces=second)
        assert first.wait_request("NOTIFY", 5, lambda m: m.body.startswith("SIP/2.0 200"))
        first.wait_end(5)
        second.wait_end(5)
        anna.speak(words[0])
        boris.speak(words[1])
        wait_heard(boris.hears, words[0])
        wait_heard(anna.hears, words[1])
        boris.hang_up()
        anna.wait_event("CALL_CLOSED", 5)
    cdrs = house.cdrs(2)
    assert sorted(leg.endpoint for cdr in cdrs for leg in cdr.legs) == ["101", "102", "103", "103"]
    assert [t.kind for cdr in cdrs for t in cdr.transfers] == ["attended"]
    assert all(leg.quality is not None and leg.cause.by != "restart" for cdr in cdrs for leg in cdr.legs)
    assert all(cdr.disposition == "answered" for cdr in cdrs)


def test_all_devices_ring_and_the_first_to_answer_wins(house: House, anna: Phone, words: list[Path]) -> None:
    with house.guest_desk("104", "daria", plan=[180]) as slow, house.guest("104", "daria") as quick:
        anna.dial("104", house.box.sip_port)
        quick.wait_event("CALL_INCOMING", 10)
        ringing = slow.wait_call().wait_status(180)
        quick.answer()
        anna.wait_event("CALL_ESTABLISHED", 5)
        ringing.wait_end(5)
        assert ringing.cancelled
        quick.speak(words[1])
        wait_heard(anna.hears, words[1])
        anna.hang_up()
        quick.wait_event("CALL_CLOSED", 5)
    cdr = house.cdr()
    assert cdr.disposition == "answered" and len(cdr.legs) == 3 and cdr.talk > 1
    assert sorted(leg.answered is not None for leg in cdr.legs) == [False, True, True]


def test_one_busy_device_does_not_end_the_ringing_of_the_other(house: House, anna: Phone) -> None:
    with house.guest_desk("104", "daria", plan=[486]) as busy, house.guest_desk("104", "daria", plan=[180, 0, 0, 200]) as free:
        anna.dial("104", house.box.sip_port)
        free.wait_call().wait_up()
        anna.wait_event("CALL_ESTABLISHED", 5)
        assert busy.calls[0].statuses == [486]
        anna.hang_up()
        free.calls[0].wait_end(5)
    assert house.cdr().disposition == "answered"


def test_a_phone_with_all_its_calls_in_use_is_busy(house: House, anna: Phone, boris: Phone) -> None:
    """max_calls = 1 at 103."""
    with house.guest_desk("103", "chen") as chen:
        anna.dial("103", house.box.sip_port)
        chen.wait_call().wait_up()
        anna.wait_event("CALL_ESTABLISHED", 5)
        boris.dial("103", house.box.sip_port)
        assert "486" in boris.wait_event("CALL_CLOSED", 5)["param"]
        assert house.cdr().disposition == "busy"
        anna.hang_up()
        chen.calls[0].wait_end(5)
    house.cdr()
