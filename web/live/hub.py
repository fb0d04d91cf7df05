"""The box as it stands, kept fresh for all pages at once: one question to the core for any number of browsers.

The core's messages only say that something changed; the hub then asks for the whole, at most seven times a second, so that what
pages cost the core grows neither with the calls nor with the screens.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from appliance.errors import SwitchroomError
from appliance.messages import AskCalls, CallsReply, Queues, QueuesReply, Status, StatusReply
from web.core_link import CoreLink
from web.live.kept import Kept

LEAST_GAP = 0.15
"""Seconds between two questions."""
LONGEST_GAP = 2.0
RETRY = 0.5


class State(msgspec.Struct, frozen=True, kw_only=True):
    """`version` grows with each; `up`: the core answers. What stood last is kept while it does not."""

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
        self.drawn = Kept()
        """Of this hub's states: what screens show of them."""
        self.state = State()
        self.closed = False

    def wait(self, after: int, timeout: float) -> State:
        """The state as soon as its version is above `after`, or as it is after `timeout` seconds. Follows the core from the
        first time that somebody asks."""
        with self._news:
            if not self._started:
                self._started = True
                self._core.spawn(self._follow())
            self._news.wait_for(lambda: self.state.version > after or self.closed, timeout)
            return self.state

    def close(self) -> None:
        with self._news:
            self.closed = True
            self._news.notify_all()

    async def _follow(self) -> None:
        stale = asyncio.Event()
        client = self._core.client
        watchers = [asyncio.ensure_future(_mark(stale, news)) for news in (client.changes(), client.wakes())]
        try:
            while not self.closed:
                stale.clear()
                self._publish(await self._ask())
                await asyncio.sleep(LEAST_GAP if self.state.up else RETRY)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stale.wait(), LONGEST_GAP)
        finally:
            for watcher in watchers:
                watcher.cancel()

    async def _ask(self) -> State:
        client = self._core.client
        try:
            queues: QueuesReply = await client.ask(Queues(people=["*"]), 5)  # fragments show them to who may see the queue
            status: StatusReply = await client.ask(Status(), 5)
            calls: CallsReply = await client.ask(AskCalls(), 5)
        except SwitchroomError as problem:
            return msgspec.structs.replace(self.state, up=False, reason=problem.message)
        return State(up=True, at=time.time(), queues=queues, status=status, calls=calls)

    def _publish(self, state: State) -> None:
        with self._news:
            self.state = msgspec.structs.replace(state, version=self.state.version + 1)
            self._news.notify_all()


async def _mark(stale: asyncio.Event, news: AsyncIterator[Any]) -> None:
    async for each in news:
        if getattr(each, "seq", 0) >= 0:  # -1: nothing happened, only time went by
            stale.set()
