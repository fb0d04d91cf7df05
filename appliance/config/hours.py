"""Opening hours: pure decisions from a text grammar, a time zone, a holiday calendar and `now`.

Grammar of one entry: days, then one or more spans. "mon-fri 08:00-18:00", "sat,sun 10:00-14:00", "daily 00:00-24:00",
"mon-fri 8:00-12:00 13:00-17:00". A span whose end is not after its start runs past midnight and belongs to the day on
which it starts. Times are of the wall clock: an office opens at 08:00 on both sides of a change to summer time.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import phonenumbers

from appliance.config.model import Config, Hours, Scenario
from appliance.config.public_holidays import holidays_of
from appliance.config.values import WrongText

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HORIZON_DAYS = 400
"""How far `next_change` looks: longer than any gap a calendar of one year can make."""

DEFAULT_CALLEE_HOURS = ("daily 08:00-21:00",)
CALLEE_HOURS: dict[str, tuple[str, ...]] = {
    "US": ("daily 08:00-21:00",),  # 47 CFR 64.1200(c)(1): 8 a.m. to 9 p.m. at the called party's location
    "CA": ("mon-fri 09:00-21:30", "sat,sun 10:00-18:00"),  # CRTC Unsolicited Telecommunications Rules, part III
    "FR": ("mon-fri 10:00-13:00 14:00-20:00",),  # Décret n° 2022-1313
}
"""When campaigns may call where a telemarketing law names hours and the office set none; elsewhere
DEFAULT_CALLEE_HOURS, which is politeness and not law. `callee_hours` in [dialling] and in a scenario override it."""

MAX_SPREAD_HOURS = 8
_COMMON_STEPS = 32
_DAY_MINUTES = 24 * 60
_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")


class Span(NamedTuple):
    """Minutes after local midnight of the day it starts on; `end` > 1440 runs into the next day."""

    start: int
    end: int


Week = tuple[tuple[Span, ...], ...]
"""Spans of each weekday, Monday first."""


# ---- grammar ---------------------------------------------------------------------------------------------------------


def parse_week(entries: Sequence[str]) -> Week:
    """The week that these entries describe. Raises WrongText saying which entry is wrong and what would be right."""
    week: list[list[Span]] = [[] for _ in DAYS]
    for entry in entries:
        days_text, _, spans_text = entry.strip().lower().partition(" ")
        days = _parse_days(days_text, entry)
        spans = parse_spans(spans_text, entry)
        for day in days:
            week[day].extend(spans)
    return tuple(tuple(sorted(spans)) for spans in week)


def _parse_days(text: str, entry: str) -> list[int]:
    if text == "daily":
        return list(range(7))
    days: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise WrongText('"{entry}": {part} is no day.', "Write mon, mon-fri, sat,sun or daily before the times.", entry=entry,
                            part=repr(part))
        start = DAYS.index(first)
        length = (DAYS.index(last) - start) % 7 + 1 if dash else 1
        days += [(start + offset) % 7 for offset in range(length)]
    return days


def parse_spans(text: str, entry: str) -> tuple[Span, ...]:
    """ "08:00-12:00 13:00-17:00" -> spans. WrongText as parse_week."""
    spans = tuple(_parse_span(part, entry) for part in re.split(r"[\s,]+", text.strip()) if part)
    if not spans:
        raise WrongText('"{entry}" has no times.', 'Write e.g. "mon-fri 08:00-18:00".', entry=entry)
    return spans


def _parse_span(part: str, entry: str) -> Span:
    match = _SPAN.fullmatch(part)
    if match is None:
        raise WrongText('"{entry}": {part} is no span of time.', "Write it as 08:00-18:00.", entry=entry, part=repr(part))
    h1, m1, h2, m2 = (int(group) for group in match.groups())
    start, end = h1 * 60 + m1, h2 * 60 + m2
    if m1 > 59 or m2 > 59 or start >= _DAY_MINUTES or end > _DAY_MINUTES:
        raise WrongText('"{entry}": {part} is no time of day.', "Times go from 00:00 to 24:00.", entry=entry, part=repr(part))
    if start == end:
        raise WrongText('"{entry}": {part} is empty.', "For the whole day write 00:00-24:00.", entry=entry, part=repr(part))
    return Span(start, end if end > start else end + _DAY_MINUTES)


def parse_date(text: str) -> tuple[int | None, int, int]:
    """ "2026-12-24" or, for every year, "12-24" -> (year or None, month, day). Raises WrongText."""
    match = re.fullmatch(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})", text)
    try:
        if match is None:
            raise ValueError
        year, month, day = (int(group) if group else None for group in match.groups())
        dt.date(2024 if year is None else year, month or 0, day or 0)  # 2024: a leap year, so that 02-29 is a day
    except ValueError:
        raise WrongText('"{text}" is no date.', 'Write "2026-12-24", or "12-24" for every year.', text=text) from None
    return year, month or 0, day or 0


def parse_date_rule(text: str) -> tuple[Span, ...]:
    """What stands beside a date: "closed" or spans. Raises WrongText."""
    return () if text.strip().lower() == "closed" else parse_spans(text.lower(), text)


# ---- decisions -------------------------------------------------------------------------------------------------------


def is_open(hours: Hours, now: float, timezone: str, country: str) -> bool:
    """Whether `hours` are open at `now` (UTC seconds). `timezone` and `country` are the office's; `hours` may have a
    time zone of its own."""
    return any(start <= now < end for start, end in _intervals(hours, now, timezone, country, days=1))


def next_change(hours: Hours, now: float, timezone: str, country: str) -> float | None:
    """When (UTC seconds) open turns to closed or closed to open; None if that never happens within HORIZON_DAYS."""
    until = None  # end of the open time around now, grown while the next span touches it
    for start, end in _intervals(hours, now, timezone, country, days=HORIZON_DAYS):
        if until is not None:
            if start > until:
                return until
            until = max(until, end)
        elif start <= now < end:
            until = end
        elif start > now:
            return start
    # Open to the horizon is open for good: a last span that ends before it was returned above or ends here.
    if until is not None and until < now + (HORIZON_DAYS - 1) * 86400:
        return until
    return None


def _intervals(hours: Hours, now: float, timezone: str, country: str, days: int) -> Iterator[tuple[float, float]]:
    """Open times as (start, end) in UTC seconds, by start, from those of the day before `now` (they may run past
    midnight) on for `days` days after it."""
    zone = ZoneInfo(hours.timezone or timezone)
    week = _week(tuple(hours.open))
    dates = {parse_date(text): parse_date_rule(rule) for text, rule in hours.dates.items()}
    today = dt.datetime.fromtimestamp(now, zone).date()
    for offset in range(-1, days + 1):
        day = today + dt.timedelta(days=offset)
        for span in _spans_of(day, hours, week, dates, country):
            start, end = _utc(day, span.start, zone), _utc(day, span.end, zone)
            if start < end:  # a span that falls wholly into the skipped hour of summer time is not there
                yield start, end


@lru_cache(maxsize=256)
def _week(entries: tuple[str, ...]) -> Week:
    return parse_week(entries)


def _spans_of(
    day: dt.date, hours: Hours, week: Week, dates: dict[tuple[int | None, int, int], tuple[Span, ...]], country: str
) -> tuple[Span, ...]:
    """The exact date wins over the yearly one, both over holidays, those over the week."""
    for key in ((day.year, day.month, day.day), (None, day.month, day.day)):
        if key in dates:
            return tuple(sorted(dates[key]))
    if hours.holidays and day in holidays_of(country, hours.region, day.year):
        return ()
    return week[day.weekday()]


def _utc(day: dt.date, minute: int, zone: ZoneInfo) -> float:
    wall = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=minute)
    return wall.replace(tzinfo=zone).timestamp()


# ---- the callee's hours ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def timezones_of(e164: str) -> tuple[str, ...]:
    """IANA zones in which the number may be (a mobile of a wide country: several); empty where unknown."""
    from phonenumbers import timezone as number_timezones  # a table of half a megabyte, for campaigns alone

    try:
        zones = number_timezones.time_zones_for_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return ()
    return tuple(zone for zone in zones if zone != number_timezones.UNKNOWN_TIMEZONE and _is_zone(zone))


@lru_cache(maxsize=1024)
def _is_zone(name: str) -> bool:
    return is_timezone(name)


def is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown is a KeyError; odd paths raise the others
        return False
    return True


def callee_hours_of(config: Config, scenario: Scenario | None = None) -> Hours:
    """The hours in which campaigns may call: the scenario's, else those of [dialling], else the profile's."""
    entries = scenario.callee_hours if scenario is not None else None
    if entries is None:
        entries = config.dialling.callee_hours
    if entries is None:
        entries = list(CALLEE_HOURS.get(config.dialling.profile or config.office.country, DEFAULT_CALLEE_HOURS))
    return Hours(name="callee", open=entries, holidays=config.dialling.callee_holidays)


def callee_open(hours: Hours, e164: str, now: float, office_timezone: str, office_country: str) -> bool:
    """Whether the callee may be called at `now`, by the clock where the callee is (`callee_zones`)."""
    return callee_opens_at(hours, e164, now, office_timezone, office_country) == now


def callee_opens_at(hours: Hours, e164: str, now: float, office_timezone: str, office_country: str) -> float | None:
    """The first moment from `now` on when the callee may be called (UTC seconds); None if there is none."""
    country = _country_of(e164) or office_country
    # Where a callee may be in several zones that are never open together, the office's clock is the best guess left:
    # nobody on a list is silently never called.
    for zones in (callee_zones(e164, now, office_timezone), (office_timezone,)):
        opens = _first_common(hours, zones, now, country)
        if opens is not None:
            return opens
    return None


def may_call_at(config: Config, scenario: Scenario, e164: str, now: float) -> float | None:
    """The first moment from `now` on when the scenario may call this number: its own hours and the callee's are open together
    (UTC seconds); None if there is none."""
    office = config.office
    named = config.hours_named(scenario.hours) if scenario.hours else None
    callee = callee_hours_of(config, scenario)
    at: float | None = now
    for _ in range(_COMMON_STEPS * 2):
        start = at
        if at is not None and named is not None and not is_open(named, at, office.timezone, office.country):
            at = next_change(named, at, office.timezone, office.country)
        if at is not None:
            at = callee_opens_at(callee, e164, at, office.timezone, office.country)
        if at is None or at == start:
            return at
    return None


def callee_zones(e164: str, now: float, office_timezone: str) -> tuple[str, ...]:
    """The time zones whose clocks must all allow a call to this number, one for each different offset from UTC.

    A mobile of a wide country may be in many. If the office's own zone is among them, the callee is taken to be near;
    if they are spread wider than MAX_SPREAD_HOURS (toll-free numbers), or unknown, they say nothing: the office's counts."""
    zones = timezones_of(e164)
    if not zones or office_timezone in zones:
        return (office_timezone,)
    by_offset = {_offset(zone, now): zone for zone in zones}
    wide = max(by_offset) - min(by_offset) > MAX_SPREAD_HOURS * 3600
    return (office_timezone,) if wide else tuple(by_offset.values())


def _offset(zone: str, now: float) -> float:
    offset = dt.datetime.fromtimestamp(now, ZoneInfo(zone)).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def _first_common(hours: Hours, zones: Sequence[str], now: float, country: str) -> float | None:
    at = now
    for _ in range(_COMMON_STEPS):  # each step jumps to the next opening of a zone that is closed
        closed = [zone for zone in zones if not is_open(hours, at, zone, country)]
        if not closed:
            return at
        changes = [next_change(hours, at, zone, country) for zone in closed]
        known = [change for change in changes if change is not None]
        if len(known) < len(changes):
            return None
        at = max(known)
    return None


@lru_cache(maxsize=8192)
def _country_of(e164: str) -> str:
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(e164)) or ""
    except phonenumbers.NumberParseException:
        return ""
