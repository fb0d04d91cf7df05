"""Calls between a driver and its one gateway, for tests that then say what happens in them."""

from __future__ import annotations

from drivers.base import Answered, Incoming
from tests.peers.rawsip import Call, RawSip, sdp
from tests.peers.sipdriver import Peer, media


async def answered_in(peer: Peer, raw: RawSip, call_id: str = "in-1", headers: tuple[str, ...] = ()) -> tuple[str, Call]:
    """The gateway calls us and is answered."""
    call = Call(raw, call_id)
    call.send("INVITE", *headers, body=sdp())
    leg = (await peer.wait(Incoming)).leg
    peer.driver.answer(leg, media())
    call.ack(await raw.status(200, "INVITE"))
    await peer.wait(Answered)
    return leg, call


async def answered_out(peer: Peer, raw: RawSip, headers: tuple[str, ...] = ()) -> tuple[str, Call]:
    """We call the gateway and it answers."""
    leg = peer.place("gateway", "0917700001")
    invite = await raw.request("INVITE")
    raw.reply(invite, "200 OK", *headers, body=sdp())
    await raw.request("ACK")
    await peer.wait(Answered)
    return leg, Call.answered(raw, invite)
