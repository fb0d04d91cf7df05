"""How campaigns are spoken of on the pages."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext

from appliance.campaigns.render.strings import outcome_in
from appliance.campaigns.summary import OUTCOMES
from web.i18n import language

__all__ = ["OUTCOMES"]
SIGNS = {"planned": "idle", "running": "good", "paused": "warn", "finished": "busy", "cancelled": "bad"}
"""Stage -> the sign beside its word."""
GOOD = {"confirmed": "good", "heard": "good", "declined": "warn", "hung_up": "warn", "machine": "warn", "busy": "off",
        "no_answer": "off", "unreachable": "bad", "no_line": "bad", "cancelled": "off", "interrupted": "bad", "pending": "idle"}


def stage(name: str) -> str:
    return {"planned": _("planned"), "running": _("running"), "paused": _("paused"), "finished": _("finished"),
            "cancelled": _("cancelled")}.get(name, name)


def outcome(name: str | None) -> str:
    """As the report calls it that is mailed."""
    return outcome_in(language(), name) or name or ""


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
