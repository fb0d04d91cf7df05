"""Bare sockets that speak SIP byte by byte, for tests that send what no sane phone would send."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import socket
from collections.abc import Callable

from drivers.sip.digest import quote, response_of
from tests.peers.net import PATIENCE

_numbers = itertools.count(1)
_random = random.Random()


def any_loopback() -> str:
    """An address of 127/8 that nobody else uses just now, so that a test can have port 5060 to itself."""
    return f"127.{_random.randrange(16, 255)}.{_random.randrange(255)}.{_random.randrange(1, 255)}"


class Response:
    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        head = raw.split(b"\r\n\r\n")[0].split(b"\r\n")
        self.status = int(head[0].split(b" ")[1]) if raw.startswith(b"SIP/2.0 ") else 0
        self._lines = [line.partition(b":") for line in head[1:]]

    def all(self, name: str) -> list[str]:
        short = {"via": "v", "contact": "m", "call-id": "i", "from": "f", "to": "t"}.get(name.lower(), "")
        return [
            value.strip().decode("utf-8", "replace")
            for key, _, value in self._lines
            if key.strip().lower().decode("latin-1") in (name.lower(), short)
        ]

    def one(self, name: str) -> str:
        found = self.all(name)
        return found[0] if found else ""

    def __repr__(self) -> str:
        return f"<{self.status} {self.one('CSeq')} {self.one('Call-ID')}>"


class Datagrams:
    """A UDP socket at `host`:`port` that talks to `box`; everything received is kept in `got`."""

    def __init__(self, box: tuple[str, int], host: str = "127.0.0.1", port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.socket.setblocking(False)
        self.box = box
        self.got: list[Response] = []

    def __enter__(self) -> Datagrams:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    @property
    def at(self) -> tuple[str, int]:
        return self.socket.getsockname()

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, self.box)

    async def wait(self, fits: Callable[[Response], bool], seconds: float = PATIENCE) -> Response | None:
        """The first response that fits, or None when the time is up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        checked = 0
        while True:
            for response in self.got[checked:]:
                if fits(response):
                    return response
            checked = len(self.got)
            left = deadline - loop.time()
            if left <= 0:
                return None
            try:
                raw = await asyncio.wait_for(loop.sock_recv(self.socket, 65536), left)
            except TimeoutError:
                return None
            if raw.startswith(b"SIP/2.0 "):
                self.got.append(Response(raw))

    async def ask(self, data: bytes, seconds: float = PATIENCE) -> Response | None:
        """Sends a request and waits for its final response; retransmits as RFC 3261 17.1.2.2 would."""
        call_id = re.search(rb"(?im)^(?:Call-ID|i)\s*:\s*(.*?)\r?$", data)
        mark = call_id.group(1).strip().decode("latin-1") if call_id else ""
        known = len(self.got)
        for wait in itertools.chain((0.5, 1.0), itertools.repeat(2.0)):
            self.send(data)
            found = await self.wait(
                lambda r: r.status >= 200 and r.one("Call-ID") == mark and self.got.index(r) >= known, min(wait, seconds)
            )
            seconds -= wait
            if found or seconds <= 0:
                return found
        return None

    def request(
        self, method: str, uri: str, *, to: str = "", sender: str = "", extra: str = "", body: str = "", cseq: int = 1,
        call_id: str = "",
    ) -> bytes:  # fmt: skip
        """A plain request from here."""
        host, port = self.at
        number = next(_numbers)
        length = len(body.encode())
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{number}x{port}\r\n"
            f"Max-Forwards: 70\r\nFrom: <{sender or 'sip:probe@' + host}>;tag=p{number}\r\nTo: {to or f'<{uri}>'}\r\n"
            f"Call-ID: {call_id or f'{number}-{port}@{host}'}\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: <sip:probe@{host}:{port}>\r\n{extra}Content-Length: {length}\r\n\r\n{body}"
        ).encode()

    async def alive(self) -> bool:
        """Whether a plain OPTIONS gets its 200."""
        answer = await self.ask(self.request("OPTIONS", f"sip:{self.box[0]}:{self.box[1]}"))
        return answer is not None and answer.status == 200

    async def register(self, user: str, secret: str, *, expires: int = 300) -> Response | None:
        """REGISTER, with credentials when asked; the last response."""
        uri = f"sip:{self.box[0]}:{self.box[1]}"
        own = f"sip:{user}@{self.box[0]}"
        call_id = f"reg-{next(_numbers)}@{self.at[0]}"

        def ask(cseq: int, extra: str) -> bytes:
            extra += f"Expires: {expires}\r\n"
            return self.request("REGISTER", uri, to=f"<{own}>", sender=own, extra=extra, cseq=cseq, call_id=call_id)

        answer = await self.ask(ask(1, ""))
        if answer is None or answer.status != 401:
            return answer
        return await self.ask(ask(2, authorization(answer, user, secret, "REGISTER", uri)))


def authorization(challenge: Response, user: str, secret: str, method: str, uri: str) -> str:
    """An Authorization line for a 401."""
    value = challenge.one("WWW-Authenticate")
    parts = dict(re.findall(r'(\w+)=(?:"([^"]*)")', value)) | dict(re.findall(r"(algorithm)=([\w-]+)", value))
    algorithm = parts.get("algorithm", "MD5")
    response = response_of(algorithm, user, parts["realm"], secret, method, uri, parts["nonce"], "00000001", "c0ffee")
    return (
        f"Authorization: Digest username={quote(user)}, realm={quote(parts['realm'])}, nonce={quote(parts['nonce'])}, "
        f'uri={quote(uri)}, response="{response}", algorithm={algorithm}, qop=auth, nc=00000001, cnonce="c0ffee"\r\n'
    )
