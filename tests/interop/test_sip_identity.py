"""Callers who hide, calls that were diverted, phones that forward: on the wire and through the flows."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.base import Ended, Incoming
from tests.peers.house import House
from tests.peers.net import free_port
from tests.peers.rawsip import Call, RawSip, sdp
from tests.peers.sipdriver import Peer, gateway, office


async def test_what_a_line_tells_of_its_callers() -> None:
    port = free_port()
    async with Peer(office(gateway("gateway", port, "assert_identity = true\n"))) as peer:
        raw = await RawSip().open(peer.port, port)
        hidden = Call(raw, "hidden")
        hidden.send("INVITE", "Privacy: id", 'P-Asserted-Identity: "Eve" <sip:0509999@x>',
                    "Diversion: <sip:0917700@x>;reason=always", body=sdp())
        event = await peer.wait(Incoming)
        assert (event.anonymous, event.caller, event.caller_name, event.diverted_from) == (True, "anonymous", "", "0917700")
        Call(raw, "open").send("INVITE", body=sdp())
        event = await peer.wait(Incoming)
        assert (event.anonymous, event.caller, event.diverted_from) == (False, "0501234567", "")
        peer.place("gateway", "0917700001", private=True, diverted_from="102", diverted_why="no-answer")
        invite = await raw.request("INVITE")
        assert "anonymous.invalid" in invite.get("From") and invite.get("Privacy") == "id"
        assert "sip:101@" in invite.get("P-Asserted-Identity") and "reason=no-answer" in invite.get("Diversion")
        raw.reply(invite, "302 Moved Temporarily", "Contact: <sip:+35850@x;y=z>;q=0.5", contact=False)
        over = await peer.wait(Ended, lambda e: e.cause.sip == 302)
        assert over.target == "+35850"
        raw.close()


def test_a_phone_forwards_by_itself_and_never_in_a_circle(tmp_path: Path) -> None:
    with House(tmp_path, provider=False) as house:
        anna = house.desk("101", "anna")
        boris = house.desk("102", "boris", plan=[302])
        chen = house.desk("103", "chen")
        boris.moved_to = "103"
        call = anna.dial("102").wait_up()
        assert "sip:102@" in (chen.wait_call().invite or pytest.fail()).get("Diversion")
        call.hang_up()
        cdr = house.cdr()
        assert [leg.endpoint for leg in cdr.legs] == ["101", "102", "103"] and cdr.disposition == "answered"
        chen.plan, chen.moved_to = [302], "102"
        anna.dial("102").wait_status(480)
        house.cdr()
        boris.moved_to = "112"
        anna.dial("102").wait_status(480)
        house.cdr()
