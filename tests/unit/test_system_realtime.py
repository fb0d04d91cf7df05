"""Signalling at real-time priority: only threads that need little of a processor, and nothing that they start."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.system import realtime
from appliance.system.realtime import AGAIN, MOST, Standing
from tests.peers.net import PATIENCE


def test_who_needs_much_steps_back_until_it_needs_little() -> None:
    standing = Standing(used=3.0, now=10.0)
    shares = (0.1, MOST, MOST + 0.01, MOST, AGAIN + 0.01, AGAIN, MOST)
    used = 3.0
    seen = []
    for n, share in enumerate(shares, 1):
        used += share * 2
        seen.append(standing.note(used, 10.0 + n * 2))
    assert seen == [True, True, False, False, False, True, True]


def test_two_looks_at_one_moment_change_nothing() -> None:
    standing = Standing(used=0.0, now=5.0)
    assert standing.note(1.0, 5.0)
    assert not standing.note(1.0, 6.0)


@given(st.lists(st.tuples(st.floats(0.01, 5), st.floats(0, 1)), max_size=50))
def test_nobody_goes_first_after_a_look_at_which_it_needed_much(steps: list[tuple[float, float]]) -> None:
    standing, used, now = Standing(0.0, 0.0), 0.0, 0.0
    for passed, share in steps:
        used, now = used + passed * share, now + passed
        first = standing.note(used, now)
        assert first or share > AGAIN * 0.99
        assert not first or share < MOST * 1.01


_TASKS = """
import logging, os, subprocess, sys, threading, time
from pathlib import Path
from appliance.system import realtime

logging.basicConfig(level="INFO")

stop, spin = threading.Event(), threading.Event()

def work():
    Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text("sip")
    named.set()
    while not stop.is_set():
        if spin.is_set(): sum(range(10_000))
        else: time.sleep(0.01)

named = threading.Event()
thread = threading.Thread(target=work)
thread.start(); named.wait()
other = threading.Thread(target=stop.wait)
other.start()
threads = realtime.Threads("sip")
try:
    threads.look()
except PermissionError:
    print("not allowed"); stop.set(); raise SystemExit

def policy(who):
    return os.sched_getscheduler(who) & ~os.SCHED_RESET_ON_FORK

def until(wanted):
    ends = time.monotonic() + 30
    while policy(thread.native_id) != wanted and time.monotonic() < ends:
        time.sleep(0.2); threads.look()
    print("sip", policy(thread.native_id))

print("first", policy(0), policy(thread.native_id), policy(other.native_id))
LOOK = "import os; print('started', os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0))"
print(subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True).stdout.strip())
later = []
late = threading.Thread(target=lambda: later.append(policy(0))); late.start(); late.join()
print("later", *later)
spin.set(); until(os.SCHED_OTHER)
spin.clear(); until(os.SCHED_RR)
stop.set()
"""


def test_threads_of_a_process() -> None:
    done = subprocess.run([sys.executable, "-c", _TASKS], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    if done.stdout.strip() == "not allowed":
        pytest.skip("the system allows no real-time priority here")
    rr, other = os.SCHED_RR, os.SCHED_OTHER
    assert done.stdout.splitlines() == [
        f"first {rr} {rr} {other}",
        f"started {other} 0",
        f"later {other}",
        f"sip {other}",
        f"sip {rr}",
    ]
    assert "needs much no longer goes first" in done.stderr and "needs little goes first again" in done.stderr


@pytest.fixture
def given_out(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Policies that were asked for, and none of them given."""
    asked: list[int] = []
    monkeypatch.setattr(os, "setpriority", lambda *_: None)
    monkeypatch.setattr(os, "sched_setscheduler", lambda _, policy, __: asked.append(policy & ~os.SCHED_RESET_ON_FORK))
    return asked


async def test_a_system_that_allows_none_of_it_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refuse)
    with caplog.at_level("INFO", logger="process"):
        await realtime.keep("sip")
    assert "no real-time priority" in caplog.text


async def test_a_system_that_knows_no_such_policy_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    """A sandbox with a kernel of its own: nobody is warned twice a second for ever."""
    def refuse(*_: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "setpriority", lambda *_: None)
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with caplog.at_level("INFO", logger="process"):
        await asyncio.wait_for(realtime.keep("sip"), PATIENCE)
    assert [record.levelname for record in caplog.records] == ["INFO"]


async def test_who_cannot_be_looked_at_steps_back(
    given_out: list[int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    looks = []

    def stats() -> dict[int, str]:
        looks.append(1)
        if len(looks) == 2:
            raise OSError(24, "Too many open files")
        return true_stats()

    true_stats = realtime._stats
    monkeypatch.setattr(realtime, "_stats", stats)
    monkeypatch.setattr(realtime, "SECONDS", 0.0)
    keeping = asyncio.create_task(realtime.keep("nobody"))
    while len(looks) < 3:
        await asyncio.sleep(0)
    keeping.cancel()
    await asyncio.wait([keeping])
    assert given_out[-1] == os.SCHED_OTHER  # nobody looks any more
    assert given_out[:3] == [os.SCHED_RR, os.SCHED_OTHER, os.SCHED_RR] and "Too many open files" in caplog.text
