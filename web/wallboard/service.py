"""What a wallboard shows: chosen by its address, so that each TV has its own and a bookmark is all it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import msgspec

from appliance.errors import SwitchroomError
from appliance.figures.definitions import BY_ID
from appliance.figures.report import Line
from appliance.messages import QueueNow

Now = Literal["waiting", "longest", "expected", "ready", "talking", "virtual", "break"]
Day = Literal["offered", "answered", "service-level", "asa", "abandoned", "abandon-rate", "unhandled", "aht", "handled",
              "callbacks", "csat", "nps"]
Figure = Now | Day
Level = Literal["", "warn", "bad"]
MAX_COLUMNS = 6
MAX_SHOWN = 24
"""Queues: more would be too small to read."""

READ: dict[Now, Callable[[QueueNow, float], float | None]] = {
    "waiting": lambda queue, now: queue.waiting - queue.virtual,
    "longest": lambda queue, now: now - queue.longest if queue.longest else None,
    "expected": lambda queue, now: queue.expected,
    "ready": lambda queue, now: queue.ready,
    "talking": lambda queue, now: queue.talking,
    "virtual": lambda queue, now: queue.virtual,
    "break": lambda queue, now: queue.on_break,
}
"""Each figure of a queue; None: there is none now. Times in seconds."""

DAY: tuple[Day, ...] = get_args(Day)
"""Figures of the day so far (appliance/figures), each by its id there."""
SPANS: frozenset[Figure] = frozenset({"longest", "expected"})
DEFAULT: list[Figure] = ["waiting", "longest", "ready", "talking"]
LIMITS: dict[Figure, tuple[float, float]] = {"waiting": (3, 6), "longest": (60, 180), "expected": (120, 300)}
"""From where a figure warns, and from where it alarms: the second below the first where falling is bad. Those of the day have
their [[targets]] unless the address says otherwise; shares are in percent."""


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """`queues` empty: all that you may see; `columns` 0: as fits. `limits`: a figure -> from where it warns and alarms."""

    queues: list[str] = []
    figures: list[Figure] = msgspec.field(default_factory=lambda: list(DEFAULT))
    columns: int = 0
    limits: dict[Figure, tuple[float, float]] = msgspec.field(default_factory=lambda: dict(LIMITS))
    light: bool = False


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of a queue. `value` None: none now; shares are 0 to 1; `since` UTC from which a time counts up by itself, 0: it
    does not. `low`: it is off because it is too low."""

    figure: Figure
    value: float | None
    level: Level = ""
    since: float = 0.0
    low: bool = False


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """A queue on the wall; `level` is that of its worst figure."""

    queue: str
    open: bool
    level: Level
    figures: list[Shown]


def read(queues: Sequence[str], figures: Sequence[str], columns: str, limits: Sequence[str], theme: str) -> Board:
    """A board from the words of its address; a limit is written "waiting:3:6". Raises "web.bad-board"."""
    chosen = list(dict.fromkeys(each for each in figures if each)) or list(DEFAULT)
    usual: dict[str, object] = msgspec.to_builtins(LIMITS)
    bounds: dict[str, object] = {}
    for limit in limits:
        name, *given = limit.split(":")
        bounds[name] = given
    try:
        return msgspec.convert({
            "queues": list(dict.fromkeys(each for each in queues if each))[:MAX_SHOWN], "figures": chosen,
            "columns": max(0, min(int(columns or 0), MAX_COLUMNS)), "limits": {**usual, **bounds}, "light": theme == "light",
        }, Board, strict=False)
    except (msgspec.ValidationError, ValueError):
        known = ", ".join((*READ, *DAY))
        raise SwitchroomError("web.bad-board", "The address of this wallboard cannot be read.",
                              "Figures are {known}; a limit is written waiting:3:6.", known=known) from None


Days = Mapping[str, Line]
"""What the day has come to so far, by queue."""
NO_DAYS: Days = {}


def tiles(board: Board, queues: Sequence[QueueNow], sees: Callable[[str], bool], now: float, days: Days = NO_DAYS) -> list[Tile]:
    """In the order of the address, or of the configuration."""
    by_name = {each.name: each for each in queues if sees(each.name)}
    chosen = [by_name[name] for name in board.queues if name in by_name] if board.queues else list(by_name.values())
    return [_tile(board, each, now, days.get(each.name)) for each in chosen[:MAX_SHOWN]]


def wants_day(board: Board) -> bool:
    return any(figure not in READ for figure in board.figures)


def _tile(board: Board, queue: QueueNow, now: float, day: Line | None) -> Tile:
    figures = [_shown(board, queue, figure, now) if figure in READ else _of_day(board, figure, day) for figure in board.figures]
    levels = {each.level for each in figures}
    return Tile(queue=queue.name, open=queue.open, figures=figures,
                level="bad" if "bad" in levels else "warn" if "warn" in levels else "")


def _shown(board: Board, queue: QueueNow, figure: Figure, now: float) -> Shown:
    value = READ[figure](queue, now)  # type: ignore[index]
    limit = board.limits.get(figure)
    return Shown(figure=figure, value=value, level=level(value, limit), low=_falls(limit),
                 since=queue.longest if figure == "longest" else 0.0)


def _of_day(board: Board, figure: Figure, day: Line | None) -> Shown:
    """Of a queue that has had nobody today a count is 0, and the rest is nothing."""
    of = BY_ID[figure]
    found = day.values.get(figure) if day is not None else None
    value = found.value if found is not None else 0 if of.unit == "count" else None
    limit = board.limits.get(figure)
    if limit is not None:
        shown = value * 100 if value is not None and of.unit == "share" else value
        return Shown(figure=figure, value=value, level=level(shown, limit), low=_falls(limit))
    goal = day.goals.get(figure) if day is not None else None
    standing = goal.standing if goal is not None else None
    low = goal is not None and value is not None and goal.at_least is not None and value < goal.at_least
    return Shown(figure=figure, value=value, level=LEVELS.get(standing or "met", ""), low=low)


LEVELS: dict[str, Level] = {"missed": "warn", "alarm": "bad"}


def _falls(limit: tuple[float, float] | None) -> bool:
    return limit is not None and limit[1] < limit[0]


def level(value: float | None, limit: tuple[float, float] | None) -> Level:
    """Of a limit whose second is below its first, falling is bad."""
    if value is None or limit is None:
        return ""
    warn, bad = limit
    if _falls(limit):
        return "bad" if value <= bad else "warn" if value <= warn else ""
    return "bad" if value >= bad else "warn" if value >= warn else ""


def shape(count: int, columns: int) -> tuple[int, int]:
    """Columns and rows for so many tiles on a wide screen."""
    wide = columns or (1 if count <= 1 else 2 if count <= 4 else 3 if count <= 9 else 4 if count <= 16 else 6)
    return wide, max(1, -(-count // wide))
