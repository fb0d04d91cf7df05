"""`switchroom line`: gateways that could be a line to the outside, and whether a line works."""

from __future__ import annotations

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from appliance import bus
from appliance.cli import noting
from appliance.cli.answers import json_option
from appliance.config.store import Store
from appliance.messages import LineTried, TryLine
from appliance.system.logs import plain
from drivers.sip import probe, search
from drivers.sip.search import Found

TRY_SECONDS = 90.0
"""Ringing, the sentence, and some more."""


@click.group()
def line() -> None:
    """Lines to the outside.

    \b
    switchroom line search                  gateways and phones in the box's own networks
    switchroom line try fxo 0401234567      a real call: does the line work?
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


@line.command("try")
@click.argument("name")
@click.argument("number")
@json_option
@click.pass_context
def try_line(ctx: click.Context, name: str, number: str) -> None:
    """Call NUMBER over the line NAME, say a sentence to whoever answers, and hang up. A real call, which may cost; the routes
    must allow it. Exit status 1 where nobody answered."""
    noting.note(ctx.obj.data, "line.try", name)
    tried: LineTried = bus.ask_once(ctx.obj.data, TryLine(line=name, number=number, by=noting.who()), TRY_SECONDS)
    if ctx.obj.json:
        click.echo(msgspec.json.encode(tried).decode())
    elif tried.answered:
        click.echo("Somebody answered, and heard the box speak: calls out work.")
    else:
        sip = f" (SIP {tried.sip})" if tried.sip else ""
        click.echo(f"Nobody answered.{' It rang.' if tried.rang else ''} {plain(str(tried.why))}{sip}".rstrip())
    ctx.exit(0 if tried.answered else 1)


def _print(console: Console, found: list[Found]) -> None:
    if not found:
        console.print("Nobody answered. Is the gateway switched on, and in the same network as the box?")
        return
    table = Table("Address", "What it is", "It calls itself", "Line")
    for each in found:
        table.add_row(each.address, each.kind, escape(each.software), escape(each.line))
    console.print(table)
