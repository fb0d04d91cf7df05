"""Which figures are due to be mailed: a mark says up to when each report was seen to. Light: the dialer looks every few seconds.

A report that is new is not due for the past; one that fell due while the box was off is made up for.
"""

from __future__ import annotations

import logging
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from appliance.config.goals import FigureReport
from appliance.config.model import Config
from appliance.figures import schedule
from appliance.system import files

log = logging.getLogger("figures")
Marks = dict[str, float]
"""Up to when each report was seen to, by its name (UTC seconds)."""


def marks_of(data: Path) -> Marks:
    try:
        return msgspec.json.decode(_path(data).read_bytes(), type=Marks)
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as problem:
        log.error("%s cannot be read (%s): mails with figures begin anew from now", _path(data), problem)
        return {}


def put_marks(data: Path, marks: Marks) -> None:
    """On the disk when this returns."""
    path = _path(data)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write(path, msgspec.json.encode(marks))


def _path(data: Path) -> Path:
    return data / "mail" / "figures.marks"


def settle(data: Path, config: Config, now: float) -> Marks:
    """The marks, with those of new reports set to now and those of reports that are gone taken out."""
    known = marks_of(data)
    wanted = {each.name: known.get(each.name, now) for each in config.reports}
    if wanted != known:
        put_marks(data, wanted)
    return wanted


def due(config: Config, marks: Marks, now: float) -> list[tuple[float, FigureReport]]:
    """What is due by now and was not seen to, in order of time."""
    zone = ZoneInfo(config.office.timezone)
    found = [(moment, each) for each in config.reports
             for moment in schedule.dues(each, marks.get(each.name, now), now, zone)]
    return sorted(found, key=lambda each: each[0])
