"""Where the INVITE of a call goes, and what it says: one for a line, one for each device of a phone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from drivers.base import Place
from drivers.sip import headers as h
from drivers.sip import identity, wire
from drivers.sip.lines import Route
from drivers.sip.registrar import Binding


class Target(msgspec.Struct, frozen=True):
    """Where one INVITE goes: Request-URI, "ip:port", 1 for TCP, domain of our From, user of our Contact, Route lines."""

    uri: str
    destination: str
    transport: int
    domain: str
    user: str
    routes: str = ""
    line: Any = None


class NoWay(Exception):
    """The call leads nowhere; `status` is what its caller is told."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


def of_phone(order: Place, bindings: Iterable[Binding], host: str) -> list[Target]:
    """Its devices that are registered, or the one that is asked for; `host` is ours. Raises NoWay."""
    found = [
        Target(b.uri, b.source, int(b.transport == "tcp"), host, "switchroom", "".join(f"Route: {route}\r\n" for route in b.path))
        for b in bindings if order.contact in ("", b.uri)
    ]
    if not found:
        raise NoWay(480, f"{order.endpoint} is not registered")
    return found


def of_line(order: Place, route: Route | None) -> list[Target]:
    """Raises NoWay."""
    if route is None:
        raise NoWay(503, f"line {order.endpoint} has no address that could be called")
    uri = f"sip:{h.escape_user(order.number)}@{route.domain}"
    return [Target(uri, route.destination, route.transport, route.domain, route.user, line=route.line)]


def invite(order: Place, call_id: str, target: Target) -> tuple[bytes, ...]:
    """The strings of wire.CMD_CALL."""
    texts = (
        call_id, target.uri, h.name_addr(target.uri), identity.sender(order, target.domain), target.user,
        target.destination, target.routes, identity.lines(order, target.domain, target.line), order.endpoint[:63],
    )
    return (*(text.encode() for text in texts), wire.media_offer(order.media))


def listens_at(where: Any) -> str:
    """An address of the configuration, as the thread takes it."""
    return f"{h.host_text(where.host)}:{where.port_or(5060)}"


def public_of(sip: Any) -> str:
    """What we are called from outside; "" where the configuration does not say."""
    where = sip.public_address
    return "" if where is None else f"{h.host_text(where.host)}:{where.port_or(0)}"


def own_host(config: Any) -> str:
    host = config.sip.listen.host
    return h.host_text(host) if host not in ("0.0.0.0", "::") else "switchroom.invalid"
