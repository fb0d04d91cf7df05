"""kill -9 of the core with callers waiting and talking: nothing that was acknowledged is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from appliance import bus
from appliance.ledger.cdr import Cdr
from appliance.messages import ContactLeft, ContactQueued, ControlAgent, Event, Queues, QueuesReply
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.station import Station, StationCall

E = TypeVar("E", bound=Event)
WAITING, TALKING = 20, 3
EDITS = {
    r"^channels = 10$": "channels = 60",
    r"^offer_callback_after_seconds = 45$": "offer_callback_after_seconds = 1\n[queues.callback]\nask_number = false\n",
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path, edits=EDITS) as house:
        yield house


def state(house: House) -> QueuesReply:
    reply: QueuesReply = bus.ask_once(house.box.data, Queues())
    return reply


def up(house: House) -> bool:
    return house.box.run("status", check=False).returncode == 0


def of(house: House, kind: type[E]) -> list[E]:
    return [record.event for record in house.reader.read(limit=1_000_000) if isinstance(record.event, kind)]


def agents_in(house: House) -> list[Station]:
    desks = [house.desk(extension, name) for extension, name in (("101", "anna"), ("102", "boris"), ("103", "chen"))]
    for name in ("anna", "boris", "chen"):
        bus.ask_once(house.box.data, ControlAgent(agent=name, action="login"))
    return desks


def let_in(house: House, call: StationCall) -> StationCall:
    """As a provider does: whom a box that has just started sheds (503 with Retry-After) calls again a moment later. Only whom it
    never took in: no call that was accepted may end so, and no channels be wanting that calls of before a kill still hold."""
    for _ in range(10):
        wait_for(lambda call=call: call.up or call.ended, 20, "an answer")  # type: ignore[misc]
        if call.up:
            return call
        assert call.status == 503 and call.retry_after and set(call.statuses) <= {100, 503}, call.statuses
        assert call.reason != "All channels in use", house.line("provider")
        due = time.monotonic() + call.retry_after
        wait_for(lambda due=due: time.monotonic() >= due, call.retry_after + 1, "the time to call again")  # type: ignore[misc]
        call = house.provider.dial("35899000100")
    raise AssertionError("ten times 503")


def full_house(house: House) -> list[StationCall]:
    """Three who talk, twenty who wait."""
    calls = [let_in(house, call) for call in [house.provider.dial("35899000100") for _ in range(WAITING + TALKING)]]

    def there() -> bool:
        contacts = state(house).contacts
        return [c.state for c in contacts].count("connected") == TALKING and len(contacts) == WAITING + TALKING

    wait_for(there, 20, "three talk and twenty wait")
    assert house.line("provider").busy == len(calls)
    contacts = {contact.id for contact in state(house).contacts}
    # What is written behind is on disk within 100 ms; a kill before that may take it.
    wait_for(lambda: contacts <= {event.contact for event in of(house, ContactQueued)}, 5, "the ledger has them all")
    return calls


def kill(house: House) -> None:
    before = house.box.pid("core")
    house.box.kill("core")
    wait_for(lambda: house.box.pid("core") not in (0, before) and up(house), 30, "the core is back")


def test_every_caller_is_accounted_for(house: House) -> None:
    agents_in(house)
    calls = full_house(house)
    contacts = {c.id for c in state(house).contacts}
    signed_in = {a.id for a in state(house).agents if a.state != "logged-out"}
    kill(house)
    for call in calls:
        call.wait_end(20)
    after = state(house)
    assert not after.contacts
    assert {a.id for a in after.agents if a.state != "logged-out"} == signed_in
    left = {event.contact: event.reason for event in of(house, ContactLeft)}
    assert set(left) <= contacts and list(left.values()) == ["interrupted"] * WAITING
    cdrs: list[Cdr] = wait_for(lambda: [c for c in map(house.reader.cdr, contacts) if c], 10, "CDRs")
    wait_for(lambda: len([c for c in map(house.reader.cdr, contacts) if c]) == len(contacts), 20, "a CDR for each")
    assert {cdr.disposition for cdr in cdrs} == {"interrupted"}
    listed = {row["contact"]: row for row in house.box.json("abandoned", "list", "--json")}
    assert sum(row["times"] for row in listed.values()) == WAITING + TALKING


def test_places_of_those_to_be_called_back_survive_kills(house: House) -> None:
    desk = house.desk("104", "daria")
    caller = desk.dial("601").wait_up()
    for _ in range(2):
        wait_for(lambda: len(caller.heard()) > 8000, 10, "music")
        caller.info_digit("1")
    caller.wait_end(20)
    kept = [c for c in state(house).contacts if c.virtual]
    assert len(kept) == 1
    for _ in range(3):
        kill(house)
        now = [c for c in state(house).contacts if c.virtual]
        assert [(c.id, c.since, c.position) for c in now] == [(kept[0].id, kept[0].since, 1)]
    anna = house.desk("101", "anna")
    bus.ask_once(house.box.data, ControlAgent(agent="anna", action="login"))
    anna.wait_call(15).wait_up()
    desk.wait_call(15).wait_up().hang_up()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_fifty_kills(house: House) -> None:
    desks = agents_in(house)
    for n in range(1, 51):
        for desk in desks:  # as phones do, before their registration expires
            desk.register()
        calls = full_house(house)
        contacts = {c.id for c in state(house).contacts}
        kill(house)
        for call in calls:
            call.wait_end(30)
        assert not state(house).contacts
        wait_for(lambda known=contacts: all(house.reader.cdr(c) for c in known), 30, "a CDR for each")
        assert {cdr.disposition for c in contacts if (cdr := house.reader.cdr(c))} == {"interrupted"}
        wait_for(lambda: [a.state for a in state(house).agents].count("ready") == TALKING, 40, "the agents are ready again")
        print(f"{n} kills")
