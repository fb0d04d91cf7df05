"""Tests against real peers run in real time: on a machine that others load too, a peer may be late through nobody's fault.
Each may therefore be run once more; pytest's summary counts the reruns, so a test that needs them often is seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.peers import sound
from tests.peers.house import House
from tests.peers.net import free_port
from tests.peers.rawsip import RawSip
from tests.peers.sipdriver import Peer, gateway, office
from tests.peers.station import Station

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE) and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Peer, RawSip]]:
    """A driver with one gateway, and the gateway."""
    port = free_port()
    async with Peer(office(gateway("gateway", port))) as peer:
        raw = await RawSip().open(peer.port, port)
        yield peer, raw
        raw.close()


# ---- desks of the reference office, in the module's own house ----------------------------------------------------------------


@pytest.fixture(scope="module")
def anna(house: House) -> Station:
    return house.desk("101", "anna")


@pytest.fixture(scope="module")
def boris(house: House) -> Station:
    return house.desk("102", "boris")


@pytest.fixture(scope="module")
def chen(house: House) -> Station:
    return house.desk("103", "chen")


@pytest.fixture(scope="module")
def daria(house: House) -> Station:
    """A phone that is no agent's: it calls."""
    return house.desk("104", "daria")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three different things to say, 2 s each."""
    folder = tmp_path_factory.mktemp("words")
    whole = sound.load(sound.message_of(folder / "all.wav", 6.0))
    for i in range(3):
        sound.save(folder / f"{i}.wav", whole[i * 16000:(i + 1) * 16000])
    return [folder / f"{i}.wav" for i in range(3)]
