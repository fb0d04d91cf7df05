"""`switchroom status`: one look at the box."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance import bus
from appliance.cli.answers import in_json
from appliance.messages import Status, StatusReply
from appliance.system.logs import plain


@click.command()
@click.pass_context
def status(ctx: click.Context) -> None:
    """What the box is doing: lines, phones, calls, campaigns, troubles."""
    reply: StatusReply = bus.ask_once(ctx.obj.data, Status())
    if in_json(ctx, reply):
        return
    console = Console()
    console.print(f"Switchroom {reply.version}, up {_span(reply.uptime)}, configuration version "
                  f"{reply.config_version}, {reply.calls} calls, ledger at {reply.ledger_seq}")
    lines = Table("Line", "State", "Channels", "Busy", "Kept free", title="Lines", title_justify="left")
    for line in reply.lines:
        sign = "[red]down[/]" if not line.up else "[yellow]up[/]" if line.reason else "[green]up[/]"
        state = f"{sign} {_plain(line.reason)}".strip()
        lines.add_row(line.name, state, str(line.channels), str(line.busy), str(line.keep_free))
    console.print(lines)
    phones = Table("Extension", "Name", "Registered", "Calls", title="Phones", title_justify="left")
    for phone in reply.phones:
        phones.add_row(phone.extension, phone.name, _plain(phone.contact) if phone.registered else "[dim]no[/]", str(phone.busy))
    console.print(phones)
    for hours in reply.hours:
        how = "by its hours" if hours.setting == "auto" else "by the night switch"
        console.print(f"Hours {hours.name}: {'[green]open[/]' if hours.open else '[red]closed[/]'}, {how}")
    for campaign in reply.campaigns_running:
        console.print(f"Campaign {campaign} is running: switchroom campaign watch {campaign}")
    for what, level in reply.shortages.items():
        console.print(f"[bold red]Short of {what}: {level}[/]")
    for address, seconds in reply.health.get("sip", {}).get("banned", {}).items():
        console.print(f"Shut out after wrong passwords: {address}, for {seconds / 60:.0f} more minutes")


def _span(seconds: float) -> str:
    """How long it runs, as one says it: 5 min, 7 h, 12 days."""
    for unit, size in (("days", 86400), ("h", 3600)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 60:.0f} min"


def _plain(text: str) -> str:
    """Far ends choose reason phrases and contacts: no markup, no control characters."""
    return escape(plain(text))
