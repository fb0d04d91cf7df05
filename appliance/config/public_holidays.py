"""Public holidays of the countries, from the tables of the `holidays` library: the one place that asks it.

The library names its countries by importing all 250 of them, which takes 15 MB and a fifth of a second in each process; an
office needs one or two. So its package of countries stands here without that list, and the module of a country is imported
when it is asked for, as the library itself does in its registry.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import sys
from collections.abc import Iterable
from functools import lru_cache
from importlib.machinery import ModuleSpec

_COUNTRIES = "holidays.countries"
_ANY_YEAR = 2024


@lru_cache(maxsize=128)
def holidays_of(country: str, region: str, year: int) -> frozenset[dt.date]:
    """Public holidays; empty where the calendar does not know the country."""
    try:
        return frozenset(_days(country, region, year))
    except NotImplementedError:
        return frozenset()


def knows_holidays(country: str, region: str = "") -> bool:
    try:
        _days(country, region, _ANY_YEAR)
    except NotImplementedError:
        return False
    return True


def _days(country: str, region: str, year: int) -> Iterable[dt.date]:
    """NotImplementedError where the library knows no such country or region."""
    import holidays  # most starts need no holidays

    _without_list(holidays.__path__)
    return holidays.country_holidays(country, subdiv=region or None, years=year)


def _without_list(folders: Iterable[str]) -> None:
    """The package of countries, found where it is, but with nothing of it imported yet."""
    if _COUNTRIES not in sys.modules:
        spec = ModuleSpec(_COUNTRIES, None, is_package=True)
        spec.submodule_search_locations = [f"{folder}/countries" for folder in folders]
        sys.modules[_COUNTRIES] = importlib.util.module_from_spec(spec)
