"""The driver against sipp from Debian: the gateway of the reference office, phones with digest, and many calls at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from drivers.base import Answered, Ended, EndpointChanged, Incoming, Ringing
from tests.peers.net import free_port
from tests.peers.sipdriver import Peer, Sipp, gateway, media, office, phone
from tests.peers.sipp import SCENARIOS


@pytest.mark.parametrize(("digit", "sip", "by"), [("5", 0, "far"), ("6", 486, "far"), ("9", 404, "far")])
async def test_outcomes_of_the_gateway(tmp_path: Path, digit: str, sip: int, by: str) -> None:
    port = free_port()
    async with Peer(office(gateway("gateway", port))) as peer, Sipp(SCENARIOS / "gateway.xml", tmp_path, port):
        leg = peer.place("gateway", f"091770000{digit}")
        cause = (await peer.wait(Ended)).cause
        assert (cause.sip, cause.by) == (sip, by)
        kinds = [type(e).__name__ for e in peer.of(leg)]
        assert kinds == (["Ringing", "Answered", "Ended"] if digit == "5" else ["Ended"])


async def test_the_call_id_is_known_before(tmp_path: Path) -> None:
    port = free_port()
    async with Peer(office(gateway("gateway", port))) as peer, Sipp(SCENARIOS / "gateway.xml", tmp_path, port) as far:
        call_id = peer.driver.call_id_of("my-leg")
        peer.place("gateway", "0917700001", leg="my-leg", headers=(("X-Test", "yes"),))
        answered = await peer.wait(Answered)
        assert (answered.media.codec, answered.media.telephone_event) == ("PCMA", 101)
        peer.driver.hang_up("my-leg", 17, "busy with others")
        cause = (await peer.wait(Ended)).cause
        assert (cause.q850, cause.by) == (17, "near")
        seen = far.messages()
        assert f"Call-ID: {call_id}" in seen and "X-Test: yes" in seen
        assert 'Reason: Q.850;cause=17;text="busy with others"' in seen


async def test_lines_call_in(tmp_path: Path) -> None:
    port = free_port()
    call_in = ("-m", "5", "-r", "50", "-s", "0501234567")
    async with (
        Peer(office(gateway("gateway", port))) as peer,
        Sipp("uac", tmp_path, port, *call_in, remote=f"127.0.0.1:{peer.port}") as far,
    ):
        for _ in range(5):
            call = await peer.wait(Incoming)
            assert (call.endpoint, call.kind, call.number) == ("gateway", "line", "0501234567")
            assert call.offer is not None and call.offer.codec == "PCMU"
            peer.driver.ring(call.leg)
            peer.driver.answer(call.leg, media())
        for _ in range(5):
            assert (await peer.wait(Ended)).cause.by == "far"
        assert await far.done() == 0, far.errors()


async def test_a_phone_registers_is_called_and_calls(tmp_path: Path) -> None:
    port = free_port()
    account = ("-s", "101", "-au", "101", "-ap", "secret-101")
    async with Peer(office(phone("101"), phone("102"))) as peer:
        remote = f"127.0.0.1:{peer.port}"
        async with Sipp(SCENARIOS / "phone_register.xml", tmp_path, port, "-m", "1", *account, remote=remote) as far:
            assert await far.done() == 0, far.errors()
        up = await peer.wait(EndpointChanged)
        assert up.up and up.event.contact.startswith(f"sip:101@127.0.0.1:{port}") and peer.driver.registered("101")
        async with Sipp("uas", tmp_path, port):
            leg = peer.place("101", "101", kind="phone", caller="102", caller_name="Boris")
            await peer.wait(Ringing)
            await peer.wait(Answered)
            peer.driver.hang_up(leg)
            await peer.wait(Ended)
        async with Sipp(SCENARIOS / "phone_call.xml", tmp_path, port, "-m", "1", "-key", "user", "101", "-auth_uri",
                        "102@127.0.0.1", "-s", "102", *account[2:], remote=remote) as far:
            call = await peer.wait(Incoming)
            assert (call.endpoint, call.kind, call.number, call.caller_name) == ("101", "phone", "102", "Anna")
            peer.driver.answer(call.leg, media())
            await peer.wait(Answered)
            cause = (await peer.wait(Ended)).cause
            assert (cause.q850, cause.text) == (31, "normal, unspecified")
            assert await far.done() == 0, far.errors()


async def test_a_phone_that_is_not_registered() -> None:
    async with Peer(office()) as peer:
        peer.place("101", "101", kind="phone")
        assert (await peer.wait(Ended)).cause.sip == 480


async def test_hundreds_of_calls_each_end_once(tmp_path: Path) -> None:
    """Both directions at once; every leg has exactly one Ended and nothing is left."""
    here, there = free_port(), free_port()
    total = 300
    async with Peer(office(gateway("in", here), gateway("out", there))) as peer:
        folders = [tmp_path / "in", tmp_path / "out"]
        for folder in folders:
            folder.mkdir()

        def on_event(event: object) -> None:
            if isinstance(event, Incoming):
                peer.driver.answer(event.leg, media())
            elif isinstance(event, Answered) and event.leg.startswith("leg-"):
                peer.driver.hang_up(event.leg)

        peer.on_event = on_event
        async with Sipp("uas", folders[1], there), Sipp(
            "uac", folders[0], here, "-m", str(total), "-r", "200", remote=f"127.0.0.1:{peer.port}"
        ) as far:
            legs = [peer.place("out", f"091770{i:04}") for i in range(total)]
            assert await far.done(60) == 0, far.errors()
            for _ in range(2 * total):
                await peer.wait(Ended)
        ended = [e.leg for e in peer.events if isinstance(e, Ended)]
        assert len(ended) == len(set(ended)) == 2 * total and set(legs) <= set(ended)
        deadline = time.monotonic() + 10
        while peer.driver.health()["legs"]:
            assert time.monotonic() < deadline
