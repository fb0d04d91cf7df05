"""A box behind NAT: lines outside are told the public address, everybody else our own. 127.0.0.2 stands for outside."""

from __future__ import annotations

import pytest

from appliance.errors import SwitchroomError
from drivers.base import Answered, Incoming
from tests.peers.net import free_port
from tests.peers.rawsip import Call, RawSip, sdp
from tests.peers.sipdriver import Peer, gateway, media, office

OUTSIDE = "127.0.0.2"


@pytest.mark.parametrize("announced", ["203.0.113.7", "203.0.113.7:5099"])
async def test_only_those_outside_are_told_the_public_address(announced: str) -> None:
    here, there = free_port(), free_port()
    sip = f'public_address = "{announced}"\nlocal_networks = ["127.0.0.1", "10.0.0.0/8"]'
    lines = (gateway("near", here), gateway("far", there, host=OUTSIDE))
    async with Peer(office(*lines, listen="0.0.0.0:0", sip=sip)) as peer:
        near, far = await RawSip().open(peer.port, here), await RawSip(host=OUTSIDE).open(peer.port, there)
        own = announced if ":" in announced[-5:] else f"{announced}:{peer.port}"
        for name, raw, contact, host in (("near", near, f"127.0.0.1:{peer.port}", "127.0.0.1"), ("far", far, own, "203.0.113.7")):
            peer.place(name, "0917700001")
            invite = await raw.request("INVITE")
            assert f"@{contact}" in invite.get("Contact") and f"UDP {contact};" in invite.get("Via")
            assert f"c=IN IP4 {host}\r\n" in invite.body
            raw.reply(invite, "200 OK", body=sdp())
            await raw.request("ACK")
            await peer.wait(Answered)
        call = Call(far, "in")
        call.send("INVITE", body=sdp())
        peer.driver.answer((await peer.wait(Incoming)).leg, media())
        ok = await far.status(200, "INVITE")
        assert f"@{own}" in ok.get("Contact") and "c=IN IP4 203.0.113.7\r\n" in ok.body
        near.close()
        far.close()


async def test_without_one_nothing_changes() -> None:
    port = free_port()
    async with Peer(office(gateway("far", port, host=OUTSIDE), listen="0.0.0.0:0", sip='local_networks = ["127.0.0.1"]')) as peer:
        raw = await RawSip(host=OUTSIDE).open(peer.port, port)
        peer.place("far", "0917700001", media=media(host="0.0.0.0"))
        invite = await raw.request("INVITE")
        assert f"127.0.0.1:{peer.port}" in invite.get("Contact")
        raw.close()


async def test_a_name_is_no_address() -> None:
    with pytest.raises(SwitchroomError, match="is a name"):
        async with Peer(office(sip='public_address = "box.example"')):
            pass
