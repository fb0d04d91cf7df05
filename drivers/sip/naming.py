"""Where a SIP server is: from the name of a provider to addresses, as RFC 3263 says, with what DNS of a small office allows.

An address, or a name with a port, means just that. A name alone is asked for SRV records (RFC 2782) of its transport, whose
targets are tried by priority, among equals by weight; without any it means the name's own addresses at port 5060. NAPTR is not
asked for: the transport is configured.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import socket
from typing import Any

import msgspec

from drivers.sip import headers as h

log = logging.getLogger("sip")
DEFAULT_PORT = 5060
MAX_TARGETS = 16
"""Addresses of one name that are used; what a hostile DNS answers is bounded."""
LEAST_SECONDS, MOST_SECONDS = 60.0, 3600.0
"""Limits of how long an answer counts, whatever its time to live."""
_DNS_SECONDS = 5.0
_A_SECONDS = 300.0
"""How long addresses count that the system told, which does not say."""


class Found(msgspec.Struct, frozen=True):
    """`addresses`: "ip:port", best first; `seconds` for which they count. `sure` False: nobody answered whether there are SRV
    records, so this is a guess that is good only where nothing better is known."""

    addresses: tuple[str, ...]
    seconds: float
    sure: bool = True


def literal(host: str, port: int | None) -> str:
    """ "ip:port" where the host is an address; "" where it is a name."""
    try:
        return _pair(str(ipaddress.ip_address(host)), DEFAULT_PORT if port is None else port)
    except ValueError:
        return ""


class Resolver:
    """`servers`: name servers as (address, port); None: those of the machine."""

    def __init__(self, servers: list[tuple[str, int]] | None = None) -> None:
        self._servers = servers

    async def find(self, host: str, port: int | None, tcp: bool) -> Found:
        """Empty where the name is not known or nobody can be asked now."""
        fixed = literal(host, port)
        if fixed:
            return Found((fixed,), MOST_SECONDS)
        places, seconds, sure = [(host, DEFAULT_PORT if port is None else port)], _A_SECONDS, True
        if port is None:
            answer, sure = await self._services(f"_sip._{'tcp' if tcp else 'udp'}.{host}")
            if answer is not None:
                places, seconds = ordered(answer), float(answer.rrset.ttl)
        addresses: list[str] = []
        for name, number in places:
            addresses += [each for each in await self._addresses(name, number) if each not in addresses]
        return Found(tuple(addresses[:MAX_TARGETS]), min(max(seconds, LEAST_SECONDS), MOST_SECONDS), sure)

    async def _services(self, name: str) -> tuple[Any, bool]:
        """The SRV records, None where there are none; and whether somebody answered."""
        import dns.resolver  # loaded when a line has a name: it would be a tenth of every start

        try:
            return await self._dns().resolve(name, "SRV", lifetime=_DNS_SECONDS), True
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.NoResolverConfiguration):
            return None, True
        except dns.exception.DNSException as problem:
            log.info("no name server answers for a line", extra={"host": name, "error": str(problem)})
            return None, False

    def _dns(self) -> Any:
        import dns.asyncresolver

        if self._servers is None:
            return dns.asyncresolver.Resolver()
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers = [address for address, _ in self._servers]
        made.nameserver_ports = dict(self._servers)
        return made

    async def _addresses(self, name: str, port: int) -> list[str]:
        fixed = literal(name, port)
        if fixed:
            return [fixed]
        if self._servers is not None:
            return await self._asked(name, port)
        try:
            # The system's way: it knows /etc/hosts and the names of the local network, too.
            found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_DGRAM)
        except OSError as problem:
            log.warning("a line's name could not be resolved", extra={"host": name, "error": str(problem)})
            return []
        return [_pair(str(each[4][0]), port) for each in found]

    async def _asked(self, name: str, port: int) -> list[str]:
        import dns.exception

        found: list[str] = []
        for kind in ("A", "AAAA"):
            try:
                answer = await self._dns().resolve(name, kind, lifetime=_DNS_SECONDS)
            except dns.exception.DNSException:
                continue
            found += [_pair(str(each.address), port) for each in answer]
        return found


def ordered(records: Any, draw: random.Random | None = None) -> list[tuple[str, int]]:
    """Targets of SRV records in the order in which they are tried: by priority; among equals drawn by weight (RFC 2782)."""
    draw = draw or random.Random()
    left = [each for each in records if str(each.target) != "."]  # a single dot: this service is not offered
    made: list[tuple[str, int]] = []
    while left:
        best = [each for each in left if each.priority == min(other.priority for other in left)]
        weights = [each.weight or 0.01 for each in best]
        chosen = draw.choices(best, weights)[0]
        made.append((str(chosen.target).rstrip("."), int(chosen.port)))
        left.remove(chosen)
    return made


def _pair(ip: str, port: int) -> str:
    return f"{h.host_text(ip)}:{port}"
