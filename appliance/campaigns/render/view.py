"""What a report says, decided once: every figure and sentence as text, for HTML and plain text alike."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
import phonenumbers

from appliance.campaigns.lists import why_bad
from appliance.campaigns.render.strings import Words
from appliance.campaigns.summary import OUTCOMES, AttemptRow, Report, SubscriberRow

REACHED = ("confirmed", "heard", "declined")
"""The subscriber knows the message."""
SHOWN = 50
"""Subscribers and bad rows named in the mail itself; the rest stands in the attached tables."""
COLOURS = {
    "confirmed": "#1a7f37", "heard": "#57ab5a", "declined": "#6e7bbf", "hung_up": "#d4a72c", "machine": "#9a6dd7",
    "busy": "#e0823d", "no_answer": "#d1691b", "unreachable": "#c93c37", "no_line": "#8b949e", "cancelled": "#afb8c1",
    "interrupted": "#6e7781", "pending": "#d0d7de",
}  # fmt: skip
_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 604800)
_BARS = 12


class Rate(msgspec.Struct, frozen=True):
    """What an answered call over a line costs, in the office's currency."""

    per_minute: float = 0.0
    per_call: float = 0.0
    step_seconds: int = 60

    def cost(self, talk: float) -> float:
        """Of a call that was connected for `talk` seconds; each step begun is charged."""
        if talk <= 0:
            return 0.0
        step = max(1, self.step_seconds)
        return self.per_call + self.per_minute / 60 * step * math.ceil(talk / step)


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What the report needs to know of the office. `talk`: seconds each call was connected, by call id."""

    office: str
    language: str = "en"
    timezone: str = "UTC"
    currency: str = "EUR"
    list_name: str = ""
    rates: dict[str, Rate] = {}
    talk: dict[str, float] = {}
    message: Literal["attached", "too_large", "not_found", "not_wanted"] = "attached"
    left_out: list[str] = []
    """Names of tables that are too large to be attached."""


class Bar(msgspec.Struct, frozen=True):
    """A row of a chart. `share` 0..1 is printed, `length` 0..1 is drawn."""

    label: str
    count: str
    share: str
    length: float
    colour: str


class Section(msgspec.Struct, frozen=True):
    """A table: header and rows of text; the first column is left aligned, the rest as `numeric` says."""

    title: str
    header: list[str]
    rows: list[list[str]]
    note: str = ""


class View(msgspec.Struct, frozen=True, kw_only=True):
    language: str
    subject: str
    office: str
    title: str
    facts: list[tuple[str, str]]
    results_title: str
    results: list[Bar]
    total: Bar
    hours_title: str
    hours: list[Bar]
    sections: list[Section]
    notes: list[str]
    footer: str


def view(report: Report, setting: Setting) -> View:
    """The report as an office with this setting reads it."""
    words = Words(setting.language, setting.timezone)
    attempts = [attempt for subscriber in report.subscribers for attempt in subscriber.attempts]
    results, total = _results(report, words)
    return View(
        language=words.language,
        subject=_subject(report, words),
        office=setting.office,
        title=words("title", id=report.id),
        facts=_facts(report, setting, attempts, words),
        results_title=words("results"),
        results=results,
        total=total,
        hours_title=words("by_hour"),
        hours=_hours(attempts, words),
        sections=[
            *_lines(setting, attempts, words),
            *_not_reached(report, words),
            *_bad_rows(report, words),
        ],
        notes=_notes(report, setting, words),
        footer=words("footer", timezone=setting.timezone),
    )


def one_line(text: str) -> str:
    """Text that came from a file or a person, fit for a header or a table: no control characters, not endless."""
    return "".join(c if c.isprintable() else " " for c in text)[:300].strip()


def pretty_number(number: str) -> str:
    """A number as people write it; what is none stays as it is."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return one_line(number)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def cost(report: Report, setting: Setting) -> float | None:
    """What the calls cost; None where no line has a rate."""
    if not any(rate.per_minute or rate.per_call for rate in setting.rates.values()):
        return None
    free = Rate()
    return sum(
        setting.rates.get(attempt.line, free).cost(setting.talk.get(attempt.call, 0.0))
        for subscriber in report.subscribers
        for attempt in subscriber.attempts
    )


def _subject(report: Report, words: Words) -> str:
    key = {"cancelled": "subject_cancelled", "running": "subject_running", "paused": "subject_running"}
    return words(
        key.get(report.state, "subject"),
        scenario=one_line(report.name) or report.scenario,
        reached=_reached(report),
        all=report.totals.subscribers,
    )


def _reached(report: Report) -> int:
    return sum(getattr(report.totals, outcome) for outcome in REACHED)


def _facts(report: Report, setting: Setting, attempts: list[AttemptRow], words: Words) -> list[tuple[str, str]]:
    totals = report.totals
    price = cost(report, setting)
    by = words("by_phone", extension=report.by) if report.by.isdigit() else words("by_other", who=one_line(report.by))
    length = words.span(report.message_seconds)
    message = (
        words("message_attached", length=length)
        if setting.message == "attached"
        else words("message_left_out", length=length, reason=words(setting.message))
    )
    rows = [
        ("office", one_line(setting.office)),
        ("scenario", f"{report.scenario} {one_line(report.name)}".strip()),
        ("list", f"{report.list_number} {one_line(setting.list_name)}".strip()),
        ("by", by if report.by else ""),
        ("state", words(f"state_{report.state}")),
        ("reason", one_line(report.reason)),
        ("started", words.moment(report.started)),
        ("ended", words.moment(report.ended)),
        ("duration", words.span(_duration(report))),
        ("lines", words("lines_value", lines=report.lines, peak=totals.peak_lines)),
        ("line_use", words.percent(totals.line_use) if attempts else ""),
        ("calls", words("calls_value", calls=words.count(totals.attempts), retries=words.count(totals.retries))),
        ("line_time", words.span(totals.call_seconds)),
        ("cost", words.money(price, setting.currency) if price is not None else ""),
        ("message", message),
    ]
    return [(words(key), value) for key, value in rows if value]


def _duration(report: Report) -> float:
    """From the start to the end; while it runs, to the last thing that happened."""
    if report.ended is not None:
        return max(0.0, (report.ended - report.started).total_seconds())
    return report.totals.seconds


def _results(report: Report, words: Words) -> tuple[list[Bar], Bar]:
    totals, everybody = report.totals, max(1, report.totals.subscribers)
    counts: dict[str, int] = {outcome: getattr(totals, outcome) for outcome in OUTCOMES}
    counts["pending"] = totals.pending
    longest = max(1, *counts.values())
    bars = [
        Bar(
            words(f"outcome_{key}"), words.count(n), words.percent(n / everybody), n / longest, COLOURS[key]
        )
        for key, n in counts.items()
        if n or key in ("confirmed", "heard")
    ]  # fmt: skip
    whole = Bar(words("total"), words.count(totals.subscribers), "", 0.0, "")
    return bars, whole


def _hours(attempts: list[AttemptRow], words: Words) -> list[Bar]:
    """Calls over time, in at most a dozen bars of even length."""
    if not attempts:
        return []
    first = min(a.started for a in attempts)
    span = (max(a.started for a in attempts) - first).total_seconds()
    step = next((s for s in _STEPS if span / s < _BARS - 1), math.ceil(span / (_BARS - 1)))
    begin = datetime.fromtimestamp(first.timestamp() // step * step, UTC)
    counts = Counter(int((a.started - begin).total_seconds() // step) for a in attempts)
    longest = max(counts.values())
    label = words.clock if span < 86_400 else words.moment
    return [
        Bar(label(begin + timedelta(seconds=at * step)), words.count(counts[at]), "", counts[at] / longest, "#4a7fb5")
        for at in range(max(counts) + 1)
    ]


def _lines(setting: Setting, attempts: list[AttemptRow], words: Words) -> list[Section]:
    calls: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    money: dict[str, float] = {}
    for attempt in attempts:
        calls[attempt.line] += 1
        seconds[attempt.line] = seconds.get(attempt.line, 0.0) + attempt.seconds
        rate = setting.rates.get(attempt.line, Rate())
        money[attempt.line] = money.get(attempt.line, 0.0) + rate.cost(setting.talk.get(attempt.call, 0.0))
    if not calls:
        return []
    priced = any(money.values())
    header = [words("line"), words("calls"), words("line_time"), *([words("cost")] if priced else [])]
    rows = [
        [line, words.count(calls[line]), words.span(seconds[line])]
        + ([words.money(money[line], setting.currency)] if priced else [])
        for line in sorted(calls)
    ]
    return [Section(words("by_line"), header, rows)]


def _not_reached(report: Report, words: Words) -> list[Section]:
    missed = [s for s in report.subscribers if s.outcome is not None and s.outcome not in REACHED]
    if not missed:
        note = words("everybody_reached") if report.totals.subscribers and not report.totals.pending else ""
        return [Section(words("not_reached"), [], [], note)] if note else []
    header = [words(key) for key in ("number", "name", "outcome", "attempts", "time")]
    more = len(missed) - SHOWN
    note = words("not_reached_more", n=words.count(more)) if more > 0 else ""
    return [Section(words("not_reached"), header, [_missed_row(s, words) for s in missed[:SHOWN]], note)]


def _missed_row(subscriber: SubscriberRow, words: Words) -> list[str]:
    last = subscriber.attempts[-1].started if subscriber.attempts else None
    return [
        pretty_number(subscriber.number),
        one_line(subscriber.name),
        words(f"outcome_{subscriber.outcome or 'pending'}"),
        words.count(len(subscriber.attempts)),
        words.moment(last),
    ]


def _bad_rows(report: Report, words: Words) -> list[Section]:
    if not report.bad_rows:
        return []
    rows = [[words("bad_row", row=b.row, text=one_line(b.text), reason=one_line(why_bad(b.reason).told(words.tell)))]
            for b in report.bad_rows]
    more = len(rows) - SHOWN
    note = words("not_reached_more", n=words.count(more)) if more > 0 else ""
    return [Section(words("bad_rows"), [], rows[:SHOWN], note)]


def _notes(report: Report, setting: Setting, words: Words) -> list[str]:
    notes = []
    if report.totals.duplicates:
        notes.append(words("duplicates", n=words.count(report.totals.duplicates)))
    if setting.left_out:
        notes.append(words("left_out", names=", ".join(setting.left_out)))
    else:
        notes.append(words("attached"))
    return notes
