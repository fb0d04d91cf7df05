"""Countries and time zones to choose from, in the language of the page."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import available_timezones

import phonenumbers
from babel import Locale


@lru_cache(maxsize=8)
def countries(language: str) -> list[tuple[str, str]]:
    """Code and name, by name: those whose numbers the box can read."""
    names = Locale.parse(language).territories
    return sorted(((code, str(names.get(code, code))) for code in phonenumbers.SUPPORTED_REGIONS), key=lambda each: each[1])


@lru_cache(maxsize=1)
def timezones() -> list[tuple[str, str]]:
    other = ("Etc/", "posix/", "right/")
    known = {name for name in available_timezones() if "/" in name and not name.startswith(other)} | {"UTC"}
    return [(name, name.replace("_", " ")) for name in sorted(known)]
