"""The box as it stands, kept fresh for all pages at once: one question to the core for any number of browsers.

The core's messages only say that something changed; the hub then asks for what some page shows, at most seven times a second and
less often where the core takes long to answer, so that what pages cost it grows neither with the calls nor with the screens.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec

from appliance.errors import SwitchroomError
from appliance.messages import AskCalls, CallsReply, Queues, QueuesReply, Status, StatusReply
from web.core_link import CoreLink
from web.live.kept import Kept

LEAST_GAP = 0.15
"""Seconds between two questions; REST times as long as the core took to answer, where that is more."""
REST = 2
MOST_REST = 1.0
LONGEST_GAP = 2.0
RETRY = 0.5
STATUS_GAP = 1.0
"""Lines, phones and the box itself change seldom."""
WANTED_SECONDS = 10.0
"""So long after nobody has waited for a part any more it is not asked for."""

Part = Literal["queues", "status", "calls"]
QUEUES: tuple[Part, ...] = ("queues",)


class State(msgspec.Struct, frozen=True, kw_only=True):
    """`version` grows with each; `up`: the core answers. What stood last is kept while it does not. Parts that no page shows
    are None."""

    version: int = 0
    up: bool = False
    at: float = 0.0
    queues: QueuesReply | None = None
    status: StatusReply | None = None
    calls: CallsReply | None = None
    reason: str = ""


class Hub:
    def __init__(self, core: CoreLink) -> None:
        self._core = core
        self._news = threading.Condition()
        self._started = False
        self._stale = asyncio.Event()
        """Belongs to the link's loop."""
        self._wanted: dict[Part, float] = {}
        """Part -> when somebody waited for it last, monotonic."""
        self._status_at = 0.0
        self.drawn = Kept()
        """Of this hub's states: what screens show of them."""
        self.state = State()
        self.closed = False

    def wait(self, after: int, timeout: float, parts: tuple[Part, ...] = QUEUES) -> State:
        """The state as soon as it has these parts and its version is above `after`, or as it is after `timeout` seconds. Follows
        the core from the first time that somebody asks."""
        with self._news:
            self._want(parts)
            if not self._started:
                self._started = True
                self._core.spawn(self._follow())
            self._news.wait_for(lambda: (self.state.version > after and self._has(parts)) or self.closed, timeout)
            self._want(parts)
            return self.state

    def _want(self, parts: tuple[Part, ...]) -> None:
        now = time.monotonic()
        for part in parts:
            self._wanted[part] = now
        if not self._has(parts):
            self._core.soon(self._stale.set)

    def _has(self, parts: tuple[Part, ...]) -> bool:
        return not self.state.up or all(getattr(self.state, part) is not None for part in parts)

    def close(self) -> None:
        with self._news:
            self.closed = True
            self._news.notify_all()

    async def _follow(self) -> None:
        stale, client = self._stale, self._core.client
        watchers = [asyncio.ensure_future(_mark(stale, news)) for news in (client.changes(), client.wakes())]
        try:
            while not self.closed:
                stale.clear()
                began = time.monotonic()
                self._publish(await self._ask(began))
                await asyncio.sleep(gap(time.monotonic() - began) if self.state.up else RETRY)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stale.wait(), LONGEST_GAP)
        finally:
            for watcher in watchers:
                watcher.cancel()

    async def _ask(self, now: float) -> State:
        client, before = self._core.client, self.state
        wanted = {part for part, at in list(self._wanted.items()) if now - at < WANTED_SECONDS}
        queues: QueuesReply | None = None
        status: StatusReply | None = before.status if before.up and now - self._status_at < STATUS_GAP else None
        calls: CallsReply | None = None
        try:
            if "queues" in wanted:  # fragments show people to who may see the queue
                queues = await client.ask(Queues(people=["*"]), 5)
            if "status" in wanted and status is None:
                status, self._status_at = await client.ask(Status(), 5), now
            if "calls" in wanted:
                calls = await client.ask(AskCalls(), 5)
        except SwitchroomError as problem:
            return msgspec.structs.replace(before, up=False, reason=problem.message)
        return State(up=True, at=time.time(), queues=queues, status=status if "status" in wanted else None, calls=calls)

    def _publish(self, state: State) -> None:
        with self._news:
            self.state = msgspec.structs.replace(state, version=self.state.version + 1)
            self._news.notify_all()


def gap(took: float) -> float:
    """Seconds from an answer that took so long to the next question."""
    return min(max(LEAST_GAP, REST * took), MOST_REST)


async def _mark(stale: asyncio.Event, news: AsyncIterator[Any]) -> None:
    async for each in news:
        if getattr(each, "seq", 0) >= 0:  # -1: nothing happened, only time went by
            stale.set()
