"""What this machine does with sessions: nice values of their own are the kernel's to give, and a container's to withhold."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

_TRY = """
import time
for _ in range(50):
    try:
        with open("/proc/self/autogroup", "w") as group:
            group.write("7")
        break
    except BlockingIOError:  # one value each 100 ms for all who are not root
        time.sleep(0.1)
print(open("/proc/self/autogroup").read())
"""


def value(words: str) -> int | None:
    """The nice value in /proc/PID/autogroup; None where that session has none: it began before there were any, as in some
    containers, or this kernel was told to give none (kernel.sched_autogroup_enabled)."""
    last = words.split()[-1:]
    return int(last[0]) if last else None


@functools.cache
def have_values() -> bool:
    """Whether a session that begins now has a nice value that it may set (to stand back)."""
    if not Path("/proc/self/autogroup").exists():
        return False
    done = subprocess.run([sys.executable, "-c", _TRY], capture_output=True, text=True, check=False, timeout=60,
                          start_new_session=True)
    return done.returncode == 0 and value(done.stdout) == 7
