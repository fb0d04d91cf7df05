"""What may happen in a call, message by message, against a peer that does what each test says."""

from __future__ import annotations

import asyncio
import time

import pytest

from drivers.base import Answered, EarlyMedia, Ended, Incoming, MediaChanged, Ringing
from tests.peers.gatewaypair import answered_in, answered_out
from tests.peers.net import PATIENCE, free_port, has_ipv6
from tests.peers.rawsip import Call, RawSip, sdp
from tests.peers.sipdriver import Peer, gateway, media, office

# ---- hold and resume ----------------------------------------------------------------------------------------------------


async def test_the_far_end_holds_and_resumes(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, call = await answered_in(peer, raw)
    call.send("INVITE", body=sdp(direction="sendonly", version=2))
    ok = await raw.status(200, "INVITE")
    assert "a=recvonly" in ok.body
    call.ack(ok)
    held = await peer.wait(MediaChanged)
    assert held.leg == leg and held.media.direction == "recvonly"
    call.send("INVITE", body=sdp(version=3, port=20010))
    ok = await raw.status(200, "INVITE")
    assert "a=sendrecv" in ok.body
    call.ack(ok)
    back = await peer.wait(MediaChanged)
    assert back.media.direction == "sendrecv" and back.media.port == 20010


async def test_hold_as_rfc_2543_wrote_it(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    _, call = await answered_in(peer, raw)
    call.send("INVITE", body=sdp(host="0.0.0.0", version=2))
    call.ack(await raw.status(200, "INVITE"))
    assert (await peer.wait(MediaChanged)).media.direction == "recvonly"


async def test_we_hold_and_resume(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, _ = await answered_out(peer, raw)
    for mine, theirs in (("sendonly", "recvonly"), ("sendrecv", "sendrecv")):
        peer.driver.modify(leg, media(direction=mine))
        invite = await raw.request("INVITE")
        assert f"a={mine}" in invite.body and ";tag=" in invite.get("To")
        raw.reply(invite, "200 OK", body=sdp(direction=theirs, version=2))
        await raw.request("ACK")
        assert (await peer.wait(MediaChanged)).media.direction == mine


async def test_a_reinvite_without_an_offer_gets_ours(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    _, call = await answered_in(peer, raw)
    call.send("INVITE")
    ok = await raw.status(200, "INVITE")
    assert "m=audio 40000 RTP/AVP 8 0 9 101" in ok.body
    call.ack(ok, body=sdp(port=20020, formats="0 101", version=2))
    changed = await peer.wait(MediaChanged)
    assert (changed.media.port, changed.media.codec) == (20020, "PCMU")


async def test_a_reinvite_with_nothing_in_common_changes_nothing(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, call = await answered_in(peer, raw)
    call.send("INVITE", body=sdp(formats="18", version=2))
    call.refuse_ack(await raw.status(488, "INVITE"))
    call.send("BYE")
    await raw.status(200, "BYE")
    assert not [e for e in peer.of(leg) if isinstance(e, MediaChanged)]


async def test_glare_is_refused_and_tried_again(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, call = await answered_out(peer, raw)
    peer.driver.modify(leg, media(direction="sendonly"))
    ours = await raw.request("INVITE")
    call.send("INVITE", body=sdp(version=2))
    call.refuse_ack(await raw.status(491, "INVITE"))
    raw.reply(ours, "491 Request Pending")
    await raw.request("ACK")
    again = await raw.request("INVITE")  # we made the Call-ID: 2.1 to 4 s later
    assert again.cseq[0] == ours.cseq[0] + 1 and "a=sendonly" in again.body
    raw.reply(again, "200 OK", body=sdp(direction="recvonly", version=3))
    await raw.request("ACK")
    assert (await peer.wait(MediaChanged)).media.direction == "sendonly"


# ---- early media, 100rel ------------------------------------------------------------------------------------------------


async def test_early_media_from_the_far_end(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg = peer.place("gateway", "0917700001")
    invite = await raw.request("INVITE")
    raw.reply(invite, "183 Session Progress", body=sdp(port=20030))
    early = await peer.wait(EarlyMedia)
    assert early.leg == leg and early.media.port == 20030
    raw.reply(invite, "180 Ringing")
    assert (await peer.wait(Ringing)).leg == leg
    raw.reply(invite, "200 OK", body=sdp(port=20030))
    await raw.request("ACK")
    assert (await peer.wait(Answered)).media.port == 20030


async def test_early_media_from_us_and_the_same_answer_in_the_200(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    call = Call(raw, "early-1")
    call.send("INVITE", body=sdp(formats="9 8 0 101"))
    leg = (await peer.wait(Incoming)).leg
    peer.driver.early(leg, media())
    progress = await raw.status(183, "INVITE")
    assert "m=audio 40000 RTP/AVP 9 101" in progress.body
    peer.driver.answer(leg, media())
    ok = await raw.status(200, "INVITE")
    assert ok.body == progress.body
    call.ack(ok)
    await peer.wait(Answered)


async def test_reliable_provisional_answers_of_theirs_get_prack(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg = peer.place("gateway", "0917700001")
    invite = await raw.request("INVITE")
    assert "100rel" in invite.get("Supported")
    for _ in range(2):  # the second time it is a retransmission: one PRACK only
        raw.reply(invite, "183 Session Progress", "Require: 100rel", "RSeq: 77", body=sdp())
    prack = await raw.request("PRACK")
    assert prack.get("RAck") == f"77 {invite.cseq[0]} INVITE"
    raw.reply(prack, "200 OK")
    await peer.wait(EarlyMedia)
    raw.reply(invite, "200 OK")  # no description: the answer was in the reliable 183
    ack = await raw.request("ACK")
    assert ack.cseq[0] == invite.cseq[0]
    assert (await peer.wait(Answered)).leg == leg
    assert not [m for m in raw.inbox if m.method == "PRACK"]


async def test_where_they_require_it_ours_are_reliable(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    call = Call(raw, "rel-1")
    call.send("INVITE", "Require: 100rel", body=sdp())
    invite_cseq = call.cseq
    leg = (await peer.wait(Incoming)).leg
    peer.driver.ring(leg)
    ringing = await raw.status(180, "INVITE")
    assert ringing.get("Require") == "100rel"
    again = await raw.status(180, "INVITE")  # T1 later, as no PRACK came
    assert again.get("RSeq") == ringing.get("RSeq")
    peer.driver.answer(leg, media())  # waits for the PRACK
    call.confirm(ringing)
    call.send("PRACK", f"RAck: {ringing.get('RSeq')} {invite_cseq} INVITE")
    await raw.status(200, "PRACK")
    call.ack(await raw.status(200, "INVITE"))
    assert (await peer.wait(Answered)).leg == leg


# ---- ends and their causes ------------------------------------------------------------------------------------------------


async def test_reason_of_a_bye_is_the_cause(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, call = await answered_in(peer, raw)
    call.send("BYE", 'Reason: SIP;cause=200;text="x"', 'Reason: Q.850;cause=31;text="over, done"')
    await raw.status(200, "BYE")
    cause = (await peer.wait(Ended)).cause
    assert (cause.q850, cause.by, cause.text) == (31, "far", "over, done")
    assert len([e for e in peer.of(leg) if isinstance(e, Ended)]) == 1


async def test_reason_of_a_cancel_is_the_cause(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    call = Call(raw, "cancel-1")
    call.send("INVITE", body=sdp())
    via = call.via
    await peer.wait(Incoming)
    await raw.status(100, "INVITE")
    call.send("CANCEL", 'Reason: Q.850;cause=26;text="elsewhere"', cseq=call.cseq, via=via)
    await raw.status(200, "CANCEL")
    call.refuse_ack(await raw.status(487, "INVITE"))
    cause = (await peer.wait(Ended)).cause
    assert (cause.sip, cause.q850, cause.by, cause.text) == (487, 26, "far", "elsewhere")


async def test_an_invite_that_is_repeated_before_our_100_is_one_call(pair: tuple[Peer, RawSip]) -> None:
    """The 100 comes when nothing else has been said for a while; until then nothing answers a repetition (RFC 3261 17.2.1)."""
    peer, raw = pair
    call = Call(raw, "again-1")
    call.send("INVITE", body=sdp())
    for _ in range(3):
        call.send("INVITE", body=sdp(), cseq=call.cseq, via=call.via)
    leg = (await peer.wait(Incoming)).leg
    await raw.status(100, "INVITE")
    call.send("INVITE", body=sdp(), cseq=call.cseq, via=call.via)
    await raw.status(100, "INVITE")  # now a repetition is answered with it
    peer.driver.answer(leg, media())
    call.ack(await raw.status(200, "INVITE"))
    await peer.wait(Answered)
    assert len([e for e in peer.events if isinstance(e, Incoming)]) == 1
    assert not [m for m in raw.inbox if m.status == 100]


async def test_a_cancel_before_our_100_is_the_end_of_it(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    for n in range(20):
        call, began = Call(raw, f"cancel-2-{n}"), time.monotonic()
        call.send("INVITE", body=sdp())
        call.send("CANCEL", cseq=call.cseq, via=call.via)
        await raw.status(200, "CANCEL")
        call.refuse_ack(await raw.status(487, "INVITE"))
        assert (await peer.wait(Ended)).cause.sip == 487
        if time.monotonic() - began < 0.1:
            break
        raw.inbox.clear()  # a stall between the two: the 100 was due
    later = Call(raw, "later-1")  # its 100 comes a tenth of a second later: the first one's would have come before
    later.send("INVITE", body=sdp())
    assert (await raw.status(100, "INVITE")).get("Call-ID") == "later-1"
    peer.driver.reject((await peer.wait(Incoming, lambda e: e.sip_call_id == "later-1")).leg, 486)
    later.refuse_ack(await raw.status(486, "INVITE"))
    await peer.wait(Ended)


async def test_cause_of_a_refusal(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    peer.place("gateway", "0917700001")
    invite = await raw.request("INVITE")
    raw.reply(invite, "486 Busy Here", "Reason: Q.850;cause=17", contact=False)
    ack = await raw.request("ACK")
    assert ack.get("Via").split("branch=")[1].split(";")[0] == invite.get("Via").split("branch=")[1].split(";")[0]
    cause = (await peer.wait(Ended)).cause
    assert (cause.sip, cause.q850, cause.by) == (486, 17, "far")


async def test_a_gateway_that_says_nothing_ends_the_leg(pair: tuple[Peer, RawSip]) -> None:
    """dead_gateway_seconds (8 s), not the 32 s of timer B."""
    peer, raw = pair
    leg = peer.place("gateway", "0917700001")
    cause = (await peer.wait(Ended, seconds=12)).cause
    assert (cause.sip, cause.by) == (408, "network")
    invite = await raw.request("INVITE")
    raw.reply(invite, "200 OK", body=sdp())  # and now it wakes up: no call must stay there
    await raw.request("ACK")
    bye = await raw.request("BYE")
    assert bye.get("Call-ID") == invite.get("Call-ID")
    assert len(peer.of(leg)) == 1


async def test_an_answer_that_crosses_our_cancel_is_acknowledged_and_hung_up(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg = peer.place("gateway", "0917700001")
    invite = await raw.request("INVITE")
    raw.reply(invite, "180 Ringing")
    await peer.wait(Ringing)
    peer.driver.hang_up(leg)
    cancel = await raw.request("CANCEL")
    raw.reply(invite, "200 OK", body=sdp())
    raw.reply(cancel, "200 OK", contact=False)
    await raw.request("ACK")
    raw.reply(await raw.request("BYE"), "200 OK", contact=False)
    assert (await peer.wait(Ended)).cause.by == "near"


async def test_hanging_up_before_the_ack_waits_for_it(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    call = Call(raw, "noack-1")
    call.send("INVITE", body=sdp())
    leg = (await peer.wait(Incoming)).leg
    peer.driver.answer(leg, media())
    peer.driver.hang_up(leg, 17, "sorry")
    ok = await raw.status(200, "INVITE")
    again = await raw.status(200, "INVITE")  # no ACK: T1 later again
    assert again.get("To") == ok.get("To")
    assert not [m for m in raw.inbox if m.method == "BYE"]
    call.ack(ok)
    bye = await raw.request("BYE")
    assert "cause=17" in bye.get("Reason")
    raw.reply(bye, "200 OK", contact=False)
    assert (await peer.wait(Ended)).cause.q850 == 17


async def test_a_second_phone_behind_a_fork_is_hung_up(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    peer.place("gateway", "0917700001")
    invite = await raw.request("INVITE")
    raw.reply(invite, "200 OK", body=sdp(), tag="one")
    await raw.request("ACK")
    await peer.wait(Answered)
    raw.reply(invite, "200 OK", body=sdp(), tag="two")
    bye = await raw.wait(lambda m: m.method == "BYE")
    assert "tag=two" in bye.get("To")
    raw.reply(invite, "200 OK", body=sdp(), tag="one")  # a retransmission: ACK again, the call stays
    ack = await raw.wait(lambda m: m.method == "ACK" and "tag=one" in m.get("To"))
    assert ack.cseq[0] == invite.cseq[0]
    assert not [m for m in raw.inbox if m.method == "BYE"]


async def test_a_forged_200_draws_nothing(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    for name, value in (("From", "<sip:a@127.0.0.1>;tag=made-up"), ("From", "<sip:a@127.0.0.1>")):
        raw.send(raw.format("SIP/2.0 200 OK", [
            f"Via: SIP/2.0/UDP {raw.there};branch=z9hG4bKforged", f"{name}: {value}", "To: <sip:b@127.0.0.1>;tag=x",
            "Call-ID: forged", "CSeq: 1 INVITE", f"Contact: <sip:victim@{raw.here}>"]))
    call = Call(raw, "probe")
    call.send("OPTIONS")
    await raw.status(200, "OPTIONS")  # what came before it has been handled
    assert not raw.inbox
    assert not peer.of("probe")


# ---- offers that are not there, or foolish ---------------------------------------------------------------------------------


async def test_an_invite_without_a_description_gets_our_offer(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    call = Call(raw, "late-1")
    call.send("INVITE")
    incoming = await peer.wait(Incoming)
    assert incoming.offer is None
    peer.driver.answer(incoming.leg, media(codecs=("PCMU", "PCMA")))
    ok = await raw.status(200, "INVITE")
    assert "m=audio 40000 RTP/AVP 0 8 101" in ok.body
    call.ack(ok, body=sdp(formats="8 101"))
    assert (await peer.wait(Answered)).media.codec == "PCMA"


async def test_video_and_the_like_are_answered_with_port_zero(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    call = Call(raw, "video-1")
    call.send("INVITE", body="v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
              "m=video 20002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 20000 RTP/AVP 97 100\r\n"
              "a=rtpmap:97 PCMA/8000\r\na=rtpmap:100 telephone-event/8000\r\na=rtcp-mux\r\na=ptime:30\r\n"
              "m=audio 20004 RTP/SAVP 8\r\n")
    incoming = await peer.wait(Incoming)
    offer = incoming.offer
    assert (offer.payload_type, offer.telephone_event, offer.ptime_ms, offer.rtcp_mux) == (97, 100, 30, True)
    peer.driver.answer(incoming.leg, media())
    ok = await raw.status(200, "INVITE")
    assert [line for line in ok.body.splitlines() if line.startswith("m=")] == [
        "m=video 0 RTP/AVP 96", "m=audio 40000 RTP/AVP 97 100", "m=audio 0 RTP/SAVP 8"]
    call.ack(ok)
    await peer.wait(Answered)


@pytest.mark.parametrize(("body", "code"), [(sdp(formats="18"), 488), ("v=0\r\nnonsense\r\n", 400)])
async def test_offers_that_cannot_be_answered(pair: tuple[Peer, RawSip], body: str, code: int) -> None:
    peer, raw = pair
    call = Call(raw, f"bad-{code}")
    call.send("INVITE", body=body)
    call.refuse_ack(await raw.status(code, "INVITE"))
    assert not [e for e in peer.events if isinstance(e, Incoming)]


async def test_an_unknown_require_gets_420(pair: tuple[Peer, RawSip]) -> None:
    _, raw = pair
    call = Call(raw, "require-1")
    call.send("INVITE", "Require: 100rel, teleport", body=sdp())
    refusal = await raw.status(420, "INVITE")
    assert refusal.get("Unsupported") == "teleport"
    call.refuse_ack(refusal)


# ---- transports -----------------------------------------------------------------------------------------------------------


async def test_calls_over_tcp_both_ways() -> None:
    async with Peer(office(gateway("gateway", free_port(), 'accept_from = ["127.0.0.1"]\n'))) as peer:
        raw = await RawSip(tcp=True).open(peer.port)
        leg, call = await answered_in(peer, raw)
        peer.driver.modify(leg, media(direction="sendonly"))
        invite = await raw.request("INVITE")  # on the same connection
        raw.reply(invite, "200 OK", body=sdp(direction="recvonly", version=2))
        await raw.request("ACK")
        await peer.wait(MediaChanged)
        call.send("BYE")
        await raw.status(200, "BYE")
        await peer.wait(Ended)
        raw.close()


async def test_a_line_over_tcp_is_connected_to() -> None:
    arrived: asyncio.Future[RawSip] = asyncio.get_running_loop().create_future()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = RawSip(tcp=True)
        raw.writer, raw.port, raw.remote = writer, port, ("127.0.0.1", 0)
        raw._task = asyncio.get_running_loop().create_task(raw._read(reader))
        arrived.set_result(raw)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Peer(office(gateway("gateway", port, 'transport = "tcp"\n'))) as peer:
        leg = peer.place("gateway", "0917700001")
        raw = await asyncio.wait_for(arrived, PATIENCE)
        invite = await raw.request("INVITE")
        assert "TCP" in invite.get("Via") and "transport=tcp" in invite.get("Contact")
        raw.reply(invite, "200 OK", body=sdp())
        await raw.request("ACK")
        await peer.wait(Answered)
        peer.driver.hang_up(leg)
        raw.reply(await raw.request("BYE"), "200 OK", contact=False)
        await peer.wait(Ended)
        raw.close()
    server.close()


async def test_nobody_listens_on_the_tcp_port_of_a_line() -> None:
    async with Peer(office(gateway("gateway", free_port(), 'transport = "tcp"\n'))) as peer:
        peer.place("gateway", "0917700001")
        cause = (await peer.wait(Ended)).cause
        assert (cause.sip, cause.by) == (503, "network")


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_calls_over_ipv6() -> None:
    port = free_port()
    async with Peer(office(gateway("gateway", port, host="[::1]"), listen="[::1]:0")) as peer:
        raw = await RawSip(host="::1").open(peer.port, port)
        leg = peer.place("gateway", "0917700001", media=media(host="::1"))
        invite = await raw.request("INVITE")
        assert "c=IN IP6 ::1" in invite.body and f"[::1]:{peer.port}" in invite.get("Contact")
        body = sdp().replace("IP4 127.0.0.1", "IP6 ::1")
        raw.reply(invite, "200 OK", body=body)
        await raw.request("ACK")
        assert (await peer.wait(Answered)).media.host == "::1"
        peer.driver.hang_up(leg)
        raw.reply(await raw.request("BYE"), "200 OK", contact=False)
        await peer.wait(Ended)
        raw.close()


async def test_behind_nat_requests_go_where_answers_came_from(pair: tuple[Peer, RawSip]) -> None:
    """The Contact has a private address that nobody can reach; the dialog stays on the path that works."""
    peer, raw = pair
    call = Call(raw, "nat-1")
    call.contact = "<sip:phone@10.99.99.99:5060>"
    call.send("INVITE", body=sdp())
    leg = (await peer.wait(Incoming)).leg
    peer.driver.answer(leg, media())
    call.ack(await raw.status(200, "INVITE"))
    await peer.wait(Answered)
    peer.driver.hang_up(leg)
    bye = await raw.request("BYE")
    assert bye.start.startswith("BYE sip:phone@10.99.99.99:5060")
    raw.reply(bye, "200 OK", contact=False)
    await peer.wait(Ended)
