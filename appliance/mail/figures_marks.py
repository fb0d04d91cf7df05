"""Which figures are due to be mailed: a mark says up to when each report was seen to. Light: the dialer looks every few seconds.

A report that is new is not due for the past; one that fell due while the box was off is made up for. One that cannot be made is
due still, and rests before it is tried again, longer each time: computing a year takes a while.
"""

from __future__ import annotations

import hashlib
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
FIRST_REST = 60.0
LONGEST_REST = 3600.0


class Rest(msgspec.Struct, frozen=True, kw_only=True):
    """Of a report that was begun `tries` times in a row and never queued: it rests until `until` (UTC), unless it is no longer
    configured as it was (`of`)."""

    tries: int
    until: float
    of: str


Rests = dict[str, Rest]


def rests_of(data: Path) -> Rests:
    try:
        return msgspec.json.decode(_path(data, "rests").read_bytes(), type=Rests)
    except (FileNotFoundError, msgspec.DecodeError):
        return {}  # each is tried at once


def begin_try(data: Path, wanted: FigureReport, now: float) -> None:
    """On the disk before it is computed: one in which the process ends has been tried, and holds up no other next time."""
    rests = rests_of(data)
    known = rests.get(wanted.name)
    tries = known.tries + 1 if known is not None and known.of == _digest(wanted) else 1
    rest = min(FIRST_REST * 2.0 ** min(tries - 1, 16), LONGEST_REST)
    _put(data, "rests", rests | {wanted.name: Rest(tries=tries, until=now + rest, of=_digest(wanted))})


def end_rest(data: Path, name: str) -> None:
    rests = rests_of(data)
    if rests.pop(name, None) is not None:
        _put(data, "rests", rests)


def _digest(wanted: FigureReport) -> str:
    return hashlib.sha256(msgspec.json.encode(wanted)).hexdigest()[:16]


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
    _put(data, "marks", marks)


def _put(data: Path, what: str, value: Marks | Rests) -> None:
    path = _path(data, what)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write(path, msgspec.json.encode(value))


def _path(data: Path, what: str = "marks") -> Path:
    return data / "mail" / f"figures.{what}"


def settle(data: Path, config: Config, now: float) -> Marks:
    """The marks, with those of new reports set to now and those of reports that are gone taken out."""
    known = marks_of(data)
    wanted = {each.name: known.get(each.name, now) for each in config.reports}
    if wanted != known:
        put_marks(data, wanted)
    return wanted


def due(config: Config, marks: Marks, now: float, rests: Rests) -> list[tuple[float, FigureReport]]:
    """What is due by now, was not seen to and does not rest, in order of time; after the others what failed before."""
    zone = ZoneInfo(config.office.timezone)
    tries = {each.name: _tries(each, rests, now) for each in config.reports}
    found = [(moment, each) for each in config.reports if tries[each.name] is not None
             for moment in schedule.dues(each, marks.get(each.name, now), now, zone)]
    return sorted(found, key=lambda each: (tries[each[1].name], each[0]))


def _tries(wanted: FigureReport, rests: Rests, now: float) -> int | None:
    """How often in a row it failed; None: it rests."""
    rest = rests.get(wanted.name)
    if rest is None or rest.of != _digest(wanted):
        return 0
    return None if now < rest.until <= now + LONGEST_REST else rest.tries  # a clock that was set back makes nobody wait for it
