"""`switchroom voicemail`: messages that callers left."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance import bus
from appliance.cli import noting
from appliance.errors import SwitchroomError
from appliance.messages import DeleteVoicemail, Done
from appliance.voicemail.store import Message, Messages

PLAYERS = (("aplay", "-q"), ("paplay",), ("play", "-q"))


@click.group()
def voicemail() -> None:
    """Messages that callers left: list, play, delete, export. Mailboxes have the names of phones, agents, queues and menus."""


def _store(ctx: click.Context) -> Messages:
    return Messages(ctx.obj.data / "voicemail")


def _found(ctx: click.Context, id: str) -> Message:
    """A message by its id alone. Raises SwitchroomError "voicemail.unknown"."""
    store = _store(ctx)
    found = [message for box in store.boxes() for message in store.of(box) if message.id == id]
    return found[0] if found else store.message("any", id)


@voicemail.command("list")
@click.argument("box", required=False)
@click.pass_context
def list_messages(ctx: click.Context, box: str | None) -> None:
    """List the messages of a mailbox, or of all."""
    store = _store(ctx)
    messages = [message for name in ([box] if box else store.boxes()) for message in store.of(name)]
    if ctx.obj.json:
        click.echo(json.dumps([msgspec.structs.asdict(message) for message in messages]))
        return
    console = Console()
    if not messages:
        console.print("There are no messages.")
        return
    table = Table("Id", "Mailbox", "Received", "From", "Seconds", "State")
    for message in messages:
        caller = " ".join(part for part in (message.name, message.caller) if part)
        state = "heard" if message.heard else "[bold]new[/]"
        received = time.strftime("%Y-%m-%d %H:%M", time.localtime(message.at))
        table.add_row(message.id, escape(message.box), received, escape(caller), f"{message.seconds:.0f}", state)
    console.print(table)


@voicemail.command()
@click.argument("id")
@click.pass_context
def play(ctx: click.Context, id: str) -> None:
    """Play a message through this machine's loudspeaker. It stays as new as it was."""
    message = _found(ctx, id)
    path = _whole(ctx, message)
    player = next((command for command in PLAYERS if shutil.which(command[0])), None)
    if player is None:
        raise SwitchroomError("voicemail.no-player", "There is no program here that plays sound.",
                              "apt install alsa-utils, or take the file: switchroom voicemail export")
    noting.note(ctx.obj.data, "voicemail.listen", message.id, message.box)
    if subprocess.run([*player, str(path)], check=False).returncode:
        raise SwitchroomError("voicemail.not-played", "{player} cannot play it.", "The file is {path}.", player=player[0],
                              path=path)


@voicemail.command()
@click.argument("id")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.pass_context
def export(ctx: click.Context, id: str, file: Path | None) -> None:
    """Copy a message's audio to FILE (default: ID.wav here)."""
    message = _found(ctx, id)
    source = _whole(ctx, message)
    target = file or Path(f"{id}.wav")
    noting.note(ctx.obj.data, "voicemail.download", message.id, message.box)
    shutil.copyfile(source, target)
    click.echo(json.dumps({"file": str(target)}) if ctx.obj.json else f"Written to {target}.")


def _whole(ctx: click.Context, message: Message) -> Path:
    store = _store(ctx)
    if not store.is_whole(message):
        raise SwitchroomError("voicemail.damaged", "The audio of {id} is not what was recorded.",
                              "Look at the disk; a backup of DATA/voicemail may have it.", id=message.id)
    return store.audio(message)


@voicemail.command()
@click.argument("id", required=False)
@click.option("--from", "caller", metavar="NUMBER", default="", help="All that this caller left, anywhere.")
@click.pass_context
def delete(ctx: click.Context, id: str | None, caller: str) -> None:
    """Erase a message, or all of one caller. The box must be running: lamps follow."""
    if (id is None) == (not caller):
        raise SwitchroomError("voicemail.which", "Which message?", "Name one (switchroom voicemail list), or --from NUMBER.")
    if id is not None:
        message = _found(ctx, id)
        noting.note(ctx.obj.data, "voicemail.delete", message.id, message.box)
        command = DeleteVoicemail(box=message.box, message=message.id, by=noting.who())
    else:
        noting.note(ctx.obj.data, "voicemail.delete", "", "all of one caller")
        command = DeleteVoicemail(caller=caller, by=noting.who())
    reply: Done = bus.ask_once(ctx.obj.data, command)
    click.echo(json.dumps({"deleted": int(reply.text)}) if ctx.obj.json else f"Deleted: {reply.text}")
