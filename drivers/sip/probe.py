"""Asks the box's own networks who speaks SIP: a socket of its own, slowly, and no longer than it takes.

Not through the SIP thread: that keeps each request for 32 seconds and sends it eleven times (RFC 3261, 17.1.2), it would count
hundreds of silent addresses among its transactions while calls go on, and its guard knows strangers from friends by what they
send. Here each address gets two datagrams at most. And it works while no core runs, before the first line stands.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network
from pathlib import Path

import msgspec

from appliance.errors import SwitchroomError, because
from drivers.sip import search
from drivers.sip.search import Device

LOOPBACK = "SWITCHROOM_SEARCH_LOOPBACK"
"""For tests, which must ask nobody outside: "127.9.0.0/29:5070" is searched in place of the box's networks."""
ROUTES = Path("/proc/net/route")
A_SECOND = 50
"""Datagrams: 20 kB/s."""
ROUNDS = 2
"""The second for those alone that did not answer: the first one may have been lost."""
LAST_WAIT = 2.0
"""Seconds for answers to the last question."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Networks as text ("192.168.1.0/24"), and the addresses in them that are asked at `port`; `me` is the box's address in the
    network of each."""

    networks: list[str]
    hosts: list[str]
    me: dict[str, str]
    port: int = search.PORT


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """`done` of `total` addresses have been asked as often as they will be."""

    done: int
    total: int
    found: list[Device]


def own() -> Plan:
    """Whom to ask: the box's own networks. Raises SwitchroomError "search.no-network"."""
    instead, _, port = os.environ.get(LOOPBACK, "").partition(":")
    if instead:
        return plan([IPv4Network(instead)], port=int(port or search.PORT), loopback=True)
    return plan(search.networks_of(_routes()))


def plan(own: Sequence[IPv4Network], *, port: int = search.PORT, loopback: bool = False) -> Plan:
    """Of these networks the private ones, within bounds; `loopback` too in tests. Raises SwitchroomError "search.no-network"."""
    wanted, hosts, me = list[str](), list[str](), dict[str, str]()
    for network in own:
        if not search.may_be_asked(network, loopback=loopback) or len(wanted) == search.MOST_NETWORKS:
            continue
        mine = _own_address(network)
        asked = search.reach(network, mine)
        wanted.append(str(asked))
        for host in search.hosts_of([asked], [mine]):
            if host not in me:
                hosts.append(host)
                me[host] = mine
    if not hosts:
        raise SwitchroomError("search.no-network", "The box stands in no private network that could be searched.",
                              "Type the address of the gateway: its maker's manual says how to find it.")
    return Plan(networks=wanted, hosts=hosts, me=me, port=port)


def _routes() -> str:
    try:
        return ROUTES.read_text("ascii")
    except OSError:
        return ""  # said as "no network"


def _own_address(network: IPv4Network) -> str:
    """By which the box speaks to this network. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(network.network_address + 1), 9))
        except OSError:
            return str(network.network_address + 1)  # it is down just now: asking will say nothing
        return str(probe.getsockname()[0])


def run(plan: Plan, tell: Callable[[Step], None] = lambda step: None, stop: Callable[[], bool] = lambda: False) -> list[Device]:
    """Ask them all; blocks for about a second for every 25 addresses. `tell` hears how far it is, `stop` is asked whether it
    shall end. Raises SwitchroomError "search.no-socket"."""
    try:
        asker = _Asker(plan)
    except OSError as problem:
        raise SwitchroomError("search.no-socket", "The network cannot be asked: {reason}.", "Try again.",
                              reason=because(problem)) from None
    try:
        return asker.run(tell, stop)
    finally:
        asker.close()


class _Asker:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._token = secrets.token_hex(8)
        self._found: dict[int, Device] = {}
        self._selector = selectors.DefaultSelector()
        self._sockets: dict[str, socket.socket] = {}
        try:
            for mine in dict.fromkeys(plan.me.values()):
                made = self._sockets[mine] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                made.bind((mine, 0))
                made.setblocking(False)
                self._selector.register(made, selectors.EVENT_READ)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        self._selector.close()
        for each in self._sockets.values():
            each.close()

    def run(self, tell: Callable[[Step], None], stop: Callable[[], bool]) -> list[Device]:
        hosts, asked = self._plan.hosts, 0
        for _ in range(ROUNDS):
            for number, host in enumerate(hosts):
                if stop():
                    return self._devices()
                asked += 1
                if number not in self._found:
                    self._ask(host, number)
                    self._hear(1 / A_SECOND)
                tell(Step(done=asked // ROUNDS, total=len(hosts), found=self._devices()))
        until = time.monotonic() + LAST_WAIT
        while len(self._found) < len(hosts) and not stop() and time.monotonic() < until:
            self._hear(0.1)
        tell(Step(done=len(hosts), total=len(hosts), found=self._devices()))
        return self._devices()

    def _ask(self, host: str, number: int) -> None:
        mine = self._plan.me[host]
        made = self._sockets[mine]
        question = search.question(host, self._plan.port, mine, made.getsockname()[1], self._token, number)
        with contextlib.suppress(OSError):  # nobody is there, or the way is shut: as good as no answer
            made.sendto(question, (host, self._plan.port))

    def _hear(self, seconds: float) -> None:
        """What comes in within so many seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                assert isinstance(key.fileobj, socket.socket)
                self._take(key.fileobj)

    def _take(self, made: socket.socket) -> None:
        try:
            datagram, (host, _) = made.recvfrom(search.MOST_BYTES + 1)
        except OSError:
            return  # an error of an earlier datagram
        answer = search.answer(datagram, self._token)
        if answer is None:
            return
        number, status, software = answer
        asked = self._plan.hosts
        if number < len(asked) and asked[number] == host and status >= 200:  # from whom was asked, and from nobody else
            self._found.setdefault(number, search.device(host, self._plan.port, status, software))

    def _devices(self) -> list[Device]:
        return search.order(self._found.values())
