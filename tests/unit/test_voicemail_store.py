"""Messages on disk, whose mailbox is whose, mails about messages, greetings on disk."""

from __future__ import annotations

import asyncio
import io
import os
import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from appliance.config import Config, load
from appliance.config.model import Mailbox
from appliance.core.commands import Commands
from appliance.errors import SwitchroomError
from appliance.messages import Done, RemoveGreeting
from appliance.voicemail import boxes, mail
from appliance.voicemail.greetings import Greetings, is_heard, recorded_counts
from appliance.voicemail.store import Counts, Message, Messages
from tests.callslab import OFFICE

DAY = 86400.0


@pytest.fixture
def store(tmp_path: Path) -> Messages:
    return Messages(tmp_path / "voicemail")


@pytest.fixture(scope="module")
def office() -> Config:
    return load(OFFICE)


def wav(seconds: float = 1.0) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x01\x10" * int(8000 * seconds))
    return made.getvalue()


def left(store: Messages, box: str = "front", at: float = 1000.0, caller: str = "+358917700000") -> Message:
    message = store.begin(box, at, caller, "Anna", "c1")
    store.raw(message).write_bytes(wav())
    kept = store.keep(message, store.raw(message), 1.0)
    store.settled(message)
    return kept


# ---- the store --------------------------------------------------------------------------------------------------------------


def test_a_message_is_taken_kept_heard_and_deleted(store: Messages) -> None:
    kept = left(store)
    assert store.of("front") == [kept] and store.counts("front") == Counts(1, 0) and store.boxes() == ["front"]
    assert store.is_whole(kept) and store.audio(kept).read_bytes() == wav() and not store.left_over()
    heard = store.mark_heard(kept, 2000.0)
    assert store.counts("front") == Counts(0, 1) and store.message("front", kept.id) == heard
    assert store.delete(heard) and not store.delete(heard)
    assert store.counts("front").all == 0 and not store.audio(heard).exists()
    store.mark_heard(heard, 3000.0)
    assert store.counts("front").all == 0  # what is erased does not come back


def test_new_ones_come_first_each_oldest_first(store: Messages) -> None:
    first, second, third = (left(store, at=at) for at in (1.0, 2.0, 3.0))
    store.mark_heard(first, 9.0)
    assert [message.id for message in store.of("front")] == [second.id, third.id, first.id]


def test_what_a_kill_left_is_found(store: Messages) -> None:
    spoken = store.begin("front", 5.0, "101", "", "c1")
    store.raw(spoken).write_bytes(wav())
    kept = store.begin("102", 6.0, "101", "", "c2")
    store.raw(kept).write_bytes(wav())
    store.keep(kept, store.raw(kept), 1.0)
    again = Messages(store.folder)
    assert again.left_over() == [spoken, kept]
    assert again.is_kept(spoken) is None
    found = again.is_kept(kept)
    assert found is not None and found.seconds == 1.0 and again.boxes() == ["102"]


def test_audio_that_changed_is_seen(store: Messages) -> None:
    kept = left(store)
    store.audio(kept).write_bytes(wav()[:-2])
    assert not store.is_whole(kept)
    store.audio(kept).unlink()
    assert not store.is_whole(kept)


@pytest.mark.parametrize("name", ["../etc", "", ".taking", "a/b", "x" * 70])
def test_names_that_are_no_mailboxes(store: Messages, name: str) -> None:
    with pytest.raises(SwitchroomError, match="no name of a mailbox"):
        store.begin(name, 0.0, "", "", "")


def test_unknown_and_unreadable_messages(store: Messages, caplog: pytest.LogCaptureFixture) -> None:
    kept = left(store)
    for id in ("../../x", "1800000000000-00000000", ""):
        with pytest.raises(SwitchroomError) as problem:
            store.message("front", id)
        assert problem.value.id == "voicemail.unknown"
    (store.folder / "front" / f"{kept.id}.json").write_text("{")
    assert store.of("front") == [] and "cannot be read" in caplog.text


def test_time_over_and_of_one_caller(store: Messages) -> None:
    old, new = left(store, at=0.0), left(store, "102", at=80 * DAY, caller="101")
    assert store.older_than(90, 91 * DAY) == [old] and store.older_than(0, 1000 * DAY) == []
    assert store.from_caller("101") == [new] and store.from_caller("nobody") == []


# ---- whose ------------------------------------------------------------------------------------------------------------------


def test_whose_mailbox_is_whose(office: Config) -> None:
    config = msgspec.structs.replace(office, mailboxes=[
        Mailbox(name="front", phones=["103"], pin="99", email=["front@harbour.example"], max_seconds=30, max_messages=2),
    ])
    assert boxes.boxes_of(config, "103") == ["103", "chen", "front"] and boxes.boxes_of(config, "104") == ["104"]
    assert boxes.phones_of(config, "front") == ["103"] and boxes.phones_of(config, "102") == ["102"]
    assert boxes.phones_of(config, "anna") == ["101"] and boxes.phones_of(config, "billing") == []
    assert [boxes.by_number(config, n) for n in ("101", "600", "999")] == ["101", "front", None]
    front, usual = boxes.rules_of(config, "front"), boxes.rules_of(config, "102")
    assert (front.max_seconds, front.max_messages, front.mail_to, front.pin) == (30, 2, ["front@harbour.example"], "99")
    assert (usual.max_seconds, usual.max_messages, usual.mail_to, usual.pin) == (180, 100, [], None)
    assert boxes.shown(config, "101") == "Anna (101)" and boxes.shown(config, "front") == "front"


# ---- mails ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fi", "ru", "uk", "zh"])
def test_the_mail_in_every_language(office: Config, language: str) -> None:
    config = msgspec.structs.replace(office, office=msgspec.structs.replace(office.office, language=language))
    message = Message(id="1800000000000-0a1b2c3d", box="front", at=0.0, caller="+358917700000", name="Bad\r\nBcc: x", seconds=4.6)
    made = mail.compose(config, message, wav(), ["a@b.example"])
    assert "+358917700000" in made["Subject"] and made["To"] == "a@b.example" and made["Bcc"] is None
    body = made.get_body(("plain",))
    assert body is not None and "1970-01-01 02:00" in body.get_content() and "5" in body.get_content()
    (attached,) = made.iter_attachments()
    assert attached.get_content_type() == "audio/x-wav" and len(attached.get_payload(decode=True)) < len(wav()) * 0.6
    assert mail.message_of(mail.mail_id(message)) == ("front", message.id)
    assert mail.message_of("campaign-7-4711") is None


def test_the_audio_stays_here_where_that_is_set_or_it_is_too_large(office: Config) -> None:
    message = Message(id="1800000000000-0a1b2c3d", box="101", at=0.0)
    quiet = msgspec.structs.replace(office, voicemail=msgspec.structs.replace(office.voicemail, mail_audio=False))
    small = msgspec.structs.replace(office, mail=msgspec.structs.replace(office.mail, max_attachment_mb=1))
    for config, audio in ((quiet, wav()), (small, wav(200.0))):
        made = mail.compose(config, message, audio, ["a@b.example"])
        assert not list(made.iter_attachments()) and "an unknown number" in made["Subject"]
        body = made.get_body(("plain",))
        assert body is not None and "*97" in body.get_content()


# ---- greetings --------------------------------------------------------------------------------------------------------------


def test_a_greeting_is_used_found_again_and_removed(tmp_path: Path) -> None:
    greetings = Greetings(tmp_path)
    draft = greetings.draft("menu", "main", "c1")
    draft.write_bytes(wav())
    path = greetings.use("menu", "main", draft)
    assert greetings.of("menu", "main") == path == Greetings(tmp_path).of("menu", "main") and not draft.exists()
    assert greetings.of("queue", "main") is None
    greetings.remove("menu", "main")
    greetings.remove("menu", "main")
    assert greetings.of("menu", "main") is None and not path.exists()
    with pytest.raises(SwitchroomError, match="cannot be written"):
        greetings.use("menu", "main", draft)


@pytest.mark.parametrize(("words", "language", "counts"), [
    ("Welcome", "en", True), ("Welcome", "fi", True), ({"en": "Hello", "fi": "Hei"}, "fi", False),
    ({"en": "Hello", "fi": "Hei"}, "en", True), ({"en": "Hello", "fi": "Hei"}, "ru", True), ("", "zh", True),
])
def test_a_recording_is_in_the_main_language(words: str | dict[str, str], language: str, counts: bool) -> None:
    assert recorded_counts(words, language, "en") is counts


def test_of_two_recordings_callers_hear_the_newer_one(tmp_path: Path) -> None:
    phone, file = tmp_path / "phone.wav", tmp_path / "file.wav"
    for made in (phone, file):
        made.write_bytes(b"x")
    for at, heard in ((1_000, False), (2_000, True), (3_000, True)):
        os.utime(phone, (at, at))
        os.utime(file, (2_000, 2_000))
        assert is_heard(phone, f"file:{file}", "en", "en") is heard, at
        assert is_heard(phone, {"en": f"file:{file}", "fi": "Hei"}, "en", "en") is heard, at
    assert is_heard(phone, "Welcome.", "en", "en") and is_heard(phone, {"fi": f"file:{file}"}, "en", "en")
    assert not is_heard(phone, {"fi": "Hei"}, "fi", "en") and not is_heard(None, "Welcome.", "en", "en")
    file.unlink()
    assert is_heard(phone, f"file:{file}", "en", "en")


def test_what_was_recorded_at_a_phone_is_removed_over_the_bus(tmp_path: Path) -> None:
    greetings, noted = Greetings(tmp_path), []

    async def use_text(owner: Any, name: str, by: str) -> None:
        greetings.remove(owner, name)
        noted.append((owner, name, by))

    draft = greetings.draft("queue", "front", "c1")
    draft.write_bytes(b"x")
    greetings.use("queue", "front", draft)
    core: Any = SimpleNamespace(_box=SimpleNamespace(office=SimpleNamespace(greetings=greetings, use_text=use_text)))
    order = RemoveGreeting(owner="queue", name="front", by="web:admin")
    assert asyncio.run(Commands._remove_greeting(core, order)) == Done() and noted == [("queue", "front", "web:admin")]
    with pytest.raises(SwitchroomError, match="recorded at a phone"):
        asyncio.run(Commands._remove_greeting(core, order))
