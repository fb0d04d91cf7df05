"""A box that cannot begin ends with a word instead of trying for ever; one that failed later is started again."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from appliance.cli.serve import only_here
from appliance.clock import ManualClock, SteadyClock
from appliance.errors import SwitchroomError
from appliance.system.paths import ensure_layout
from appliance.system.process import EX_CONFIG
from appliance.system.supervisor import Supervisor
from tests.peers.net import PATIENCE

ROOT = str(Path(__file__).parents[2])
ENDS = "import sys; open({log!r}, 'a').write('x'); sys.exit({status})"
READY_ONCE = """
import os, sys
sys.path.insert(0, {root!r})
from appliance.system import notify
open({log!r}, "a").write("x")
if os.path.getsize({log!r}) < 3: notify.ready("well")
sys.exit({status})
"""


def supervised(tmp_path: Path, name: str, program: str, status: int) -> tuple[Supervisor, Path]:
    ensure_layout(tmp_path)
    log = tmp_path / "log"
    argv = [sys.executable, "-c", program.format(root=ROOT, log=str(log), status=status)]
    return Supervisor(tmp_path, [(name, argv)]), log


async def starts(log: Path, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while not log.exists() or len(log.read_text()) < count:
            await asyncio.sleep(0.02)


async def test_a_core_that_cannot_begin_ends_the_box(tmp_path: Path) -> None:
    supervisor, log = supervised(tmp_path, "core", ENDS, EX_CONFIG)
    async with asyncio.timeout(PATIENCE):
        assert await supervisor.run() == EX_CONFIG
    assert log.read_text() == "x"


@pytest.mark.parametrize(
    ("name", "program", "status"), [("core", ENDS, 1), ("web", ENDS, EX_CONFIG), ("core", READY_ONCE, EX_CONFIG)])
async def test_others_are_started_again(tmp_path: Path, name: str, program: str, status: int) -> None:
    """A crash, a process that calls can do without, and a core that ran before."""
    supervisor, log = supervised(tmp_path, name, program, status)
    running = asyncio.create_task(supervisor.run())
    await starts(log, 2)
    supervisor.stop()
    async with asyncio.timeout(PATIENCE):
        assert await running == 0


def test_one_serve_per_folder(tmp_path: Path) -> None:
    ensure_layout(tmp_path)
    first = only_here(tmp_path)
    assert first >= 0
    with pytest.raises(SwitchroomError) as refused:
        only_here(tmp_path)
    assert refused.value.id == "serve.running"


def test_folders_that_stood_open_are_closed(tmp_path: Path) -> None:
    (tmp_path / "campaigns").mkdir(mode=0o755)
    (tmp_path / "campaigns").chmod(0o755)
    ensure_layout(tmp_path)
    assert not (tmp_path / "campaigns").stat().st_mode & 0o077


def test_a_steady_clock_does_not_jump() -> None:
    machine = ManualClock()
    steady = SteadyClock(machine)
    began = steady.utc()
    machine._utc += 3600  # NTP
    machine.advance(2.0)
    assert steady.utc() == pytest.approx(began + 2.0)
    assert steady.mono() == machine.mono()
