"""Queues on real calls: who rings, what callers hear, and where they go."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TypeVar

import pytest

from appliance import bus
from appliance.messages import (
    AgentNow,
    CallbackClosed,
    ContactConnected,
    ContactLeft,
    ContactOutcome,
    ControlAgent,
    Event,
    OfferEnded,
    Queues,
    QueuesReply,
)
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.station import Station, StationCall

E = TypeVar("E", bound=Event)

QUEUES = """
[[queues]]
name = "all"
number = "610"
strategy = "ring-all"
agents = ["anna", "boris"]
wrap_up_seconds = 0
ring_seconds = 4
when_nobody_signed_in = "hangup"

[[queues]]
name = "rows"
number = "611"
strategy = "linear"
agents = ["anna", "boris"]
wrap_up_seconds = 0
ring_seconds = 3
max_wait_seconds = 4
when_full_or_late = "extension:103"
announce_position_every = 10

[[queues]]
name = "back"
number = "612"
agents = ["anna"]
wrap_up_seconds = 0
offer_callback_after_seconds = 1
[queues.callback]
ask_number = false

[[agents]]
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    edits = {r"\A((?:.|\n)*?)^\[\[agents\]\]$": r"\1" + QUEUES.strip(), r"^wrap_up_seconds = 10$": "wrap_up_seconds = 0"}
    with House(tmp_path_factory.mktemp("queues"), edits=edits) as house:
        yield house


@pytest.fixture(autouse=True)
def clean(house: House, anna: Station, boris: Station) -> Iterator[None]:
    """Each test begins with nobody signed in, and every phone picking up."""
    yield
    for station in (anna, boris):
        station.plan = [180, 200]
        station.hang_up_all()
    wait_for(lambda: house.status().calls == 0, 10, "all calls to end")
    for each in state(house).agents:
        if each.state != "logged-out":
            bus.ask_once(house.box.data, ControlAgent(agent=each.id, action="logout"))


def code(station: Station, dialled: str, keys: str = "") -> StationCall:
    """Dial a short code, key what it asks for, and hear it out."""
    call = station.dial(dialled).wait_up()
    for key in keys:
        call.info_digit(key)
    return call.wait_end(20)


def events(house: House, kind: type[E], contact: str = "") -> list[E]:
    return [record.event for record in house.reader.read(limit=100_000)
            if isinstance(record.event, kind) and (not contact or getattr(record.event, "contact", "") == contact)]


def state(house: House) -> QueuesReply:
    reply: QueuesReply = bus.ask_once(house.box.data, Queues())
    return reply


def agent(house: House, id: str) -> AgentNow:
    return next(each for each in state(house).agents if each.id == id)


def login(house: House, *agents: str) -> None:
    for each in agents:
        bus.ask_once(house.box.data, ControlAgent(agent=each, action="login"))


def newest(house: House, kind: type[E], before: int) -> E:
    found = wait_for(lambda: events(house, kind)[before:], 10, kind.__name__)
    return found[0]


def test_an_agent_works_by_code(house: House, anna: Station, daria: Station) -> None:
    before = len(events(house, ContactConnected))
    code(anna, "*41", "1101#")
    assert agent(house, "anna").state == "ready"
    caller = daria.dial("600").wait_up()
    rung = anna.wait_call().wait_up()
    joined = newest(house, ContactConnected, before)
    assert joined.agent == "anna" and agent(house, "anna").state == "on-contact"
    caller.hang_up()
    rung.wait_end()
    code(anna, "*471")
    assert events(house, ContactOutcome, joined.contact)[-1].name == "solved"
    code(anna, "*442")
    assert (agent(house, "anna").state, agent(house, "anna").reason) == ("break", "lunch")
    code(anna, "*43")
    assert agent(house, "anna").state == "ready"
    code(anna, "*42")
    assert agent(house, "anna").state == "logged-out"
    why = house.box.run("queue", "why", joined.contact).stdout
    assert "Offer" in why and "Anna" in why


def test_wrong_pins_lock_the_door_and_stand_nowhere(house: House, boris: Station) -> None:
    code(boris, "*41", "9911#9922#9933#")
    code(boris, "*41", "1102#")
    assert agent(house, "boris").state == "logged-out"
    assert not any(pin in house.box.log() for pin in ("9911", "9922", "1102"))
    house.box.run("agent", "login", "boris")
    assert agent(house, "boris").state == "ready"


def test_ring_all_and_the_losers_are_called_off(house: House, anna: Station, boris: Station, daria: Station) -> None:
    anna.plan = [180]
    login(house, "anna", "boris")
    before = len(events(house, ContactConnected))
    caller = daria.dial("610")
    loser, winner = anna.wait_call(), boris.wait_call()
    winner.wait_up()
    loser.wait_end()
    assert newest(house, ContactConnected, before).agent == "boris"
    caller.hang_up()
    winner.wait_end()


def test_linear_refused_then_missed_and_the_caller_goes_on(house: House, anna: Station, boris: Station, daria: Station) -> None:
    anna.plan, boris.plan = [486], [180]
    login(house, "anna", "boris")
    with house.guest_desk("103", "chen") as chen:
        caller = daria.dial("611").wait_up()
        taken = chen.wait_call(20)
        taken.wait_up()
        caller.hang_up()
        taken.wait_end()
    left = events(house, ContactLeft)[-1]
    assert (left.reason, left.target) == ("max-wait", "extension:103")
    ends = [(end.agent, end.how) for end in events(house, OfferEnded, left.contact)]
    assert ends[:2] == [("anna", "refused"), ("boris", "missed")]


def test_nobody_is_there_and_the_caller_is_told(house: House, daria: Station) -> None:
    daria.dial("610").wait_up().wait_end(15)
    assert events(house, ContactLeft)[-1].reason == "nobody-in"
    assert len(daria.calls[-1].heard()) > 8000


def test_who_gives_up_stands_on_the_list(house: House) -> None:
    caller = house.provider.dial("35899000100")
    waiting = wait_for(lambda: [each for each in state(house).contacts if each.queue == "front"], 10, "the caller waits")
    assert waiting[0].position == 1
    shown = house.box.json("queue", "list", "--json")
    assert next(each for each in shown if each["name"] == "front")["waiting"] == 1
    wait_for(lambda: state(house).now - waiting[0].since > 5.5, 10, "a wait that counts")  # short_abandon_seconds
    caller.hang_up()
    wait_for(lambda: events(house, ContactLeft, waiting[0].id), 10, "the caller left")
    listed = house.box.json("abandoned", "list", "--json")
    assert [(each["contact"], each["reason"]) for each in listed if each["queue"] == "front"] == [(waiting[0].id, "abandoned")]


def test_a_callback_keeps_the_place_and_is_made(house: House, anna: Station, daria: Station) -> None:
    before = len(events(house, CallbackClosed))
    caller = daria.dial("612").wait_up()
    for digit in itertools.chain("1", "1"):
        wait_for(lambda: len(caller.heard()) > 8000, 10, "music")
        caller.info_digit(digit)
    caller.wait_end(20)
    kept = wait_for(lambda: house.box.json("callback", "list", "--json"), 10, "the callback is listed")
    assert kept[0]["number"] == "104"
    login(house, "anna")
    agent_call = anna.wait_call(fits=lambda call: not call.ended).wait_up()  # one that she refused before stands there too
    customer = daria.wait_call(10).wait_up()
    assert newest(house, CallbackClosed, before).reason == "reached"
    customer.hang_up()
    agent_call.wait_end()
