"""Which figures are due to be mailed, and queueing them: `python -m appliance.mail.figures_due --data DIR`, a process of its own,
so that computing them holds up nobody.

A mark says up to when each report was seen to. A report that is new is not due for the past; one that fell due while the box was
off is made up for. The mail's id is made of its time, so that one queued before a kill is not queued again after it.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from appliance.clock import Clock
from appliance.config.goals import FigureReport
from appliance.config.model import Config
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.figures import schedule
from appliance.mail.figures import queue_report
from appliance.system import process

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
    spare = path.with_suffix(".new")
    with spare.open("wb") as file:
        file.write(msgspec.json.encode(marks))
        file.flush()
        os.fsync(file.fileno())
    spare.replace(path)


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


def queue_all(data: Path, config: Config, clock: Clock) -> int:
    """Queue what is due; how many mails that were. Raises SwitchroomError, OSError: what is left is due still."""
    now, queued = clock.utc(), 0
    marks = settle(data, config, now)
    for moment, wanted in due(config, marks, now):
        queued += queue_report(data, config, wanted, moment, clock)
        marks[wanted.name] = moment
        put_marks(data, marks)
        log.info("figures are queued to be mailed", extra={"report": wanted.name})
    return queued


def main() -> int:
    start = process.parse("figures-mail")
    process.die_with_parent()
    try:
        queue_all(start.data, Store(start.data).current(), start.clock)
    except (SwitchroomError, OSError) as problem:
        log.error("figures cannot be mailed now: %s", problem)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
