"""`switchroom phone`: what phones have set, setting it for somebody who is not at the desk, and trying one."""

from __future__ import annotations

from typing import get_args

import click
import msgspec
from rich.console import Console
from rich.table import Table

from appliance import bus
from appliance.cli import noting
from appliance.messages import AskPhones, PhoneSettings, RingPhone, SetPhone, Setting
from appliance.system.logs import plain

TITLES = {
    "forward_always": "Always to", "forward_busy": "Busy to", "forward_no_answer": "No answer to",
    "forward_unregistered": "Unregistered to", "follow_me": "Follow-me",
}  # fmt: skip
PLAIN = ("on", "off", "configured")
"""Values that are noted; others may be somebody's own number."""


@click.group()
def phone() -> None:
    """Forwarding and do not disturb of the office's phones; ringing one to try it."""


@phone.command("list")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_context
def list_command(ctx: click.Context, as_json: bool) -> None:
    """What holds for each phone now."""
    reply: PhoneSettings = bus.ask_once(ctx.obj.data, AskPhones())
    if as_json or ctx.obj.json:
        click.echo(msgspec.json.encode(reply.phones).decode())
        return
    table = Table("Extension", "Name", "Do not disturb", *TITLES.values(), highlight=False)
    for each in reply.phones:
        table.add_row(each.extension, plain(each.name), "on" if each.do_not_disturb else "",
                      *(plain(getattr(each, field)) for field in TITLES))
    Console().print(table)


@phone.command("set")
@click.argument("extension")
@click.argument("setting", type=click.Choice([name.replace("_", "-") for name in get_args(Setting)]))
@click.argument("value")
@click.pass_context
def set_command(ctx: click.Context, extension: str, setting: str, value: str) -> None:
    """Set what EXTENSION's user could set by a code.

    VALUE is a number as that phone dials it, a target such as voicemail:101, "off", or "configured" for what the
    configuration says; "on" or "off" for do-not-disturb."""
    order = SetPhone(extension=extension, setting=setting.replace("-", "_"), value="" if value == "off" else value,  # type: ignore[arg-type]
                     by=noting.who())
    noting.note(ctx.obj.data, "phone.set", extension, f"{setting} {value}" if value in PLAIN else setting)
    bus.ask_once(ctx.obj.data, order)
    click.echo(f"Phone {extension}: {setting} {value}.")


@phone.command("ring")
@click.argument("extension")
@click.pass_context
def ring_command(ctx: click.Context, extension: str) -> None:
    """Ring the phone EXTENSION to try it; whoever answers hears that it works."""
    bus.ask_once(ctx.obj.data, RingPhone(extension=extension))
    click.echo(f"Phone {extension} rings.")
