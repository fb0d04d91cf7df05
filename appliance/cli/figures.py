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

from appliance.cli.campaign import json_option
from appliance.cli.cdr import parse_when
from appliance.config.model import Config
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.figures import reference, report, table
from appliance.figures.ask import Of, Sources
from appliance.figures.definitions import BY_ID, Figure, Value
from appliance.figures.store import FiguresStore
from appliance.ledger.reader import LedgerReader

PERIODS = ("today", "yesterday", "week", "last-week", "month", "last-month")
DIMENSIONS = ("queue", "agent", "line", "campaign", "quarter", "hour", "day", "weekday", "clock")
USUAL = {
    "queue": ("offered", "answered", "service-level", "asa", "abandon-rate", "unhandled", "aht"),
    "agent": ("handled", "aht", "talk-share", "occupancy", "transfer-rate", "missed-offers", "logged-in"),
    "line": ("calls", "calls-answered", "calls-failed", "line-use", "call-talk"),
    "campaign": ("dialled", "reached", "confirmed", "heard", "hung-up", "no-answer", "busy", "retries"),
    "office": ("offered", "answered", "service-level", "asa", "abandon-rate", "unhandled", "aht"),
}


@click.group()
def figures() -> None:
    """The office's figures over any period.

    \b
    switchroom figures show                            today, by queue
    switchroom figures show --period week --by agent
    switchroom figures show --since 2026-11-01 --until 2026-11-26 --by day --queue front
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
        raise SwitchroomError("figures.bad-file", f"{output} is neither .csv nor .xlsx.", "Name the file that way.")
    output.write_bytes(kinds[output.suffix](made, zone))
    click.echo(f"{len(made.rows)} rows are in {output}.", err=True)


def _print(made: report.Report, wanted: tuple[str, ...], zone: ZoneInfo) -> None:
    unknown = [each for each in wanted if each not in BY_ID]
    if unknown:
        raise SwitchroomError("figures.unknown", f"There is no figure {unknown[0]!r}.", "See `switchroom figures list`.")
    kind = made.rows[0].kind if made.rows else made.total.kind
    shown = [BY_ID[each] for each in wanted or USUAL[kind]]
    console = Console()
    grid = Table(title=f"{_time(made.period.since, zone)} to {_time(made.period.until, zone)}, by {made.question.by}")
    grid.add_column(made.question.by)
    for figure in shown:
        grid.add_column(figure.name, justify="right")
    for line in made.rows:
        grid.add_row(table.key_text(made, line, zone), *(text_of(figure, line.values.get(figure.id)) for figure in shown))
    grid.add_section()
    grid.add_row("all", *(text_of(figure, made.total.values.get(figure.id)) for figure in shown))
    grid.add_row("before", *(text_of(figure, made.before.get(figure.id)) for figure in shown), style="dim")
    console.print(grid)
    console.print(f"[dim]T = {made.setting.level_seconds:g} s, S = {made.setting.short_seconds:g} s[/]")


def _time(utc: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(utc, zone).strftime("%Y-%m-%d %H:%M")


def text_of(figure: Figure, found: Value | None) -> str:
    if found is None or found.value is None:
        return "–"
    match figure.unit:
        case "share":
            return f"{100 * found.value:.1f} %"
        case "seconds":
            whole = round(found.value)
            return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"
        case "per-hour":
            return f"{found.value:.1f}/h"
        case "points":
            return f"{found.value:+.0f}"
        case "score":
            return f"{found.value:.2f}"
    return f"{found.value:,.0f}"


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
