"""The dialer process: folds the ledger, asks the core for attempts, ends campaigns, has their reports mailed.

It holds no state of its own: killed at any moment, it folds the ledger again and goes on. The core may come and go too:
asks that were under way fail or are cancelled at its restart, and the ledger says which of them took effect.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from appliance import bus
from appliance.campaigns.book import Books
from appliance.clock import Clock
from appliance.config.model import Config
from appliance.config.store import Store
from appliance.dialer.figures import FigureMails
from appliance.dialer.opening import Openings
from appliance.dialer.pacing import Pacer
from appliance.dialer.reports import Reports
from appliance.dialer.routes import Routes
from appliance.errors import SwitchroomError
from appliance.ledger.reader import LedgerReader
from appliance.messages import (
    AskAttempt,
    AttemptGranted,
    AttemptRefused,
    BoxStarted,
    CampaignCreated,
    ConfigApplied,
    ControlCampaign,
    Record,
)
from appliance.system import logs, notify, process

log = logging.getLogger("dialer")

ASK_SECONDS = 10.0
CORE_AWAY = 0.2
"""Seconds between tries while no core listens."""
FINISH_AGAIN = 1.0
IDLE_FOLD = 0.25
"""While no campaign is open, wake-ups are gathered for so long: calls of the office are none of our business."""
LOOK_ANYHOW = 1.0
WAIT_FOR_LEDGER = 0.1
LAST_CALLS = 3600.0
"""A campaign that was ended less long ago than this may still have calls standing."""


class Dialer:
    """One per process. `run` works until cancelled."""

    def __init__(self, data: Path, config: Config, reader: LedgerReader, client: bus.Client, clock: Clock) -> None:
        self._data = data
        self._reader = reader
        self._client = client
        self._clock = clock
        self._numbers: dict[int, list[str]] = {}
        self._openings = Openings(config, self._numbers_of)
        self.books = Books()
        self._routes = Routes(config, self._numbers_of)
        self.pacer = Pacer(self._openings.wait, self._routes.lines)
        self._reports = Reports(data, reader, config, clock, client, self._is_busy)
        self._figures = FigureMails(data, config, clock, self._reports.mailer.wake)
        self._seq = 0
        self._changed = asyncio.Event()
        self._asks: set[asyncio.Task[None]] = set()
        self._finishing: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        self._recover()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._reports.run(self._seq))
            group.create_task(self._reports.mailer.run())
            group.create_task(self._figures.run())
            group.create_task(self._work())

    # ---- the ledger --------------------------------------------------------------------------------------------------

    def _recover(self) -> None:
        """Fold the open campaigns, each by its own index; the rest of the ledger is followed from its present end."""
        self._seq = self._reader.last_seq()
        since = self._clock.utc() - LAST_CALLS
        for info in self._reader.campaigns():
            if info.state in ("running", "paused") or info.changed_utc > since:
                self._fold_campaign(info.campaign)

    def _fold_campaign(self, campaign: int) -> None:
        after = 0
        while records := self._reader.campaign_events(campaign, after, 10_000):
            for record in records:
                if record.seq <= self._seq:
                    self.books.apply(record)
            after = records[-1].seq

    def _fold(self) -> None:
        """Take in what the ledger holds beyond what we know."""
        for record in self._reader.follow(self._seq):
            self._seq = record.seq
            self._take_in(record)
        self._reports.passed(self._seq)
        self._drop_closed()

    def _take_in(self, record: Record) -> None:
        self.books.apply(record)
        self.pacer.noticed(record.event, self._clock.mono())
        self._reports.seen(record)
        if isinstance(record.event, ConfigApplied):
            self._take_over_config()
        elif isinstance(record.event, CampaignCreated):
            log.info("campaign %d: %d numbers, %d lines", record.event.campaign, record.event.subscribers,
                     record.event.lines)
        elif isinstance(record.event, BoxStarted):
            self._core_restarted()

    def _take_over_config(self) -> None:
        try:
            config = Store(self._data).current()
        except (SwitchroomError, OSError) as problem:
            log.error("the new configuration cannot be read, the old one stays: %s", problem)
            return
        logs.follow(config.log.level)
        self._openings.take_over(config)
        self._routes.take_over(config)
        self._reports.take_over(config)
        self._figures.take_over(config)

    def _core_restarted(self) -> None:
        """Asks sent to the core that died will never be answered: give them up now and not at their time limit."""
        here = asyncio.current_task()
        for task in self._asks:
            if task is not here:
                task.cancel()
        self._finishing.clear()

    def _drop_closed(self) -> None:
        for campaign in [c for c, book in self.books.by_id.items() if not book.open and not book.busy_lines]:
            del self.books.by_id[campaign]
            self._numbers.pop(campaign, None)
            self._finishing.discard(campaign)
            self._reports.look()

    def _is_busy(self, campaign: int) -> bool:
        book = self.books.by_id.get(campaign)
        return book is not None and not book.open and book.busy_lines > 0

    def _numbers_of(self, campaign: int) -> Sequence[str]:
        found = self._numbers.get(campaign)
        if found is None:
            found = self._numbers[campaign] = [s.number for s in self._reader.subscribers(campaign)]
        return found

    # ---- the work ----------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        async for _ in self._client.wakes(LOOK_ANYHOW):
            self._changed.set()

    async def _work(self) -> None:
        while True:
            self._changed.clear()
            self._fold()
            plan = self.pacer.plan(self.books.open(), self._clock.utc(), self._clock.mono())
            for ask in plan.asks:
                self._asks.add(self._start(self._ask(ask), self._asks))
            for campaign in plan.finish:
                if campaign not in self._finishing:
                    self._finishing.add(campaign)
                    self._start(self._finish(campaign), self._tasks)
            if not self.books.by_id:
                await asyncio.sleep(IDLE_FOLD)
            wait = LOOK_ANYHOW if plan.look_again is None else min(plan.look_again, LOOK_ANYHOW)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):  # and not wait_for: in 3.11 it may swallow a cancellation
                    await self._changed.wait()

    def _start(self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        among.add(task)
        task.add_done_callback(among.discard)
        return task

    async def _ask(self, ask: AskAttempt) -> None:
        """One ask, from the question to what it means for the pacing. Never leaves it open, whatever happens."""
        try:
            reply = await self._client.ask(ask, ASK_SECONDS)
        except asyncio.CancelledError:
            self.pacer.failed(ask, 0.0, self._clock.mono())
        except SwitchroomError as problem:
            log.debug("no answer to an ask: %s", problem)
            self.pacer.failed(ask, CORE_AWAY, self._clock.mono())
        else:
            if isinstance(reply, AttemptGranted):
                self._fold()  # the lease is in the ledger: it must be in the book before anything else is planned
                self.pacer.granted(ask)
            else:
                log.debug("refused: %s", reply.why, extra={"campaign": ask.campaign, "subscriber": ask.subscriber})
                self._refused(ask, reply)
        self._changed.set()

    def _refused(self, ask: AskAttempt, reply: object) -> None:
        book = self.books.by_id.get(ask.campaign)
        if book is not None and isinstance(reply, AttemptRefused):
            self.pacer.refused(book, ask, reply.why, reply.retry_after, self._clock.mono())
        else:
            self.pacer.failed(ask, CORE_AWAY, self._clock.mono())

    async def _finish(self, campaign: int) -> None:
        """Everybody has an outcome: have the campaign ended. Its ledger record, not the reply, makes it so here."""
        try:
            await self._client.ask(ControlCampaign(campaign=campaign, action="finish", by="dialer"))
        except SwitchroomError as problem:
            log.warning("campaign %d could not be ended yet: %s", campaign, problem)
            await asyncio.sleep(FINISH_AGAIN)
            self._finishing.discard(campaign)
            self._changed.set()


async def _ledger(data: Path) -> LedgerReader:
    """The ledger as soon as the core has made it."""
    while True:
        try:
            reader = LedgerReader(data / "ledger")
            reader.last_seq()
            return reader
        except SwitchroomError as problem:
            if problem.id != "ledger.missing":
                raise
        await asyncio.sleep(WAIT_FOR_LEDGER)


async def serve(start: process.Invocation) -> int:
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    assert main is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, main.cancel)
    watch = asyncio.create_task(notify.watchdog())
    try:
        reader = await _ledger(start.data)
        async with bus.Client(start.data) as client:
            config = Store(start.data).current()
            logs.follow(config.log.level)
            dialer = Dialer(start.data, config, reader, client, start.clock)
            notify.ready("dialer")
            await dialer.run()
    except asyncio.CancelledError:
        notify.stopping()
    finally:
        watch.cancel()
    return 0
