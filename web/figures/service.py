"""What the page of figures shows: the question in its address, the report, tiles, links to the calls. Without Flask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec

from appliance.config.model import Config
from appliance.errors import SwitchroomError
from appliance.figures import report
from appliance.figures.ask import Dimension, Of, Sources
from appliance.figures.definitions import BY_ID, Figure, Group, Setting, Value
from appliance.figures.goals import Goal
from appliance.figures.periods import Named, Period
from appliance.figures.report import Line, Question, Report
from appliance.users.model import User

Name = str
TILES: dict[str, tuple[str, ...]] = {
    "office": ("offered", "service-level", "asa", "abandon-rate", "unhandled", "aht", "occupancy", "callbacks", "fcr", "csat",
               "nps", "ces"),
    "queue": ("offered", "service-level", "asa", "abandon-rate", "unhandled", "aht", "transfer-rate", "callbacks", "fcr", "csat",
              "nps", "ces"),
    "agent": ("handled", "aht", "talk-share", "occupancy", "transfer-rate", "missed-offers", "csat", "nps", "ces"),
    "line": ("calls", "calls-answered", "calls-failed", "line-use"),
    "campaign": ("dialled", "reached", "confirmed", "heard", "hung-up", "retries"),
}
GROUPS: dict[str, tuple[Group, ...]] = {
    "office": ("service", "handling", "results", "surveys", "agents", "callbacks", "campaigns", "calls"),
    "queue": ("service", "handling", "results", "surveys", "callbacks"),
    "agent": ("handling", "results", "surveys", "agents", "service"), "line": ("calls",), "campaign": ("campaigns", "calls"),
}
"""What can be shown of each, the usual first."""


LIMITS = {"in-time": "level_seconds", "in-time-or-left": "level_seconds", "abandoned-short": "short_seconds",
          "abandoned-late": "short_seconds"}
"""Which of T and S goes along with the question for the calls."""
SHOWN_WHEN_THERE = ("results", "surveys")
"""Groups that not every office has."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As it stands in the address. `period` custom: `since` and `until` are days, both included. `within` and `short`: T and S
    in seconds; left out: as the queue has them."""

    period: Named = "today"
    since: str = ""
    until: str = ""
    by: Dimension = "queue"
    queue: str = ""
    agent: str = ""
    line: str = ""
    campaign: int = 0
    within: float | None = None
    short: float | None = None

    def question(self) -> Question:
        for name in (self.queue, self.agent, self.line):
            if len(name) > 100 or "\0" in name:
                raise SwitchroomError("figures.bad-name", "There is no such name.", "Choose one of the list.")
        if not 0 <= self.campaign < 1 << 32:
            raise SwitchroomError("figures.bad-name", "There is no such campaign.", "Choose one of the list.")
        for seconds in (self.within, self.short):
            if seconds is not None and not 0 <= seconds <= 3600:
                raise SwitchroomError("figures.bad-threshold", "T and S are 0 to 3600 seconds.", "Give seconds.")
        return Question(period=self.period, since=_day(self.since), until=_day(self.until), by=self.by, within=self.within,
                        short=self.short, of=Of(queue=self.queue, agent=self.agent, line=self.line, campaign=self.campaign))


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise SwitchroomError("figures.bad-period", "A day is written as 2026-11-26.", "Choose it again.") from None


def answer(asked: Asked, sources: Sources, config: Config, user: User) -> Report:
    """The report, of what this person may see. Raises SwitchroomError as `report.ask_for` does."""
    question = asked.question()
    if user.lists is not None and (question.by == "campaign" or question.of.campaign):
        _own_campaign(question, sources, user)
    sees = user.sees_queue if user.queues is not None else None
    return report.ask_for(question, sources, config, sees)


def _own_campaign(question: Question, sources: Sources, user: User) -> None:
    info = sources.ledger.campaign(question.of.campaign) if sources.ledger is not None and question.of.campaign else None
    if info is None or not user.sees_list(info.created.list):
        raise SwitchroomError("web.forbidden", "These figures are of more than your lists.", "Choose a campaign of your lists.")


def over_time(asked: Asked, made: Report) -> Asked:
    """The same as a chart shows it: by the hour up to two days, by the day beyond."""
    by: Dimension = "hour" if made.period.seconds <= 2 * 86_400 + 7200 else "day"
    return msgspec.structs.replace(asked, by=by)


class Tile(msgspec.Struct, frozen=True):
    figure: Figure
    now: Value
    before: Value
    change: float | None
    """Difference in points for shares, else by part; None where there is nothing to compare."""
    verdict: Literal["good", "bad", ""]
    goal: Goal | None = None


def tiles(made: Report) -> list[Tile]:
    found = []
    for id in TILES[made.total.kind]:
        figure, now = BY_ID[id], made.total.values.get(id)
        if now is not None and (now.value is not None or figure.group not in SHOWN_WHEN_THERE):
            tile = _tile(figure, now, made.before.get(id, Value(None)))
            found.append(msgspec.structs.replace(tile, goal=made.total.goals.get(id)))
    return found


def _tile(figure: Figure, now: Value, before: Value) -> Tile:
    change: float | None = None
    if now.value is not None and before.value is not None:
        if figure.unit == "share":
            change = now.value - before.value
        elif before.value:
            change = now.value / before.value - 1
    if not change or not figure.better or abs(change) < 0.005:
        return Tile(figure, now, before, change, "")
    return Tile(figure, now, before, change, "good" if (change > 0) == (figure.better == "up") else "bad")


def columns(made: Report, group: str) -> tuple[Group, list[Figure]]:
    """The group to show and its figures; the usual one where this is none of them."""
    kind = made.rows[0].kind if made.rows else made.total.kind
    chosen = next((each for each in GROUPS[kind] if each == group), GROUPS[kind][0])
    return chosen, report.columns(made, chosen)


def groups(made: Report) -> tuple[Group, ...]:
    return GROUPS[made.rows[0].kind if made.rows else made.total.kind]


def calls_behind(line: Line, figure: Figure, period: Period, by: Dimension, zone: ZoneInfo, setting: Setting) -> str:
    """The query of /calls that lists the calls behind a number; "" where there is none. `setting`: T and S of the line."""
    if not figure.what:
        return ""
    when = line.period or period
    asked: dict[str, Any] = {"since": _local(when.since, zone), "until": _local(when.until, zone)}
    asked |= {name: value for name in ("queue", "agent", "line", "campaign") if (value := getattr(line.of, name))}
    asked |= _part(line.key, by)
    if figure.what != "all":
        asked["what"] = figure.what
    if figure.what in LIMITS:
        asked["within"] = f"{getattr(setting, LIMITS[figure.what]):g}"
    return urlencode(asked)


def _part(key: str, by: Dimension) -> dict[str, str]:
    """Of the whole period, a row's day of the week or hour of the day; the rows of all and of before have no key."""
    if not key.isdecimal() or by not in ("weekday", "clock"):
        return {}
    return {"weekday": str(int(key) + 1)} if by == "weekday" else {"hour": str(int(key))}


def _local(utc: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(utc, zone).strftime("%Y-%m-%dT%H:%M")


def choices(config: Config, sources: Sources, user: User) -> Mapping[str, list[tuple[str, str]]]:
    """What can be chosen: those of the configuration, and those of the past."""
    store, ledger = sources.store, sources.ledger
    queues = dict.fromkeys([*(each.name for each in config.queues), *store.names("queue")])
    agents = {each.id: each.name or each.id for each in config.agents} | {
        each: each for each in store.names("agent") if config.agent(each) is None}
    lines = dict.fromkeys([*(each.name for each in config.lines), *(ledger.rollup_subjects("line:") if ledger else [])])
    campaigns = [each for each in (ledger.campaigns() if ledger else []) if user.sees_list(each.created.list)]
    return {
        "queue": [(each, each) for each in queues if user.sees_queue(each)],
        "agent": list(agents.items()) if user.queues is None else [],
        "line": [(each, each) for each in lines] if user.queues is None else [],
        "campaign": [(str(each.campaign), f"{each.campaign} {each.created.name}") for each in reversed(campaigns[-200:])],
    }


def text_by(view: Callable[[float], str], value: float | None) -> str:
    return "–" if value is None else view(value)
