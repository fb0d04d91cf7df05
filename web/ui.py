"""What templates say things with: times, spans, numbers as people of the page's language write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Flask, current_app, g
from flask_babel import format_datetime, format_decimal, format_time, get_locale
from flask_babel import get_timezone as zone
from markupsafe import Markup, escape

from appliance.clock import Clock
from appliance.figures.shown import span
from appliance.percent import percent as percent_in
from appliance.users.rights import Right
from web import reasons
from web.live import words
from web.security.access import may


def since(utc: float, css: str = "", limit: float = 0.0) -> Markup:
    """A time that counts up in the browser (static/app.js); `utc` is when it began. Nothing where it is 0. Past `limit`
    seconds it is pointed out; 0: never."""
    if not utc:
        return Markup("")
    passed = now() - utc
    over = " over" if 0 < limit < passed else ""
    return Markup('<time class="count {}{}" data-since="{:.3f}"{}>{}</time>').format(
        escape(css), over, utc, Markup(' data-limit="{:.0f}"').format(limit) if limit else "", span(passed))


def now() -> float:
    """The box's own UTC: a browser's clock may be wrong."""
    clock: Clock = current_app.extensions["switchroom"].clock
    return clock.utc()


def at(utc: float) -> Markup:
    """Date and time of day in the office's zone."""
    moment = datetime.fromtimestamp(utc, UTC)
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), format_datetime(moment, "short"))


def clock(utc: float) -> str:
    return format_time(datetime.fromtimestamp(utc, UTC), "medium")


def number(value: float, digits: int = 0) -> str:
    return format_decimal(round(value, digits), format=f"#,##0.{'0' * digits}" if digits else "#,##0")


def percent(value: float, digits: int = 0) -> str:
    """A share of 1."""
    return percent_in(value, get_locale() or "en", digits)


def init(app: Flask) -> None:
    app.jinja_env.filters.update(span=span, at=at, clock=clock, number=number, percent=percent)
    app.jinja_env.globals.update(since=since, now=now, may=may, Right=Right, zone=zone, down=reasons.down,
                                 short_of=words.short_of, shortage=words.shortage)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_always)


def _always() -> dict[str, Any]:
    return {"user": g.get("user")}
