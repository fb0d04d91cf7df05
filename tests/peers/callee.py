"""People behind a gateway, in Python: each call is answered, says what its part says, hears, and keeps what it heard.

Where sipp can only replay, this one can echo, press keys at any moment, stand behind a bad network of its own (its SDP
then names the relay), and write down every RTP packet with its time. It shares no code with the appliance.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tests.mediakit import EVENT, EVENT_NAMES, TABLES, compress, expand, pack
from tests.peers.net import wait_for
from tests.peers.sound import Samples
from tests.relay import Relay

FRAME = 160
PCMA = 8
MOST_SECONDS = 600


@dataclass(frozen=True)
class Part:
    """What a callee does, in seconds after the answer. `says`: PCM at 8 kHz; `presses`: (when, key) by RFC 4733;
    `echo`: (delay in seconds, gain) of what it hears; `hangs_up`: when, 0 for never."""

    says: NDArray[np.int16] = field(default_factory=lambda: np.zeros(0, np.int16))
    presses: tuple[tuple[float, str], ...] = ()
    echo: tuple[float, float] | None = None
    hangs_up: float = 0.0
    rings: float = 0.2
    relay: Relay | None = None


@dataclass(frozen=True)
class Packet:
    type: int
    seq: int
    ts: int
    payload: bytes
    at: float


class Line:
    """One call as the callee has it."""

    def __init__(self, number: str, part: Part, invite: str) -> None:
        self.number = number
        self.part = part
        self.head = invite
        self.packets: list[Packet] = []
        self.ended = threading.Event()
        self.acknowledged = threading.Event()
        self.answer = ""
        self.late = 0.0
        """Seconds: by how much its worst packet was sent too late, because the machine that runs the test was busy."""
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.rtp.bind(("127.0.0.1", 0))
        self.rtp.settimeout(0.1)
        sdp = invite.partition("\r\n\r\n")[2]
        host, port = re.search(r"^c=IN IP4 (\S+)", sdp, re.M), re.search(r"^m=audio (\d+)", sdp, re.M)
        assert host and port, f"no audio in the offer: {sdp}"
        self._far = (host.group(1), int(port.group(1)))
        self.announced = self.near = int(self.rtp.getsockname()[1])
        if part.relay is not None:
            path = part.relay.path(("127.0.0.1", self.near))
            path.source = self._far
            self.announced = path.port
            self._far = ("127.0.0.1", path.far_port)

    # -- what it heard --

    def audio(self) -> list[Packet]:
        return [p for p in list(self.packets) if p.type == PCMA]

    def heard(self) -> tuple[Samples, NDArray[np.bool_]]:
        """What it heard as samples -1..1 in their places by timestamp, and which of them arrived."""
        packets = self.audio()
        if not packets:
            return np.zeros(0), np.zeros(0, bool)
        places = [((p.ts - packets[0].ts + (1 << 31)) & 0xFFFFFFFF) - (1 << 31) for p in packets]
        low = min(places)
        size = max(places) - low + FRAME
        assert size < MOST_SECONDS * 8000, "the timestamps run wild"
        out, there = np.zeros(size), np.zeros(size, bool)
        for place, packet in zip(places, packets, strict=True):
            at = place - low
            out[at : at + len(packet.payload)] = expand("PCMA", packet.payload) / 32768
            there[at : at + len(packet.payload)] = True
        return out, there

    def speed(self) -> float:
        """How fast it came: seconds of audio a second, by the median of slopes, which late packets do not bend."""
        packets = self.audio()
        half = len(packets) // 2
        slopes = [((b.ts - a.ts) & 0xFFFFFFFF) / 8000 / (b.at - a.at) for a, b in zip(packets, packets[half:], strict=False)]
        return float(np.median(slopes))

    # -- its threads --

    def listen(self) -> None:
        keep_time()
        while True:  # a little longer than the call: what the network held up still comes
            try:
                data = self.rtp.recv(4096)
            except TimeoutError:
                if self.ended.is_set():
                    return
                continue
            if len(data) > 12:
                _, kind, seq, ts = struct.unpack_from("!BBHI", data)
                self.packets.append(Packet(kind & 127, seq, ts, data[12:], time.monotonic()))

    def talk(self, hang_up: Callable[[Line], None]) -> None:
        """Send a packet each 20 ms until the call ends. While a key is down, events go instead of audio."""
        self.acknowledged.wait(10)
        keep_time()
        begun, seq, at = time.monotonic(), 100, 0
        while not self.ended.is_set():
            self.late = max(self.late, time.monotonic() - begun - at * 0.02)
            self._send(seq, at)
            seq, at = seq + 1, at + 1
            if self.part.hangs_up and at * 0.02 >= self.part.hangs_up:
                hang_up(self)
                return
            time.sleep(max(0.0, begun + at * 0.02 - time.monotonic()))

    def _send(self, seq: int, at: int) -> None:
        for when, key in self.part.presses:
            step = at - round(when / 0.02)
            if 0 <= step < 8:  # 100 ms, then the end twice more (RFC 4733 2.5.1.4)
                last = min(step + 1, 6)
                body = struct.pack("!BBH", EVENT_NAMES.index(key), (128 if step >= 5 else 0) | 10, FRAME * last)
                self._put(pack(EVENT, seq, (at - step) * FRAME, 77, body, step == 0))
                return
        said = self.part.says[at * FRAME : (at + 1) * FRAME].astype(float)
        frame = np.concatenate([said, np.zeros(FRAME - len(said))]) + self._echo()
        self._put(pack(PCMA, seq, at * FRAME, 77, compress("PCMA", np.clip(frame, -32000, 32000).astype(np.int16)), at == 0))

    def _echo(self) -> Samples:
        nothing = np.zeros(FRAME)
        if self.part.echo is None:
            return nothing
        delay, gain = self.part.echo
        before = time.monotonic() - delay - 0.02
        due = [p for p in self.packets[-60:] if p.type == PCMA and before <= p.at < before + 0.02]
        if not due or len(due[-1].payload) != FRAME:
            return nothing
        return TABLES["PCMA"][np.frombuffer(due[-1].payload, np.uint8)].astype(np.float64) * gain

    def _put(self, data: bytes) -> None:
        self.rtp.sendto(data, self._far)


def keep_time() -> None:
    """Where it is allowed, this thread goes before others: a telephone has a clock of its own and nothing else to do."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


class Callees:
    """The gateway: `with Callees(lambda number: Part(...)) as far`, then the box's gateway is 127.0.0.1:`far.port`."""

    def __init__(self, part: Callable[[str], Part]) -> None:
        self._part = part
        self.lines: list[Line] = []
        self._by_call: dict[str, Line] = {}
        self._threads: list[threading.Thread] = []
        self._stop = False
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.bind(("127.0.0.1", 0))
        self._sip.settimeout(0.1)

    @property
    def port(self) -> int:
        return int(self._sip.getsockname()[1])

    def __enter__(self) -> Self:
        self._run(self._serve)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._stop = True
        for line in self.lines:
            line.ended.set()
            line.acknowledged.set()
        for thread in self._threads:
            thread.join()
        for line in self.lines:
            line.rtp.close()
        self._sip.close()

    def _run(self, what: Callable[[], None]) -> None:
        thread = threading.Thread(target=what, daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait_ended(self, count: int, seconds: float) -> list[Line]:
        """The calls, once so many are over."""
        def over() -> list[Line]:
            found = [line for line in self.lines if line.ended.is_set()]
            return found if len(found) >= count else []

        return wait_for(over, seconds, f"{count} calls over; there were {len(self.lines)}")

    # -- SIP --

    def _serve(self) -> None:
        while not self._stop:
            try:
                data, peer = self._sip.recvfrom(65536)
            except TimeoutError:
                continue
            self._take(data.decode("utf-8", "replace"), peer)

    def _take(self, text: str, peer: tuple[str, int]) -> None:
        method, _, rest = text.partition(" ")
        call = self._by_call.get(_header(text, "Call-ID"))
        if method == "OPTIONS":
            self._reply(text, peer, "200 OK")
        elif method == "INVITE" and call is None:
            self._invite(text, peer, re.split("[:@]", rest)[1])
        elif method == "INVITE" and call is not None and call.answer:
            self._reply(text, peer, "200 OK", call.answer)
        elif method == "ACK" and call is not None:
            call.acknowledged.set()
        elif method in ("BYE", "CANCEL") and call is not None:
            self._reply(text, peer, "200 OK")
            if method == "CANCEL" and not call.answer:
                self._reply(call.head, peer, "487 Request Terminated")
            call.ended.set()
        elif method == "SIP/2.0" and call is not None and "BYE" in _header(text, "CSeq"):
            call.ended.set()

    def _invite(self, text: str, peer: tuple[str, int], number: str) -> None:
        line = Line(number, self._part(number), text)
        self.lines.append(line)
        self._by_call[_header(text, "Call-ID")] = line
        self._reply(text, peer, "100 Trying")
        self._reply(text, peer, "180 Ringing")
        self._run(line.listen)
        self._run(lambda: self._answer(line, peer))

    def _answer(self, line: Line, peer: tuple[str, int]) -> None:
        if line.ended.wait(line.part.rings):
            return
        line.answer = (
            "v=0\r\no=callee 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {line.announced} RTP/AVP 8 {EVENT}\r\na=rtpmap:{EVENT} telephone-event/8000\r\na=fmtp:{EVENT} 0-15\r\n")
        self._reply(line.head, peer, "200 OK", line.answer)
        line.talk(self._hang_up)

    def _hang_up(self, line: Line) -> None:
        contact = re.search(r"<([^>]*)>", _header(line.head, "Contact"))
        assert contact
        host = re.search(r"@?([\d.]+):(\d+)", contact.group(1))
        assert host
        self._sip.sendto((
            f"BYE {contact.group(1)} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bKbye{id(line)};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {_header(line.head, 'To')};tag=c{id(line)}\r\nTo: {_header(line.head, 'From')}\r\n"
            f"Call-ID: {_header(line.head, 'Call-ID')}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n").encode(),
            (host.group(1), int(host.group(2))))

    def _reply(self, request: str, peer: tuple[str, int], status: str, body: str = "") -> None:
        line = self._by_call.get(_header(request, "Call-ID"))
        to = _header(request, "To")
        tag = f";tag=c{id(line)}" if line is not None and "tag=" not in to and not status.startswith("100") else ""
        vias = "".join(f"Via: {via}\r\n" for via in re.findall(r"^Via:\s*(.*?)\r$", request, re.M | re.I))
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self._sip.sendto((
            f"SIP/2.0 {status}\r\n{vias}From: {_header(request, 'From')}\r\nTo: {to}{tag}\r\n"
            f"Call-ID: {_header(request, 'Call-ID')}\r\nCSeq: {_header(request, 'CSeq')}\r\n"
            f"Contact: <sip:127.0.0.1:{self.port}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}").encode(), peer)


def _header(text: str, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.*?)\r$", text, re.M | re.I)
    return found.group(1) if found else ""
