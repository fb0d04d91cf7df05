"""`switchroom figures`: the office's figures, and the sums that they are made of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from appliance.cli.answers import json_option
from appliance.cli.cdr import parse_when
from appliance.clock import SystemClock
from appliance.config.model import Config
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.figures import reference, report, schedule, table
from appliance.figures.ask import Of, Sources
from appliance.figures.definitions import BY_ID, Figure
from appliance.figures.shown import USUAL, bounds, text_of
from appliance.figures.store import FiguresStore
from appliance.ledger.reader import LedgerReader
from appliance.mail import figures as mails

PERIODS = ("today", "yesterday", "week", "last-week", "month", "last-month")
DIMENSIONS = ("queue", "agent", "line", "campaign", "quarter", "hour", "day", "weekday", "clock")


@click.group()
def figures() -> None:
    """The office's figures over any period.

    \b
    switchroom figures show                            today, by queue
    switchroom figures show --period week --by agent
    switchroom figures show --since 2026-11-01 --until 2026-11-26 --by day --queue front
    switchroom figures mail                            which figures are mailed when; with a name: now
    switchroom figures rebuild                         compute the sums anew from the ledger
    """


@contextmanager
def _sources(data: Path, config: Config) -> Iterator[tuple[Sources, FiguresStore]]:
    with ExitStack() as stack:
        store = stack.enter_context(FiguresStore(data))
        ledger: LedgerReader = stack.enter_context(LedgerReader(data / "ledger"))
        yield Sources(store, ledger, ZoneInfo(config.office.timezone), time.time()), store


@contextmanager
def _bar(text: str) -> Iterator[Progress]:
    console = Console(stderr=True)
    with Progress(TextColumn(text), BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f} records"),
                  TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress


def _catch_up(sources: Sources, store: FiguresStore, anew: bool = False) -> None:
    assert sources.ledger is not None
    with _bar("Reading the ledger") as bar:
        task = bar.add_task("", total=sources.ledger.last_seq())

        def told(done: int, last: int) -> None:
            bar.update(task, completed=done, total=max(done, last))

        (store.rebuild if anew else store.catch_up)(sources.ledger, told)


@figures.command()
@click.option("--period", type=click.Choice(PERIODS), help="A period by name (default: today).")
@click.option("--since", metavar="DAY", help="The first day: 2026-11-01, yesterday, 7d.")
@click.option("--until", metavar="DAY", help="The last day, included (default: today).")
@click.option("--by", type=click.Choice(DIMENSIONS), default="queue", show_default=True, help="What stands in the rows.")
@click.option("--queue", default="", help="Of this queue.")
@click.option("--agent", default="", help="Of this agent.")
@click.option("--line", default="", help="Of this line.")
@click.option("--campaign", default=0, type=click.IntRange(0), help="Of this campaign.")
@click.option("--within", type=click.FloatRange(1, 3600), help="T of the service level, in seconds (default: the queue's).")
@click.option("--figure", "wanted", multiple=True, metavar="ID", help="Show this figure; may be given again. See `figures list`.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write .csv or .xlsx with all figures.")
@json_option
@click.pass_context
def show(ctx: click.Context, period: str | None, since: str | None, until: str | None, by: str, queue: str, agent: str, line: str,
         campaign: int, within: float | None, wanted: tuple[str, ...], output: Path | None) -> None:
    """Figures of a period, compared with the one before."""
    config = Store(ctx.obj.data).current()
    zone = ZoneInfo(config.office.timezone)
    question = report.Question(
        period=period or ("custom" if since or until else "today"), since=_day(since, zone), until=_day(until, zone),  # type: ignore[arg-type]
        by=by, of=Of(queue=queue, agent=agent, line=line, campaign=campaign), within=within)  # type: ignore[arg-type]
    with _sources(ctx.obj.data, config) as (sources, store):
        _catch_up(sources, store)
        made = report.ask_for(question, sources, config)
    if output is not None:
        _write(made, output, zone)
    elif ctx.obj.json:
        click.echo(msgspec.json.encode(made).decode())
    else:
        _print(made, wanted, zone)


def _day(text: str | None, zone: ZoneInfo) -> date | None:
    if not text:
        return None
    return datetime.fromtimestamp(parse_when(text, datetime.now(zone)), zone).date()


def _write(made: report.Report, output: Path, zone: ZoneInfo) -> None:
    kinds = {".csv": table.csv_bytes, ".xlsx": table.xlsx_bytes}
    if output.suffix not in kinds:
        raise SwitchroomError("figures.bad-file", "{output} is neither .csv nor .xlsx.", "Name the file that way.",
                              output=output)
    output.write_bytes(kinds[output.suffix](made, zone))
    click.echo(f"{len(made.rows)} rows are in {output}.", err=True)


def _print(made: report.Report, wanted: tuple[str, ...], zone: ZoneInfo) -> None:
    unknown = [each for each in wanted if each not in BY_ID]
    if unknown:
        raise SwitchroomError("figures.unknown", "There is no figure {unknown}.", "See `switchroom figures list`.",
                              unknown=repr(unknown[0]))
    kind = made.rows[0].kind if made.rows else made.total.kind
    shown = [BY_ID[each] for each in wanted or USUAL[kind]]
    console = Console()
    grid = Table(title=f"{_time(made.period.since, zone)} to {_time(made.period.until, zone)}, by {made.question.by}")
    grid.add_column(made.question.by)
    for figure in shown:
        grid.add_column(figure.name, justify="right")
    for line in made.rows:
        grid.add_row(table.key_text(made, line, zone), *(_beside_goal(figure, line) for figure in shown))
    grid.add_section()
    grid.add_row("all", *(_beside_goal(figure, made.total) for figure in shown))
    if made.total.goals:
        grid.add_row("target", *(bounds(figure, made.total.goals.get(figure.id)) for figure in shown), style="dim")
    grid.add_row("before", *(text_of(figure, made.before.get(figure.id)) for figure in shown), style="dim")
    console.print(grid)
    if any(goal.standing in SIGNS for line in (*made.rows, made.total) for goal in line.goals.values()):
        console.print("[dim]◆ off its target, ■ far from it[/]")
    console.print(f"[dim]T = {made.setting.level_seconds:g} s, S = {made.setting.short_seconds:g} s[/]")


SIGNS = {"missed": "[yellow]{} ◆[/]", "alarm": "[red]{} ■[/]"}


def _beside_goal(figure: Figure, line: report.Line) -> str:
    """A value, with a sign and in colour where it is off its target."""
    goal = line.goals.get(figure.id)
    return SIGNS.get(goal.standing or "" if goal else "", "{}").format(text_of(figure, line.values.get(figure.id)))


def _time(utc: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(utc, zone).strftime("%Y-%m-%d %H:%M")


@figures.command("list")
@json_option
@click.pass_context
def list_figures(ctx: click.Context) -> None:
    """Each figure with its formula."""
    if ctx.obj.json:
        click.echo(msgspec.json.encode([
            {"id": each.id, "name": each.name, "formula": each.formula, "unit": each.unit, "better": each.better, "of": each.of}
            for each in BY_ID.values()]).decode())
        return
    grid = Table("Figure", "Id", "Formula", "Unit")
    for group in reference.GROUPS:
        for each in BY_ID.values():
            if each.group == group:
                grid.add_row(each.name, each.id, each.formula, each.unit)
        grid.add_section()
    Console().print(grid)


@figures.command()
@click.pass_context
def rebuild(ctx: click.Context) -> None:
    """Compute all sums anew from the ledger; a running box is not disturbed."""
    config = Store(ctx.obj.data).current()
    began = time.monotonic()
    with _sources(ctx.obj.data, config) as (sources, store):
        _catch_up(sources, store, anew=True)
        click.echo(f"{store.progress().seq:,} records in {time.monotonic() - began:.1f} s.")


@figures.command()
@click.argument("name", required=False)
@click.option("--to", multiple=True, metavar="ADDRESS", help="To this address instead; may be given again.")
@json_option
@click.pass_context
def mail(ctx: click.Context, name: str | None, to: tuple[str, ...]) -> None:
    """Without NAME: which figures are mailed when. With NAME: mail that report now."""
    config = Store(ctx.obj.data).current()
    if name is None:
        _list_reports(ctx, config)
        return
    wanted = next((each for each in config.reports if each.name == name), None)
    if wanted is None:
        names = ", ".join(each.name for each in config.reports) or "none"
        raise SwitchroomError("figures.unknown-report", "There is no report {name}.", "[[reports]] has: {names}.",
                              name=repr(name), names=names)
    if to:
        wanted = msgspec.structs.replace(wanted, to=list(to))
    now = time.time()
    queued = mails.queue_report(ctx.obj.data, config, wanted, now, SystemClock())
    id = mails.mail_id(wanted, now, ZoneInfo(config.office.timezone))
    click.echo(f"{id} is in the outbox." if queued else f"{id} was queued within this minute already.")


def _list_reports(ctx: click.Context, config: Config) -> None:
    zone, now = ZoneInfo(config.office.timezone), time.time()
    rows = [(each, schedule.next_due(each, now, zone)) for each in config.reports]
    if ctx.obj.json:
        click.echo(msgspec.json.encode([{"name": each.name, "every": each.every, "period": each.about, "by": each.by,
                                         "to": each.to, "next": due} for each, due in rows]).decode())
        return
    grid = Table("Report", "About", "By", "Next", "To")
    for each, due in rows:
        grid.add_row(each.name, each.about, each.by, _time(due, zone), ", ".join(each.to))
    Console().print(grid if rows else "No figures are mailed: see [[reports]] in docs/configuration.md.", markup=False)
