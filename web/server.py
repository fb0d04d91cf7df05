"""The WSGI server of the pages: cheroot, a thread a request, TLS where it is asked for.

Streams (server-sent events) hold their thread for as long as a page is open: that is what most of the threads are for.
"""

from __future__ import annotations

import logging
import socket
import ssl
from pathlib import Path
from typing import Any

from cheroot.ssl.builtin import BuiltinSSLAdapter
from cheroot.wsgi import Server
from flask import Flask

from appliance.errors import SwitchroomError
from web.connections import PatientServer
from web.live.stream import MAX_STREAMS

THREADS = 12
"""At the start; more come with the streams, and stay."""
log = logging.getLogger("web")


class Quiet(PatientServer, Server):
    """Cheroot writes to stderr by itself; ours goes to the log."""

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        log.log(level, "%s", msg.strip(), exc_info=traceback)


class LateHandshake(BuiltinSSLAdapter):
    """The handshake belongs to the thread that reads the request: in the one that accepts connections, as cheroot does it, a
    client that connects and says nothing would keep all others out."""

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, Any]]:
        wrapped = self.context.wrap_socket(sock, do_handshake_on_connect=False, server_side=True)
        return wrapped, {"wsgi.url_scheme": "https", "HTTPS": "on"}


def make(app: Flask, host: str, port: int, certificate: tuple[Path, Path] | None) -> Server:
    """`certificate`: PEM files of certificate and key; None: plain HTTP.

    Raises SwitchroomError "web.start", "web.certificate"."""
    server = Quiet((host, port), app, numthreads=THREADS, max=THREADS + MAX_STREAMS, request_queue_size=128, timeout=30)
    server.server_name = "switchroom"
    server.max_request_header_size = 32 << 10
    server.max_request_body_size = app.config["MAX_CONTENT_LENGTH"]
    if certificate is not None:
        server.ssl_adapter = _adapter(*certificate)
    try:
        server.prepare()
    except OSError as problem:
        raise SwitchroomError("web.start", "The web pages cannot be served at {host}:{port}: {reason}.",
                              "Is another program (or another Switchroom) using that address? Change [web] listen.",
                              host=host, port=port, reason=problem.strerror or problem) from None
    return server


def _adapter(certificate: Path, key: Path) -> LateHandshake:
    try:
        adapter = LateHandshake(str(certificate), str(key))
    except (ssl.SSLError, OSError) as problem:
        raise SwitchroomError("web.certificate", "The certificate {certificate} cannot be used: {problem}.",
                              "[web] certificate and key must be PEM files that belong together.", certificate=certificate,
                              problem=problem) from None
    adapter.context.minimum_version = ssl.TLSVersion.TLSv1_2
    return adapter
