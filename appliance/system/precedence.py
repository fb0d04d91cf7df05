"""Who goes first where the machine is short of a processor: calls before everything else, screens after it.

Linux shares the processors among sessions first, each with a nice value of its own (sched(7), "The autogroup feature"); a
process's own value counts within its session alone. So both are set, the session's where we lead it: `switchroom serve` and
systemd begin one for each process of the box.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import subprocess
import time
from pathlib import Path

log = logging.getLogger("process")
FIRST = -10
"""Nine of ten parts of a processor that others want, too."""
LAST = 5
"""One part of four; beside calls one of thirty: screens go on, slowly, where calls want all there is."""

GROUP = Path("/proc/self/autogroup")
TRIES, AGAIN_SECONDS = 10, 0.12
"""The kernel takes one session's value each 100 ms from all who are not root; the processes of a box begin together."""


def go_first() -> bool:
    """For the process that carries calls, before it has any threads: they inherit it. False where the system does not allow
    it (CAP_SYS_NICE, systemd's LimitNICE=), or where the box was started to stand back (nice(1)): calls go on all the same, and
    wait longer beside other work."""
    if os.getpriority(os.PRIO_PROCESS, 0) > 0:
        return False
    try:
        os.setpriority(os.PRIO_PROCESS, 0, FIRST)
        _session(FIRST)
    except OSError as problem:
        log.info("calls do not go first: %s", problem)
        return False
    return True


def stand_back() -> None:
    """For whatever calls must not wait for. Everybody may."""
    os.nice(_back())
    try:
        _session(LAST)
    except OSError as problem:
        log.info("the session's nice value stays: %s", problem)


def run_behind(command: list[str], data: bytes = b"", *, timeout: float) -> subprocess.CompletedProcess[bytes]:
    """Run a tool on `data`, behind calls, whoever asks: it would inherit that the core goes first. Raises FileNotFoundError where
    there is none, CalledProcessError, TimeoutExpired after `timeout` seconds, OSError."""
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
    reset = os.sched_getscheduler(0) & os.SCHED_RESET_ON_FORK  # sched(7): what it begins does not go first, but from the middle
    return subprocess.run(
        ["nice", "-n", str(LAST if reset else _back()), *command], input=data, capture_output=True, check=True, timeout=timeout,
        start_new_session=True)  # one begins at 0: ten steps behind the core's


def _back() -> int:
    """So many steps further back than now; of a process that goes first, from the middle."""
    return LAST - min(0, os.getpriority(os.PRIO_PROCESS, 0))


def _session(nice: int) -> None:
    if os.getsid(0) != os.getpid() or not GROUP.exists():  # a shell's session is not ours to change
        return
    for left in reversed(range(TRIES)):
        try:
            GROUP.write_text(str(nice), "ascii")
            return
        except BlockingIOError:
            if not left:
                raise
            time.sleep(AGAIN_SECONDS)
