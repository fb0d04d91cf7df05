"""A report: the figures of a period in all and by something, beside those of the period before. What pages, API and command line
show is this."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from appliance.config.model import Config
from appliance.errors import SwitchroomError

from . import ask, periods
from .ask import Dimension, Of, Row, Sources
from .counts import Counts, total
from .definitions import BY_ID, By, Figure, Setting, Value
from .goals import Goal, goal_of
from .periods import Named, Period

USUAL = Setting()
MAX_ROWS = 5_000
FINEST_DAYS = {"quarter": 31, "hour": 100}
PARTS = ("weekday", "clock")
"""Rows that are of parts of several days: their counts are no day's."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """`since` and `until` days, for the period "custom", both included. T (`within`) and S (`short`) in seconds; None: as the
    queue has them."""

    period: Named = "today"
    since: date | None = None
    until: date | None = None
    by: Dimension = "queue"
    of: Of = Of()
    within: float | None = None
    short: float | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the report. `period` where the row is a time of its own; `kind` says which figures it has; `goals` what of them
    should be ([[targets]])."""

    key: str
    name: str
    of: Of
    kind: By
    values: dict[str, Value]
    period: Period | None = None
    goals: dict[str, Goal] = {}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`through`: the sums have what happened up to then (UTC seconds)."""

    question: Question
    period: Period
    compared: Period
    setting: Setting
    total: Line
    before: dict[str, Value]
    rows: list[Line]
    through: float


def ask_for(question: Question, sources: Sources, config: Config, sees: Callable[[str], bool] | None = None) -> Report:
    """`sees`: the queues of who asks; None: all. Raises SwitchroomError "figures.bad-period", "figures.too-fine",
    "figures.not-yours"."""
    period = period_of(question, sources.now, sources.zone)
    compared = periods.before(question.period, period, sources.now, sources.zone)
    _allowed(question, period, sees)
    of, setting = question.of, setting_of(config, question, period)
    kind = of.kind if sees is None or of.kind != "office" else "queue"
    found = _rows(question, sources, period, sees)
    whole, past = (_total(sources, of, each, sees) for each in (period, compared))
    return Report(
        question=question, period=period, compared=compared, setting=setting, through=sources.store.progress().utc,
        total=_total_line(whole, of, kind, setting, config, period, sources.now),
        before=_values(past, setting, kind, compared, sources.now),
        rows=[_line(row, question, config, sources.now, period) for row in found[:MAX_ROWS]])


def period_of(question: Question, now: float, zone: ZoneInfo) -> Period:
    if question.period != "custom":
        return periods.named(question.period, now, zone)
    today = datetime.fromtimestamp(now, zone).date()
    since = question.since or question.until or today
    return periods.days(since, question.until or max(since, today), zone)


def _allowed(question: Question, period: Period, sees: Callable[[str], bool] | None) -> None:
    longest = FINEST_DAYS.get(question.by)
    if longest is not None and period.seconds > longest * 86_400 + 7200:
        raise SwitchroomError("figures.too-fine", "By {by}, a period has at most {longest} days.", "Choose days.",
                              by=question.by, longest=longest)
    of = question.of
    if sees is not None:
        whole_office = question.by in ("line", "campaign") or of.line or of.campaign or (of.agent and not of.queue)
        if (of.queue and not sees(of.queue)) or whole_office:
            raise SwitchroomError("web.forbidden", "These figures are of more than your queues.", "Choose one of your queues.")


def _total(sources: Sources, of: Of, period: Period, sees: Callable[[str], bool] | None) -> Counts:
    """Who sees some queues only has their sum in place of the office."""
    if sees is None or of.kind != "office":
        return ask.counts_of(sources, of, period)
    return total(ask.counts_of(sources, Of(queue=name), period) for name in sources.store.names("queue") if sees(name))


def _rows(question: Question, sources: Sources, period: Period, sees: Callable[[str], bool] | None) -> list[Row]:
    of, by = question.of, question.by
    if sees is None:
        return ask.rows(sources, by, of, period)
    if by == "queue" or of.queue:
        return ask.rows(sources, by, of, period, sees)
    merged: dict[str, Row] = {}
    for name in filter(sees, sources.store.names("queue")):
        for row in ask.rows(sources, by, Of(queue=name), period):
            known = merged.get(row.key)
            parts = [row.counts] if known is None else [known.counts, row.counts]
            merged[row.key] = Row(row.key, Of(agent=row.of.agent) if by == "agent" else of, row.period, total(parts))
    return [merged[key] for key in sorted(merged, key=lambda key: (len(key), key))]


def setting_of(config: Config, question: Question, period: Period) -> Setting:
    """T and S: asked for, else the queue's own, else what all queues have in common, else the usual."""
    queues = [each for each in config.queues if question.of.queue in ("", each.name)]
    within, short = {q.service_level_seconds for q in queues}, {q.short_abandon_seconds for q in queues}
    return Setting(level_seconds=_agreed(question.within, within, USUAL.level_seconds),
                   short_seconds=_agreed(question.short, short, USUAL.short_seconds), period_seconds=period.seconds)


def _agreed(asked: float | None, found: set[int], usual: float) -> float:
    if asked is not None:
        return asked
    return float(found.pop()) if len(found) == 1 else usual


def _line(row: Row, question: Question, config: Config, now: float, period: Period) -> Line:
    own = msgspec.structs.replace(question, of=row.of)
    kind, when = row.of.kind, row.period or period
    values = _values(row.counts, setting_of(config, own, when), kind, when, now)
    goals = goals_of(config, row.of, values, Period(0, 0) if question.by in PARTS else when, now)
    return Line(key=row.key, name=_name(question.by, row.key, config), of=row.of, kind=kind, period=row.period, values=values,
                goals=goals)


def _total_line(whole: Counts, of: Of, kind: By, setting: Setting, config: Config, period: Period, now: float) -> Line:
    values = _values(whole, setting, kind, period, now)
    return Line(key="", name="", of=of, kind=kind, values=values, goals=goals_of(config, of, values, period, now))


def goals_of(config: Config, of: Of, values: dict[str, Value], period: Period, now: float) -> dict[str, Goal]:
    """Of those values that have one, by the figure's id."""
    wanted = {each.figure for each in config.targets}.intersection(values)
    found = {id: goal_of(config, BY_ID[id], of, values[id], period, now) for id in wanted}
    return {id: goal for id, goal in found.items() if goal is not None}


def _values(counts: Counts, setting: Setting, kind: By, period: Period, now: float) -> dict[str, Value]:
    """Of a period that is not over, the time so far counts."""
    passed = max(1.0, min(period.until, now) - period.since)
    return ask.values(counts, msgspec.structs.replace(setting, period_seconds=min(passed, period.seconds)), kind)


def _name(by: Dimension, key: str, config: Config) -> str:
    if by == "agent":
        agent = config.agent(key)
        return agent.name if agent is not None and agent.name else key
    return key


def columns(report: Report, group: str = "") -> list[Figure]:
    """The figures that some row of the report, or its total, has."""
    kinds = {line.kind for line in report.rows} or {report.total.kind}
    seen = {figure.id: figure for kind in kinds for figure in ask.figures_of(kind)}
    return [figure for figure in seen.values() if not group or figure.group == group]
