"""What each short code answers, and what a held party hears, recognised in what came to the phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.test_calls_phones import wait_heard
from tests.interop.test_queue_heard import melody
from tests.peers import sound
from tests.peers.ear import Party
from tests.peers.house import House
from tests.peers.station import Station

MISSES = """
[[queues]]
name = "misses"
number = "612"
agents = ["anna"]
ring_seconds = 3
break_after_misses = 1
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    edits = {r"^wrap_up_seconds = 10$": "wrap_up_seconds = 900"}
    with House(tmp_path_factory.mktemp("heard"), provider=False, edits=edits, more=MISSES) as house:
        yield house


@pytest.fixture(autouse=True)
def idle(house: House, anna: Station, daria: Station) -> Iterator[None]:
    house.box.run("agent", "logout", "anna", check=False)  # where a test that failed left her signed in
    yield
    for station in (anna, daria):
        station.hang_up_all()
    house.forget()


def code(station: Station, dialled: str, *answers: str, press: str = "", **values: object) -> None:
    """Dial it, press what it asks for after its question, and hear out its answers."""
    party = Party(station.dial(dialled))
    for answer in answers:
        party.hear(answer, **values)
        if press:
            party.call.press(press)
            press = ""
    party.call.wait_end(10)


def test_an_agents_day_by_code(house: House, anna: Station, daria: Station) -> None:
    code(anna, "*43", "agent-not-signed-in")
    party = Party(anna.dial("*41"))
    party.hear("enter-pin")
    party.call.press("9999#")
    party.hear("wrong-pin")
    party.call.press("1101#")
    party.hear("agent-signed-in", queues=3)
    party.call.wait_end()
    code(anna, "*41", "agent-already-signed-in")
    code(anna, "*48", "queue-status-empty", "queue-status-agents", ready=1, busy=0)
    code(anna, "*44", "break-enter-reason", "agent-break", "reason-lunch", press="2")
    waiting = daria.dial("600").wait_up()
    code(anna, "*48600", "queue-status", "queue-status-agents", count=1, minutes=0.1, ready=0, busy=0)
    code(anna, "*43", "agent-ready")
    at_anna = anna.wait_call().wait_up()
    waiting.hang_up()
    at_anna.wait_end()
    code(anna, "*46", "wrap-up-extended", seconds=60)
    code(anna, "*47", "outcome-enter", "outcome-noted", "outcome-solved", press="1#")
    code(anna, "*4799", "outcome-unknown")
    code(anna, "*45", "wrap-up-ended")
    code(anna, "*45", "wrap-up-none")
    code(anna, "*449", "break-unknown")
    code(anna, "*42", "agent-signed-out")


def test_a_wrong_pin_thrice_is_locked(house: House, anna: Station) -> None:
    party = Party(anna.dial("*41"))
    for question in ("enter-pin", "wrong-pin", "wrong-pin"):
        party.hear(question)
        party.call.press("9999#")
    party.hear("pin-locked", minutes=10)
    party.call.wait_end()


def test_who_missed_too_many_is_told_so(house: House, anna: Station, daria: Station) -> None:
    anna.plan = [180]
    house.box.run("agent", "login", "anna")
    caller = daria.dial("612").wait_up()
    anna.wait_call(fits=lambda call: not call.ended).wait_end(10)
    anna.plan = [180, 200]
    caller.hang_up()
    code(anna, "*48", "queue-status-agents", "agent-missed", ready=0, busy=0)


def test_what_a_phone_sets(house: House, anna: Station) -> None:
    code(anna, "*78", "do-not-disturb-on")
    code(anna, "*79", "do-not-disturb-off")
    code(anna, "*72104", "forward-always", number="104")
    code(anna, "*73", "forward-off")
    code(anna, "*90", "forward-enter-number", "forward-busy", press="104#", number="104")
    code(anna, "*91", "forward-off")
    code(anna, "*92112", "forward-number-bad")


def test_hold_and_consultation_are_music(house: House, anna: Station, daria: Station) -> None:
    other = Party(daria.dial("101"))
    at_anna = anna.wait_call().wait_up()
    at_anna.modify("inactive")
    other.hear("hold-wait")
    wait_heard(other.call.heard, melody(3))
    at_anna.modify("sendrecv")
    at_anna.say(sound.load(sound.message_of(house.folder / "all.wav", 2.0)))
    wait_heard(other.call.heard, sound.load(house.folder / "all.wav"))
    before = len(other.call.heard())
    at_anna.press("*2")
    other.hear("hold-wait")
    wait_heard(lambda: other.call.heard()[before:], melody(3))
    other.call.hang_up()
    at_anna.wait_end()
