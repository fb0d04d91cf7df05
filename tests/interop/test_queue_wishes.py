"""Callers who are to be called back without waiting, a closed office, and who may see who waits: on real calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest

from appliance import bus
from appliance.messages import (
    CallbackClosed,
    CallbackRequested,
    ControlAgent,
    Event,
    Queues,
    QueuesReply,
    RecordingEnded,
    SwitchNight,
)
from appliance.prompts import Moment, moment
from tests.interop.test_office_callers import Party
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.station import Station

E = TypeVar("E", bound=Event)

QUEUES = """
[[queues]]
name = "back"
number = "630"
agents = ["anna"]
wrap_up_seconds = 0
record = "always"

[[queues]]
name = "shut"
number = "631"
agents = ["anna"]
hours = "far"

[[menus]]
name = "wishes"
number = "632"
keys = { 1 = "callback:back", 2 = "callback:shut", 3 = "menu:account" }
wait_seconds = 3

[[menus]]
name = "account"
ask = { name = "account", min_digits = 4, max_digits = 4, then = "queue:back" }

[[hours]]
name = "far"
open = ["daily 20:00-20:01"]
code = "8"

[night]
lasts = "until-next-hours"

[recording]
announce = false

[[agents]]
"""

ZONE = ZoneInfo("Europe/Helsinki")


def opens() -> Moment:
    """As it is said in the morning of the box's day."""
    said = moment(datetime(2026, 3, 2, 10, 1, tzinfo=ZONE), datetime(2026, 3, 2, 20, tzinfo=ZONE))
    assert said is not None
    return said


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    edits = {r"\A((?:.|\n)*?)^\[\[agents\]\]$": r"\1" + QUEUES.strip()}
    with House(tmp_path_factory.mktemp("wishes"), edits=edits, provider=False) as house:
        yield house


@pytest.fixture(autouse=True)
def idle(house: House, anna: Station) -> Iterator[None]:
    house.gateway.user = "0917700123"
    yield
    for station in (anna, house.gateway):
        station.hang_up_all()
    wait_for(lambda: house.status().calls == 0, 15, "all calls to end")
    for each in state(house).agents:
        if each.id == "anna" and each.state != "logged-out":
            bus.ask_once(house.box.data, ControlAgent(agent="anna", action="logout"))


def events(house: House, kind: type[E]) -> list[E]:
    return [record.event for record in house.reader.read(limit=100_000) if isinstance(record.event, kind)]


def state(house: House, *people: str) -> QueuesReply:
    reply: QueuesReply = bus.ask_once(house.box.data, Queues(people=list(people)))
    return reply


def menu(daria: Station) -> Party:
    return Party(daria.dial("632"))


def named(party: Party, number: str, key: str) -> None:
    """The caller is told this number, and presses while the keys are still explained: 5 s after that the box takes no answer for
    a no, and on a machine that others load it may take longer to recognise the whole."""
    told = party.ear.prompts.clips("callback-wish-number", "en", number=number)
    assert told[-2].stem == "callback-wish-number-2"
    party.ear.hear_clips(told[:-2], 45, f"the number {number}")
    party.call.press(key)


def test_a_menu_key_asks_for_a_call_and_it_is_made(house: House, anna: Station, daria: Station) -> None:
    """Nobody is signed in yet: nothing is promised of when. The caller names another number; the recording is in the CDR."""
    party = menu(daria)
    party.call.press("1")
    named(party, "104", "2")
    party.hear("callback-enter-number")
    party.call.press("112#")
    party.hear("callback-number-bad")
    party.call.press("0401234567#")
    named(party, "+358401234567", "1")
    party.hear("callback-noted")
    party.call.wait_end()
    asked = events(house, CallbackRequested)[-1]
    assert asked.queue == "back"
    (kept,) = house.box.json("callback", "list")
    assert (kept["number"], kept["id"]) == ("+358401234567", asked.contact)
    bus.ask_once(house.box.data, ControlAgent(agent="anna", action="login"))
    at_anna = anna.wait_call().wait_up()
    customer = house.gateway.wait_call(15).wait_up()
    assert customer.number == "0401234567"
    wait_for(lambda: events(house, CallbackClosed), 10, "the end of the callback")
    assert events(house, CallbackClosed)[-1].reason == "reached"
    wait_for(lambda: len(customer.heard()) > 8000, 10, "a second of talk")
    customer.hang_up()
    at_anna.wait_end()
    recorded = wait_for(lambda: events(house, RecordingEnded), 10, "the recording")[-1]

    def listed() -> Any:
        shown = house.box.json("cdr", "show", recorded.call)
        return shown if shown["recordings"] and shown["recordings"][0]["sha256"] else None

    shown = wait_for(listed, 10, "the recording in the CDR")
    (one,) = shown["recordings"]
    assert (one["recording"], one["sha256"], one["why"], one["reason"]) == (
        recorded.recording, recorded.sha256, "rule", "stopped")
    assert one["seconds"] == pytest.approx(recorded.seconds) and one["at"] >= 0 and one["leg"].startswith(recorded.call)
    assert recorded.recording in house.box.run("cdr", "export", "--format", "csv").stdout


def test_who_is_on_the_line_is_not_called_before_it_is_free(house: House, anna: Station, daria: Station) -> None:
    """An agent is free: the call comes when the goodbye is over, not into it."""
    bus.ask_once(house.box.data, ControlAgent(agent="anna", action="login"))
    party = menu(daria)
    party.call.press("1")
    named(party, "104", "1")
    at_anna = anna.wait_call().wait_up()
    party.hear("callback-noted-now")
    party.call.wait_end()
    back = daria.wait_call(15).wait_up()
    assert back.began >= party.call.ended_at
    back.hang_up()
    at_anna.wait_end()


def test_closed_hours_are_told(house: House, daria: Station) -> None:
    party = menu(daria)
    party.call.press("2")
    named(party, "104", "1")
    party.ear.hear("callback-noted-opens", 25, opens=opens())
    party.call.wait_end()
    kept = [each for each in state(house, "*").contacts if each.queue == "shut"]
    assert [(each.virtual, each.person.number if each.person else "") for each in kept] == [(True, "104")]
    house.box.run("callback", "cancel", kept[0].id)
    shut = Party(daria.dial("631"))
    shut.ear.hear("closed-office-until", 25, opens=opens())
    shut.call.wait_end()


def test_a_kill_keeps_the_promise(house: House, anna: Station, daria: Station) -> None:
    party = menu(daria)
    party.call.press("1")
    named(party, "104", "1")
    party.hear("callback-noted")
    house.box.kill("core")
    house.box.wait_up()
    wait_for(lambda: len([p for p in house.status().phones if p.registered]) >= 2, 20, "the phones")
    kept = [each for each in state(house).contacts if each.virtual and each.queue == "back"]
    assert len(kept) == 1
    house.box.run("callback", "cancel", kept[0].id)


def test_who_waits_is_shown_to_who_may_see_the_queue(house: House, daria: Station) -> None:
    party = menu(daria)
    party.call.press("3")
    party.hear("ask-number")
    party.call.press("4711")
    waiting = wait_for(lambda: [each for each in state(house).contacts if each.queue == "back"], 15, "the caller waits")
    assert waiting[0].person is None
    assert all(each.person is None for each in state(house, "front").contacts)
    (seen,) = [each for each in state(house, "back").contacts if each.id == waiting[0].id]
    assert seen.person is not None
    assert (seen.person.number, seen.person.facts) == ("104", {"account": "4711"}) and seen.person.name
    (shown,) = house.box.json("queue", "show", "back")
    assert shown["person"]["facts"] == {"account": "4711"}
    assert "4711" in house.box.run("queue", "show", "back").stdout
    party.call.hang_up()


def test_the_goodbye_of_a_switched_night_says_when_it_opens(house: House, daria: Station) -> None:
    """The switch ends by itself, so the next opening is known."""
    bus.ask_once(house.box.data, SwitchNight(setting="closed", hours="far"))
    shut = Party(daria.dial("631"))
    shut.ear.hear("closed-office-until", 25, opens=opens())
    shut.call.wait_end()
    bus.ask_once(house.box.data, SwitchNight(setting="auto", hours="far"))
