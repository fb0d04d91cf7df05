"""Lamps of the whole box follow real calls, and baresip as a phone that watches and has a mailbox."""

from __future__ import annotations

import asyncio
from pathlib import Path

from drivers.base import EndpointChanged, LampCall
from tests.peers.baresip import Phone
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.rawsip import RawSip
from tests.peers.sipdriver import Peer, office, phone
from tests.peers.watcher import Watch, states


async def test_a_lamp_follows_the_calls_of_an_extension(tmp_path: Path) -> None:
    with House(tmp_path, provider=False) as house:
        anna = house.desk("101", "anna")
        boris = house.desk("102", "boris", plan=[180])
        raw = await RawSip().open(house.box.sip_port)
        watch = Watch(raw, "104", "102", secret="daria-104")
        assert (await watch.subscribe()).status == 200
        assert states(await watch.notified()) == ["terminated"]
        call = anna.dial("102")
        note = await watch.notified()
        assert states(note) == ["early"] and "sip:101@" in note.body and "call-id" in note.body  # of the same pick-up group
        rings = await asyncio.to_thread(boris.wait_call)
        rings.answer()
        assert states(await watch.notified()) == ["confirmed"]
        await asyncio.to_thread(call.wait_up)
        call.hang_up()
        assert states(await watch.notified()) == ["terminated"]
        raw.close()


async def test_lamps_of_an_agent(tmp_path: Path) -> None:
    """The key beside the lamp dials what puts it right."""
    with House(tmp_path, provider=False) as house:
        anna = house.desk("101", "anna")
        raw = await RawSip().open(house.box.sip_port)
        here, away = (Watch(raw, "104", f"{code}101", secret="daria-104") for code in ("*41", "*43"))
        for lamp in (here, away):
            assert (await lamp.subscribe()).status == 200
            assert states(await lamp.notified()) == ["terminated"]
        call = anna.dial("*41101")
        await asyncio.to_thread(call.wait_up)
        call.press("1101#")
        assert states(await here.notified()) == ["confirmed"]
        await asyncio.to_thread(call.wait_end)
        await asyncio.to_thread(house.box.run, "agent", "break", "anna", "lunch")
        assert states(await away.notified()) == ["confirmed"]
        ready = anna.dial("*43101")
        assert states(await away.notified()) == ["terminated"]
        await asyncio.to_thread(ready.wait_end)
        out = anna.dial("*42")
        assert states(await here.notified()) == ["terminated"]
        await asyncio.to_thread(out.wait_end)
        raw.close()


async def test_baresip_watches_and_has_a_mailbox(tmp_path: Path) -> None:
    """Its mwi module subscribes to message-summary with each registration unless it has done so (a SUBSCRIBE that failed is tried
    again with the next one), its presence module to presence."""
    async with Peer(office(phone("101"), phone("102"))) as peer:
        peer.driver.set_mailbox("101", 0, 0)
        watcher = Phone(tmp_path / "101", peer.port, "101", "secret-101", modules=("contact", "presence", "mwi"),
                        contacts=f'"Boris" <sip:102@127.0.0.1:{peer.port}>;presence=p2p\n', register_seconds=12)
        await asyncio.to_thread(watcher.__enter__)
        try:
            await peer.wait(EndpointChanged, lambda e: e.endpoint == "101")
            await _watched(peer, "101", watcher)
            peer.driver.set_mailbox("101", 4, 2)
            await asyncio.to_thread(watcher.wait_event, "MWI_NOTIFY", 10, "Voice-Message: 4/2")
            await _watched(peer, "102", watcher)
            peer.driver.set_lamp("102", (LampCall(),))
            boris = Phone(tmp_path / "102", peer.port, "102", "secret-102")
            await asyncio.to_thread(boris.__enter__)
            await peer.wait(EndpointChanged, lambda e: e.endpoint == "102")
            await asyncio.to_thread(wait_for, lambda: "Online" in watcher.screen(), 10, "Boris to be there")
            await asyncio.to_thread(boris.__exit__, None, None, None)
        finally:
            await asyncio.to_thread(watcher.__exit__, None, None, None)


async def _watched(peer: Peer, resource: str, watcher: Phone) -> None:
    try:
        await asyncio.to_thread(wait_for, lambda: peer.driver.watched(resource), 20, f"{resource} to be watched")
    except AssertionError as problem:
        raise AssertionError(f"{problem}; the phone says:\n{watcher.screen()[-4000:]}") from None
