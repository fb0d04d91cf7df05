"""`switchroom call`: the calls that go on now."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from appliance import bus
from appliance.cli import noting
from appliance.cli.answers import in_json, json_option
from appliance.messages import AskCalls, CallsReply, EndCall
from appliance.system.logs import plain


@click.group()
def call() -> None:
    """See the calls that go on now, and hang one up.

    \b
    switchroom call list
    switchroom call end CALL      by its id, as `call list` has it
    """


@call.command("list")
@json_option
@click.pass_context
def list_calls(ctx: click.Context) -> None:
    """List the calls that go on now, with their parties."""
    reply: CallsReply = bus.ask_once(ctx.obj.data, AskCalls())
    if in_json(ctx, reply.calls):
        return
    table = Table(Column("Call", no_wrap=True), "What", "Recorded", "Parties")
    for each in reply.calls:
        parties = ", ".join(f"{leg.endpoint} {leg.number}".strip() for leg in each.legs)
        table.add_row(each.call, each.purpose, "yes" if each.recorded else "", escape(plain(parties)))
    Console(highlight=False).print(table)


@call.command("end")
@click.argument("call")
@click.pass_context
def end(ctx: click.Context, call: str) -> None:
    """Hang up on everybody in CALL."""
    noting.note(ctx.obj.data, "call.end", call)
    bus.ask_once(ctx.obj.data, EndCall(call=call, by=noting.who()))
