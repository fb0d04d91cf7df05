"""Kill -9 with calls up: after the restart the far ends get CANCEL, BYE or a refusal, every one of them."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from drivers.base import OrphanEnded
from tests.peers.net import free_port
from tests.peers.sipdriver import Peer, Sipp, gateway, office
from tests.peers.sipp import SCENARIOS, parse_messages

ROOT = Path(__file__).parents[2]


async def _child(port: int, gateway_port: int, journal: Path, numbers: str, answer: int, ring: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.peers.sipdriver_child", str(port), str(gateway_port), str(journal), numbers,
        str(answer), str(ring), cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )


async def _line(child: asyncio.subprocess.Process) -> dict[str, list[str]]:
    assert child.stdout is not None
    return json.loads(await asyncio.wait_for(child.stdout.readline(), 30))


async def _kill(child: asyncio.subprocess.Process) -> None:
    child.kill()
    await child.wait()


def _sipp_folder(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


async def test_calls_we_placed_end_after_kill(tmp_path: Path) -> None:
    port, gateway_port, journal = free_port(), free_port(), tmp_path / "dialogs"
    async with Sipp(SCENARIOS / "gateway.xml", _sipp_folder(tmp_path, "gw"), gateway_port) as far:
        child = await _child(port, gateway_port, journal, "0917700001,0917700002,0917700007,0917700017", 0, 0)
        await _line(child)
        call_ids = (await _line(child))["call_ids"]
        await _kill(child)
        assert len(call_ids) == 4
        async with Peer(office(gateway("gateway", gateway_port), listen=f"127.0.0.1:{port}"), journal=journal) as peer:
            peer.driver.end_orphans([*call_ids[:3], "never-heard-of"])  # the fourth is only in the journal
            found = {}
            for _ in range(5):
                event = await peer.wait(OrphanEnded)
                found[event.sip_call_id] = event
        assert {found[c].ended for c in call_ids} == {True}
        assert {found[c].line for c in call_ids} == {"gateway"}
        assert not found["never-heard-of"].ended and found["never-heard-of"].detail
        seen = {call.call_id: call.methods for call in parse_messages(far.messages())}
        for call_id, last in zip(call_ids, ["BYE", "BYE", "CANCEL", "CANCEL"], strict=True):
            assert last in seen[call_id], (call_id, seen[call_id])
            assert "ACK" in seen[call_id]


async def test_calls_that_came_in_end_after_kill(tmp_path: Path) -> None:
    port, gateway_port, journal = free_port(), free_port(), tmp_path / "dialogs"
    child = await _child(port, gateway_port, journal, "", 2, 2)
    await _line(child)
    async with Sipp(SCENARIOS / "hold_call.xml", _sipp_folder(tmp_path, "in"), gateway_port, "-m", "4", "-s", "101",
                    remote=f"127.0.0.1:{port}") as far:
        call_ids = (await _line(child))["call_ids"]
        await _kill(child)
        async with Peer(office(gateway("gateway", gateway_port), listen=f"127.0.0.1:{port}"), journal=journal) as peer:
            peer.driver.end_orphans(call_ids)
            ended = [await peer.wait(OrphanEnded) for _ in range(4)]
            assert await far.done() == 0, far.errors()
        assert {e.sip_call_id for e in ended} == set(call_ids)
        assert all(e.ended for e in ended), ended


async def test_a_clean_stop_leaves_nothing_in_the_journal(tmp_path: Path) -> None:
    gateway_port, journal = free_port(), tmp_path / "dialogs"
    cfg = office(gateway("gateway", gateway_port))
    async with Sipp(SCENARIOS / "gateway.xml", _sipp_folder(tmp_path, "gw"), gateway_port):
        async with Peer(cfg, journal=journal) as peer:
            from drivers.base import Answered, Ended

            leg = peer.place("gateway", "0917700001")
            call_id = peer.driver.call_id_of(leg)
            await peer.wait(Answered)
        assert [e for e in peer.of(leg) if isinstance(e, Ended)], "stop ends the call and says so"
        async with Peer(cfg, journal=journal) as peer:
            peer.driver.end_orphans([call_id])
            assert not (await peer.wait(OrphanEnded)).ended


@pytest.mark.slow
async def test_an_orphan_whose_far_end_is_gone_is_reported_all_the_same(tmp_path: Path) -> None:
    """Nobody answers the BYE: 32 s (timer F) later the channel may count as free."""
    port, gateway_port, journal = free_port(), free_port(), tmp_path / "dialogs"
    async with Sipp(SCENARIOS / "gateway.xml", _sipp_folder(tmp_path, "gw"), gateway_port):
        child = await _child(port, gateway_port, journal, "0917700001", 0, 0)
        await _line(child)
        (call_id,) = (await _line(child))["call_ids"]
        await _kill(child)
    async with Peer(office(gateway("gateway", gateway_port), listen=f"127.0.0.1:{port}"), journal=journal) as peer:
        peer.driver.end_orphans([call_id])
        event = await peer.wait(OrphanEnded, seconds=40)
        assert event.sip_call_id == call_id and not event.ended
