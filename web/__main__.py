"""`python -m web --data DIR`: the web process, on waitress (a real WSGI server: bounded threads, buffers and headers)."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading

import waitress

from appliance.config import store
from appliance.errors import SwitchroomError
from appliance.system import notify, process
from web.app import create_app

log = logging.getLogger("web")
THREADS = 4


async def serve(start: process.Invocation) -> int:
    """Waitress runs its own loop on a thread; ours answers the supervisor and waits for the end."""
    config = store.Store(start.data).current()
    try:
        server = waitress.create_server(create_app(start.data), listen=config.web.listen, threads=THREADS, ident="switchroom")
    except OSError as problem:
        raise SwitchroomError("web.start", f"The web pages cannot be served at {config.web.listen}: {problem.strerror}.",
                              "Is another program (or another Switchroom) using that address? Change [web] listen.") from None
    threading.Thread(target=server.run, name="waitress", daemon=True).start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    notify.ready(f"http://{config.web.listen}/")
    log.info("web is up", extra={"listen": config.web.listen})
    pings = asyncio.create_task(notify.watchdog())
    await stop.wait()
    notify.stopping()
    pings.cancel()
    server.close()
    return 0


def main() -> int:
    start = process.parse("web")
    return process.run(lambda: serve(start))


if __name__ == "__main__":
    sys.exit(main())
