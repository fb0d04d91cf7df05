"""`python -m appliance.core --data DIR`: the core process."""

# ruff: noqa: E402 - the collector rests before the first module is loaded
from __future__ import annotations

import gc

gc.disable()  # until `settle_memory`: what a start makes stays, and looking through it again and again takes a tenth of it

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from appliance import bus
from appliance.core.box import Box
from appliance.core.commands import Commands
from appliance.errors import SwitchroomError
from appliance.system import memory, notify, precedence, process, realtime

log = logging.getLogger("core")


async def serve(start: process.Invocation, first: bool) -> int:
    """`first`: calls go before the machine's other work."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    box = Box(start.data, start.clock)
    await box.start()
    server = bus.Server(start.data, Commands(box).handle)
    box.on_wake = server.wake
    box.acd.on_change, box.acd.followed = server.change, server.followed
    tasks: set[asyncio.Task[None]] = set()

    def also(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    serving = also(server.serve())
    serving.add_done_callback(lambda task: stop.set())
    also(notify.watchdog())
    also(memory.keep_giving_back())
    loop.add_signal_handler(signal.SIGHUP, lambda: also(reload(box)))
    notify.ready("core")
    settle_memory()
    if first:
        also(realtime.keep("sip"))
    await stop.wait()
    notify.stopping()
    failed = serving.done() and not serving.cancelled() and serving.exception()
    if failed:  # deaf to every command: better to end and be started again
        log.critical("the bus failed", exc_info=failed)
    await box.stop("failed" if failed else "stopped")
    for task in list(tasks):
        task.cancel()
    server.close()
    return 1 if failed else 0


def settle_memory() -> None:
    """What stands after the start stays: the collector need not walk through it again and again. A call leaves next to
    nothing in cycles, so it comes by seldom; each of its visits holds up every call."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


async def reload(box: Box) -> None:
    """SIGHUP: as the command `Reload`; a configuration with errors changes nothing."""
    try:
        version = await box.take_over("signal")
    except SwitchroomError as problem:
        log.error("the configuration stays as it was: %s", problem)
    except Exception:
        log.exception("the configuration could not be taken over")
    else:
        log.info("the configuration was taken over", extra={"version": version})


def main() -> int:
    start = process.parse("core")
    first = precedence.go_first()
    return process.run(lambda: serve(start, first))


if __name__ == "__main__":
    sys.exit(main())
