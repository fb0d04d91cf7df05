"""A message said at a phone that the box rings: kept by #, by hanging up, by waiting; said again; nothing in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.calls.flows.recordmessage import TRIES, RecordMessage
from appliance.errors import SwitchroomError
from tests.callslab import HANG_UP, Caller, Lab, hastily

RECORD, MENU = ["attention-recording", "beep"], "recording-menu"


class Studio:
    """`audio`: what is wrong with each recording, "" for nothing."""

    def __init__(self, folder: Path, audio: list[str]) -> None:
        self.draft, self._audio, self.takes, self.kept = folder / "draft", list(audio), 0, 0

    async def ready(self) -> None:
        self.takes += 1
        wrong = self._audio.pop(0) if self._audio else ""
        if wrong:
            raise SwitchroomError(wrong, "Nothing.", "")

    async def keep(self) -> None:
        assert self.draft.exists()
        self.kept = self.takes


def said_at(studio: Studio, reacts: dict[str, list[str]], recordings: list[str], *, answers: bool = True) -> list[str]:
    said: list[str] = []

    async def work() -> None:
        lab = Lab()
        if answers:
            lab.driver.on_place = lab.answers
        call = lab.switch.new_call("record-message")
        leg = call.add_leg("out", "phone", "101", "101")
        leg.language = "en"
        caller = Caller(lab, leg, reacts, recordings)
        await lab.switch.lead(call, RecordMessage(leg, studio.draft, 300.0, studio.ready, studio.keep).run)
        said.extend(caller.said)

    hastily(work())
    assert not studio.draft.exists()
    return said


@pytest.mark.parametrize(("reacts", "recordings", "said", "kept"), [
    ({MENU: ["#"]}, [], [*RECORD, MENU, "goodbye"], 1),
    ({MENU: ["2", "#"]}, [], [*RECORD, MENU, *RECORD, MENU, "goodbye"], 2),
    ({}, [], [*RECORD, MENU, MENU, "goodbye"], 1),  # who just waits
    ({MENU: [HANG_UP]}, [], [*RECORD, MENU], 1),
    ({}, [HANG_UP], RECORD, 1),
    ({MENU: ["2"]}, ["stopped", HANG_UP], [*RECORD, MENU, *RECORD], 2),
])  # fmt: skip
def test_what_is_kept(tmp_path: Path, reacts: dict[str, list[str]], recordings: list[str], said: list[str], kept: int) -> None:
    studio = Studio(tmp_path, [])
    assert said_at(studio, reacts, recordings) == said and studio.kept == kept


def test_it_is_heard_before_it_is_kept(tmp_path: Path) -> None:
    studio = Studio(tmp_path, [])
    said = said_at(studio, {MENU: ["1", "#"]}, [])
    assert said == [*RECORD, MENU, "your-message", str(studio.draft), MENU, "goodbye"] and studio.kept == 1


def test_silence_is_said_again_and_never_kept(tmp_path: Path) -> None:
    studio = Studio(tmp_path, ["message.silent"] * TRIES)
    assert said_at(studio, {}, []) == [*[*RECORD, "message-empty"] * TRIES, "goodbye"] and studio.kept == 0
    studio = Studio(tmp_path, ["message.silent"])
    assert said_at(studio, {}, [HANG_UP]) == RECORD and studio.kept == 0


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    studio = Studio(tmp_path, ["message.unwritable"])
    assert said_at(studio, {}, []) == [*RECORD, "storage-short"] and studio.kept == 0


def test_nobody_picks_up(tmp_path: Path) -> None:
    studio = Studio(tmp_path, [])
    assert said_at(studio, {}, [], answers=False) == [] and studio.takes == 0
