"""`switchroom config`: check, show, import, export, compare and roll back the configuration."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from appliance import bus
from appliance.calls import trying
from appliance.cli import noting
from appliance.cli.office import office_time
from appliance.config import ConfigError, ConfigProblem, load, to_builtins
from appliance.config.apply import put_in_force
from appliance.config.diff import Diff, mask
from appliance.config.load import read_text
from appliance.config.store import Store, Version
from appliance.errors import SwitchroomError
from appliance.messages import Reload
from appliance.system.logs import plain

_json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for scripts.")
_secrets_option = click.option("--secrets", is_flag=True, help="Show secrets and PINs instead of ***.")


@click.group()
def config() -> None:
    """Check, show, import, export and roll back the configuration.

    \b
    Is my file right?           switchroom config check office.toml
    Use it:                     switchroom config import office.toml
    What changed, and when?     switchroom config history
    What did version 4 change?  switchroom config diff 3 4
    Undo:                       switchroom config rollback 3

    Every key is described in docs/configuration.md.
    """


def _store(ctx: click.Context) -> Store:
    return Store(ctx.obj.data)


def _wants_json(ctx: click.Context, as_json: bool) -> bool:
    return bool(as_json or ctx.obj.json)


def _print_json(value: Any) -> None:
    click.echo(msgspec.json.encode(value).decode())


# ---- check -----------------------------------------------------------------------------------------------------------


@config.command()
@click.argument("file", type=click.Path(path_type=Path))
@_json_option
@click.pass_context
def check(ctx: click.Context, file: Path, as_json: bool) -> None:
    """Find every mistake in FILE; change nothing.

    Prints file:line:column, what is wrong and what would be right, as a compiler does. Ends with 0 when there is
    nothing, with 1 otherwise.

    \b
    switchroom config check office.toml
    switchroom config check office.toml --json | jq '.problems[].line'
    """
    try:
        load(file)
    except ConfigError as error:
        _show_problems(error.problems, _wants_json(ctx, as_json))
        sys.exit(1)
    if _wants_json(ctx, as_json):
        _print_json({"ok": True, "problems": []})
    else:
        click.echo(f"{file}: nothing to complain about.")


def _show_problems(problems: list[ConfigProblem], as_json: bool) -> None:
    if as_json:
        _print_json({"ok": False, "problems": [each.shown() for each in problems]})
        return
    console = Console(soft_wrap=True, highlight=False)
    for problem in problems:
        line = Text(f"{problem.file}:{problem.line}:{problem.column}: ", style="bold")
        line.append(problem.what, style="red")
        line.append(f" {problem.fix}", style="default")
        console.print(line)
    console.print(f"{len(problems)} problem{'' if len(problems) == 1 else 's'}.")


# ---- show and export -------------------------------------------------------------------------------------------------


@config.command()
@click.argument("version", type=int, required=False)
@_secrets_option
@_json_option
@click.pass_context
def show(ctx: click.Context, version: int | None, secrets: bool, as_json: bool) -> None:
    """Show the configuration in force, or VERSION; secrets are masked.

    \b
    switchroom config show
    switchroom config show 3 --secrets
    switchroom config show --json | jq .scenarios
    """
    store = _store(ctx)
    if _wants_json(ctx, as_json):
        plain = to_builtins(store.config(version))
        _print_json(plain if secrets else mask(plain))
        return
    text = store.text(version, secrets=secrets)
    if sys.stdout.isatty():
        Console().print(Syntax(text, "toml", background_color="default"))
    else:
        click.echo(text, nl=not text.endswith("\n"))


@config.command(name="export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--version", type=int, help="This version instead of the one in force.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@_json_option
@click.pass_context
def export_(ctx: click.Context, file: Path | None, version: int | None, force: bool, as_json: bool) -> None:
    """Write the configuration in force to FILE (or to the screen), as it was given, secrets and comments included.

    \b
    switchroom config export office.toml
    switchroom config export --version 3 > old.toml
    """
    store = _store(ctx)
    text = store.text(version)
    if file is None:
        if _wants_json(ctx, as_json):
            _print_json({"text": text})
        else:
            click.echo(text, nl=False)
        return
    if file.exists() and not force:
        raise SwitchroomError("config.file-exists", "{file} is there already.", "Add --force to write over it.", file=file)
    try:
        file.touch(mode=0o600)  # it holds secrets
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise SwitchroomError("config.unwritable", "{file} cannot be written: {reason}.", "Choose another.", file=file,
                              reason=error.strerror) from None
    if _wants_json(ctx, as_json):
        _print_json({"file": str(file)})
    else:
        click.echo(f"Written to {file}. It holds secrets: keep it to yourself.")


# ---- import and roll back --------------------------------------------------------------------------------------------


@config.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--summary", default="", help="What changed, for the history (default: found by comparing).")
@_json_option
@click.pass_context
def import_(ctx: click.Context, file: Path, summary: str, as_json: bool) -> None:
    """Make FILE the configuration in force; a running box takes it over without dropping a call.

    A file with mistakes changes nothing. List files stay where they are: their names are relative to FILE.

    \b
    switchroom config import office.toml
    switchroom config import office.toml --summary "two more lines"
    """
    store = _store(ctx)
    try:
        _apply(ctx, store, lambda: store.import_file(file, by=noting.who(), summary=summary), _wants_json(ctx, as_json))
    except ConfigError as error:
        _show_problems(error.problems, _wants_json(ctx, as_json))
        sys.exit(1)


@config.command()
@_json_option
@click.pass_context
def reload(ctx: click.Context, as_json: bool) -> None:
    """Have the running box read its configuration file again, without dropping a call.

    The file is the one it was started with or that was imported last. With mistakes in it nothing changes, and they are
    named by line. The same by signal: kill -HUP the process of `switchroom serve`.
    """
    done = bus.ask_once(ctx.obj.data, Reload(by=noting.who()))
    if _wants_json(ctx, as_json):
        _print_json({"applied": True, "text": done.text})
        return
    click.echo(f"The running box has {done.text} in force.")


@config.command()
@click.argument("version", type=int)
@_json_option
@click.pass_context
def rollback(ctx: click.Context, version: int, as_json: bool) -> None:
    """Make VERSION the configuration in force again; a running box takes it over without dropping a call.

    History only grows: the roll-back is a new version with the old text, and can be rolled back itself.

    \b
    switchroom config history
    switchroom config rollback 3
    """
    store = _store(ctx)
    try:
        _apply(ctx, store, lambda: store.rollback(version, by=noting.who()), _wants_json(ctx, as_json))
    except ConfigError as error:
        _show_problems(error.problems, _wants_json(ctx, as_json))
        sys.exit(1)


@config.command("try")
@click.argument("number")
@click.option("--phone", default="", metavar="EXTENSION", help="Dialled at this phone.")
@click.option("--line", default="", metavar="NAME", help="Called from outside over this line.")
@_json_option
@click.pass_context
def try_command(ctx: click.Context, number: str, phone: str, line: str, as_json: bool) -> None:
    """Say what happens where NUMBER is dialled, by the configuration in force; nobody is called.

    \b
    switchroom config try 00401234567 --phone 101
    switchroom config try +358911111100 --line fxo
    """
    answer = trying.ask(_store(ctx).current(), number, phone=phone, line=line)
    if _wants_json(ctx, as_json):
        _print_json({"reached": answer.good, "text": str(answer.text), "steps": [str(step) for step in answer.steps]})
        return
    for step in answer.steps:
        click.echo(plain(str(step)))
    click.echo(plain(str(answer.text)))


def _apply(ctx: click.Context, store: Store, make: Callable[[], Version], as_json: bool) -> None:
    """Note it, make the version, and have a running core take it over."""
    running = bus.running(ctx.obj.data)
    what = f"config.{ctx.info_name}"
    noting.note(ctx.obj.data, what, str(ctx.params.get("version") or ""))
    now, changed = put_in_force(store, make, (lambda by: bus.ask_once(ctx.obj.data, Reload(by=by))) if running else None)
    if as_json:
        _print_json({"version": now, "changed": changed, "applied": running})
        return
    click.echo(
        f"Version {now.number} is in force: {now.summary}." if changed else f"Version {now.number} says the same."
    )
    click.echo("The running box has taken it over." if running else "No box is running; it holds from the next start.")


# ---- history and diff ------------------------------------------------------------------------------------------------


@config.command()
@click.option("--limit", type=click.IntRange(1), default=30, show_default=True, help="At most so many, newest first.")
@_json_option
@click.pass_context
def history(ctx: click.Context, limit: int, as_json: bool) -> None:
    """List the versions: when, by whom, what changed. The one in force is marked.

    \b
    switchroom config history --limit 5
    """
    store = _store(ctx)
    versions, current = store.history()[:limit], store.in_force()
    if _wants_json(ctx, as_json):
        _print_json({"current": current.number if current else None, "versions": versions})
        return
    if not versions:
        click.echo("There is no version yet. Import one: switchroom config import office.toml")
        return
    table = Table("Version", "When", "By", "What", title="Configuration", title_justify="left")
    for version in versions:
        when = office_time(version.when)
        mark = " ← in force" if current is not None and version.number == current.number else ""
        table.add_row(f"{version.number}{mark}", when, version.by, Text(version.summary))
    Console().print(table)


@config.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW", required=False)
@_secrets_option
@_json_option
@click.pass_context
def diff(ctx: click.Context, old: str, new: str | None, secrets: bool, as_json: bool) -> None:
    """Compare OLD with NEW (default: what is in force). Each is a version number or a file.

    Ends with 0 when they say the same, with 1 when they differ, with 2 when one has mistakes.

    \b
    switchroom config diff 3
    switchroom config diff 3 4
    switchroom config diff 4 office.toml
    """
    store = _store(ctx)
    try:
        found = Store.compare(*_side(store, old), *_side(store, new), secrets=secrets)
    except ConfigError as error:
        _show_problems(error.problems, _wants_json(ctx, as_json))
        sys.exit(2)
    if _wants_json(ctx, as_json):
        _print_json(found.shown())
    else:
        _show_diff(found)
    sys.exit(1 if found.unified else 0)


def _side(store: Store, what: str | None) -> tuple[str, str]:
    """Text and name of a version number or file."""
    if what is not None and not what.isdecimal():
        return read_text(Path(what)), what
    current = store.in_force()
    number = int(what) if what is not None else current.number if current is not None else None
    return store.text(number), f"version {number}"


def _show_diff(found: Diff) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if not found.unified:
        console.print("They are the same.")
        return
    for change in found.changes or ["only layout and comments"]:
        console.print(Text(f"• {change}"))
    console.print()
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in found.unified.splitlines():
        console.print(Text(line, style=styles.get(line[:1], "")))
