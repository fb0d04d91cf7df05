"""The live view of a campaign: what the ledger says, at every wake of the bus. Needs no core: a stopped box shows as such."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from appliance import bus
from appliance.campaigns.book import CampaignBook, book_of
from appliance.campaigns.render.strings import outcome_in
from appliance.campaigns.summary import OUTCOMES
from appliance.ledger.reader import LedgerReader
from appliance.mail.reports import read_book
from appliance.messages import CampaignState, Record

CANCELLED_EXIT = 3
"""Exit status of `watch` for a campaign that was cancelled."""
COLOURS = {"confirmed": "green", "heard": "green", "declined": "yellow", "hung_up": "yellow", "machine": "yellow",
           "busy": "blue", "no_answer": "blue"}


async def watch_campaign(data: Path, reader: LedgerReader, campaign: int, as_json: bool) -> CampaignState:
    """Show the campaign until it is over and its last call has ended; its final state."""
    records = list(_new(reader, campaign, 0))
    book = book_of(records, campaign) or read_book(reader, campaign)  # which says so where there is none
    seen = records[-1].seq if records else 0
    del records
    show = _JsonView() if as_json else _LiveView()
    async with bus.Client(data) as client:
        with show:
            show.update(book, bus.running(data))
            if _over(book):
                return book.state
            async for _ in client.wakes(0.5):
                for record in _new(reader, campaign, seen):
                    seen = record.seq
                    book.apply(record)
                show.update(book, bus.running(data))
                if _over(book):
                    break
    return book.state


def _new(reader: LedgerReader, campaign: int, after: int) -> Iterator[Record]:
    while records := reader.campaign_events(campaign, after, 10_000):
        yield from records
        after = records[-1].seq


def _over(book: CampaignBook) -> bool:
    return not book.open and not book.busy_lines


class _JsonView:
    """A JSON line whenever something changed."""

    def __init__(self) -> None:
        self._last = b""

    def __enter__(self) -> _JsonView:
        return self

    def __exit__(self, *why: object) -> None:
        pass

    def update(self, book: CampaignBook, core: bool) -> None:
        line = msgspec.json.encode({
            "campaign": book.id, "state": book.state, "box": "up" if core else "down", "subscribers": book.size,
            "done": book.done, "in_progress": book.busy_lines, "untried": book.untried, "waiting": book.waiting,
            "attempts": book.attempts_made, "outcomes": {o: book.finals[o] for o in OUTCOMES if book.finals[o]},
        })
        if line != self._last:
            self._last = line
            click.echo(line.decode())


class _LiveView:
    """A bar, the lines, the outcomes. Where the output is no terminal, one last picture."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, refresh_per_second=8, transient=False)
        self._progress = Progress(TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn(),
                                  TaskProgressColumn(), expand=True)
        self._task = self._progress.add_task("", total=1)
        self._began: tuple[float, int] | None = None

    def __enter__(self) -> _LiveView:
        self._live.__enter__()
        return self

    def __exit__(self, *why: object) -> None:
        self._live.__exit__(None, None, None)

    def update(self, book: CampaignBook, core: bool) -> None:
        self._progress.update(self._task, description=f"Campaign {book.id} {book.state}", total=book.size,
                              completed=book.done)
        table = Table.grid(padding=(0, 3))
        table.add_row("lines", f"{book.busy_lines} of {book.lines} " + "●" * min(book.busy_lines, 40)
                      + "○" * min(max(0, book.lines - book.busy_lines), 40))
        table.add_row("untried", f"{book.untried}, waiting for a retry {book.waiting}{self._remaining(book)}")
        for outcome in OUTCOMES:
            if book.finals[outcome]:
                table.add_row(f"[{COLOURS.get(outcome, 'red')}]{outcome_in('en', outcome)}[/]", str(book.finals[outcome]))
        parts: list[RenderableType] = [self._progress, table]
        if book.open and not core:
            parts.append("[bold red]The box does not run.[/] The campaign goes on when it does: switchroom serve")
        if not book.open:
            parts.append(f"The report: switchroom campaign report {book.id}")
        self._live.update(Group(*parts))

    def _remaining(self, book: CampaignBook) -> str:
        """Minutes to go at the pace since the watching began."""
        now = time.monotonic()
        if self._began is None:
            self._began = (now, book.done)
        since, done = self._began
        if book.state != "running" or book.done - done < 5 or book.done == book.size:
            return ""
        return f", about {max(1, round((now - since) / (book.done - done) * (book.size - book.done) / 60))} min to go"
