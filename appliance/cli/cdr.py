"""`switchroom cdr`: search, show and export call records."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
from rich import box
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from appliance.cli import noting
from appliance.cli.office import office_now, office_time
from appliance.errors import SwitchroomError
from appliance.ledger import export
from appliance.ledger.cdr import Answer, CdrRow, LegRecord, Recorded
from appliance.ledger.reader import LedgerReader
from appliance.ledger.when import parse_when
from appliance.system import files


def filters(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose calls."""
    for option in reversed((
        click.option("--since", metavar="WHEN", help="today, yesterday, 2h, 7d, 2026-11-22, 2026-11-22T10:00 (office time)."),
        click.option("--until", metavar="WHEN", help="Calls that began before this."),
        click.option("--number", default="", help="Calls with this party: +358401234567."),
        click.option("--line", default="", help="Calls over this line."),
        click.option("--extension", default="", help="Calls of this phone."),
        click.option("--queue", default="", help="Calls that came to this queue."),
        click.option("--agent", default="", help="Calls that this agent had from a queue (id)."),
        click.option("--campaign", type=click.IntRange(1), help="Calls of this campaign."),
    )):  # fmt: skip
        function = option(function)
    return function


def query(since: str | None, until: str | None, campaign: int | None, **rest: Any) -> dict[str, Any]:
    now = office_now()
    return {
        "since": parse_when(since, now) if since else None, "until": parse_when(until, now) if until else None,
        "campaign": campaign or 0, **rest,
    }  # fmt: skip


def open_reader(ctx: click.Context) -> LedgerReader:
    return LedgerReader(ctx.obj.data / "ledger")


WIDE = 100
"""Columns of a terminal that shows all of the list of calls."""


@click.group()
def cdr() -> None:
    """Search and export call records. There is one per call, however many legs it had."""


@cdr.command("list")
@filters
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--after", default="", metavar="KEY", help="Go on after this record (`key` in --json).")
@click.option("--oldest", is_flag=True, help="Oldest first (default: newest first).")
@click.option("--json", "as_json", is_flag=True, help="One JSON list, for scripts.")
@click.pass_context
def list_command(ctx: click.Context, limit: int, after: str, oldest: bool, as_json: bool, **given: Any) -> None:
    """The calls that fit, newest first."""
    with open_reader(ctx) as reader:
        rows = reader.rows(limit=limit, after=after, newest_first=not oldest, **query(**given))
    if as_json or ctx.obj.json:
        click.echo(msgspec.json.encode([{**export.plain(row), "key": row.key} for row in rows]).decode())
        return
    console = Console()
    if not rows:
        console.print("No calls fit.")
        return
    console.print(calls_table(rows, console.width))
    if len(rows) == limit:
        console.print(f"[dim]There may be more: add --after {rows[-1].key}[/]")


def calls_table(rows: list[CdrRow], width: int) -> Table:
    """One line per call, its id whole, since other commands ask for it; a terminal of few columns is told less."""
    wide = width >= WIDE
    table = Table(highlight=False, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=wide, padding=(0, 1 if wide else 0, 0, 0))
    for title in ("Began", "", "From", "To", *(["Line"] if wide else []), "Came to"):
        table.add_column(title, no_wrap=title not in ("From", "To"), overflow="fold")
    for title in (*(["Ring"] if wide else []), "Talk"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("Call", no_wrap=True)
    for row in rows:
        came_to = row.outcome or row.disposition
        bad = row.disposition in ("failed", "interrupted")
        colour = "green" if row.disposition == "answered" else "red" if bad else "yellow"
        table.add_row(
            office_time(row.start)[5:None if wide else 16], {"in": "←", "out": "→", "internal": "↔"}[row.direction],
            _plain(row.caller), _plain(row.to), *([_plain(row.line)] if wide else []), f"[{colour}]{came_to}[/]",
            *([f"{row.ring:.0f} s"] if wide else []), f"{row.talk:.0f} s", _plain(row.call),
        )  # fmt: skip
    return table


def _plain(text: str) -> str:
    """Text from the network: no markup, no control characters."""
    return "".join(c if c.isprintable() else "?" for c in text).replace("[", "\\[")


@cdr.command()
@click.argument("call")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_context
def show(ctx: click.Context, call: str, as_json: bool) -> None:
    """All about one call, by its id or the SIP Call-ID of one of its legs."""
    with open_reader(ctx) as reader:
        found = reader.cdr(call) or reader.cdr_of_sip(call)
    if found is None:
        raise SwitchroomError("cdr.unknown", "There is no call {call}.",
                              "`switchroom cdr list` shows the calls and their ids.", call=repr(call))
    if as_json or ctx.obj.json:
        click.echo(msgspec.json.encode(export.plain(found)).decode())
        return
    console = Console()
    facts = Table(show_header=False, box=None, title=f"Call {_plain(found.call)}", title_justify="left")
    for name, value in export.flat(found).items():
        if value not in ("", None, 0) and name not in ("call", "legs", "sip_call_ids", "recordings", "answers"):
            facts.add_row(name, _plain(str(round(value, 3) if isinstance(value, float) else value)))
    console.print(facts)
    for leg in found.legs:
        console.print(_leg(leg))
    for recording in found.recordings:
        console.print(_recording(recording))
    if found.answers:
        console.print(_answers(found.answers))


def _leg(leg: LegRecord) -> Table:
    arrow = {"in": "←", "out": "→"}[leg.direction]
    table = Table(show_header=False, box=None, title_justify="left")
    table.title = f"Leg {_plain(leg.leg)} {arrow} {_plain(leg.endpoint)}"
    cause, quality = leg.cause, leg.quality if leg.answered is not None else None
    facts = {
        "party": f"{leg.number} {leg.name}".strip(), "opened": office_time(leg.opened), "rang": _after(leg.rang),
        "answered": _after(leg.answered), "ended": _after(leg.ended), "held": f"{leg.held:.1f} s" if leg.held else "",
        "codec": leg.codec, "cause": f"by {cause.by}, SIP {cause.sip}, Q.850 {cause.q850} {cause.tone or cause.text}".strip(),
        "quality": f"MOS {quality.mos:.1f}, loss {quality.loss:.1%}, jitter {quality.jitter_ms:.1f} ms" if quality else "",
        "SIP Call-ID": leg.sip_call_id,
    }  # fmt: skip
    for name, value in facts.items():
        if value:
            table.add_row(name, _plain(value))
    return table


def _recording(kept: Recorded) -> Table:
    table = Table(show_header=False, box=None, title=f"Recording {_plain(kept.recording)}", title_justify="left")
    facts = {
        "of leg": f"{kept.leg}, from +{kept.at:.1f} s", "length": f"{kept.seconds:.1f} s, {kept.bytes} bytes",
        "paused": ", ".join(f"{since:.1f} to {until:.1f} s" for since, until in kept.pauses), "begun by": kept.why,
        "ended": kept.reason or "it runs", "erased": kept.erased, "SHA-256": kept.sha256,
    }  # fmt: skip
    for name, value in facts.items():
        if value:
            table.add_row(name, _plain(value))
    return table


def _answers(answers: list[Answer]) -> Table:
    table = Table(show_header=False, box=None, title="Survey", title_justify="left")
    for each in answers:
        table.add_row(_plain(f"{each.survey}: {each.question}"), each.kind, _plain(each.recording or str(each.score)))
    return table


def _after(seconds: float | None) -> str:
    return "" if seconds is None else f"+{seconds:.1f} s"


@cdr.command("export")
@filters
@click.option(
    "--format", "form", type=click.Choice(["csv", "jsonl", "parquet"]), help="Default: by the file's name, else csv."
)
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="A file (default: standard output)."
)
@click.option("--limit", type=click.IntRange(1), help="At most so many calls.")
@click.pass_context
def export_command(ctx: click.Context, form: str | None, output: Path | None, limit: int | None, **given: Any) -> None:
    """Write the calls that fit, oldest first, as CSV, JSON lines or Parquet. The size does not matter: nothing is
    collected."""
    known = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
    form = form or (known.get(output.suffix.lower(), "csv") if output else "jsonl" if ctx.obj.json else "csv")
    if form == "parquet" and output is None:
        raise SwitchroomError("cdr.no-file", "Parquet goes into a file.", "Add --output calls.parquet.")
    with open_reader(ctx) as reader:
        asked = query(**given)
        noting.note(ctx.obj.data, "calls.export", form, _told(given))
        calls = export.walk(reader, limit, **asked)
        if output is None:
            lines = export.csv_lines(calls) if form == "csv" else export.json_lines(calls)
            for line in lines:
                sys.stdout.write(line)
            return
        count = _to_file(calls, form, output)
    Console(stderr=True).print(f"{count} calls in {output}")


def _told(given: dict[str, Any]) -> str:
    """The filter as it is noted; that a number was asked for, not which."""
    return ", ".join(f"{name} {'given' if name == 'number' else value}" for name, value in given.items() if value)


def _to_file(calls: Any, form: str, output: Path) -> int:
    """Into a file beside it first: a name is only given to a whole file."""
    partial = output.with_name(output.name + ".part")
    columns = (SpinnerColumn(), TextColumn("{task.completed} calls"), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("", total=None)
            if form == "parquet":
                count = export.write_parquet(calls, partial, lambda done: progress.update(task, completed=done))
            else:
                count = -1 if form == "csv" else 0
                with partial.open("w", encoding="utf-8", newline="") as file:
                    for line in export.csv_lines(calls) if form == "csv" else export.json_lines(calls):
                        file.write(line)
                        count += 1
                        progress.update(task, completed=max(0, count))
        files.put(partial, output)
    except OSError as error:
        raise SwitchroomError("cdr.cannot-write", "{output} cannot be written: {error}.", "Choose another file.",
                              output=output, error=error) from error
    finally:
        partial.unlink(missing_ok=True)
    return count
