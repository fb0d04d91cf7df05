"""`switchroom serve`: run the whole box in the foreground.

This process stays for as long as the box runs, and only looks after the others. So it loads neither the configuration nor
what reads one: a child that ends again takes the file over.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console

from appliance.cli.main import tell
from appliance.errors import SwitchroomError
from appliance.system import aside, logs
from appliance.system.paths import data_dir, ensure_layout, keep_private


def clock_offset(now: str | None) -> float:
    """Seconds to add to the clock so that it shows `now` (ISO 8601, local time where no zone is given)."""
    if now is None:
        return 0.0
    try:
        return datetime.fromisoformat(now).timestamp() - time.time()
    except ValueError:
        raise SwitchroomError("serve.bad-time", "“{now}” is not a time.", "Write it as 2026-03-02T10:00.", now=now) from None


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


def take_over(console: Console, folder: Path, config_file: str | None) -> int:
    """Put the configuration to run in force, and introduce the box to who has none yet. Returns an exit status."""
    from appliance.cli import beginning

    try:
        if beginning.choose_config(folder, config_file):
            beginning.introduce(console, folder)
    except SwitchroomError as problem:
        tell(problem)
        return 1
    return 0


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
    offset = clock_offset(now)
    extra = [*(["--log", log] if log else []), *(["--clock-offset", str(offset)] if offset else [])]
    taking_over = aside.begin(lambda: take_over(console, folder, config_file))
    from appliance.cli import keeping  # meanwhile

    if status := aside.finish(taking_over):
        sys.exit(status)
    status = keeping.keep_up(console, folder, extra)
    os.close(alone)
    sys.exit(status)
