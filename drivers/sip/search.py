"""Looking for SIP devices in the box's own networks: whom to ask, what to ask, what an answer says. Pure; `probe` asks.

An OPTIONS (RFC 3261, 11) changes nothing at whom it asks, and whoever speaks SIP answers it, if only by a refusal. Asked are
private networks alone (RFC 1918), and of each no more than the 256 addresses around the box's own.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Literal

import msgspec

from appliance.config.model import Config
from drivers.sip.headers import plain

PORT = 5060
MOST_NETWORKS = 3
"""More than these a small office has not; an address book of a kernel holds 1,024 neighbours."""
LONGEST = 24
"""Of a larger network the /24 around the box's own address is asked."""
PRIVATE = [IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
LOOPBACK = IPv4Network("127.0.0.0/8")
MOST_BYTES = 8192
MOST_LINES = 100
MOST_SOFTWARE = 100
_STATUS = re.compile(rb"SIP/2\.0 ([1-6][0-9]{2})(?: [^\r\n]*)?\r?$")
_BRANCH = re.compile(r"branch=z9hG4bK([0-9a-f]{1,32})-([0-9]{1,5})(?:[;,\s]|$)")

Kind = Literal["phone", "gateway", "adapter", "exchange", "unknown"]


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """Something that answered. `software` is how it names itself, "" where it does not; `status` of its answer."""

    host: str
    port: int
    software: str
    status: int
    kind: Kind


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A device as it is told of. `address` as that of a line is written; `line`: the line of the configuration that it is, or "";
    `software` is how it names itself, `kind` what that says that it is."""

    address: str
    software: str
    kind: Kind
    line: str


# ---- whom ------------------------------------------------------------------------------------------------------------


def networks_of(table: str) -> list[IPv4Network]:
    """The networks that the box itself stands in, out of the text of /proc/net/route: those that no router leads to. The
    office's, by which everything else is reached, stands before those that the box has for itself alone (of containers)."""
    found: dict[IPv4Network, str] = {}
    outward: set[str] = set()
    for line in table.splitlines()[1:]:
        cells = line.split()
        if len(cells) < 8:
            continue
        try:
            to, router, mask = (int.from_bytes(bytes.fromhex(cells[at]), "little") for at in (1, 2, 7))
            network = IPv4Network((to, str(IPv4Address(mask))))
        except ValueError:
            continue  # a route of a kind that we do not know leads to nobody whom we ask
        if not to and router:
            outward.add(cells[0])
        elif to and not router:
            found.setdefault(network, cells[0])
    return sorted(found, key=lambda network: found[network] not in outward)


def may_be_asked(network: IPv4Network, *, loopback: bool = False) -> bool:
    """`loopback`: for tests, which must ask nobody outside."""
    return any(network.subnet_of(each) for each in ([*PRIVATE, LOOPBACK] if loopback else PRIVATE))


def reach(network: IPv4Network, mine: str) -> IPv4Network:
    """What is asked of a network in which the box is `mine`."""
    if network.prefixlen >= LONGEST:
        return network
    around = IPv4Address(mine) if IPv4Address(mine) in network else network.network_address
    return IPv4Network((int(around), LONGEST), strict=False)


def hosts_of(networks: Iterable[IPv4Network], own: Iterable[str]) -> list[str]:
    """Every address of these but our own, each once."""
    mine = set(own)
    found = dict.fromkeys(str(host) for network in networks for host in network.hosts())
    return [host for host in found if host not in mine]


# ---- what ------------------------------------------------------------------------------------------------------------


def question(host: str, port: int, me: str, my_port: int, token: str, number: int) -> bytes:
    """`token` is this search's, `number` this host's: the answer brings both back."""
    return (
        f"OPTIONS sip:{host}:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {me}:{my_port};branch=z9hG4bK{token}-{number};rport\r\n"
        "Max-Forwards: 1\r\n"
        f"From: <sip:switchroom@{me}:{my_port}>;tag={token}{number}\r\n"
        f"To: <sip:{host}:{port}>\r\n"
        f"Call-ID: {token}-{number}@{me}\r\n"
        "CSeq: 1 OPTIONS\r\n"
        f"Contact: <sip:switchroom@{me}:{my_port}>\r\n"
        "Accept: application/sdp\r\n"
        "User-Agent: Switchroom\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def answer(datagram: bytes, token: str) -> tuple[int, int, str] | None:
    """(number of the host that was asked, status, how it names itself); None for what is no answer to this search."""
    if len(datagram) > MOST_BYTES:
        return None
    lines = datagram.split(b"\n", MOST_LINES)[:MOST_LINES]
    begun = _STATUS.match(lines[0])
    if begun is None:
        return None
    headers = dict(_headers(lines[1:]))
    branch = _BRANCH.search(headers.get("via", ""))
    if branch is None or branch[1] != token:
        return None
    software = headers.get("user-agent") or headers.get("server") or ""
    return int(branch[2]), int(begun[1]), software


def _headers(lines: list[bytes]) -> Iterator[tuple[str, str]]:
    """The first of each name; lines that go on are put together (RFC 3261, 7.3.1)."""
    seen: set[str] = set()
    name, value = "", ""
    for raw in [*lines, b"end:"]:
        line = raw.rstrip(b"\r").decode("utf-8", "replace")
        if line[:1] in (" ", "\t"):
            value += " " + line.strip()
            continue
        if name and name not in seen:
            seen.add(name)
            yield name, _clean(value)
        if not line:
            return
        head, _, value = line.partition(":")
        name = {"v": "via"}.get(head.strip().lower(), head.strip().lower())


def _clean(value: str) -> str:
    return "".join(char for char in plain(value) if char.isprintable())[: MOST_SOFTWARE * 4]


def device(host: str, port: int, status: int, software: str) -> Device:
    return Device(host=host, port=port, status=status, software=software[:MOST_SOFTWARE], kind=kind_of(software))


# ---- what it is ------------------------------------------------------------------------------------------------------


class _Agent(msgspec.Struct, frozen=True):
    begins: str
    kind: Kind


class _Agents(msgspec.Struct, frozen=True):
    agents: list[_Agent]


@lru_cache(maxsize=1)
def _agents() -> list[tuple[re.Pattern[str], Kind]]:
    table = msgspec.convert(tomllib.loads((Path(__file__).parent / "agents.toml").read_text("utf-8")), _Agents)
    return [(re.compile(rf"(?<![^\W_]){re.escape(each.begins)}", re.IGNORECASE), each.kind) for each in table.agents]


def kind_of(software: str) -> Kind:
    """By how it names itself (agents.toml); a device that says nothing, or is not known, is "unknown"."""
    return next((kind for pattern, kind in _agents() if pattern.search(software)), "unknown")


def order(devices: Iterable[Device]) -> list[Device]:
    """What may be a line first; then by address."""
    ranks: dict[Kind, int] = {"gateway": 0, "exchange": 1, "unknown": 2, "adapter": 3, "phone": 4}
    return sorted(devices, key=lambda each: (ranks[each.kind], int(ipaddress.ip_address(each.host)), each.port))


def told(devices: Iterable[Device], config: Config | None) -> list[Found]:
    """With the line that each is already; `config` None: there is none yet."""
    lines = config.lines if config is not None else []
    places = {(at.host, at.port_or(PORT)): line.name for line in lines for at in (line.address, line.registrar, *line.failover)
              if at is not None}
    return [Found(address=each.host if each.port == PORT else f"{each.host}:{each.port}", software=each.software, kind=each.kind,
                  line=places.get((each.host, each.port), "")) for each in devices]
