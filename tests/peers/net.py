"""Free ports on loopback, kept apart between parallel test workers."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 0.25
"""Seconds between two looks of `wait_for`."""


def worker() -> int:
    """The number of this pytest-xdist worker, 0 without xdist."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def free_port() -> int:
    """A port that is free for UDP and TCP on 127.0.0.1 now."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            port = int(udp.getsockname()[1])
            try:
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port on 127.0.0.1")


def listening(port: int) -> bool:
    """Whether somebody accepts TCP connections on this port of loopback."""
    with socket.socket() as tcp:
        return tcp.connect_ex(("127.0.0.1", port)) == 0


_taken: set[int] = set()


def media_range(size: int = 400) -> tuple[int, int]:
    """A range of UDP ports that no other box uses: below the kernel's ephemeral ports (32768 on), a stretch for each worker;
    what other test runs on the machine hold is stepped around."""
    span = 3200
    base = 12000 + worker() % 6 * span
    for low in range(base, base + span, size):
        if low not in _taken and all(_is_free(port) for port in range(low, low + size, 8)):
            _taken.add(low)
            return low, low + size - 1
    _taken.clear()  # all were used once: the boxes that had them have ended
    return media_range(size)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def media_base(count: int = 4) -> int:
    """The first of `count` UDP ports that are free on 127.0.0.1 now, even: for a peer that is told where its RTP begins.
    Parallel workers look in different places; other test runs on the machine are stepped around."""
    for base in range(40000 + worker() * 4000, 40000 + worker() * 4000 + 4000, 20):
        with contextlib.ExitStack() as held:
            try:
                for port in range(base, base + count):
                    held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind(("127.0.0.1", port))
            except OSError:
                continue
            return base
    raise RuntimeError("no free media ports on 127.0.0.1")


def pause_after(took: float, shortest: float = SHORTEST_PAUSE) -> float:
    """How long to rest after a look that took so long, both in seconds."""
    return min(max(shortest, 5 * took), LONGEST_PAUSE)


def wait_for(what: Callable[[], T], seconds: float, why: str) -> T:
    """Poll until `what()` is truthy and return it; AssertionError with `why` after `seconds`. A look that takes long (a command,
    a whole ledger) rests five times as long as it takes: else the looks would have the processor that the box waits for."""
    until = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        found = what()
        if found:
            return found
        ended = time.monotonic()
        assert ended < until, f"not within {seconds:g} s: {why}"
        time.sleep(pause_after(ended - began))
