"""The health page: up or down, hardened headers, and nothing else."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from appliance import bus
from appliance.messages import Command, Done, Reply
from appliance.system.paths import ensure_layout
from tests.peers.net import PATIENCE
from web.app import create_app


async def _answer(command: Command) -> Reply:
    return Done()


def test_health_follows_the_core(tmp_path: Path) -> None:
    ensure_layout(tmp_path)
    client = create_app(tmp_path).test_client()
    down = client.get("/health")
    assert (down.status_code, down.json) == (503, {"core": "down"})
    started, stop = threading.Event(), threading.Event()

    async def core() -> None:
        server = bus.Server(tmp_path, _answer)
        started.set()
        await asyncio.to_thread(stop.wait)
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(core()))
    thread.start()
    try:
        assert started.wait(PATIENCE)
        up = client.get("/health")
        assert (up.status_code, up.json) == (200, {"core": "up"})
    finally:
        stop.set()
        thread.join(PATIENCE)


def test_every_answer_is_hardened(tmp_path: Path) -> None:
    client = create_app(tmp_path).test_client()
    for answer in (client.get("/health"), client.get("/nothing"), client.post("/health")):
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.post("/health").status_code == 405
    assert client.get("/nothing").status_code == 404
