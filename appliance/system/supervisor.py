"""`switchroom serve`: core, dialer and web as three child processes, each restarted alone when it ends or goes silent.

For a person who just tries it, and for machines without systemd; under systemd each process has a unit of its own. The
children speak sd_notify to us, as they would to systemd: readiness, and a watchdog ping within `WATCHDOG_SECONDS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from appliance.system.notify import SUPERVISOR
from appliance.system.paths import socket_path

log = logging.getLogger("serve")
WATCHDOG_SECONDS = 20
START_SECONDS = 60
"""How long a process may take to its first readiness: a long ledger may have to be recovered."""

LOOK_SECONDS = 1.0
"""So often it is looked for silence."""

HEAD_START_SECONDS = 3.0
HEALTHY_SECONDS = 5.0
"""Who lived so long has served: callers wait for it, and a start costs less than they do. Only what dies at its start waits."""


@dataclass
class Child:
    """One supervised process. `started`, `ready_at`, `last_ping` are monotonic seconds, 0.0 for not yet."""

    name: str
    argv: Sequence[str]
    process: asyncio.subprocess.Process | None = None
    started: float = 0.0
    ready_at: float = 0.0
    last_ping: float = 0.0
    failures: int = 0
    status: str = ""
    ready: asyncio.Event = field(default_factory=asyncio.Event)


def stood_still(pause: float) -> float:
    """Seconds of a pause between two looks in which we did not run ourselves: the machine was frozen, or had no time for anybody.
    Nobody is blamed for silence in them."""
    return pause - LOOK_SECONDS if pause > 2 * LOOK_SECONDS else 0.0


def restart_delay(failures: int, lived: float) -> float:
    """Seconds to wait before the next start: at once after a healthy life, else doubling from 0.2 s up to 10 s. `lived`: seconds
    that it served."""
    if lived > HEALTHY_SECONDS:
        return 0.0
    return min(10.0, 0.2 * float(2 ** min(failures, 6)))


class Supervisor:
    def __init__(self, data: Path, children: Sequence[tuple[str, Sequence[str]]],
                 on_ready: Callable[[str], None] = lambda name: None, vital: Sequence[str] = ("core",)) -> None:
        self.data = data
        self._vital = vital
        self.children = {name: Child(name, argv) for name, argv in children}
        self._on_ready = on_ready
        self._stopping = asyncio.Event()
        self._status = 0

    async def run(self) -> int:
        """Start all, keep them alive until SIGINT or SIGTERM, then stop them in order. Returns the exit status: that of
        a vital child that could not even begin (os.EX_CONFIG: it said what somebody has to do first), else 0."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._pass_on_reload)
        first, *others = self.children.values()
        tasks = [asyncio.create_task(self._keep(first))]
        await self._head_start(first)
        tasks += [asyncio.create_task(self._keep(child)) for child in others]
        await self._stopping.wait()
        for child in self.children.values():
            self._signal(child, signal.SIGTERM)
        _, late = await asyncio.wait(tasks, timeout=15)
        for child in self.children.values() if late else ():
            self._signal(child, signal.SIGKILL)
        for problem in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(problem, Exception):
                log.error("a process was no longer looked after", exc_info=problem)
        return self._status

    async def _head_start(self, child: Child) -> None:
        """The core has a small machine to itself until it takes calls; the others wait for it, though not for long."""
        waits = [asyncio.create_task(event.wait()) for event in (child.ready, self._stopping)]
        await asyncio.wait(waits, timeout=HEAD_START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def stop(self) -> None:
        self._stopping.set()

    def _pass_on_reload(self) -> None:
        self._signal(self.children["core"], signal.SIGHUP)

    def _signal(self, child: Child, number: signal.Signals) -> None:
        if child.process and child.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.process.send_signal(number)

    async def _keep(self, child: Child) -> None:
        path = socket_path(self.data, f"notify-{child.name}")
        while not self._stopping.is_set():
            child.process, child.started = None, time.monotonic()
            try:
                path.unlink(missing_ok=True)
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
                    notify.bind(str(path))
                    notify.setblocking(False)
                    await self._one_life(child, notify, str(path))
            except OSError as problem:  # short of disk, memory or processes: for now
                log.error("%s could not be started: %s", child.name, problem)
            if self._stopping.is_set():
                break
            code = child.process.returncode if child.process else None
            if code == os.EX_CONFIG and child.name in self._vital and not child.ready.is_set():
                self._status = os.EX_CONFIG
                self._stopping.set()
                break
            lived = time.monotonic() - child.ready_at if child.ready_at else 0.0
            child.failures = 0 if lived > HEALTHY_SECONDS else child.failures + 1
            log.warning("%s ended, starting it again", child.name, extra={"code": code, "served": round(lived, 1)})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(restart_delay(child.failures, lived)):
                    await self._stopping.wait()
        path.unlink(missing_ok=True)

    async def _one_life(self, child: Child, notify: socket.socket, path: str) -> None:
        env = os.environ | {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": str(WATCHDOG_SECONDS * 1_000_000),
                            SUPERVISOR: str(os.getpid())}
        child.started = child.last_ping = time.monotonic()
        child.ready_at = 0.0
        child.process = await asyncio.create_subprocess_exec(*child.argv, env=env, start_new_session=True)
        listen = asyncio.create_task(self._listen(child, notify))
        watch = asyncio.create_task(self._watch(child))
        await child.process.wait()
        for task in (listen, watch):
            task.cancel()
        await asyncio.gather(listen, watch, return_exceptions=True)

    async def _listen(self, child: Child, notify: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            words = (await loop.sock_recv(notify, 4096)).decode(errors="replace").split("\n")
            child.last_ping = time.monotonic()
            for word in words:
                if word.startswith("STATUS="):
                    child.status = word[7:]
            if "READY=1" in words:  # its status comes with it
                child.ready_at = time.monotonic()
                child.ready.set()
                self._on_ready(child.name)

    async def _watch(self, child: Child) -> None:
        """End a child that went silent. ABRT, not KILL, so that a stack is written."""
        looked = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            child.last_ping = min(now, child.last_ping + stood_still(now - looked))
            silent, looked = now - child.last_ping, now
            if silent > (WATCHDOG_SECONDS if child.ready_at else START_SECONDS):
                log.error("%s does not answer, ending it", child.name, extra={"silent": round(silent, 1)})
                self._signal(child, signal.SIGABRT)
                await asyncio.sleep(5)
                self._signal(child, signal.SIGKILL)


def standard_children(data: Path, extra: Sequence[str] = ()) -> list[tuple[str, list[str]]]:
    """The three processes of the box as command lines of this Python."""
    base = [sys.executable, "-X", "faulthandler", "-m"]
    return [
        ("core", [*base, "appliance.core", "--data", str(data), *extra]),
        ("dialer", [*base, "appliance.dialer", "--data", str(data), *extra]),
        ("web", [*base, "web", "--data", str(data), *extra]),
    ]
