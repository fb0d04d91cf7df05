"""Where a webhook may go: the addresses of a name, looked at before the connection is made to one of them.

Whoever may change the configuration could otherwise reach through the box what listens on it alone, or a cloud's metadata
(169.254.169.254). The office's own network is allowed: its CRM stands there.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

from appliance.errors import SwitchroomError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def really(address: Address) -> Address:
    """The IPv4 address inside a mapped, 6to4 or NAT64 one (RFC 4291, 3056, 6052)."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return inner or address
    return address


def local(address: Address) -> bool:
    """This machine itself, link-local, or no single host at all."""
    found = really(address)
    return (found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast
            or (isinstance(found, ipaddress.IPv4Address) and found.is_reserved))


def resolve(host: str, port: int) -> list[str]:
    """Raises OSError."""
    return list(dict.fromkeys(str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def choose(
    host: str, port: int, allow_local: bool, look: Callable[[str, int], list[str]] | None = None,
) -> list[str]:
    """The addresses to connect to, the best first. Raises SwitchroomError "webhook.no-address", and "webhook.local-address" where
    any address of the name is local: a name must not hide one behind another."""
    try:
        found = (look or resolve)(host, port)
    except (OSError, UnicodeError) as problem:
        raise SwitchroomError("webhook.no-address", "The name {host} is not known ({problem}).", "Check the address.",
                              host=host, problem=problem) from None
    for text in found if not allow_local else ():
        if local(ipaddress.ip_address(text.partition("%")[0])):
            raise SwitchroomError("webhook.local-address", "{host} is this machine or link-local ({text}).",
                                  "Set allow_local for this webhook if that is meant.", host=host, text=text)
    if not found:
        raise SwitchroomError("webhook.no-address", "The name {host} has no address.", "Check the address.", host=host)
    return found
