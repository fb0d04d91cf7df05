"""`switchroom night`: the night switch, as by its code from a phone."""

from __future__ import annotations

from typing import Literal

import click

from appliance import bus
from appliance.cli import noting
from appliance.messages import Done, SwitchNight

SETTINGS: dict[str, Literal["open", "closed", "auto"]] = {"on": "closed", "off": "open", "auto": "auto"}
SAID = {
    "on": "closed, whatever the hours say", "off": "open, whatever the hours say", "auto": "open and closed by its hours",
}


@click.command()
@click.argument("setting", type=click.Choice(list(SETTINGS)))
@click.option("--hours", metavar="NAME", default="", help="Only these opening hours (default: all).")
@click.pass_context
def night(ctx: click.Context, setting: str, hours: str) -> None:
    """Close the office now (on), open it (off), or let it follow its hours (auto). `switchroom status` shows how it stands."""
    noting.note(ctx.obj.data, "night.set", hours, setting)
    reply: Done = bus.ask_once(ctx.obj.data, SwitchNight(setting=SETTINGS[setting], hours=hours, by=noting.who()))
    if ctx.obj.json:
        click.echo(f'{{"setting": "{SETTINGS[setting]}"}}')
    else:
        click.echo(f"The office is {SAID[setting]}{': ' + hours if hours else ''}. {reply.text}".strip())
