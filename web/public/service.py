"""What everybody may see: the figures that [web.public] names, asked for once in a few seconds however many look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import msgspec

from appliance.config.box import PublicFigures
from appliance.errors import SwitchroomError
from appliance.messages import QueueNow, Queues, QueuesReply
from web.core_link import CoreLink

KEEP_SECONDS = 5.0
ASK_SECONDS = 3.0
PER_MINUTE = 60
"""Requests of one address."""
MAX_ADDRESSES = 10_000


class QueueFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Only what the office chose to show is there. `answer_time`: seconds that a caller who came now would wait."""

    queue: str
    open: bool | None = None
    waiting: int | None = None
    answer_time: float | None = None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """`at` UTC seconds; `up` False: the figures are not known now."""

    at: float
    up: bool
    queues: list[QueueFigures]


def chosen(rules: PublicFigures, queues: Sequence[QueueNow]) -> list[QueueFigures]:
    found = {each.name: each for each in queues}
    names = rules.queues or list(found)
    return [_figures(rules, found[name]) for name in names if name in found]


def _figures(rules: PublicFigures, queue: QueueNow) -> QueueFigures:
    wants = set(rules.figures)
    waits = None
    if "answer_time" in wants and queue.open and queue.expected is not None:
        waits = float(round(queue.expected))
    return QueueFigures(queue=queue.name, open=queue.open if "open" in wants else None, answer_time=waits,
                        waiting=queue.waiting - queue.virtual if "waiting" in wants else None)


class Limits:
    """Requests of each address in the minute that goes on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = -1
        self._counts: dict[str, int] = {}

    def count(self, address: str, now: float) -> bool:
        """Whether this one may still ask."""
        with self._lock:
            if int(now // 60) != self._minute:
                self._minute, self._counts = int(now // 60), {}
            if address not in self._counts and len(self._counts) >= MAX_ADDRESSES:
                return False
            self._counts[address] = self._counts.get(address, 0) + 1
            return self._counts[address] <= PER_MINUTE


class Cache:
    """What the core said last. One visitor asks; the others get what is there, or wait for that one answer."""

    def __init__(self, core: CoreLink, now: Callable[[], float]) -> None:
        self._core = core
        self._now = now
        self._lock = threading.Lock()
        self._asked = -KEEP_SECONDS
        self._reply: QueuesReply | None = None

    def queues(self) -> QueuesReply | None:
        """None: the core does not answer."""
        if abs(self._now() - self._asked) >= KEEP_SECONDS:
            with self._lock:
                if abs(self._now() - self._asked) >= KEEP_SECONDS:
                    self._reply = self._ask()
                    self._asked = self._now()
        return self._reply

    def _ask(self) -> QueuesReply | None:
        try:
            reply: QueuesReply = self._core.ask(Queues(), ASK_SECONDS)
        except SwitchroomError:
            return None
        return reply


def figures(rules: PublicFigures, cache: Cache, now: float) -> Figures:
    """Raises "web.not-found" where the office shows nothing."""
    if not rules.enabled:
        raise SwitchroomError("web.not-found", "There is no such page.", "Check the address.")
    reply = cache.queues()
    return Figures(at=now, up=reply is not None, queues=chosen(rules, reply.queues) if reply else [])
