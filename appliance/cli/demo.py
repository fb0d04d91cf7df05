"""`switchroom demo`: the main job from end to end, with simulated lines and a simulated desk phone, told in plain words.

Everything runs: the box, SIP, audio, ledger, report. Only the people and the telephones are played, by sipp. What is told
is read from the box's ledger, and what came of it is compared with what the people were told to do.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import wave
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance import bus
from appliance.campaigns.render.html import html
from appliance.campaigns.render.tables import csv_bytes, xlsx_bytes
from appliance.campaigns.render.view import view
from appliance.campaigns.summary import Report, report
from appliance.cli.cdr import calls_table
from appliance.cli.keeping import tell_pages
from appliance.cli.watch import watch_campaign
from appliance.config.store import Store
from appliance.demo import world as w
from appliance.errors import SwitchroomError
from appliance.ledger.reader import LedgerReader
from appliance.mail.outbox import Outbox
from appliance.mail.reports import read_book, report_setting, talk_seconds
from appliance.messages import CampaignCreated, Event, LegAnswered, LegOpened, PhoneRegistered, Status
from appliance.prompts import Prompts
from appliance.system.paths import prompts_dir

FOLDER = "data-demo"
CAMPAIGN_SECONDS = 180.0
"""The campaign of 24 people takes about 50 s."""
CALLS_SHOWN = 8
T = TypeVar("T")
E = TypeVar("E", bound=Event)


def wait_for(look: Callable[[], T | None], seconds: float, what: str, hint: str) -> T:
    """Look until there is something. Raises SwitchroomError "demo.stuck"."""
    until = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > until:
            raise SwitchroomError("demo.stuck", f"The demonstration waited {seconds:.0f} s in vain: {what}.", hint)
        time.sleep(0.1)


class Story:
    """The demonstration's course. Each step says what happens when the ledger shows that it did."""

    def __init__(self, world: w.World, console: Console) -> None:
        self.world = world
        self.console = console
        self._seq = 0
        self._reader: LedgerReader | None = None
        self._began = time.monotonic()
        self.hint = f"What each part said is in {world.logs}."

    @property
    def reader(self) -> LedgerReader:
        if self._reader is None:
            self._reader = LedgerReader(self.world.data / "ledger")
        return self._reader

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def say(self, words: str) -> None:
        seconds = int(time.monotonic() - self._began)
        self.console.print(f"[dim]{seconds // 60}:{seconds % 60:02d}[/]  {words}")

    def wait(self, kind: type[E], seconds: float, what: str, fits: Callable[[E], bool] = lambda event: True) -> E:
        """The next event of this kind in the ledger."""

        def look() -> E | None:
            for record in self.reader.read(self._seq):
                self._seq = record.seq
                if isinstance(record.event, kind) and fits(record.event):
                    return record.event
            return None

        return wait_for(look, seconds, what, self.hint)

    def finished(self, process: subprocess.Popen[bytes], seconds: float, who: str) -> None:
        """Wait for a simulated phone to end as its script says."""
        wait_for(lambda: process.poll() is not None, seconds, f"{who} does not come to an end", self.hint)
        if process.returncode != 0:
            how = f"{who} did not go as its script says (sipp ended with {process.returncode})."
            raise SwitchroomError("demo.phone-failed", how, self.hint)

    # -- the steps --

    def open_office(self) -> None:
        world = self.world
        self.say(f"A box starts here, in {escape(str(world.folder))}, on loopback only. Nothing leaves this machine.")
        gateway = world.start_gateway()
        box = world.start_box()

        def up() -> bool:
            if box.poll() is not None:
                raise SwitchroomError("demo.box-ended", f"The box ended with status {box.returncode}.", self.hint)
            return bus.running(world.data) and (world.data / "ledger").is_dir()

        wait_for(up, 40, "the box does not start", self.hint)
        bus.ask_once(world.data, Status())
        self.say(f"[green]The box is up:[/] SIP on 127.0.0.1:{world.sip}, its pages on http://127.0.0.1:{world.web}/.")
        self.say(f"A gateway with five telephone lines is at 127.0.0.1:{world.gateway}. Behind it live {len(world.people)} "
                 "invented people, played by sipp.")
        if gateway.poll() is not None:
            raise SwitchroomError("demo.no-gateway", f"The simulated gateway ended (sipp, {gateway.returncode}).", self.hint)
        self.finished(world.register(), 20, "The desk phone's registration")
        self.wait(PhoneRegistered, 10, "the desk phone is not registered")
        self.say("Anna's desk phone registers as 101, with its password.")

    def speak_message(self) -> subprocess.Popen[bytes]:
        world = self.world
        prompts = Prompts(prompts_dir())
        before = sum(_seconds(clip) for name in ("attention-recording", "beep") for clip in prompts.clips(name, "en"))
        phone = world.operate(before)
        self.wait(LegOpened, 15, "Anna's call does not reach the box", lambda leg: leg.endpoint == w.EXTENSION)
        self.say(f"Anna dials {w.CODE}, the number of the scenario “Water is off on Friday”.")
        self.wait(LegAnswered, 10, "the box does not answer Anna")
        self.say(f"The box: “Please enter your PIN.” She keys {w.PIN}.")
        drafts = world.data / "campaigns" / "drafts"

        def recording() -> bool:
            self._check_phone(phone)
            return drafts.is_dir() and any(drafts.glob("*-raw.wav"))

        wait_for(recording, 30, "the box does not record", self.hint)
        self.say(f"The box: “Attention, recording.” Beep. She speaks: [italic]“{w.SPOKEN}”[/]")
        return phone

    def _check_phone(self, phone: subprocess.Popen[bytes]) -> None:
        if phone.poll() not in (None, 0):
            raise SwitchroomError("demo.phone-failed", f"Anna's call broke off (sipp ended with {phone.returncode}).", self.hint)

    def choose_list(self, phone: subprocess.Popen[bytes]) -> None:
        created = self.wait(CampaignCreated, 60, "the campaign does not start")
        self.finished(phone, 15, "Anna's call")
        self.say(f"She presses # twice, keys list {w.LIST} and hangs up. Silence cut off, her message lasts "
                 f"{created.message_seconds:.1f} s.")
        self.say(f"[green]Campaign {created.campaign} begins:[/] {created.subscribers} people, {created.lines} lines.\n")

    def watch(self) -> None:
        async def course() -> str:
            return await asyncio.wait_for(watch_campaign(self.world.data, self.reader, 1, False), CAMPAIGN_SECONDS)

        try:
            state = asyncio.run(course())
        except TimeoutError:
            raise SwitchroomError("demo.stuck", f"The campaign takes longer than {CAMPAIGN_SECONDS:.0f} s.", self.hint) from None
        self.console.print()
        self.say(f"The campaign is {state}.")

    def compare(self) -> bool:
        """The table of what people did and what the report says; whether all is as simulated."""
        found = {s.number: s.outcome for s in self._report().subscribers}
        right: Counter[str] = Counter()
        table = Table("What people did", "How many", "The report must say", "It says so of", box=None, pad_edge=False)
        people = self.world.people
        for person in people:
            right[person.simulated] += found.get(person.number) == w.COMES_TO[person.simulated]
        for simulated, count in Counter(person.simulated for person in people).items():
            colour = "green" if right[simulated] == count else "bold red"
            table.add_row(simulated, str(count), w.COMES_TO[simulated], f"[{colour}]{right[simulated]}[/]")
        self.console.print(table)
        for person in people:
            if found.get(person.number) != w.COMES_TO[person.simulated]:
                self.console.print(f"[bold red]{escape(person.name)} {person.simulated}, but the report says "
                                   f"{found.get(person.number, 'nothing')}.[/]")
        return sum(right.values()) == len(people) == len(found)

    def _report(self) -> Report:
        return report(read_book(self.reader, 1), self.reader.subscribers(1))

    def write_reports(self) -> None:
        document = self._report()
        setting = report_setting(Store(self.world.data).current(), document, talk_seconds(self.reader, 1))
        files = {"report.html": html(view(document, setting)).encode(), "report.csv": csv_bytes(document, setting),
                 "report.xlsx": xlsx_bytes(document, setting)}
        for name, content in files.items():
            (self.world.folder / name).write_bytes(content)
        outbox = Outbox(self.world.data / "mail")
        mail = wait_for(lambda: next(iter(outbox.entries()), None), 30, "no report comes into the outbox", self.hint)
        self.console.print(f"\n[bold]The report[/] is in {escape(str(self.world.folder))}: {', '.join(files)}.")
        self.console.print("The mail with it stays in the outbox, since the demonstration has no mail server. Read it:")
        self.console.print(f"  {self.command} mail show {mail.id}\n  {self.command} mail show --raw {mail.id} > report.eml")

    def show_calls(self) -> None:
        rows = self.reader.rows(limit=CALLS_SHOWN, newest_first=True)
        self.console.print(f"\n[bold]The last calls[/] of the call records. All: {self.command} cdr list")
        self.console.print(calls_table(rows, self.console.width))

    @property
    def command(self) -> str:
        script = Path(sys.executable).with_name("switchroom")
        return f"{_short(script) if script.exists() else 'python -m appliance.cli'} --data {_short(self.world.data)}"

    def hints(self) -> None:
        world = self.world
        self.console.print("[bold]Try it yourself[/], while the box runs:")
        tell_pages(self.console, world.data, f"http://127.0.0.1:{world.web}/")
        self.console.print(f"  Register a softphone on this machine, Linphone for instance: server 127.0.0.1:{world.sip}, "
                           f"user 102, password {world.passwords['102']}")
        self.console.print(f"  Dial {w.CODE}, PIN {w.PIN}, speak, press #, and # again, key {w.LIST}, hang up. "
                           "Or dial 9 02079460013: somebody answers.")
        for words in ("status", "campaign report 1", f"campaign start {w.CODE} --list {w.LIST} --message "
                      f"{_short(world.folder / 'message.wav')} --watch", "ledger tail"):
            self.console.print(f"  {self.command} {words}")
        self.console.print("Your own office: ./run")


def _seconds(clip: Path) -> float:
    with wave.open(str(clip)) as file:
        return file.getnframes() / file.getframerate()


def _short(path: Path) -> str:
    """As one would type it here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _stop_by_signal(number: int, frame: object) -> None:
    raise KeyboardInterrupt


@click.command()
@click.option("--once", is_flag=True, help="End when it has been shown. Exit status 0 if every outcome is as simulated, else 1.")
@click.option("--people", "count", default=24, show_default=True, type=click.IntRange(1, 24), help="So many are called.")
@click.option("--data", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path(FOLDER), show_default=True,
              help="Where its files go. An earlier demonstration there is removed.")
@click.pass_context
def demo(ctx: click.Context, once: bool, count: int, folder: Path) -> None:
    """See the main job with simulated lines and phones: no telephone and no internet needed. Takes about two minutes.

    An operator dials 701 at a desk phone, speaks a message and keys a list; the box calls everybody on it and reports.
    """
    signal.signal(signal.SIGTERM, _stop_by_signal)
    console = Console(highlight=False, soft_wrap=True)
    folder = folder.absolute()
    if bus.running(folder / "data"):
        raise SwitchroomError("demo.runs", "A demonstration runs in {folder} already.",
                              "End it with Ctrl-C there, or name another folder: --data DIR", folder=folder)
    world = w.World(folder, w.people(count))
    world.prepare()
    story = Story(world, console)
    try:
        story.open_office()
        story.choose_list(story.speak_message())
        story.watch()
        as_simulated = story.compare()
        story.write_reports()
        story.show_calls()
        story.say("[green]Everything came out as simulated.[/]" if as_simulated
                  else "[bold red]Not all came out as simulated.[/]")
        if not once:
            story.hints()
            console.print("\nThe box goes on running. End it with Ctrl-C.")
            signal.pause()
    except KeyboardInterrupt:
        console.print("\nThe demonstration ends.")
        as_simulated = True
    finally:
        story.close()
        world.close()
    ctx.exit(0 if as_simulated else 1)
