"""A UDP relay that is as bad as a network: seeded random loss, jitter, duplicates. For tests of media and of whole calls.

A path listens on a local port and forwards to a fixed target; answers of the target come back through a socket of their
own, so that each side sees the relay as its far end. Both ways suffer alike. It runs in a thread of its own."""

from __future__ import annotations

import contextlib
import heapq
import os
import random
import selectors
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType

Address = tuple[str, int]
Filter = Callable[[bytes], bool]


class Path:
    """One way pair: `left` is where the near side sends to, `target` where it goes on to."""

    def __init__(self, target: Address, host: str, loss: float, jitter: float, seed: int) -> None:
        self.target = target
        self.source: Address | None = None
        self.loss = loss
        self.jitter = jitter
        self.random = random.Random(seed)
        self.forwarded = self.dropped = self.dropped_to_target = 0
        self.left = _bound(host)
        self.right = _bound(host)
        self.drop_if: Filter | None = None
        """Datagrams for which it is true are dropped besides, both ways."""

    @property
    def port(self) -> int:
        """Where the near side is told to send to."""
        return int(self.left.getsockname()[1])

    @property
    def far_port(self) -> int:
        """Where the far side sees the packets come from, and may answer to."""
        return int(self.right.getsockname()[1])


def _bound(host: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((host, 0))
    made.setblocking(False)
    return made


class Relay:
    """`with Relay(loss=0.05, jitter_ms=30, seed=1) as relay: path = relay.path(("127.0.0.1", 4000))`."""

    def __init__(self, *, loss: float = 0.0, jitter_ms: float = 0.0, seed: int = 1, host: str = "127.0.0.1") -> None:
        self.loss = loss
        self.jitter = jitter_ms / 1000.0
        self.seed = seed
        self.host = host
        self.paths: list[Path] = []
        self._selector = selectors.DefaultSelector()
        self._waiting: list[tuple[float, int, socket.socket, bytes, Address]] = []
        self._count = 0
        self._wake_in, self._wake_out = socket.socketpair()
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self._stop = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def __enter__(self) -> Relay:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop = True
        self._wake_out.send(b"x")
        self._thread.join()
        for path in self.paths:
            path.left.close()
            path.right.close()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def path(self, target: Address) -> Path:
        made = Path(target, self.host, self.loss, self.jitter, self.seed + len(self.paths))
        self.paths.append(made)
        with self._lock:
            self._selector.register(made.left, selectors.EVENT_READ, (made, True))
            self._selector.register(made.right, selectors.EVENT_READ, (made, False))
        self._wake_out.send(b"x")
        return made

    def _run(self) -> None:
        with contextlib.suppress(PermissionError):  # a network does not wait for the machine's other work
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        while not self._stop:
            timeout = None if not self._waiting else max(0.0, self._waiting[0][0] - time.monotonic())
            for key, _ in self._selector.select(timeout):
                if key.data is None:
                    self._wake_in.recv(64)
                else:
                    self._take(*key.data)
            self._give()

    def _take(self, path: Path, from_left: bool) -> None:
        try:
            data, source = (path.left if from_left else path.right).recvfrom(4096)
        except OSError:
            return
        if from_left:
            path.source = source
        target = path.target if from_left else path.source
        if target is None:
            return
        unwanted = path.drop_if is not None and path.drop_if(data)
        if unwanted or path.random.random() < path.loss:
            path.dropped += 1
            path.dropped_to_target += from_left
            return
        path.forwarded += 1
        due = time.monotonic() + path.random.random() * path.jitter
        self._count += 1
        out = path.right if from_left else path.left
        heapq.heappush(self._waiting, (due, self._count, out, data, target))

    def _give(self) -> None:
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            _, _, out, data, target = heapq.heappop(self._waiting)
            try:
                out.sendto(data, target)
            except OSError:
                continue  # the far side is gone: a network does not tell either
