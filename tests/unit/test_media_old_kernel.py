"""The media threads on a Linux before 5.11, which has no epoll_pwait2: a library in front of the C library's says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.peers.net import media_range

_SHIM = """
#include <errno.h>
int epoll_pwait2(int fd, void *events, int most, const void *timeout, const void *signals)
{
	errno = ENOSYS;
	return -1;
}
"""
_WORK = """
import os, sys, time
from appliance.media.engine import Engine
with Engine("127.0.0.1", (int(sys.argv[1]), int(sys.argv[2])), threads=2) as engine:
    began = os.times()
    time.sleep(1.0)
    spent = os.times()
    asleep = spent.user + spent.system - began.user - began.system
    engine.open()
    until = time.monotonic() + 10
    while not (opened := engine.health()["ports_open"]) and time.monotonic() < until:
        time.sleep(0.01)
print(f"{asleep:.2f} {opened}")
"""


def test_media_threads_sleep_and_carry_orders_out(tmp_path: Path) -> None:
    source, shim = tmp_path / "old.c", tmp_path / "old.so"
    source.write_text(_SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(shim), str(source)], check=True)
    done = subprocess.run([sys.executable, "-c", _WORK, *map(str, media_range())], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "LD_PRELOAD": str(shim)}, check=False)
    assert done.returncode == 0, done.stderr
    asleep, ports = done.stdout.split()
    assert float(asleep) < 0.5, "a media thread that never sleeps takes all of a second, at real-time priority"
    assert ports == "1"
