"""A SIP peer that does exactly what a test says: sends what it is told, hands over what comes. UDP or TCP, IPv4 or IPv6."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable

from tests.peers.net import PATIENCE

SDP = """v=0\r
o=- 1 {version} IN IP4 {host}\r
s=-\r
c=IN IP4 {host}\r
t=0 0\r
m=audio {port} RTP/AVP {formats}\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-15\r
a={direction}\r
"""
_branches = itertools.count(1)


def sdp(port: int = 20000, formats: str = "8 101", direction: str = "sendrecv", version: int = 1, host: str = "127.0.0.1") -> str:
    return SDP.format(port=port, formats=formats, direction=direction, version=version, host=host)


class Message:
    def __init__(self, data: bytes) -> None:
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        self.start, *lines = head.split("\r\n")
        self.headers = [(n.strip(), v.strip()) for n, _, v in (line.partition(":") for line in lines)]
        self.body = body

    def all(self, name: str) -> list[str]:
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    @property
    def method(self) -> str:
        return "" if self.start.startswith("SIP/2.0") else self.start.split(" ")[0]

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def cseq(self) -> tuple[int, str]:
        number, method = self.get("CSeq").split()
        return int(number), method

    def __repr__(self) -> str:
        return f"<{self.start} | {self.get('CSeq')} | {self.get('Call-ID')}>"


class RawSip:
    """`wait` hands over the next message that fits, once each; others stay for later."""

    def __init__(self, tcp: bool = False, host: str = "127.0.0.1") -> None:
        self.tcp, self.host = tcp, host
        self.inbox: list[Message] = []
        self._news = asyncio.Event()
        self._buffer = b""
        self.writer: asyncio.StreamWriter | None = None
        self.source: tuple[str, int] = ("", 0)

    async def open(self, port: int, local_port: int = 0) -> RawSip:
        self.remote = (self.host, port)
        loop = asyncio.get_running_loop()
        if self.tcp:
            reader, self.writer = await asyncio.open_connection(*self.remote)
            self.port = int(self.writer.get_extra_info("sockname")[1])
            self._task = loop.create_task(self._read(reader))
            return self
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.bind((self.host, local_port))
        sock.setblocking(False)
        self.sock = sock
        self.port = int(sock.getsockname()[1])
        loop.add_reader(sock, self._datagram)
        return self

    def close(self) -> None:
        if self.tcp:
            self._task.cancel()
            assert self.writer is not None
            self.writer.close()
        else:
            asyncio.get_running_loop().remove_reader(self.sock)
            self.sock.close()

    def _datagram(self) -> None:
        try:
            data, self.source = self.sock.recvfrom(65535)[:2]
        except OSError:
            return
        self._take(data)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            self._buffer += data
            while b"\r\n\r\n" in self._buffer:
                head, _, rest = self._buffer.partition(b"\r\n\r\n")
                length = next((int(v) for n, v in Message(head + b"\r\n\r\n").headers if n.lower() == "content-length"), 0)
                if len(rest) < length:
                    break
                self._take(head + b"\r\n\r\n" + rest[:length])
                self._buffer = rest[length:]

    def _take(self, data: bytes) -> None:
        self.inbox.append(Message(data))
        self._news.set()

    def send(self, text: str) -> None:
        data = text.encode()
        if self.tcp:
            assert self.writer is not None
            self.writer.write(data)
        else:
            self.sock.sendto(data, self.remote)

    async def wait(self, fits: Callable[[Message], bool], seconds: float = PATIENCE) -> Message:
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            for i, message in enumerate(self.inbox):
                if fits(message):
                    return self.inbox.pop(i)
            self._news.clear()
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                raise AssertionError(f"nothing that fits within {seconds} s; came: {self.inbox}")
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                continue

    async def status(self, code: int, method: str, seconds: float = PATIENCE) -> Message:
        return await self.wait(lambda m: m.status == code and m.cseq[1] == method, seconds)

    async def request(self, method: str, seconds: float = PATIENCE) -> Message:
        return await self.wait(lambda m: m.method == method, seconds)

    # ---- messages ------------------------------------------------------------------------------------------------------

    @property
    def here(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def there(self) -> str:
        return f"[{self.host}]:{self.remote[1]}" if ":" in self.host else f"{self.host}:{self.remote[1]}"

    def via(self) -> str:
        return f"SIP/2.0/{'TCP' if self.tcp else 'UDP'} {self.here};branch=z9hG4bKraw{next(_branches)};rport"

    def format(self, start: str, headers: list[str], body: str = "", ctype: str = "application/sdp") -> str:
        lines = [start, *headers]
        if body:
            lines.append(f"Content-Type: {ctype}")
        return "\r\n".join([*lines, f"Content-Length: {len(body.encode())}", "", body])

    def reply(self, request: Message, status: str, *headers: str, body: str = "", tag: str = "raw", contact: bool = True) -> None:
        to = request.get("To")
        if tag and ";tag=" not in to:
            to += f";tag={tag}"
        lines = [f"Via: {v}" for v in request.all("Via")] + [
            f"From: {request.get('From')}", f"To: {to}", f"Call-ID: {request.get('Call-ID')}", f"CSeq: {request.get('CSeq')}"]
        if contact:
            lines.append(f"Contact: <sip:raw@{self.here}{';transport=tcp' if self.tcp else ''}>")
        self.send(self.format(f"SIP/2.0 {status}", [*lines, *headers], body))


class Call:
    """One dialog of a RawSip with us. As the caller: `invite`, then `ack`. As the callee: built from our INVITE."""

    def __init__(self, raw: RawSip, call_id: str, number: str = "101", user: str = "0501234567") -> None:
        self.raw, self.call_id = raw, call_id
        self.cseq = 0
        self.local = f"<sip:{user}@{raw.here}>;tag=t-{call_id}"
        self.remote = f"<sip:{number}@{raw.there}>"
        self.target = f"sip:{number}@{raw.there}"
        self.contact = f"<sip:{user}@{raw.here}{';transport=tcp' if raw.tcp else ''}>"
        self.via = ""

    @classmethod
    def answered(cls, raw: RawSip, invite: Message, tag: str = "raw") -> Call:
        call = cls(raw, invite.get("Call-ID"))
        call.local = f"{invite.get('To')};tag={tag}"
        call.remote = invite.get("From")
        call.target = invite.get("Contact").partition("<")[2].partition(">")[0]
        call.cseq = 100
        return call

    def send(
        self, method: str, *headers: str, body: str = "", ctype: str = "application/sdp", cseq: int = 0, via: str = ""
    ) -> None:
        if not cseq:
            self.cseq += 1
        self.via = via or self.raw.via()
        lines = [f"Via: {self.via}", "Max-Forwards: 70", f"From: {self.local}", f"To: {self.remote}",
                 f"Call-ID: {self.call_id}", f"CSeq: {cseq or self.cseq} {method}", f"Contact: {self.contact}"]
        self.raw.send(self.raw.format(f"{method} {self.target} SIP/2.0", [*lines, *headers], body, ctype))

    def confirm(self, ok: Message) -> None:
        """Takes the dialog from a response to our INVITE."""
        self.remote = ok.get("To")
        if ok.get("Contact"):
            self.target = ok.get("Contact").partition("<")[2].partition(">")[0]

    def ack(self, ok: Message, body: str = "") -> None:
        self.confirm(ok)
        self.send("ACK", cseq=ok.cseq[0], body=body)

    def refuse_ack(self, response: Message) -> None:
        """ACK of a refusal: same branch."""
        via, self.remote = self.via, response.get("To")
        self.send("ACK", cseq=response.cseq[0], via=via)
