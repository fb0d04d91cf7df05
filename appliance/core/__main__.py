"""`python -m appliance.core --data DIR`: the core process."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from appliance import bus
from appliance.core.box import Box
from appliance.core.commands import Commands
from appliance.errors import SwitchroomError
from appliance.system import notify, process

log = logging.getLogger("core")


async def serve(start: process.Invocation) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    box = Box(start.data, start.clock)
    await box.start()
    server = bus.Server(start.data, Commands(box).handle)
    box.on_wake = server.wake
    tasks = [asyncio.create_task(server.serve()), asyncio.create_task(notify.watchdog())]
    loop.add_signal_handler(signal.SIGHUP, lambda: tasks.append(asyncio.create_task(reload(box))))
    notify.ready("core")
    await stop.wait()
    notify.stopping()
    await box.stop("stopped")
    for task in tasks:
        task.cancel()
    server.close()
    return 0


async def reload(box: Box) -> None:
    """SIGHUP: as the command `Reload`; a configuration with errors changes nothing."""
    try:
        await box.take_over("signal")
    except SwitchroomError as problem:
        log.error("the configuration stays as it was: %s", problem)


def main() -> int:
    start = process.parse("core")
    try:
        return process.run(lambda: serve(start))
    except SwitchroomError as problem:
        log.critical("%s", problem, extra={"error": problem.id})
        return 78  # EX_CONFIG: starting again will not help before somebody acts


if __name__ == "__main__":
    sys.exit(main())
