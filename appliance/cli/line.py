"""`switchroom line`: gateways that could be a line to the outside."""

from __future__ import annotations

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from appliance.cli.campaign import json_option
from appliance.config.store import Store
from drivers.sip import probe, search
from drivers.sip.search import Found


@click.group()
def line() -> None:
    """Lines to the outside.

    \b
    switchroom line search        gateways and phones in the box's own networks
    """


@line.command("search")
@json_option
@click.pass_context
def search_network(ctx: click.Context) -> None:
    """Ask each address of the box's own private networks whether it speaks SIP: at most 256 addresses of each, once or twice, and
    slowly. The box need not run."""
    plan = probe.own()
    store = Store(ctx.obj.data)
    config = store.current() if store.has_current() else None
    if ctx.obj.json:
        click.echo(msgspec.json.encode(search.told(probe.run(plan), config)).decode())
        return
    console = Console(highlight=False)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(", ".join(plan.networks), total=len(plan.hosts))
        devices = probe.run(plan, lambda step: bar.update(task, completed=step.done))
    _print(console, search.told(devices, config))


def _print(console: Console, found: list[Found]) -> None:
    if not found:
        console.print("Nobody answered. Is the gateway switched on, and in the same network as the box?")
        return
    table = Table("Address", "What it is", "It calls itself", "Line")
    for each in found:
        table.add_row(each.address, each.kind, escape(each.software), escape(each.line))
    console.print(table)
