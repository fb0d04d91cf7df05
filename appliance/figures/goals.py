"""What a figure should be, and how it stands against that ([[targets]]). Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from appliance.config.goals import FigureTarget, TargetKind
from appliance.config.model import Config

from .ask import Of
from .definitions import By, Figure, Value
from .periods import Period

Standing = Literal["met", "missed", "alarm"]
KINDS: dict[By, TargetKind] = {
    "office": "queues", "queue": "queues", "agent": "agents", "line": "lines", "campaign": "campaigns",
}
DAY = (82_800.0, 90_000.0)
"""Seconds of the shortest and of the longest day: 23 and 25 hours."""


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A target in the figure's own unit: shares 0 to 1, seconds, counts. `standing` of the value beside it; None: no value."""

    name: str
    at_least: float | None = None
    at_most: float | None = None
    standing: Standing | None = None


def target_of(config: Config, figure: str, of: Of) -> FigureTarget | None:
    """The target of this figure of this queue, agent, line, campaign or the office: one that names it goes first."""
    kind = KINDS[of.kind]
    name = of.queue if kind == "queues" else of.agent
    found = [each for each in config.targets if each.figure == figure and each.of == kind]
    named = [each for each in found if name and name in (each.queues if kind == "queues" else each.agents)]
    general = [each for each in found if not each.queues and not each.agents]
    return next(iter(named or general), None)


def standing(target: FigureTarget, shown: float) -> Standing:
    """`shown`: the value as people read it, shares in percent."""
    low, high = target.at_least, target.at_most
    if (low is None or shown >= low) and (high is None or shown <= high):
        return "met"
    if low is not None and shown < low:
        return "alarm" if target.alarm_below is None or shown < target.alarm_below else "missed"
    return "alarm" if target.alarm_above is None or shown > target.alarm_above else "missed"


def goal_of(config: Config, figure: Figure, of: Of, value: Value | None, period: Period, now: float) -> Goal | None:
    """The goal beside a value; None where there is none. Counts have one for a day alone; while that day goes on, one that they
    should reach is not missed yet."""
    target = target_of(config, figure.id, of)
    if target is None or (figure.unit == "count" and not DAY[0] <= period.seconds <= DAY[1]):
        return None
    scale = 100.0 if figure.unit == "share" else 1.0
    at_least, at_most = (None if bound is None else bound / scale for bound in (target.at_least, target.at_most))
    there = None if value is None or value.value is None else standing(target, value.value * scale)
    if figure.unit == "count" and now < period.until and there != "met" and target.at_most is None:
        there = None
    return Goal(name=target.name, at_least=at_least, at_most=at_most, standing=there)
