"""sd_notify(3): readiness, watchdog pings and a status line, to systemd or to `switchroom serve`, whichever started us."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

SUPERVISOR = "SWITCHROOM_SUPERVISOR"
"""Environment of a child of `switchroom serve`: the supervisor's pid."""


def send(state: str) -> bool:
    """Send one notification; False where nobody asked for any (NOTIFY_SOCKET is not set) or nobody listens any more."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.sendto(state.encode(), address)
        except OSError:
            return False
    return True


def ready(status: str = "") -> None:
    send(f"READY=1\nMAINPID={os.getpid()}\nSTATUS={status}")


def stopping() -> None:
    send("STOPPING=1")


def watchdog_interval() -> float | None:
    """Half of what the supervisor allows, seconds; None where it does not watch us."""
    microseconds = os.environ.get("WATCHDOG_USEC")
    return int(microseconds) / 2_000_000 if microseconds else None


async def watchdog(alive: Callable[[], bool] = lambda: True) -> None:
    """Ping for as long as `alive()` says so. A stuck event loop stops the pings by itself."""
    interval = watchdog_interval()
    if interval is None:
        return
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            if alive():
                send("WATCHDOG=1")
            await asyncio.sleep(interval)
