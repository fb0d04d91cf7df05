"""How a box begins: which configuration it runs, and what a newcomer is told who had none."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from appliance.cli.address import own_address
from appliance.config import starter, store

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


def introduce(console: Console, folder: Path) -> None:
    """What a newcomer is told whose configuration we made."""
    config = store.Store(folder).current()
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
        console.print(f"  user [bold]{phone.extension}[/]  password [bold]{escape(phone.secret)}[/]")
    if len(config.phones) > 1:
        console.print(f"Then dial {config.phones[1].extension} at the phone {config.phones[0].extension}: the other rings.")
    console.print(f"\nThe box listens on every address of this machine, port {port}. A phone does nothing without its password; "
                  "whoever guesses is shut out after five tries. Don't open the port to the internet all the same.")
    console.print("\nNext: take the # from the examples in the file (a gateway, a list, a campaign), then")
    console.print(f"  {command} config check {office}\n  {command} config import {office}\n", highlight=False)
