"""`switchroom person`, and `switchroom recording erase`: what is kept of a number is erased on request."""

from __future__ import annotations

import click
import msgspec

from appliance import bus
from appliance.cli import noting
from appliance.messages import ErasePerson, PersonErased
from appliance.messages_persons import Part

ALL: list[Part] = ["recordings", "voicemail", "callbacks", "texts"]


@click.group()
def person() -> None:
    """What is kept of a caller, by the number (privacy law: erasure on request)."""


@person.command()
@click.argument("number")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_context
def erase(ctx: click.Context, number: str, dry_run: bool, as_json: bool) -> None:
    """Erase all that is kept of NUMBER: recordings, messages in mailboxes, promised callbacks, rows of uploaded lists, and the
    number with its names, notes and keyed numbers in events and call records. The box must be running.

    \b
    switchroom person erase +358401234567 --dry-run
    switchroom person erase 0401234567
    """
    erase_of(ctx, number, ALL, dry_run, as_json)


def erase_of(ctx: click.Context, number: str, parts: list[Part], dry_run: bool, as_json: bool) -> None:
    """Ask the core for it, and print what went."""
    reply: PersonErased = bus.ask_once(ctx.obj.data, ErasePerson(number=number, parts=parts, dry_run=dry_run, by=noting.who()))
    if as_json or ctx.obj.json:
        click.echo(msgspec.json.encode(msgspec.structs.asdict(reply)).decode())
        return
    counts = {"recordings": reply.recordings, "voicemail": reply.voicemail, "callbacks": reply.callbacks, "texts": reply.texts}
    told = ", ".join(f"{part} {counts[part]}" for part in parts)
    click.echo(f"{'Would be erased' if dry_run else 'Erased'}: {told}. Calls with this number: {reply.calls}.")
    if reply.now:
        click.echo(f"{reply.now} calls with it go on now: erase again when they are over.")
    if "texts" in parts:
        click.echo(f"Uploaded lists: {reply.list_rows} rows, {reply.uploads} files on their way in.")
        for file in reply.unread:
            click.echo(f"{file} could not be read: look for it there.")
        for file in reply.files:
            click.echo(f"It stands in {file}: take it out there.")
        for name in reply.lists:
            click.echo(f"It stands in the list of callers {name}: take it out of the configuration.")
