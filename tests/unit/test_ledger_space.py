"""Shortage of disk: levels, the reserve, and what the writer does when the free space it is told of changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import messages as m
from appliance.clock import ManualClock
from appliance.ledger import Ledger, Thresholds, level_for, space
from appliance.ledger.space import Level, Reserve
from tests.peers.net import PATIENCE

LIMITS = Thresholds(recordings=400, campaigns=200, reserve=100, slack=10)


@pytest.mark.parametrize(
    "free, current, level",
    [
        (400, "none", "none"), (399, "none", "recordings"), (399, "recordings", "recordings"), (409, "recordings", "recordings"),
        (410, "recordings", "none"), (199, "none", "campaigns"), (205, "recordings", "recordings"),
        (205, "campaigns", "campaigns"),
        (99, "none", "reserve"), (0, "reserve", "reserve"), (110, "reserve", "campaigns"), (10**9, "reserve", "none"),
    ],
)  # fmt: skip
def test_levels(free: int, current: Level, level: Level) -> None:
    assert level_for(free, LIMITS, current) == level


def test_the_reserve_holds_blocks_and_gives_them_back(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", 1 << 20)
    assert reserve.keep()
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= 1 << 20
    assert reserve.spend()
    assert not reserve.kept
    assert not reserve.spend()


async def test_the_core_hears_of_each_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "SPACE_SECONDS", 0.0)
    free: Iterator[int] = iter((10**6, 350, 150, 50, 150, 10**6))
    last = [0]
    kept: list[bool] = []

    def told(path: Path) -> int:
        kept.append((path / "reserve").exists())
        last[0] = next(free, last[0])
        return last[0]

    heard: list[str] = []
    ledger = Ledger(
        tmp_path, ManualClock(), on_shortage=lambda level, detail: heard.append(level), thresholds=LIMITS, reserve_bytes=4096,
        free=told,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        while len(heard) < 5:
            await ledger.commit(m.ConfigApplied(version=1))
    assert heard == ["recordings", "campaigns", "reserve", "campaigns", "none"]
    assert kept[:6] == [False, True, True, True, False, False], "kept while there is room, given up at once when there is none"
    await ledger.close()
    assert (tmp_path / "reserve").exists(), "kept again once there is room"


async def test_a_directory_that_has_gone_is_named_once_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(space, "SPACE_SECONDS", 0.0)
    heard: list[tuple[str, str]] = []
    path, away = tmp_path / "ledger", tmp_path / "away"
    ledger = Ledger(path, ManualClock(), on_shortage=lambda level, detail: heard.append((level, detail)), reserve_bytes=4096,
                    thresholds=Thresholds(recordings=0, campaigns=0, reserve=0, slack=0))  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        await ledger.commit(m.ConfigApplied(version=1))
        path.rename(away)
        while not heard:
            await ledger.commit(m.ConfigApplied(version=1))
        for _ in range(3):
            await ledger.commit(m.ConfigApplied(version=1))
        away.rename(path)
        while len(heard) < 2:
            await ledger.commit(m.ConfigApplied(version=1))
    await ledger.close()
    assert [level for level, _ in heard] == ["reserve", "none"] and str(path) in heard[0][1]
    said = [record for record in caplog.records if record.name == "appliance.ledger.space"]
    assert len(said) == 1 and str(path) in said[0].getMessage() and said[0].exc_info is None
