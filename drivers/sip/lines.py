"""Lines: where each is, whether it is up, and our registration with its provider. Time and answers in, requests out."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from appliance.clock import Clock
from drivers.base import EndpointChanged
from drivers.sip import headers as h
from drivers.sip import naming, wire
from drivers.sip.client_auth import authorization
from drivers.sip.uri import parse_name_addr, split_commas

log = logging.getLogger("sip")
_MISSES = 2
"""Unanswered OPTIONS in a row, or calls without any answer, that take a line down."""
_ANSWER_SECONDS = 4.0
"""How long an answer to OPTIONS may take."""
_HOLD_SECONDS = 30.0
"""A line that does not answer OPTIONS and was found dead by calls is tried again after this."""
_RETRY_SECONDS = 30.0
_UNKNOWN_SECONDS = 10.0
"""A name that nobody knows is asked for again after this: the office's router may start later than the box."""
_LOOKING_SECONDS = 60.0
"""One look at a time."""
UNHEARD = "it has not answered yet (is its address right?)"
"""Of a gateway that is up because calls may be tried: many ignore OPTIONS."""


class Route(msgspec.Struct, frozen=True):
    """Where a call over a line goes: `destination` "ip:port", `domain` for URIs, `user` of our Contact."""

    destination: str
    transport: int
    domain: str
    user: str
    line: Any = None
    """Its configuration."""


class _Server(msgspec.Struct, frozen=True):
    """One place to send to: `host` and `port` as they were configured stand in URIs, packets go to `address` "ip:port"."""

    host: str
    port: int
    address: str


class _Line(msgspec.Struct):
    config: Any
    servers: list[_Server]
    """In the order in which they are tried; empty while no name of the line is known."""
    places: list[Any] = []
    """What was configured, as HostPort."""
    current: int = 0
    next_look: float = 0.0
    """When its names are looked up again; 0: it has none."""
    up: bool | None = None
    reason: str = ""
    # OPTIONS
    next_options: float = 0.0
    waiting: int = 0
    deadline: float = 0.0
    misses: int = 0
    answers: bool = False
    """It has answered an OPTIONS before: only then does silence mean anything."""
    heard: bool = False
    """It has answered something, if only a call."""
    held_until: float = 0.0
    # registration
    call_id: str = ""
    cseq: int = 0
    next_register: float = 0.0
    register_handle: int = 0
    expires: int = 0
    auth_tries: int = 0
    tried: int = 0
    """Servers tried in a row without success."""

    @property
    def trunk(self) -> bool:
        return bool(self.config.driver == "sip-trunk")


class Lines:
    """`command` sends to the SIP thread, `handle` gives a new id for a request, `changed` tells the core."""

    def __init__(
        self, command: Callable[..., None], handle: Callable[[], int], changed: Callable[[EndpointChanged], None], clock: Clock,
        resolver: naming.Resolver | None = None,
    ) -> None:
        self._command, self._handle, self._changed, self._clock = command, handle, changed, clock
        self._resolver = resolver or naming.Resolver()
        self._lines: dict[str, _Line] = {}
        self._requests: dict[int, tuple[str, str]] = {}
        self._by_source: dict[str, str] = {}
        self._by_address: dict[str, str] = {}
        self._networks: list[tuple[Any, str]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    # ---- configuration -------------------------------------------------------------------------------------------------

    def configure(self, config: Any) -> None:
        wanted = {line.name: line for line in config.lines if line.driver in ("sip-gateway", "sip-trunk") and line.enabled}
        for name in set(self._lines) - set(wanted):
            self._leave(self._lines.pop(name))
        for name, line in wanted.items():
            old = self._lines.get(name)
            if old is not None and old.config == line:
                continue
            if old is not None:
                self._leave(old)
            self._lines[name] = self._new(line)
        self._index()

    def _new(self, line: Any) -> _Line:
        first = line.registrar if line.driver == "sip-trunk" else line.address
        places = [line.outbound_proxy] if line.outbound_proxy else [first, *line.failover]
        places = [place for place in places if place is not None]
        made = _Line(line, [], places, call_id=secrets.token_hex(12))
        made.servers = [_Server(place.host, place.port_or(naming.DEFAULT_PORT), address) for place in places
                        if (address := naming.literal(place.host, place.port))]
        if len(made.servers) < len(places):
            made.next_look = self._clock.mono()
        if not made.trunk and not line.options_seconds:
            self._set(made, True, "")
        return made

    def _look_up(self, line: _Line) -> None:
        """Names of servers become addresses off the event loop; the line keeps the ones that it has until then."""

        async def look_up() -> None:
            tcp = line.config.transport == "tcp"
            found = [await self._resolver.find(place.host, place.port, tcp) for place in line.places]
            sure = all(each.addresses and each.sure for each in found)
            line.next_look = self._clock.mono() + (min(each.seconds for each in found) if sure else _UNKNOWN_SECONDS)
            if sure or not line.servers:
                self._move(line, [
                    _Server(place.host, place.port_or(naming.DEFAULT_PORT), address)
                    for place, each in zip(line.places, found, strict=True) for address in each.addresses
                ])

        line.next_look = self._clock.mono() + _LOOKING_SECONDS
        task = asyncio.get_running_loop().create_task(look_up())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _move(self, line: _Line, servers: list[_Server]) -> None:
        """What DNS says now. The server in use stays while it is still there; an answer with nothing in it changes nothing."""
        if not servers or servers == line.servers:
            return
        used = line.servers[line.current] if line.servers else None
        line.servers = servers
        line.current = servers.index(used) if used in servers else 0
        if used not in servers:
            line.next_register = line.next_options = 0.0
        self._index()

    def _index(self) -> None:
        self._by_source = {server.address: name for name, line in self._lines.items() for server in line.servers}
        by_address: dict[str, set[str]] = {}
        for source, name in self._by_source.items():
            by_address.setdefault(_ip(source), set()).add(name)
        # An address alone names a line only where no other line shares it; nor does our own machine's.
        self._by_address = {
            ip: next(iter(names)) for ip, names in by_address.items()
            if len(names) == 1 and not ipaddress.ip_address(ip).is_loopback
        }
        self._networks = [
            (ipaddress.ip_network(str(network)), name) for name, line in self._lines.items()
            for network in line.config.accept_from
        ]

    def stop(self) -> None:
        for line in self._lines.values():
            self._leave(line)

    def _leave(self, line: _Line) -> None:
        if line.trunk and line.up and line.register_handle == 0:
            self._register(line, 0)

    # ---- questions -----------------------------------------------------------------------------------------------------

    def of_source(self, source: str, transport: str) -> str | None:
        """The line that a request from here belongs to. A stream's port is any; a datagram's is the server's own, unless
        the address has only that line."""
        name = self._by_source.get(source) or self._by_address.get(_ip(source))
        if name is None and self._networks:
            ip = ipaddress.ip_address(_ip(source))
            name = next((name for network, name in self._networks if ip in network), None)
        return name

    def sources(self) -> set[str]:
        """Addresses and ports of all servers of lines."""
        return set(self._by_source)

    def route(self, name: str) -> Route | None:
        line = self._lines.get(name)
        if line is None or not line.servers:
            return None
        server = line.servers[line.current]
        host, port = server.host, server.port
        domain = line.config.domain or (h.host_text(host) if port == 5060 or line.trunk else f"{h.host_text(host)}:{port}")
        return Route(server.address, int(line.config.transport == "tcp"), domain,
                     h.escape_user(line.config.username) or "switchroom", line.config)

    def account(self, name: str) -> tuple[str, str, str] | None:
        """User, password and realm of a line that has an account."""
        line = self._lines.get(name)
        if line is None or line.config.secret is None:
            return None
        return line.config.auth_username or line.config.username, str(line.config.secret), line.config.realm

    def health(self) -> dict[str, object]:
        return {
            name: {"up": bool(line.up), "reason": line.reason,
                   "server": line.servers[line.current].address if line.servers else ""}
            for name, line in self._lines.items()
        }

    # ---- time ----------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        for line in list(self._lines.values()):
            if line.next_look and now >= line.next_look:
                self._look_up(line)
            if line.trunk:
                if now >= line.next_register and not line.register_handle:
                    self._register(line, line.config.register_seconds)
            elif line.config.options_seconds:
                self._tick_gateway(line, now)
            if line.held_until and now >= line.held_until:
                line.held_until, line.misses = 0.0, 0
                self._set(line, True, "" if line.heard else UNHEARD)

    def _tick_gateway(self, line: _Line, now: float) -> None:
        if line.waiting and now >= line.deadline:
            self._requests.pop(line.waiting, None)
            line.waiting = 0
            line.misses += 1
            if line.answers and line.misses >= _MISSES:
                self._down(line, "it does not answer OPTIONS")
            elif line.up is None:
                self._set(line, True, UNHEARD)  # calls will show
        if not line.waiting and now >= line.next_options and line.servers:
            line.next_options = now + (line.config.options_seconds if line.up else min(5.0, line.config.options_seconds))
            line.deadline = now + _ANSWER_SECONDS
            line.waiting = self._request(line, "OPTIONS", f"sip:{_domain(line)}", "", 1)

    def _down(self, line: _Line, reason: str) -> None:
        """Down; the next server is tried where there is one."""
        self._set(line, False, reason)
        if len(line.servers) > 1:
            line.current = (line.current + 1) % len(line.servers)
            line.misses = 0

    def call_ended(self, name: str, sip: int, by: str, now: float) -> None:
        """What a call over a line tells about it: an answer of any kind is life, silence is a miss."""
        line = self._lines.get(name)
        if line is None or line.trunk:
            return
        if by != "network" or sip not in (408, 503):
            if by == "far":
                line.misses, line.heard = 0, True
                if line.up is not True or line.reason:
                    self._set(line, True, "")
            return
        line.misses += 1
        if line.misses >= _MISSES:
            self._down(line, "it does not answer calls")
            if not line.answers:
                line.held_until = now + _HOLD_SECONDS

    def _set(self, line: _Line, up: bool, reason: str) -> None:
        if up and line.held_until:
            line.held_until = 0.0
        if line.up is up and (not up or line.reason == reason):
            line.reason = reason
            return
        line.up, line.reason = up, reason
        log.info("line is up" if up else "line is down", extra={"line": line.config.name, "reason": reason})
        self._changed(EndpointChanged(endpoint=line.config.name, kind="line", up=up, reason=reason))

    # ---- requests and their answers --------------------------------------------------------------------------------------

    def _request(self, line: _Line, method: str, uri: str, extra: str, cseq: int, expires: int = -1) -> int:
        handle = self._handle()
        user = h.escape_user(line.config.username) or "switchroom"
        own = f"sip:{user}@{_domain(line)}"
        tag = secrets.token_hex(4)
        call_id = line.call_id if method == "REGISTER" else secrets.token_hex(12)
        if expires >= 0:
            extra += f"Expires: {expires}\r\n"
        to = own if method == "REGISTER" else uri
        strings = (method, uri, f"<{to}>", f"<{own}>;tag={tag}", call_id, user, line.servers[line.current].address, extra, "")
        self._requests[handle] = (line.config.name, method)
        self._command(wire.CMD_REQUEST, int(line.config.transport == "tcp"), handle, cseq,
                      strings=tuple(text.encode() for text in strings))
        return handle

    def _register(self, line: _Line, seconds: int, auth: str = "") -> None:
        if not line.servers:
            line.next_register = self._clock.mono() + 1
            self._set(line, False, "its name cannot be resolved")
            return
        line.cseq += 1
        line.expires = seconds
        if not auth:
            line.auth_tries = 0
        line.register_handle = self._request(line, "REGISTER", f"sip:{_domain(line)}", auth, line.cseq, seconds)

    def response(self, record: wire.Record, now: float) -> None:
        _, status, handle, _err, _b, parts = record
        name, method = self._requests.pop(handle, ("", ""))
        line = self._lines.get(name)
        if line is None:
            return
        texts = [part.decode("utf-8", "replace") for part in parts]
        if method == "OPTIONS" and handle == line.waiting:
            line.waiting = 0
            if status:
                line.misses, line.answers, line.heard = 0, True, True
                self._set(line, True, "")
            else:
                line.deadline = now
                line.waiting = handle
        elif method == "REGISTER" and handle == line.register_handle:
            line.register_handle = 0
            self._registered(line, status, texts, now)

    def _registered(self, line: _Line, status: int, texts: list[str], now: float) -> None:
        if 200 <= status < 300:
            line.tried = line.auth_tries = 0
            granted = _granted(texts, line.config.username, line.expires)
            line.next_register = now + max(5.0, granted * 0.5 if granted < 120 else granted - 45)
            self._set(line, True, "")
            return
        if status in (401, 407) and line.auth_tries < 2 and line.config.secret is not None:
            account = self.account(line.config.name)
            header = account and authorization(status, h.value_lines(texts[1]), "REGISTER", f"sip:{_domain(line)}", *account)
            if header:
                line.auth_tries += 1
                self._register(line, line.expires, header)
                return
        if status == 423 and texts[4].strip().isdigit() and int(texts[4]) > line.expires and line.auth_tries < 4:
            line.auth_tries += 1
            self._register(line, min(int(texts[4]), 86400))
            return
        self._register_failed(line, status, texts, now)

    def _register_failed(self, line: _Line, status: int, texts: list[str], now: float) -> None:
        """The next registrar at once; when all have failed, again in a while."""
        line.tried += 1
        why = f"registering failed: {status} {texts[0]}" if status else f"registering failed: {texts[0]}"
        if len(line.servers) > 1:
            line.current = (line.current + 1) % len(line.servers)
        wait = 0.0 if line.tried < len(line.servers) else _RETRY_SECONDS
        if len(texts) > 5 and texts[5].partition(" ")[0].isdigit() and wait:
            wait = min(max(float(texts[5].partition(" ")[0]), 1.0), 600.0)
        line.next_register = now + wait
        if wait:
            line.tried = 0
            self._set(line, False, why)


def _ip(source: str) -> str:
    return source.rpartition(":")[0].strip("[]")


def _domain(line: _Line) -> str:
    server = line.servers[line.current]
    text = h.host_text(server.host)
    return str(line.config.domain or (text if server.port == 5060 else f"{text}:{server.port}"))


def _granted(texts: list[str], username: str, asked: int) -> int:
    """Seconds that the registrar granted: of our contact, else the Expires header, else what we asked for."""
    for value in (value for header in h.value_lines(texts[2]) for value in split_commas(header)):
        try:
            contact = parse_name_addr(value)
        except ValueError:
            continue
        seconds = contact.param("expires")
        if seconds and seconds.isdigit() and (not username or h.user_of(contact.uri) in ("", username)):
            return int(seconds)
    return int(texts[3]) if texts[3].strip().isdigit() else asked
