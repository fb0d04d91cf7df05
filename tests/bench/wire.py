"""SIP requests as they pass on the loopback interface, with the kernel's stamps (packet(7), SO_TIMESTAMPNS in socket(7)).

sipp's own stamps hold what sipp waits for a processor, too, before it sends and after it was woken; these hold only the box.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

_ALL_PROTOCOLS = 0x0003  # ETH_P_ALL of <linux/if_ether.h>
_OUTGOING = 4  # PACKET_OUTGOING: on loopback each packet is seen as it leaves, and as it comes
_TIMESTAMPNS = 35  # SO_TIMESTAMPNS of <asm/socket.h>
_RCVBUFFORCE = 33  # SO_RCVBUFFORCE of the same
_BUFFER = 16 << 20
_UDP = 17
_REQUEST = re.compile(rb"(INVITE|BYE) sip:(?:([^@;> ]+)@)?")
_CALL = re.compile(rb"^Call-ID:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_CALLER = re.compile(rb"^(?:From|f):[^\n]*sip:([^@>]+)@", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    at: float
    """Seconds, UTC."""
    method: str
    to_box: bool
    user: str
    """Of the request URI."""
    caller: str
    """User of From."""
    call: str
    """Call-ID."""


def _listen() -> socket.socket:
    listening = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PROTOCOLS))
    try:
        listening.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, _BUFFER)
        listening.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
        listening.bind(("lo", 0))
    except OSError:
        listening.close()
        raise
    return listening


@dataclass
class Wire:
    """Listens from `begin` to `end`; `requests` are INVITE and BYE of the box's SIP port over UDP and IPv4, in order, repeats
    too."""

    sip_port: int
    requests: list[Request] = field(default_factory=list)

    def begin(self) -> None:
        """Raises PermissionError."""
        self._socket = _listen()
        self._socket.settimeout(0.2)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wire")
        self._thread.start()

    def end(self) -> None:
        self._ending.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                packet, more, _, address = self._socket.recvmsg(4096, 64)
            except TimeoutError:
                continue
            if address[2] == _OUTGOING:
                continue
            for level, kind, data in more:
                if level == socket.SOL_SOCKET and kind == _TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("qq", data[:16])
                    self._note(seconds + nanoseconds / 1e9, packet)

    def _note(self, at: float, packet: bytes) -> None:
        head = (packet[0] & 15) * 4
        if packet[0] >> 4 != 4 or packet[9] != _UDP or len(packet) < head + 8:
            return
        source, target = struct.unpack_from("!HH", packet, head)
        request = _REQUEST.match(packet, head + 8) if self.sip_port in (source, target) else None
        if request is None:
            return
        call, caller = _CALL.search(packet, head), _CALLER.search(packet, head)
        assert call is not None and caller is not None, packet
        self.requests.append(Request(at, request[1].decode(), target == self.sip_port, (request[2] or b"").decode(),
                                     caller[1].decode(), call[1].decode()))

    def through(self) -> list[float]:
        """Seconds from each caller's first INVITE to the first INVITE that the box sends for that caller."""
        began: dict[str, float] = {}
        came: dict[str, float] = {}
        for request in self.requests:
            if request.method != "INVITE":
                continue
            if request.to_box:
                began.setdefault(request.caller, request.at)
            elif request.caller in began:  # else it is repeated to a phone that is gone since an earlier run
                came.setdefault(request.caller, request.at)
        return [came[who] - at for who, at in began.items() if who in came]

    def freed_to_offered(self) -> list[float]:
        """Seconds from each agent's BYE to the next INVITE for the same agent."""
        agent_of: dict[str, str] = {}
        freed: dict[str, float] = {}
        took = []
        for request in self.requests:
            if request.method == "INVITE" and not request.to_box and request.call not in agent_of:
                agent = agent_of[request.call] = request.user
                if agent in freed:
                    took.append(request.at - freed.pop(agent))
            elif request.method == "BYE" and request.to_box and request.call in agent_of:
                freed.setdefault(agent_of[request.call], request.at)
        return took


@contextlib.contextmanager
def listening(sip_port: int) -> Iterator[Wire | None]:
    """None where we may not: only root listens to an interface (CAP_NET_RAW)."""
    try:
        wire = Wire(sip_port)
        wire.begin()
    except PermissionError:
        yield None
        return
    try:
        yield wire
    finally:
        wire.end()
