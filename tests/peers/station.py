"""A SIP end with audio that does what a test says: a gateway, a provider, or a phone. Its own thread, one UDP socket, PCMA.

Where sipp and baresip cannot be told what to do in the middle of a call (INFO, REFER with Replaces, going deaf), this can.
"""

from __future__ import annotations

import itertools
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import quote as quote_of

import numpy as np

from drivers.sip.digest import quote, response_of
from tests.peers.net import free_port, wait_for
from tests.peers.rawsip import Message
from tests.peers.sound import Samples

_numbers = itertools.count(1)
FRAME = 160
KEY_TICKS = 12
Plan = list[int]
"""Statuses that an incoming call is given, in order; 0 stands for half a second. [] is silence."""


def _alaw(code: int) -> int:
    """One A-law octet as a 16-bit sample (ITU-T G.711 table 1a)."""
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    size = (mantissa << 4) + 8 if exponent == 0 else (mantissa << 4) + 0x108 << exponent - 1
    return size if code & 0x80 else -size


FROM_ALAW = np.array([_alaw(code) for code in range(256)], dtype=np.float64)
_order = np.argsort(FROM_ALAW)
_between = (FROM_ALAW[_order][1:] + FROM_ALAW[_order][:-1]) / 2
TO_ALAW = _order[np.searchsorted(_between, np.arange(-32768, 32768))].astype(np.uint8)
"""The nearest octet of each 16-bit sample, at index sample + 32768."""


class StationCall:
    """One dialog of a Station. `status` is the last of the INVITE; `heard` what came in as audio."""

    def __init__(self, station: Station, call_id: str, number: str, *, ours: bool) -> None:
        self.station = station
        self.call_id = call_id
        self.number = number
        self.ours = ours
        self.status = 0
        self.statuses: list[int] = []
        self.ended = False
        self.ended_by = ""
        self.began = time.monotonic()
        self.ended_at = 0.0
        self.cancelled = False
        self.reason = ""
        """The words beside the status."""
        self.retry_after = 0
        """Seconds of the Retry-After that the box sent."""
        self.early_sdp = False
        self.local = self.remote = self.target = self.invite_via = ""
        self.cseq = 0
        self.invite: Message | None = None
        self.requests: list[Message] = []
        self.extra: tuple[str, ...] = ()
        """Header lines of our INVITE beside the usual ones."""
        self.sdp_direction = "sendrecv"
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind(("127.0.0.1", 0))
        self.rtp.setblocking(False)
        self.far: tuple[str, int] | None = None
        self.mute = False
        """Sends no RTP at all."""
        self._say = b""
        self._heard: list[bytes] = []
        self.events: list[str] = []
        """Digits that came as telephone-events."""
        self._event_ts = -1
        self._seq = 0
        self._keys: list[tuple[str, int]] = []
        """Keys to press: each with the ticks (20 ms) that are left of it."""

    # -- a person's side --

    @property
    def up(self) -> bool:
        return 200 <= self.status < 300 and not self.ended

    def wait_up(self, seconds: float = 10) -> StationCall:
        wait_for(lambda: self.up, seconds, f"an answer; came {self.statuses}")
        return self

    def wait_status(self, status: int, seconds: float = 10) -> StationCall:
        wait_for(lambda: status in self.statuses, seconds, f"{status}; came {self.statuses}")
        return self

    def wait_end(self, seconds: float = 10) -> StationCall:
        wait_for(lambda: self.ended, seconds, "the end of the call")
        return self

    def wait_request(self, method: str, seconds: float = 10, fits: Callable[[Message], bool] = lambda m: True) -> Message:
        def look() -> Message | None:
            return next((m for m in self.requests if m.method == method and fits(m)), None)

        found = wait_for(look, seconds, f"a {method}")
        assert found is not None
        return found

    def say(self, samples: Samples) -> None:
        self._say = TO_ALAW[(np.clip(samples, -1, 1) * 32767).astype(np.int32) + 32768].tobytes()

    def press(self, keys: str) -> None:
        """Keys by telephone-events (RFC 4733): 100 ms each, 100 ms apart."""
        self._keys += [(key, KEY_TICKS) for key in keys]

    def heard(self) -> Samples:
        return FROM_ALAW[np.frombuffer(b"".join(self._heard), dtype=np.uint8)] / 32768.0

    def hang_up(self) -> None:
        if not self.ended:
            self.request("BYE")
            self.end("here")

    def answer(self) -> None:
        self.station.reply(self, 200)

    def cancel(self) -> None:
        assert self.invite is not None
        self.station.send_request(self, "CANCEL", cseq=self.invite.cseq[0], via=self.invite_via, to=self.invite.get("To"))

    def request(self, method: str, *headers: str, body: str = "", ctype: str = "application/sdp") -> None:
        self.cseq += 1
        self.station.send_request(self, method, *headers, cseq=self.cseq, body=body, ctype=ctype)

    def info_digit(self, digit: str) -> None:
        self.request("INFO", body=f"Signal={digit}\r\nDuration=160\r\n", ctype="application/dtmf-relay")

    def refer(self, target: str, replaces: StationCall | None = None) -> None:
        uri = f"sip:{target}@127.0.0.1:{self.station.box_port}"
        if replaces is not None:
            uri += f"?Replaces={quote_of(replaces.replaces())}"
        self.request("REFER", f"Refer-To: <{uri}>")

    def replaces(self) -> str:
        """The value of a Replaces header that names this dialog to the box."""
        local, remote = self.local, self.remote
        tag = re.search(r"tag=([^;>]+)", remote)
        own = re.search(r"tag=([^;>]+)", local)
        return f"{self.call_id};to-tag={tag.group(1) if tag else 0};from-tag={own.group(1) if own else local}"

    def modify(self, direction: str) -> None:
        """Re-INVITE with this direction of audio."""
        self.sdp_direction = direction
        self.request("INVITE", body=self.sdp())

    def end(self, by: str) -> None:
        if not self.ended:
            self.ended, self.ended_by, self.ended_at = True, by, time.monotonic()

    # -- audio --

    def sdp(self) -> str:
        port = self.rtp.getsockname()[1]
        return (f"v=0\r\no=- 1 {time.monotonic_ns()} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                f"m=audio {port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
                f"a=fmtp:101 0-15\r\na=ptime:20\r\na={self.sdp_direction}\r\n")

    def take_sdp(self, body: str) -> None:
        host, port = re.search(r"c=IN IP4 (\S+)", body), re.search(r"m=audio (\d+)", body)
        if host and port:
            self.far = (host.group(1), int(port.group(1)))

    def tick(self) -> None:
        """20 ms: a packet out, what came in."""
        while True:
            try:
                packet = self.rtp.recv(2048)
            except BlockingIOError:
                break
            self._packet(packet)
        if self.far is None or self.mute or self.ended or self.sdp_direction in ("recvonly", "inactive"):
            return
        self._seq += 1
        if self._keys and self._event():
            return
        frame, self._say = self._say[:FRAME], self._say[FRAME:]
        head = struct.pack("!BBHII", 0x80, 8, self._seq & 0xFFFF, self._seq * FRAME & 0xFFFFFFFF, 0x5151)
        self.rtp.sendto(head + frame.ljust(FRAME, b"\xd5"), self.far)

    def _event(self) -> bool:
        """One packet of the key that is down; False in the pause behind it."""
        assert self.far is not None
        key, left = self._keys[0]
        self._keys[:1] = [(key, left - 1)] if left > 1 else []
        held = KEY_TICKS - left
        if held >= 8:
            return False
        last = min(held + 1, 6)  # the end comes three times (RFC 4733 2.5.1.4)
        head = struct.pack("!BBHII", 0x80, 101 | (128 if held == 0 else 0), self._seq & 0xFFFF,
                           (self._seq - held) * FRAME & 0xFFFFFFFF, 0x5151)
        body = struct.pack("!BBH", "0123456789*#ABCD".index(key), (128 if held >= 5 else 0) | 10, FRAME * last)
        self.rtp.sendto(head + body, self.far)
        return True

    def _packet(self, packet: bytes) -> None:
        kind = packet[1] & 127
        if kind == 8:
            self._heard.append(packet[12:])
        elif kind == 101:
            stamp = struct.unpack("!I", packet[4:8])[0]
            if stamp != self._event_ts:
                self._event_ts = stamp
                self.events.append("0123456789*#ABCD"[packet[12] & 15])


class Station:
    """`plan` says what becomes of calls to it (by number where `plans` names it). With `user`: a phone that registers."""

    def __init__(self, box_port: int = 0, *, port: int = 0, user: str = "gw", secret: str = "", plan: Plan | None = None) -> None:
        self.box_port = box_port
        self.port = port or free_port()
        self.user, self.secret = user, secret
        self.plan = [180, 200] if plan is None else plan
        self.plans: dict[str, Plan] = {}
        self.moved_to = ""
        """Where calls go that the plan answers 302."""
        self.deaf = False
        """Answers nothing at all: unplugged."""
        self.calls: list[StationCall] = []
        self.notes: list[str] = []
        """Bodies of NOTIFY that came without a subscription: how many messages are in the mailbox."""
        self.registers = 0
        self.registered = 0
        """The last final status of our own REGISTER."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", self.port))
        self._socket.settimeout(0.01)
        self._running = True
        self._pending: list[tuple[float, StationCall, Plan]] = []
        self._expires = 300
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for call in self.calls:
            if call.up and not self.deaf:
                call.hang_up()
        self._running = False
        self._thread.join(5)
        self._socket.close()
        for call in self.calls:
            call.rtp.close()

    # -- what a person does --

    def register(self) -> None:
        self.registered = 0
        self._send_register("")
        wait_for(lambda: self.registered, 10, f"the registration of {self.user}")
        assert self.registered == 200, self.registered

    def unregister(self) -> None:
        self._expires = 0
        self.register()

    def _send_register(self, auth: str) -> None:
        own = f"<sip:{self.user}@127.0.0.1:{self.box_port}>"
        lines = [f"Via: {self._via()}", "Max-Forwards: 70", f"From: {own};tag=r{next(_numbers)}", f"To: {own}",
                 f"Call-ID: reg-{self.port}", f"CSeq: {next(_numbers)} REGISTER",
                 f"Contact: <sip:{self.user}@127.0.0.1:{self.port}>", f"Expires: {self._expires}"]
        self._send(f"REGISTER sip:127.0.0.1:{self.box_port} SIP/2.0", lines + ([auth] if auth else []), "")

    def hang_up_all(self) -> None:
        """What a test that failed may have left."""
        for call in self.calls:
            if call.up:
                call.hang_up()

    def dial(self, number: str, *headers: str, name: str = "") -> StationCall:
        """`name`: as a phone's display shows it, quotes and backslashes written as RFC 3261 25.1 has them."""
        call = StationCall(self, f"st-{next(_numbers)}-{self.port}", number, ours=True)
        shown = f'"{name}" ' if name else ""
        call.local = f"{shown}<sip:{self.user}@127.0.0.1:{self.port if not self.secret else self.box_port}>;tag=s{next(_numbers)}"
        call.remote = f"<sip:{number}@127.0.0.1:{self.box_port}>"
        call.target = f"sip:{number}@127.0.0.1:{self.box_port}"
        call.extra = headers
        self.calls.append(call)
        call.request("INVITE", *headers, body=call.sdp())
        return call

    def wait_call(self, seconds: float = 10, fits: Callable[[StationCall], bool] = lambda c: True) -> StationCall:
        """The next call to us that fits, once each."""
        def look() -> StationCall | None:
            found = next((c for c in self.calls if not c.ours and not getattr(c, "taken", False) and fits(c)), None)
            if found is not None:
                found.taken = True  # type: ignore[attr-defined]
            return found

        found = wait_for(look, seconds, f"a call at {self.user}; it has {[c.number for c in self.calls]}")
        assert found is not None
        return found

    # -- messages --

    def _via(self) -> str:
        return f"SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bKst{next(_numbers)};rport"

    def _send(self, start: str, lines: list[str], body: str, to: tuple[str, int] | None = None) -> None:
        text = "\r\n".join([start, *lines, f"Content-Length: {len(body)}", "", body])
        self._socket.sendto(text.encode(), to or ("127.0.0.1", self.box_port))

    def send_request(
        self, call: StationCall, method: str, *headers: str, cseq: int, body: str = "", ctype: str = "application/sdp",
        via: str = "", to: str = "",
    ) -> None:
        via = via or self._via()
        lines = [f"Via: {via}", "Max-Forwards: 70", f"From: {call.local}", f"To: {to or call.remote}", f"Call-ID: {call.call_id}",
                 f"CSeq: {cseq} {method}", f"Contact: <sip:{self.user}@127.0.0.1:{self.port}>", *headers]
        if body:
            lines.append(f"Content-Type: {ctype}")
        if method == "INVITE" and not call.up:
            call.invite_via = via
            call.invite = Message(("\r\n".join([f"INVITE {call.target} SIP/2.0", *lines]) + "\r\n\r\n" + body).encode())
        self._send(f"{method} {call.target} SIP/2.0", lines, body)

    def _answer(self, request: Message, status: str, *headers: str, body: str = "", tag: str = "") -> None:
        to = request.get("To") + (f";tag={tag}" if tag and "tag=" not in request.get("To") else "")
        contact = f"{self.moved_to}@127.0.0.1" if status.startswith("302") else f"{self.user}@127.0.0.1:{self.port}"
        lines = [*(f"Via: {v}" for v in request.all("Via")), f"From: {request.get('From')}", f"To: {to}",
                 f"Call-ID: {request.get('Call-ID')}", f"CSeq: {request.get('CSeq')}", f"Contact: <sip:{contact}>", *headers]
        if body:
            lines.append("Content-Type: application/sdp")
        self._send(f"SIP/2.0 {status}", lines, body, self._from)

    def reply(self, call: StationCall, status: int) -> None:
        """A status for the INVITE of an incoming call; 183 and 200 bring SDP."""
        assert call.invite is not None
        if call.ended or call.status >= 200:
            return
        call.status = status
        call.statuses.append(status)
        self._from = ("127.0.0.1", self.box_port)
        self._answer(call.invite, f"{status} Status", body=call.sdp() if status in (183, 200) else "", tag=call.local)
        if status in (183, 200):
            call.take_sdp(call.invite.body)
        if status == 200:
            call.cseq = 100
            call.local = f"{call.invite.get('To')};tag={call.local}"
        if status >= 300:
            call.end("here")

    # -- the thread --

    def _run(self) -> None:
        next_tick = time.monotonic()
        while self._running:
            try:
                data, self._from = self._socket.recvfrom(65535)
            except (TimeoutError, ConnectionError):
                data = b""
            if data and not self.deaf:
                self._message(Message(data))
            now = time.monotonic()
            for due in [p for p in self._pending if p[0] <= now]:
                self._pending.remove(due)
                self._follow(due[1], due[2])
            while next_tick <= now:
                next_tick += 0.02
                for call in list(self.calls):
                    call.tick()

    def _follow(self, call: StationCall, plan: Plan) -> None:
        while plan:
            if plan[0] == 0:
                self._pending.append((time.monotonic() + 0.5, call, plan[1:]))
                return
            self.reply(call, plan[0])
            plan = plan[1:]

    def _message(self, m: Message) -> None:
        if m.status:
            self._response(m)
            return
        call = next((c for c in self.calls if c.call_id == m.get("Call-ID")), None)
        if m.method == "INVITE" and call is None:
            self._invited(m)
            return
        if call is not None and not any(o.get("CSeq") == m.get("CSeq") for o in call.requests):
            call.requests.append(m)
        if m.method in ("REGISTER", "OPTIONS"):
            self.registers += m.method == "REGISTER"
            self._answer(m, "200 OK", *([f"Contact: {m.get('Contact')};expires=300"] if m.method == "REGISTER" else []), tag="st")
        elif m.method == "ACK":
            return
        elif call is None and m.method == "NOTIFY":
            self.notes.append(m.body)
            self._answer(m, "200 OK", tag="st")
        elif call is None:
            self._answer(m, "481 No Call", tag="st")
        else:
            self._in_dialog(call, m)

    def _in_dialog(self, call: StationCall, m: Message) -> None:
        if m.method == "CANCEL":
            self._answer(m, "200 OK", tag="st")
            call.cancelled = True
            self.reply(call, 487)
        elif m.method == "INVITE" and m.get("CSeq") != (call.invite.get("CSeq") if call.invite and not call.ours else ""):
            call.take_sdp(m.body)
            self._answer(m, "200 OK", body=call.sdp())
        elif m.method != "INVITE":
            self._answer(m, "200 OK")
            if m.method == "BYE":
                call.end("box")

    def _invited(self, m: Message) -> None:
        number = re.search(r"sip:([^@;>]+)@", m.start)
        call = StationCall(self, m.get("Call-ID"), number.group(1) if number else "", ours=False)
        call.invite = m
        call.local = f"st{next(_numbers)}"
        call.remote = m.get("From")
        call.target = m.get("Contact").partition("<")[2].partition(">")[0]
        self.box_port = self.box_port or self._from[1]
        self.calls.append(call)
        plan = self.plans.get(call.number, self.plan)
        if plan:
            self._answer(m, "100 Trying")
        self._follow(call, list(plan))

    def _response(self, m: Message) -> None:
        number, method = m.cseq
        if method == "REGISTER":
            if m.status == 401 and not self.registered:
                self._send_register(self._authorization(m, "REGISTER", f"sip:127.0.0.1:{self.box_port}"))
            elif m.status >= 200:
                self.registered = m.status
            return
        call = next((c for c in self.calls if c.call_id == m.get("Call-ID")), None)
        if call is None or method != "INVITE":
            return
        if m.status >= 300:
            self._send(f"ACK {call.target} SIP/2.0", [
                f"Via: {call.invite_via}", f"From: {call.local}", f"To: {m.get('To')}", f"Call-ID: {call.call_id}",
                f"CSeq: {number} ACK", "Max-Forwards: 70"], "")
        if m.status == 401 and self.secret:
            if call.status != 401:
                call.status = 401
                call.request("INVITE", self._authorization(m, "INVITE", call.target), *call.extra, body=call.sdp())
            return
        self._progress(call, m, number)

    def _progress(self, call: StationCall, m: Message, number: int) -> None:
        if m.body:
            call.take_sdp(m.body)
            call.early_sdp |= m.status == 183
        if m.status == 200:
            if call.status != 200:
                call.remote = m.get("To")
                call.target = m.get("Contact").partition("<")[2].partition(">")[0] or call.target
            self.send_request(call, "ACK", cseq=number)
        call.status = m.status
        call.reason = m.start.partition(" ")[2].partition(" ")[2]
        call.retry_after = int(m.get("Retry-After") or 0)
        if m.status not in call.statuses:
            call.statuses.append(m.status)
        if m.status >= 300 and number == (call.invite.cseq[0] if call.invite else number):
            call.end("box")

    def _authorization(self, m: Message, method: str, uri: str) -> str:
        value = m.get("WWW-Authenticate")
        parts = dict(re.findall(r'(\w+)="([^"]*)"', value)) | dict(re.findall(r"(algorithm)=([\w-]+)", value))
        algorithm = parts.get("algorithm", "MD5")
        nonce = parts["nonce"]
        response = response_of(algorithm, self.user, parts["realm"], self.secret, method, uri, nonce, "00000001", "c0ffee")
        return (f"Authorization: Digest username={quote(self.user)}, realm={quote(parts['realm'])}, "
                f'nonce={quote(nonce)}, uri={quote(uri)}, response="{response}", algorithm={algorithm}, qop=auth, '
                'nc=00000001, cnonce="c0ffee"')
