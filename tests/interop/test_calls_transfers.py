"""An agent hands a caller on, by the phone's own transfer and by codes, to whatever there is: a queue, a menu, a mailbox, a
number outside, a phone. The agent is done at that moment; the caller's record and recording go on."""

from __future__ import annotations

import wave
from collections.abc import Iterator

import numpy as np
import pytest

from appliance import bus
from appliance.ledger.cdr import Cdr
from appliance.messages import (
    AgentNow,
    ContactConnected,
    ContactEnded,
    ControlAgent,
    Queues,
    QueuesReply,
    RecordingEnded,
    RecordingStarted,
    VoicemailLeft,
)
from tests.interop.test_calls_codes import heard, press
from tests.interop.test_office_callers import own_clip
from tests.peers import sound
from tests.peers.ear import Party
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.station import Station, StationCall

GREETING = "This is the harbour again."
EDITS = {
    r"^inbound_numbers = \{ ": 'inbound_numbers = { "+358911111160" = "queue:front", ',
    r"^wrap_up_seconds = 10$": "wrap_up_seconds = 60",
    r"^announce_position_every = 30$": 'record = "always"',
    r"^skills = \{ billing = 2 \}$": "skills = { billing = 1 }",
    r"^offer_callback_after_seconds = 45$": "wrap_up_seconds = 0",
    r'^greeting = "Welcome.*$': f'greeting = "{GREETING}"\nnumber = "500"',
    r'^keys = \{ 1 = .queue.*$': 'keys = { 1 = "extension:103" }',
}
MORE = "\n[recording]\nannounce = false\n"
CALLER = "0917700123"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house"), provider=False, edits=EDITS, more=MORE) as house:
        yield house


@pytest.fixture(autouse=True)
def idle(house: House, anna: Station, boris: Station, chen: Station) -> Iterator[None]:
    house.gateway.user = CALLER
    for station in (anna, boris, chen, house.gateway):
        station.plan = [180, 200]
        station.hang_up_all()
    house.forget()
    for station in (anna, boris, chen, house.gateway):
        station.calls.clear()
    for each in ("anna", "boris"):
        if agent(house, each).state != "logged-out":
            bus.ask_once(house.box.data, ControlAgent(agent=each, action="logout"))
    yield


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[sound.Samples]:
    whole = sound.load(sound.message_of(tmp_path_factory.mktemp("words") / "all.wav", 6.0))
    return [whole[i * 16000:(i + 1) * 16000] for i in range(3)]


def login(house: House, id: str) -> None:
    bus.ask_once(house.box.data, ControlAgent(agent=id, action="login"))


def agent(house: House, id: str) -> AgentNow:
    reply: QueuesReply = bus.ask_once(house.box.data, Queues())
    return next(each for each in reply.agents if each.id == id)


def events(house: House, kind: type) -> list[object]:
    return [record.event for record in house.reader.read(limit=100_000) if isinstance(record.event, kind)]


def served(house: House, anna: Station) -> tuple[Party, StationCall]:
    """A caller from outside, and anna, who serves the queue."""
    login(house, "anna")
    caller = Party(house.gateway.dial("+358911111160"))
    at_anna = anna.wait_call().wait_up()
    wait_for(lambda: agent(house, "anna").state == "on-contact", 5, "anna to serve the caller")
    return caller, at_anna


def hand_on(call: StationCall, how: str, number: str) -> None:
    if how == "refer":
        call.refer(number)
    else:
        press(call, f"##{number}#")


def one_record(house: House, target: str) -> Cdr:
    """The whole story in one record, anna's talk and wrap-up over at the transfer, one recording from end to end."""
    cdr = house.cdr()
    assert [(t.kind, t.target) for t in cdr.transfers] == [("blind", target)]
    assert (cdr.direction, cdr.disposition, cdr.legs[0].endpoint) == ("in", "answered", "gateway")
    started = [e for e in events(house, RecordingStarted) if isinstance(e, RecordingStarted) and e.call == cdr.call]
    assert len(started) == 1
    return cdr


@pytest.mark.parametrize("how", ["refer", "code"])
def test_into_a_queue(
    house: House, anna: Station, boris: Station, words: list[sound.Samples], how: str,
) -> None:
    caller, at_anna = served(house, anna)
    login(house, "boris")
    hand_on(at_anna, how, "601")
    at_anna.wait_end()
    wait_for(lambda: agent(house, "anna").state == "wrap-up", 5, "her wrap-up")
    at_boris = boris.wait_call(15).wait_up()
    assert at_boris.invite is not None and CALLER in at_boris.invite.get("From").replace("+358", "0")
    wait_for(lambda: agent(house, "boris").state == "on-contact", 5, "boris to serve the caller")
    at_boris.say(words[0])
    heard(caller.call.heard, words[0], at_boris)
    caller.call.say(words[1])
    heard(at_boris.heard, words[1], caller.call)
    caller.call.hang_up()
    at_boris.wait_end()
    cdr = one_record(house, "601")
    joined = [(e.agent, e.queue) for e in events(house, ContactConnected)
              if isinstance(e, ContactConnected) and e.contact == cdr.call]
    assert joined == [("anna", "front"), ("boris", "billing")]
    ended = [e for e in events(house, ContactEnded) if isinstance(e, ContactEnded) and e.contact == cdr.call]
    assert [e.agent for e in ended] == ["anna", "boris"]
    assert [leg.endpoint for leg in cdr.legs] == ["gateway", "101", "102"] and cdr.reached == "queue:billing"
    left, right = recorded(house, cdr.call)
    assert sound.likeness(words[0], right) > 0.9 and sound.likeness(words[1], left) > 0.9


def recorded(house: House, call: str) -> tuple[sound.Samples, sound.Samples]:
    def ended() -> RecordingEnded | None:
        return next((e for e in events(house, RecordingEnded) if isinstance(e, RecordingEnded) and e.call == call), None)

    event = wait_for(ended, 10, "the end of the recording")
    assert event is not None
    with wave.open(str(house.box.data / "recordings" / event.recording)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2) / 32768.0
    return pcm[:, 0], pcm[:, 1]


@pytest.mark.parametrize("how", ["refer", "code"])
def test_into_a_menu(house: House, anna: Station, chen: Station, how: str) -> None:
    caller, at_anna = served(house, anna)
    hand_on(at_anna, how, "500")
    at_anna.wait_end()
    wait_for(lambda: agent(house, "anna").state == "wrap-up", 5, "her wrap-up")
    caller.ear.hear_clips([own_clip(house.box.data, GREETING)], 15, GREETING)
    caller.call.press("1")
    at_chen = chen.wait_call().wait_up()
    caller.call.hang_up()
    at_chen.wait_end()
    cdr = one_record(house, "500")
    assert [leg.endpoint for leg in cdr.legs] == ["gateway", "101", "103"]


@pytest.mark.parametrize("how", ["refer", "code"])
def test_into_a_mailbox(house: House, anna: Station, how: str, words: list[sound.Samples]) -> None:
    caller, at_anna = served(house, anna)
    hand_on(at_anna, how, "*96601")
    at_anna.wait_end()
    caller.call.say(np.tile(np.concatenate([words[0], words[1]]), 3))  # waiting to have heard the beep may be a pause too long
    caller.hear("voicemail-greeting")
    caller.hear("beep")
    wait_for(lambda: not caller.call._say, 15, "it is said")
    before = len(events(house, VoicemailLeft))
    caller.call.hang_up()
    wait_for(lambda: len(events(house, VoicemailLeft)) > before, 10, "the message")
    cdr = one_record(house, "*96601")
    left = events(house, VoicemailLeft)[-1]
    assert isinstance(left, VoicemailLeft) and (left.box, left.call, left.caller) == ("billing", cdr.call, "+358917700123")
    assert cdr.reached == "voicemail:billing"


@pytest.mark.parametrize("how", ["refer", "code"])
def test_to_a_number_outside(house: House, anna: Station, how: str, words: list[sound.Samples]) -> None:
    caller, at_anna = served(house, anna)
    house.gateway.plans["0917700999"] = [180, 0, 0, 200]
    hand_on(at_anna, how, "00917700999")
    other = house.gateway.wait_call(fits=lambda call: call.number == "0917700999").wait_up()
    at_anna.wait_end()
    other.say(words[2])
    heard(caller.call.heard, words[2], other)
    wait_for(lambda: agent(house, "anna").state == "wrap-up", 5, "her wrap-up")
    caller.call.hang_up()
    other.wait_end()
    cdr = one_record(house, "00917700999")
    assert [(leg.endpoint, leg.direction) for leg in cdr.legs] == [("gateway", "in"), ("101", "out"), ("gateway", "out")]


def test_who_goes_while_it_still_rings_is_done(house: House, anna: Station, chen: Station) -> None:
    """A phone that hangs up at once when its transfer was accepted; and the caller is told where nobody answers."""
    caller, at_anna = served(house, anna)
    chen.plan = [180]
    at_anna.refer("103")
    rings = chen.wait_call().wait_status(180)
    at_anna.hang_up()
    wait_for(lambda: agent(house, "anna").state == "wrap-up", 5, "anna's talk to be over")
    rings.answer()
    rings.wait_up()
    wait_for(lambda: agent(house, "anna").state == "wrap-up", 5, "anna's talk to stay over")
    caller.call.hang_up()
    rings.wait_end()
    one_record(house, "103")


def test_attended_where_the_other_still_waits_in_a_queue(
    house: House, anna: Station, boris: Station, words: list[sound.Samples],
) -> None:
    """Anna asks the queue herself, waits too long, and puts the caller there in her place."""
    caller, at_anna = served(house, anna)
    second = anna.dial("601").wait_up()
    at_anna.refer("601", replaces=second)
    at_anna.wait_end()
    second.wait_end()
    login(house, "boris")
    at_boris = boris.wait_call(15).wait_up()
    at_boris.say(words[0])
    heard(caller.call.heard, words[0], at_boris)
    caller.call.hang_up()
    at_boris.wait_end()
    house.cdrs(2)


def test_attended_to_an_agent_reached_through_a_queue(
    house: House, anna: Station, boris: Station, words: list[sound.Samples],
) -> None:
    """Boris, whom anna reached through his queue, talks to the caller: he is not given another call meanwhile."""
    caller, at_anna = served(house, anna)
    login(house, "boris")
    second = anna.dial("601").wait_up()
    at_boris = boris.wait_call(15).wait_up()
    wait_for(lambda: agent(house, "boris").state == "on-contact", 5, "boris to talk to anna")
    at_anna.refer("601", replaces=second)
    at_anna.wait_end()
    second.wait_end()
    at_boris.say(words[0])
    heard(caller.call.heard, words[0], at_boris)
    wait_for(lambda: agent(house, "anna").state == "wrap-up", 5, "anna's talk to be over")
    # Anna's call to the queue stays Boris's contact until he has talked to the caller whom she put through to him.
    assert agent(house, "boris").state == "on-contact"
    caller.call.hang_up()
    at_boris.wait_end()
    wait_for(lambda: agent(house, "boris").state in ("wrap-up", "ready"), 5, "boris's talk to be over")
    house.cdrs(2)
