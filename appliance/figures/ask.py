"""Questions about a period: the sums by queue, agent, line, campaign or time, and the figures of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from appliance.ledger.reader import LedgerReader
from appliance.ledger.rollup import Rollup

from .counts import CODES, Counts, Fixed, add_into
from .definitions import FIGURES, By, Figure, Setting, Value
from .fold import OFFICE, Subject
from .periods import Period, local_days
from .slots import SLOT, slot_of
from .store import FiguresStore

Dimension = Literal["queue", "agent", "line", "campaign", "quarter", "hour", "day", "weekday", "clock"]
"""`clock`: by hour of the day, `weekday`: Monday 0, over the whole period; the other times one after another."""
NAMED = ("queue", "agent", "line", "campaign")
Sees = Callable[[str], bool]
_CALLS = {
    "calls": "calls", "answered": "calls_answered", "no_answer": "calls_no_answer", "busy": "calls_busy",
    "failed": "calls_failed", "cancelled": "calls_cancelled", "interrupted": "calls_interrupted",
}


class Of(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a question is about; all empty: the office. Queue and agent together: the agent in that queue."""

    queue: str = ""
    agent: str = ""
    line: str = ""
    campaign: int = 0

    @property
    def kind(self) -> By:
        if self.line:
            return "line"
        if self.campaign:
            return "campaign"
        return "agent" if self.agent else "queue" if self.queue else "office"

    @property
    def subject(self) -> Subject | None:
        """None: of lines there are the ledger's own sums alone."""
        if self.line:
            return None
        if self.campaign:
            return "campaign", str(self.campaign)
        if self.queue and self.agent:
            return "seat", f"{self.queue}\0{self.agent}"
        return ("agent", self.agent) if self.agent else ("queue", self.queue) if self.queue else OFFICE

    @property
    def calls(self) -> str:
        """The subject of the ledger's sums over calls; "" where it has none."""
        if self.line:
            return f"line:{self.line}"
        if self.campaign:
            return f"campaign:{self.campaign}"
        return "" if self.queue or self.agent else "all"


class Row(msgspec.Struct, frozen=True):
    """`key`: a name, a campaign's number, a day (2026-11-26), the UTC second in which a quarter hour or hour began, a weekday
    (0 Monday), an hour of the day."""

    key: str
    of: Of
    period: Period | None
    counts: Counts


class Sources(msgspec.Struct, frozen=True):
    """`ledger` None: a box that has not begun; there are no figures of calls then."""

    store: FiguresStore
    ledger: LedgerReader | None
    zone: ZoneInfo
    now: float


def counts_of(sources: Sources, of: Of, period: Period) -> Counts:
    first, end = period.slots
    found = sources.store.total(of.subject, first, end) if of.subject else Counts()
    add_into(found.sums, _calls_in_all(sources, of, first, end).sums)
    for _, more in _still(sources, of, first, end):
        add_into(found.sums, more.sums)
    return found


def rows(sources: Sources, by: Dimension, of: Of, period: Period, sees: Sees = lambda queue: True) -> list[Row]:
    """Rows that have anything, by name or in order of time. `sees`: of these queues alone."""
    if by in NAMED:
        found = [Row(key, part, None, counts_of(sources, part, period)) for key, part in _parts(sources, by, of, sees)]
        return [row for row in found if row.counts]
    if by == "day":
        found = [Row(day.isoformat(), of, part, counts_of(sources, of, part))
                 for day, part in local_days(period, sources.zone)]
        return [row for row in found if row.counts]
    return _by_time(sources, by, of, period)


def _parts(sources: Sources, by: Dimension, of: Of, sees: Sees) -> Iterator[tuple[str, Of]]:
    """What stands in the rows."""
    store = sources.store
    match by:
        case "queue" if of.agent:
            names = {name.split("\0")[0] for name in store.names("seat") if name.endswith("\0" + of.agent)}
            yield from ((name, Of(queue=name, agent=of.agent)) for name in sorted(names) if sees(name))
        case "queue":
            yield from ((name, Of(queue=name)) for name in store.names("queue") if sees(name) and of.queue in ("", name))
        case "agent" if of.queue:
            head = of.queue + "\0"
            found = [name.removeprefix(head) for name in store.names("seat") if name.startswith(head)]
            yield from ((name, Of(queue=of.queue, agent=name)) for name in found)
        case "agent":
            yield from ((name, Of(agent=name)) for name in store.names("agent") if of.agent in ("", name))
        case "line":
            lines = sources.ledger.rollup_subjects("line:") if sources.ledger is not None else []
            yield from ((name, Of(line=name)) for name in lines if of.line in ("", name))
        case "campaign":
            numbers = sorted(int(name) for name in store.names("campaign"))
            yield from ((str(number), Of(campaign=number)) for number in numbers if of.campaign in (0, number))


def _by_time(sources: Sources, by: Dimension, of: Of, period: Period) -> list[Row]:
    first, end = period.slots
    fine = by == "quarter" or _odd_hours(sources.zone, period)
    found: dict[int, Counts] = {}

    def take(pairs: Iterator[tuple[int, Counts]]) -> None:
        for slot, counts in pairs:
            add_into(found.setdefault(_key(by, slot, sources.zone), Counts()).sums, counts.sums)

    if of.subject:
        take(sources.store.by_slot(of.subject, first, end, hours=not fine))
    take(_calls(sources, of, first, end))
    take(_still(sources, of, first, end))
    length = {"quarter": SLOT, "hour": 3600}.get(by)
    return [Row(str(key), of, Period(key, key + length) if length else None, found[key]) for key in sorted(found)]


def _key(by: Dimension, slot: int, zone: ZoneInfo) -> int:
    utc = slot * SLOT
    if by == "quarter":
        return utc
    local = datetime.fromtimestamp(utc, zone)
    if by == "hour":
        return utc - local.minute * 60
    return local.weekday() if by == "weekday" else local.hour


def _odd_hours(zone: ZoneInfo, period: Period) -> bool:
    """Zones that are half an hour off: whole hours of UTC are none of theirs."""
    offsets = (datetime.fromtimestamp(at, zone).utcoffset() for at in (period.since, period.until))
    return any(offset is not None and offset.total_seconds() % 3600 for offset in offsets)


def _calls(sources: Sources, of: Of, first: int, end: int) -> Iterator[tuple[int, Counts]]:
    """The ledger's own sums over calls: they are not kept a second time."""
    if sources.ledger is None or not of.calls:
        return
    for slot, rollup in sources.ledger.rollups(of.calls, first * SLOT, end * SLOT):
        yield slot_of(slot), of_calls(rollup)


def _calls_in_all(sources: Sources, of: Of, first: int, end: int) -> Counts:
    """Added up as they are: a month has thousands."""
    if sources.ledger is None or not of.calls:
        return Counts()
    found = [rollup for _, rollup in sources.ledger.rollups(of.calls, first * SLOT, end * SLOT)]
    sums = {CODES[name]: sum([getattr(each, field) for each in found]) for field, name in _CALLS.items()}
    sums[CODES["call_ms"]] = sum([round(each.duration * 1000) for each in found])
    sums[CODES["call_talk_ms"]] = sum([round(each.talk * 1000) for each in found])
    return Counts(sums)


def of_calls(rollup: Rollup) -> Counts:
    sums = {CODES[name]: getattr(rollup, field) for field, name in _CALLS.items()}
    sums[CODES["call_ms"]] = round(rollup.duration * 1000)
    sums[CODES["call_talk_ms"]] = round(rollup.talk * 1000)
    return Counts(sums)


def _still(sources: Sources, of: Of, first: int, end: int) -> Iterator[tuple[int, Counts]]:
    """What agents are doing now, up to now."""
    if slot_of(sources.now) < first or of.subject is None or of.kind not in ("agent", "office"):
        return
    for (subject, slot), sums in sources.store.still(sources.now).items():
        if subject == of.subject and first <= slot < end:
            yield slot, Counts(sums)


@cache
def figures_of(kind: By) -> tuple[Figure, ...]:
    return tuple(each for each in FIGURES if kind in each.of)


def values(counts: Counts, setting: Setting, kind: By) -> dict[str, Value]:
    """Every figure that this kind has, by id."""
    fixed = Fixed(counts)
    return {each.id: each.compute(fixed, setting) for each in figures_of(kind)}
