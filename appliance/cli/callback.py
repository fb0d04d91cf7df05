"""`switchroom callback`: the calls promised to callers."""

from __future__ import annotations

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from appliance import bus
from appliance.calls.flows.desk import Customer
from appliance.cli import noting
from appliance.cli.answers import json_option
from appliance.cli.queue import span, state_of
from appliance.core import customers
from appliance.ledger.reader import LedgerReader
from appliance.messages import CancelCallback, TakeCallback


@click.group()
def callback() -> None:
    """See and cancel the calls promised to callers.

    \b
    switchroom callback list
    switchroom callback cancel CONTACT
    switchroom callback take CONTACT anna     her phone rings, then the customer is called
    """


@callback.command("list")
@json_option
@click.pass_context
def list_callbacks(ctx: click.Context) -> None:
    """List whom the box has promised to call, in the order of their places."""
    state = state_of(ctx.obj.data)
    waiting = sorted((each for each in state.contacts if each.virtual), key=lambda each: (each.queue, each.since))
    with LedgerReader(ctx.obj.data / "ledger") as reader:
        kept = reader.states(customers.NAMESPACE)
    known = {contact: msgspec.msgpack.decode(raw, type=Customer) for contact, raw in kept.items()}
    if ctx.obj.json:
        rows = [msgspec.structs.asdict(each) | {"number": known[each.id].number if each.id in known else ""} for each in waiting]
        click.echo(msgspec.json.encode(rows).decode())
        return
    table = Table(Column("Contact", no_wrap=True), "Queue", "Number", "Waits for", "Place", "State", "Attempts")
    for each in waiting:
        number = known[each.id].number if each.id in known else "?"
        table.add_row(each.id, each.queue, escape(number), span(state.now - each.since), str(each.position or ""), each.state,
                      str(each.attempts))
    Console(highlight=False).print(table)


@callback.command("cancel")
@click.argument("contact")
@click.pass_context
def cancel(ctx: click.Context, contact: str) -> None:
    """Take a promised call off the queue."""
    noting.note(ctx.obj.data, "callback.cancel", contact)
    bus.ask_once(ctx.obj.data, CancelCallback(contact=contact, by=noting.who()))


@callback.command("take")
@click.argument("contact")
@click.argument("agent")
@click.pass_context
def take(ctx: click.Context, contact: str, agent: str) -> None:
    """Let an agent call a customer now who waits to be called back. Who is not reached keeps the place."""
    noting.note(ctx.obj.data, "callback.take", contact, agent)
    bus.ask_once(ctx.obj.data, TakeCallback(contact=contact, agent=agent, by=noting.who()))
