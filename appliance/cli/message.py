"""`switchroom message`: messages that campaigns can play, as the pages keep them: typed, as files, or said at a phone."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance.cli import noting
from appliance.cli.answers import in_json, json_option, tell
from appliance.cli.office import office_time
from appliance.config.kinds import LANGUAGES
from appliance.errors import SwitchroomError, because
from appliance.sounds.messages import Kept, Messages
from appliance.system.logs import plain

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_name = click.option("--name", default="", help="What it is called in the list.")


@click.group()
def message() -> None:
    """Messages that campaigns can play: typed and spoken by the box, taken from a file, or said at a phone.

    \b
    switchroom message say "The water is cut off on Monday." --language en
    switchroom message add news.mp3
    switchroom message record 101 --name "Storm"
    switchroom campaign start 701 --list 12 --message ID
    """


def _messages(ctx: click.Context) -> Messages:
    return Messages(noting.hands(ctx.obj.data))


@message.command("list")
@json_option
@click.pass_context
def list_command(ctx: click.Context) -> None:
    """The messages, newest first; and the phones at which one is being said."""
    kept = _messages(ctx)
    found, awaited = kept.all(), kept.awaited()
    if in_json(ctx, found):
        return
    if not found and not awaited:
        click.echo('There is no message yet. Make one: switchroom message say "…" --language en')
        return
    table = Table("Id", "Name", "Length", "From", "Made", "By", highlight=False)
    for each in found:
        origin = f"{each.source} {each.language or each.phone}".strip()
        table.add_row(each.id, escape(plain(each.name)), f"{each.seconds:.0f} s", escape(origin), office_time(each.at),
                      escape(each.by))
    Console().print(table)
    for each in awaited:
        click.echo(f"Phone {plain(each.phone)}: {plain(each.name)} is being said there.")


@message.command()
@click.argument("text")
@click.option("--language", required=True, type=click.Choice(LANGUAGES), help="The language that it is spoken in.")
@_name
@json_option
@click.pass_context
def say(ctx: click.Context, text: str, language: str, name: str) -> None:
    """Have TEXT spoken, and keep that."""
    _tell(ctx, _messages(ctx).speak(text, language, name))


@message.command()
@click.argument("file", type=_FILE)
@json_option
@click.pass_context
def add(ctx: click.Context, file: Path) -> None:
    """Keep a recording: WAV, MP3, Ogg or FLAC. Silence at its ends is cut, its level set."""
    with file.open("rb") as content:
        _tell(ctx, _messages(ctx).upload(content, file.name))


@message.command()
@click.argument("extension")
@_name
@json_option
@click.pass_context
def record(ctx: click.Context, extension: str, name: str) -> None:
    """Ring the phone EXTENSION, where somebody says the message. It is in the list as soon as it is said. The box must
    be running."""
    kept = _messages(ctx).record(extension, name)
    tell(ctx, kept, f"Phone {plain(kept.phone)} rings. Once it is said, it is message {kept.id}.")


def _tell(ctx: click.Context, kept: Kept) -> None:
    tell(ctx, kept, f"Message {kept.id} is ready: {kept.seconds:.1f} s.")


@message.command()
@click.argument("id")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def export(ctx: click.Context, id: str, file: Path) -> None:
    """Copy message ID into FILE, a WAV, as it will be heard."""
    kept = _messages(ctx)
    copy(kept.path_of(kept.one(id)), file)


@message.command()
@click.argument("id")
@click.pass_context
def remove(ctx: click.Context, id: str) -> None:
    """Remove message ID. Campaigns that were started with it keep theirs."""
    _messages(ctx).remove(id)


def copy(sound: Path, file: Path) -> None:
    """Raises SwitchroomError "message.cannot-write"."""
    try:
        shutil.copyfile(sound, file)
    except OSError as problem:
        raise SwitchroomError("message.cannot-write", "{path} cannot be written: {reason}.",
                              "Name a file in a folder that you may write to.", path=file, reason=because(problem)) from None
