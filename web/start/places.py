"""Countries and time zones to choose from, in the language of the page."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import available_timezones

import phonenumbers
from babel import Locale
from babel.core import get_global

NOWHERE = ("UTC", "Etc/UTC")
"""What a machine says that was never told where it is."""


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


def zone_of(country: str) -> str:
    """The time zone of a country that has one; "" for several."""
    zones = [zone for zone, of in get_global("zone_territories").items() if of == country]
    return str(zones[0]) if len(zones) == 1 else ""
