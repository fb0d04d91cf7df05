"""The dialer process against a small core of the test's own: real ledger, real bus, real outbox."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from appliance import bus
from appliance.campaigns.book import CampaignBook, book_of
from appliance.clock import SystemClock
from appliance.config.store import Store
from appliance.dialer.process import Dialer
from appliance.ledger import Ledger
from appliance.ledger.reader import LedgerReader
from appliance.mail.outbox import Outbox
from appliance.messages import (
    AskAttempt,
    AttemptEnded,
    AttemptGranted,
    AttemptRefused,
    AttemptStarted,
    BoxStarted,
    CampaignCreated,
    CampaignStateChanged,
    Cause,
    Command,
    ConfigApplied,
    ControlCampaign,
    Done,
    Outcome,
    Reply,
    ReportRequested,
    Subscriber,
)
from appliance.system.paths import ensure_layout
from tests.peers.net import PATIENCE

OFFICE = Path(__file__).resolve().parents[1] / "office" / "office.toml"
MONDAY = datetime.datetime(2026, 3, 2, 10, 0, tzinfo=datetime.UTC).timestamp()
RULES = {"code": "701", "confirm": "1", "retries": 1, "retry_after_minutes": 0.002, "hours": "office"}


class Core:
    """Leases and outcomes; calls take 10 ms."""

    def __init__(self, data: Path, clock: SystemClock) -> None:
        self.data = data
        self.clock = clock
        self.calls: set[asyncio.Task[None]] = set()
        self.asked: list[AskAttempt] = []
        self.lines = 3
        self.start()

    def start(self) -> None:
        self.ledger = Ledger(self.data / "ledger", self.clock)
        self.server = bus.Server(self.data, self.handle)
        self.alive = True
        self.serving = asyncio.create_task(self.server.serve())
        self.attempts: set[tuple[int, int, int]] = set()

    async def stop(self) -> None:
        """As a kill: what stands is forgotten, without a word."""
        self.alive = False
        self.serving.cancel()
        self.server.close()  # cancels the commands under way: none may start a call from here on
        await asyncio.gather(self.serving, return_exceptions=True)
        calls = list(self.calls)
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await self.ledger.close()

    async def restart(self) -> None:
        self.start()
        open_now: dict[str, AttemptStarted] = {}
        for record in self.ledger.reader.follow():
            e = record.event
            if isinstance(e, AttemptStarted):
                open_now[e.call] = e
                self.attempts.add((e.campaign, e.subscriber, e.attempt))
            elif isinstance(e, AttemptEnded):
                open_now.pop(e.call, None)
        for e in open_now.values():
            await self.commit(AttemptEnded(campaign=e.campaign, subscriber=e.subscriber, attempt=e.attempt, call=e.call,
                                           outcome="interrupted", cause=Cause(by="restart")))
        self.ledger.append(BoxStarted(version="t", clean=False))

    async def commit(self, *events: object) -> None:
        server, seq = self.server, await self.ledger.commit(*events)  # type: ignore[arg-type]
        if server is self.server and self.alive:
            server.wake(seq)

    async def campaign(self, size: int, number: int = 1) -> None:
        event = CampaignCreated(campaign=number, scenario="701", name="T", list="12", lines=self.lines, message="m.wav",
                                message_seconds=5.0, subscribers=size, rules=RULES, report_to=["office@harbour.example"])
        people = [Subscriber(index=i, number=f"+3589177{i:05d}", name=f"P{i}") for i in range(size)]
        self.server.wake(await self.ledger.append_campaign(event, people))

    async def handle(self, command: Command) -> Reply:
        if isinstance(command, ControlCampaign):
            state = {"finish": "finished", "cancel": "cancelled", "pause": "paused", "resume": "running"}[command.action]
            await self.commit(CampaignStateChanged(campaign=command.campaign, state=state))  # type: ignore[arg-type]
        if not isinstance(command, AskAttempt):
            return Done()
        self.asked.append(command)
        key = (command.campaign, command.subscriber, command.attempt)
        if key in self.attempts:
            return AttemptRefused(why="done")
        if len(self.calls) >= self.lines:
            return AttemptRefused(why="full", retry_after=1.0)
        self.attempts.add(key)
        call = f"{command.subscriber:05d}{command.attempt}"
        task = asyncio.create_task(self.conduct(command, call))
        self.calls.add(task)
        task.add_done_callback(self.calls.discard)
        await self.commit(AttemptStarted(campaign=key[0], subscriber=key[1], attempt=key[2], call=call, leg=f"{call}-1",
                                         line="gateway"))
        return AttemptGranted(call=call, line="gateway")

    async def conduct(self, command: AskAttempt, call: str) -> None:
        await asyncio.sleep(0.01)
        outcomes: dict[int, Outcome] = {6: "busy", 7: "no_answer", 9: "unreachable"}
        self.calls.discard(asyncio.current_task())  # type: ignore[arg-type]
        await self.commit(AttemptEnded(
            campaign=command.campaign, subscriber=command.subscriber, attempt=command.attempt, call=call,
            outcome=outcomes.get(command.subscriber % 10, "heard")))

    def book(self, campaign: int = 1) -> CampaignBook:
        with LedgerReader(self.data / "ledger") as reader:
            found = book_of(reader.campaign_events(campaign), campaign)
        assert found is not None
        return found


class Office:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.clock = SystemClock(MONDAY - time.time())
        ensure_layout(data)
        Store(data).import_file(OFFICE, by="test")
        self.core = Core(data, self.clock)

    @contextlib.asynccontextmanager
    async def dialer(self) -> AsyncIterator[Dialer]:
        with LedgerReader(self.data / "ledger") as reader:
            async with bus.Client(self.data) as client:
                made = Dialer(self.data, Store(self.data).current(), reader, client, self.clock)
                task = asyncio.create_task(made.run())
                try:
                    yield made
                finally:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task

    async def until(self, what: Callable[[], bool], seconds: float = PATIENCE) -> None:
        async with asyncio.timeout(seconds):
            while not what():
                await asyncio.sleep(0.01)

    def mails(self) -> list[str]:
        return [entry.id for entry in Outbox(self.data / "mail").entries()]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    made = Office(tmp_path / "data")
    yield made
    await made.core.stop()


async def test_a_campaign_from_start_to_report(office: Office) -> None:
    async with office.dialer():
        await office.core.campaign(30)
        await office.until(lambda: office.core.book().state == "finished")
        await office.until(lambda: len(office.mails()) == 1)
        book = office.core.book()
        assert book.finals == {"heard": 21, "busy": 3, "no_answer": 3, "unreachable": 3}
        assert book.peak <= 3
        assert [len(book.attempts(i)) for i in (0, 6, 7, 9)] == [1, 2, 2, 1]
        await office.core.commit(ReportRequested(campaign=1, by="t", to=["boss@harbour.example"]))
        await office.until(lambda: len(office.mails()) == 2)


async def test_dialer_and_core_may_be_killed_at_any_time(office: Office) -> None:
    await office.core.campaign(60)
    for round_ in range(6):
        async with office.dialer():
            goal = (round_ + 1) * 9
            await office.until(lambda goal=goal: office.core.book().done >= goal)  # type: ignore[misc]
            if round_ % 2:
                await office.core.stop()
                await office.core.restart()
    async with office.dialer():
        await office.until(lambda: office.core.book().state == "finished")
        await office.until(lambda: bool(office.mails()))
    async with office.dialer():  # once more: nothing is left to do, and nothing is done twice
        await office.core.campaign(1, number=2)
        await office.until(lambda: office.core.book(2).state == "finished")
    book = office.core.book()
    assert book.all_final
    assert sum(book.finals.values()) == 60
    assert {book.outcome(i) for i in range(60) if i % 10 < 6} == {"heard"}
    assert len([mail for mail in office.mails() if mail.startswith("campaign-1-")]) == 1


async def test_a_wish_made_while_nobody_looked_is_served(office: Office) -> None:
    await office.core.campaign(2)
    await office.core.commit(CampaignStateChanged(campaign=1, state="cancelled"))
    async with office.dialer():
        await office.until(lambda: len(office.mails()) == 1)
    await office.core.commit(ReportRequested(campaign=1))
    (office.data / "mail" / "reports.seq").unlink(missing_ok=True)  # lost, or not yet written
    async with office.dialer():
        await office.until(lambda: len(office.mails()) == 2)
    assert office.core.asked == []


async def test_outside_the_hours_nobody_is_asked_for(office: Office) -> None:
    office.clock.offset += 12 * 3600.0  # ten in the evening
    await office.core.campaign(5)
    async with office.dialer() as dialer:
        await office.until(lambda: bool(dialer.pacer.lanes) and len(dialer.pacer.lanes[1].held) == 5)
        assert office.core.asked == []
        office.clock.offset += 10.5 * 3600.0
        await office.core.commit(ConfigApplied(version=1))  # ends the holds, which run on the clock that cannot be set
        await office.until(lambda: len(office.core.asked) > 0)
