"""Tests against real peers run in real time: on a machine that others load too, a peer may be late through nobody's fault.
Each may therefore be run once more; pytest's summary counts the reruns, so a test that needs them often is seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.peers.net import free_port
from tests.peers.rawsip import RawSip
from tests.peers.sipdriver import Peer, gateway, office

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
