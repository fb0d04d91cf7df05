"""The common beginning of the three processes: arguments, logs, event loop, and dying with the supervisor."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import uvloop

from appliance.clock import SystemClock
from appliance.errors import SwitchroomError
from appliance.system import logs, notify
from appliance.system.paths import data_dir, ensure_layout, keep_private

PR_SET_PDEATHSIG = 1
EX_CONFIG = 78
"""Exit status (sysexits.h) of a process that cannot begin before somebody acts; its log says what to do."""
log = logging.getLogger("process")


class Invocation(msgspec.Struct, frozen=True):
    """How a process was started: its data directory and the clock it was given."""

    data: Path
    clock: SystemClock


def parse(name: str, argv: list[str] | None = None) -> Invocation:
    """Read `--data`, `--clock-offset` and `--log`; set up logging and the data directory."""
    parser = argparse.ArgumentParser(prog=f"switchroom {name}")
    parser.add_argument("--data", help="data directory (or SWITCHROOM_DATA)")
    parser.add_argument("--clock-offset", type=float, default=0.0, metavar="SECONDS",
                        help="added to the calendar time: rehearse Monday morning on a Sunday")
    parser.add_argument("--log", default=os.environ.get("SWITCHROOM_LOG"))
    given = parser.parse_args(argv)
    logs.set_up(given.log)
    keep_private()
    data = data_dir(given.data)
    ensure_layout(data)
    return Invocation(data, SystemClock(given.clock_offset))


def die_with_parent() -> None:
    """Under `switchroom serve`: end when it is killed, so that no half of the box stays behind. systemd needs no such help.
    A supervisor killed before this was called can send nothing any more: then we have another parent already."""
    supervisor = os.environ.get(notify.SUPERVISOR)
    if supervisor is not None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != int(supervisor):
            sys.exit(0)


def run(main: Callable[[], Awaitable[int]]) -> int:
    """Run an async main on uvloop and return its exit status: EX_CONFIG where it raised what a person has to mend."""
    die_with_parent()

    async def go() -> int:
        return await main()

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(go())
    except SwitchroomError as problem:
        log.critical("%s", problem, extra={"error": problem.id})
        return EX_CONFIG
