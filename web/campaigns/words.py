"""How campaigns are spoken of on the pages."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext

from appliance.campaigns.summary import OUTCOMES

__all__ = ["OUTCOMES"]
SIGNS = {"planned": "idle", "running": "good", "paused": "warn", "finished": "busy", "cancelled": "bad"}
"""Stage -> the sign beside its word."""
GOOD = {"confirmed": "good", "heard": "good", "declined": "warn", "hung_up": "warn", "machine": "warn", "busy": "off",
        "no_answer": "off", "unreachable": "bad", "no_line": "bad", "cancelled": "off", "interrupted": "bad", "pending": "idle"}


def stage(name: str) -> str:
    return {"planned": _("planned"), "running": _("running"), "paused": _("paused"), "finished": _("finished"),
            "cancelled": _("cancelled")}.get(name, name)


def outcome(name: str | None) -> str:
    return {
        "confirmed": _("confirmed"), "heard": _("heard to the end"), "hung_up": _("hung up early"), "declined": _("declined"),
        "machine": _("answering machine"), "busy": _("busy"), "no_answer": _("no answer"), "unreachable": _("not reachable"),
        "no_line": _("no line"), "cancelled": _("not called any more"), "interrupted": _("interrupted"),
        "pending": _("still to come"), None: _("still to come"),
    }.get(name, name or "")


def minutes(value: float) -> str:
    """ "about 35 minutes", "about 4 hours"."""
    if value < 1:
        return _("less than a minute")
    if value < 120:
        return ngettext("about %(num)s minute", "about %(num)s minutes", round(value))
    return ngettext("about %(num)s hour", "about %(num)s hours", round(value / 60))


def source(name: str) -> str:
    return {"typed": _("typed"), "uploaded": _("uploaded"), "recorded": _("recorded at a phone")}.get(name, name)


def by(who: str) -> str:
    """ "web:anna" -> "anna"; "101" -> "Phone 101"."""
    _kind, colon, name = who.partition(":")
    if colon:
        return name
    return _("Phone %(number)s", number=who) if who.isdecimal() else who
