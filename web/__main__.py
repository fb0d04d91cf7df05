"""`python -m web --data DIR`: the web process."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
from pathlib import Path

from appliance.config import store
from appliance.config.model import Config
from appliance.system import notify, precedence, process
from web import server
from web.app import create_app, make_services

log = logging.getLogger("web")


async def serve(start: process.Invocation) -> int:
    """The server runs on threads of its own; this loop answers the supervisor and waits for the end."""
    config = store.Store(start.data).current()
    box = make_services(start.data, start.clock)
    box.figures.start()
    box.courier.start()
    box.desks.start()
    app = create_app(start.data, box, secure=config.web.use_tls)
    listen = config.web.listen
    made = server.make(app, listen.host, listen.port_or(0), _certificate(start.data, config))
    threading.Thread(target=made.serve, name="http", daemon=True).start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    scheme = "https" if config.web.use_tls else "http"
    notify.ready(f"{scheme}://{listen}/")
    log.info("web is up", extra={"listen": listen, "tls": config.web.use_tls})
    pings = asyncio.create_task(notify.watchdog())
    await stop.wait()
    notify.stopping()
    pings.cancel()
    box.hub.close()  # streams end, and with them the threads that the server waits for
    await asyncio.to_thread(made.stop)
    box.close()
    return 0


def _certificate(data: Path, config: Config) -> tuple[Path, Path] | None:
    if not config.web.use_tls:
        return None
    if config.web.certificate:
        return Path(config.web.certificate), Path(config.web.key)
    from web import tls  # its library takes 8 MB: only where the pages are not for this machine alone

    return tls.own_certificate(data, config.web.listen.host)


def main() -> int:
    start = process.parse("web")
    precedence.stand_back()
    return process.run(lambda: serve(start))


if __name__ == "__main__":
    sys.exit(main())
