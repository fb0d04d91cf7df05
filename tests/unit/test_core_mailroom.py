"""The mailroom and the night switch on a real ledger: what is committed, shown on lamps, mailed, and there again after a kill."""

from __future__ import annotations

import asyncio
import shutil
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from appliance.clock import ManualClock
from appliance.config import Config, load
from appliance.config.features import Voicemail
from appliance.config.model import Mailbox
from appliance.core.mailroom import Mailroom
from appliance.core.night import Night
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.mail.outbox import Outbox
from appliance.messages import Event, NightSwitched, VoicemailDeleted, VoicemailHeard, VoicemailLeft
from drivers.base import LAMP_OFF, LAMP_ON
from tests.callslab import OFFICE
from tests.peers import sound
from tests.peers.net import PATIENCE

MONDAY_NOON = 1772445600.0  # 2026-03-02T12:00+02:00


class Lamps:
    def __init__(self) -> None:
        self.boxes: dict[str, tuple[int, int]] = {}
        self.lamps: dict[str, Any] = {}

    def set_mailbox(self, extension: str, new: int, old: int) -> None:
        self.boxes[extension] = (new, old)

    def set_lamp(self, resource: str, calls: Any) -> None:
        self.lamps[resource] = calls


class House:
    """A core's room on disk; `work` runs with a fresh ledger each time, as after a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock(utc=MONDAY_NOON)
        self.lamps = Lamps()
        self.config: Config = msgspec.structs.replace(load(OFFICE), mailboxes=[
            Mailbox(name="front", phones=["103"], email=["front@harbour.example"], max_messages=2)])

    def run(self, work: Callable[[Mailroom, Night, Ledger], Awaitable[None]]) -> list[Event]:
        async def go() -> list[Event]:
            ledger = Ledger(self.folder / "ledger", self.clock)
            driver: Any = self.lamps
            room = Mailroom(self.folder, ledger, driver, lambda: self.config, self.clock)
            night = Night(ledger, driver, lambda: self.config, self.clock)
            await room.start()
            await work(room, night, ledger)
            await room.stop()
            await ledger.flush()
            events = [record.event for record in ledger.reader.read(limit=1000)]
            await ledger.close()
            return events

        return asyncio.run(asyncio.wait_for(go(), PATIENCE))

    @property
    def mails(self) -> list[str]:
        return [entry.id for entry in Outbox(self.folder / "mail").entries()]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sound.message_of(tmp_path_factory.mktemp("spoken") / "w.wav", 4.0)


async def leave(room: Mailroom, spoken: Path, box: str = "front") -> None:
    incoming = SimpleNamespace(caller="0917700000", caller_name="Anna")
    leg: Any = SimpleNamespace(incoming=incoming, kind="line", endpoint="gateway", call=SimpleNamespace(id="c1"))
    message = await room.begin(leg, box)
    shutil.copyfile(spoken, room.raw(message))
    assert await room.prepare(message) is not None
    await room.keep(message)


def test_what_is_kept_is_in_the_ledger_on_the_lamp_and_in_the_mail_once(house: House, spoken: Path) -> None:
    async def work(room: Mailroom, night: Night, ledger: Ledger) -> None:
        await leave(room, spoken)

    (left,) = house.run(work)
    assert isinstance(left, VoicemailLeft) and left.box == "front" and left.caller == "+358917700000"
    assert 3.0 < left.seconds < 4.1 and house.lamps.boxes["103"] == (1, 0)
    assert house.mails == [f"voicemail-front-{left.message}"]

    async def nothing(room: Mailroom, night: Night, ledger: Ledger) -> None:
        assert not room.store.left_over()

    house.run(nothing)
    assert len(house.mails) == 1


def test_what_a_kill_left_is_taken_up(house: House, spoken: Path) -> None:
    """One that was being spoken, one that stood in its mailbox but was not in the ledger, and a silent one."""
    silent = house.folder / "silent.wav"
    with wave.open(str(silent), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(32000))

    async def die(room: Mailroom, night: Night, ledger: Ledger) -> None:
        for audio in (spoken, silent, spoken):
            message = room.store.begin("front", house.clock.utc(), "101", "", "c1")
            shutil.copyfile(audio, room.raw(message))
        room.store.keep(message, spoken, 4.0)

    assert house.run(die) == []

    async def look(room: Mailroom, night: Night, ledger: Ledger) -> None:
        assert room.store.counts("front").all == 2

    events = house.run(look)
    assert [type(event) for event in events] == [VoicemailLeft, VoicemailLeft] and len(house.mails) == 2
    assert house.lamps.boxes["103"] == (2, 0)


def test_hearing_deleting_full_and_time_over(house: House, spoken: Path) -> None:
    async def work(room: Mailroom, night: Night, ledger: Ledger) -> None:
        assert await room.trouble("front") == ""
        await leave(room, spoken)
        await leave(room, spoken)
        assert await room.trouble("front") == "voicemail-full"
        first, second = await room.messages(["front", "103"])
        assert await room.audio(first) is not None and room.received(first).day == "today"
        await room.heard(first, "103")
        await room.heard(first, "103")
        await room.delete(second, "103")
        await room.delete(second, "103")
        with pytest.raises(SwitchroomError, match="no message"):
            await room.erase("front", second.id, "cli")
        house.clock.advance(91 * 86400.0)
        await room.tidy()
        assert await room.messages(["front"]) == []

    events = house.run(work)[2:]
    assert [(type(event), getattr(event, "reason", "")) for event in events] == [
        (VoicemailHeard, ""), (VoicemailDeleted, "asked"), (VoicemailDeleted, "expired")]
    assert house.lamps.boxes["103"] == (0, 0)


def test_of_one_caller_and_after_the_mail(house: House, spoken: Path) -> None:
    async def work(room: Mailroom, night: Night, ledger: Ledger) -> None:
        await leave(room, spoken)
        await leave(room, spoken, "101")
        assert await room.erase_caller("0917700000", "cli") == 2 and await room.erase_caller("0917700000", "cli") == 0
        await leave(room, spoken)
        (message,) = await room.messages(["front"])
        await room.mailed("front", message.id)
        assert await room.messages(["front"]) == [message]
        house.config = msgspec.structs.replace(house.config, voicemail=Voicemail(delete_after_mail=True))
        await room.mailed("front", message.id)
        await room.mailed("front", message.id)
        assert await room.messages(["front"]) == []

    events = [event for event in house.run(work) if isinstance(event, VoicemailDeleted)]
    assert [event.reason for event in events] == ["caller", "caller", "mailed"]


def test_the_night_switch_stays_over_a_restart_and_is_shown(house: House) -> None:
    changes: list[bool] = []

    async def close(room: Mailroom, night: Night, ledger: Ledger) -> None:
        assert night.standing("") == ("auto", True)
        night.on_change = lambda: changes.append(night.opening("office").open)
        await night.switch("", "closed", "101")
        assert ledger.reader.states("night")  # on the disk when it is said to be so
        with pytest.raises(SwitchroomError) as problem:
            await night.switch("nowhere", "open", "cli")
        assert problem.value.id == "night.no-hours" and "office" in problem.value.hint

    assert house.run(close) == [NightSwitched(setting="closed", hours="", by="101")] and changes == [False]
    assert house.lamps.lamps == {"*28": LAMP_ON}

    async def later(room: Mailroom, night: Night, ledger: Ledger) -> None:
        assert night.standing("") == ("closed", False) and not night.opening("office").open
        (status,) = night.status()
        assert (status.name, status.open, status.setting) == ("office", False, "closed")
        await night.switch("office", "open", "cli")
        assert night.opening("office").open
        await night.switch("", "auto", "cli")  # of all: single ones follow
        assert night.standing("office") == ("auto", True)

    house.run(later)
    assert house.lamps.lamps == {"*28": LAMP_OFF}
