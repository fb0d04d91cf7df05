"""`switchroom serve`: run the whole box in the foreground."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console

from appliance.config import store
from appliance.errors import SwitchroomError
from appliance.system import logs
from appliance.system.paths import ensure_layout
from appliance.system.supervisor import Supervisor, standard_children


def clock_offset(now: str | None) -> float:
    """Seconds to add to the clock so that it shows `now` (ISO 8601, local time where no zone is given)."""
    if now is None:
        return 0.0
    try:
        return datetime.fromisoformat(now).timestamp() - time.time()
    except ValueError:
        raise SwitchroomError("serve.bad-time", f"“{now}” is not a time.", "Write it as 2026-03-02T10:00.") from None


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

    \b
    switchroom serve --config office.toml --data data
    """
    from appliance.system.paths import data_dir

    folder = data_dir(data) if data else ctx.obj.data
    logs.set_up(log)
    ensure_layout(folder)
    if config_file:
        store.Store(folder).serve_file(config_file)
    elif not store.Store(folder).has_current():
        raise SwitchroomError("serve.no-config", f"There is no configuration in {folder} yet.",
                              "Give one: switchroom serve --config office.toml")
    console = Console(stderr=True)
    offset = clock_offset(now)
    extra = [*(["--log", log] if log else []), *(["--clock-offset", str(offset)] if offset else [])]
    children = standard_children(folder, extra)
    up: set[str] = set()

    def ready(name: str) -> None:
        up.add(name)
        if up == {child for child, _ in children}:
            console.print(f"[green]Switchroom is up.[/] Data: {folder}. Look: switchroom --data {folder} status")

    sys.exit(asyncio.run(Supervisor(folder, children, ready).run()))
