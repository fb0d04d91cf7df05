"""The server of the pages: many screens, slow senders and silent ones keep nobody out."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, Response, request

from tests.peers.net import PATIENCE, free_port, wait_for
from web import connections, server, tls

LET_GO = threading.Event()
BRIEF = 1.5
"""Seconds for a request to come, for one that comes at once also where the machine has much else to do."""


def application() -> Flask:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 1_000_000

    def stream() -> Response:
        def pieces() -> Iterator[str]:
            yield "data: 1\n\n"
            LET_GO.wait(2 * PATIENCE)

        return Response(pieces(), content_type="text/event-stream")

    def work() -> str:
        read = len(request.get_data())
        time.sleep(2 * BRIEF)
        return f"{read} bytes"

    app.add_url_rule("/", "home", lambda: "hello")
    app.add_url_rule("/stream", "stream", stream)
    app.add_url_rule("/work", "work", work, methods=["POST"])
    return app


@contextlib.contextmanager
def served(certificate: tuple[Path, Path] | None = None) -> Iterator[int]:
    LET_GO.clear()
    made = server.make(application(), "127.0.0.1", free_port(), certificate)
    thread = threading.Thread(target=made.serve)
    thread.start()
    try:
        yield made.bind_addr[1]
    finally:
        LET_GO.set()
        made.stop()
        thread.join(PATIENCE)


@pytest.fixture
def port() -> Iterator[int]:
    with served() as port:
        yield port


def hello(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
        found: bytes = answer.read()
        return found


def begun(port: int, head: bytes) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), PATIENCE)
    made.settimeout(PATIENCE)
    made.sendall(head)
    return made


def ended(connection: socket.socket) -> bool:
    """The far end closed it (what it may have said before that is of no interest)."""
    with contextlib.suppress(ConnectionError):
        while connection.recv(65536):
            continue
    return True


def test_screens_beyond_the_first_threads_leave_room_for_pages(port: int) -> None:
    with contextlib.ExitStack() as open_ones:
        for _ in range(5 * server.THREADS):
            screen = open_ones.enter_context(begun(port, b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"))
            assert b"200 OK" in screen.recv(4096)
        assert hello(port) == b"hello"


@pytest.mark.parametrize("head", [
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    b"POST /work HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc",
    b"POST /work HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
])  # fmt: skip
def test_a_request_that_does_not_come_is_ended(port: int, head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(connections, "CHUNKED_SECONDS", 0.5)
    monkeypatch.setattr(connections, "LOOK_EVERY", 0.1)
    with begun(port, head) as slow:
        began = time.monotonic()
        assert ended(slow)
        assert time.monotonic() - began < 25  # at 30 s the server by itself would end it
    assert hello(port) == b"hello"


def test_a_request_that_came_is_worked_on_as_long_as_it_takes(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", BRIEF)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/work", data=b"x" * 1000, timeout=PATIENCE) as answer:
        assert answer.read() == b"1000 bytes"


def test_one_address_has_only_so_many_on_the_way(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 600.0)
    with contextlib.ExitStack() as open_ones:
        slow = [open_ones.enter_context(begun(port, b"GET / HTTP/1.1\r\nX: "))
                for _ in range(connections.MOST_COMING_IN)]
        wait_for(lambda: _refused(port), 5, "the next one to be refused")
        for each in slow:
            each.close()
        wait_for(lambda: not _refused(port), 15, "room again")


def _refused(port: int) -> bool:
    try:
        return hello(port) != b"hello"
    except OSError:
        return True


def test_a_client_that_never_shakes_hands_keeps_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 600.0)
    pair = tls.own_certificate(tmp_path, "127.0.0.1")
    with served(pair) as port, begun(port, b""), begun(port, b"GET / HTTP/1.1\r\n\r\n"):
        trusting = ssl.create_default_context(cafile=str(pair[0]))
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/", context=trusting, timeout=PATIENCE) as answer:
            assert answer.read() == b"hello"
