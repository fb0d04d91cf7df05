"""`switchroom greeting`: recordings that callers are greeted with: taken from files, or said at a phone."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance.cli import noting
from appliance.cli.answers import in_json, json_option, tell
from appliance.cli.message import copy
from appliance.cli.office import office_time
from appliance.sounds import greetings
from appliance.sounds.greetings import Greeting
from appliance.sounds.messages import Messages
from appliance.system.logs import plain

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def greeting() -> None:
    """Recordings that callers are greeted with. The configuration names one as "file:…", such as for the greeting of a queue; one
    recorded at a phone for a menu, queue or mailbox (*77) is heard by itself.

    \b
    switchroom greeting add welcome.mp3          says what to put into the configuration
    switchroom greeting record 101 --name Welcome
    switchroom greeting add --message ID         what was said there
    """


@greeting.command("list")
@json_option
@click.pass_context
def list_command(ctx: click.Context) -> None:
    """The recordings that there are, and whether the configuration in force uses them."""
    found = greetings.all_kept(noting.hands(ctx.obj.data))
    if in_json(ctx, found):
        return
    if not found:
        click.echo("There is no greeting yet. Take one in: switchroom greeting add FILE")
        return
    table = Table("Name", "Length", "Came", "Used", highlight=False)
    for each in found:
        table.add_row(escape(plain(each.name)), f"{each.seconds:.0f} s", office_time(each.at), "yes" if each.used else "")
    Console().print(table)


@greeting.command()
@click.argument("file", type=_FILE, required=False)
@click.option("--message", "id", help="A kept message instead of a file (see: switchroom message list).")
@json_option
@click.pass_context
def add(ctx: click.Context, file: Path | None, id: str | None) -> None:
    """Take FILE in (WAV, MP3, Ogg or FLAC) and say how the configuration names it. Nothing uses it before."""
    if (file is None) == (id is None):
        raise click.UsageError("Give a FILE, or --message ID.")
    hands = noting.hands(ctx.obj.data)
    if file is None:
        _tell(ctx, greetings.from_message(hands, id or ""))
        return
    with file.open("rb") as content:
        _tell(ctx, greetings.upload(hands, content, file.name))


def _tell(ctx: click.Context, made: Greeting) -> None:
    tell(ctx, made, f'Ready, {made.seconds:.1f} s. In the configuration:\ngreeting = "{made.words}"')


@greeting.command()
@click.argument("extension")
@click.option("--name", default="", help="What it is called.")
@json_option
@click.pass_context
def record(ctx: click.Context, extension: str, name: str) -> None:
    """Ring the phone EXTENSION, where somebody says it. It is kept as a message first; `greeting add --message ID` makes it a
    greeting. The box must be running."""
    kept = Messages(noting.hands(ctx.obj.data)).record(extension, name)
    tell(ctx, kept, f"Phone {plain(kept.phone)} rings. Once it is said: switchroom greeting add --message {kept.id}")


@greeting.command()
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def export(ctx: click.Context, name: str, file: Path) -> None:
    """Copy the greeting NAME (as in the list) into FILE, a WAV."""
    copy(greetings.path_of(noting.hands(ctx.obj.data), name), file)


@greeting.command()
@click.argument("name")
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """Remove the greeting NAME (as in the list). One recorded at a phone: callers hear the configuration's text or file again;
    the box must be running."""
    greetings.remove(noting.hands(ctx.obj.data), name)
