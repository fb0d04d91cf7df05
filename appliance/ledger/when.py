"""Times as people write them in a search: "yesterday", "7d", "2026-11-22T10:00"."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from appliance.errors import SwitchroomError

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_when(text: str, now: datetime) -> float:
    """ "today", "yesterday", "now", "90m" or "7d" (ago), or an ISO date or time; without an offset in `now`'s zone.
    -> UTC s. Raises SwitchroomError "cdr.bad-time"."""
    word = text.strip().lower()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}
    try:
        if word in named:
            return named[word].timestamp()
        if ago := _AGO.fullmatch(word):
            return (now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).timestamp()
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=now.tzinfo)).timestamp()
    except (ValueError, OverflowError) as error:
        raise SwitchroomError("cdr.bad-time", "{text} is no time.",
                              "Write today, yesterday, 2h, 7d, 2026-11-22 or 2026-11-22T10:00.", text=repr(text[:80])) from error
