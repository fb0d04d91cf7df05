"""The office's clock. Whoever types a time or reads one at the command line means that, and not the machine's, which on an
appliance often stands in another zone."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from appliance.config.store import Store
from appliance.errors import SwitchroomError


def office_zone() -> tzinfo | None:
    """The time zone of the box that this command is about; None, the machine's, where it has no configuration."""
    return _zone_of(click.get_current_context().obj.data)


@lru_cache(maxsize=8)
def _zone_of(data: Path) -> tzinfo | None:
    try:
        return ZoneInfo(Store(data).current().office.timezone)
    except (SwitchroomError, OSError):
        return None


def office_now() -> datetime:
    return datetime.now(office_zone()).astimezone(office_zone())


def office_time(utc: float | None) -> str:
    """As people write it; "" for none."""
    return datetime.fromtimestamp(utc, office_zone()).strftime("%Y-%m-%d %H:%M:%S") if utc else ""
