"""Mails with figures: looks whether one is due, and has a process of its own compute and queue it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from appliance.clock import Clock
from appliance.config.model import Config
from appliance.mail import figures_marks
from appliance.system.notify import SUPERVISOR

log = logging.getLogger("dialer")

LOOK_SECONDS = 5.0
TRY_AGAIN_SECONDS = 60.0
LONGEST_SECONDS = 1800.0
"""Figures that take longer than this to compute are given up, and tried again."""


class FigureMails:
    """`queued` is called when there is something new in the outbox."""

    def __init__(self, data: Path, config: Config, clock: Clock, queued: Callable[[], None]) -> None:
        self._data = data
        self._config = config
        self._clock = clock
        self._queued = queued
        self._changed = asyncio.Event()

    def take_over(self, config: Config) -> None:
        self._config = config
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._changed.clear()
            good = await self._look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS if good else TRY_AGAIN_SECONDS):
                    await self._changed.wait()

    async def _look(self) -> bool:
        """False: something is due that could not be queued."""
        try:
            if not await asyncio.to_thread(self._is_due):
                return True
            good = await self._queue()
        except OSError as problem:  # the disk, or no process to be had: campaigns go on meanwhile
            log.error("figures cannot be mailed now: %s", problem)
            return False
        self._queued()
        return good

    def _is_due(self) -> bool:
        now = self._clock.utc()
        marks, rests = figures_marks.settle(self._data, self._config, now), figures_marks.rests_of(self._data)
        return bool(figures_marks.due(self._config, marks, now, rests))

    async def _queue(self) -> bool:
        offset = getattr(self._clock, "offset", 0.0)
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "appliance.mail.figures_due", "--data", str(self._data), "--clock-offset", str(offset),
            env={**os.environ, SUPERVISOR: str(os.getpid())})  # it dies with us
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                return await worker.wait() == 0
        except TimeoutError:
            log.error("computing the figures to be mailed takes too long")
            return False
        finally:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()
