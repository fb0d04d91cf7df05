"""Connections: a thread for each that is being served, none for one that takes for ever to say what it wants.

Cheroot gives a request that has begun to come in a thread, and waits for each piece of it up to its timeout: whoever sends a
byte now and then would hold the thread for good, and a few dozen such senders all pages. So what is sent has to be there in time,
and one address may have only so many requests under way to us at once. Streams are not meant: theirs have come in whole.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter

from cheroot.server import HTTPConnection, HTTPRequest, HTTPServer

HEAD_SECONDS = 10.0
"""For a request's head, with the TLS handshake."""
BODY_BYTES_PER_SECOND = 20_000
"""The slowest upload that is waited for, on top of HEAD_SECONDS."""
MOST_COMING_IN = 32
"""Requests of one address that have begun and are not whole."""
CHUNKED_SECONDS = 120.0
LOOK_EVERY = 0.5
SPARE, GROW = 4, 8
"""Threads: so many are kept waiting for work; so many come at once where they are fewer."""


class Incoming:
    """The requests that are coming in, and an end for those that take too long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: dict[HTTPConnection, float] = {}
        self._of: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slow-requests", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)

    def begin(self, connection: HTTPConnection) -> bool:
        """False: this address has too many already."""
        address = str(connection.remote_addr)
        with self._lock:
            if self._of[address] >= MOST_COMING_IN:
                return False
            self._of[address] += 1
            self._due[connection] = time.monotonic() + HEAD_SECONDS
        return True

    def more(self, connection: HTTPConnection, seconds: float) -> None:
        """The head is there, and the body may take so long."""
        with self._lock:
            if connection in self._due:
                self._due[connection] += seconds

    def whole(self, connection: HTTPConnection) -> None:
        with self._lock:
            if self._due.pop(connection, None) is not None:
                address = str(connection.remote_addr)
                self._of[address] -= 1
                if self._of[address] <= 0:
                    del self._of[address]

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY):
            now = time.monotonic()
            with self._lock:
                late = [each for each, due in self._due.items() if due < now and not arrived(each)]
            for each in late:
                with contextlib.suppress(OSError):  # it is gone already
                    socket.socket.shutdown(each.socket, socket.SHUT_RDWR)  # the thread that reads it sees its end


def arrived(connection: HTTPConnection) -> bool:
    """Its body is here, and it is being worked on."""
    body = getattr(getattr(connection, "coming", None), "rfile", None)
    return body is not None and (getattr(body, "remaining", 1) == 0 or getattr(body, "closed", False))


class Request(HTTPRequest):
    """Once the head is read, what is still to come is known."""

    def respond(self) -> None:
        incoming: Incoming = self.server.incoming
        self.conn.coming = self
        length = int(self.inheaders.get(b"Content-Length", 0) or 0)
        if self.chunked_read:
            incoming.more(self.conn, CHUNKED_SECONDS)
        elif length:
            incoming.more(self.conn, min(length, self.server.max_request_body_size) / BODY_BYTES_PER_SECOND)
        else:
            incoming.whole(self.conn)
        super().respond()


class Connection(HTTPConnection):
    RequestHandlerClass = Request
    coming: Request | None = None
    """The request whose body is awaited."""

    def communicate(self) -> bool:
        incoming: Incoming = self.server.incoming
        self.coming = None
        if not incoming.begin(self):
            return False
        try:
            return bool(super().communicate())
        finally:
            incoming.whole(self)


class PatientServer(HTTPServer):
    """To be mixed into a server: threads come as they are needed, up to its `max`; slow requests end."""

    ConnectionClass = Connection
    incoming: Incoming

    def prepare(self) -> None:
        super().prepare()
        self.incoming = Incoming()

    def process_conn(self, conn: HTTPConnection) -> None:
        pool = self.requests
        if pool.idle - pool.qsize < SPARE:
            pool.grow(GROW)
        super().process_conn(conn)

    def stop(self) -> None:
        super().stop()
        self.incoming.close()
