"""SUBSCRIBE and NOTIFY (RFC 6665, 4235, 3842, 3856): lamps and mailboxes, message by message, and what strangers try."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from drivers.base import LAMP_OFF, LAMP_ON, EndpointChanged, Incoming, LampCall, Ringing, Watched
from tests.peers.net import free_port
from tests.peers.rawsip import Call, RawSip, sdp
from tests.peers.sipdriver import Peer, Sipp, gateway, office, phone
from tests.peers.sipp import SCENARIOS
from tests.peers.watcher import Watch, states, version


class Kept:
    """State records that outlive a driver."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], bytes] = {}

    def states(self, namespace: str) -> dict[str, bytes]:
        return {key: value for (space, key), value in self.records.items() if space == namespace}

    def put_state(self, namespace: str, key: str, value: bytes | None) -> None:
        if value is None:
            self.records.pop((namespace, key), None)
        else:
            self.records[namespace, key] = value


def cfg(*tables: str, **options: Any) -> Any:
    return office(*tables, phone("101"), phone("102", "sha-256"), phone("103"), **options)


@pytest.fixture
async def desk() -> AsyncIterator[tuple[Peer, RawSip]]:
    """A driver, and a phone that will watch."""
    async with Peer(cfg()) as peer:
        raw = await RawSip().open(peer.port)
        yield peer, raw
        raw.close()


async def test_a_lamp_from_free_to_busy_and_back(desk: tuple[Peer, RawSip]) -> None:
    peer, raw = desk
    watch = Watch(raw, "101", "102")
    ok = await watch.subscribe("Expires: 300")
    assert ok.get("Expires") == "300" and f"127.0.0.1:{peer.port}" in ok.get("Contact")
    assert await peer.wait(Watched) == Watched(resource="102", on=True) and peer.driver.watched("102")
    first = await watch.notified()
    assert (states(first), version(first), first.get("Event")) == (["terminated"], 0, "dialog")
    assert re.fullmatch(r"active;expires=(299|300)", first.get("Subscription-State"))
    assert first.get("From") == ok.get("To") and first.get("To") == watch.sender
    assert first.get("Content-Type") == "application/dialog-info+xml"
    for n, (calls, shown) in enumerate([
        ((LampCall(leg="x", state="ringing", other="5", other_name="Anna"),), ["early"]), ((LampCall(leg="x"),), ["confirmed"]),
        ((LampCall(leg="x"), LampCall(leg="y", state="calling")), ["confirmed", "early"]), ((), ["terminated"]),
    ], 1):
        peer.driver.set_lamp("102", calls)
        note = await watch.notified()
        assert (states(note), version(note)) == (shown, n) and note.cseq[0] == first.cseq[0] + n
    peer.driver.set_lamp("102", ())  # nothing new
    again = await watch.subscribe("Expires: 300")  # a refresh: full state
    assert again.status == 200 and version(await watch.notified()) == 5
    over = await watch.subscribe("Expires: 0")
    assert over.get("Expires") == "0"
    last = await watch.notified()
    assert last.get("Subscription-State") == "terminated;reason=timeout" and version(last) == 6
    assert await peer.wait(Watched) == Watched(resource="102", on=True)  # the refresh
    assert await peer.wait(Watched) == Watched(resource="102", on=False) and not peer.driver.watched("102")


async def test_a_slow_phone_gets_less_and_never_more(desk: tuple[Peer, RawSip]) -> None:
    """One NOTIFY under way; what changes meanwhile is told once, as it stands then."""
    peer, raw = desk
    watch = Watch(raw, "101", "102")
    await watch.subscribe()
    first = await watch.notified("")
    for state in ("ringing", "talking", "calling", "talking"):
        peer.driver.set_lamp("102", (LampCall(leg="x", state=state),))  # type: ignore[arg-type]
    raw.reply(first, "200 OK")
    note = await watch.notified()
    while note.cseq == first.cseq:  # a repetition of the first
        note = await watch.notified()
    assert states(note) == ["confirmed"] and note.cseq[0] == first.cseq[0] + 1
    await asyncio.sleep(0)
    assert peer.driver.health()["subscriptions"] == 1


@pytest.mark.parametrize("answer", ["481 Gone", "489 Bad Event"])
async def test_a_phone_that_knows_nothing_of_it_is_left_alone(desk: tuple[Peer, RawSip], answer: str) -> None:
    peer, raw = desk
    watch = Watch(raw, "101", "102")
    await watch.subscribe()
    await peer.wait(Watched, lambda e: e.on)
    await watch.notified(answer)
    assert not (await peer.wait(Watched, lambda e: not e.on)).on


async def test_mailbox_and_keys_and_presence(desk: tuple[Peer, RawSip]) -> None:
    peer, raw = desk
    mine = Watch(raw, "101", "101", "message-summary")
    assert (await mine.subscribe()).status == 200
    assert "Voice-Message: 0/0" in (await mine.notified()).body
    peer.driver.set_mailbox("101", 3, 1)
    told = await mine.notified()
    assert "Messages-Waiting: yes" in told.body and "Voice-Message: 3/1" in told.body
    assert (await Watch(raw, "101", "102", "message-summary").subscribe()).status == 403
    assert (await Watch(raw, "101", "*87").subscribe()).status == 404
    peer.driver.set_lamp("*87", LAMP_OFF)
    night = Watch(raw, "101", "*87", call_id="night")
    assert (await night.subscribe()).status == 200
    assert states(await night.notified()) == ["terminated"]
    peer.driver.set_lamp("*87", LAMP_ON)
    assert states(await night.notified()) == ["confirmed"]
    there = Watch(raw, "101", "103", "presence")
    assert (await there.subscribe()).status == 200
    assert "<basic>closed</basic>" in (await there.notified()).body


async def test_rights_are_the_cores_and_change(desk: tuple[Peer, RawSip]) -> None:
    peer, raw = desk
    peer.driver.set_watch_policy(lambda watcher, resource: "no" if (watcher, resource) == ("101", "103") else "look")
    assert (await Watch(raw, "101", "103").subscribe()).status == 403
    watch = Watch(raw, "101", "102")
    assert (await watch.subscribe()).status == 200
    await watch.notified()
    smaller = office(phone("101"), phone("103"), listen=f"127.0.0.1:{peer.port}")
    peer.driver.reconfigure(smaller)  # 102 is gone
    assert (await watch.notified()).get("Subscription-State") == "terminated;reason=noresource"
    assert (await Watch(raw, "101", "102", call_id="again").subscribe()).status == 404


@pytest.mark.parametrize("may", ["look", "pick-up"])
async def test_who_may_pick_up_is_told_how(may: Any) -> None:
    """The Call-ID and tags of the NOTIFY go into a Replaces as they are, and the leg is found."""
    port = free_port()
    async with Peer(cfg(gateway("gateway", port))) as peer:
        peer.driver.set_watch_policy(lambda watcher, resource: may)
        raw, line = await RawSip().open(peer.port), await RawSip().open(peer.port, port)
        watch = Watch(raw, "101", "102")
        await watch.subscribe()
        await watch.notified()
        leg = peer.place("gateway", "0917700001")
        line.reply(await line.request("INVITE"), "180 Ringing")
        await peer.wait(Ringing)
        peer.driver.set_lamp("102", (LampCall(leg=leg, state="ringing", other="104"),))
        note = await watch.notified()
        found = re.search(r'call-id="([^"]+)" local-tag="([^"]+)" remote-tag="([^"]+)"', note.body)
        assert states(note) == ["early"] and (found is not None) is (may == "pick-up")
        if found is not None:
            call = Call(line, "taking")
            call.send("INVITE", f"Replaces: {found[1]};from-tag={found[2]};to-tag={found[3]};early-only", body=sdp())
            assert (await peer.wait(Incoming)).replaces == leg
        raw.close()
        line.close()


async def test_who_may_no_longer_pick_up_is_not_told_how() -> None:
    """A subscription lives on and on; the right that it began with does not."""
    port = free_port()
    async with Peer(cfg(gateway("gateway", port))) as peer:
        peer.driver.set_watch_policy(lambda watcher, resource: "pick-up")
        raw, line = await RawSip().open(peer.port), await RawSip().open(peer.port, port)
        watch = Watch(raw, "101", "102")
        await watch.subscribe()
        await watch.notified()
        peer.driver.set_watch_policy(lambda watcher, resource: "look")
        leg = peer.place("gateway", "0917700001")
        line.reply(await line.request("INVITE"), "180 Ringing")
        await peer.wait(Ringing)
        peer.driver.set_lamp("102", (LampCall(leg=leg, state="ringing", other="104"),))
        note = await watch.notified()
        assert states(note) == ["early"] and "call-id" not in note.body
        peer.driver.set_watch_policy(lambda watcher, resource: "no")
        assert (await watch.notified()).get("Subscription-State") == "terminated;reason=noresource"
        raw.close()
        line.close()


async def test_subscriptions_outlive_a_restart() -> None:
    kept: Any = Kept()
    async with Peer(cfg(), state=kept) as peer:
        port = peer.port
        raw = await RawSip().open(port)
        watch = Watch(raw, "101", "102")
        await watch.subscribe()
        before = await watch.notified()
    async with Peer(cfg(listen=f"127.0.0.1:{port}"), state=kept) as peer:
        assert (await peer.wait(Watched)).on
        after = await watch.notified()
        assert after.cseq[0] > before.cseq[0] and version(after) > version(before) and states(after) == ["terminated"]
        assert (await watch.subscribe()).status == 200
        await watch.notified()
        raw.close()


@pytest.mark.parametrize("asked", ["always", "subscribed"])
async def test_a_phone_that_never_subscribes_hears_of_its_mailbox(tmp_path: Path, asked: str) -> None:
    port = free_port()
    account = ("-s", "101", "-au", "101", "-ap", "secret-101")
    async with Peer(cfg(sip=f'mailbox_lamps = "{asked}"')) as peer:
        peer.driver.set_mailbox("101", 2, 0)
        remote = f"127.0.0.1:{peer.port}"
        async with Sipp(SCENARIOS / "phone_register.xml", tmp_path, port, "-m", "1", *account, remote=remote) as far:
            assert await far.done() == 0, far.errors()
        await peer.wait(EndpointChanged)
        raw = await RawSip().open(peer.port, port)
        if asked == "always":
            note = await raw.request("NOTIFY")
            assert "Voice-Message: 2/0" in note.body and note.get("Event") == "message-summary"
            raw.reply(note, "200 OK")
        peer.driver.set_mailbox("101", 1, 1)
        if asked == "always":
            raw.reply(await raw.wait(lambda m: "Voice-Message: 1/1" in m.body), "200 OK")
        probe = Call(raw, "probe")
        probe.send("OPTIONS")
        await raw.status(200, "OPTIONS")
        assert not [m for m in raw.inbox if m.method == "NOTIFY" and m.get("Call-ID") not in ("",)] or asked == "always"
        raw.close()


async def test_sipp_is_a_lamp_key(tmp_path: Path) -> None:
    """One after the other (-l 1): the same key of the same phone once more ends the subscription before it."""
    async with Peer(cfg()) as peer:
        account = ("-key", "user", "101", "-s", "103", "-au", "101", "-ap", "secret-101",
                   "-auth_uri", f"103@127.0.0.1:{peer.port}")
        async with Sipp(SCENARIOS / "subscribe.xml", tmp_path, free_port(), "-m", "8", "-r", "8", "-l", "1", *account,
                        remote=f"127.0.0.1:{peer.port}") as far:
            assert await far.done() == 0, far.errors() + far.messages()[-4000:]


# ---- what strangers try -------------------------------------------------------------------------------------------------------


async def test_nobody_watches_without_a_password(desk: tuple[Peer, RawSip]) -> None:
    peer, raw = desk
    forged = Watch(raw, "101", "102", secret="guess")
    assert (await forged.subscribe()).status == 401
    other = Watch(raw, "103", "101", "message-summary")
    other.sender = f"<sip:101@{raw.there}>;tag=x"  # From says 101, the credentials say 103, and that is who it is
    assert (await other.subscribe()).status == 403
    for user in ("101", "999"):  # a phone and none: the same words
        probe = Watch(raw, user, "102", call_id=f"probe-{user}")
        raw.send(raw.format(f"SUBSCRIBE {probe.target} SIP/2.0", probe._lines()))
        answer = await raw.wait(lambda m, probe=probe: m.get("Call-ID") == probe.call_id)
        assert answer.status == 401
    assert peer.driver.health()["subscriptions"] == 0
    assert not [m for m in raw.inbox if m.method == "NOTIFY"]


async def test_a_subscription_is_not_another_phones(desk: tuple[Peer, RawSip]) -> None:
    _, raw = desk
    watch = Watch(raw, "101", "102")
    await watch.subscribe()
    await watch.notified()
    thief = Watch(raw, "103", "102", call_id=watch.call_id)
    thief.to, thief.sender, thief.target, thief.cseq = watch.to, watch.sender.replace("101", "103"), watch.target, 50
    assert (await thief.subscribe("Expires: 0")).status in (403, 481)


async def test_malformed_subscribes(desk: tuple[Peer, RawSip]) -> None:
    peer, raw = desk
    for n, (event, headers, status) in enumerate([
        ("conference", (), 489), ("dialog", (f"Accept: {'text/plain, ' * 900}text/html",), 406), ("dialog", ("Expires: 5",), 423),
        ("dialog", ("Expires: -1",), 400), ("x" * 3000, (), 489),
    ]):
        answer = await Watch(raw, "101", "102", event, call_id=f"bad-{n}").subscribe(*headers)
        assert answer.status == status, event[:20]
        assert status != 489 or "dialog" in answer.get("Allow-Events")
    unknown = Watch(raw, "101", "102", call_id="unknown")
    unknown.to += ";tag=made-up"
    assert (await unknown.subscribe()).status == 481
    assert peer.driver.health()["subscriptions"] == 0


async def test_a_flood_of_strangers_is_bounded(desk: tuple[Peer, RawSip]) -> None:
    """40 challenges at once, as for every request of somebody unknown, and nothing is kept."""
    peer, raw = desk
    for n in range(200):
        flood = Watch(raw, "101", "102", call_id=f"flood-{n}")
        raw.send(raw.format(f"SUBSCRIBE {flood.target} SIP/2.0", flood._lines()))
    for _ in range(40):
        await raw.status(401, "SUBSCRIBE")
    await peer.driver.stop()  # everything that was to be said has been
    assert len([m for m in raw.inbox if m.status == 401]) <= 5
    assert peer.driver.health()["subscriptions"] == 0
