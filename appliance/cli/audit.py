"""`switchroom audit`: who changed or listened to what."""

from __future__ import annotations

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance import audit
from appliance.cli.answers import json_option
from appliance.cli.office import office_now, office_time
from appliance.errors import SwitchroomError
from appliance.ledger.when import parse_when
from appliance.system.logs import plain


@click.command("audit")
@click.option("--who", default="", help="Of this person alone: ada, or web:ada for the pages alone.")
@click.option("--what", default="", help="Of this kind alone: user.remove, or user for all of users.")
@click.option("--since", metavar="WHEN", help="today, yesterday, 2h, 7d, 2026-11-22, 2026-11-22T10:00 (office time).")
@click.option("--until", metavar="WHEN", help="Before this.")
@click.option("--limit", type=click.IntRange(1, audit.MAX_PAGE), default=50, show_default=True, help="Only so many, the newest.")
@click.option("--before", type=click.IntRange(min=1), help="Only those before this number, to go further back.")
@json_option
@click.pass_context
def audit_log(
    ctx: click.Context, who: str, what: str, since: str | None, until: str | None, limit: int, before: int | None,
) -> None:
    """See who changed or listened to what, the newest first: people at the pages, programs, and this command."""
    if not ctx.obj.data.is_dir():
        raise SwitchroomError("bus.not-running", "There is no box in {data}.",
                              "Start it with `switchroom serve`, or name the right folder with --data DIR.", data=ctx.obj.data)
    now = office_now()
    wanted = audit.Wanted(who=who, what=what, since=parse_when(since, now) if since else None,
                          until=parse_when(until, now) if until else None)
    page = audit.read(ctx.obj.data, before or 0, limit, wanted)
    more = f"There may be more: add --before {page.before}"
    if ctx.obj.json:
        click.echo(msgspec.json.encode(page.notes).decode())
        if page.before and wanted != audit.Wanted():
            click.echo(more, err=True)
        return
    table = Table("Number", "When", "Who", "From", "What", "Of", "Detail")
    for each in page.notes:
        when = office_time(each.at)
        table.add_row(str(each.seq or "waits"), when, *(escape(plain(text)) for text in (
            each.by, each.address, each.what, each.target, each.detail)))
    console = Console(highlight=False)
    console.print(table)
    if page.before:
        console.print(f"[dim]{more}[/]")
