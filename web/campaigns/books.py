"""Where each campaign stands, folded from the ledger: those under way are kept and caught up, of the others their figures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from appliance.campaigns.book import CampaignBook
from appliance.clock import Clock
from appliance.errors import SwitchroomError
from appliance.ledger.reader import CampaignInfo, LedgerReader
from appliance.messages import Outcome

PAGE = 20
RECORDS = 5_000
"""Records that are read at once."""
MAX_SUMS = 2_000

Stage = Literal["planned", "running", "paused", "finished", "cancelled"]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a campaign stands. Times are UTC seconds, 0 for none; `begins`: planned for then. `outcomes` are final ones by how
    many subscribers have them; `waiting` were tried and will be again; `calling` are on the phone."""

    id: int
    stage: Stage
    reason: str
    scenario: str
    name: str
    list: str
    by: str
    size: int
    done: int
    untried: int
    waiting: int
    calling: int
    lines: int
    attempts: int
    outcomes: dict[Outcome, int]
    confirms: bool
    started: float
    begins: float
    ended: float
    message_seconds: float
    duplicates: int
    bad_rows: int

    @property
    def open(self) -> bool:
        return self.stage in ("planned", "running", "paused")


class Kept:
    """A book as far as it was read. `lock` goes with the book: one of 200,000 people holds up nobody who looks at another."""

    def __init__(self, book: CampaignBook) -> None:
        self.book = book
        self.seq = 0
        self.lock = threading.Lock()


class CampaignBooks:
    """One a process; asked from any thread."""

    def __init__(self, data: Path, clock: Clock) -> None:
        self._path = data / "ledger"
        self._clock = clock
        self._lock = threading.Lock()
        """Protects the two below, never held while a ledger is read."""
        self._kept: dict[int, Kept] = {}
        self._sums: dict[int, Progress] = {}

    def reader(self) -> LedgerReader:
        """Raises SwitchroomError "ledger.missing"."""
        return LedgerReader(self._path)

    def one(self, campaign: int, sees: Callable[[str], bool]) -> Progress:
        """Raises SwitchroomError "campaign.unknown", also for one on a list that must not be seen."""
        with self.reader() as reader:
            info = known(reader, campaign, sees)
            return self._progress(reader, info)

    def page(self, sees: Callable[[str], bool], before: int = 0, limit: int = PAGE) -> list[Progress]:
        """The newest first; `before`: the last one of the page before."""
        try:
            with self.reader() as reader:
                infos = [each for each in reversed(reader.campaigns())
                         if sees(each.created.list) and (not before or each.campaign < before)]
                return [self._progress(reader, each) for each in infos[:limit]]
        except SwitchroomError as problem:
            if problem.id != "ledger.missing":
                raise
            return []  # no box has run here yet

    def running(self, sees: Callable[[str], bool]) -> list[Progress]:
        """All that are not over."""
        try:
            with self.reader() as reader:
                infos = [each for each in reader.campaigns() if each.state in ("running", "paused") and sees(each.created.list)]
                return [self._progress(reader, each) for each in infos]
        except SwitchroomError as problem:
            if problem.id != "ledger.missing":
                raise
            return []

    @contextmanager
    def look(self, campaign: int, sees: Callable[[str], bool]) -> Iterator[tuple[LedgerReader, CampaignBook]]:
        """The book itself, for as long as it is looked at; nobody else gets this one meanwhile. Raises as `one`."""
        with self.reader() as reader:
            info = known(reader, campaign, sees)
            with self._book(reader, info) as book:
                yield reader, book

    def _progress(self, reader: LedgerReader, info: CampaignInfo) -> Progress:
        with self._lock:
            found = self._sums.get(info.campaign)
        if found is not None:
            return found
        with self._book(reader, info) as book:
            made, over = progress_of(book, self._clock.utc()), is_over(book)
        if over:
            with self._lock:
                if len(self._sums) >= MAX_SUMS:
                    self._sums.clear()
                self._sums[info.campaign] = made
        return made

    @contextmanager
    def _book(self, reader: LedgerReader, info: CampaignInfo) -> Iterator[CampaignBook]:
        """Up to date, and this thread's alone. The last one that is over is kept, too: people leaf through its report."""
        with self._lock:
            kept = self._kept.get(info.campaign)
            if kept is None:
                kept = self._kept[info.campaign] = Kept(CampaignBook(info.created, 0, info.started_utc))
        with kept.lock:
            self._catch_up(reader, kept)
            if is_over(kept.book):
                self._keep_last(info.campaign)
            yield kept.book

    def _keep_last(self, campaign: int) -> None:
        """Of the books that are over, this one alone. Whoever looks at another goes on with it."""
        with self._lock:
            for other in [id for id, each in self._kept.items() if is_over(each.book) and id != campaign]:
                del self._kept[other]

    def _catch_up(self, reader: LedgerReader, kept: Kept) -> None:
        while records := reader.campaign_events(kept.book.id, kept.seq, RECORDS):
            for record in records:
                kept.book.apply(record)
            kept.seq = records[-1].seq


def known(reader: LedgerReader, campaign: int, sees: Callable[[str], bool]) -> CampaignInfo:
    """Raises SwitchroomError "campaign.unknown"."""
    info = reader.campaign(campaign)
    if info is None or not sees(info.created.list):
        raise SwitchroomError("campaign.unknown", "There is no campaign {campaign}.", "Look at the list of campaigns.",
                              campaign=campaign)
    return info


def is_over(book: CampaignBook) -> bool:
    """Nothing more will happen."""
    return not book.open and not book.busy_lines


def progress_of(book: CampaignBook, now: float) -> Progress:
    created = book.created
    planned = book.state == "running" and created.not_before > now and not book.attempts_made
    return Progress(
        id=book.id, stage="planned" if planned else book.state, reason=book.state_reason, scenario=created.scenario,
        name=created.name, list=created.list, by=created.by, size=book.size, done=book.done, untried=book.untried,
        waiting=book.waiting, calling=book.busy_lines, lines=book.lines, attempts=book.attempts_made,
        outcomes={outcome: n for outcome, n in book.finals.items() if n}, confirms=book.rules.confirm is not None,
        started=book.started_utc, begins=created.not_before, ended=book.ended_utc or 0.0,
        message_seconds=created.message_seconds, duplicates=created.duplicates, bad_rows=len(created.bad_rows))
