"""The box is up, and stays up: `switchroom serve` once its configuration is in force."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape

from appliance.cli.address import own_address
from appliance.system import memory
from appliance.system.supervisor import Supervisor, standard_children
from appliance.users.store import UserStore


def tell_pages(console: Console, folder: Path, address: str) -> None:
    """Where the pages are, by the address that they listen on; and, while nobody may use them yet, the code that makes who
    reads this here the first."""
    pages = urlsplit(address)
    host = pages.hostname or ""
    shown = own_address() or "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    console.print(f"Pages: [bold]{escape(f'{pages.scheme}://{shown}:{pages.port}/')}[/]")
    users = UserStore(folder)
    try:
        if code := users.setup_code():
            console.print(f"They have no administrator yet. Open them and give the set-up code [bold]{code}[/].")
            if (host.startswith("127.") or host in ("localhost", "::1")) and (own := own_address()):
                console.print("They are for a browser on this machine. For the others of the office, write under \\[web] in the "
                              f'configuration: listen = "0.0.0.0:{pages.port}", and start again. Then they are at '
                              f"https://{own}:{pages.port}/", highlight=False)
    finally:
        users.close()


def keep_up(console: Console, folder: Path, extra: Sequence[str]) -> int:
    """Run the processes of the box until somebody ends it, and say when all are up. `extra` stands on their command lines.
    Returns an exit status."""
    children = standard_children(folder, extra)
    up: set[str] = set()

    def ready(name: str) -> None:
        up.add(name)
        if up == {child for child, _ in children}:
            console.print(f"[green]Switchroom is up.[/] Data: {folder}. Look: switchroom --data {folder} status")
            tell_pages(console, folder, supervisor.children["web"].status)
            memory.give_back()

    supervisor = Supervisor(folder, children, ready)
    return asyncio.run(supervisor.run())
