"""The whole list as CSV and XLSX: one row for each subscriber, as a spreadsheet program wants them.

Names and extra columns come from strangers' files: a cell that a spreadsheet would take for a formula is made text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from appliance.campaigns.outcome import why_of
from appliance.campaigns.render.strings import Words
from appliance.campaigns.render.view import Setting, one_line, view
from appliance.campaigns.summary import Report, SubscriberRow

_EXTRA_COLUMNS = 50
_CELL_MAX = 32_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9][0-9., ]*")
_SEMICOLON = {"fi", "ru", "uk"}
"""Where the comma stands in decimals, spreadsheets expect semicolons between cells."""


def safe_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe before what begins like one (plain numbers, so also
    +358…, stay). Lone surrogates and NULs are replaced."""
    clean = text.replace("\0", " ").encode("utf-8", "replace").decode()[:_CELL_MAX]
    if clean.lstrip(" ").startswith(_FORMULA) and not _PLAIN_NUMBER.fullmatch(clean):
        return "'" + clean
    return clean


def extra_columns(report: Report) -> list[str]:
    """Names of the list's further columns, in the order in which they first appear."""
    names: dict[str, None] = {}
    for subscriber in report.subscribers:
        names.update(dict.fromkeys(subscriber.extra))
    return list(names)[:_EXTRA_COLUMNS]


_COLUMNS = ("number", "name", "outcome", "time", "seconds_heard", "digit", "attempts", "last_line", "row", "why")


def _subscriber_cells(subscriber: SubscriberRow, words: Words) -> list[str | float | datetime | None]:
    """The fixed columns of a subscriber, in the order of _COLUMNS."""
    last = subscriber.attempts[-1] if subscriber.attempts else None
    return [
        subscriber.number,
        subscriber.name,
        words(f"outcome_{subscriber.outcome or 'pending'}"),
        words.local(subscriber.time).replace(tzinfo=None, microsecond=0) if subscriber.time else None,
        round(subscriber.seconds_heard, 1),
        subscriber.digit,
        len(subscriber.attempts),
        last.line if last else "",
        subscriber.row or None,
        why_of(last.why).told(words.tell) if last else "",
    ]


def csv_bytes(report: Report, setting: Setting) -> bytes:
    """The list as CSV: UTF-8 with a mark that spreadsheets know it by, one header row, local times (ISO 8601)."""
    words = Words(setting.language, setting.timezone)
    semicolon = words.language in _SEMICOLON
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";" if semicolon else ",", lineterminator="\r\n")
    extra = extra_columns(report)
    writer.writerow([safe_cell(text) for text in [*(words(key) for key in _COLUMNS), *extra]])

    def cell(value: str | float | datetime | None) -> str:
        if isinstance(value, datetime):
            return value.isoformat(" ")
        if isinstance(value, float):
            return f"{value:.1f}".replace(".", ",") if semicolon else f"{value:.1f}"
        return "" if value is None else safe_cell(str(value))

    for subscriber in report.subscribers:
        fixed = [cell(value) for value in _subscriber_cells(subscriber, words)]
        writer.writerow([*fixed, *(safe_cell(subscriber.extra.get(name, "")) for name in extra)])
    return out.getvalue().encode("utf-8-sig")


def xlsx_bytes(report: Report, setting: Setting) -> bytes:
    """The list as a workbook: subscribers, attempts, and the summary of the mail. Text is never a formula or a link."""
    words = Words(setting.language, setting.timezone)
    import xlsxwriter  # 2 MB, and seldom asked for

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"title": words("title", id=report.id), "author": one_line(setting.office)})
        sheet = _Sheet(book)
        extra = extra_columns(report)
        sheet.begin(words("sheet_subscribers"), [*(words(key) for key in _COLUMNS), *extra])
        for subscriber in report.subscribers:
            sheet.row([*_subscriber_cells(subscriber, words), *(subscriber.extra.get(name, "") for name in extra)])
        keys = (
            "number",
            "name",
            "attempt",
            "time",
            "ended_at",
            "outcome",
            "seconds",
            "seconds_heard",
            "digit",
            "line",
            "why",
        )
        sheet.begin(words("sheet_attempts"), [words(key) for key in keys])
        for cells in _attempt_cells(report, words):
            sheet.row(cells)
        shown = view(report, setting)
        sheet.begin(words("sheet_summary"), [shown.title, ""])
        for label, value in shown.facts:
            sheet.row([label, value])
        for key, n in _outcome_counts(report):
            sheet.row([words(f"outcome_{key}"), n])
    return out.getvalue()


def _attempt_cells(report: Report, words: Words) -> Iterator[list[str | float | datetime | None]]:
    def local(when: datetime | None) -> datetime | None:
        return words.local(when).replace(tzinfo=None, microsecond=0) if when else None

    for subscriber in report.subscribers:
        for a in subscriber.attempts:
            outcome = words(f"outcome_{a.outcome or 'pending'}")
            yield [subscriber.number, subscriber.name, a.attempt, local(a.started), local(a.ended), outcome,
                   round(a.seconds, 1), round(a.seconds_heard, 1), a.digit, a.line, why_of(a.why).told(words.tell)]  # fmt: skip


def _outcome_counts(report: Report) -> list[tuple[str, int]]:
    totals = report.totals
    names = ("confirmed", "heard", "hung_up", "declined", "machine", "busy", "no_answer", "unreachable", "no_line",
             "cancelled", "interrupted", "pending")  # fmt: skip
    return [(name, getattr(totals, name)) for name in names]


class _Sheet:
    """Writes rows one under the other, each value by its kind."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._head = book.add_format({"bold": True, "bottom": 1})
        self._time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._sheet: Any = None
        self._at = 0

    def begin(self, name: str, header: list[str]) -> None:
        self._sheet = self._book.add_worksheet(name[:31])
        self._at = 0
        for column, text in enumerate(header):
            self._sheet.write_string(0, column, _text(text), self._head)
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, max(0, len(header) - 1), 18)

    def row(self, cells: list[str | float | datetime | None]) -> None:
        self._at += 1
        for column, value in enumerate(cells):
            if isinstance(value, datetime):
                self._sheet.write_datetime(self._at, column, value, self._time)
            elif isinstance(value, int | float):
                self._sheet.write_number(self._at, column, value)
            elif value:
                self._sheet.write_string(self._at, column, _text(value))


def _text(text: str) -> str:
    return text.replace("\0", " ").encode("utf-8", "replace").decode()[:_CELL_MAX]
