"""A program behind a webhook: checks each message by itself, refuses as many as the test says, keeps what it took."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import ssl
import threading
from types import TracebackType
from typing import Any, Self


class Crm:
    """`refuse`: so many requests are answered 503 before one is taken."""

    def __init__(self, key: bytes, refuse: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.refuse = refuse
        self.taken: list[tuple[str, dict[str, Any]]] = []
        """Id and message, each id once."""
        self.requests: list[str] = []
        """The ids of all that came, also of what was refused."""
        self.forged: list[str] = []
        crm = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(crm._take(key, dict(self.headers.items()), body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                return None

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_port}/calls"

    def _take(self, key: bytes, heads: dict[str, str], body: bytes) -> int:
        head = {name.lower(): value for name, value in heads.items()}
        id, signed = head["webhook-id"], f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        self.requests.append(id)
        if wanted not in head["webhook-signature"].split(" "):
            self.forged.append(id)
            return 401
        if self.refuse > 0:
            self.refuse -= 1
            return 503
        if id not in [known for known, _ in self.taken]:
            self.taken.append((id, json.loads(body)))
        return 204

    def of(self, type_: str) -> list[dict[str, Any]]:
        return [message["data"] for _, message in self.taken if message["type"] == type_]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
