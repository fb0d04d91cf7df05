"""The campaign desk: what operators and commands may do with campaigns, and the books of those that are open."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from appliance.calls.flows.operator import Draft, Preview, Progress
from appliance.campaigns import estimate, lists, opening
from appliance.campaigns.book import NEXT_STATES, Books, CampaignBook
from appliance.clock import Clock, machine_boot
from appliance.config import hours
from appliance.config.model import Config, Scenario, SubscriberList, to_builtins
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.media import message
from appliance.messages import (
    CampaignCreated,
    CampaignState,
    CampaignStateChanged,
    Event,
    Record,
    ReportRequested,
    ReportSent,
    Subscriber,
)
from appliance.prompts import Moment, moment
from appliance.sentences import Said
from appliance.system import files

DRAFT_SECONDS = 7 * 86400
"""How long a message that no campaign was made of is kept: an operator whose start failed may ask for it."""

LOOKED_AT = 10_000
"""Subscribers of a list whose time zones decide when its campaign begins, as the operator is told."""

ACTIONS: dict[str, CampaignState] = {
    "pause": "paused", "resume": "running", "cancel": "cancelled", "finish": "finished",
}
"""What may be done to a campaign -> the state it comes to (book.NEXT_STATES says from which)."""


def rules_to_keep(scenario: Scenario) -> dict[str, Any]:
    """The scenario as the ledger keeps it beside its campaign: all but the PIN, which is asked for before there is one."""
    return {key: value for key, value in to_builtins(scenario).items() if key != "pin"}


@dataclass
class Open:
    """A campaign under way: its subscribers and where its message lies."""

    book: CampaignBook
    subscribers: list[Subscriber]
    message: Path
    samples: int


class Desk:
    """One per core. Every change of a campaign goes through here and is committed before it takes effect."""

    def __init__(self, data: Path, config: Callable[[], Config], ledger: Ledger, clock: Clock) -> None:
        self.data = data
        self._config = config
        self._ledger = ledger
        self._clock = clock
        self._boot = machine_boot()
        self._starting = asyncio.Lock()
        self._steering = asyncio.Lock()
        self.books = Books()
        self.open: dict[int, Open] = {}
        self.on_cancel: Callable[[int], None] = lambda campaign: None
        self.on_finished: Callable[[CampaignBook], None] = lambda book: None
        self.on_not_started: Callable[[Scenario, str], None] = lambda scenario, extension: None
        self._recover()

    def _recover(self) -> None:
        """Fold the open campaigns from the ledger."""
        for info in self._ledger.reader.campaigns():
            if info.state in ("running", "paused"):
                for record in self._ledger.reader.campaign_events(info.campaign):
                    self.books.apply(record)
                self._take_up(info.campaign, self._ledger.reader.subscribers(info.campaign))

    def _take_up(self, campaign: int, subscribers: list[Subscriber]) -> None:
        book = self.books.by_id[campaign]
        path = self.data / book.created.message
        self.open[campaign] = Open(book, subscribers, path, round(book.created.message_seconds * 8000))

    def utc(self) -> float:
        return self._clock.utc()

    def note(self, events: Sequence[Event], seq: int = 0) -> None:
        """Fold events that were just committed."""
        for event in events:
            self.books.apply(Record(seq, self._clock.utc(), self._clock.mono(), self._boot, event))
        for campaign in [c for c, o in self.open.items() if not o.book.open and not o.book.in_progress]:
            del self.open[campaign]
            self.books.by_id.pop(campaign, None)

    def forget(self, number: str) -> None:
        """A person was erased: campaigns under way do not call this number any more. As the ledger has it from now on."""
        for entry in self.open.values():
            entry.subscribers = [
                Subscriber(index=each.index, number="", row=each.row) if each.number == number else each
                for each in entry.subscribers]

    # -- what the operator's dialogue asks (calls.flows.operator.Desk) --

    def may_start(self, scenario: Scenario, extension: str) -> bool:
        return not scenario.allowed or extension in scenario.allowed

    def hours_open(self, scenario: Scenario) -> bool:
        config = self._config()
        named = config.hours_named(scenario.hours) if scenario.hours else None
        return named is None or hours.is_open(named, self._clock.utc(), config.office.timezone, config.office.country)

    def check_plan(self, not_before: float) -> None:
        """Raises "campaign.past", "campaign.too-far"."""
        opening.check_plan(not_before, self._clock.utc())

    def opens_at(self, scenario: Scenario, not_before: float = 0.0) -> float | None:
        """UTC when it calls at the earliest, by the scenario's hours and `not_before`; None where that is now. Raises
        "campaign.never-open"."""
        return opening.opens_at(self._config(), scenario, self._clock.utc(), not_before)

    def opens(self, scenario: Scenario) -> Moment | None:
        """When the scenario's hours open next, as it is said; None where they are open now."""
        change = self.opens_at(scenario)
        if change is None:
            return None
        said = self._said(change)
        if said is None:
            raise SwitchroomError("campaign.closed-long", "The hours are closed for a week or more.", "Mend [[hours]].")
        return said

    def running(self, code: str) -> Progress | None:
        for entry in self.open.values():
            book = entry.book
            if book.created.scenario == code and book.state in ("running", "paused") and book.created.not_before <= self.utc():
                done = book.done
                return Progress(book.id, book.state, done, book.size, book.finals["confirmed"],
                                book.finals["heard"] + book.finals["confirmed"] + book.finals["declined"],
                                book.rules.confirm is not None)
        return None

    def can_record(self) -> bool:
        return self._ledger.level == "none"

    def draft_path(self, call: str) -> Path:
        folder = self.data / "campaigns" / "drafts"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{call}-raw.wav"

    async def prepare(self, recorded: Path, scenario: Scenario) -> Draft:
        """Trim and level a recording. Raises SwitchroomError "message.…" where there is nothing to hear."""
        return await self.prepare_as(recorded, recorded.with_name(recorded.stem.removesuffix("-raw") + ".wav"), scenario)

    async def prepare_as(self, recorded: Path, out: Path, scenario: Scenario) -> Draft:
        recording = self._config().recording
        done = await asyncio.to_thread(
            message.prepare, recorded, out, max_seconds=scenario.max_message_seconds, target_dbov=recording.level_dbov)
        return Draft(out, done.seconds)

    async def prepare_file(self, source: Path, scenario: Scenario) -> Draft:
        """A message given as a file: made ready as a recorded one is."""
        out = self.draft_path(f"file-{self._clock.mono():.6f}").with_suffix(".ready.wav")
        return await self.prepare_as(source, out, scenario)

    def list_numbers(self, scenario: Scenario) -> set[str]:
        known = {entry.number for entry in self._config().lists}
        return known & set(scenario.lists) if scenario.lists else known

    async def preview(self, scenario: Scenario, number: str, seconds: float) -> Preview:
        loaded = await self._load(scenario, number)
        lines = self._lines(scenario, None)
        minutes = estimate.expected_minutes(len(loaded.subscribers), lines, seconds, scenario)
        now = self._clock.utc()
        begins = await asyncio.to_thread(self._begins, scenario, loaded.subscribers, now)
        return Preview(number, len(loaded.subscribers), len(loaded.bad), loaded.duplicates, lines, minutes,
                       begins is None or begins > now, self._said(begins) if begins is not None and begins > now else None)

    def _begins(self, scenario: Scenario, subscribers: Sequence[Subscriber], now: float) -> float | None:
        """When the first of them may be called (UTC); None where never. Those in the same time zones have the same answer."""
        zones: dict[tuple[str, ...], str] = {}
        for subscriber in subscribers[:LOOKED_AT]:
            zones.setdefault(hours.timezones_of(subscriber.number), subscriber.number)
        answers = (hours.may_call_at(self._config(), scenario, number, now) for number in zones.values())
        return min((answer for answer in answers if answer is not None), default=None)

    def _said(self, utc: float) -> Moment | None:
        """A time to come as it is said; None where it is a week away or more."""
        zone = ZoneInfo(self._config().office.timezone)
        return moment(datetime.fromtimestamp(self._clock.utc(), zone), datetime.fromtimestamp(utc, zone))

    async def start(self, scenario: Scenario, preview: Preview, draft: Draft, by: str) -> int:
        return (await self.create(scenario, preview.list, draft, by)).campaign

    def apologise(self, scenario: Scenario, extension: str) -> None:
        """An operator hung up on a campaign that could not start after all: somebody must say so."""
        self.on_not_started(scenario, extension)

    async def control(self, campaign: int, action: str, by: str, reason: str = "") -> None:
        """Pause, resume, cancel or finish. Raises "campaign.unknown", "campaign.state"."""
        async with self._steering:  # what the state is must not change while another order waits for the disk
            await self._steer(campaign, action, by, reason)

    async def _steer(self, campaign: int, action: str, by: str, reason: str) -> None:
        entry = self.open.get(campaign)
        state = ACTIONS[action]
        if entry is None:
            raise SwitchroomError("campaign.unknown", "Campaign {campaign} is not under way.",
                                  "See `switchroom campaign list`.", campaign=campaign)
        if entry.book.state == state:
            return
        if state not in NEXT_STATES[entry.book.state]:
            raise SwitchroomError("campaign.state", "Campaign {campaign} is {state}: it cannot be {wanted}.",
                                  "See `switchroom campaign list`.", campaign=campaign,
                                  state=Said(entry.book.state), wanted=Said(state))
        event = CampaignStateChanged(campaign=campaign, state=state, by=by, reason=reason)
        await self._ledger.commit(event)
        self.note([event])
        if state == "cancelled":
            self.on_cancel(campaign)
        elif state == "finished":
            self.on_finished(entry.book)

    # -- what commands ask --

    async def _load(self, scenario: Scenario, number: str) -> lists.LoadedList:
        entry = self._list(scenario, number)
        loaded = await asyncio.to_thread(lists.load_list, entry, self._config())
        if not loaded.subscribers:
            raise SwitchroomError("list.empty", "Nobody on list {number} can be called.",
                                  "Look at it: switchroom list check {number}", number=number)
        return loaded

    def _list(self, scenario: Scenario, number: str) -> SubscriberList:
        entry = self._config().list_numbered(number)
        if entry is None or (scenario.lists and number not in scenario.lists):
            raise SwitchroomError("list.unknown", "There is no list {number} for scenario {code}.", "See `switchroom list`.",
                                  number=number, code=scenario.code)
        return entry

    def _lines(self, scenario: Scenario, wanted: int | None) -> int:
        return max(1, min(scenario.lines, wanted)) if wanted else scenario.lines

    async def create(
        self, scenario: Scenario, list_number: str, draft: Draft, by: str, lines: int | None = None, not_before: float = 0.0,
        order: str = "", beside: bool = False,
    ) -> CampaignCreated:
        """Commit a new campaign with its subscribers; the dialer sees it in the ledger and begins, not before `not_before`. The
        same `order` again gives the campaign that it started. Raises "campaign.under-way" where one of the scenario calls the
        list already, unless this is to run `beside` it."""
        if self._ledger.level in ("campaigns", "reserve"):
            raise SwitchroomError("campaign.short", "The disk is nearly full: no campaign can start.", "Free space on the disk.")
        loaded = await self._load(scenario, list_number)
        async with self._starting:
            if (before := self._ordered(order, by, scenario.code, list_number)) is not None:
                await asyncio.to_thread(self._discard, draft.path)
                return before
            if not beside and not_before <= self._clock.utc():
                self._check_alone(scenario.code, list_number)
            number = self._ledger.next_campaign()
            kept = await asyncio.to_thread(self._keep, draft.path, number)
            event = CampaignCreated(
                campaign=number, scenario=scenario.code, name=scenario.name, list=list_number,
                lines=self._lines(scenario, lines), message=str(kept.relative_to(self.data)), message_seconds=draft.seconds,
                subscribers=len(loaded.subscribers), duplicates=loaded.duplicates, bad_rows=loaded.bad,
                rules=rules_to_keep(scenario), by=by, report_to=list(scenario.report_to),
                not_before=not_before if not_before > self._clock.utc() else 0.0, order=order,
            )
            await self._ledger.append_campaign(event, loaded.subscribers)
            await asyncio.to_thread(self._discard, draft.path)
            self.books.apply(Record(0, self._clock.utc(), self._clock.mono(), self._boot, event))
            self._take_up(number, loaded.subscribers)  # as the ledger has them; reading 200,000 back would hold up the loop
        return event

    def _check_alone(self, scenario: str, list_number: str) -> None:
        """Two at once call everybody twice. One that is planned for later, and named so, is nobody's mistake."""
        for entry in self.open.values():
            book = entry.book
            if (book.created.scenario, book.created.list) == (scenario, list_number) and (
                    book.state in ("running", "paused") and book.created.not_before <= self._clock.utc()):
                raise SwitchroomError(
                    "campaign.under-way", "Campaign {campaign} of scenario {scenario} calls list {list} already: it is {state}.",
                    "Let it go on (resume) or end it (cancel). To start another beside it, say so: --beside, \"beside\" in the "
                    "API, its own button at the page.",
                    campaign=book.id, scenario=scenario, list=list_number, state=Said(book.state))

    def _ordered(self, *wanted: str) -> CampaignCreated | None:
        """What this order started: a form sent twice, or again after an answer that was lost, must not call everybody twice."""
        if not wanted[0]:
            return None
        made = (info.created for info in reversed(self._ledger.reader.campaigns()))
        return next((each for each in made if (each.order, each.by, each.scenario, each.list) == wanted), None)

    def _keep(self, draft: Path, campaign: int) -> Path:
        """The message in the campaign's own folder, safe on disk before the campaign that needs it is committed."""
        folder = self.data / "campaigns" / str(campaign)
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / "message.wav"
        shutil.copyfile(draft, kept)
        for path in (kept, folder, folder.parent):
            files.sync(path)
        return kept

    def _discard(self, draft: Path) -> None:
        """A draft that became a campaign's message, and drafts of dialogues long over: they are somebody's voice."""
        oldest = time.time() - DRAFT_SECONDS
        for path in draft.parent.iterdir():
            if path.stem.removesuffix("-raw") == draft.stem or path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)

    async def request_report(self, campaign: int, by: str, to: list[str]) -> None:
        if self._ledger.reader.campaign(campaign) is None:
            raise SwitchroomError("campaign.unknown", "There is no campaign {campaign}.", "See `switchroom campaign list`.",
                                  campaign=campaign)
        event = ReportRequested(campaign=campaign, by=by, to=to)
        await self._ledger.commit(event)
        self.note([event])

    async def note_report(self, campaign: int, to: list[str], mail_id: str) -> None:
        event = ReportSent(campaign=campaign, to=to, mail_id=mail_id)
        await self._ledger.commit(event)
        self.note([event])
