"""INVITE with Replaces (RFC 3891) and REFER with it (RFC 5589), message by message."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drivers.base import Answered, Ended, Incoming, Referred, Ringing
from tests.peers.net import free_port
from tests.peers.rawsip import Call, RawSip, sdp
from tests.peers.sipdriver import Peer, Sipp, gateway, media, office, phone
from tests.peers.sipp import SCENARIOS


def tags(call: Call) -> tuple[str, str]:
    """Ours and theirs."""
    return call.remote.split(";tag=")[1], call.local.split(";tag=")[1]


async def talking(peer: Peer, raw: RawSip) -> tuple[str, Call]:
    call = Call(raw, "first")
    call.send("INVITE", body=sdp())
    leg = (await peer.wait(Incoming)).leg
    peer.driver.answer(leg, media())
    call.ack(await raw.status(200, "INVITE"))
    await peer.wait(Answered)
    return leg, call


async def ringing(peer: Peer, raw: RawSip) -> tuple[str, Call]:
    """We call the gateway, and it rings."""
    leg = peer.place("gateway", "0917700001")
    invite = await raw.request("INVITE")
    raw.reply(invite, "180 Ringing")
    await peer.wait(Ringing)
    return leg, Call.answered(raw, invite)


async def test_a_call_is_replaced(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, call = await talking(peer, raw)
    ours, theirs = tags(call)
    new = Call(raw, "new")
    new.send("INVITE", f"Replaces: {call.call_id} ; from-tag={theirs};to-tag = {ours};x=y", "Require: replaces", body=sdp())
    incoming = await peer.wait(Incoming)
    assert incoming.replaces == leg
    peer.driver.answer(incoming.leg, media())
    peer.driver.hang_up(leg)
    new.ack(await raw.status(200, "INVITE"))
    bye = await raw.request("BYE")
    assert bye.get("Call-ID") == call.call_id
    raw.reply(bye, "200 OK", contact=False)
    await peer.wait(Ended, lambda e: e.leg == leg)


@pytest.mark.parametrize("turned", [False, True])
async def test_a_leg_that_rings_is_picked_up(pair: tuple[Peer, RawSip], turned: bool) -> None:
    """Both ways round: phones repeat local-tag and remote-tag of a dialog-info as they came."""
    peer, raw = pair
    leg, call = await ringing(peer, raw)
    ours, theirs = tags(call)
    first, second = (theirs, ours) if turned else (ours, theirs)
    new = Call(raw, "new")
    new.send("INVITE", f"Replaces: {call.call_id};to-tag={first};from-tag={second};early-only", body=sdp())
    assert (await peer.wait(Incoming)).replaces == leg


async def test_one_without_any_answer_yet_has_the_tag_0(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg = peer.place("gateway", "0917700001")
    invite = await raw.request("INVITE")
    raw.reply(invite, "100 Trying", tag="", contact=False)
    new = Call(raw, "new")
    new.send("INVITE", f"Replaces: {invite.get('Call-ID')};to-tag={invite.get('From').split('tag=')[1]};from-tag=0", body=sdp())
    assert (await peer.wait(Incoming)).replaces == leg


@pytest.mark.parametrize(("value", "status"), [
    ("{id};to-tag={ours};from-tag=guess", 481),
    ("{id};to-tag=guess;from-tag={theirs}", 481),
    ("{id};to-tag={theirs};from-tag={ours}", 481),
    ("other;to-tag={ours};from-tag={theirs}", 481),
    ("new;to-tag=0;from-tag=t-new", 481),
    ("{id};to-tag={ours};from-tag={theirs};early-only", 486),
    ("{id};to-tag={ours}", 400),
    ("{id};to-tag={ours};from-tag={theirs};from-tag={theirs}", 400),
    ("{id};to-tag={ours};from-tag={theirs}, {id};to-tag={ours};from-tag={theirs}", 400),
    ("{id};to-tag={ours};from-tag={theirs}\r\nReplaces: {id};to-tag={ours};from-tag={theirs}", 400),
    (";;;", 400),
])
async def test_what_cannot_be_replaced(pair: tuple[Peer, RawSip], value: str, status: int) -> None:
    peer, raw = pair
    leg, call = await talking(peer, raw)
    ours, theirs = tags(call)
    new = Call(raw, "new")
    new.send("INVITE", "Replaces: " + value.format(id=call.call_id, ours=ours, theirs=theirs), body=sdp())
    new.refuse_ack(await raw.status(status, "INVITE"))
    assert not [e for e in peer.events if isinstance(e, Incoming) and e.leg != leg]
    assert not [e for e in peer.of(leg) if isinstance(e, Ended)]


async def test_one_that_rings_with_us_is_not_to_be_had(pair: tuple[Peer, RawSip]) -> None:
    """RFC 3891 3: an early dialog that we did not begin."""
    peer, raw = pair
    call = Call(raw, "first")
    call.send("INVITE", body=sdp())
    peer.driver.ring((await peer.wait(Incoming)).leg)
    call.confirm(await raw.status(180, "INVITE"))
    ours, theirs = tags(call)
    new = Call(raw, "new")
    new.send("INVITE", f"Replaces: first;to-tag={ours};from-tag={theirs}", body=sdp())
    new.refuse_ack(await raw.status(481, "INVITE"))


async def test_a_call_that_is_being_ended_is_declined(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, call = await talking(peer, raw)
    ours, theirs = tags(call)
    peer.driver.hang_up(leg)
    bye = await raw.request("BYE")
    new = Call(raw, "new")
    new.send("INVITE", f"Replaces: first;to-tag={ours};from-tag={theirs}", body=sdp())
    new.refuse_ack(await raw.status(603, "INVITE"))
    raw.reply(bye, "200 OK", contact=False)


async def test_strangers_learn_nothing_of_the_calls_there_are() -> None:
    port = free_port()
    async with Peer(office(gateway("gateway", port), phone("101"))) as peer:
        raw, stranger = await RawSip().open(peer.port, port), await RawSip().open(peer.port)
        _, call = await talking(peer, raw)
        ours, theirs = tags(call)
        for n, value in enumerate((f"first;to-tag={ours};from-tag={theirs}", "none;to-tag=a;from-tag=b", "first")):
            new = Call(stranger, f"probe-{n}", user="101")
            new.send("INVITE", f"Replaces: {value}", body=sdp())
            new.refuse_ack(await stranger.status(401, "INVITE"))
        raw.close()
        stranger.close()


async def test_replaces_belongs_into_an_invite(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, call = await talking(peer, raw)
    ours, theirs = tags(call)
    call.send("INFO", f"Replaces: first;to-tag={ours};from-tag={theirs}", body="5", ctype="application/dtmf")
    await raw.status(400, "INFO")
    assert not [e for e in peer.of(leg) if isinstance(e, Ended)]


# ---- REFER of ours --------------------------------------------------------------------------------------------------------


async def test_we_refer_one_far_end_to_the_other(tmp_path: Path) -> None:
    """sipp checks the Refer-To; both far ends are rid of us."""
    here, there = free_port(), free_port()
    async with Peer(office(gateway("one", here), gateway("two", there))) as peer, Sipp(SCENARIOS / "referred.xml", tmp_path, here,
                                                                                       "-m", "1") as far:
        raw = await RawSip().open(peer.port, there)
        leg, other = peer.place("one", "0917700001"), peer.place("two", "0917700002")
        raw.reply(await raw.request("INVITE"), "200 OK", body=sdp())
        await raw.request("ACK")
        for _ in range(2):
            await peer.wait(Answered)
        peer.driver.refer(leg, "", other)
        assert (await peer.wait(Referred)) == Referred(leg=leg, sip_code=100)
        assert (await peer.wait(Referred)) == Referred(leg=leg, sip_code=200)
        peer.driver.hang_up(leg)
        await peer.wait(Ended)
        assert await far.done() == 0, far.errors()
        raw.close()


async def test_what_our_refer_says(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, call = await talking(peer, raw)
    other = peer.place("gateway", "0917700001")
    invite = await raw.request("INVITE")
    raw.reply(invite, "200 OK", body=sdp(), tag="far%1")
    await raw.request("ACK")
    await peer.wait(Answered)
    mine, call_id = invite.get("From").split("tag=")[1], invite.get("Call-ID")
    expected = [
        ("", f"<sip:raw@{raw.here}?Replaces={call_id}%3Bto-tag%3Dfar%251%3Bfrom-tag%3D{mine}>"),
        ("sip:far@192.0.2.1?X=1", f"<sip:far@192.0.2.1?X=1&Replaces={call_id}%3Bto-tag%3Dfar%251%3Bfrom-tag%3D{mine}>"),
        ("102", f"<sip:102@{raw.there}?Replaces={call_id}%3Bto-tag%3D{mine}%3Bfrom-tag%3Dfar%251>"),
    ]
    for target, header in expected:
        peer.driver.refer(leg, target, other)
        refer = await raw.request("REFER")
        assert refer.get("Refer-To") == header
        raw.reply(refer, "603 Decline")
        assert (await peer.wait(Referred)).sip_code == 603
    peer.driver.refer(leg, "102")
    refer = await raw.request("REFER")
    assert refer.get("Refer-To") == f"<sip:102@{raw.there}>" and refer.get("Referred-By")
    raw.reply(refer, "202 Accepted")
    for body in ("SIP/2.0 180 Ringing\r\n", "SIP/2.0 486 Busy Here\r\n"):
        call.send("NOTIFY", "Event: refer", "Subscription-State: active", body=body, ctype="message/sipfrag")
        await raw.status(200, "NOTIFY")
        assert (await peer.wait(Referred)).sip_code == int(body.split()[1])
    call.send("NOTIFY", "Event: refer", "Subscription-State: active", body="SIP/2.0 999 X\r\n", ctype="message/sipfrag")
    await raw.status(200, "NOTIFY")
    with pytest.raises(ValueError):
        peer.driver.refer(leg, "sip:a@b>\r\nX: y", other)


async def test_the_other_leg_ended_before_our_refer(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, _ = await talking(peer, raw)
    other = peer.place("gateway", "0917700001")
    raw.reply(await raw.request("INVITE"), "486 Busy Here", contact=False)
    await peer.wait(Ended)
    peer.driver.refer(leg, "", other)
    assert (await peer.wait(Referred)).sip_code == 481
    await asyncio.sleep(0)
    assert not [m for m in raw.inbox if m.method == "REFER"]
