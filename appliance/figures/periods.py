"""Periods as people choose them, in the office's zone, and the one before to compare with. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from appliance.errors import SwitchroomError

from .slots import SLOT, slot_end, slot_of

Named = Literal["today", "yesterday", "week", "last-week", "month", "last-month", "custom"]
LONGEST_DAYS = 800
FIRST_YEAR, LAST_YEAR = 2000, 2199


class Period(msgspec.Struct, frozen=True):
    """[since, until) in UTC seconds."""

    since: float
    until: float

    @property
    def slots(self) -> tuple[int, int]:
        """The quarter hours that it touches."""
        return slot_of(self.since), slot_end(self.until)

    @property
    def seconds(self) -> float:
        return self.until - self.since


def midnight(day: date, zone: ZoneInfo) -> float:
    return datetime.combine(day, time(), zone).timestamp()


def named(name: Named, now: float, zone: ZoneInfo) -> Period:
    """The running ones end with the day, so that today compares with the whole of yesterday's hours up to now."""
    today = datetime.fromtimestamp(now, zone).date()
    monday, first = today - timedelta(days=today.weekday()), today.replace(day=1)
    since, until = {
        "today": (today, today + timedelta(days=1)),
        "yesterday": (today - timedelta(days=1), today),
        "week": (monday, today + timedelta(days=1)),
        "last-week": (monday - timedelta(days=7), monday),
        "month": (first, today + timedelta(days=1)),
        "last-month": ((first - timedelta(days=1)).replace(day=1), first),
    }[name]
    return Period(midnight(since, zone), midnight(until, zone))


def days(since: date, until: date, zone: ZoneInfo) -> Period:
    """Both days included. Raises SwitchroomError "figures.bad-period"."""
    if not (since.year >= FIRST_YEAR and until.year <= LAST_YEAR):
        raise SwitchroomError("figures.bad-period", "{since} to {until} is no period of this box.", "Choose it again.",
                              since=since, until=until)
    if until < since:
        raise SwitchroomError("figures.bad-period", "The period ends before it begins.", "Swap the two days.")
    if (until - since).days > LONGEST_DAYS:
        raise SwitchroomError("figures.bad-period", "A period has at most {most} days.", "Choose a shorter one.",
                              most=LONGEST_DAYS)
    return Period(midnight(since, zone), midnight(until + timedelta(days=1), zone))


def before(name: Named, period: Period, now: float, zone: ZoneInfo) -> Period:
    """As long, and as far into its day, week or month: a running period is compared with the same part of the one before."""
    end = min(period.until, max(now, period.since + SLOT))
    start, stop = datetime.fromtimestamp(period.since, zone), datetime.fromtimestamp(end, zone)
    if name in ("month", "last-month"):
        first = (start.date() - timedelta(days=1)).replace(day=1)
        if name == "last-month":
            return Period(midnight(first, zone), period.since)
        until = datetime.combine(first + timedelta(days=(stop.date() - start.date()).days), stop.timetz())
        return Period(midnight(first, zone), min(period.since, _utc(until)))
    back = timedelta(days=1 if name in ("today", "yesterday") else 7 if name in ("week", "last-week") else _days(start, stop))
    return Period(_utc(start - back), _utc(stop - back))


def _days(start: datetime, stop: datetime) -> int:
    return max(1, -((start - stop) // timedelta(days=1)))


def _utc(local: datetime) -> float:
    return local.astimezone(UTC).timestamp()


def local_days(period: Period, zone: ZoneInfo) -> Iterator[tuple[date, Period]]:
    """Each day of the zone that the period touches."""
    day = datetime.fromtimestamp(period.since, zone).date()
    while (begin := midnight(day, zone)) < period.until:
        following = day + timedelta(days=1)
        yield day, Period(max(period.since, begin), min(period.until, midnight(following, zone)))
        day = following
