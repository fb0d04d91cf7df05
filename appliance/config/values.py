"""Small typed values that stand as text in the TOML: targets, addresses, port ranges.

Each is a `str` (so it compares, prints and exports as it was written) with its parts parsed and checked once.
A wrong text raises WrongText, whose sentences say what would be right.
"""

from __future__ import annotations

import ipaddress
import re

from appliance.sentences import Said

TARGET_KINDS = ("extension", "queue", "menu", "voicemail", "callback", "outside", "scenario", "agents", "hangup")
"""What a call can be sent to. "callback" takes the queue that calls back, "outside" a number as people of the country
dial it. "agents" and "hangup" take no name: agents outside sign in, a spoken goodbye."""
NAMELESS = ("agents", "hangup")

_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")
_MAX_HOST = 253
_MAX_PORT = 65535
_WHOLE = 100
_SHOWN = 200


class WrongText(ValueError):
    """A text that cannot be read: `what` says what is wrong with it, `fix` what would be right."""

    def __init__(self, what: str, fix: str, /, **values: object) -> None:
        """Constant sentences, and the values of their places: shortened, for they are somebody's text."""
        short = {name: text if len(text := str(value)) <= _SHOWN else f"{text[:_SHOWN]}…" for name, value in values.items()}
        self.what = Said(what).about(**short)
        self.fix = Said(fix).about(**short)
        super().__init__(f"{str(self.what).rstrip('.')}; {self.fix}")


class Target(str):
    """ "queue:front", "extension:101", "menu:main", "voicemail:front", "callback:front", "outside:+358917700000",
    "scenario:701", "agents" or "hangup"."""

    __slots__ = ("kind", "name")
    kind: str
    name: str

    def __new__(cls, text: str) -> Target:
        kind, colon, name = text.partition(":")
        if kind in NAMELESS and not colon:
            name = ""
        elif kind not in TARGET_KINDS or kind in NAMELESS or not name or name != name.strip():
            raise WrongText(
                "{text} is no target.",
                "Write one of extension:101, queue:NAME, menu:NAME, voicemail:NAME, callback:QUEUE, outside:NUMBER, "
                "scenario:CODE, agents or hangup.", text=repr(text),
            )
        made = super().__new__(cls, text)
        made.kind, made.name = kind, name
        return made

    def __reduce__(self) -> tuple[type[Target], tuple[str]]:
        return Target, (str(self),)


def is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class HostPort(str):
    """ "192.0.2.1:5060", "[2001:db8::1]:5060", "sip.example.com" (then `port` is None and the user's default holds)."""

    __slots__ = ("host", "port")
    host: str
    port: int | None

    def __new__(cls, text: str) -> HostPort:
        host, port = _split_host_port(text)
        made = super().__new__(cls, text)
        made.host, made.port = host, port
        return made

    def port_or(self, default: int) -> int:
        return self.port if self.port is not None else default

    @property
    def is_ip(self) -> bool:
        return is_ip(self.host)

    @property
    def is_loopback(self) -> bool:
        return self.host == "localhost" or (self.is_ip and ipaddress.ip_address(self.host).is_loopback)

    def __reduce__(self) -> tuple[type[HostPort], tuple[str]]:
        return HostPort, (str(self),)


def _split_host_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise WrongText("{text} is no address.", "Write IPv6 as [2001:db8::1]:5060.", text=repr(text))
        port = rest[1:] if rest else None
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise WrongText("{text} is no IPv6 address.", "Write it as [2001:db8::1]:5060.", text=repr(host)) from None
    elif text.count(":") > 1:
        raise WrongText("{text} is no address.", "An IPv6 address with a port is written [2001:db8::1]:5060.", text=repr(text))
    else:
        host, colon, rest = text.partition(":")
        port = rest if colon else None
        _check_host(host)
    return host, None if port is None else _parse_port(port)


def _check_host(host: str) -> None:
    if re.fullmatch(r"[0-9.]+", host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise WrongText("{text} is no IPv4 address.", "It has four numbers from 0 to 255.", text=repr(host)) from None
    elif len(host) > _MAX_HOST or not _HOST.fullmatch(host):
        raise WrongText("{text} is no host name or address.", "Write e.g. 192.0.2.1:5060 or sip.example.com:5060.",
                        text=repr(host))


def _parse_port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 <= int(text) <= _MAX_PORT:
        raise WrongText("{text} is no port.", "Ports go from 1 to {most} (0 takes any free one).", text=repr(text),
                        most=_MAX_PORT)
    return int(text)


class PortRange(str):
    """ "20000-23999": both ends belong to it."""

    __slots__ = ("first", "last")
    first: int
    last: int

    def __new__(cls, text: str) -> PortRange:
        match = re.fullmatch(r"\s*([0-9]{1,5})\s*-\s*([0-9]{1,5})\s*", text)
        if not match:
            raise WrongText("{text} is no port range.", 'Write it as "20000-23999".', text=repr(text))
        first, last = int(match[1]), int(match[2])
        if not 1024 <= first <= last <= _MAX_PORT:
            raise WrongText("{text} is no usable port range.", "It goes upwards and lies within 1024-{most}.", text=repr(text),
                            most=_MAX_PORT)
        made = super().__new__(cls, text)
        made.first, made.last = first, last
        return made

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    def __reduce__(self) -> tuple[type[PortRange], tuple[str]]:
        return PortRange, (str(self),)


class Network(str):
    """ "192.0.2.0/24", "2001:db8::/32" or one address."""

    __slots__ = ("network",)
    network: ipaddress.IPv4Network | ipaddress.IPv6Network

    def __new__(cls, text: str) -> Network:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            raise WrongText("{text} is no network.", "Write e.g. 192.0.2.0/24 or 192.0.2.7.", text=repr(text)) from None
        made = super().__new__(cls, text)
        made.network = network
        return made

    def __reduce__(self) -> tuple[type[Network], tuple[str]]:
        return Network, (str(self),)


class RecordRule(str):
    """ "always", "never", "on-demand" (whoever talks switches it on by a code) or a share of the calls, such as "20%".

    `percent` is the share that is recorded by itself, 0 to 100; `on_demand` whether a code may switch it on."""

    __slots__ = ("on_demand", "percent")
    percent: int
    on_demand: bool

    def __new__(cls, text: str) -> RecordRule:
        share = re.fullmatch(r"([0-9]{1,3})%", text)
        known = {"always": 100, "never": 0, "on-demand": 0}
        if text not in known and (share is None or int(share[1]) > _WHOLE):
            raise WrongText("{text} records nothing.", 'Write always, never, on-demand or a share such as "20%".',
                            text=repr(text))
        made = super().__new__(cls, text)
        made.percent = known[text] if share is None else int(share[1])
        made.on_demand = text != "never"
        return made

    def __reduce__(self) -> tuple[type[RecordRule], tuple[str]]:
        return RecordRule, (str(self),)


TEXT_TYPES: tuple[type[str], ...] = (Target, HostPort, PortRange, Network, RecordRule)


def dec_hook(kind: type, value: object) -> object:
    """msgspec's hook for the types above."""
    if kind in TEXT_TYPES:
        if not isinstance(value, str):
            raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
        return kind(value)
    raise NotImplementedError(kind)


def enc_hook(value: object) -> object:
    """The way back: the text as it was written."""
    if isinstance(value, TEXT_TYPES):
        return str(value)
    raise NotImplementedError(type(value))
