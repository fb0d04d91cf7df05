"""A channel is free when the far end has said so: `Ended` and `OrphanEnded` wait for its answer, through any number of kills."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from drivers.base import Answered, Ended, OrphanEnded, OrphanFound, Ringing
from tests.peers.net import free_port
from tests.peers.rawsip import Call, RawSip, sdp
from tests.peers.sipdriver import Peer, gateway, office, phone

ROOT = Path(__file__).parents[2]


def ended(peer: Peer) -> bool:
    return any(isinstance(event, Ended | OrphanEnded) for event in peer.events)


async def test_ended_waits_for_the_answer_to_our_bye() -> None:
    port = free_port()
    async with Peer(office(gateway("gateway", port))) as peer:
        raw = await RawSip().open(peer.port, port)
        leg = peer.place("gateway", "0917700001")
        raw.reply(await raw.request("INVITE"), "200 OK", body=sdp())
        await raw.request("ACK")
        await peer.wait(Answered)
        peer.driver.hang_up(leg)
        for _ in range(2):  # sent again after T1: half a second has passed, the far end has not answered
            bye = await raw.request("BYE")
            assert not ended(peer)
        raw.reply(bye, "200 OK", contact=False)
        await peer.wait(Ended)
        raw.close()


async def test_ended_waits_for_the_end_of_a_cancelled_call() -> None:
    """The 200 to CANCEL says that it arrived; the call is over with the 487 (RFC 3261 9.1)."""
    port = free_port()
    async with Peer(office(gateway("gateway", port))) as peer:
        raw = await RawSip().open(peer.port, port)
        leg = peer.place("gateway", "0917700007")
        invite = await raw.request("INVITE")
        raw.reply(invite, "180 Ringing")
        await peer.wait(Ringing)
        peer.driver.hang_up(leg)
        raw.reply(await raw.request("CANCEL"), "200 OK", contact=False)
        raw.reply(invite, "180 Ringing")
        other = peer.place("gateway", "0917700008")  # whatever the 200 had set off is done when this INVITE arrives
        second = await raw.wait(lambda m: m.method == "INVITE" and m.get("Call-ID") != invite.get("Call-ID"))
        assert not ended(peer)
        raw.reply(invite, "487 Request Terminated", contact=False)
        await peer.wait(Ended, lambda e: e.leg == leg)
        raw.reply(second, "404 Not Found", contact=False)
        await peer.wait(Ended, lambda e: e.leg == other)
        raw.close()


async def test_an_answer_that_crossed_the_kill_is_hung_up_through_a_second_kill(tmp_path: Path) -> None:
    """Ringing, killed; the answer crosses our CANCEL; killed again before the BYE arrived: BYE once more, and no CANCEL."""
    port, gateway_port, journal = free_port(), free_port(), tmp_path / "dialogs"
    cfg = office(gateway("gateway", gateway_port), listen=f"127.0.0.1:{port}")
    raw = await RawSip().open(port, gateway_port)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.peers.sipdriver_child", str(port), str(gateway_port), str(journal), "0917700007", "0", "0",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    invite = await raw.request("INVITE", 30)
    raw.reply(invite, "180 Ringing")
    await child.stdout.readline()
    (call_id,) = json.loads(await child.stdout.readline())["call_ids"]
    child.kill()
    await child.wait()
    async with Peer(cfg, journal=journal) as peer:
        peer.driver.end_orphans([call_id])
        assert (await peer.wait(OrphanFound)).line == "gateway"
        await raw.request("CANCEL")
        raw.reply(invite, "200 OK", body=sdp())
        assert (await raw.request("ACK")).get("To").endswith(";tag=raw")
        await raw.request("BYE")  # and no answer: this driver goes as well
        assert not ended(peer)
    raw.inbox.clear()
    async with Peer(cfg, journal=journal) as peer:
        peer.driver.end_orphans([call_id])
        for _ in range(2):
            bye = await raw.request("BYE")
            assert bye.get("To").endswith(";tag=raw") and not ended(peer)
        assert not [m for m in raw.inbox if m.method == "CANCEL"]
        raw.reply(bye, "200 OK", contact=False)
        assert (await peer.wait(OrphanEnded)).ended
    raw.close()


async def test_a_call_that_a_stop_could_not_end_is_ended_by_the_next_start(tmp_path: Path) -> None:
    """The far end does not answer the BYE of a box that is told to stop: stopping has its limit, the dialog is not forgotten."""
    port, gateway_port, journal = free_port(), free_port(), tmp_path / "dialogs"
    cfg = office(gateway("gateway", gateway_port), listen=f"127.0.0.1:{port}")
    raw = await RawSip().open(port, gateway_port)
    async with Peer(cfg, journal=journal) as peer:
        peer.place("gateway", "0917700001")
        raw.reply(await raw.request("INVITE"), "200 OK", body=sdp())
        await raw.request("ACK")
        await peer.wait(Answered)
    first = await raw.request("BYE")
    raw.inbox.clear()
    async with Peer(cfg, journal=journal) as peer:
        peer.driver.end_orphans([])
        bye = await raw.request("BYE")
        assert bye.get("Call-ID") == first.get("Call-ID") and bye.cseq[0] > first.cseq[0]
        raw.reply(bye, "200 OK", contact=False)
        assert (await peer.wait(OrphanEnded)).ended
    raw.close()


async def test_a_stranger_who_calls_and_cancels_at_once_leaves_no_record(tmp_path: Path) -> None:
    """The driver had no time to refuse him; still it was no call."""
    journal = tmp_path / "dialogs"
    async with Peer(office(phone("101")), journal=journal) as peer:
        raw = await RawSip().open(peer.port)
        for n in range(5):
            call = Call(raw, f"stranger-{n}")
            call.send("INVITE", body=sdp())
            call.send("CANCEL", cseq=call.cseq, via=call.via)
            call.refuse_ack(await raw.wait(lambda m: m.status >= 400 and m.cseq[1] == "INVITE"))
        raw.close()
    async with Peer(office(phone("101")), journal=journal) as peer:
        peer.driver.end_orphans([])
        peer.driver.end_orphans(["marker"])  # answered after whatever the first one brought
        await peer.wait(OrphanEnded, lambda e: e.sip_call_id == "marker")
        assert {e.sip_call_id for e in peer.events if isinstance(e, OrphanEnded)} == {"marker"}
