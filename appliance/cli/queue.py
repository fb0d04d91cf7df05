"""`switchroom queue`: the queues, who waits in them, and why nobody or somebody gets a caller."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from appliance import bus
from appliance.acd.of_config import rules_of
from appliance.acd.past import why_past
from appliance.cli import noting
from appliance.cli.answers import in_json, json_option, tell
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.ledger.reader import LedgerReader
from appliance.messages import ContactNow, MoveContact, Person, Queues, QueuesReply, Reasons, Why


@click.group()
def queue() -> None:
    """See the queues, who waits in them, and why.

    \b
    switchroom queue list             all queues with their figures
    switchroom queue show front       who waits, who talks
    switchroom queue move CONTACT queue:billing
    switchroom queue why CONTACT      why each agent has or has not got this caller; also of a caller of the past
    """


def state_of(data: Path, people: list[str] | None = None) -> QueuesReply:
    """`people`: the queues of whose contacts it is asked who they are."""
    reply: QueuesReply = bus.ask_once(data, Queues(people=people or []))
    return reply


def span(seconds: float) -> str:
    """Seconds as a person reads them: 1:05."""
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02}"


@queue.command("list")
@json_option
@click.pass_context
def list_queues(ctx: click.Context) -> None:
    """List all queues."""
    state = state_of(ctx.obj.data)
    if in_json(ctx, state.queues):
        return
    table = Table("Queue", "Number", "Door", "Waiting", "Longest", "Expected", "Talking", "Ready", "Signed in")
    for each in state.queues:
        longest = span(state.now - each.longest) if each.longest else ""
        waiting = f"{each.waiting} ({each.virtual} to be called)" if each.virtual else str(each.waiting)
        table.add_row(each.name, each.number, "open" if each.open else "[red]closed[/]", waiting, longest,
                      "" if each.expected is None else span(each.expected), str(each.talking), str(each.ready),
                      str(each.signed_in))
    Console(highlight=False).print(table)


@queue.command("show")
@click.argument("name")
@json_option
@click.pass_context
def show(ctx: click.Context, name: str) -> None:
    """Show who waits in a queue and who is served, in order."""
    state = state_of(ctx.obj.data, [name])
    if all(each.name != name for each in state.queues):
        known = ", ".join(each.name for each in state.queues) or "none is configured"
        raise SwitchroomError("queue.unknown", "There is no queue {name}.", "There are: {known}.", name=name, known=known)
    contacts = sorted((each for each in state.contacts if each.queue == name), key=lambda each: each.position or 1 << 30)
    if in_json(ctx, contacts):
        return
    table = Table("Place", Column("Contact", no_wrap=True), "Who", "Keyed", "State", "Since", "Priority", "Agents")
    for each in contacts:
        person = each.person or Person()
        table.add_row(
            str(each.position or ""), each.id, plain(person.name or person.number),
            plain(", ".join(f"{name} {digits}" for name, digits in person.facts.items())), _state(each),
            span(state.now - each.since), str(each.priority), escape(", ".join(each.agents)))
    Console(highlight=False).print(table)


def plain(text: str) -> str:
    """Text from the network: no markup, no control characters."""
    return escape("".join(c if c.isprintable() else "?" for c in text))


def _state(contact: ContactNow) -> str:
    return f"{contact.state} (to be called)" if contact.virtual else contact.state


@queue.command("move")
@click.argument("contact")
@click.argument("to")
@click.pass_context
def move(ctx: click.Context, contact: str, to: str) -> None:
    """Send a waiting caller on: to another queue (queue:NAME, the time waited counts), a phone (extension:NUMBER) or an agent
    (agent:ID). Where nobody answers there, back to the queue and the old place."""
    noting.note(ctx.obj.data, "contact.move", contact, to)
    bus.ask_once(ctx.obj.data, MoveContact(contact=contact, to=to, by=noting.who()))


@queue.command("why")
@click.argument("contact")
@json_option
@click.pass_context
def why(ctx: click.Context, contact: str) -> None:
    """Say why each agent has or has not got a caller. CONTACT is the call's id, as `queue show` and `cdr list` have it."""
    data: Path = ctx.obj.data
    try:
        reply: Reasons = bus.ask_once(data, Why(contact=contact))
        lines = [str(line) for line in reply.lines]
    except SwitchroomError as problem:
        if problem.id not in ("queue.no-contact", "bus.not-running"):
            raise
        lines = _past(data, contact)
    if not lines:
        raise SwitchroomError("queue.no-contact", "No contact {contact} is known.", "See `switchroom cdr list`.",
                              contact=contact)
    tell(ctx, lines, "\n".join(lines))


def _past(data: Path, contact: str) -> list[str]:
    """From the ledger, which is lived through again up to that contact's end."""
    store = Store(data)
    zone = ZoneInfo(store.current().office.timezone)

    def clock(at: float) -> str:
        return datetime.fromtimestamp(at, zone).strftime("%H:%M:%S")

    with LedgerReader(data / "ledger") as reader:
        events = (record.event for record in reader.follow())
        return [moment.text(clock) for moment in why_past(events, lambda version: rules_of(store.config(version)), contact)]


