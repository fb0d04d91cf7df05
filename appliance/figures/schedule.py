"""When figures are mailed: the moments at which a report is due, by the office's clock. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from appliance.config.goals import FigureReport

MOST_LATE = 31
"""Reports that are made up for after a box was off: the last ones."""
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FARTHEST = 32
"""Days within which each report is due at least once."""


def dues(report: FigureReport, since: float, until: float, zone: ZoneInfo) -> list[float]:
    """The moments after `since` and up to `until` (UTC seconds) at which it is due, in order; the last MOST_LATE of them."""
    found: list[float] = []
    day = datetime.fromtimestamp(until, zone).date()
    for moment in _backwards(report, day, zone):
        if moment <= since or len(found) == MOST_LATE:
            break
        if moment <= until:
            found.append(moment)
    return found[::-1]


def next_due(report: FigureReport, after: float, zone: ZoneInfo) -> float:
    day = datetime.fromtimestamp(after, zone).date()
    days = (day + timedelta(days=n) for n in range(-1, _FARTHEST))
    return next(moment for each in days if _is_day(report, each) and (moment := _moment(report, each, zone)) > after)


def _backwards(report: FigureReport, day: date, zone: ZoneInfo) -> Iterator[float]:
    for n in range(_FARTHEST * (MOST_LATE + 1)):
        each = day - timedelta(days=n)
        if _is_day(report, each):
            yield _moment(report, each, zone)


def _is_day(report: FigureReport, day: date) -> bool:
    match report.every:
        case "week":
            return _DAYS[day.weekday()] == report.weekday
        case "month":
            return day.day == report.day
    return True


def _moment(report: FigureReport, day: date, zone: ZoneInfo) -> float:
    hour, minute = (int(part) for part in report.at.split(":"))
    return datetime.combine(day, time(hour, minute), zone).timestamp()
