"""Calls between phones, through the whole box: who rings, who hears whom, how it ends, and what the record says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.peers import sound
from tests.peers.baresip import Phone
from tests.peers.house import House
from tests.peers.net import wait_for

pytestmark = pytest.mark.xdist_group("calls-phones")
HEARD = 0.9
"""Correlation over 1.5 s of speech that G.711 and G.722 legs reach (measured 0.97 and more); cut or garbled audio is far below."""


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
        phone.command("hangup")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three different things to say, 2 s each."""
    folder = tmp_path_factory.mktemp("words")
    whole = sound.load(sound.message_of(folder / "all.wav", 6.0))
    for i in range(3):
        sound.save(folder / f"{i}.wav", whole[i * 16000:(i + 1) * 16000])
    return [folder / f"{i}.wav" for i in range(3)]


def established(a: Phone, b: Phone, number: str, house: House) -> None:
    a.dial(number, house.box.sip_port)
    b.wait_event("CALL_INCOMING", 10)
    b.answer()
    a.wait_event("CALL_ESTABLISHED", 10)
    b.wait_event("CALL_ESTABLISHED", 10)


def wait_heard(phone: Phone, what: Path, seconds: float = 12) -> float:
    """How well `phone` heard the middle of `what`, once it did; AssertionError where it does not come."""
    needle = sound.load(what)[2000:14000]
    best = 0.0

    def look() -> float:
        nonlocal best
        best = max(best, sound.find(needle, phone.hears())[1])
        return best if best > HEARD else 0.0

    try:
        return wait_for(look, seconds, "heard")
    except AssertionError:
        raise AssertionError(f"phone {phone.extension} heard it with correlation {best:.3f} only") from None


def test_both_hear_each_other_and_the_record_is_right(house: House, anna: Phone, boris: Phone, words: list[Path]) -> None:
    established(anna, boris, "102", house)
    anna.speak(words[0])
    boris.speak(words[1])
    assert wait_heard(boris, words[0]) > HEARD
    assert wait_heard(anna, words[1]) > HEARD
    anna.hang_up()
    boris.wait_event("CALL_CLOSED", 5)
    cdr = house.cdr()
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
    with_third = house.desk("103", "chen", plan=[180, 486])
    anna.dial("103", house.box.sip_port)
    closed = anna.wait_event("CALL_CLOSED", 10)
    assert "486" in closed["param"]
    assert house.cdr().disposition == "busy"
    assert len(with_third.calls) == 1


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
    assert cdr.disposition == "no_answer" and 4.5 < cdr.ring < 8


def test_a_phone_that_is_not_connected_is_excused_before_the_answer(house: House, anna: Phone) -> None:
    anna.dial("104", house.box.sip_port)
    anna.wait_event("CALL_PROGRESS", 5)
    assert "480" in anna.wait_event("CALL_CLOSED", 15)["param"]
    excuse = prompt("phone-not-connected")
    offset, score = sound.find(excuse, anna.hears())
    assert score > HEARD and offset >= 0
    cdr = house.cdr()
    assert cdr.disposition == "failed" and cdr.reached == "excuse:extension:104" and cdr.talk == 0
    assert len(cdr.legs) == 1


def prompt(name: str) -> sound.Samples:
    """A prompt as the box speaks it in English."""
    from appliance.prompts import Prompts
    from appliance.system import paths

    return np.concatenate([sound.load(clip) for clip in Prompts(paths.prompts_dir()).clips(name, "en")])
