"""What tests of pages, ledger and media engine begin with; imported when it is asked for, since few tests need all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from appliance.clock import ManualClock
    from appliance.ledger import Ledger
    from appliance.media.engine import Engine
    from tests.webkit import Pages


HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The media engine is heard in real time: what a loaded machine sends too late is missing in what is heard. Once more, then,
    as the tests against other real-time peers (tests/interop/conftest.py)."""
    for item in items:
        if item.path.parent == HERE and item.path.name.startswith("test_media_") and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    """The pages of the reference office, with a person of each role."""
    from tests.webkit import Pages

    made = Pages(tmp_path)
    yield made
    made.close()


@pytest.fixture
def clock() -> ManualClock:
    from appliance.clock import ManualClock

    return ManualClock()


@pytest.fixture
async def ledger(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Ledger]:
    from appliance.ledger import Ledger

    made = Ledger(tmp_path / "ledger", clock, "boot-1", reserve_bytes=0)
    yield made
    await made.close()


@pytest.fixture
def engine() -> Iterator[Engine]:
    from appliance.media.engine import Engine
    from tests.peers.net import media_range

    with Engine("127.0.0.1", media_range()) as made:
        yield made
