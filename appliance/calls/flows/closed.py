"""What a caller meets who calls while the office is closed. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from appliance.config.model import Config
from appliance.config.opening import Opening
from appliance.config.values import Target
from appliance.prompts import Moment, moment


def closed_target(config: Config, opening: Opening, own: Target | None) -> Target | None:
    """Where such a caller goes; None: told when the office opens. A forced night has a target of its own, then what was called
    has (`own`), then the hours."""
    night = config.night.target if opening.forced else None
    return night or own or opening.target


def opens_at(config: Config, opening: Opening, now: float) -> Moment | None:
    """When it opens, as it is said at `now` (UTC seconds); None where that is not known, or too far away to be said."""
    if opening.opens is None:
        return None
    zone = ZoneInfo(config.office.timezone)
    return moment(datetime.fromtimestamp(now, zone), datetime.fromtimestamp(opening.opens, zone))


def closed_words(config: Config, opening: Opening, now: float) -> tuple[str, dict[str, object]]:
    """The goodbye: a prompt and its values."""
    opens = opens_at(config, opening, now)
    return ("closed-office", {}) if opens is None else ("closed-office-until", {"opens": opens})
