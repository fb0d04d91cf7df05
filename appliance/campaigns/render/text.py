"""The report as plain text, for whoever does not read HTML mail."""

from __future__ import annotations

import unicodedata

from appliance.campaigns.render.view import Bar, Section, View

_BAR = 24


def text(view: View) -> str:
    """The same figures as the HTML, in lines."""
    label_width = max((_width(label) for label, _ in view.facts), default=0)
    out = [view.title, "=" * _width(view.title), view.subject, ""]
    out += [f"{_pad(label, label_width)}  {value}" for label, value in view.facts]
    out += ["", *_chart(view.results_title, [*view.results, view.total])]
    if view.hours:
        out += ["", *_chart(view.hours_title, view.hours)]
    for section in view.sections:
        out += ["", *_section(section)]
    out += ["", *view.notes, "", "-- ", view.footer, ""]
    return "\n".join(line.rstrip() if line != "-- " else line for line in out)


def _chart(title: str, bars: list[Bar]) -> list[str]:
    labels = max(_width(bar.label) for bar in bars)
    counts = max(_width(bar.count) for bar in bars)
    shares = max(_width(bar.share) for bar in bars)
    return [title, "-" * _width(title)] + [
        f"{_pad(bar.label, labels)}  {_pad(bar.count, counts, right=True)}  {_pad(bar.share, shares, right=True)}  "
        + "#" * round(bar.length * _BAR)
        for bar in bars
    ]


def _section(section: Section) -> list[str]:
    rows = [section.header, *section.rows] if section.header else section.rows
    widths = [max(_width(row[at]) for row in rows) for at in range(len(rows[0]))] if rows else []
    lines = ["  ".join(_pad(cell, width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [section.title, "-" * _width(section.title), *lines, *([section.note] if section.note else [])]


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _pad(text: str, width: int, right: bool = False) -> str:
    fill = " " * (width - _width(text))
    return fill + text if right else text + fill
