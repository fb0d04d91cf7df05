"""Countries and time zones to choose from, in the language of the page."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import available_timezones

import phonenumbers
from babel import Locale
from babel.core import get_global

NOWHERE = ("UTC", "Etc/UTC")
"""What a machine says that was never told where it is."""
PRIMARY = {
    "CL": "America/Santiago", "CN": "Asia/Shanghai", "DE": "Europe/Berlin", "EC": "America/Guayaquil", "ES": "Europe/Madrid",
    "MH": "Pacific/Majuro", "MY": "Asia/Kuala_Lumpur", "NZ": "Pacific/Auckland", "PT": "Europe/Lisbon", "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}  # fmt: skip
"""Of countries with several zones, the one that people there mean where they name none (CLDR, primaryZones)."""


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
    """The time zone of a country that has one, or one before all others; "" for several."""
    zones = _zones(country)
    return PRIMARY.get(country) or (zones[0] if len(zones) == 1 else "")


def timezones_for(country: str) -> list[tuple[str, str]]:
    """All, with those of the country before the others."""
    own = set(_zones(country))
    return sorted(timezones(), key=lambda each: each[0] not in own)


def _zones(country: str) -> list[str]:
    return [str(zone) for zone, of in get_global("zone_territories").items() if of == country]
