"""Recordings through the whole box: both sides in stereo, over a transfer, with a pause, after a kill, and verified."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from appliance.messages import RecordingEnded, RecordingErased, RecordingPaused, RecordingStarted
from tests.peers import sound
from tests.peers.ear import Party
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.station import Station, StationCall

OTHER = 0.85
"""Likeness of what was not said: other words of the same voice came to 0.79."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    edits = {r'^secret = "anna-101"$': 'secret = "anna-101"\nrecord = "always"',
             r'^secret = "chen-103"$': 'secret = "chen-103"\nrecord = "on-demand"'}
    with House(tmp_path_factory.mktemp("house"), edits=edits, provider=False) as house:
        yield house


@pytest.fixture(autouse=True)
def idle(house: House, anna: Station) -> Iterator[None]:
    house.forget()
    yield
    for station in (anna, house.gateway):  # a test that failed may leave calls
        station.hang_up_all()
        station.calls.clear()


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[sound.Samples]:
    folder = tmp_path_factory.mktemp("words")
    whole = sound.load(sound.message_of(folder / "all.wav", 6.0))
    return [whole[i * 16000:(i + 1) * 16000] for i in range(3)]


def sides(path: Path) -> tuple[sound.Samples, sound.Samples]:
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 2 and file.getframerate() == 8000
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2) / 32768.0
    return pcm[:, 0], pcm[:, 1]


def said(by: StationCall, to: StationCall, what: sound.Samples) -> None:
    """Say it to the end, and see that it is heard."""
    by.say(what)
    wait_for(lambda: not by._say and sound.likeness(what, to.heard()) > 0.9, 10, "the words to be heard")


def last(house: House, kind: type) -> list[object]:
    return [r.event for r in house.reader.read(limit=100_000) if isinstance(r.event, kind)]


def ended_of(house: House) -> list[RecordingEnded]:
    """The recordings of the last call, when they are whole."""
    cdr = house.cdr()
    found: list[RecordingEnded] = wait_for(
        lambda: [e for e in last(house, RecordingEnded) if isinstance(e, RecordingEnded) and e.call == cdr.call],
        10, "the recording's end")
    return found


def test_both_sides_over_a_transfer_and_verified(house: House, anna: Station, words: list[sound.Samples]) -> None:
    before = len(last(house, RecordingStarted))
    with house.guest_desk("103", "chen") as chen:
        caller = house.gateway.dial("+358911111101").wait_up()
        at_anna = anna.wait_call()
        wait_for(lambda: len(last(house, RecordingStarted)) > before, 10, "the recording, after its announcement")
        said(caller, at_anna, words[0])
        for key in "##103#":
            at_anna.info_digit(key)
        at_chen = chen.wait_call().wait_up()
        said(at_chen, caller, words[1])
        caller.hang_up()
        at_chen.wait_end()
    ended = ended_of(house)
    assert ended is not None and len(ended) == 1
    event = ended[0]
    assert event.reason == "stopped"
    left, right = sides(house.box.data / "recordings" / event.recording)
    assert sound.likeness(words[0], left) > 0.9 and sound.likeness(words[0], right) < OTHER
    assert sound.likeness(words[1], right) > 0.9 and sound.likeness(words[1], left) < OTHER
    assert "0 with trouble" in house.box.run("recording", "verify", "--since", "2026-01-01").stdout
    with (house.box.data / "recordings" / event.recording).open("r+b") as file:
        file.seek(1000)
        file.write(b"xx")
    spoiled = house.box.run("recording", "verify", "--since", "2026-01-01", check=False)
    assert spoiled.returncode == 1 and "it is not what was recorded" in spoiled.stdout
    rows = house.box.json("recording", "list", "--since", "2026-01-01", "--call", event.call)
    assert [row["sha256"] for row in rows] == [event.sha256]


def test_on_demand_by_the_agents_keys(house: House, words: list[sound.Samples]) -> None:
    """The caller is told first. What was said before the key and after it is in no file."""
    with house.guest_desk("103", "chen") as chen:
        caller = house.gateway.dial("+358911111103").wait_up()
        at_chen = chen.wait_call()
        before = len(last(house, RecordingStarted))
        said(caller, at_chen, words[0])
        desk, told = Party(at_chen), Party(caller)
        at_chen.press("*1")
        desk.hear("record-on")
        told.hear("call-recorded")
        wait_for(lambda: len(last(house, RecordingStarted)) > before, 10, "the recording, after its announcement")
        said(caller, at_chen, words[1])
        at_chen.press("*1")
        desk.hear("record-off")
        said(caller, at_chen, words[2])
        caller.hang_up()
        at_chen.wait_end()
    ended = ended_of(house)
    assert len(ended) == len(last(house, RecordingStarted)) - before == 1
    left, _ = sides(house.box.data / "recordings" / ended[0].recording)
    assert sound.likeness(words[1], left) > 0.9
    assert sound.likeness(words[0], left) < OTHER and sound.likeness(words[2], left) < OTHER


def test_a_card_number_is_not_recorded(house: House, anna: Station, words: list[sound.Samples]) -> None:
    """Silence of the same length stands in its place, on both sides, and the checksum is that of the file."""
    before, pauses_before = len(last(house, RecordingStarted)), len(last(house, RecordingPaused))
    caller = house.gateway.dial("+358911111101").wait_up()
    at_anna = anna.wait_call()
    wait_for(lambda: len(last(house, RecordingStarted)) > before, 10, "the recording")

    def pauses() -> list[bool]:
        return [e.paused for e in last(house, RecordingPaused)[pauses_before:] if isinstance(e, RecordingPaused)]

    desk = Party(at_anna)
    said(caller, at_anna, words[0])
    at_anna.press("*4")
    desk.hear("record-paused")
    wait_for(lambda: pauses() == [True], 5, "the pause")
    said(caller, at_anna, words[1])
    said(at_anna, caller, words[2])  # the number repeated by the agent
    at_anna.press("*4")
    desk.hear("record-on")
    wait_for(lambda: pauses() == [True, False], 5, "the end of the pause")
    said(at_anna, caller, words[0])
    caller.hang_up()
    at_anna.wait_end()
    ended = ended_of(house)
    assert ended is not None
    path = house.box.data / "recordings" / ended[0].recording
    assert hashlib.sha256(path.read_bytes()).hexdigest() == ended[0].sha256
    left, right = sides(path)
    assert sound.likeness(words[0], left) > 0.9 and sound.likeness(words[1], left) < OTHER
    assert sound.likeness(words[0], right) > 0.9 and sound.likeness(words[2], right) < OTHER
    for side in (left, right):
        silent = np.flatnonzero(np.diff(np.concatenate([[1.0], np.abs(side) > 0, [1.0]])))
        assert np.diff(silent)[::2].max(initial=0) > 3.5 * sound.RATE
    assert len(left) / sound.RATE == pytest.approx(ended[0].seconds, abs=0.1)


def test_what_is_kept_of_a_number_is_erased(house: House, anna: Station, words: list[sound.Samples]) -> None:
    """Its recordings alone, or all: names and numbers go, the records of calls stay. Nobody else's go along."""
    box, folder = house.box, house.box.data / "recordings"
    others = set(folder.glob("*/*.wav"))
    house.gateway.user = "0917700001"  # the second of the office's list
    try:
        before = len(last(house, RecordingStarted))
        caller = house.gateway.dial("+358911111101").wait_up()
        at_anna = anna.wait_call()
        wait_for(lambda: len(last(house, RecordingStarted)) > before, 10, "the recording")
        running = box.json("recording", "erase", "--number", "0917700001")
        assert (running["recordings"], running["now"]) == (0, 1)
        said(caller, at_anna, words[0])
        caller.hang_up()
        at_anna.wait_end()
    finally:
        house.gateway.user = "gateway"
    cdr = house.cdr()
    wait_for(lambda: any(e.call == cdr.call for e in last(house, RecordingEnded)), 10, "the recording's end")  # type: ignore[attr-defined]
    assert cdr.caller == "+358917700001" and len(set(folder.glob("*/*.wav")) - others) == 1
    refused = box.run("recording", "erase", "--number", "101", check=False)
    assert refused.returncode == 1 and "is no number of a caller" in refused.stderr
    would = box.json("recording", "erase", "--number", "0917700001", "--dry-run")
    assert (would["calls"], would["recordings"]) == (1, 1) and len(set(folder.glob("*/*.wav")) - others) == 1
    assert box.run("recording", "erase", "--number", "0917700001").stdout.startswith("Erased: recordings 1.")
    assert set(folder.glob("*/*.wav")) == others
    assert [e.reason for e in last(house, RecordingErased) if e.call == cdr.call] == ["number"]  # type: ignore[attr-defined]
    uploaded = box.data / "lists" / "77.csv"
    uploaded.parent.mkdir(exist_ok=True)
    uploaded.write_text("number,name\n+358917700001,Anna\n+358917700002,Bo\n")
    rest = box.json("person", "erase", "+358917700001")
    assert (rest["recordings"], rest["calls"], rest["list_rows"]) == (0, 1, 1) and rest["texts"] >= 1
    assert uploaded.read_text().splitlines() == ["number,name", "+358917700002,Bo"]
    assert [Path(file).name for file in rest["files"]] == ["managers.csv"]
    known = house.reader.cdr(cdr.call)
    assert known is not None and known.caller == "(erased)" and known.recordings[0].erased == "number"
    assert box.json("person", "erase", "+358917700001")["calls"] == 0
    noted = [record.event for record in house.reader.audit()]
    assert {event.what for event in noted} == {"person.erase"} and not any("17700001" in repr(event) for event in noted)


def test_one_that_a_kill_cut_off_can_be_played(house: House, anna: Station, words: list[sound.Samples]) -> None:
    before = len(last(house, RecordingStarted))
    caller = house.gateway.dial("+358911111101").wait_up()
    at_anna = anna.wait_call()
    wait_for(lambda: len(last(house, RecordingStarted)) > before, 10, "the recording")
    caller.say(words[2])
    wait_for(lambda: sound.likeness(words[2], at_anna.heard()) > 0.9, 10, "the caller to be heard")
    files = sorted((house.box.data / "recordings").glob("*/*.wav"), key=lambda path: path.stat().st_mtime)
    wait_for(lambda: files[-1].stat().st_size > 32000 * 2, 10, "two seconds on disk")
    house.box.kill("core")

    def cut() -> list[object]:
        return [e for e in last(house, RecordingEnded) if isinstance(e, RecordingEnded) and e.reason == "interrupted"]

    found = wait_for(cut, 25, "the recording made whole")
    assert found is not None and isinstance(found[0], RecordingEnded)
    left, _ = sides(house.box.data / "recordings" / found[0].recording)
    assert len(left) / 8000 == pytest.approx(found[0].seconds) and sound.likeness(words[2][:8000], left) > 0.9
