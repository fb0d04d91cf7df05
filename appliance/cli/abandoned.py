"""`switchroom abandoned`: callers whom nobody served, worked off one by one."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from appliance import bus
from appliance.acd.missed import Missed, fold
from appliance.cli import noting
from appliance.cli.answers import in_json, json_option
from appliance.cli.queue import span
from appliance.config.model import Config
from appliance.config.store import Store
from appliance.ledger.reader import LedgerReader
from appliance.messages import MarkMissed


@click.group()
def abandoned() -> None:
    """Work off the list of callers whom nobody served.

    A caller stands there once, however often he called, and goes off it by himself when anyone reaches him.

    \b
    switchroom abandoned list
    switchroom abandoned take CONTACT     I call this one
    switchroom abandoned done CONTACT
    """


def missed(data: Path, config: Config, days: float) -> list[Missed]:
    def short(queue: str) -> float:
        known = config.queue(queue)
        return float(known.short_abandon_seconds) if known else 0.0

    with LedgerReader(data / "ledger") as reader:
        last = reader.event(reader.last_seq())  # the box's own time: it may have been told another day
        return fold(reader.follow(reader.seq_at(last.utc - days * 86400)), short) if last is not None else []


@abandoned.command("list")
@click.option("--days", type=click.FloatRange(0.01, 366), default=7, show_default=True, help="How far to look back.")
@json_option
@click.pass_context
def list_abandoned(ctx: click.Context, days: float) -> None:
    """List those still to be called, the oldest first."""
    config = Store(ctx.obj.data).current()
    entries = missed(ctx.obj.data, config, days)
    if in_json(ctx, entries):
        return
    zone = ZoneInfo(config.office.timezone)
    table = Table(Column("Contact", no_wrap=True), "Number", "Queue", "Last call", "Times", "Waited", "Why", "Who calls")
    for each in entries:
        at = datetime.fromtimestamp(each.last, zone).strftime("%d.%m. %H:%M")
        table.add_row(each.contact, escape(each.number or "unknown"), each.queue, at, str(each.times), span(each.waited),
                      each.reason, escape(each.owner))
    Console(highlight=False).print(table)


def _mark(ctx: click.Context, contact: str, by: str | None, done: bool) -> None:
    noting.note(ctx.obj.data, "missed.done" if done else "missed.take", contact)
    bus.ask_once(ctx.obj.data, MarkMissed(contact=contact, by=by or getpass.getuser(), done=done))


@abandoned.command("take")
@click.argument("contact")
@click.option("--by", metavar="NAME", help="Who calls (default: you).")
@click.pass_context
def take(ctx: click.Context, contact: str, by: str | None) -> None:
    """Say that somebody takes care of a caller."""
    _mark(ctx, contact, by, False)


@abandoned.command("done")
@click.argument("contact")
@click.option("--by", metavar="NAME", help="Who has done it (default: you).")
@click.pass_context
def done(ctx: click.Context, contact: str, by: str | None) -> None:
    """Take a caller off the list."""
    _mark(ctx, contact, by, True)
