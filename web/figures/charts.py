"""Charts as SVG, drawn on the server: where everything stands. Pure; the template writes it down."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec

WIDTH, HEIGHT = 960, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 10, 26
PLOT_W, PLOT_H = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM


class Bar(msgspec.Struct, frozen=True):
    """A piece of a stack. `css` names what it is."""

    css: str
    x: float
    y: float
    width: float
    height: float


class Stack(msgspec.Struct, frozen=True):
    label: str
    title: str
    x: float
    middle: float
    width: float
    href: str
    bars: list[Bar]
    named: bool
    """Whether its label is written below: not all have room."""


class Mark(msgspec.Struct, frozen=True):
    y: float
    text: str


class Chart(msgspec.Struct, frozen=True):
    stacks: list[Stack]
    marks: list[Mark]
    line: str
    """Points of a polyline, "" none."""
    dots: list[tuple[float, float]]
    goal: float | None = None
    """Where the line should not fall below."""


class Column(msgspec.Struct, frozen=True):
    """`parts`: (css, value), from the ground up. `level` 0..1 of a line above them."""

    label: str
    title: str
    parts: Sequence[tuple[str, float]] = ()
    level: float | None = None
    href: str = ""


def nice(most: float) -> float:
    """The end of an axis whose quarters are whole numbers."""
    for least in (4.0, 8.0, 12.0):
        if most <= least:
            return least
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 1.2, 2, 4, 6, 8, 10) if step * power >= most)


def stacked(columns: Sequence[Column]) -> Chart:
    """Bars of counts on an axis of their own height."""
    top = nice(max((sum(value for _, value in each.parts) for each in columns), default=0))
    marks = [Mark(_y(top * n / 4, top), f"{top * n / 4:g}") for n in range(5)]
    return Chart(_stacks(columns, top), marks, "", [])


def level(columns: Sequence[Column], percent: Callable[[float], str], goal: float | None = None) -> Chart:
    """A line from 0 to 1, marked in percent, and what it should reach; a gap where there is nothing."""
    stacks = _stacks([msgspec.structs.replace(each, parts=()) for each in columns], 1.0)
    dots = [(stack.middle, _y(column.level, 1.0)) for stack, column in zip(stacks, columns, strict=True)
            if column.level is not None]
    marks = [Mark(_y(n / 4, 1.0), percent(n / 4)) for n in range(5)]
    return Chart(stacks, marks, " ".join(f"{x:.1f},{y:.1f}" for x, y in dots), dots,
                 None if goal is None else _y(goal, 1.0))


def _stacks(columns: Sequence[Column], top: float) -> list[Stack]:
    step = PLOT_W / max(1, len(columns))
    width = min(48.0, step * 0.72)
    every = max(1, math.ceil(len(columns) * 52 / PLOT_W))
    found = []
    for number, column in enumerate(columns):
        x = LEFT + step * number + (step - width) / 2
        bars, ground = [], 0.0
        for css, value in column.parts:
            if value > 0:
                high = _y(ground + value, top)
                bars.append(Bar(css, round(x, 1), round(high, 1), round(width, 1), round(_y(ground, top) - high, 1)))
                ground += value
        found.append(Stack(column.label, column.title, round(LEFT + step * number, 1), round(x + width / 2, 1), round(step, 1),
                           column.href, bars, number % every == 0))
    return found


def _y(value: float, top: float) -> float:
    return round(TOP + PLOT_H * (1 - min(1.0, value / top)), 1)
