"""Figures as people read them outside of the pages: which are shown where nobody chose, and their values as text. Pure."""

from __future__ import annotations

from collections.abc import Callable

from .definitions import By, Figure, Value
from .goals import Goal

USUAL: dict[By, tuple[str, ...]] = {
    "queue": ("offered", "answered", "service-level", "asa", "abandon-rate", "unhandled", "aht"),
    "agent": ("handled", "aht", "talk-share", "occupancy", "transfer-rate", "missed-offers", "logged-in"),
    "line": ("calls", "calls-answered", "calls-failed", "line-use", "call-talk"),
    "campaign": ("dialled", "reached", "confirmed", "heard", "hung-up", "no-answer", "busy", "retries"),
    "office": ("offered", "answered", "service-level", "asa", "abandon-rate", "unhandled", "aht"),
}
Number = Callable[[float, int], str]
"""A number, or a share of 1 as percent, with so many digits behind the point."""


def plain(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"


def plain_share(share: float, digits: int) -> str:
    return f"{plain(100 * share, digits)}%"


def text_of(figure: Figure, found: Value | None, number: Number = plain, percent: Number = plain_share) -> str:
    if found is None or found.value is None:
        return "–"
    match figure.unit:
        case "share":
            return percent(found.value, 1)
        case "seconds":
            return span(found.value)
        case "per-hour":
            return f"{number(found.value, 1)}/h"
        case "points":
            return ("+" if found.value > 0 else "") + number(found.value, 0)
        case "score":
            return number(found.value, 2)
    return number(found.value, 0)


def span(seconds: float) -> str:
    """1:05, 1:02:05."""
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"


def bounds(figure: Figure, goal: Goal | None, number: Number = plain, percent: Number = plain_share) -> str:
    """What a value should be: ≥ 80.0%."""
    found = (("≥", goal.at_least), ("≤", goal.at_most)) if goal else ()
    return " ".join(f"{sign} {text_of(figure, Value(bound), number, percent)}" for sign, bound in found if bound is not None)
