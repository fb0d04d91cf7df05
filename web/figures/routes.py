"""/figures: the office's figures over a period, and the same as a file."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from flask import Blueprint, Response, current_app, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date, format_datetime, get_locale
from flask_babel import gettext as _

from appliance.errors import SwitchroomError
from appliance.figures import report, table
from appliance.figures.ask import Sources
from appliance.figures.definitions import COMING, Figure, Value
from appliance.figures.goals import Goal
from appliance.figures.report import Line, Report
from appliance.users.rights import Right
from web import ui
from web.app import services
from web.figures import charts, service
from web.figures.service import Asked
from web.i18n import language
from web.security.access import may, needs

blueprint = Blueprint("figures", __name__, url_prefix="/figures", template_folder="templates")

WAITED = (("abandoned", "bad"), ("other", "other"), ("answered", "good"))


def asked_for() -> tuple[Asked, str]:
    """What the address asks for, and the group of figures to show. Empty fields of a form are as good as none."""
    given = {name: value for name, value in request.args.items() if value and name not in ("group", "of")}
    if of := request.args.get("of"):
        kind, _colon, name = of.partition(":")
        given[kind] = name
    if given.get("period") != "custom":
        given.pop("since", None)
        given.pop("until", None)
    try:
        return msgspec.convert(given, Asked, strict=False), request.args.get("group", "")
    except msgspec.ValidationError:
        raise SwitchroomError("figures.bad-question", "This cannot be asked.", "Start from the page of figures again.") from None


def _sources() -> Sources:
    box = services()
    return box.figures.sources(box.config)


@blueprint.get("")
@needs(Right.FIGURES_VIEW)
def index() -> ResponseReturnValue:
    box, sources = services(), _sources()
    asked, wanted = asked_for()
    problem = None
    try:
        made = service.answer(asked, sources, box.config, g.user)
    except SwitchroomError as wrong:
        if wrong.id == "web.forbidden":
            raise
        problem, asked = wrong, Asked()
        made = service.answer(asked, sources, box.config, g.user)
    group, columns = service.columns(made, wanted)
    page = render_template(
        "figures/index.html", asked=asked, made=made, group=group, columns=columns, tiles=service.tiles(made), problem=problem,
        groups=service.groups(made), choices=service.choices(box.config, sources, g.user), coming=COMING, show=show,
        change=change, goal_text=goal_text, bounds=bounds, charts=_charts(asked, made, sources),
        row_name=_namer(made, sources.zone), calls=_caller(made, sources.zone),
        period=_span(made.period.since, made.period.until, sources.zone), day=_day,
        compared=_span(made.compared.since, made.compared.until, sources.zone),
        here={**request.args.to_dict()}, chosen=_chosen(asked), GROUP_NAMES=_groups())
    return page, 400 if problem else 200


def _charts(asked: Asked, made: Report, sources: Sources) -> dict[str, charts.Chart]:
    """Contacts over time, and the service level; of lines and campaigns their calls."""
    timed = service.answer(service.over_time(asked, made), sources, services().config, g.user)
    behind, name = _caller(timed, sources.zone), _namer(timed, sources.zone)
    by_kind: dict[str, tuple[str, str, str]] = {
        "line": ("calls", "", "calls-failed"), "campaign": ("dialled", "confirmed", "unreachable"),
        "agent": ("handled", "handled", ""),
    }
    whole, good, bad = by_kind.get(made.total.kind, ("offered", "answered", "abandoned"))
    columns = []
    for line in timed.rows:
        all_, fine, lost = (_whole(line, each) for each in (whole, good, bad))
        other = max(0, all_ - fine - lost)
        level = line.values.get("service-level", Value(None)).value
        title = f"{name(line)}: {fine} / {all_}" if good else f"{name(line)}: {all_}"
        figure = next((each for each in service.report.columns(timed) if each.id == whole), None)
        columns.append(charts.Column(name(line), title, (("good", fine), ("other", other), ("bad", lost)), level,
                                     behind(line, figure) if figure else ""))
    found = {"contacts": charts.stacked(columns)} if columns else {}
    if any(each.level is not None for each in columns):
        goal = made.total.goals.get("service-level")
        found["level"] = charts.level([
            msgspec.structs.replace(each, title=f"{each.label}: {ui.percent(each.level) if each.level is not None else '–'}")
            for each in columns], ui.percent, goal.at_least if goal else None)
    return found


def _whole(line: Line, id: str) -> int:
    found = line.values.get(id) if id else None
    return round(found.value) if found is not None and found.value is not None else 0


def show(figure: Figure, found: Value | None) -> str:
    """A figure as people read it."""
    if found is None or found.value is None:
        return "–"
    match figure.unit:
        case "seconds":
            return ui.span(found.value)
        case "share":
            return ui.percent(found.value, 1)
        case "per-hour":
            return _("%(number)s an hour", number=ui.number(found.value, 1))
        case "points":
            return ("+" if found.value > 0 else "") + ui.number(found.value)
        case "score":
            return ui.number(found.value, 2)
    return ui.number(found.value)


def goal_text(figure: Figure, goal: Goal) -> str:
    """What it should be, as people read it."""
    low, high = (show(figure, Value(bound)) for bound in (goal.at_least, goal.at_most))
    if goal.at_least is None:
        return _("target: at most %(value)s", value=high)
    if goal.at_most is None:
        return _("target: at least %(value)s", value=low)
    return _("target: %(low)s to %(high)s", low=low, high=high)


def bounds(figure: Figure, goal: Goal) -> str:
    """The same in a column: ≥ 80.0%."""
    signs = (("≥", goal.at_least), ("≤", goal.at_most))
    return " ".join(f"{sign} {show(figure, Value(bound))}" for sign, bound in signs if bound is not None)


def change(tile: service.Tile) -> str:
    """What became of a figure since the period before."""
    if tile.change is None:
        return ""
    sign = "+" if tile.change > 0 else "−" if tile.change < 0 else "±"
    if tile.figure.unit == "share":
        return _("%(sign)s%(size)s points", sign=sign, size=ui.number(abs(100 * tile.change), 1))
    return sign + ui.percent(abs(tile.change))


def _span(since: float, until: float, zone: ZoneInfo) -> str:
    """Days where it is whole days, else with the time of day."""
    begin, end = datetime.fromtimestamp(since, zone), datetime.fromtimestamp(until, zone)
    if end.hour or end.minute or begin.hour or begin.minute:
        return f"{format_datetime(begin, 'short')} – {format_datetime(end, 'short')}"
    last = datetime.fromtimestamp(until - 1, zone).date()
    if last == begin.date():
        return format_date(last, "full")
    return f"{format_date(begin.date(), 'medium')} – {format_date(last, 'medium')}"


def _day(utc: float) -> str:
    return datetime.fromtimestamp(utc, ZoneInfo(services().config.office.timezone)).date().isoformat()


def _namer(made: Report, zone: ZoneInfo) -> Any:
    by, one_day = made.question.by, made.period.seconds <= 90_000

    def name(line: Line) -> str:
        match by:
            case "quarter" | "hour":
                moment = datetime.fromtimestamp(int(line.key), zone)
                return moment.strftime("%H:%M") if one_day else f"{format_date(moment.date(), 'short')} {moment:%H:%M}"
            case "day":
                return format_date(date.fromisoformat(line.key), "short")
            case "weekday":
                locale = get_locale()
                return locale.days["stand-alone"]["wide"][int(line.key)] if locale else line.key
            case "clock":
                return f"{int(line.key):02}:00"
        return line.name

    return name


def _caller(made: Report, zone: ZoneInfo) -> Any:
    """Where the calls behind a number are listed; "" for who may not see calls."""
    page = "calls.index" in current_app.view_functions and may(Right.CALLS_VIEW)

    def calls(line: Line, figure: Figure) -> str:
        if not page:
            return ""
        setting = report.setting_of(services().config, msgspec.structs.replace(made.question, of=line.of), made.period)
        query = service.calls_behind(line, figure, made.period, made.question.by, zone, setting)
        return f"{url_for('calls.index')}?{query}" if query else ""

    return calls


def _chosen(asked: Asked) -> str:
    return next((f"{kind}:{value}" for kind in ("queue", "agent", "line", "campaign") if (value := getattr(asked, kind))), "")


def _groups() -> dict[str, str]:
    return {"service": _("Waiting and answering"), "handling": _("Handling"), "results": _("Results"), "surveys": _("Surveys"),
            "agents": _("Agents"), "callbacks": _("Callbacks"), "campaigns": _("Campaigns"), "calls": _("Calls")}


@blueprint.get("/figures.<kind>")
@needs(Right.FIGURES_VIEW)
def export(kind: str) -> ResponseReturnValue:
    """All figures of the same question, as a file."""
    if kind not in ("csv", "xlsx"):
        raise SwitchroomError("web.not-found", "There is no such file.", "Choose CSV or XLSX.")
    sources = _sources()
    asked, _group = asked_for()
    made = service.answer(asked, sources, services().config, g.user)
    content = (table.csv_bytes if kind == "csv" else table.xlsx_bytes)(made, sources.zone, language())
    mimetype = "text/csv; charset=utf-8" if kind == "csv" else "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    name = f"figures-{_day(made.period.since)}-{_day(made.period.until - 1)}.{kind}"
    return Response(content, content_type=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}"'})
