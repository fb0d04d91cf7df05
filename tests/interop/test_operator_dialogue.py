"""The operator's dialogue as it is heard at a desk phone: baresip dials, keys and speaks, and what the box says is found in its
recording. What takes long to wait for is in tests/unit/test_calls_operator.py."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.calls.flows.operator import about
from appliance.campaigns import estimate
from appliance.config.model import Scenario
from appliance.prompts import Moment
from tests.peers import sound
from tests.peers.baresip import Phone
from tests.peers.box import OFFICE, Box
from tests.peers.ear import Ear, Handset
from tests.peers.net import free_port, wait_for
from tests.peers.sipp import Gateway
from tests.peers.station import Station, StationCall

PIN = "4321"
SCENARIO = """
[[scenarios]]
code = "{code}"
name = "Test {code}"
lines = 2
ring_seconds = 3
retries = 0
allowed = ["101", "102"]
confirm = "1"
confirm_wait_seconds = 1
{more}
"""
LIST = """
[[lists]]
number = "{number}"
name = "List {number}"
file = "list{number}.csv"
"""
LISTS: dict[str, bytes] = {
    "13": b"number,name\n",
    "14": "number,name\n+358917700000,Äiti\n".encode() + b"+358917700001,\xff\xfe\x00\x81\n",
    "15": b"number,name\n+358917700000,A\n12,B\n0917700000,C\n+358917700001,D\n112,E\n+358917700001,F\n+358917700000,G\n",
    "16": b"number,name\n+358917700000,Only\n",
    "17": b"number,name\n+358917700009,Nowhere\n",
    "18": b"number,name\n" + b"".join(b"+3589177%05d,N\n" % n for n in range(0, 400, 10)),
}
"""13 has nobody, 14 is in no encoding, 15 has two bad rows and three repeats, 17 is not in service, 18 has forty who listen."""
SCENARIOS = {
    "702": "", "703": "max_message_seconds = 3", "704": f'pin = "{PIN}"', "705": "", "706": 'ring_back = true\nlanguage = "fi"',
    "707": 'hours = "weekend"',
    "711": 'language = "fi"', "712": 'language = "ru"', "713": 'language = "uk"', "714": 'language = "zh"',
}


def office() -> str:
    text = (OFFICE / "office.toml").read_text()
    text += '\n[[hours]]\nname = "weekend"\nopen = ["sun 08:00-20:00"]\n'
    text += "\n[recording]\nstop_after_pause_seconds = 4\n"
    text += "\n[codes]\npin_lock_minutes = 0.4\n"
    return text + "".join(LIST.format(number=n) for n in LISTS) + "".join(
        SCENARIO.format(code=code, more=more) for code, more in SCENARIOS.items())


def box_in(folder: Path, gateway_port: int, **options: Any) -> Box:
    numbers = [f"+3589177{n:05d}" for n in range(0, 3000, 10)]
    box = Box(folder, gateway_port, free_port(), office=office(), numbers=numbers, **options)
    for number, content in LISTS.items():
        (folder / f"list{number}.csv").write_bytes(content)
    return box


class House:
    """One box for all tests of a worker, with the gateway's people and Anna's phone."""

    def __init__(self, box: Box, gateway: Gateway, phone: Phone) -> None:
        self.box, self.gateway, self.phone = box, gateway, phone

    def campaigns(self, code: str) -> list[Any]:
        return [c for c in self.box.json("campaign", "list") if c["scenario"] == code]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("operator")
    with Gateway(folder / "gateway") as gateway, box_in(folder / "box", gateway.port) as box, \
            Phone(folder / "phone", box.sip_port, "101", "anna-101") as phone:
        box.wait_registered("101")
        yield House(box, gateway, phone)


@pytest.fixture(autouse=True)
def on_the_hook(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that failed leaves no call standing."""
    yield
    if "house" in request.fixturenames:
        phone = request.getfixturevalue("house").phone
        phone.hang_up()
        phone.quiet()


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two different messages of 2.5 s, one of 6 s, one of half a second."""
    folder = tmp_path_factory.mktemp("words")
    whole = sound.load(sound.message_of(folder / "all.wav", 16.0))
    out = []
    for i, (begin, end) in enumerate([(0, 2.5), (3.0, 5.5), (6.0, 12.0), (12.3, 12.8)]):
        out.append(folder / f"{i}.wav")
        sound.save(out[-1], whole[int(begin * sound.RATE):int(end * sound.RATE)])
    return out


def dial(phone: Phone, box: Box, code: str, language: str = "en") -> Ear:
    phone.quiet()
    ear = Ear(phone, language)
    phone.dial(code, box.sip_port)
    phone.wait_event("CALL_ESTABLISHED", 10)
    return ear


def gone(phone: Phone, seconds: float = 15) -> None:
    """The box hangs up."""
    phone.wait_event("CALL_CLOSED", seconds)


def hang_up(phone: Phone) -> None:
    phone.hang_up()
    phone.wait_event("CALL_CLOSED", 10)


def invitation(ear: Ear) -> None:
    ear.hear("attention-recording")
    ear.hear("beep")


def say(ear: Ear, box: Box, words: Path, end: str = "#") -> None:
    """Speak after the beep, and end it with a key ("" just falls silent)."""
    invitation(ear)
    begun, seconds = time.time(), len(sound.load(words)) / sound.RATE
    ear.phone.speak(words)

    def recorded() -> bool:
        files = [path.stat() for path in (box.data / "campaigns" / "drafts").glob("*-raw.wav")]
        return any(file.st_mtime > begun and file.st_size > (seconds + 0.6) * 16000 for file in files)

    if end:
        wait_for(recorded, seconds + 15, "the message is recorded")
        ear.phone.press(end)


@pytest.mark.slow
def test_pins(house: House, words: list[Path]) -> None:
    phone, box = house.phone, house.box
    ear = dial(phone, box, "704")
    ear.hear("enter-pin")
    phone.press("1111#")
    ear.hear("wrong-pin")
    phone.press("2222#")
    ear.hear("wrong-pin")
    phone.press(PIN + "#")
    ear.hear("attention-recording")
    hang_up(phone)
    ear = dial(phone, box, "704")
    phone.press("9999#")
    for digits in ("9998", "9997#"):
        ear.hear("wrong-pin")
        phone.press(digits)
    ear.hear("wrong-pin-goodbye")
    gone(phone)
    assert house.campaigns("704") == [] and "no right PIN in 3 tries" in box.log()
    shut = time.monotonic()
    ear = dial(phone, box, "704")
    ear.hear("pin-locked", minutes=0.4)
    gone(phone)
    wait_for(lambda: time.monotonic() > shut + 24, 30, "the door is open again")
    ear = dial(phone, box, "704")
    ear.hear("enter-pin")
    hang_up(phone)


def test_lists_that_cannot_be_called_and_one_that_can(house: House, words: list[Path]) -> None:
    phone, box = house.phone, house.box
    ear = dial(phone, box, "702")
    say(ear, box, words[0])
    recorded = len(ear.samples())
    ear.hear("recording-menu")
    phone.press("#")
    ear.hear("enter-list-number")
    phone.press("13#")
    ear.hear("list-empty")
    phone.press("14")
    ear.hear("list-unreadable")
    phone.press("15")
    ear.hear("list-digits", number="15")
    rules = Scenario(code="702", lines=2, ring_seconds=3, retries=0, confirm="1", confirm_wait_seconds=1)
    ear.hear("forecast", numbers=2, lines=2, minutes=about(estimate.expected_minutes(2, 2, 2.5, rules)))
    ear.hear("list-bad-numbers", count=2)
    ear.hear("list-duplicates", count=3)
    ear.hear("forecast-confirm")
    phone.press("*")
    ear.hear("campaign-not-started")
    gone(phone)
    assert house.campaigns("702") == []
    assert "list14.csv, line 3: byte 0xFF" in box.log() and "Save the file as UTF-8" in box.log()
    assert ear.longest_silence(recorded) < 3.0 + ear.late


@pytest.mark.slow
def test_a_list_that_nobody_knows(house: House, words: list[Path]) -> None:
    phone, box = house.phone, house.box
    ear = dial(phone, box, "702")
    say(ear, box, words[0], "##")  # the second is for the menu, before it is said
    ear.hear("enter-list-number")
    for digits in ("99#", "98"):
        phone.press(digits)
        ear.hear("list-unknown")
    phone.press("97#")
    ear.hear("list-unknown-goodbye")
    gone(phone)
    assert house.campaigns("702") == []


@pytest.mark.slow
def test_silence_and_a_word_are_no_message(house: House, words: list[Path]) -> None:
    phone, box = house.phone, house.box
    ear = dial(phone, box, "702")
    invitation(ear)
    ear.hear("message-empty")  # after the pause that ends a recording
    say(ear, box, words[3], "")
    ear.hear("message-too-short")
    invitation(ear)
    hang_up(phone)
    assert house.campaigns("702") == []


def test_a_pause_ends_it_heard_again_recorded_again(house: House, words: list[Path]) -> None:
    phone, box = house.phone, house.box
    ear = dial(phone, box, "705")
    say(ear, box, words[0], "")
    ear.hear("recording-menu")
    phone.press("1")
    ear.hear("your-message")
    first = sound.load(words[0])
    wait_for(lambda: sound.likeness(first[4000:-4000], ear.samples()[ear.at:]) > 0.9, 10, "the own message")
    ear.at = len(ear.samples())
    ear.hear("recording-menu")
    phone.press("2")
    say(ear, box, words[1])
    ear.hear("recording-menu")
    phone.press("#")
    ear.hear("enter-list-number")
    before = len(house.gateway.calls())
    phone.press("17")
    ear.hear("forecast-confirm")
    phone.press("1")
    ear.hear("campaign-started")
    gone(phone)
    campaign = house.campaigns("705")[-1]
    box.wait_campaign(campaign["id"], "finished", 30)
    assert len(house.gateway.calls()) == before + 1
    kept = sound.load(box.data / "campaigns" / str(campaign["id"]) / "message.wav")
    assert sound.likeness(sound.load(words[1]), kept) > 0.9 > sound.likeness(first, kept)


@pytest.mark.slow
def test_the_limit_and_every_key_ahead_of_its_question(house: House, words: list[Path]) -> None:
    phone, box = house.phone, house.box
    ear = dial(phone, box, "703")
    invitation(ear)
    phone.speak(words[2])
    ear.hear("recording-limit")
    ear.hear("recording-menu")
    phone.press("#16#1")
    ear.hear("campaign-started")
    gone(phone)
    campaign = house.campaigns("703")[-1]
    report = box.wait_campaign(campaign["id"], "finished", 40)
    assert [s["outcome"] for s in report["subscribers"]] == ["heard"] and report["list"] == "16"
    kept = sound.load(box.data / "campaigns" / str(campaign["id"]) / "message.wav")
    assert 2.5 < len(kept) / sound.RATE < 3.2


def test_a_campaign_under_way(house: House, words: list[Path]) -> None:
    phone, box = house.phone, house.box
    box.run("campaign", "start", "702", "--list", "18", "--message", str(words[0]))
    campaign = house.campaigns("702")[-1]["id"]

    def done() -> int:
        totals = box.report(campaign)
        return sum(s["outcome"] not in (None, "", "pending") for s in totals["subscribers"])

    begun = len(house.gateway.calls())
    wait_for(lambda: len(house.gateway.calls()) > begun, 15, "the first call")
    ear = dial(phone, box, "702")
    ear.hear("campaign-state-running")
    phone.press("1")
    ear.hear("campaign-paused")
    assert box.report(campaign)["state"] == "paused"
    calls = house.gateway.wait_until_quiet(20)  # what stood was finished, and nobody else is called
    assert all("CANCEL" not in call.methods for call in calls)
    hang_up(phone)
    assert len(house.gateway.calls()) == len(calls)
    report = box.report(campaign)
    heard = [s for s in report["subscribers"] if s["outcome"] == "heard"]
    assert heard and all(s["seconds_heard"] > 2 for s in heard)
    ear = dial(phone, box, "702")
    ear.hear("campaign-state-paused")
    ear.hear("campaign-progress", done=len(heard), all=40, confirmed=0)
    ear.hear("campaign-menu-paused")
    phone.press("2")
    ear.hear("campaign-resumed")
    ear.hear("campaign-menu-running")
    assert box.report(campaign)["state"] == "running"
    phone.press("3")
    ear.hear("campaign-cancel-sure")
    phone.press("*")
    ear.hear("campaign-state-running")
    phone.press("3")
    ear.hear("campaign-cancel-sure")
    phone.press("1")
    ear.hear("campaign-cancelled")
    gone(phone)
    assert box.report(campaign)["state"] == "cancelled"


def test_rung_back_with_the_summary(house: House, words: list[Path]) -> None:
    phone, box = house.phone, house.box
    ear = dial(phone, box, "706", "fi")
    say(ear, box, words[0], "##")
    ear.hear("enter-list-number")
    phone.press("17")
    phone.hang_up()
    gone(phone)
    ear = Ear(phone, "fi")
    phone.wait_event("CALL_INCOMING", 25)
    phone.answer()
    ear.hear("summary-intro")
    ear.hear("summary", heard=0, confirmed=0, failed=1)
    ear.hear("goodbye")
    gone(phone)


def main_path(house: House, code: str, language: str, words: list[Path]) -> None:
    """From the beep to the forecast and the cancelling, with nothing else said in between."""
    phone, box = house.phone, house.box
    before = house.campaigns(code)
    ear = dial(phone, box, code, language)
    say(ear, box, words[0])
    recorded = len(ear.samples())
    ear.hear("recording-menu")
    phone.press("#")
    ear.hear("enter-list-number")
    phone.press("12")
    ear.hear("list-digits", number="12")
    rules = Scenario(code=code, lines=2, ring_seconds=3, retries=0, confirm="1", confirm_wait_seconds=1)
    ear.hear("forecast", numbers=300, lines=2, minutes=about(estimate.expected_minutes(300, 2, 2.5, rules)))
    ear.hear("forecast-confirm")
    phone.press("*")
    ear.hear("campaign-not-started")
    gone(phone)
    assert house.campaigns(code) == before and ear.longest_silence(recorded) < 3.0 + ear.late


@pytest.mark.slow
@pytest.mark.parametrize(("code", "language"), [("711", "fi"), ("712", "ru"), ("713", "uk"), ("714", "zh")])
def test_in_every_language(house: House, words: list[Path], code: str, language: str) -> None:
    main_path(house, code, language, words)


@pytest.mark.slow
def test_in_english(house: House, words: list[Path]) -> None:
    main_path(house, "702", "en", words)


@pytest.mark.slow
def test_digits_by_info_and_hanging_up_after_the_list(house: House, words: list[Path], tmp_path: Path) -> None:
    box = house.box
    phone = Phone(tmp_path / "phone", box.sip_port, "102", "boris-102")
    accounts = tmp_path / "phone" / "accounts"
    accounts.write_text(accounts.read_text().rstrip() + ";dtmfmode=info\n")
    with phone:
        box.wait_registered("102")
        ear = dial(phone, box, "704")
        phone.press(PIN + "#")
        say(ear, box, words[0], "##")
        ear.hear("enter-list-number")
        phone.press("17")
        hang_up(phone)
        wait_for(lambda: house.campaigns("704"), 10, "the campaign starts")
    campaign = house.campaigns("704")[-1]
    assert box.wait_campaign(campaign["id"], "finished", 30)["list"] == "17"


def test_closed_and_not_allowed(house: House, tmp_path: Path) -> None:
    phone, box = house.phone, house.box
    ear = dial(phone, box, "707")
    ear.hear("closed-until", opens=Moment(6, 8, 0))
    ear.hear("closed-start-anyway")
    phone.press("*")
    ear.hear("campaign-not-started")
    gone(phone)
    with Phone(tmp_path / "chen", box.sip_port, "103", "chen-103") as chen:
        box.wait_registered("103")
        ear = dial(chen, box, "707")
        ear.hear("not-allowed-to-start")
        gone(chen)
    assert house.campaigns("707") == []


def tones(keys: str) -> sound.Samples:
    """Each key for 120 ms, 120 ms apart (ITU-T Q.23)."""
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477)
    at = np.arange(960) / sound.RATE
    out = []
    for key in keys:
        row, column = divmod("123456789*0#".index(key), 3)
        out += [0.2 * (np.sin(2 * np.pi * rows[row] * at) + np.sin(2 * np.pi * columns[column] * at)), np.zeros(960)]
    return np.concatenate(out)


def test_a_phone_that_knows_only_tones(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = StationCall.sdp
    events = re.compile(r"a=(rtpmap|fmtp):101 .*\r\n| 101(?=\r\n)")
    monkeypatch.setattr(StationCall, "sdp", lambda call: events.sub("", plain(call)))
    with Station(house.box.sip_port, user="102", secret="boris-102") as station:
        station.register()
        handset = Handset()
        ear = Ear(handset)  # type: ignore[arg-type]
        handset.call = station.dial("704").wait_up()
        assert "telephone-event" not in handset.call.sdp()
        handset.call.say(tones("9999#"))
        ear.hear("wrong-pin")
        handset.call.say(tones(PIN + "#"))
        ear.hear("attention-recording")
        handset.call.hang_up()


@pytest.mark.slow
def test_closed_hours(tmp_path: Path, words: list[Path]) -> None:
    """Sunday, a minute before 08:00: one scenario opens in a minute, the other tomorrow."""
    with Gateway(tmp_path / "gateway") as gateway, \
            box_in(tmp_path / "box", gateway.port, now="2026-03-01T07:59:00+02:00") as box, \
            Phone(tmp_path / "phone", box.sip_port, "101", "anna-101") as phone:
        box.wait_registered("101")
        ear = dial(phone, box, "707")
        ear.hear("closed-until", opens=Moment("today", 8, 0))
        phone.press("1")
        say(ear, box, words[0], "##")
        ear.hear("enter-list-number")
        phone.press("16")
        ear.hear("forecast-begins", opens=Moment("today", 8, 0))
        phone.press("1")
        ear.hear("campaign-scheduled")
        gone(phone)
        assert gateway.calls() == []
        ear = dial(phone, box, "701")
        phone.press(PIN)
        ear.hear("closed-until", opens=Moment("tomorrow", 8, 0))
        ear.hear("closed-start-anyway")
        phone.press("*")
        ear.hear("campaign-not-started")
        gone(phone)
        box.wait_campaign(1, "finished", 80)
        assert [call.number for call in gateway.calls()] == ["0917700000"] and len(box.json("campaign", "list")) == 1


@pytest.mark.slow
def test_the_disk_is_short(tmp_path: Path) -> None:
    short = {r"^stop_after_pause_seconds = 4$": "stop_after_pause_seconds = 4\n[storage]\nstop_recordings_below_mb = 1000000"}
    with box_in(tmp_path / "box", free_port(), edits=short) as box, \
            Phone(tmp_path / "phone", box.sip_port, "101", "anna-101") as phone:
        box.wait_registered("101")
        ear = dial(phone, box, "702")
        ear.hear("storage-short")
        gone(phone)
