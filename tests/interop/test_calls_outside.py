"""An agent at a number outside, through the whole box: takes calls by a key, so that no mailbox does; transfers, confers and
parks as at a desk; notes the outcome and ends the pause on the same line."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from appliance import bus
from appliance.messages import (
    AgentNow,
    CallParked,
    ContactConnected,
    ContactOutcome,
    ControlAgent,
    OfferEnded,
    Queues,
    QueuesReply,
)
from tests.interop.test_calls_codes import heard, press
from tests.interop.test_operator_dialogue import tones
from tests.peers import sound
from tests.peers.ear import Party
from tests.peers.house import RINGS, House
from tests.peers.net import wait_for
from tests.peers.station import Station, StationCall

MOBILE = "0401234567"
MORE = f"""
[[agents]]
id = "dora"
outside_number = "{MOBILE}"
always_signed_in = true

[[agents]]
id = "emil"
extension = "102"
outside_number = "0407654321"
always_signed_in = true

[[agents]]
id = "finn"
outside_number = "0405556677"
pin = "1105"

[[queues]]
name = "called-in"
number = "622"
agents = ["finn"]
wrap_up_seconds = 0

[[queues]]
name = "home"
number = "620"
strategy = "linear"
agents = ["dora", "chen"]
ring_seconds = 120
wrap_up_seconds = 600

[[queues]]
name = "missed"
number = "623"
strategy = "linear"
agents = ["dora", "chen"]
ring_seconds = 6
wrap_up_seconds = 600

[[queues]]
name = "rights"
number = "621"
agents = ["emil"]
wrap_up_seconds = 0

[parking]
timeout_seconds = 15
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    edits = {r'^secret = "boris-102"$': 'secret = "boris-102"\nallow = ["national"]',
             r'^inbound_numbers = \{ "\+358911111101"': 'trust_caller_id = true\ninbound_numbers = { "+358911111199" = "agents", '
             '"+358911111101"',
             rf"^ring_seconds = {RINGS:g}$": "ring_seconds = 60"}  # who is asked for a key hears the question first
    with House(tmp_path_factory.mktemp("house"), provider=False, more=MORE, edits=edits) as house:
        yield house


@pytest.fixture(autouse=True)
def idle(house: House, chen: Station, daria: Station) -> Iterator[None]:
    for station in (chen, daria, house.gateway):
        station.hang_up_all()
    house.forget()
    for station in (chen, daria, house.gateway):
        station.calls.clear()
    if agent(house).state != "ready":
        bus.ask_once(house.box.data, ControlAgent(agent="dora", action="ready"))
    yield


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[sound.Samples]:
    whole = sound.load(sound.message_of(tmp_path_factory.mktemp("words") / "all.wav", 6.0))
    return [whole[i * 16000:(i + 1) * 16000] for i in range(3)]


def agent(house: House, id: str = "dora") -> AgentNow:
    reply: QueuesReply = bus.ask_once(house.box.data, Queues())
    return next(each for each in reply.agents if each.id == id)


def events(house: House, kind: type) -> list[object]:
    return [record.event for record in house.reader.read(limit=100_000) if isinstance(record.event, kind)]


def taken(house: House, daria: Station) -> tuple[StationCall, Party]:
    """Daria's call to the queue, and dora, who has pressed 1 on her mobile."""
    caller = daria.dial("620").wait_up()
    mobile = Party(house.gateway.wait_call(fits=lambda call: call.number == MOBILE))
    mobile.hear("agent-confirm")
    assert agent(house).state == "offered"  # answered is not enough
    mobile.call.press("1")
    wait_for(lambda: agent(house).state == "on-contact", 5, "the call is taken")
    return caller, mobile


def test_a_mailbox_takes_no_call(house: House, chen: Station, daria: Station, words: list[sound.Samples]) -> None:
    """What picks up and presses nothing has missed the call; the next agent's phone rings."""
    bus.ask_once(house.box.data, ControlAgent(agent="chen", action="login"))
    before = len(events(house, OfferEnded))
    caller = daria.dial("623").wait_up()
    mailbox = house.gateway.wait_call().wait_up()
    mailbox.say(words[0])
    at_chen = chen.wait_call(12).wait_up()
    mailbox.wait_end()
    end = wait_for(lambda: events(house, OfferEnded)[before:], 5, "the end of the offer")[0]
    assert isinstance(end, OfferEnded) and (end.agent, end.how) == ("dora", "missed")
    at_chen.say(words[1])
    heard(caller.heard, words[1])
    assert sound.likeness(words[0], caller.heard()) < 0.8
    caller.hang_up()
    at_chen.wait_end()
    bus.ask_once(house.box.data, ControlAgent(agent="chen", action="logout"))


def test_taken_by_key_talked_noted_and_ready_on_the_same_line(
    house: House, daria: Station, words: list[sound.Samples],
) -> None:
    caller, mobile = taken(house, daria)
    caller.say(words[0])
    heard(mobile.call.heard, words[0])
    mobile.call.say(words[1])
    heard(caller.heard, words[1])
    caller.hang_up()
    mobile.hear("call-gone")
    assert agent(house).state == "wrap-up"
    mobile.call.press("*471#")
    mobile.hear("outcome-noted")
    noted = wait_for(lambda: events(house, ContactOutcome), 5, "the outcome")[-1]
    assert isinstance(noted, ContactOutcome) and (noted.agent, noted.name) == ("dora", "solved")
    mobile.call.press("*46")
    mobile.hear("wrap-up-extended", seconds=60)
    mobile.call.press("*45")
    mobile.hear("wrap-up-ended")
    mobile.call.wait_end()
    wait_for(lambda: agent(house).state == "ready", 5, "dora to be ready")
    cdr = house.cdr()
    assert cdr.talk < cdr.duration - 3  # the pause is none


def test_a_break_is_keyed_after_the_call(house: House, daria: Station) -> None:
    caller, mobile = taken(house, daria)
    caller.hang_up()
    mobile.hear("call-gone")
    mobile.call.press("*441")
    mobile.hear("agent-break")
    mobile.call.wait_end()
    assert (agent(house).state, agent(house).reason) == ("break", "short")


def test_who_hangs_up_is_done(house: House, daria: Station) -> None:
    caller, mobile = taken(house, daria)
    mobile.call.hang_up()
    caller.wait_end()
    assert agent(house).state == "wrap-up"


def test_tones_are_keys_where_the_gateway_sends_no_events(
    house: House, daria: Station, monkeypatch: pytest.MonkeyPatch, words: list[sound.Samples],
) -> None:
    plain = StationCall.sdp
    no_events = re.compile(r"a=(rtpmap|fmtp):101 .*\r\n| 101(?=\r\n)")
    monkeypatch.setattr(StationCall, "sdp", lambda call: no_events.sub("", plain(call)))
    caller = daria.dial("620").wait_up()
    mobile = Party(house.gateway.wait_call())
    mobile.hear("agent-confirm")
    mobile.call.say(tones("1"))
    wait_for(lambda: agent(house).state == "on-contact", 5, "the call is taken")
    caller.say(words[2])
    heard(mobile.call.heard, words[2])
    caller.hang_up()


def test_blind_transfer_from_the_mobile(house: House, chen: Station, daria: Station, words: list[sound.Samples]) -> None:
    caller, mobile = taken(house, daria)
    mobile.call.press("##103#")
    at_chen = chen.wait_call().wait_up()
    mobile.call.wait_end()
    caller.say(words[0])
    heard(at_chen.heard, words[0])
    wait_for(lambda: agent(house).state == "wrap-up", 5, "dora's talk to be over")
    caller.hang_up()
    at_chen.wait_end()
    assert [(t.kind, t.target) for t in house.cdr().transfers] == [("blind", "103")]


def test_consult_and_conference_from_the_mobile(
    house: House, chen: Station, daria: Station, words: list[sound.Samples],
) -> None:
    caller, mobile = taken(house, daria)
    mobile.call.press("*2103#")
    at_chen = chen.wait_call().wait_up()
    mobile.call.say(words[0])
    heard(at_chen.heard, words[0])
    assert sound.likeness(words[0], caller.heard()) < 0.8
    mobile.call.press("*3")
    mobile.hear("conference-on")
    at_chen.say(words[1])
    heard(caller.heard, words[1])
    mobile.call.hang_up()
    Party(at_chen).hear("conference-left")
    caller.say(words[2])
    heard(at_chen.heard, words[2])
    caller.hang_up()
    at_chen.wait_end()
    house.cdr()


def test_parked_from_the_mobile(house: House, chen: Station, daria: Station) -> None:
    caller, mobile = taken(house, daria)
    mobile.call.press("*5")
    mobile.hear("parked-at", slot=1)
    mobile.call.wait_end()
    wait_for(lambda: agent(house).state == "wrap-up", 5, "dora's talk to be over")
    at_chen = chen.dial("*51").wait_up()
    caller.hang_up()
    at_chen.wait_end()
    parked = wait_for(lambda: events(house, CallParked), 5, "the parking")[-1]
    assert isinstance(parked, CallParked) and parked.by == "+358401234567"


def test_parked_from_the_mobile_and_back(house: House, daria: Station, words: list[sound.Samples]) -> None:
    """Nobody takes it: the mobile rings, and has it by 1."""
    caller, mobile = taken(house, daria)
    mobile.call.press("*5")
    mobile.hear("parked-at", slot=1)
    mobile.call.wait_end()
    back = Party(house.gateway.wait_call(20, fits=lambda call: call.number == MOBILE and not call.ended))
    back.hear("follow-me-confirm")
    back.call.press("1")
    back.hear("park-back")
    back.call.say(words[0])
    heard(caller.heard, words[0])
    caller.hang_up()
    back.call.wait_end()


def test_keys_for_the_other_side_get_through(house: House, daria: Station) -> None:
    caller, mobile = taken(house, daria)
    before = len(caller.events)
    mobile.call.press("19#")
    wait_for(lambda: caller.events[before:] == list("19#"), 10, f"the keys; came {caller.events}")
    caller.hang_up()


def test_outside_the_rights_of_the_own_phone_hold(house: House, daria: Station) -> None:
    """Emil's phone may call no mobiles: nor may he transfer there from his own mobile."""
    before = len(events(house, ContactConnected))
    caller = daria.dial("621").wait_up()
    mobile = Party(house.gateway.wait_call())
    mobile.hear("agent-confirm")
    mobile.call.press("1")
    wait_for(lambda: events(house, ContactConnected)[before:], 5, "the call is taken")
    press(mobile.call, "##")
    mobile.hear("transfer-enter-number")
    mobile.call.press("00409999999#")
    mobile.hear("transfer-number-bad")
    caller.hang_up()
    mobile.call.wait_end()


def calls_in(house: House, number: str) -> Party:
    """Somebody with this number calls where agents sign in."""
    house.gateway.user = number
    try:
        return Party(house.gateway.dial("+358911111199"))
    finally:
        house.gateway.user = "gateway"


def test_signing_in_and_out_by_calling_from_the_own_number(house: House, daria: Station) -> None:
    """The PIN is asked for; while the call lasts the number is busy, so the next caller comes when it is over."""
    caller = daria.dial("622").wait_up()
    own = calls_in(house, "0405556677")
    own.hear("enter-pin")
    own.call.press("1#")
    own.hear("wrong-pin")
    assert agent(house, "finn").state == "logged-out"
    own.call.press("1105#")
    own.hear("agent-signed-in", queues=1)
    assert agent(house, "finn").state == "dialling-out"
    own.call.press("*48")
    own.hear("queue-status-agents", ready=0, busy=0)
    own.call.hang_up()
    mobile = Party(house.gateway.wait_call(fits=lambda call: call.number == "0405556677"))
    mobile.hear("agent-confirm")
    mobile.call.press("1")
    wait_for(lambda: agent(house, "finn").state == "on-contact", 5, "the call is taken")
    caller.hang_up()
    mobile.call.wait_end()
    again = calls_in(house, "0405556677")
    again.hear("enter-pin")
    again.call.press("1105#")
    again.hear("agent-already-signed-in")
    again.call.press("*42")
    again.hear("agent-signed-out")
    again.call.wait_end()
    assert agent(house, "finn").state == "logged-out"


def test_nobody_else_signs_in_by_calling(house: House) -> None:
    stranger = calls_in(house, "0405556688")
    stranger.hear("agent-unknown")
    stranger.call.wait_end()
    no_pin = calls_in(house, MOBILE)
    no_pin.hear("agent-unknown")
    no_pin.call.wait_end()
