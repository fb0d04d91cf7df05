"""Names of providers (RFC 3263): SRV by priority and weight, plain addresses, name servers that are silent or come late."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.clock import ManualClock
from appliance.config.values import HostPort
from drivers.sip.lines import Lines
from drivers.sip.naming import Resolver, literal, ordered
from tests.peers.nameserver import NameServer
from tests.peers.net import PATIENCE

SRV = ("_sip._udp.provider.example.", "SRV")


@pytest.fixture
def dns() -> Iterator[NameServer]:
    with NameServer() as server:
        yield server


def resolver(dns: NameServer) -> Resolver:
    return Resolver([("127.0.0.1", dns.port)])


async def test_srv_records_are_tried_by_priority(dns: NameServer) -> None:
    dns.records = {
        SRV: ["20 0 5080 second.provider.example.", "10 0 5070 first.provider.example.", "30 0 5060 gone.provider.example."],
        ("first.provider.example.", "A"): ["192.0.2.1", "192.0.2.2"], ("second.provider.example.", "AAAA"): ["2001:db8::2"],
    }
    found = await resolver(dns).find("provider.example", None, tcp=False)
    # Addresses of one name are equals: resolvers turn them about.
    assert set(found.addresses[:2]) == {"192.0.2.1:5070", "192.0.2.2:5070"} and found.addresses[2:] == ("[2001:db8::2]:5080",)
    assert found.sure and found.seconds == 60


async def test_without_srv_the_name_itself_counts(dns: NameServer) -> None:
    dns.records = {("provider.example.", "A"): ["192.0.2.9"]}
    assert (await resolver(dns).find("provider.example", None, tcp=True)).addresses == ("192.0.2.9:5060",)
    assert dns.asked[0] == ("_sip._tcp.provider.example.", "SRV")


async def test_a_port_is_an_answer_already(dns: NameServer) -> None:
    dns.records = {SRV: ["10 0 9 wrong.example."], ("provider.example.", "A"): ["192.0.2.9"]}
    assert (await resolver(dns).find("provider.example", 5066, tcp=False)).addresses == ("192.0.2.9:5066",)
    assert all(kind != "SRV" for _, kind in dns.asked)
    assert (await resolver(dns).find("192.0.2.4", None, tcp=False)).addresses == ("192.0.2.4:5060",)
    assert literal("::1", 5070) == "[::1]:5070" and literal("provider.example", 1) == ""


async def test_a_service_that_is_not_offered_is_not_used(dns: NameServer) -> None:
    dns.records = {SRV: ["0 0 0 ."]}
    assert (await resolver(dns).find("provider.example", None, tcp=False)).addresses == ()


def test_equals_are_drawn_by_weight() -> None:
    records = [SimpleNamespace(priority=1, weight=weight, target=f"{weight}.", port=1) for weight in (0, 25, 75)]
    draw = Random(7)
    first = Counter(ordered(records, draw)[0][0] for _ in range(2000))
    assert 0.70 < first["75"] / 2000 < 0.80 and first["0"] < 20
    assert len(ordered(records, draw)) == 3


# ---- a line whose name is known late, moves, and loses its name server -------------------------------------------------


class Asked:
    """A trunk at provider.example, and where its requests go."""

    def __init__(self, dns: NameServer) -> None:
        self.clock = ManualClock()
        self.sent: list[str] = []
        self.lines = Lines(self._command, iter(range(1, 1000)).__next__, lambda _: None, self.clock, resolver(dns))
        line = SimpleNamespace(
            name="provider", driver="sip-trunk", enabled=True, registrar=HostPort("provider.example"), failover=[], address=None,
            outbound_proxy=None, transport="udp", domain="", username="switchroom", auth_username="", secret=None, realm="",
            register_seconds=600, options_seconds=0, accept_from=[],
        )
        self.lines.configure(SimpleNamespace(lines=[line]))

    def _command(self, *_: Any, strings: tuple[bytes, ...]) -> None:
        self.sent.append(strings[6].decode())

    async def until(self, true: Callable[[], object], seconds: float = 0) -> None:
        """Each look takes `seconds` of the lines' time."""
        async with asyncio.timeout(PATIENCE):
            while not true():
                self.clock.advance(seconds)
                self.lines.tick(self.clock.mono())
                await asyncio.sleep(0.01)


async def test_a_name_that_is_known_late_is_found(dns: NameServer) -> None:
    asked = Asked(dns)
    await asked.until(lambda: len(dns.asked) >= 3)  # nobody knows it
    assert asked.sent == [] and asked.lines.route("provider") is None
    dns.records = {("provider.example.", "A"): ["192.0.2.9"]}
    await asked.until(lambda: asked.sent, seconds=1)  # it is asked for again some seconds after the answer, whenever that came
    assert asked.sent == ["192.0.2.9:5060"] and asked.lines.of_source("192.0.2.9:5060", "udp") == "provider"


async def test_a_provider_that_moves_is_followed_and_a_silent_name_server_changes_nothing(dns: NameServer) -> None:
    dns.records = {SRV: ["1 0 5070 a.example."], ("a.example.", "A"): ["192.0.2.1"]}
    asked = Asked(dns)
    await asked.until(lambda: asked.sent)
    dns.records = {SRV: ["1 0 5070 b.example."], ("b.example.", "A"): ["192.0.2.2"]}
    asked.clock.advance(61)
    await asked.until(lambda: asked.lines.of_source("192.0.2.2:5070", "udp") == "provider")
    route = asked.lines.route("provider")
    assert route is not None and (route.destination, route.domain) == ("192.0.2.2:5070", "provider.example")
    assert asked.lines.of_source("192.0.2.1:5070", "udp") is None
    dns.silent = True
    asked.clock.advance(61)
    for _ in range(20):
        asked.lines.tick(asked.clock.mono())
        await asyncio.sleep(0.01)
    assert asked.lines.route("provider") == route
