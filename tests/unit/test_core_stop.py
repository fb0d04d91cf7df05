"""The box stops whatever the disk does: calls hung up, SIP and media ended, the ledger closed."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

from appliance.calls import disk
from appliance.core.box import Box
from appliance.errors import SwitchroomError
from tests.callslab import hastily


async def never(*_: object) -> None:
    await asyncio.get_running_loop().create_future()


async def full(*_: object) -> None:
    raise SwitchroomError("ledger.full", "Too much waits for the disk.", "Free space.")


def refused(*_: object) -> Any:
    raise SwitchroomError("ledger.full", "Too much waits for the disk.", "Free space.")


@pytest.mark.parametrize(("note_state", "commit"), [
    (never, lambda _: asyncio.get_running_loop().create_future()), (full, refused),
])
def test_a_stop_is_whole_while_the_disk_takes_nothing(note_state: Any, commit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        box: Any = Box.__new__(Box)
        for name in ("attempts", "openings", "engine", "_audit"):
            setattr(box, name, MagicMock())
        for name in ("switch", "office", "driver", "recordings", "acd", "ledger"):
            setattr(box, name, AsyncMock())
        box.acd.stop = box.switch.on_media = MagicMock()
        box.acd.note_state = note_state
        box.ledger.commit = commit
        monkeypatch.setattr(asyncio.get_running_loop(), "remove_reader", lambda _: True)
        await asyncio.wait_for(box.stop("stopped"), 10 * disk.SECONDS)
        box.driver.stop.assert_awaited_once()
        box.ledger.close.assert_awaited_once()

    hastily(work())
