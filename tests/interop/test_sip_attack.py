"""Attacks on the running driver: sipvicious, password guessing, enumeration, forged sources.

On loopback every address of 127/8 can be bound, so "forging" a source is binding its address and never reading an answer.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.messages import SourceBanned
from drivers.base import EndpointChanged, Incoming
from tests.peers.net import PATIENCE
from tests.peers.sipdriver import Peer, gateway, office, phone
from tests.peers.strangers import Datagrams, Response, any_loopback, authorization

PHONES = ("101", "102", "103", "104")
# svwar and svcrack of Debian 12 read --bindingip but do not use it: this binds for them.
BIND = """
import os, runpy, socket, sys
source, script = sys.argv[1:3]
class Bound(socket.socket):
    def bind(self, where): super().bind((source, where[1]))
socket.socket = Bound
sys.argv = sys.argv[2:]
sys.path.insert(0, os.path.dirname(script))
runpy.run_path(script, run_name="__main__")
"""


@pytest.fixture
async def box() -> AsyncIterator[Peer]:
    async with Peer(office(*(phone(p) for p in PHONES))) as peer:
        yield peer


def bans(box: Peer) -> list[str]:
    found = [e.event for e in box.events if isinstance(e, EndpointChanged)]
    return [event.address for event in found if isinstance(event, SourceBanned)]


async def sipvicious(home: Path, tool: str, source: str, *args: str) -> str:
    """Everything that a tool of sipvicious says, run from `source`."""
    script = shutil.which(tool)
    if script is None:
        pytest.skip("sipvicious is not installed (apt install sipvicious)")
    process = await asyncio.create_subprocess_exec(
        "/usr/bin/python3", "-c", BIND, source, str(Path(script).resolve()), "-b", source, *args, cwd=home,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"}, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    text = said.decode(errors="replace")
    assert "Traceback" not in text, text
    return text


# ---- sipvicious ------------------------------------------------------------------------------------------------------


async def test_svcrack_is_shut_out_before_it_finds_the_password(box: Peer, tmp_path: Path) -> None:
    attacker = any_loopback()
    words = tmp_path / "words"
    words.write_text("".join(f"{i}\n" for i in range(40)) + "secret-101\n")
    said = await sipvicious(
        tmp_path, "svcrack", attacker, f"-p{box.port}", "-u101", "-d", str(words), "--maximumtime=1", "127.0.0.1"
    )
    assert "secret-101" not in said, said
    assert bans(box) == [attacker]
    with Datagrams(("127.0.0.1", box.port), attacker) as again:
        again.send(again.request("OPTIONS", "sip:127.0.0.1"))
        with Datagrams(("127.0.0.1", box.port)) as other:
            assert await other.alive(), "others are served"
        assert await again.wait(lambda r: True, 0.3) is None, "and the attacker is not"
    # The same with the right password: not even that gets in now.
    with Datagrams(("127.0.0.1", box.port), attacker) as again:
        again.send(again.request("REGISTER", "sip:127.0.0.1", to="<sip:101@127.0.0.1>"))
        assert await again.wait(lambda r: True, 0.3) is None


async def test_guessing_on_one_nonce_is_shut_out_too(box: Peer) -> None:
    """As `svcrack --reusenonce` would; that of Debian 12 fails at parsing the challenge."""
    with Datagrams(("127.0.0.1", box.port), any_loopback()) as peer:
        challenge = await peer.ask(peer.request("REGISTER", "sip:127.0.0.1", to="<sip:101@127.0.0.1>"))
        assert challenge is not None
        for i in range(5):
            line = authorization(challenge, "101", f"guess{i}", "REGISTER", "sip:127.0.0.1")
            answer = await peer.ask(peer.request("REGISTER", "sip:127.0.0.1", to="<sip:101@127.0.0.1>", extra=line))
            assert answer is not None
            assert answer.status == 401
        await box.wait(EndpointChanged, lambda e: isinstance(e.event, SourceBanned))
        assert bans(box) == [peer.at[0]]


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS"])
async def test_svwar_finds_no_extension(box: Peer, tmp_path: Path, method: str) -> None:
    attacker = any_loopback()
    said = await sipvicious(
        tmp_path, "svwar", attacker, f"-p{box.port}", "-e100-400", "-m", method, "--force", "--maximumtime=1", "127.0.0.1"
    )
    for extension in PHONES:
        assert not re.search(rf"\|\s*{extension}\s*\|", said), said
    assert bans(box) == [], "nothing was proven, so nothing is banned"
    assert box.driver.health()["registered"] == 0


async def test_svwar_hears_little(box: Peer) -> None:
    """What it lives on, by hand: after a few tries there is silence, also for a user that exists."""
    with Datagrams(("127.0.0.1", box.port), any_loopback()) as peer:
        for extension in range(100, 400):
            peer.send(peer.request("REGISTER", "sip:127.0.0.1", to=f"<sip:{extension}@127.0.0.1>"))
            if extension % 50 == 0:
                await peer.wait(lambda r: False, 0.05)
        await peer.wait(lambda r: False, 0.5)
        assert {r.status for r in peer.got} == {401}
        assert 40 <= len(peer.got) <= 45
    with Datagrams(("127.0.0.1", box.port), any_loopback()) as other:
        answer = await other.register("101", "secret-101")
        assert answer is not None
        assert answer.status == 200


async def test_svmap_hears_options_only_so_often(box: Peer, tmp_path: Path) -> None:
    attacker = any_loopback()
    for _ in range(2):
        said = await sipvicious(tmp_path, "svmap", attacker, f"-p{box.port}", "127.0.0.1")
        assert "127.0.0.1" in said, "that there is a SIP device is no secret"
    with Datagrams(("127.0.0.1", box.port), attacker) as peer:
        for i in range(400):
            peer.send(peer.request("OPTIONS", f"sip:{i}@127.0.0.1"))
            if i % 50 == 0:
                await peer.wait(lambda r: False, 0.05)
        await peer.wait(lambda r: False, 0.5)
        assert 150 <= len(peer.got) <= 210


# ---- nothing to enumerate --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "SUBSCRIBE"])
async def test_known_and_unknown_users_get_the_same(box: Peer, method: str) -> None:
    shapes = set()
    with Datagrams(("127.0.0.1", box.port), any_loopback()) as peer:
        for user in ("101", "999", "nobody"):
            own = f"sip:{user}@127.0.0.1"
            event = "Event: message-summary\r\n" if method == "SUBSCRIBE" else ""
            data = peer.request(method, own, to=f"<{own}>", sender=own, extra=event)
            first = await peer.ask(data)
            assert first is not None
            shapes.add(shape(first, user))
            if first.status == 401:
                second = await peer.ask(
                    peer.request(method, own, to=f"<{own}>", sender=own, extra=authorization(first, user, "wrong", method, own))
                )
                assert second is not None
                shapes.add(shape(second, user))
    assert len(shapes) == 1, shapes


def shape(response: Response, user: str) -> str:
    text = response.raw.decode().replace(f"sip:{user}@", "sip:USER@")
    return re.sub(r'nonce="[^"]*"|tag=\w+|branch=\w+|Call-ID:.*|rport=\d+', "", text)


# ---- whom a ban must not touch ---------------------------------------------------------------------------------------


async def test_a_registered_phone_is_never_banned(box: Peer) -> None:
    home = any_loopback()
    with Datagrams(("127.0.0.1", box.port), home) as mine, Datagrams(("127.0.0.1", box.port), home) as guesser:
        assert (await mine.register("101", "secret-101")).status == 200  # type: ignore[union-attr]
        for i in range(7):
            answer = await guesser.register("102", f"guess{i}") if i < 5 else None
            assert answer is None or answer.status == 401
        assert bans(box) == [f"{home}:{guesser.at[1]}"], "the port that guessed, not the phone beside it"
        guesser.send(guesser.request("OPTIONS", "sip:127.0.0.1"))
        assert await mine.alive()
        assert not [r for r in guesser.got if r.one("CSeq").endswith("OPTIONS")]
        # Wrong passwords from the phone's own port: slowed down, not banned, and its own registration goes on.
        for i in range(8):
            answer = await mine.register("103", f"guess{i}")
            assert answer is not None
            assert answer.status == 401
        assert (await mine.register("103", "secret-103")).status == 401, "103 is slowed there"  # type: ignore[union-attr]
        assert (await mine.register("101", "secret-101")).status == 200  # type: ignore[union-attr]
        assert len(bans(box)) == 1


async def test_a_line_is_never_banned() -> None:
    host = any_loopback()
    async with Peer(office(gateway("line", 5070, host=host), *(phone(p) for p in PHONES))) as box:
        with Datagrams(("127.0.0.1", box.port), host, 5070) as line:
            for i in range(8):
                answer = await line.register("101", f"guess{i}")
                assert answer is not None
                assert answer.status == 401
            assert bans(box) == []
            line.send(line.request("INVITE", "sip:101@127.0.0.1"))
            call = await box.wait(Incoming)
            assert (call.kind, call.endpoint) == ("line", "line")
            box.driver.reject(call.leg, 486)
            assert await line.wait(lambda r: r.status == 486) is not None


async def test_forged_sources_get_nobody_banned(box: Peer) -> None:
    """An attacker writes the victim's address into datagrams, with all that he can know: wrong passwords for made-up nonces,
    and for nonces that the box gave to himself."""
    victim, attacker = any_loopback(), any_loopback()
    with Datagrams(("127.0.0.1", box.port), attacker) as own:
        challenge = await own.ask(own.request("REGISTER", "sip:127.0.0.1", to="<sip:101@127.0.0.1>"))
    assert challenge is not None
    made_up = Response(re.sub(rb'nonce="[^"]*"', b'nonce="bWFkZSB1cA"', challenge.raw))
    with Datagrams(("127.0.0.1", box.port), victim, 5060) as forged:
        for i in range(300):
            for known in (challenge, made_up):
                line = authorization(known, "101", f"guess{i}", "REGISTER", "sip:127.0.0.1")
                forged.send(forged.request("REGISTER", "sip:127.0.0.1", to="<sip:101@127.0.0.1>", extra=line))
            forged.send(forged.request("INVITE", "sip:102@127.0.0.1"))
            if i % 25 == 0:
                await forged.wait(lambda r: False, 0.02)
    with Datagrams(("127.0.0.1", box.port), victim, 5060) as phone_of_victim:
        answer = await phone_of_victim.register("101", "secret-101")
        assert answer is not None
        assert answer.status == 200
        assert bans(box) == []
        assert box.driver.health()["banned"] == {}


async def test_forging_a_registered_phones_address_does_not_touch_it(box: Peer) -> None:
    home = any_loopback()
    with Datagrams(("127.0.0.1", box.port), home) as mine:
        assert (await mine.register("101", "secret-101")).status == 200  # type: ignore[union-attr]
        with Datagrams(("127.0.0.1", box.port), home) as forged:
            for i in range(1000):
                forged.send(forged.request("REGISTER", "sip:127.0.0.1", to=f"<sip:{i}@127.0.0.1>"))
                if i % 50 == 0:
                    await forged.wait(lambda r: False, 0.02)
        assert (await mine.register("101", "secret-101")).status == 200  # type: ignore[union-attr]
        assert bans(box) == []


async def test_streams_of_a_banned_source_are_closed(box: Peer) -> None:
    attacker = any_loopback()
    with Datagrams(("127.0.0.1", box.port), attacker) as peer:
        for i in range(5):
            await peer.register("101", f"guess{i}")
        await box.wait(EndpointChanged, lambda e: isinstance(e.event, SourceBanned))
        assert bans(box) == [attacker]
        with pytest.raises(ConnectionError):
            reader, writer = await asyncio.open_connection("127.0.0.1", box.port, local_addr=(attacker, 0))
            writer.write(peer.request("OPTIONS", "sip:127.0.0.1"))
            if await asyncio.wait_for(reader.read(), PATIENCE) == b"":
                raise ConnectionResetError
