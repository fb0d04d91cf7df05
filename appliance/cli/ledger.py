"""`switchroom ledger`: look at the events, check them, rebuild what is derived from them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from appliance.calls.routing import caller_on
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.ledger import rebuild as work
from appliance.ledger.numbers import Form
from appliance.ledger.reader import LedgerReader
from appliance.messages import Record


@click.group()
def ledger() -> None:
    """The ledger of events: the one truth. Call records, indexes and figures are derived from it."""


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_context
def rebuild(ctx: click.Context, as_json: bool) -> None:
    """Derive call records, indexes and sums again from the events. The box must be stopped. Callers' numbers that an
    older release noted as the line writes them are put into the form of today."""
    with _progress("Rebuilding") as progress:
        found = work.rebuild(ctx.obj.data / "ledger", progress, _form(ctx.obj.data))
    if as_json or ctx.obj.json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        click.echo(f"{found.events} events gave {found.cdrs} call records; {found.open_calls} calls are open.")
        if found.numbers:
            click.echo(f"{found.numbers} numbers of callers stood as a line writes them, and are found like all others now. "
                       "`switchroom figures rebuild` counts them anew.")


def _form(data: Path) -> Form:
    """How the office in force writes callers' numbers; without one they stay as they are."""
    try:
        config = Store(data).current()
    except SwitchroomError as problem:
        if problem.id != "config.none":
            raise
        return lambda line, number: number
    return partial(caller_on, config)


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Read everything once and say whether it fits together. May run beside a running box. Exit status 1 if not."""
    with _progress("Checking") as progress:
        found = work.check(ctx.obj.data / "ledger", progress)
    if as_json or ctx.obj.json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        console = Console()
        table = Table(show_header=False, box=None)
        for name, value in msgspec.structs.asdict(found).items():
            if name != "problems":
                table.add_row(name.replace("_", " "), f"{value:,}")
        console.print(table)
        for problem in found.problems:
            console.print(f"[red]{problem}[/]", highlight=False)
        if found.problems:
            console.print("Derived records can be made anew: stop the box and run `switchroom ledger rebuild`.")
        else:
            console.print("[green]Sound.[/]")
    if found.problems:
        ctx.exit(1)


@ledger.command()
@click.option(
    "--lines", "-n", default=20, show_default=True, type=click.IntRange(0, 100_000), help="The last so many events."
)
@click.option("--after", type=click.IntRange(0), help="Begin after this sequence number instead.")
@click.option("--follow", "-f", is_flag=True, help="Go on as events arrive, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_context
def tail(ctx: click.Context, lines: int, after: int | None, follow: bool, as_json: bool) -> None:
    """The last events, one per line."""
    with LedgerReader(ctx.obj.data / "ledger") as reader:
        seq = max(0, reader.last_seq() - lines) if after is None else after
        while True:
            for record in reader.follow(seq):
                click.echo(_line(record, as_json or ctx.obj.json))
                seq = record.seq
            if not follow:
                return
            time.sleep(0.2)


def _line(record: Record, as_json: bool) -> str:
    if as_json:
        return msgspec.json.encode(record).decode()
    fields = msgspec.to_builtins(record.event)
    name = fields.pop("type")
    told = " ".join(f"{key}={value!r}" for key, value in fields.items())
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.utc))
    return f"{record.seq:>8} {when}.{int(record.utc % 1 * 1000):03d} {name} {told}"
