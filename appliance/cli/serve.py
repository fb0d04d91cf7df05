"""`switchroom serve`: run the whole box in the foreground."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import sys
import time
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from appliance.config import starter, store
from appliance.config.model import Config
from appliance.errors import SwitchroomError
from appliance.system import logs
from appliance.system.paths import data_dir, ensure_layout, keep_private
from appliance.system.supervisor import Supervisor, standard_children
from appliance.users.store import UserStore


def clock_offset(now: str | None) -> float:
    """Seconds to add to the clock so that it shows `now` (ISO 8601, local time where no zone is given)."""
    if now is None:
        return 0.0
    try:
        return datetime.fromisoformat(now).timestamp() - time.time()
    except ValueError:
        raise SwitchroomError("serve.bad-time", "“{now}” is not a time.", "Write it as 2026-03-02T10:00.", now=now) from None


STARTER = "office.toml"
"""The file in the data directory that a box without a configuration begins with."""


def choose_config(folder: Path, config_file: str | None) -> bool:
    """Put the configuration to run in force: the file given, else a changed DATA/office.toml where that is in force, else
    what is in force (what was rolled back to stays). True where there was none and a starter was written."""
    kept = store.Store(folder)
    own = (folder / STARTER).resolve()
    if config_file:
        kept.serve_file(config_file)
        return False
    now = kept.in_force()
    if now is not None:
        if now.source == str(own) and now.kind in ("serve", "import") and own.is_file():
            kept.serve_file(own)
        return False
    made = not own.exists()
    if made:
        starter.write_starter(own, starter.machine_place())
    kept.serve_file(own)
    return made


def own_address() -> str:
    """The address of this machine that others of its network reach it at; "" where it has none but loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # chooses a route; a UDP connect sends nothing
        except OSError:
            return ""
        address = str(probe.getsockname()[0])
    return "" if address.startswith("127.") else address


def introduce(console: Console, folder: Path, config: Config) -> None:
    """What a newcomer is told whose configuration we made."""
    port = config.sip.listen.port_or(5060)
    address = own_address() or "127.0.0.1"
    command = f"switchroom --data {folder}"
    office = folder / STARTER
    console.print(f"[bold]There was no configuration, so Switchroom made one:[/] {escape(str(office))}")
    console.print(f"It has two phones and no lines yet. Country {config.office.country}, time zone {config.office.timezone}: "
                  "please check them in the file.")
    console.print("\nLet a phone, or a softphone such as Linphone, register:")
    console.print(f"  server [bold]{address}:{port}[/], UDP or TCP")
    for phone in config.phones:
        console.print(f"  user [bold]{phone.extension}[/]  password [bold]{escape(phone.secret)}[/]  ({escape(phone.name)})")
    console.print("Then dial 102 at the phone 101: the other rings.")
    console.print(f"\nThe box listens on every address of this machine, port {port}. A phone does nothing without its password; "
                  "whoever guesses is shut out after five tries. Don't open the port to the internet all the same.")
    console.print("\nNext: take the # from the examples in the file (a gateway, a list, a campaign), then")
    console.print(f"  {command} config check {office}\n  {command} config import {office}\n", highlight=False)


def tell_pages(console: Console, folder: Path) -> None:
    """Where the pages are; and, while nobody may use them yet, the code that makes who reads this here the first."""
    web = store.Store(folder).current().web
    scheme, host = ("https" if web.use_tls else "http"), web.listen.host
    shown = own_address() or "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    console.print(f"Pages: [bold]{escape(f'{scheme}://{shown}:{web.listen.port}/')}[/]")
    users = UserStore(folder)
    try:
        if code := users.setup_code():
            console.print(f"They have no administrator yet. Open them and give the set-up code [bold]{code}[/].")
    finally:
        users.close()


def only_here(data: Path) -> int:
    """Hold the data directory for this `serve`; a lock that ends with the process, as a file descriptor. A second one would
    take the first one's sockets away. Raises SwitchroomError "serve.running"."""
    handle = os.open(data / "run" / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise SwitchroomError("serve.running", "Switchroom already runs on {data}.",
                              "Look at it: switchroom --data {data} status. Or name another folder with --data DIR.",
                              data=data) from None
    return handle


@click.command()
@click.option("--config", "config_file", type=click.Path(exists=True, dir_okay=False),
              help="Take over this office.toml first (kept as a new version when it changed).")
@click.option("--data", metavar="DIR", default=None, help="Same as `switchroom --data DIR serve`.")
@click.option("--now", metavar="TIME", help="Pretend that it is this time: rehearse opening hours.")
@click.option("--log", help="Least weight that is logged, whatever [log] level says.",
              type=click.Choice(["debug", "info", "warning", "error"]))
@click.pass_context
def serve(ctx: click.Context, config_file: str | None, data: str | None, now: str | None, log: str | None) -> None:
    """Start the box here, in the foreground, and keep it running until Ctrl-C.

    Without a configuration it makes one, with two phones, and says how to go on.

    \b
    switchroom serve
    switchroom serve --config office.toml --data data
    """
    folder = data_dir(data) if data else ctx.obj.data
    logs.set_up(log)
    keep_private()
    ensure_layout(folder)
    alone = only_here(folder)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if choose_config(folder, config_file):
        introduce(console, folder, store.Store(folder).current())
    offset = clock_offset(now)
    extra = [*(["--log", log] if log else []), *(["--clock-offset", str(offset)] if offset else [])]
    children = standard_children(folder, extra)
    up: set[str] = set()

    def ready(name: str) -> None:
        up.add(name)
        if up == {child for child, _ in children}:
            console.print(f"[green]Switchroom is up.[/] Data: {folder}. Look: switchroom --data {folder} status")
            tell_pages(console, folder)

    status = asyncio.run(Supervisor(folder, children, ready).run())
    os.close(alone)
    sys.exit(status)
