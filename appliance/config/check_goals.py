"""Rules about the targets of figures and the reports of them."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.config.check_rules import Where
from appliance.config.decode import Report, shown
from appliance.config.goals import FigureReport, FigureTarget, TargetKind
from appliance.config.locate import Path
from appliance.config.model import Config
from appliance.config.walk import Leaf
from appliance.figures.definitions import BY_ID, By

KINDS: dict[TargetKind, By] = {"queues": "queue", "agents": "agent", "lines": "line", "campaigns": "campaign"}
_USUAL = {"day": "", "week": "weekday", "month": "day"}
"""Which key says on which day."""


def run(config: Config, report: Report, where: Where, texts: Sequence[Leaf]) -> None:
    """All rules; each problem goes to `report` with the path that `where` gives its table."""
    for target in config.targets:
        _target(target, report, where(target))
    for each in config.reports:
        _report(each, report, where(each))


def _target(target: FigureTarget, report: Report, path: Path) -> None:
    figure = BY_ID.get(target.figure)
    if figure is not None and KINDS[target.of] not in figure.of:
        having = ", ".join(kind for kind, by in KINDS.items() if by in figure.of)
        what = f"There is no {target.figure} of {target.of}."
        report("config.wrong-value", (*path, "of"), what, f"It is a figure of {having}." if having else "Choose another figure.")
    for kind in ("queues", "agents"):
        if target.of != kind and getattr(target, kind):
            what, fix = f"A target of {target.of} has no {kind}.", f'Leave it out, or set of = "{kind}".'
            report("config.wrong-key", (*path, kind), what, fix)
    if target.at_least is None and target.at_most is None:
        what = f"The target {shown(target.name)} says nothing."
        report("config.missing-key", path, what, "Add at_least, at_most or both.")
    _bounds(target, report, path)
    if figure is not None and figure.unit == "share":
        for key in ("at_least", "at_most", "alarm_below", "alarm_above"):
            value = getattr(target, key)
            if value is not None and not 0 <= value <= 100:
                report("config.wrong-value", (*path, key), f"{value:g} is no share.", "Write percent, 0 to 100.")


def _bounds(target: FigureTarget, report: Report, path: Path) -> None:
    low, high = target.at_least, target.at_most
    if low is not None and high is not None and low > high:
        report("config.wrong-value", (*path, "at_least"), '"at_least" is above "at_most".', "Lower it.")
    for key, bound, order in (("alarm_below", "at_least", 1), ("alarm_above", "at_most", -1)):
        alarm, goal = getattr(target, key), getattr(target, bound)
        if alarm is None:
            continue
        if goal is None:
            report("config.missing-key", (*path, key), f'"{key}" needs "{bound}": what is right.', f"Add {bound}.")
        elif (goal - alarm) * order < 0:
            fix = f"It cannot be {'above' if order > 0 else 'below'} {bound}."
            report("config.wrong-value", (*path, key), f'"{key}" would be an alarm where the target is met.', fix)


def _report(each: FigureReport, report: Report, path: Path) -> None:
    wanted = _USUAL[each.every]
    given = {key for key, usual in (("weekday", "mon"), ("day", 1)) if getattr(each, key) != usual}
    for key in sorted(given - {wanted}):
        report("config.wrong-key", (*path, key), f'"{key}" means nothing for a report of every {each.every}.', "Leave it out.")
    if each.queue is not None and each.by in ("line", "campaign"):
        what = f"A queue has no figures by {each.by}."
        report("config.wrong-value", (*path, "by"), what, "Choose another, or leave the queue out.")
