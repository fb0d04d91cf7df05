"""`switchroom list`: the lists of numbers that campaigns call, as the box reads them."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance import bus
from appliance.campaigns import own, taken
from appliance.campaigns.lists import LoadedList, load_list
from appliance.cli import noting
from appliance.cli.answers import in_json, json_option
from appliance.cli.list_import import import_list
from appliance.config import edit
from appliance.config.apply import put_in_force
from appliance.config.model import Config, SubscriberList
from appliance.config.store import Store
from appliance.errors import SwitchroomError, because
from appliance.messages import Reload


@click.group("list")
def list_group() -> None:
    """Look at the lists of numbers that campaigns call.

    A list is a CSV file named in [[lists]] of the configuration, with a column for the number, one for the name, and any
    others, which the report shows. Numbers are read as people of the country dial them; a number that comes twice is
    called once; a row that cannot be called is left out and named.

    \b
    switchroom list list          all lists
    switchroom list check 12      every row that cannot be called, and why
    switchroom list import people.xlsx --list 13
    switchroom list export 13 people.csv
    switchroom list remove 13
    """


list_group.add_command(import_list)


def _config(ctx: click.Context) -> Config:
    return Store(ctx.obj.data).current()


def _entry(config: Config, number: str) -> SubscriberList:
    entry = config.list_numbered(number)
    if entry is None:
        known = ", ".join(found.number for found in config.lists) or "none is configured"
        raise SwitchroomError("list.unknown", "There is no list {number}.", "There are: {known}.", number=number, known=known)
    return entry


@list_group.command("list")
@json_option
@click.pass_context
def list_lists(ctx: click.Context) -> None:
    """List all lists, with what their files hold."""
    config = _config(ctx)
    rows: list[dict[str, object]] = []
    for entry in config.lists:
        row: dict[str, object] = {"number": entry.number, "name": entry.name, "file": entry.file}
        try:
            loaded = load_list(entry, config)
            row |= {"subscribers": len(loaded.subscribers), "duplicates": loaded.duplicates, "bad_rows": len(loaded.bad),
                    "encoding": loaded.encoding}
        except SwitchroomError as problem:
            row["error"] = {"id": problem.id, "message": problem.message, "hint": problem.hint}
        rows.append(row)
    if in_json(ctx, rows):
        return
    console = Console(highlight=False)
    if not rows:
        console.print("No list is configured. Add [[lists]] with number, name and file to the configuration.")
        return
    table = Table("Number", "Name", "Numbers", "Twice", "Bad rows", "File")
    for row in rows:
        counts = [str(row.get(key, "[red]?[/]")) for key in ("subscribers", "duplicates", "bad_rows")]
        table.add_row(str(row["number"]), escape(str(row["name"])), *counts, escape(str(row["file"])))
    console.print(table)
    for row in rows:
        if isinstance(row.get("error"), dict):
            error: dict[str, str] = row["error"]  # type: ignore[assignment]
            console.print(f"[red]List {row['number']}:[/] {escape(error['message'])} {escape(error['hint'])}")


@list_group.command()
@click.argument("number")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Show only so many.")
@json_option
@click.pass_context
def show(ctx: click.Context, number: str, limit: int) -> None:
    """Show who is on list NUMBER, with the numbers as they will be dialled."""
    config = _config(ctx)
    loaded = load_list(_entry(config, number), config)
    shown = loaded.subscribers[:limit]
    if in_json(ctx, [msgspec.structs.asdict(person) for person in shown]):
        return
    console = Console(highlight=False)
    extra = list(dict.fromkeys(column for person in shown for column in person.extra))
    table = Table("Row", "Number", "Name", *[escape(column) for column in extra])
    for person in shown:
        table.add_row(str(person.row), person.number, escape(person.name),
                      *[escape(person.extra.get(column, "")) for column in extra])
    console.print(table)
    if len(loaded.subscribers) > limit:
        console.print(f"… and {len(loaded.subscribers) - limit} more: --limit {len(loaded.subscribers)}")


@list_group.command()
@click.argument("number")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def export(ctx: click.Context, number: str, file: Path) -> None:
    """Write everybody on list NUMBER who can be called into FILE, a workbook where it ends in .xlsx, else CSV."""
    config, form = _config(ctx), "xlsx" if file.suffix.lower() == ".xlsx" else "csv"
    rows = taken.begun(taken.export_rows(_entry(config, number), config))
    noting.note(ctx.obj.data, "list.export", number, form)
    try:
        with file.open("wb") as out:
            if form == "xlsx":
                with taken.workbook(rows) as made:
                    shutil.copyfileobj(made, out)
            else:
                out.writelines(piece.encode() for piece in taken.csv_pieces(rows))
    except OSError as problem:
        raise SwitchroomError("list.cannot-write", "{path} cannot be written: {reason}.",
                              "Name a file in a folder that you may write to.", path=file, reason=because(problem)) from None


@list_group.command()
@click.argument("number")
@click.pass_context
def remove(ctx: click.Context, number: str) -> None:
    """Take list NUMBER out of the configuration; a file that came by `list import` or the pages goes, too. Refused where a
    scenario names it."""
    data, store = ctx.obj.data, Store(ctx.obj.data)
    entry, before = _entry(store.current(), number), store.in_force()
    noting.note(data, "list.remove", number)
    text, at = store.text(), own.index_of(store.text(), number)
    if at is not None:
        text = edit.remove_row(text, "lists", at)
    reload = (lambda who: bus.ask_once(data, Reload(by=who))) if bus.running(data) else None
    own.remove(own.path_of(data, number), entry, store.current, lambda: put_in_force(
        store, lambda: store.save(text, by=noting.who(), summary=f"list {number} removed",
                                  expected=before.number if before is not None else 0), reload))


@list_group.command()
@click.argument("number")
@json_option
@click.pass_context
def check(ctx: click.Context, number: str) -> None:
    """Check list NUMBER: every row that cannot be called, and why. Exit status 1 where there is one, or nobody at all."""
    config = _config(ctx)
    entry = _entry(config, number)
    loaded = load_list(entry, config)
    good = bool(loaded.subscribers) and not loaded.bad
    if ctx.obj.json:
        click.echo(msgspec.json.encode(_verdict(entry, loaded, good)).decode())
    else:
        console = Console(highlight=False)
        for bad in loaded.bad:
            console.print(f"[yellow]Row {bad.row}[/]: {escape(bad.text)}: {escape(bad.reason)}")
        console.print(f"{escape(entry.file)} ({loaded.encoding}): {len(loaded.subscribers)} numbers can be called, "
                      f"{loaded.duplicates} come twice, {len(loaded.bad)} rows cannot be called.")
        if not good:
            console.print("Mend the file; the next campaign reads it anew.")
    ctx.exit(0 if good else 1)


def _verdict(entry: SubscriberList, loaded: LoadedList, good: bool) -> dict[str, object]:
    return {"number": entry.number, "file": entry.file, "encoding": loaded.encoding, "ok": good,
            "subscribers": len(loaded.subscribers), "duplicates": loaded.duplicates, "columns": loaded.columns,
            "bad_rows": loaded.bad}
