"""The outbox: queued once and for good, whole after a crash, tried ever later, told in words."""

from __future__ import annotations

import os
from email.message import EmailMessage
from pathlib import Path

import msgspec
import pytest

from appliance.clock import ManualClock
from appliance.errors import SwitchroomError
from appliance.mail import outbox as module
from appliance.mail.delivery import Failure, Refusal, is_loopback, settle_failed, settle_taken, wait_after
from appliance.mail.outbox import Entry, Outbox


def letter(to: str = "a@office.example", subject: str = "Report", sender: str = "box@harbour.example") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = sender
    if to:
        message["To"] = to
    message.set_content("Näin se meni.\n")
    return message


@pytest.fixture
def box(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "mail", ManualClock())


def test_queued_mail_is_there_for_another_process(box: Outbox) -> None:
    assert box.queue(letter("a@office.example, b@office.example", "Звіт"), "campaign-1-9")
    (entry,) = Outbox(box.folder).entries()
    assert (entry.id, entry.state, entry.to) == ("campaign-1-9", "waiting", ["a@office.example", "b@office.example"])
    assert entry.subject == "Звіт" and entry.queued == entry.next_try == box.clock.utc()
    text = box.text("campaign-1-9")
    assert entry.size == len(text) and text.isascii()
    assert entry.message_id.encode() in text and entry.message_id.endswith("@harbour.example>")
    assert all(path.stat().st_mode & 0o077 == 0 for path in box.folder.iterdir() if path.suffix in {".eml", ".json"})


def test_the_same_id_is_queued_once(box: Outbox) -> None:
    assert box.queue(letter(), "one")
    before = box.text("one"), box.entry("one")
    assert not box.queue(letter(subject="Another"), "one")
    assert (box.text("one"), box.entry("one")) == before
    box.change("one", lambda entry: setattr(entry, "state", "sent"))
    assert not box.queue(letter(), "one")


def test_bcc_gets_it_unseen(box: Outbox) -> None:
    message = letter()
    message["Cc"], message["Bcc"] = "c@office.example", "secret@office.example, a@office.example"
    box.queue(message, "one")
    assert box.entry("one").to == ["a@office.example", "c@office.example", "secret@office.example"]
    assert b"secret@" not in box.text("one")


def test_without_recipients_it_is_kept_until_one_is_named(box: Outbox) -> None:
    box.queue(letter(to=""), "one")
    assert box.entry("one").state == "kept" and box.due(box.clock.utc() + 1e9) == []
    with pytest.raises(SwitchroomError) as caught:
        box.retry("one")
    assert caught.value.id == "mail.no-recipient" and box.entry("one").state == "kept"
    assert box.retry("one", ["a@office.example"]).state == "waiting"
    assert [entry.to for entry in box.due(box.clock.utc())] == [["a@office.example"]]


@pytest.mark.parametrize("id", ["", ".hidden", "../x", "a/b", "a" * 121, "a b", "x\n"])
def test_an_id_cannot_leave_the_folder(box: Outbox, id: str) -> None:
    for call in (lambda: box.queue(letter(), id), lambda: box.entry(id), lambda: box.text(id)):
        with pytest.raises(SwitchroomError) as caught:
            call()
        assert caught.value.id == "mail.bad-id"


@pytest.mark.parametrize("step", range(6))
def test_a_crash_at_any_step_leaves_the_mail_whole_or_not_there(box: Outbox, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Every fsync and rename of queue() is once the last thing that happened."""

    class Crash(BaseException):
        pass

    steps = iter(range(100))

    def crashing(real: object) -> object:
        def call(*args: object, **more: object) -> object:
            if next(steps) == step:
                raise Crash
            return real(*args, **more)  # type: ignore[operator]

        return call

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", crashing(os.fsync))
        patch.setattr(Path, "replace", crashing(Path.replace))
        with pytest.raises(Crash):
            box.queue(letter(), "one")
    after = Outbox(box.folder, box.clock)
    there = after.has("one")
    assert there == bool(after.entries())
    if there:
        assert after.text("one").endswith(b"\r\n") and after.entry("one").size == len(after.text("one"))
    assert after.queue(letter(), "one") == (not there)
    after.sweep()
    assert [path.name for path in sorted(box.folder.iterdir()) if path.name[0] != "."] == ["one.eml", "one.json"]


def test_full_disk_refuses_and_leaves_nothing_behind(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            box.queue(letter(), "one")
    assert box.entries() == [] and not list(box.folder.glob("one*"))
    assert box.queue(letter(), "one")


def test_a_broken_record_does_not_hide_the_others(box: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    box.queue(letter(), "one")
    (box.folder / "two.json").write_bytes(b'{"id":')
    assert [entry.id for entry in box.entries()] == ["one"]
    assert "two.json" in caplog.text


def test_sweep_bounds_what_was_sent(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP_SENT", 4)
    monkeypatch.setattr(module, "KEEP_SENT_TEXTS", 2)
    for n in range(6):
        box.clock.advance(1)  # type: ignore[attr-defined]
        box.queue(letter(), f"mail-{n}")
        box.change(f"mail-{n}", lambda entry: setattr(entry, "state", "sent"))
    box.queue(letter(), "waits")
    box.sweep()
    assert [entry.id for entry in box.entries()] == ["mail-2", "mail-3", "mail-4", "mail-5", "waits"]
    assert sorted(path.stem for path in box.folder.glob("*.eml")) == ["mail-4", "mail-5", "waits"]
    with pytest.raises(SwitchroomError) as caught:
        box.retry("mail-2")
    assert caught.value.id == "mail.no-text"


def test_one_sender_at_a_time(box: Outbox) -> None:
    with box.sending() as first, Outbox(box.folder).sending() as second:
        assert (first, second) == (True, False)
    with box.sending() as again:
        assert again


def test_retry_of_a_failed_mail(box: Outbox) -> None:
    box.queue(letter(), "one")
    box.change("one", lambda e: settle_failed(e, Failure("no such user", for_good=True), 5.0, 72))
    failed = box.entry("one")
    assert (failed.state, failed.error, failed.tries) == ("failed", "no such user", 1)
    again = box.retry("one")
    assert (again.state, again.error, again.tries, again.to) == ("waiting", "", 0, ["a@office.example"])


# ---- what an answer means --------------------------------------------------------------------------------------------


def waiting(*to: str) -> Entry:
    return Entry(id="one", state="waiting", queued=0.0, to=list(to or ("a@x", "b@x", "c@x")))


def test_waits_grow_to_an_hour() -> None:
    assert [wait_after(n) for n in range(1, 9)] == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert wait_after(10_000) == 3600


def test_refused_for_now_is_tried_again_and_refused_for_good_is_not() -> None:
    entry = waiting()
    settle_taken(entry, {"b@x": Refusal(450, "busy"), "c@x": Refusal(550, "unknown")}, 100.0, 1)
    assert (entry.state, entry.to, entry.delivered, entry.refused) == ("waiting", ["b@x"], ["a@x"], {"c@x": "unknown"})
    assert entry.next_try == 160.0 and "b@x: busy" in entry.error
    settle_taken(entry, {}, 160.0, 1)
    assert (entry.state, entry.to, entry.delivered, entry.sent) == ("sent", [], ["a@x", "b@x"], 160.0)


def test_given_up_after_the_time_set() -> None:
    entry = waiting()
    now, tries = 1000.0, 0
    while entry.state == "waiting":
        settle_failed(entry, Failure("down"), now, keep_hours=24)
        assert entry.next_try > now or entry.state == "failed"
        now, tries = entry.next_try, tries + 1
    assert 24 * 3600 <= now - 1000.0 < 25 * 3600
    assert entry.state == "failed" and entry.tries == tries == 6 + 24 and entry.error == "down"


def test_refused_by_all_for_good_is_failed() -> None:
    entry = waiting("a@x")
    settle_taken(entry, {"a@x": Refusal(550, "unknown")}, 1.0, 1)
    assert (entry.state, entry.refused) == ("failed", {"a@x": "unknown"})


def test_records_of_an_older_version_are_read() -> None:
    old = b'{"id":"one","state":"waiting","queued":1.5,"to":["a@x"]}'
    assert msgspec.json.decode(old, type=Entry).tries == 0


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("[::1]", True), ("localhost", True), ("127.9.9.9", True),
     ("192.0.2.1", False), ("mail.example", False), ("localhost.example", False), ("0.0.0.0", False)],
)  # fmt: skip
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
