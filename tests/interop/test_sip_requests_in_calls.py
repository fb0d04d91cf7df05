"""INFO, REFER, UPDATE, OPTIONS and session timers in calls, message by message, against a peer that does what each test says."""

from __future__ import annotations

import pytest

from drivers.base import DigitInfo, Ended, Incoming, MediaChanged, TransferAsked
from tests.peers.gatewaypair import answered_in, answered_out
from tests.peers.net import free_port
from tests.peers.rawsip import Call, RawSip, sdp
from tests.peers.sipdriver import Peer, gateway, media, office

# ---- INFO, REFER, Replaces, UPDATE, OPTIONS ---------------------------------------------------------------------------------


async def test_digits_by_info(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, call = await answered_in(peer, raw)
    call.send("INFO", body="Signal=5\r\nDuration=250\r\n", ctype="application/dtmf-relay")
    await raw.status(200, "INFO")
    assert await peer.wait(DigitInfo) == DigitInfo(leg=leg, digit="5", duration_ms=250)
    call.send("INFO", body="#", ctype="application/dtmf")
    assert (await peer.wait(DigitInfo)).digit == "#"
    peer.driver.send_info_digit(leg, "9", 100)
    info = await raw.request("INFO")
    assert (info.get("Content-Type"), info.body) == ("application/dtmf-relay", "Signal=9\r\nDuration=100\r\n")
    raw.reply(info, "200 OK")


async def test_refer_and_its_notifications(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, call = await answered_in(peer, raw)
    call.send("REFER", f"Refer-To: <sip:103@{raw.there}>", f"Referred-By: {call.contact}")
    await raw.status(202, "REFER")
    first = await raw.request("NOTIFY")
    assert (first.get("Event"), first.body.strip()) == ("refer", "SIP/2.0 100 Trying")
    assert first.get("Subscription-State").startswith("active")
    raw.reply(first, "200 OK")
    assert await peer.wait(TransferAsked) == TransferAsked(leg=leg, target="103")
    peer.driver.transfer_state(leg, 200, "OK")
    last = await raw.request("NOTIFY")
    assert (last.get("Content-Type"), last.body.strip()) == ("message/sipfrag;version=2.0", "SIP/2.0 200 OK")
    assert last.get("Subscription-State").startswith("terminated")
    raw.reply(last, "200 OK")


async def test_attended_transfer_names_our_other_leg(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, call = await answered_in(peer, raw, "first")
    other, _ = await answered_in(peer, raw, "second")
    call.send("REFER", f"Refer-To: <sip:103@{raw.there}?Replaces=second%3Bto-tag%3Dx%3Bfrom-tag%3Dy>")
    await raw.status(202, "REFER")
    asked = await peer.wait(TransferAsked)
    assert (asked.leg, asked.replaces) == (leg, other)


async def test_an_invite_with_replaces(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    leg, call = await answered_in(peer, raw)
    ours = call.remote.split(";tag=")[1]
    theirs = call.local.split(";tag=")[1]
    taking = Call(raw, "taking")
    taking.send("INVITE", f"Replaces: {call.call_id};to-tag={ours};from-tag={theirs}", "Require: replaces", body=sdp())
    assert (await peer.wait(Incoming)).replaces == leg
    wrong = Call(raw, "wrong")
    wrong.send("INVITE", f"Replaces: {call.call_id};to-tag={ours};from-tag=guess", body=sdp())
    wrong.refuse_ack(await raw.status(481, "INVITE"))


async def test_update_with_an_offer_and_without(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    _, call = await answered_in(peer, raw)
    call.send("UPDATE", body=sdp(direction="sendonly", version=2))
    ok = await raw.status(200, "UPDATE")
    assert "a=recvonly" in ok.body
    assert (await peer.wait(MediaChanged)).media.direction == "recvonly"
    call.send("UPDATE", "Supported: timer", "Session-Expires: 200;refresher=uac")
    assert (await raw.status(200, "UPDATE")).get("Session-Expires") == "200;refresher=uac"


async def test_requests_of_dialogs_we_do_not_know(pair: tuple[Peer, RawSip]) -> None:
    _, raw = pair
    for method in ("BYE", "INFO", "UPDATE"):
        call = Call(raw, f"unknown-{method}")
        call.remote += ";tag=nobody"
        call.send(method)
        await raw.status(481, method)


# ---- session timers ------------------------------------------------------------------------------------------------------


async def test_a_session_timer_that_is_too_short_is_refused(pair: tuple[Peer, RawSip]) -> None:
    _, raw = pair
    call = Call(raw, "short-1")
    call.send("INVITE", "Supported: timer", "Session-Expires: 60", body=sdp())
    refusal = await raw.status(422, "INVITE")
    assert refusal.get("Min-SE") == "90"
    call.refuse_ack(refusal)


async def test_they_refresh_where_they_can(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    call = Call(raw, "timer-1")
    call.send("INVITE", "Supported: timer", "Session-Expires: 120", body=sdp())
    peer.driver.answer((await peer.wait(Incoming)).leg, media())
    ok = await raw.status(200, "INVITE")
    assert (ok.get("Session-Expires"), ok.get("Require")) == ("120;refresher=uac", "timer")
    call.ack(ok)


async def test_a_422_to_our_invite_raises_the_interval(pair: tuple[Peer, RawSip]) -> None:
    peer, raw = pair
    peer.place("gateway", "0917700001")
    invite = await raw.request("INVITE")
    assert (invite.get("Session-Expires"), invite.get("Min-SE")) == ("1800", "90")
    raw.reply(invite, "422 Session Interval Too Small", "Min-SE: 3600", contact=False)
    await raw.request("ACK")
    again = await raw.request("INVITE")
    assert again.get("Session-Expires") == "3600" and again.get("Call-ID") == invite.get("Call-ID")
    raw.reply(again, "603 Decline", contact=False)
    await peer.wait(Ended)


@pytest.mark.slow
@pytest.mark.parametrize("update", [True, False])
async def test_we_refresh_at_half_time(update: bool) -> None:
    """90 s, the shortest there is: by UPDATE where they allow it, else by re-INVITE."""
    port = free_port()
    async with Peer(office(gateway("gateway", port))) as peer:
        raw = await RawSip().open(peer.port, port)
        allow = ("Allow: INVITE, UPDATE",) if update else ("Allow: INVITE",)
        _, call = await answered_out(peer, raw, ("Require: timer", "Session-Expires: 90;refresher=uac", *allow))
        refresh = await raw.request("UPDATE" if update else "INVITE", 50)
        assert refresh.get("Session-Expires") == "90;refresher=uac"
        raw.reply(refresh, "200 OK", "Session-Expires: 90;refresher=uac", body="" if update else sdp())
        call.send("BYE")
        await peer.wait(Ended)
        raw.close()
