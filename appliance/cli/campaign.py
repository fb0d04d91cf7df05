"""`switchroom campaign`: start, look at, steer and report notification campaigns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from appliance import bus
from appliance.campaigns.book import CampaignBook
from appliance.campaigns.render.html import html
from appliance.campaigns.render.strings import outcome_in
from appliance.campaigns.render.tables import csv_bytes, xlsx_bytes
from appliance.campaigns.render.text import text
from appliance.campaigns.render.view import Setting, view
from appliance.campaigns.summary import OUTCOMES, Report, report, to_json, totals
from appliance.cli import noting
from appliance.cli.answers import in_json, json_option
from appliance.cli.office import office_time, office_zone
from appliance.cli.watch import CANCELLED_EXIT, watch_campaign
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.ledger.reader import LedgerReader
from appliance.mail.reports import read_book, report_setting, talk_seconds
from appliance.messages import CampaignStarted, ControlCampaign, StartCampaign
from appliance.sounds.messages import Messages

STYLES = {"running": "green", "paused": "yellow", "finished": "cyan", "cancelled": "red"}
Command = Callable[..., Any]


def _reader(ctx: click.Context) -> LedgerReader:
    return LedgerReader(ctx.obj.data / "ledger")


def _say(ctx: click.Context, words: str, **facts: object) -> None:
    if ctx.obj.json:
        click.echo(msgspec.json.encode(facts).decode())
    else:
        Console(highlight=False).print(words)


@click.group()
def campaign() -> None:
    """Start, watch, pause and report notification campaigns.

    A campaign plays one message to everybody on a list and notes what became of each: confirmed, heard, hung_up,
    declined, machine, busy, no_answer, unreachable, no_line, cancelled or interrupted. A scenario of the configuration
    says how: lines at once, confirmation digit, retries, hours.

    \b
    switchroom list check 12                                     is the list all right?
    switchroom campaign start 701 --list 12 --message news.wav   call it
    switchroom campaign watch 1                                  see it run
    switchroom campaign report 1 --xlsx report.xlsx              what came of it
    """


@campaign.command()
@click.argument("code")
@click.option("--list", "list_number", required=True, metavar="N", help="The list to call (see: switchroom list list).")
@click.option("--message", required=True, metavar="FILE",
              help="WAV file with the message (silence at its ends is cut, its level set), or the id or name of a kept one "
                   "(see: switchroom message list).")
@click.option("--lines", type=click.IntRange(1), help="Calls at once, at most the scenario's.")
@click.option("--at", "at", type=click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]), metavar="TIME",
              help='Call from then on, as "2026-03-02 18:00"; list and message are taken as they are now.')
@click.option("--beside", is_flag=True, help="Also where a campaign of CODE calls this list already.")
@click.option("--watch", "then_watch", is_flag=True, help="Watch it until it is over.")
@json_option
@click.pass_context
def start(
    ctx: click.Context, code: str, list_number: str, message: str, lines: int | None, at: datetime | None, beside: bool,
    then_watch: bool,
) -> None:
    """Start a campaign of scenario CODE. Where one of CODE calls the list already, paused or not, it is refused: resume that.

    \b
    switchroom campaign start 701 --list 12 --message news.wav
    switchroom campaign start 701 --list 12 --message news.wav --lines 2 --watch
    switchroom campaign start 701 --list 12 --message 3f0c…        a kept message: switchroom message list
    """
    noting.note(ctx.obj.data, "campaign.start", code, f"list {list_number}")
    reply: CampaignStarted = bus.ask_once(ctx.obj.data, StartCampaign(
        scenario=code, list=list_number, message=str(_message(ctx, message)), lines=lines,
        not_before=_office_time(ctx, at), by=noting.who(), beside=beside), 120.0)
    if ctx.obj.json:
        click.echo(msgspec.json.encode(msgspec.structs.asdict(reply)).decode())
    else:
        console = Console(highlight=False)
        stands = "is planned" if at else "has begun"
        console.print(f"[green]Campaign {reply.campaign} {stands}:[/] {reply.subscribers} numbers, {reply.lines} lines, "
                      f"about {max(1, round(reply.minutes))} minutes.")
        if reply.opens:
            why = "It is planned for later" if at else "Its hours are closed"
            console.print(f"[yellow]{why}:[/] it calls from {office_time(reply.opens)} on.")
        if reply.duplicates:
            console.print(f"{reply.duplicates} rows held a number that had come before; each is called once.")
        for bad in reply.bad_rows[:20]:
            console.print(f"[yellow]Row {bad.row}[/] is left out: {escape(bad.text)}: {escape(bad.reason)}")
        if len(reply.bad_rows) > 20:
            console.print(f"[yellow]… and {len(reply.bad_rows) - 20} more:[/] switchroom list check {list_number}")
        if not then_watch:
            console.print(f"See it run: switchroom campaign watch {reply.campaign}")
    if then_watch:
        _watch(ctx, reply.campaign)


def _message(ctx: click.Context, wanted: str) -> Path:
    """A file, or else a kept message by its id or its name, where one alone has it. Raises SwitchroomError "message.unknown"."""
    if (file := Path(wanted)).is_file():
        return file.absolute()
    kept = Messages(noting.hands(ctx.obj.data))
    fits = [each for each in kept.all() if wanted in (each.id, each.name)]
    if len(fits) != 1:
        raise SwitchroomError("message.unknown", "There is no file and no one message {name}.",
                              "Name a file, or a message by its id: switchroom message list", name=repr(wanted[:80]))
    return kept.path_of(fits[0]).absolute()


def _office_time(ctx: click.Context, at: datetime | None) -> float:
    """UTC of a time of day as the office's clocks show it; 0 for none."""
    if at is None:
        return 0.0
    return at.replace(tzinfo=office_zone()).timestamp()


@campaign.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="Only so many, the newest.")
@json_option
@click.pass_context
def list_campaigns(ctx: click.Context, limit: int) -> None:
    """List campaigns, the newest first."""
    with _reader(ctx) as reader:
        numbers = [info.campaign for info in reader.campaigns()][::-1][:limit]
        books = [read_book(reader, number) for number in numbers]
    if in_json(ctx, [_short(book) for book in books]):
        return
    console = Console(highlight=False)
    if not books:
        console.print("There has been no campaign. Start one: switchroom campaign start 701 --list 12 --message FILE")
        return
    started, confirmed = Column("Started", no_wrap=True), Column("Confirmed", no_wrap=True)
    table = Table("Id", Column("State", no_wrap=True), "Scenario", "List", started, "Done", confirmed, "Heard", "By",
                  box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for book in books:
        table.add_row(str(book.id), f"[{STYLES[book.state]}]{book.state}[/]",
                      escape(f"{book.created.scenario} {book.created.name}".strip()), book.created.list,
                      office_time(book.started_utc)[5:], f"{book.done}/{book.size}", str(book.finals["confirmed"]),
                      str(book.finals["heard"]), escape(book.created.by))
    console.print(table)


def _short(book: CampaignBook) -> dict[str, object]:
    """A campaign without its subscribers: the report's fields of the same names."""
    document = report(book, ())
    fields: dict[str, object] = msgspec.to_builtins(document)
    fields.pop("subscribers")
    return fields


@campaign.command()
@click.argument("id", type=click.IntRange(1))
@json_option
@click.pass_context
def show(ctx: click.Context, id: int) -> None:
    """Show where a campaign stands: its state, its figures, and who is on the phone."""
    with _reader(ctx) as reader:
        book = read_book(reader, id)
    if in_json(ctx, _short(book)):
        return
    console = Console(highlight=False)
    figures = totals(book)
    why = f" ({escape(book.state_reason)})" if book.state_reason else ""
    facts = [
        ("state", f"[{STYLES[book.state]}]{book.state}[/]{why}"),
        ("scenario", escape(f"{book.created.scenario} {book.created.name}".strip())),
        ("list", f"{book.created.list}: {book.size} numbers, {figures.duplicates} duplicates, {figures.bad_rows} bad rows"),
        ("message", f"{book.created.message_seconds:.1f} s, {escape(book.created.message)}"),
        ("started", f"{office_time(book.started_utc)} by {escape(book.created.by or '?')}"),
        ("ended", office_time(book.ended_utc)),
        ("done", f"{book.done} of {book.size}; {book.untried} untried, {book.waiting} waiting for a retry"),
        ("on the phone", f"{book.busy_lines} of {book.lines} lines, at most {book.peak} at once"),
        ("attempts", f"{figures.attempts}, of them {figures.retries} retries, {figures.answered} answered"),
        ("line use", f"{figures.line_use:.1%} while untried numbers remained" if figures.attempts else ""),
        ("mailed", ", ".join(dict.fromkeys(address for sent in book.reports for address in sent.to))),
    ]
    for label, value in facts:
        if value:
            console.print(f"[dim]{label:>19}[/]  {value}")
    for outcome in OUTCOMES:
        if book.finals[outcome]:
            console.print(f"[dim]{outcome_in('en', outcome):>19}[/]  {book.finals[outcome]}")
    console.print({"running": f"Watch it: switchroom campaign watch {id}",
                   "paused": f"Go on: switchroom campaign resume {id}"}.get(
                       book.state, f"Everybody: switchroom campaign report {id}"))


@campaign.command()
@click.argument("id", type=click.IntRange(1))
@json_option
@click.pass_context
def watch(ctx: click.Context, id: int) -> None:
    """Watch a campaign live, until it is over. Ctrl-C leaves it running.

    With --json a line for every change. Exit status: 0 finished, 3 cancelled.
    """
    _watch(ctx, id)


def _watch(ctx: click.Context, id: int) -> None:
    with _reader(ctx) as reader:
        state = asyncio.run(watch_campaign(ctx.obj.data, reader, id, ctx.obj.json))
    if state == "cancelled":
        ctx.exit(CANCELLED_EXIT)


def _control(name: str, done: str, help_text: str) -> None:
    @campaign.command(name, help=help_text)
    @click.argument("id", type=click.IntRange(1))
    @click.option("--reason", default="", help="Why; it stands in the report.")
    @json_option
    @click.pass_context
    def command(ctx: click.Context, id: int, reason: str) -> None:
        noting.note(ctx.obj.data, f"campaign.{name}", str(id), reason[:200])
        bus.ask_once(ctx.obj.data, ControlCampaign(campaign=id, action=name,  # type: ignore[arg-type]
                                                 by=noting.who(), reason=reason))
        _say(ctx, done.format(id=id), campaign=id, action=name)


_control("pause", "Campaign {id} is paused; calls under way end by themselves. Go on: switchroom campaign resume {id}",
         "Call nobody further for now; calls under way go on to their end.")
_control("resume", "Campaign {id} goes on. See it run: switchroom campaign watch {id}", "Go on with a paused campaign.")
_control("cancel", "Campaign {id} is cancelled. Its report: switchroom campaign report {id}",
         "End a campaign for good, with the calls under way; who was not reached is noted as cancelled.")


def _document(ctx: click.Context, id: int) -> tuple[Report, Setting]:
    with _reader(ctx) as reader:
        document = report(read_book(reader, id), reader.subscribers(id))
        talk = talk_seconds(reader, id)
    return document, report_setting(Store(ctx.obj.data).current(), document, talk)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as problem:
        raise SwitchroomError("campaign.cannot-write", "{path} cannot be written: {reason}.",
                              "Name a file in a folder that you may write to.", path=path, reason=problem.strerror) from None


_FILE = click.Path(dir_okay=False, path_type=Path)


@campaign.command("report")
@click.argument("id", type=click.IntRange(1))
@json_option
@click.option("--csv", "csv_file", type=_FILE, metavar="FILE", help="Write everybody's outcome as CSV.")
@click.option("--xlsx", "xlsx_file", type=_FILE, metavar="FILE", help="Write it as an Excel workbook.")
@click.option("--html", "html_file", type=_FILE, metavar="FILE", help="Write the report as a page.")
@click.option("--mail", "addresses", multiple=True, metavar="ADDRESS", help="Mail it there; may be given several times.")
@click.pass_context
def report_command(
    ctx: click.Context, id: int, csv_file: Path | None, xlsx_file: Path | None, html_file: Path | None,
    addresses: tuple[str, ...],
) -> None:
    """Report on a campaign, running or over: on the screen, as JSON, into files, or by mail.

    \b
    switchroom campaign report 1
    switchroom campaign report 1 --json | jq '.totals'
    switchroom campaign report 1 --xlsx report.xlsx --mail office@harbour.example
    """
    wanted = [(csv_file, csv_bytes), (xlsx_file, xlsx_bytes), (html_file, _html)]
    made: list[str] = []
    if any(path for path, _ in wanted):
        document, setting = _document(ctx, id)
        for path, render in wanted:
            if path is not None:
                noting.note(ctx.obj.data, "campaign.export", str(id), path.suffix.lstrip("."))
                _write(path, render(document, setting))
                made.append(str(path))
    if addresses:
        noting.note(ctx.obj.data, "campaign.mail", str(id))
        bus.ask_once(ctx.obj.data, ControlCampaign(campaign=id, action="report", by=noting.who(), to=list(addresses)))
    if made or addresses:
        words = [f"Written: {escape(path)}" for path in made]
        words += [f"The report goes to {escape(', '.join(addresses))}. See: switchroom mail list"] if addresses else []
        _say(ctx, "\n".join(words), campaign=id, files=made, mailed_to=list(addresses))
    elif ctx.obj.json:
        with _reader(ctx) as reader:
            click.echo(to_json(report(read_book(reader, id), reader.subscribers(id))).decode())
    else:
        document, setting = _document(ctx, id)
        click.echo(text(view(document, setting)))


def _html(document: Report, setting: Setting) -> bytes:
    return html(view(document, setting)).encode()
