"""Opening hours as a week: what stands in each day's field, its bar, and the entries that a typed week comes to. Pure."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from appliance.config.hours import DAYS, Span, parse_spans, parse_week

DAY_MINUTES = 1440


@dataclass(frozen=True)
class Day:
    """`spans`: as typed ("08:00-12:00, 13:00-17:00"); `bars`: start and width in minutes, for the picture."""

    name: str
    spans: str
    bars: list[tuple[int, int]]


def _text(span: Span) -> str:
    end = span.end if span.end <= DAY_MINUTES else span.end - DAY_MINUTES
    return f"{span.start // 60:02}:{span.start % 60:02}-{end // 60:02}:{end % 60:02}"


def week_of(entries: Any) -> list[Day] | None:
    """None where the entries cannot be read: they are shown as they are."""
    try:
        week = parse_week([str(each) for each in entries] if isinstance(entries, list) else [])
    except ValueError:
        return None
    return [Day(name, ", ".join(map(_text, spans)), [(each.start, min(each.end, DAY_MINUTES) - each.start) for each in spans])
            for name, spans in zip(DAYS, week, strict=True)]


def entries_of(days: list[str]) -> list[str]:
    """Seven texts of times, Monday first, as entries; days in a row that are alike stand together. What cannot be read stays
    as it was typed, for the check to tell."""
    found: list[tuple[str, str]] = []
    for name, typed in zip(DAYS, days, strict=True):
        text = " ".join(typed.replace(",", " ").replace("–", "-").split())
        with contextlib.suppress(ValueError):  # told at the field by the check
            text = " ".join(_text(span) for span in parse_spans(text, text)) if text else ""
        found.append((name, text))
    entries: list[str] = []
    start = 0
    for at in range(1, len(found) + 1):
        if at == len(found) or found[at][1] != found[start][1]:
            if found[start][1]:
                first, last = found[start][0], found[at - 1][0]
                entries.append(f"{first if first == last else f'{first}-{last}'} {found[start][1]}")
            start = at
    return entries
