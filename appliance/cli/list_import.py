"""`switchroom list import`: what the pages' upload does, for scripts: a file is checked row by row, and becomes a list."""

from __future__ import annotations

import csv
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from appliance import bus
from appliance.campaigns import intake, own
from appliance.campaigns.intake import Bad, Glance, Plan, State
from appliance.campaigns.purge import locked
from appliance.campaigns.render.tables import safe_cell
from appliance.cli import noting
from appliance.cli.answers import json_option
from appliance.config.apply import put_in_force
from appliance.config.model import Config, SubscriberList
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.messages import Reload

SHOWN = 20
NOTHING = SwitchroomError("list.nobody", "Nobody in this file can be called.", "Choose another column, or mend the file.")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--list", "number", required=True, metavar="NUMBER", help="The list that it becomes, or is added to.")
@click.option("--name", default="", help="Name of the list; without it the old one stays.")
@click.option("--replace", "mode", flag_value="replace", help="There is such a list: who is on it goes.")
@click.option("--add", "mode", flag_value="add", help="There is such a list: who is on it stays.")
@click.option("--number-column", default="", metavar="COLUMN", help="Column of the numbers: its name, or 1 for the first.")
@click.option("--name-column", default="", metavar="COLUMN", help="Column of the names; - for none.")
@click.option("--bad-rows", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="CSV",
              help="Write every row that cannot be called there.")
@click.option("--dry-run", is_flag=True, help="Only check the file.")
@json_option
@click.pass_context
def import_list(ctx: click.Context, file: Path, number: str, name: str, mode: str | None, number_column: str, name_column: str,
                bad_rows: Path | None, dry_run: bool) -> None:
    """Take a CSV file or workbook (XLSX) over as a list that the box keeps itself. Rows that cannot be called are left out and
    told; numbers that come twice are kept once; further columns stay. Exit status 1 where nothing was kept.

    \b
    switchroom list import people.xlsx --list 13 --name "House 7"
    switchroom list import people.csv --list 13 --replace --number-column Mobile --bad-rows bad.csv
    """
    data, store = ctx.obj.data, Store(ctx.obj.data)
    config = store.current()
    name = " ".join(name.split())[: own.MAX_NAME]
    entry = _entry(config, number, mode)
    intake.behave()
    glance = intake.glance(file)
    made = own.path_of(data, number).with_name(f".import-{secrets.token_hex(8)}.csv")
    try:
        with locked(made.parent):  # makes the folder, too
            pass
        state = _read(ctx, _plan(config, entry, file, glance, mode, number_column, name_column), glance, made)
        if bad_rows is not None:
            _write_bad(bad_rows, state.bad)
        if not state.good:
            _tell(ctx, state, number, saved=False)
            raise NOTHING
        if not dry_run:
            _keep(data, store, entry, number, name, made, f"list.{mode or 'new'}", state)
        _tell(ctx, state, number, saved=not dry_run)
    except OSError as problem:
        raise SwitchroomError("list.unwritable", "The list cannot be kept: {reason}.", "Free some space.",
                              reason=problem.strerror) from None
    except MemoryError:
        raise intake.TOO_LARGE from None
    finally:
        made.unlink(missing_ok=True)


def _entry(config: Config, number: str, mode: str | None) -> SubscriberList | None:
    """Raises SwitchroomError "list.unknown", and for a new one as `own.check_new`."""
    if mode is None:
        own.check_new(config, number)
        return None
    entry = config.list_numbered(number)
    if entry is None:
        raise SwitchroomError("list.unknown", "There is no list {number}.", "Leave out --{mode} to make it.", number=number[:20],
                              mode=mode)
    return entry


def _plan(config: Config, entry: SubscriberList | None, file: Path, glance: Glance, mode: str | None, number: str,
          name: str) -> Plan:
    number_at = _column(glance.columns, number, glance.number_at)
    if number_at < 0:
        raise SwitchroomError("list.no-column", "Which column has the numbers is not clear.",
                              "Say it with --number-column. There are: {known}.", known=", ".join(glance.columns)[:200])
    name_at = -1 if name == "-" else _column(glance.columns, name, glance.name_at if glance.name_at != number_at else -1)
    return Plan(source=str(file.absolute()), number_at=number_at, name_at=name_at, emergency=config.dialling.emergency,
                country=(entry.country if entry is not None else None) or config.office.country,
                **intake.before(entry) if entry is not None and mode == "add" else {})


def _column(columns: Sequence[str], wanted: str, otherwise: int) -> int:
    """By name, else by number from 1."""
    if not wanted:
        return otherwise
    for at, column in enumerate(columns):
        if column.casefold() == wanted.strip().casefold():
            return at
    if wanted.isdecimal() and len(wanted) < 6 and 1 <= int(wanted) <= len(columns):
        return int(wanted) - 1
    raise SwitchroomError("list.no-column", "There is no column {column}.", "There are: {known}.", column=repr(wanted[:80]),
                          known=", ".join(columns)[:200])


def _read(ctx: click.Context, plan: Plan, glance: Glance, made: Path) -> State:
    if ctx.obj.json:
        return intake.take_in(plan, made)
    console = Console(highlight=False, stderr=True)
    shown = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.completed:,.0f} rows"))
    with Progress(*shown, console=console, transient=True) as bar:
        task = bar.add_task("Checking", total=glance.lines or None)
        return intake.take_in(plan, made, lambda state: bar.update(task, completed=state.done, total=state.total or None))


def _keep(data: Path, store: Store, entry: SubscriberList | None, number: str, name: str, made: Path, what: str,
          state: State) -> None:
    """Noted; then the file, and where it must change the configuration, which a running box takes over."""
    by, target = noting.who(), own.path_of(data, number)
    if os.geteuid() == 0:  # the box must be able to read it
        owner = data.stat()
        os.chown(made, owner.st_uid, owner.st_gid, follow_symlinks=False)
    noting.note(data, what, number, f"{state.good} numbers, {state.duplicates} twice, {len(state.bad)} bad rows")
    with own.exchanged(target, made, name, store.current):
        if own.reads_itself(entry, target, name):
            return
        now = store.in_force()
        text = own.with_list(store.text(), number, name or (entry.name if entry is not None else ""), target,
                             store.base_of(now) if now is not None else target.parent)
        reload = (lambda who: bus.ask_once(data, Reload(by=who))) if bus.running(data) else None
        put_in_force(store, lambda: store.save(text, by=by, summary=f"list {number}",
                                               expected=now.number if now is not None else 0), reload)


def _tell(ctx: click.Context, state: State, number: str, *, saved: bool) -> None:
    if ctx.obj.json:
        bad = [{"row": each.row, "text": each.text, "reason": str(each.reason), "hint": str(each.hint)} for each in state.bad]
        click.echo(msgspec.json.encode({"list": number, "saved": saved, "good": state.good, "kept": state.kept,
                                        "duplicates": state.duplicates, "bad_rows": bad}).decode())
        return
    console = Console(highlight=False)
    for each in state.bad[:SHOWN]:
        console.print(f"[yellow]Row {each.row}[/]: {escape(each.text)}: {escape(str(each.reason))}")
    if len(state.bad) > SHOWN:
        console.print(f"… and {len(state.bad) - SHOWN} more: --bad-rows FILE has them all.")
    kept = f" ({state.kept} of them from before)" if state.kept else ""
    console.print(f"{state.good} numbers can be called{kept}, {state.duplicates} come twice, "
                  f"{len(state.bad)} rows cannot be called.")
    console.print(f"[green]List {number} is kept.[/]" if saved else "Nothing was kept.")


def _write_bad(path: Path, bad: Sequence[Bad]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "text", "reason", "hint"])
        writer.writerows([each.row, safe_cell(each.text), str(each.reason), str(each.hint)] for each in bad)
