"""Recordings: which calls, begun and paused when, what stays of one that was cut off, what is erased."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import random
import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from appliance.calls.recording import Recording, by_chance, recorded_leg, rule_of
from appliance.config.values import RecordRule
from appliance.core.recordings import NAMESPACE, Open, Recordings
from appliance.errors import SwitchroomError
from appliance.media import wav
from appliance.media.events import PlayDone, RecordDone
from appliance.messages import (
    RecordingEnded,
    RecordingErased,
    RecordingPaused,
    RecordingStarted,
    SurveyAnswered,
)
from drivers.base import MediaChanged
from tests.callslab import Lab, media, settle
from tests.unit.test_calls_keys_in_call import Office, run

ALWAYS, NEVER, DEMAND = RecordRule("always"), RecordRule("never"), RecordRule("on-demand")


def legs(*parties: tuple[str, str]) -> Any:
    return [SimpleNamespace(kind=kind, endpoint=endpoint) for kind, endpoint in parties]


def test_which_rule_counts() -> None:
    config = Lab().config
    both = legs(("line", "gateway"), ("phone", "101"))

    def changed(**where: RecordRule) -> Any:
        made = config
        for table, name, key in (("queues", "front", "name"), ("phones", "101", "extension"), ("lines", "gateway", "name")):
            if table in where:
                rows = [msgspec.structs.replace(row, record=where[table]) if getattr(row, key) == name else row
                        for row in getattr(made, table)]
                made = msgspec.structs.replace(made, **{table: rows})
        return made

    assert rule_of(config, "", both) == "on-demand"
    assert rule_of(changed(lines=ALWAYS), "", both) == "always"
    assert rule_of(changed(lines=ALWAYS, phones=NEVER), "", both) == "never"
    assert rule_of(changed(lines=NEVER, phones=NEVER, queues=ALWAYS), "front", both) == "always"
    assert rule_of(changed(lines=NEVER, queues=ALWAYS), "", both) == "never"
    assert recorded_leg(both) is both[0] and recorded_leg(both[::-1]) is both[0]
    phones = legs(("phone", "101"), ("phone", "102"))
    assert recorded_leg(phones) is phones[0]


def test_a_share_of_the_calls() -> None:
    chance = random.Random(4)
    share = sum(by_chance(RecordRule("20%"), chance) for _ in range(2000))
    assert 320 < share < 480  # 400, five standard deviations either way
    assert by_chance(ALWAYS, chance) and not by_chance(NEVER, chance) and not by_chance(DEMAND, chance)


# ---- in a conversation ---------------------------------------------------------------------------------------------------------


async def over(office: Office, leg: Any) -> None:
    leg.inbox.put(PlayDone(port=leg.port.id, play=leg.port.playing, samples=1, total=1, complete=True))
    await settle()


def test_by_rule_after_it_has_been_told() -> None:
    async def work() -> None:
        office = Office()
        office.lab.recorder.rule = ALWAYS
        await office.begin()
        port: Any = office.b.port
        assert port.heard == ["call-recorded"] and not office.lab.recorder.begun
        await over(office, office.b)
        assert office.lab.recorder.begun == [("", "rule")]
        await office.over()

    run(work())


def test_without_an_announcement_it_begins_at_once() -> None:
    async def work() -> None:
        config = Lab().config
        office = Office(recording=msgspec.structs.replace(config.recording, announce=False))
        office.lab.recorder.rule = ALWAYS
        await office.begin()
        assert office.lab.recorder.begun == [("", "rule")]
        await office.over()

    run(work())


@pytest.mark.parametrize("holds", [True, False])
def test_an_announcement_that_was_cut_short_is_made_again(holds: bool) -> None:
    """The agent holds the call, or keys a transfer that comes to nothing, while the caller is being told of the recording."""

    async def work() -> None:
        office = Office()
        office.lab.recorder.rule = ALWAYS
        await office.begin()
        port: Any = office.b.port
        told = port.playing
        if holds:
            office.lab.tell(MediaChanged(leg=office.a.id, media=media(direction="recvonly")))
            await settle()
        else:
            await office.press(office.a, "##")
        office.b.inbox.put(PlayDone(port=port.id, play=told, samples=1, total=9, complete=False))
        await settle()
        assert port.heard[:2] == ["call-recorded", "hold-wait"] and not office.lab.recorder.begun
        if holds:
            office.lab.tell(MediaChanged(leg=office.a.id, media=media()))
            await settle()
        else:
            await office.press(office.a, "999#")
        assert port.heard[-1] == "call-recorded" and not office.lab.recorder.begun
        await over(office, office.b)
        assert office.lab.recorder.begun == [("", "rule")]
        await office.over()

    run(work())


@pytest.mark.parametrize(("rule", "keys", "heard"), [
    (NEVER, "*1", ["record-not-allowed"]), (NEVER, "*4", ["record-not-allowed"]), (DEMAND, "*1", ["record-on"]),
    (DEMAND, "*1*1", ["record-on", "record-off"]), (DEMAND, "*1*4", ["record-on", "record-paused"]),
    (DEMAND, "*1*4*4", ["record-on", "record-paused", "record-on"]),
])
def test_on_demand(rule: RecordRule, keys: str, heard: list[str]) -> None:
    async def work() -> None:
        office = Office(recording=msgspec.structs.replace(Lab().config.recording, announce=False))
        office.lab.recorder.rule = rule
        await office.begin()
        made = office.lab.recorder.recording = SimpleNamespace(over=False, leg=office.b, paused=False)
        made.stop = lambda: setattr(made, "over", True)
        made.pause = lambda on: setattr(made, "paused", on)
        await office.press(office.a, keys)
        port: Any = office.a.port
        assert port.heard == heard and made.over is (keys == "*1*1") and made.paused is (keys == "*1*4")
        await office.over()

    run(work())


# ---- one recording, and the shelf ----------------------------------------------------------------------------------------------


def shelf(lab: Lab, folder: Path, level: str = "none") -> Recordings:
    lab.ledger.level = level  # type: ignore[attr-defined]
    return Recordings(folder, lab.ledger, lab.switch)  # type: ignore[arg-type]


def tone(path: Path, frames: int = 800) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(4 * frames))


def test_from_its_beginning_to_its_facts(tmp_path: Path) -> None:
    async def work() -> None:
        office = await Office().begin()
        recordings = shelf(office.lab, tmp_path)
        made = recordings.begin([office.a, office.b], "front", "rule")
        assert isinstance(made, Recording) and made.leg is office.b
        port: Any = office.b.port
        assert port.recorded == 1000 * port.id + 1 and made.name.endswith(f"/{office.call.id}-1.wav")
        assert list(office.lab.ledger.states(NAMESPACE)) == [made.name]
        made.pause(True)
        made.pause(True)
        made.pause(False)
        assert [e.paused for e in office.lab.ledger.of(RecordingPaused)] == [True, False]
        tone(made.path)
        done = RecordDone(port=port.id, record=port.recorded, path=str(made.path), samples=800, reason="stopped")
        await settle()
        office.lab.switch._media_event(done)  # what was begun, is over
        await office.lab.switch.settle()
        ended = office.lab.ledger.of(RecordingEnded)[0]
        assert ended.sha256 == hashlib.sha256(made.path.read_bytes()).hexdigest()
        assert (ended.call, ended.seconds, ended.bytes, ended.reason) == (office.call.id, 0.1, 3244, "stopped")
        assert [e.queue for e in office.lab.ledger.of(RecordingStarted)] == ["front"]
        assert not office.lab.ledger.states(NAMESPACE) and made.over
        again = recordings.begin([office.a, office.b], "", "rule")
        assert again is not None and again.name.endswith("-2.wav")
        await office.over()

    run(work())


def spoken_file(path: Path, loud: bool) -> None:
    """Two seconds: of a voice (a tone that comes and goes), or of nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    at = np.arange(16000) / 8000
    voice = 8000 * np.sin(2 * np.pi * 400 * at) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * at)) if loud else 0 * at
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(voice.astype("<i2").tobytes())


@pytest.mark.parametrize("how", ["said", "nothing", "killed"])
def test_a_comment_after_the_call(tmp_path: Path, how: str) -> None:
    answer = SurveyAnswered(call="", contact="c9", survey="after", queue="front", question="why", kind="comment")

    async def work() -> None:
        office = await Office().begin()
        about = msgspec.structs.replace(answer, call=office.call.id)
        recordings, ledger = shelf(office.lab, tmp_path), office.lab.ledger
        comment = recordings.comment(office.b, about, 30)
        assert comment is not None and list(ledger.states(NAMESPACE)) == [comment.name]
        await settle()
        spoken_file(comment.path, how != "nothing")
        if how == "killed":
            await shelf(office.lab, tmp_path).recover()
        else:
            port: Any = office.b.port
            office.lab.switch._media_event(
                RecordDone(port=port.id, record=comment.record, path=str(comment.path), samples=16000, reason="silence"))
            assert await comment.kept is (how == "said")
        (ended,) = ledger.of(RecordingEnded)
        assert ended.recording == comment.name and not ledger.states(NAMESPACE)
        if how == "nothing":
            assert not comment.path.exists() and not ledger.of(SurveyAnswered) and ended.seconds == 0
            assert [event.reason for event in ledger.of(RecordingErased)] == ["empty"]
        else:
            assert ended.sha256 == hashlib.sha256(comment.path.read_bytes()).hexdigest() and ended.bytes
            assert ledger.of(SurveyAnswered) == [
                msgspec.structs.replace(about, recording=comment.name, seconds=ended.seconds)]
            assert 1.5 < ended.seconds < 2.5 and ended.reason == ("interrupted" if how == "killed" else "silence")
        await office.over()

    run(work())


def test_short_of_disk_there_is_no_comment(tmp_path: Path) -> None:
    async def work() -> None:
        office = await Office().begin()
        answer = SurveyAnswered(call="c", contact="c", survey="a", queue="q", question="why", kind="comment")
        assert shelf(office.lab, tmp_path, "recordings").comment(office.b, answer, 30) is None
        await office.over()

    run(work())


def test_short_of_disk_recordings_stop_first(tmp_path: Path) -> None:
    async def work() -> None:
        office = await Office().begin()
        recordings = shelf(office.lab, tmp_path)
        made = recordings.begin([office.a, office.b], "", "rule")
        assert made is not None and recordings.on_demand([office.a, office.b], "")
        stopped: list[Any] = []
        office.lab.engine.on_record = lambda port, path, record: stopped.append((port, path))
        recordings.short_of_disk()
        assert stopped == [(office.b.port, None)]
        assert not shelf(office.lab, tmp_path, "recordings").on_demand([office.a, office.b], "")
        await office.over()

    run(work())


def test_what_a_kill_left_open_is_made_whole(tmp_path: Path) -> None:
    async def work() -> None:
        lab = Lab()
        whole, gone = tmp_path / "2026-03-02" / "c1-1.wav", "2026-03-02/c2-1.wav"
        tone(whole, 100)
        with whole.open("ab") as file:
            file.write(bytes(4 * 60 + 3))  # written after the header was, and half a frame
        for name, call in (("2026-03-02/c1-1.wav", "c1"), (gone, "c2")):
            lab.ledger.put_state(NAMESPACE, name, msgspec.msgpack.encode(Open(call)))
        await shelf(lab, tmp_path).recover()
        with wave.open(str(whole)) as file:
            assert file.getnframes() == 160
        found = {e.recording: e for e in lab.ledger.of(RecordingEnded)}
        assert found["2026-03-02/c1-1.wav"].sha256 == hashlib.sha256(whole.read_bytes()).hexdigest()
        assert found["2026-03-02/c1-1.wav"].seconds == 0.02 and found[gone].sha256 == ""
        assert not lab.ledger.states(NAMESPACE)

    asyncio.run(work())


@pytest.mark.parametrize("data", [b"", b"RIFF", b"x" * 100])
def test_what_is_no_recording_stays_as_it_is(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    with pytest.raises(SwitchroomError) as refused:
        wav.repair(path)
    assert refused.value.id == "recording.unreadable" and path.read_bytes() == data


def test_old_ones_are_erased(tmp_path: Path) -> None:
    async def work() -> None:
        lab = Lab()
        today = datetime.datetime.fromtimestamp(lab.switch.clock.utc(), datetime.UTC).date()
        days = [today - datetime.timedelta(days=n) for n in (0, 180, 181, 400)]
        for day in days:
            tone(tmp_path / day.isoformat() / "c-1.wav")
        (tmp_path / "notes-2020").mkdir()
        assert await shelf(lab, tmp_path).erase_old() == 2
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted([days[0].isoformat(), days[1].isoformat(), "notes-2020"])
        assert [e.recording for e in lab.ledger.of(RecordingErased)] == [f"{day}/c-1.wav" for day in sorted(days[2:])]
        forever = msgspec.structs.replace(lab.config.recording, keep_days=0)
        lab.switch.config = msgspec.structs.replace(lab.config, recording=forever)
        assert await shelf(lab, tmp_path).erase_old() == 0

    asyncio.run(work())
