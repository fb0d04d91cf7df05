"""Menus, mailboxes, the night switch, greetings and lists of callers, through the whole box: what is pressed is really pressed
(RFC 4733 and tones), what is said is recognised in what was heard. Every branch of the dialogues is in tests/unit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from appliance.messages import CallerScreened, CallReached, FactKeyed, GreetingChanged, VoicemailDeleted, VoicemailLeft
from tests.interop.test_calls_phones import wait_heard
from tests.interop.test_operator_dialogue import tones
from tests.peers import sound
from tests.peers.ear import Party
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.smtp import MailServer
from tests.peers.station import Station, StationCall

GREETING = "Good morning, this is the harbour."
MENU = f'''greeting = "{GREETING}"
number = "500"
keys = {{ 1 = "extension:101", 3 = "menu:numbers", 4 = "menu:round", 5 = "queue:billing", 6 = "voicemail:front" }}
languages = {{ 9 = "fi" }}
dial_extensions = true
digit_seconds = 1
wait_seconds = 1
repeats = 1
invalid = "extension:103"
'''
EDITS = {
    r'^greeting = "Welcome.*$': MENU, r"^keys = \{ 1 = .queue.*$": "",
    r'^no_answer = "queue:front"$': 'no_answer = "extension:102"',
    r'^inbound_numbers = \{ (.*) \}$': r'inbound_numbers = { \1, "+358911111150" = "extension:104" }',
    r'^secret = "daria-104"$': 'secret = "daria-104"\nreject_anonymous = true\nemail = "daria@harbour.example"',
}
MORE = """
[[menus]]
name = "numbers"
[menus.ask]
name = "account"
label = "Account number"
min_digits = 4
max_digits = 6
forms = ["7###"]
read_back = true
then = "extension:101"

[[menus]]
name = "round"
no_answer = "menu:and-round"

[[menus]]
name = "and-round"
no_answer = "menu:round"

[[mailboxes]]
name = "front"
phones = ["101"]
pin = "2468"
email = ["front@harbour.example"]

[voicemail]
min_seconds = 1

[recording]
stop_after_pause_seconds = 3

[[callers]]
name = "pests"
kind = "block"
numbers = ["+358917700066"]

[[callers]]
name = "silent"
kind = "block"
numbers = ["+358917700067"]
silent = true

[phone_book]
file = "book.csv"
"""
CALLER = "0917700123"


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, mails: MailServer) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"), provider=False, edits=EDITS, more=MORE, mail_port=mails.port)
    (made.box.folder / "book.csv").write_text("number,name\n+358917700123,Harbour Master\n")
    with made:
        yield made


def stations(house: House) -> list[Station]:
    return [house.gateway, *(part for part in house._open if isinstance(part, Station))]


@pytest.fixture(autouse=True)
def idle(house: House) -> Iterator[None]:
    house.forget()
    house.gateway.user = CALLER
    for station in stations(house):
        station.calls.clear()
        station.plan = [180, 200]
    yield
    for station in stations(house):
        station.hang_up_all()


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> sound.Samples:
    return sound.load(sound.message_of(tmp_path_factory.mktemp("words") / "w.wav", 3.0))


def hear_greeting(party: Party, folder: Path, text: str = GREETING) -> None:
    party.ear.hear_clips([own_clip(folder, text)], 15, text)


def own_clip(data: Path, text: str, language: str = "en") -> Path:
    from appliance.prompts.sounds import _text_key

    return data / "sounds" / "8000" / f"{_text_key(text, language)}.wav"


def calls(house: House) -> Party:
    """A caller from outside, who is answered by the menu."""
    return Party(house.gateway.dial("0912345678"))


def events(house: House, kind: type) -> list[object]:
    return [record.event for record in house.reader.read(limit=100_000) if isinstance(record.event, kind)]


def last_event(house: House, kind: type, count: int, seconds: float = 8) -> object:
    """The latest of at least `count` events of this kind."""
    return wait_for(lambda: found[-1] if len(found := events(house, kind)) >= count else None, seconds, kind.__name__)


# ---- menus ------------------------------------------------------------------------------------------------------------------


def test_a_digit_reaches_a_phone_and_both_talk(house: House, anna: Station, words: sound.Samples) -> None:
    """By RFC 4733; the phone is shown the name that the phone book has."""
    party = calls(house)
    hear_greeting(party, house.box.data)
    party.call.press("1")
    desk = anna.wait_call()
    assert "Harbour Master" in desk.invite.get("From")
    party.call.say(words)
    wait_heard(desk.heard, words)
    desk.hang_up()
    party.call.wait_end()
    cdr = house.cdr()
    assert (cdr.direction, cdr.disposition, cdr.reached) == ("in", "answered", "extension:101")
    assert cdr.legs[0].name == "Harbour Master"


def test_tones_in_the_audio_are_keys_where_there_are_no_events(
    house: House, anna: Station, monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = StationCall.sdp
    no_events = re.compile(r"a=(rtpmap|fmtp):101 .*\r\n| 101(?=\r\n)")
    monkeypatch.setattr(StationCall, "sdp", lambda call: no_events.sub("", plain(call)))
    party = calls(house)
    hear_greeting(party, house.box.data)
    party.call.say(tones("1"))
    anna.wait_call()
    party.call.hang_up()


def test_an_extension_dialled_ahead_of_the_greeting(house: House) -> None:
    daria = house.desk("104", "daria")
    party = calls(house)
    party.call.press("104")
    daria.wait_call()  # no key and no wrong key leads there
    party.call.hang_up()


def test_nothing_and_wrong_keys_have_their_targets(house: House) -> None:
    chen = house.desk("103", "chen")
    boris = house.desk("102", "boris", plan=[180])
    party = calls(house)
    party.call.press("7")
    party.hear("invalid-key")
    party.call.press("8")
    chen.wait_call(5)
    party.call.hang_up()
    party = calls(house)
    boris.wait_call(15)
    party.call.hang_up()


def test_a_key_chooses_the_language(house: House) -> None:
    party = calls(house)
    party.call.press("9")
    party.ear.language = "fi"
    party.call.press("7")
    party.hear("invalid-key")
    party.call.hang_up()


def test_an_account_number_is_asked_for_checked_and_kept(house: House, anna: Station) -> None:
    party = calls(house)
    party.call.press("3")
    party.hear("ask-number")
    party.call.press("1234#")
    party.hear("ask-invalid")
    party.call.press("7654#")
    party.hear("ask-read-back", number="7654")
    party.call.press("1")
    anna.wait_call()
    party.call.hang_up()
    fact = last_event(house, FactKeyed, 1)
    assert isinstance(fact, FactKeyed)
    assert (fact.name, fact.label, fact.digits, fact.caller) == ("account", "Account number", "7654", "+358917700123")
    assert b"7654" not in (house.box.folder / "serve.log").read_bytes()


def test_a_circle_of_menus_ends_in_a_goodbye(house: House) -> None:
    party = calls(house)
    party.call.press("4")
    party.hear("menu-goodbye")
    party.call.wait_end()


def test_the_menu_leads_to_a_queue(house: House) -> None:
    before = len(events(house, CallReached))
    party = calls(house)
    party.call.press("5")

    def reached() -> list[str]:
        return [event.target for event in events(house, CallReached)[before:] if isinstance(event, CallReached)]

    wait_for(lambda: reached() == ["menu:main", "queue:billing"], 10, "the queue")
    party.call.hang_up()


# ---- the night switch and voicemail -----------------------------------------------------------------------------------------


def setting(house: House) -> tuple[str, bool]:
    hours = house.status().hours[0]
    return hours.setting, hours.open


def test_the_night_switch_by_code_and_by_command(house: House, anna: Station) -> None:
    party = Party(anna.dial("*28"))
    party.hear("night-by-hours-open")
    party.call.press("2")
    party.hear("night-closed")
    party.call.wait_end()
    assert setting(house) == ("closed", False)
    outside = calls(house)
    outside.hear("voicemail-greeting")
    outside.call.hang_up()
    house.box.run("night", "auto")
    assert setting(house) == ("auto", True)
    house.box.run("night", "off", "--hours", "office")
    assert setting(house) == ("open", True)
    assert house.box.run("night", "on", "--hours", "nowhere", check=False).returncode == 1
    house.box.run("night", "auto")


def leave(house: House, words: sound.Samples, end: str = "") -> Party:
    """A message of 3 s for the front desk; by hanging up, or with a key."""
    party = calls(house)
    party.call.press("6")
    party.hear("voicemail-greeting")
    party.hear("beep")
    party.call.say(np.concatenate([words, np.zeros(2 * sound.RATE)]))
    wait_for(lambda: len(party.call._say) < sound.RATE, 10, "it is said")
    if end:
        party.call.press(end)
    else:
        party.call.hang_up()
    return party


def test_a_message_is_left_mailed_shown_heard_and_deleted(
    house: House, anna: Station, mails: MailServer, words: sound.Samples, tmp_path: Path,
) -> None:
    leave(house, words)
    left = last_event(house, VoicemailLeft, 1)
    assert isinstance(left, VoicemailLeft) and left.box == "front" and left.caller == "+358917700123" and left.seconds > 2.5
    wait_for(lambda: any("Voice-Message: 1/0" in note for note in anna.notes), 8, "the lamp")
    mail = wait_for(lambda: mails.mails and mails.mails[-1], 10, "the mail")
    assert mail["To"] == "front@harbour.example" and "+358917700123" in mail["Subject"]
    (attached,) = mail.iter_attachments()
    audio = attached.get_payload(decode=True)
    assert audio[:4] == b"RIFF" and len(audio) > 2.5 * sound.RATE
    (listed,) = house.box.json("voicemail", "list", "front")
    assert listed["id"] == left.message and listed["name"] == "Harbour Master" and not listed["heard"]
    house.box.run("voicemail", "export", left.message, str(tmp_path / "m.wav"))
    assert sound.likeness(words, sound.load(tmp_path / "m.wav")) > 0.9

    party = Party(anna.dial("*97"))
    party.hear("voicemail-count", new=1, old=0)
    party.hear("voicemail-message", n=1, all=1)
    party.hear("voicemail-from", number="+358917700123")
    wait_heard(party.call.heard, words)
    party.hear("voicemail-menu")
    party.call.press("1")
    party.hear("voicemail-menu")
    wait_for(lambda: any("Voice-Message: 0/1" in note for note in anna.notes), 8, "the lamp")
    party.call.press("3")
    party.hear("voicemail-deleted")
    party.hear("voicemail-no-more")
    party.call.wait_end()
    assert house.box.json("voicemail", "list") == [] and events(house, VoicemailDeleted)


@pytest.mark.slow
def test_the_caller_keeps_it_with_a_key_and_another_phone_hears_it_with_the_pin(house: House, words: sound.Samples) -> None:
    party = leave(house, words, "#")
    party.hear("voicemail-review")
    party.call.press("1")
    party.hear("voicemail-saved")
    party.call.wait_end()
    (listed,) = house.box.json("voicemail", "list", "front")
    boris = house.desk("102", "boris")
    other = Party(boris.dial("*98600"))
    other.hear("enter-pin")
    other.call.press("1111#")
    other.hear("wrong-pin")
    other.call.press("2468#")
    other.hear("voicemail-count", new=1, old=0)
    other.call.hang_up()
    house.box.run("voicemail", "delete", listed["id"])
    assert house.box.json("voicemail", "list") == []


def test_a_kill_while_the_caller_speaks_loses_nothing(house: House, anna: Station, words: sound.Samples) -> None:
    party = calls(house)
    party.call.press("6")
    party.hear("beep")
    party.call.say(np.concatenate([words, np.zeros(sound.RATE)]))
    wait_for(lambda: len(party.call._say) < sound.RATE // 2, 10, "it is said")
    before = len(events(house, VoicemailLeft))
    house.box.kill("core")
    house.box.wait_up()
    last_event(house, VoicemailLeft, before + 1, 15)
    (listed,) = house.box.json("voicemail", "list", "front")
    assert listed["seconds"] > 2
    house.box.run("voicemail", "delete", "--from", CALLER)
    assert house.box.json("voicemail", "list") == []
    wait_for(lambda: house.status().phones[0].registered, 10, "Anna's phone")


# ---- greetings, lists of callers --------------------------------------------------------------------------------------------


def test_a_greeting_recorded_at_a_phone_is_heard_by_callers(house: House, anna: Station, words: sound.Samples) -> None:
    party = Party(anna.dial("*77500"))
    party.hear("greeting-record")
    party.hear("beep")
    party.call.say(np.concatenate([words, np.zeros(sound.RATE)]))
    wait_for(lambda: len(party.call._say) < sound.RATE // 2, 10, "it is said")
    party.call.press("#")
    party.hear("greeting-menu")
    party.call.press("#")
    party.hear("greeting-saved")
    party.call.wait_end()
    assert isinstance(last_event(house, GreetingChanged, 1), GreetingChanged)
    outside = calls(house)
    wait_heard(outside.call.heard, words)
    outside.call.hang_up()
    party = Party(anna.dial("*77500"))
    party.hear("greeting-menu")
    party.call.press("0")
    party.hear("greeting-removed")
    party.call.wait_end()
    outside = calls(house)
    hear_greeting(outside, house.box.data)
    outside.call.hang_up()


def test_who_is_on_a_list_or_hides_is_turned_away(house: House) -> None:
    house.gateway.user = "0917700066"
    party = calls(house)
    party.hear("caller-blocked")
    party.call.wait_end()
    house.gateway.user = "0917700067"
    assert house.gateway.dial("0912345678").wait_end().statuses[-1] == 603
    house.gateway.user = "anonymous"
    party = Party(house.gateway.dial("0911111150"))
    party.hear("anonymous-rejected")
    party.call.wait_end()
    assert [event.list for event in events(house, CallerScreened) if isinstance(event, CallerScreened)] == ["pests", "silent"]


def test_the_last_caller_is_told_and_called_back(house: House, anna: Station) -> None:
    anna.plan = [486]
    house.gateway.dial("0911111101").wait_up()
    house.cdr()
    anna.plan = [180, 200]
    party = Party(anna.dial("*69"))
    party.hear("last-caller", number="+358917700123")
    party.call.press("1")
    assert house.gateway.wait_call().number == CALLER
    party.call.hang_up()
