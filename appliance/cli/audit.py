"""`switchroom audit`: who changed or listened to what."""

from __future__ import annotations

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance import audit
from appliance.cli.campaign import json_option
from appliance.cli.office import office_time
from appliance.errors import SwitchroomError
from appliance.system.logs import plain


@click.command("audit")
@click.option("--limit", type=click.IntRange(1, audit.MAX_PAGE), default=50, show_default=True, help="Only so many, the newest.")
@click.option("--before", type=click.IntRange(min=1), help="Only those before this number, to go further back.")
@json_option
@click.pass_context
def audit_log(ctx: click.Context, limit: int, before: int | None) -> None:
    """See who changed or listened to what, the newest first: people at the pages, programs, and this command."""
    if not ctx.obj.data.is_dir():
        raise SwitchroomError("bus.not-running", "There is no box in {data}.",
                              "Start it with `switchroom serve`, or name the right folder with --data DIR.", data=ctx.obj.data)
    notes = audit.read(ctx.obj.data, before or 0, limit)
    if ctx.obj.json:
        click.echo(msgspec.json.encode(notes).decode())
        return
    table = Table("Number", "When", "Who", "From", "What", "Of", "Detail")
    for each in notes:
        when = office_time(each.at)
        table.add_row(str(each.seq or "waits"), when, *(escape(plain(text)) for text in (
            each.by, each.address, each.what, each.target, each.detail)))
    Console(highlight=False).print(table)
