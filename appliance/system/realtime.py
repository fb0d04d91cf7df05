"""Signalling waits for nobody while it needs little: the SIP thread and the event loop at real-time priority, below the media's.

A nice value shares processors out; whoever runs may still finish a slice of 3 ms and more, and a call passes four threads on
its way to an agent. At SCHED_RR (sched(7)) a thread that is woken runs at once. That is safe only for threads that soon sleep
again, so each that takes more than MOST of a processor goes back to its nice value until it takes less than AGAIN: a flood of
packets, or a mistake of ours, then shares the machine with everything else as it did without this.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import threading
import time
from pathlib import Path

from appliance.system import precedence

log = logging.getLogger("process")
PRIORITY = 1
"""The lowest; the media threads have 20 (`media/engine.c`)."""
SECONDS = 0.5
"""Between two looks: as long as one thread alone may hold a processor, and on a machine with one processor with it the rest."""
MOST = 0.5
AGAIN = 0.25
"""Parts of one processor, over one look."""
NEVER = (errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOSYS)
"""What a system says that allows it to nobody, or (a sandbox's kernel) knows no such policy."""
_TASKS = Path("/proc/self/task")
_TICKS = os.sysconf("SC_CLK_TCK")


class Standing:
    """Whether one thread goes at real-time priority. Pure."""

    def __init__(self, used: float, now: float) -> None:
        self.first = True
        self._used, self._at = used, now

    def note(self, used: float, now: float) -> bool:
        """It has used so many seconds of a processor since it began, at `now` (monotonic seconds). -> `first`."""
        passed = now - self._at
        if passed > 0:
            share = (used - self._used) / passed
            self.first = share <= (MOST if self.first else AGAIN)
            self._used, self._at = used, now
        return self.first


class Threads:
    """The threads of this process that are named `names`, and the calling one."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._own = threading.get_native_id()
        self._standing: dict[int, Standing] = {}

    def look(self) -> None:
        """Each thread gets the priority that is due to it. Raises OSError: with one of NEVER where the system allows none."""
        now = time.monotonic()
        ours = {thread: stat for thread, stat in _stats().items() if thread == self._own or _name(stat) in self._names}
        self._standing = {thread: kept for thread, kept in self._standing.items() if thread in ours}
        for thread, stat in ours.items():
            known = self._standing.get(thread)
            if known is None:
                self._standing[thread] = Standing(_used(stat), now)
                _go(thread, first=True)
            elif known.first != known.note(_used(stat), now):
                _go(thread, known.first)
                log.info("a thread that needs little goes first again" if known.first else
                         "a thread that needs much no longer goes first", extra={"of": _name(stat)})

    def step_back(self) -> None:
        """All of them, until the next look."""
        for thread in self._standing:
            with contextlib.suppress(OSError):  # it ended, or never got it
                _go(thread, first=False)
        self._standing.clear()


def _stats() -> dict[int, str]:
    found = {}
    for task in _TASKS.iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            found[int(task.name)] = (task / "stat").read_text()
    return found


def _name(stat: str) -> str:
    return stat[stat.index("(") + 1 : stat.rindex(")")]


def _used(stat: str) -> float:
    """Seconds of a processor: utime and stime, the 14th and 15th of proc(5)'s fields."""
    user, system = stat[stat.rindex(")") + 1 :].split()[11:13]
    return (int(user) + int(system)) / _TICKS


def _go(thread: int, first: bool) -> None:
    """What it starts begins without it (SCHED_RESET_ON_FORK): other programs, and threads that carry no calls."""
    policy, priority = (os.SCHED_RR, PRIORITY) if first else (os.SCHED_OTHER, 0)
    os.setpriority(os.PRIO_PROCESS, thread, precedence.FIRST)  # a thread that was started by one of these lost it
    os.sched_setscheduler(thread, policy | os.SCHED_RESET_ON_FORK, os.sched_param(priority))


async def keep(*names: str) -> None:
    """Until cancelled, for the event loop's thread and those of `names`; ends at once where the system allows none of it."""
    threads = Threads(*names)
    try:
        while True:
            try:
                threads.look()
            except OSError as problem:
                if problem.errno in NEVER:
                    log.info("signalling goes at no real-time priority: %s", problem)
                    return
                threads.step_back()
                log.warning("who goes first could not be looked at: %s", problem)
            await asyncio.sleep(SECONDS)
    finally:  # nobody whom we do not look at goes first
        threads.step_back()
