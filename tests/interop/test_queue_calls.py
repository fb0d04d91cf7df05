"""Queues on real calls: who rings, what callers hear, and where they go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.messages import ContactConnected, ContactLeft, Event
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.station import Station, StationCall

pytestmark = pytest.mark.xdist_group("queue-calls")

QUEUE = """
[[queues]]
name = "{name}"
number = "{number}"
agents = [{agents}]
{rest}
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("queues"), edits={r"^ring_seconds = 15$": "ring_seconds = 3",
                                                        r"^wrap_up_seconds = 10$": "wrap_up_seconds = 0"}) as house:
        yield house


@pytest.fixture(scope="module")
def anna(house: House) -> Station:
    return house.desk("101", "anna")


@pytest.fixture(scope="module")
def boris(house: House) -> Station:
    return house.desk("102", "boris")


@pytest.fixture(scope="module")
def daria(house: House) -> Station:
    """A phone that is no agent's: it calls."""
    return house.desk("104", "daria")


def code(station: Station, dialled: str, keys: str = "") -> StationCall:
    """Dial a short code, key what it asks for, and hear it out."""
    call = station.dial(dialled).wait_up()
    for key in keys:
        call.info_digit(key)
    return call.wait_end(20)


def events(house: House, kind: type[Event]) -> list[Event]:
    return [record.event for record in house.reader.read(limit=100_000) if isinstance(record.event, kind)]


def test_an_agent_signs_in_and_takes_a_call(house: House, anna: Station, daria: Station) -> None:
    code(anna, "*41", "1101#")
    caller = daria.dial("600")
    rung = anna.wait_call()
    caller.wait_up()
    rung.wait_up()
    wait_for(lambda: events(house, ContactConnected), 5, "caller and agent are joined")
    caller.hang_up()
    rung.wait_end()
    code(anna, "*42")


def test_nobody_answers_in_time_and_the_caller_goes_on(house: House, daria: Station) -> None:
    caller = daria.dial("600").wait_up()
    caller.hang_up()
    caller.wait_end()
    left = wait_for(lambda: events(house, ContactLeft), 5, "the caller left")
    assert left[-1].reason == "abandoned"
