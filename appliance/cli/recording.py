"""`switchroom recording`: the recordings of calls, and whether they still are what they were."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Column, Table

from appliance.cli import noting
from appliance.cli.cdr import open_reader, parse_when
from appliance.cli.office import office_now, office_time
from appliance.cli.person import erase_of
from appliance.core.recordings import digest_of
from appliance.errors import SwitchroomError
from appliance.ledger import kept as ledger_kept
from appliance.ledger.reader import LedgerReader
from appliance.messages import RecordingEnded, RecordingErased, RecordingStarted


class Kept(ledger_kept.Kept, kw_only=True):
    """What the ledger knows of one recording. `erased` why its file is gone."""

    recording: str
    began: float
    erased: str = ""


def known(reader: LedgerReader, since: float) -> dict[str, Kept]:
    """The recordings begun since then (UTC s), by name, in order."""
    found: dict[str, Kept] = {}
    for record in reader.follow(max(0, reader.seq_at(since) - 1)):
        event: Any = record.event
        if isinstance(event, RecordingStarted):
            found[event.recording] = Kept(
                recording=event.recording, call=event.call, began=record.utc, queue=event.queue, why=event.why)
        elif isinstance(event, RecordingEnded) and (begun := found.get(event.recording)):
            begun.end(event)
        elif isinstance(event, RecordingErased) and (begun := found.get(event.recording)):
            begun.erased = event.reason
    return found


def trouble(folder: Path, kept: Kept) -> str:
    """What is wrong with a recording's file; "" nothing."""
    path = folder / kept.recording
    if kept.erased:
        return "it was erased, and is still there" if path.exists() else ""
    if not kept.reason:
        return ""  # it runs
    try:
        size, digest = digest_of(path)
    except OSError as problem:
        return problem.strerror or "it cannot be read"
    if not kept.sha256:
        return "nothing is known of what it should be"
    return "" if (size, digest) == (kept.bytes, kept.sha256) else "it is not what was recorded"


@click.group()
def recording() -> None:
    """List, export, verify and erase the recordings of calls."""


_since = click.option("--since", default="7d", show_default=True, metavar="WHEN", help="today, 7d, 2026-11-22, …")


def _utc(since: str) -> float:
    return parse_when(since, office_now())


@recording.command("list")
@_since
@click.option("--call", default="", help="Of this call alone.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_context
def list_command(ctx: click.Context, since: str, call: str, as_json: bool) -> None:
    """The recordings, oldest first."""
    with open_reader(ctx) as reader:
        rows = [kept for kept in known(reader, _utc(since)).values() if call in ("", kept.call)]
    if as_json or ctx.obj.json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    table = Table("Began", Column("Call", no_wrap=True), "Queue", "Why", "Length", "State", "Recording", highlight=False)
    for kept in rows:
        state = f"erased: {kept.erased}" if kept.erased else kept.reason or "runs"
        began = office_time(kept.began)
        table.add_row(began, kept.call, kept.queue, kept.why, f"{kept.seconds:.0f} s", state, kept.recording)
    Console().print(table)


@recording.command()
@click.argument("call")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@_since
@click.pass_context
def export(ctx: click.Context, call: str, folder: Path, since: str) -> None:
    """Copy the recordings of CALL into FOLDER. The caller is on the left, the office on the right."""
    with open_reader(ctx) as reader:
        rows = [kept for kept in known(reader, _utc(since)).values() if kept.call == call]
    source = ctx.obj.data / "recordings"
    there = [kept for kept in rows if (source / kept.recording).is_file()]
    if not there:
        raise SwitchroomError("recording.none", "There is no recording of {call}.", "See `switchroom recording list`.",
                              call=repr(call))
    folder.mkdir(parents=True, exist_ok=True)
    for kept in there:
        noting.note(ctx.obj.data, "recording.download", kept.recording, f"call {kept.call}")
        made = folder / Path(kept.recording).name
        shutil.copyfile(source / kept.recording, made)
        click.echo(str(made))


@recording.command()
@_since
@click.pass_context
def verify(ctx: click.Context, since: str) -> None:
    """Compare every recording with what the ledger says of it. Exit status 1 where one is missing or changed."""
    with open_reader(ctx) as reader:
        rows = known(reader, _utc(since))
    bad = dict(_bad(ctx.obj.data / "recordings", rows))
    for name, what in bad.items():
        click.echo(f"{name}: {what}")
    click.echo(f"{len(rows)} recordings, {len(bad)} with trouble.")
    if bad:
        ctx.exit(1)


@recording.command()
@click.option("--number", required=True, metavar="NUMBER", help="All calls with this number, as caller or called.")
@click.option("--dry-run", is_flag=True, help="Only say how many would go.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_context
def erase(ctx: click.Context, number: str, dry_run: bool, as_json: bool) -> None:
    """Erase the recordings of one person. The box must be running. `switchroom person erase` takes all else along."""
    erase_of(ctx, number, ["recordings"], dry_run, as_json)


def _bad(folder: Path, rows: dict[str, Kept]) -> Iterator[tuple[str, str]]:
    for name, kept in rows.items():
        what = trouble(folder, kept)
        if what:
            yield name, what
