"""Leaving and hearing messages, greetings, the night switch and PINs with a caller of paper; waits cost nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from appliance.calls.flows.dialogue import Dialogue, Goodbye
from appliance.calls.flows.greeting import RecordGreeting
from appliance.calls.flows.lastcaller import last_caller
from appliance.calls.flows.mailbox import Mailbox
from appliance.calls.flows.nightswitch import night_switch
from appliance.calls.flows.voicemail import RECORDINGS, Voicemail
from appliance.calls.leg import HungUp, Leg
from appliance.calls.routing import Decision, ToExtension
from appliance.config.opening import Setting
from appliance.errors import SwitchroomError
from appliance.prompts import Moment
from appliance.voicemail.boxes import Rules
from appliance.voicemail.store import Message
from tests.callslab import HANG_UP, Caller, Lab, hastily

GREET, REVIEW = "voicemail-greeting", "voicemail-review"


# ---- leaving a message ------------------------------------------------------------------------------------------------------


class Room:
    """The mailroom as leaving a message sees it. `audio`: whether there is something in each recording."""

    def __init__(self, folder: Path, *, trouble: str = "", audio: list[bool] | None = None, fails: bool = False) -> None:
        self.folder, self._trouble, self._audio, self.fails = folder, trouble, audio or [], fails
        self.kept: list[str] = []
        self.discarded: list[str] = []
        self.begun = 0

    async def trouble(self, box: str) -> str:
        return self._trouble

    def rules(self, box: str) -> Rules:
        return Rules(max_seconds=60, min_seconds=2, max_messages=10, mail_to=[], pin=None)

    async def begin(self, leg: Leg, box: str) -> Message:
        self.begun += 1
        return Message(id=str(self.begun), box=box, at=0.0)

    def raw(self, message: Message) -> Path:
        return self.folder / f"{message.id}.wav"

    async def prepare(self, message: Message) -> tuple[bytes, float] | None:
        there = self._audio[int(message.id) - 1] if int(message.id) <= len(self._audio) else True
        return (b"what-was-said", 5.0) if there else None

    async def keep(self, message: Message) -> None:
        if self.fails:
            raise SwitchroomError("ledger.full", "It is full.", "")
        self.kept.append(message.id)

    async def discard(self, message: Message) -> None:
        self.discarded.append(message.id)


def leave(
    folder: Path, reacts: dict[str, list[str]] | None = None, recordings: list[str] | None = None, *,
    greeting: Sequence[bytes] = (), **room: Any,
) -> tuple[Room, list[str], Leg]:
    desk, said, legs = Room(folder, **room), [], []

    async def work() -> None:
        lab = Lab()
        leg = lab.comes("0912345678", "gateway", "line")
        legs.append(leg)
        caller = Caller(lab, leg, reacts, recordings)
        await lab.switch.lead(leg.call, lambda: Voicemail(leg, "front", greeting, desk).run())
        said.extend(caller.said)

    hastily(work())
    return desk, said, legs[0]


@pytest.mark.parametrize(("reacts", "recordings", "audio", "said", "kept"), [
    ({}, ["silence"], [], [GREET, "beep", REVIEW, REVIEW, "voicemail-saved"], ["1"]),
    ({REVIEW: ["1"]}, ["stopped"], [], [GREET, "beep", REVIEW, "voicemail-saved"], ["1"]),
    ({GREET: ["#"]}, [HANG_UP], [], [GREET, "beep"], ["1"]),
    ({REVIEW: [HANG_UP]}, ["stopped"], [], [GREET, "beep", REVIEW], ["1"]),
    ({REVIEW: ["2", "1"]}, ["stopped"], [], [GREET, "beep", REVIEW, "what-was-said", REVIEW, "voicemail-saved"], ["1"]),
    ({REVIEW: ["2"], "what-was-said": ["3"]}, ["stopped", HANG_UP], [], [GREET, "beep", REVIEW, "what-was-said", "beep"], ["2"]),
    ({REVIEW: ["3", "1"]}, ["stopped"] * 2, [], [GREET, "beep", REVIEW, "beep", REVIEW, "voicemail-saved"], ["2"]),
    ({}, ["limit"], [], [GREET, "beep", "recording-limit", REVIEW, REVIEW, "voicemail-saved"], ["1"]),
    ({}, ["silence", HANG_UP], [False, True], [GREET, "beep", "message-empty", "beep"], ["2"]),
    ({}, ["silence"] * 2, [False] * 2, [GREET, "beep", "message-empty", "beep", "voicemail-not-saved"], []),
    ({}, [HANG_UP], [False], [GREET, "beep"], []),
    ({GREET: [HANG_UP]}, [], [], [GREET], []),
])  # fmt: skip
def test_leaving_a_message(
    tmp_path: Path, reacts: dict[str, list[str]], recordings: list[str], audio: list[bool], said: list[str], kept: list[str],
) -> None:
    desk, heard, leg = leave(tmp_path, reacts, recordings, audio=audio)
    assert (heard, desk.kept) == (said, kept)
    assert leg.is_ended and len(desk.kept) + len(desk.discarded) == desk.begun


def test_saying_it_again_for_ever_has_an_end(tmp_path: Path) -> None:
    desk, said, _ = leave(tmp_path, {REVIEW: ["3"] * 100}, ["stopped"] * 100)
    assert desk.begun == RECORDINGS and said[-1] == "voicemail-not-saved" and not desk.kept


def test_an_own_greeting_is_heard_instead(tmp_path: Path) -> None:
    _, said, _ = leave(tmp_path, greeting=[b"our-words"])
    assert said[:2] == ["our-words", "beep"]


@pytest.mark.parametrize("trouble", ["voicemail-full", "voicemail-excuse"])
def test_a_full_mailbox_or_disk_is_said(tmp_path: Path, trouble: str) -> None:
    desk, said, leg = leave(tmp_path, trouble=trouble)
    assert said == [trouble] and not desk.begun and leg.is_ended


def test_nobody_is_told_saved_who_is_not(tmp_path: Path) -> None:
    _, said, _ = leave(tmp_path, {REVIEW: ["1"]}, fails=True)
    assert said[-1] == "technical-trouble"
    _, said, leg = leave(tmp_path, {}, [HANG_UP], fails=True)
    assert said == [GREET, "beep"] and leg.is_ended


# ---- hearing them -----------------------------------------------------------------------------------------------------------


class Shelf:
    """The mailroom as somebody who listens sees it."""

    def __init__(self, *messages: Message, damaged: str = "") -> None:
        self.all, self.damaged = list(messages), damaged
        self.marked: list[str] = []
        self.deleted: list[str] = []

    async def messages(self, boxes: Sequence[str]) -> list[Message]:
        return self.all

    async def audio(self, message: Message) -> bytes | None:
        return None if message.id == self.damaged else f"audio-{message.id}".encode()

    async def heard(self, message: Message, by: str) -> None:
        self.marked.append(message.id)

    async def delete(self, message: Message, by: str) -> None:
        self.deleted.append(message.id)

    def received(self, message: Message) -> Moment:
        return Moment("today", 8)


A = Message(id="a", box="101", at=0.0, caller="+358917700000")
B = Message(id="b", box="101", at=0.0, caller="102")
C = Message(id="c", box="101", at=0.0, heard=1.0)
ABOUT = {"a": "voicemail-from", "b": "voicemail-from-extension", "c": "voicemail-from-unknown"}


def about(id: str) -> list[str]:
    return ["voicemail-message", ABOUT[id], "voicemail-received"]


def listen(shelf: Shelf, reacts: dict[str, list[str]] | None = None, back: Decision | None = None) -> tuple[Any, list[str]]:
    found: list[Any] = []
    said: list[str] = []

    async def work() -> None:
        lab = Lab()
        leg = lab.comes("*97")
        caller = Caller(lab, leg, reacts)
        talk = Dialogue(leg, "en")

        async def flow() -> None:
            talk.begin()
            found.append(await Mailbox(leg, ["101"], shelf, talk, lambda number: back if number else None).run())

        await lab.switch.lead(leg.call, flow)
        said.extend(caller.said)

    hastily(work())
    return (found[0] if found else HungUp), said


def test_no_messages() -> None:
    assert listen(Shelf()) == (None, ["voicemail-none"])


def test_all_are_heard_in_turn() -> None:
    shelf = Shelf(A, C)
    _, said = listen(shelf, {"voicemail-menu": ["2", "2"]})
    assert said == ["voicemail-count", *about("a"), "audio-a", "voicemail-menu", *about("c"), "audio-c", "voicemail-menu",
                    "voicemail-no-more"]
    assert shelf.marked == ["a", "c"]


def test_again_delete_and_end() -> None:
    shelf = Shelf(A, B)
    _, said = listen(shelf, {"voicemail-menu": ["1", "3"], "audio-b": ["*"]})
    assert said == ["voicemail-count", *about("a"), "audio-a", "voicemail-menu", "audio-a", "voicemail-menu", "voicemail-deleted",
                    *about("b"), "audio-b", "goodbye"]
    assert shelf.deleted == ["a"] and "b" not in shelf.marked


def test_keys_count_while_it_is_announced() -> None:
    shelf = Shelf(A, B)
    _, said = listen(shelf, {"voicemail-from": ["2"], "voicemail-from-extension": ["3"]})
    assert said == ["voicemail-count", *about("a"), *about("b"), "voicemail-deleted", "voicemail-no-more"]
    assert shelf.deleted == ["b"] and not shelf.marked


def test_calling_back() -> None:
    there = ToExtension("102")
    assert listen(Shelf(A), {"voicemail-menu": ["4"]}, there)[0] == there
    found, said = listen(Shelf(C), {"voicemail-menu": ["4", "*"]}, there)
    assert found is None and said[-3:] == ["voicemail-no-number", "voicemail-menu", "goodbye"]


def test_who_hangs_up_or_waits_leaves_them_as_they_are() -> None:
    shelf = Shelf(A, B)
    found, _ = listen(shelf, {"voicemail-from": [HANG_UP]})
    assert found is HungUp and not shelf.marked and not shelf.deleted
    found, said = listen(shelf)
    assert found is None and said[-1] == "goodbye" and shelf.marked == ["a"]


def test_a_damaged_one_is_passed_over() -> None:
    shelf = Shelf(A, B, damaged="a")
    _, said = listen(shelf, {"voicemail-menu": ["2"]})
    assert said == ["voicemail-count", *about("a"), "technical-trouble", *about("b"), "audio-b", "voicemail-menu",
                    "voicemail-no-more"]


# ---- greetings --------------------------------------------------------------------------------------------------------------


class Studio:
    def __init__(self, folder: Path, recorded: Path | None = None, silent: int = 0, short: bool = False) -> None:
        self.folder, self._recorded, self.silent, self.short = folder, recorded, silent, short
        self.done: list[str] = []

    def can_record(self) -> bool:
        return not self.short

    def recorded(self, owner: str, name: str) -> Path | None:
        return self._recorded

    def draft(self, owner: str, name: str, call: str) -> Path:
        return self.folder / "draft"

    async def made_ready(self, draft: Path) -> float:
        assert draft.exists()
        self.silent -= 1
        if self.silent >= 0:
            raise SwitchroomError("message.silent", "Nothing.", "")
        return 3.0

    async def use(self, owner: str, name: str, draft: Path, seconds: float, by: str) -> None:
        self.done.append(f"use {owner}:{name} {seconds} {by}")

    async def use_text(self, owner: str, name: str, by: str) -> None:
        self.done.append("text")


def record(studio: Studio, reacts: dict[str, list[str]]) -> list[str]:
    said: list[str] = []

    async def work() -> None:
        lab = Lab()
        leg = lab.comes("*77")
        caller = Caller(lab, leg, reacts)
        talk = Dialogue(leg, "en")

        async def flow() -> None:
            talk.begin()
            try:
                await RecordGreeting(leg, "menu", "main", studio, talk).run()
            except Goodbye as end:
                await talk.say(end.prompt)

        await lab.switch.lead(leg.call, flow)
        said.extend(caller.said)

    hastily(work())
    assert not (studio.folder / "draft").exists()
    return said


RECORD, CHOOSE = ["greeting-record", "beep"], "greeting-menu"


@pytest.mark.parametrize(("recorded", "reacts", "said", "done"), [
    ("", {CHOOSE: ["#"]}, [*RECORD, CHOOSE, "greeting-saved"], ["use menu:main 3.0 101"]),
    ("", {CHOOSE: ["1", "2", "#"]}, [*RECORD, CHOOSE, "DRAFT", CHOOSE, *RECORD, CHOOSE, "greeting-saved"],
     ["use menu:main 3.0 101"]),
    ("", {CHOOSE: ["0"]}, [*RECORD, CHOOSE, "greeting-removed"], ["text"]),
    ("", {}, [*RECORD, CHOOSE, CHOOSE, "goodbye"], []),
    ("", {CHOOSE: [HANG_UP]}, [*RECORD, CHOOSE], []),
    ("old", {CHOOSE: ["1", "#"]}, [CHOOSE, "old", CHOOSE, "goodbye"], []),
    ("old", {CHOOSE: ["2", "#"]}, [CHOOSE, *RECORD, CHOOSE, "greeting-saved"], ["use menu:main 3.0 101"]),
    ("old", {CHOOSE: ["0"]}, [CHOOSE, "greeting-removed"], ["text"]),
])  # fmt: skip
def test_a_greeting_is_recorded(
    tmp_path: Path, recorded: str, reacts: dict[str, list[str]], said: list[str], done: list[str],
) -> None:
    studio = Studio(tmp_path, Path(recorded) if recorded else None)
    heard = record(studio, reacts)
    assert [name.replace(str(tmp_path / "draft"), "DRAFT") for name in heard] == said and studio.done == done


def test_a_greeting_with_nothing_in_it_and_no_room_for_one(tmp_path: Path) -> None:
    assert record(Studio(tmp_path, silent=9), {}) == [*[*RECORD, "message-empty"] * 3, "goodbye"]
    assert record(Studio(tmp_path, silent=1), {CHOOSE: ["#"]})[-1] == "greeting-saved"
    assert record(Studio(tmp_path, short=True), {}) == ["storage-short"]


# ---- the night switch, the last caller, PINs --------------------------------------------------------------------------------


def converse(work: Any, reacts: dict[str, list[str]]) -> tuple[Any, list[str]]:
    """What a dialogue comes to, and what was said; its Goodbye is said."""
    found: list[Any] = []
    said: list[str] = []

    async def go() -> None:
        lab = Lab()
        leg = lab.comes("*28")
        caller = Caller(lab, leg, reacts)
        talk = Dialogue(leg, "en")
        talk.begin()
        try:
            found.append(await work(talk))
        except Goodbye as end:
            await talk.say(end.prompt, **end.values)
        said.extend(caller.said)

    hastily(go())
    return (found[0] if found else None), said


class Switch:
    def __init__(self) -> None:
        self.setting: Setting = "auto"
        self.by = ""

    def standing(self, hours: str) -> tuple[Setting, bool]:
        return self.setting, self.setting != "closed"

    async def switch(self, hours: str, setting: Setting, by: str) -> None:
        self.setting, self.by = setting, f"{hours}/{by}"


@pytest.mark.parametrize(("key", "said", "setting"), [
    ("1", ["night-by-hours-open", "night-menu", "night-open"], "open"),
    ("2", ["night-by-hours-open", "night-menu", "night-closed"], "closed"),
    ("0", ["night-by-hours-open", "night-menu", "night-by-hours-open"], "auto"),
    ("", ["night-by-hours-open", "night-menu", "night-by-hours-open", "night-menu", "goodbye"], "auto"),
])
def test_the_night_switch_by_code(key: str, said: list[str], setting: str) -> None:
    desk = Switch()
    _, heard = converse(lambda talk: night_switch(talk, "office", desk), {"night-menu": [key]})
    assert heard == said and desk.setting == setting and desk.by in ("", "office/101")


def test_the_last_caller_is_read_out_and_called_back() -> None:
    there = ToExtension("102")
    assert converse(lambda talk: last_caller(talk, "102", lambda n: there), {"last-caller": ["1"]}) == (there, ["last-caller"])
    assert converse(lambda talk: last_caller(talk, "102", lambda n: there), {})[1] == ["last-caller", "last-caller", "goodbye"]
    for number, where in (("", there), ("+35800", None)):
        assert converse(lambda talk: last_caller(talk, number, lambda n: where), {}) == (None, ["last-caller-none"])  # noqa: B023


class Door:
    def __init__(self) -> None:
        self.wrong = 0

    def locked(self, door: str) -> float:
        return 10.0 if self.wrong >= 3 else 0.0

    def check(self, door: str, right: str, given: str) -> bool:
        self.wrong = 0 if right == given else self.wrong + 1
        return right == given


def test_pins() -> None:
    door = Door()

    def asked(keys: list[str]) -> list[str]:
        reacts = {"enter-pin": keys[:1], "wrong-pin": keys[1:]}
        return converse(lambda talk: talk.check_pin(door, "mailbox:front", "1234"), reacts)[1]

    assert asked(["1234#"]) == ["enter-pin"]
    assert asked(["1#", "1234#"]) == ["enter-pin", "wrong-pin"]
    assert asked([]) == ["enter-pin"] * 3 + ["goodbye"]
    assert asked(["1#", "2#", "3#"]) == ["enter-pin", "wrong-pin", "wrong-pin", "pin-locked"]
    assert asked(["1234#"]) == ["pin-locked"]


def test_a_number_of_keys_that_mean_nothing_is_not_endless() -> None:
    _, said = converse(lambda talk: night_switch(talk, "", Switch()), {"night-menu": ["9"] * 50})
    assert said.count("invalid-key") == 4 and said[-1] == "goodbye"
