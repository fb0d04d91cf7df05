"""The search for SIP devices: whom it asks, what it believes, and what it asks of whom on loopback."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import SwitchroomError
from drivers.sip import probe, search
from tests.peers.commands import switchroom
from tests.peers.net import PATIENCE, free_port, wait_for
from tests.webkit import Pages

TABLE = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth0\t0000000A\t0101A8C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0
eth1\t000010AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
eth1\tnonsense\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
eth2\t007100CB\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
broken
"""
TOKEN = "0123456789abcdef"


# ---- whom ------------------------------------------------------------------------------------------------------------


def test_only_networks_that_the_box_stands_in() -> None:
    assert list(map(str, search.networks_of(TABLE))) == ["192.168.1.0/24", "172.16.0.0/16", "203.0.113.0/24"]
    assert search.networks_of("") == []
    bridges = "".join(f"br{at}\t0000{0x10 + at:02X}AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n" for at in range(5))
    head, _, rest = TABLE.partition("\n")
    assert str(search.networks_of(f"{head}\n{bridges}{rest}")[0]) == "192.168.1.0/24"


@pytest.mark.parametrize(("network", "may"), [
    ("192.168.1.0/24", True), ("10.0.0.0/8", True), ("172.31.0.0/16", True), ("172.32.0.0/16", False), ("203.0.113.0/24", False),
    ("0.0.0.0/0", False), ("192.0.0.0/8", False), ("127.0.0.0/24", False), ("169.254.0.0/16", False), ("100.64.0.0/10", False),
])
def test_only_private_networks_are_asked(network: str, may: bool) -> None:
    assert search.may_be_asked(IPv4Network(network)) is may


def test_of_a_large_network_the_part_around_the_box() -> None:
    assert str(search.reach(IPv4Network("10.0.0.0/8"), "10.9.8.7")) == "10.9.8.0/24"
    assert str(search.reach(IPv4Network("192.168.1.0/26"), "192.168.1.5")) == "192.168.1.0/26"
    hosts = search.hosts_of([IPv4Network("192.168.1.0/24"), IPv4Network("192.168.1.0/25")], ["192.168.1.5"])
    assert len(hosts) == 253 and "192.168.1.5" not in hosts and "192.168.1.255" not in hosts


def test_a_plan_is_bounded_and_asks_no_strangers() -> None:
    stood_in = ("203.0.113.0/24", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "192.168.7.0/24")
    networks = [IPv4Network(each) for each in stood_in]
    made = probe.plan(networks)
    assert len(made.networks) == search.MOST_NETWORKS and len(made.hosts) <= search.MOST_NETWORKS * 254
    assert all(search.may_be_asked(IPv4Network(each)) for each in made.networks) and made.port == 5060
    for refused in (["203.0.113.0/24"], ["127.9.0.0/29"], []):  # loopback only where a test says so
        with pytest.raises(SwitchroomError) as told:
            probe.plan([IPv4Network(each) for each in refused])
        assert told.value.id == "search.no-network"


# ---- what is believed ------------------------------------------------------------------------------------------------


def reply(*headers: str, status: str = "200 OK", branch: str = f"z9hG4bK{TOKEN}-7") -> bytes:
    via = f"Via: SIP/2.0/UDP 192.168.1.5:4000;rport=4000;branch={branch}"
    lines = [f"SIP/2.0 {status}", via, "CSeq: 1 OPTIONS", *headers, "Content-Length: 0", "", "User-Agent: body"]
    return "\r\n".join(lines).encode()


def test_an_answer_says_who_it_is() -> None:
    assert search.answer(reply("User-Agent: snom720/8.7.3.25"), TOKEN) == (7, 200, "snom720/8.7.3.25")
    assert search.answer(reply("SERVER : Patton SN4112\r\n\tFXO", status="404 Not Found"), TOKEN) == (7, 404, "Patton SN4112 FXO")
    assert search.answer(reply("User-Agent: first", "User-Agent: second"), TOKEN) == (7, 200, "first")
    assert search.answer(reply().replace(b"Via:", b"v:"), TOKEN) == (7, 200, "")
    told = search.answer(reply("User-Agent: \x1b[31m<b>\x00\u202ered" + "x" * 5000), TOKEN)
    assert told is not None and "\x1b" not in told[2] and "\u202e" not in told[2]
    assert len(search.device("192.168.1.9", 5060, 200, told[2]).software) == search.MOST_SOFTWARE


@pytest.mark.parametrize("datagram", [
    b"", b"SIP/2.0", b"SIP/2.0 200", reply().replace(b"200 OK", b"2000 OK"), reply(branch="z9hG4bK0123-7"), reply(branch="x"),
    reply(branch=f"z9hG4bK{TOKEN}"), reply(branch=f"z9hG4bK{TOKEN}-123456"), b"x" * 9000,
    reply().replace(b"SIP/2.0 200 OK", b"OPTIONS sip:x SIP/2.0"), b"SIP/2.0 200 OK\r\n\r\n" + reply().partition(b"\r\n")[2],
])
def test_what_is_no_answer_to_this_search(datagram: bytes) -> None:
    assert search.answer(datagram, TOKEN) is None


@given(st.binary(max_size=600), st.integers(0, 400))
def test_whatever_comes_in_is_read_or_left(noise: bytes, at: int) -> None:
    good = reply("User-Agent: x")
    for datagram in (noise, good[:at] + noise + good[at:], b"SIP/2.0 200 OK\r\n" + noise):
        told = search.answer(datagram, TOKEN)
        assert told is None or (100 <= told[1] < 700 and told[2].isprintable())


@pytest.mark.parametrize(("software", "kind"), [
    ("Yealink SIP-T46S 66.84.0.15", "phone"), ("snom720/8.7.3.25", "phone"), ("Grandstream GXP2170 1.0.7.25", "phone"),
    ("Grandstream GXW4104 1.4.1.4", "gateway"), ("Grandstream HT802 1.0.15.4", "adapter"),
    ("Cisco/SPA3102-5.2.13(GW002)", "gateway"), ("Cisco/SPA504G-7.4.7", "phone"),
    ("Audiocodes-Sip-Gateway-MP-114 FXO/v.6.60A", "gateway"), ("Asterisk PBX 18.9", "exchange"),
    ("baresip v1.1.0 (x86_64/linux)", "phone"), ("PolycomVVX-VVX_410-UA/5.4", "phone"), ("YEASTAR TG400", "gateway"),
    ("", "unknown"), ("Spartan", "unknown"), ("Something New/1.0", "unknown"), ("notasnom", "unknown"),
])
def test_what_a_device_is_by_its_name(software: str, kind: str) -> None:
    assert search.kind_of(software) == kind


# ---- asking ----------------------------------------------------------------------------------------------------------


class Answerer:
    """Something at an address of loopback; `answers(request, how many it had)` gives what it sends back."""

    def __init__(self, host: str, port: int, answers: Callable[[bytes, int], list[bytes]]) -> None:
        self.asked: list[bytes] = []
        self._answers = answers
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        self._socket.settimeout(0.05)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                request, source = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            self.asked.append(request)
            for each in self._answers(request, len(self.asked)):
                self._socket.sendto(each, source)

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()


def as_told(request: bytes, *, software: str = "", status: str = "200 OK") -> bytes:
    headers = [line for line in request.decode().split("\r\n") if re.match("(Via|From|To|Call-ID|CSeq):", line)]
    return "\r\n".join([f"SIP/2.0 {status}", *headers, f"User-Agent: {software}", "Content-Length: 0", "", ""]).encode()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is time to answer before the second question, also where the machine has much else to do."""
    monkeypatch.setattr(probe, "A_SECOND", 5)
    monkeypatch.setattr(probe, "LAST_WAIT", 4.0)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """No search asks anybody before this is set."""
    go, run = threading.Event(), probe.run

    def waits(*args: Any) -> Any:
        assert go.wait(PATIENCE)
        return run(*args)

    monkeypatch.setattr(probe, "run", waits)
    yield go
    go.set()


@pytest.fixture
def house(port: int) -> Iterator[dict[str, Answerer]]:
    """A gateway; a phone that hears only the second question; a liar in another's name; one who says wait; one who is silent."""
    def liar(request: bytes, _: int) -> list[bytes]:
        other = re.sub(rb"(branch=z9hG4bK[0-9a-f]+-)[0-9]+", rb"\g<1>0", as_told(request, software="liar"))
        return [b"\0" * 20, other, other.replace(b"-0", b"-9999")]

    made = {
        "gateway": Answerer("127.9.0.2", port, lambda request, _: [as_told(request, software="GoIP 4", status="403 No")] * 2),
        "phone": Answerer("127.9.0.3", port, lambda request, n: [as_told(request, software="snom300")] if n > 1 else []),
        "liar": Answerer("127.9.0.4", port, liar),
        "waits": Answerer("127.9.0.5", port, lambda request, _: [as_told(request, status="100 Trying")]),
        "silent": Answerer("127.9.0.6", port, lambda request, _: []),
    }
    yield made
    for each in made.values():
        each.close()


@pytest.mark.usefixtures("patient")
def test_who_answers_is_found_and_nobody_is_asked_often(house: dict[str, Answerer], port: int) -> None:
    steps = list[probe.Step]()
    plan = probe.plan([IPv4Network("127.9.0.0/29")], port=port, loopback=True)
    found = probe.run(plan, steps.append)
    assert [(each.host, each.kind, each.status) for each in found] == [("127.9.0.2", "gateway", 403), ("127.9.0.3", "phone", 200)]
    assert {name: len(each.asked) for name, each in house.items()} == {
        "gateway": 1, "phone": 2, "liar": 2, "waits": 2, "silent": 2}
    assert [each.done for each in steps] == sorted(each.done for each in steps) and steps[-1].done == steps[-1].total == 6
    assert all(each.startswith(b"OPTIONS sip:127.9.0.") and b"Max-Forwards: 1\r\n" in each for each in house["silent"].asked)


def test_a_search_ends_when_it_is_told_to(port: int) -> None:
    plan = probe.plan([IPv4Network("127.9.0.0/24")], port=port, loopback=True)
    steps = list[probe.Step]()
    assert probe.run(plan, steps.append, lambda: len(steps) >= 3) == [] and len(steps) == 3


# ---- the pages, programs and the command line ------------------------------------------------------------------------


@pytest.fixture
def pages(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    monkeypatch.setenv(probe.LOOPBACK, f"127.9.0.0/29:{port}")
    made = Pages(tmp_path / "data")
    yield made
    made.close()


def call(pages: Pages, method: str) -> Any:
    browser = pages.browser("admin")
    answer = browser.client.open("/api/v1/lines/search", method=method, headers={"X-CSRFToken": browser.token()})
    assert answer.status_code == 200, answer.text
    return answer.json


@pytest.mark.usefixtures("patient")
def test_a_search_from_the_pages_and_from_programs(
    pages: Pages, house: dict[str, Answerer], port: int, held: threading.Event,
) -> None:
    browser = pages.browser("admin")
    assert call(pages, "GET")["phase"] == "new" and 'data-phase="new"' in browser.get("/setup/search").text
    assert browser.post("/setup/search", to="lines").location == "/setup/search?to=lines"
    assert call(pages, "POST")["phase"] == "searching"  # the same one: nobody is asked twice as often
    assert "progress" in browser.get("/setup/search/state").text
    held.set()
    wait_for(lambda: call(pages, "GET")["phase"] == "done", 10, "the search ends")
    assert len(house["silent"].asked) == 2
    assert [(each["address"], each["kind"], each["line"]) for each in call(pages, "GET")["found"]] == [
        (f"127.9.0.2:{port}", "gateway", ""), (f"127.9.0.3:{port}", "phone", "")]
    assert browser.get("/setup/search/state").headers["HX-Refresh"] == "true"
    page = browser.get("/setup/search?to=lines").text
    assert f"/config/table/lines/new?driver=sip-gateway&amp;address=127.9.0.2:{port}" in page
    assert f"/setup/line?address=127.9.0.2:{port}" in browser.get("/setup/search").text
    for path in ("/setup/search?to=lines", "/setup/search"):  # a phone is shown, but is no line to the outside
        page = browser.get(path).text
        assert f'data-found="127.9.0.3:{port}"' in page and f"address=127.9.0.3:{port}" not in page
    assert f'value="127.9.0.2:{port}"' in browser.get(f"/setup/line?address=127.9.0.2:{port}").text
    assert f'value="127.9.0.2:{port}"' in browser.get(f"/config/table/lines/new?driver=sip-gateway&address=127.9.0.2:{port}").text
    assert browser.get("/audit").text.count('title="line.search"') >= 2
    for login in ("supervisor", "viewer"):
        assert pages.browser(login).post("/setup/search").status_code == 403


def test_a_line_that_is_there_already_is_named(pages: Pages) -> None:
    config = pages.box.config
    line = config.lines[0]
    assert line.address is not None
    device = search.device(line.address.host, line.address.port_or(5060), 200, "")
    assert search.told([device], config)[0].line == line.name and search.told([device], None)[0].line == ""


def test_without_a_network_that_may_be_searched_it_is_said(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(probe.LOOPBACK)
    monkeypatch.setattr(probe, "ROUTES", Path("/nowhere"))
    page = pages.browser("admin").post("/setup/search")
    assert page.status_code == 400 and "no private network" in page.text


@pytest.mark.usefixtures("house")
def test_a_search_that_cannot_begin_holds_up_no_other(
    pages: Pages, monkeypatch: pytest.MonkeyPatch, held: threading.Event,
) -> None:
    start = threading.Thread.start

    def none_left(self: threading.Thread) -> None:
        if self.name == "search":
            raise RuntimeError("can't start new thread")
        start(self)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none_left)
        assert call(pages, "POST")["phase"] == "failed"
    assert call(pages, "POST")["phase"] == "searching"
    held.set()
    wait_for(lambda: call(pages, "GET")["phase"] == "done", 20, "the search ends")


@pytest.mark.usefixtures("house")
def test_a_search_from_the_command_line(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(probe.LOOPBACK, f"127.9.0.0/29:{port}")
    done = switchroom("--data", str(tmp_path), "line", "search", "--json")
    assert [(each["kind"], each["software"]) for each in json.loads(done.stdout)] == [("gateway", "GoIP 4"), ("phone", "snom300")]
