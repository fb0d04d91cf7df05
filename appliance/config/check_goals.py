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
from appliance.sentences import say

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
        what = say("There is no {figure} of {of}.", figure=target.figure, of=target.of)
        fix = say("It is a figure of {having}.", having=having) if having else say("Choose another figure.")
        report("config.wrong-value", (*path, "of"), what, fix)
    for kind in ("queues", "agents"):
        if target.of != kind and getattr(target, kind):
            what = say("A target of {of} has no {kind}.", of=target.of, kind=kind)
            fix = say('Leave it out, or set of = "{kind}".', kind=kind)
            report("config.wrong-key", (*path, kind), what, fix)
    if target.at_least is None and target.at_most is None:
        what = say("The target {name} says nothing.", name=shown(target.name))
        report("config.missing-key", path, what, say("Add at_least, at_most or both."))
    _bounds(target, report, path)
    if figure is not None and figure.unit == "share":
        for key in ("at_least", "at_most", "alarm_below", "alarm_above"):
            value = getattr(target, key)
            if value is not None and not 0 <= value <= 100:
                what = say("{value} is no share.", value=f"{value:g}")
                report("config.wrong-value", (*path, key), what, say("Write percent, 0 to 100."))


def _bounds(target: FigureTarget, report: Report, path: Path) -> None:
    low, high = target.at_least, target.at_most
    if low is not None and high is not None and low > high:
        report("config.wrong-value", (*path, "at_least"), say('"at_least" is above "at_most".'), say("Lower it."))
    for key, bound, order in (("alarm_below", "at_least", 1), ("alarm_above", "at_most", -1)):
        alarm, goal = getattr(target, key), getattr(target, bound)
        if alarm is None:
            continue
        if goal is None:
            what = say('"{key}" needs "{bound}": what is right.', key=key, bound=bound)
            report("config.missing-key", (*path, key), what, say("Add {bound}.", bound=bound))
        elif (goal - alarm) * order < 0:
            fix = say("It cannot be above {bound}.") if order > 0 else say("It cannot be below {bound}.")
            what = say('"{key}" would be an alarm where the target is met.', key=key)
            report("config.wrong-value", (*path, key), what, fix.about(bound=bound))


def _report(each: FigureReport, report: Report, path: Path) -> None:
    wanted = _USUAL[each.every]
    given = {key for key, usual in (("weekday", "mon"), ("day", 1)) if getattr(each, key) != usual}
    for key in sorted(given - {wanted}):
        what = say('"{key}" means nothing for a report of every {every}.', key=key, every=each.every)
        report("config.wrong-key", (*path, key), what, say("Leave it out."))
    if each.queue is not None and each.by in ("line", "campaign"):
        what = say("A queue has no figures by {by}.", by=each.by)
        report("config.wrong-value", (*path, "by"), what, say("Choose another, or leave the queue out."))
