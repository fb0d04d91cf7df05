"""Free ports on loopback, kept apart between parallel test workers."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
OWN_PORTS = range(61000, 65536)
"""Above those that Linux gives to whoever asks for any (32768 to 60999)."""
HELD = 150
"""Ports that one process holds for their users."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 0.25
"""Seconds between two looks of `wait_for`."""
PATIENCE = 60.0
"""Seconds that a test waits at least for what must come: on a machine that others load, what takes a moment may take that long,
and where it comes, patience costs nothing. How soon it must come, and what must not come, a test says by what it compares."""

_held: deque[socket.socket] = deque()
_taken: set[int] = set()


def worker() -> int:
    """The number of this pytest-xdist worker, 0 without xdist."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def free_port() -> int:
    """A port of 127.0.0.1 that is free for UDP and TCP now, and that neither the kernel gives away nor another test run takes
    before it is used: above the ephemeral ports, and held by a name that ends with this process."""
    for port in random.sample(OWN_PORTS, len(OWN_PORTS)):
        held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            held.bind(f"\0switchroom-test-port-{port}")
        except OSError:
            held.close()
            continue
        _held.append(held)
        if len(_held) > HELD:
            _held.popleft().close()  # who wanted that one has it by now
        if _is_free(port) and _is_free(port, socket.SOCK_STREAM):
            return port
    raise RuntimeError("no free port on 127.0.0.1")


def listening(port: int) -> bool:
    """Whether somebody accepts TCP connections on this port of loopback."""
    with socket.socket() as tcp:
        return tcp.connect_ex(("127.0.0.1", port)) == 0


def media_range(size: int = 400) -> tuple[int, int]:
    """A range of UDP ports that no other box uses: below the kernel's ephemeral ports (32768 on); parallel workers begin in
    different places, and what other test runs on the machine hold is stepped around."""
    for low in _from_own_place(range(12000, 30000 - size, size)):
        if low not in _taken and all(_is_free(port) for port in range(low, low + size, 8)):
            _taken.add(low)
            return low, low + size - 1
    assert _taken, "no range of UDP ports is free"
    _taken.clear()  # all were used once: the boxes that had them have ended
    return media_range(size)


def _from_own_place(ports: range) -> list[int]:
    """All of these, first the tenth that this worker has for itself."""
    first = len(ports) * (worker() % 10) // 10
    return [*ports[first:], *ports[:first]]


def _is_free(port: int, kind: socket.SocketKind = socket.SOCK_DGRAM) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def has_ipv6() -> bool:
    """Whether this machine has a loopback of version 6; many containers have none."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def media_base(count: int = 4) -> int:
    """The first of `count` UDP ports that are free on 127.0.0.1 now, even: for a peer that is told where its RTP begins.
    Parallel workers look in different places; other test runs on the machine are stepped around."""
    for base in _from_own_place(range(6000, 12000, 20)):
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
    """Poll until `what()` is truthy and return it; AssertionError with `why` after `seconds`, or after PATIENCE where that is
    longer. A look that takes long (a command, a whole ledger) rests five times as long as it takes: else the looks would have the
    processor that the box waits for."""
    seconds = max(seconds, PATIENCE)
    until = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        found = what()
        if found:
            return found
        ended = time.monotonic()
        assert ended < until, f"not within {seconds:g} s: {why}"
        time.sleep(pause_after(ended - began))


def stays_away(what: Callable[[], object], seconds: float, why: str) -> None:
    """Look for `seconds` whether `what()` becomes truthy, which it must not: AssertionError with `why` where it does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        assert not what(), why
        time.sleep(pause_after(time.monotonic() - began))
