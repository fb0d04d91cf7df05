"""`switchroom serve` keeps its children alive, one by one, and stops them together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from appliance.system import supervisor as supervision
from appliance.system.paths import ensure_layout
from appliance.system.supervisor import Supervisor, restart_delay
from tests.peers.net import PATIENCE

CHILD = """
import os, signal, sys, time
sys.path.insert(0, {root!r})
from appliance.system import notify
with open({log!r}, "a") as log: log.write(f"{{os.getpid()}}\\n")
notify.ready("well")
signal.sigwait([signal.SIGTERM])
"""
ROOT = str(Path(__file__).parents[2])


@pytest.mark.parametrize(("failures", "lived", "delay"), [
    (0, 100.0, 0.0), (1, 0.1, 0.4), (3, 1.0, 1.6), (50, 1.0, 10.0), (50, 6.0, 0.0),
])
def test_restart_delay(failures: int, lived: float, delay: float) -> None:
    assert restart_delay(failures, lived) == pytest.approx(delay)


async def test_a_killed_child_comes_back_and_the_other_stays(tmp_path: Path) -> None:
    ensure_layout(tmp_path)
    logs = [tmp_path / "one.log", tmp_path / "two.log"]
    children = [(log.stem, [sys.executable, "-c", CHILD.format(root=ROOT, log=str(log))]) for log in logs]
    ready: list[str] = []
    supervisor = Supervisor(tmp_path, children, ready.append)
    running = asyncio.create_task(supervisor.run())

    async def pids(log: Path, count: int) -> list[int]:
        async with asyncio.timeout(PATIENCE):
            while not log.exists() or len(log.read_text().split()) < count:
                await asyncio.sleep(0.02)
        return [int(line) for line in log.read_text().split()]

    first = (await pids(logs[0], 1))[0]
    other = (await pids(logs[1], 1))[0]
    async with asyncio.timeout(PATIENCE):
        while len(ready) < 2:
            await asyncio.sleep(0.02)
    os.kill(first, signal.SIGKILL)
    second = (await pids(logs[0], 2))[1]
    assert second != first
    os.kill(other, 0)  # raises where it is gone
    assert logs[1].read_text().split() == [str(other)]
    supervisor.stop()
    assert await asyncio.wait_for(running, PATIENCE) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


PINGS = CHILD.replace("signal.sigwait([signal.SIGTERM])", "signal.signal(signal.SIGTERM, lambda *_: sys.exit())\n"
                      "while True: notify.send('WATCHDOG=1'); time.sleep(0.1)")


@pytest.mark.parametrize("all_stood_still", [False, True])
async def test_who_is_silent_is_ended_but_not_where_all_stood_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_stood_still: bool,
) -> None:
    """A machine that was frozen, or had no time for anybody, comes back with its calls: nobody could have pinged."""
    monkeypatch.setattr(supervision, "WATCHDOG_SECONDS", 5)
    ensure_layout(tmp_path)
    log = tmp_path / "one.log"
    supervisor = Supervisor(tmp_path, [("one", [sys.executable, "-c", PINGS.format(root=ROOT, log=str(log))])])
    child = supervisor.children["one"]
    running = asyncio.create_task(supervisor.run())
    async with asyncio.timeout(PATIENCE):
        while not child.ready_at:
            await asyncio.sleep(0.02)
        pid = int(log.read_text())
        os.kill(pid, signal.SIGSTOP)
        if all_stood_still:
            time.sleep(8)  # ourselves, too
        else:
            while child.process and child.process.pid == pid:
                await asyncio.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        again = time.monotonic() + 3
        while child.last_ping < again:
            await asyncio.sleep(0.02)
    assert (log.read_text().split() == [str(pid)]) is all_stood_still
    supervisor.stop()
    assert await asyncio.wait_for(running, PATIENCE) == 0
