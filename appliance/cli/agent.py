"""`switchroom agent`: the agents as they stand, and what an office may do for them."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from appliance import bus
from appliance.cli import noting
from appliance.cli.answers import in_json, json_option
from appliance.cli.queue import span, state_of
from appliance.messages import CallNumber, ControlAgent, NoteContact, NoteOutcome


@click.group()
def agent() -> None:
    """See the agents; sign them in and out, ready and on a break.

    \b
    switchroom agent list
    switchroom agent login anna --at 104      at another phone than her own
    switchroom agent break anna lunch
    switchroom agent call anna 0401234567     her phone rings, then the number is called
    switchroom agent outcome anna 1           how her last call ended: a code of [[outcomes]]
    """


@agent.command("list")
@json_option
@click.pass_context
def list_agents(ctx: click.Context) -> None:
    """List all agents."""
    state = state_of(ctx.obj.data)
    if in_json(ctx, state.agents):
        return
    table = Table("Agent", "Name", "Phone", Column("State", no_wrap=True), "For", "Contacts today", "Busy today", "Queues")
    for each in state.agents:
        what = f"{each.state} ({each.reason})" if each.reason and each.state == "break" else each.state
        lasted = span(state.now - each.since) if each.since else ""
        table.add_row(each.id, escape(each.name), each.extension, escape(what), lasted, str(each.contacts), span(each.busy),
                      escape(", ".join(each.queues)))
    Console(highlight=False).print(table)


def _order(ctx: click.Context, order: ControlAgent) -> None:
    """Noted, then done."""
    noting.note(ctx.obj.data, f"agent.{order.action}", order.agent, f"{order.reason} {order.extension}".strip())
    bus.ask_once(ctx.obj.data, order)


@agent.command("login")
@click.argument("id")
@click.option("--at", "extension", metavar="EXTENSION", default="", help="The phone to sit at (default: the agent's own).")
@click.pass_context
def login(ctx: click.Context, id: str, extension: str) -> None:
    """Sign an agent in; no PIN is asked."""
    _order(ctx, ControlAgent(agent=id, action="login", extension=extension, by=noting.who()))


@agent.command("logout")
@click.argument("id")
@click.pass_context
def logout(ctx: click.Context, id: str) -> None:
    """Sign an agent out; during a call it takes effect after that."""
    _order(ctx, ControlAgent(agent=id, action="logout", by=noting.who()))


@agent.command("ready")
@click.argument("id")
@click.pass_context
def ready(ctx: click.Context, id: str) -> None:
    """End an agent's break or pause."""
    _order(ctx, ControlAgent(agent=id, action="ready", by=noting.who()))


@agent.command("break")
@click.argument("id")
@click.argument("reason")
@click.pass_context
def take_break(ctx: click.Context, id: str, reason: str) -> None:
    """Send an agent on a break, for a REASON by its name (short, lunch, ...)."""
    _order(ctx, ControlAgent(agent=id, action="break", reason=reason, by=noting.who()))


@agent.command("call")
@click.argument("id")
@click.argument("number")
@click.pass_context
def call(ctx: click.Context, id: str, number: str) -> None:
    """Ring an agent's phone, and call NUMBER when it is picked up, as it is dialled there."""
    bus.ask_once(ctx.obj.data, CallNumber(agent=id, number=number, by=noting.who()))


@agent.command("note")
@click.argument("id")
@click.argument("text")
@click.option("--contact", metavar="CONTACT", default="", help="About this contact (default: the agent's last).")
@click.pass_context
def note(ctx: click.Context, id: str, text: str, contact: str) -> None:
    """Note TEXT about an agent's last call; it replaces what was noted."""
    bus.ask_once(ctx.obj.data, NoteContact(agent=id, text=text, contact=contact, by=noting.who()))


@agent.command("outcome")
@click.argument("id")
@click.argument("code")
@click.option("--contact", metavar="CONTACT", default="", help="Of this contact (default: the agent's last).")
@click.pass_context
def outcome(ctx: click.Context, id: str, code: str, contact: str) -> None:
    """Say how an agent's last call ended, by a CODE of [[outcomes]]; it replaces what was said before."""
    bus.ask_once(ctx.obj.data, NoteOutcome(agent=id, code=code, contact=contact, by=noting.who()))
