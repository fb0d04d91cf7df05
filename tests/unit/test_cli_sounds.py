"""`switchroom message` and `greeting`: what the pages keep, made and removed at the command line; noted as there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from appliance import bus
from appliance import messages as m
from appliance.audit import waiting
from appliance.cli.main import cli
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.system.paths import ensure_layout
from tests.peers.cli import refused, run
from tests.unit.test_web_campaigns import tone

OFFICE = Path(__file__).resolve().parents[1] / "office" / "office.toml"
NO_BOX = SwitchroomError("bus.not-running", "No box runs.", "Start it.")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    ensure_layout(folder)
    Store(folder).import_file(OFFICE, by="test")
    return folder


def noted(data: Path) -> list[tuple[str, str]]:
    assert all(each.by.startswith("cli") for each in waiting(data))
    return [(each.what, each.target) for each in waiting(data)]


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a box that runs was asked, beside the notes."""
    asked: list[Any] = []

    def ask_once(data: Path, command: Any, timeout: float = 10.0) -> Any:
        if isinstance(command, m.NoteAudit):
            raise NO_BOX
        asked.append(command)
        if isinstance(command, m.StartCampaign):
            return m.CampaignStarted(campaign=1, subscribers=3, lines=1, minutes=1.0)
        return m.CallsReply(calls=[]) if isinstance(command, m.AskCalls) else m.Done()

    monkeypatch.setattr(bus, "ask_once", ask_once)
    return asked


# ---- messages --------------------------------------------------------------------------------------------------------


def test_a_file_is_kept_heard_and_removed(data: Path, tmp_path: Path) -> None:
    tone(tmp_path / "News of today.wav")
    kept = run(data, "message", "add", str(tmp_path / "News of today.wav"))
    assert (kept["name"], kept["source"]) == ("News of today", "uploaded") and kept["seconds"] == pytest.approx(2.0, abs=0.3)
    assert [each["id"] for each in run(data, "message", "list")] == [kept["id"]]
    run(data, "message", "export", kept["id"], str(tmp_path / "out.wav"))
    assert (tmp_path / "out.wav").read_bytes()[:4] == b"RIFF"
    assert refused(data, "message", "export", kept["id"], str(tmp_path / "no" / "out.wav")) == "message.cannot-write"
    run(data, "message", "remove", kept["id"])
    assert run(data, "message", "list") == [] and refused(data, "message", "remove", kept["id"]) == "message.unknown"
    assert noted(data) == [("message.make", kept["id"]), ("message.remove", kept["id"])]


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="nothing speaks here")
def test_a_text_is_spoken_and_kept(data: Path) -> None:
    kept = run(data, "message", "say", "The water is off on Monday.", "--language", "en", "--name", "Water")
    assert (kept["name"], kept["source"], kept["language"]) == ("Water", "typed", "en") and kept["seconds"] > 0.5


def test_a_phone_rings_and_what_was_said_there_is_listed(data: Path, tmp_path: Path, core: list[Any]) -> None:
    kept = run(data, "message", "record", "101", "--name", "Storm")
    assert (core[-1].extension, core[-1].message) == ("101", kept["id"]) and core[-1].by.startswith("cli")
    assert run(data, "message", "list") == []
    shown = CliRunner().invoke(cli, ["--data", str(data), "message", "list"]).output
    assert "Storm is being said there" in shown
    tone(data / "campaigns" / "messages" / f"{kept['id']}.wav", 3.0)
    (found,) = run(data, "message", "list")
    assert (found["name"], found["seconds"]) == ("Storm", 3.0)
    assert noted(data) == [("message.make", kept["id"])]


def test_a_phone_that_cannot_ring_leaves_nothing(data: Path) -> None:
    assert refused(data, "message", "record", "101") == "bus.not-running"
    assert not list((data / "campaigns" / "messages").iterdir())


def test_a_campaign_starts_with_a_kept_message(data: Path, tmp_path: Path, core: list[Any]) -> None:
    tone(tmp_path / "storm.wav")
    first = run(data, "message", "add", str(tmp_path / "storm.wav"))
    path = str((data / "campaigns" / "messages" / f"{first['id']}.wav").absolute())
    start = ("campaign", "start", "701", "--list", "12", "--message")
    for wanted in (first["id"], "storm"):
        run(data, *start, wanted)
        assert core[-1].message == path
    run(data, *start, str(tmp_path / "storm.wav"))
    assert core[-1].message == str(tmp_path / "storm.wav")
    second = run(data, "message", "add", str(tmp_path / "storm.wav"))
    assert second["id"] != first["id"]
    for wanted in ("storm", "../../office", "0" * 16):  # two have the name; none is called so
        assert refused(data, *start, wanted) == "message.unknown"


# ---- greetings -------------------------------------------------------------------------------------------------------


def test_a_greeting_is_taken_in_used_and_removed(data: Path, tmp_path: Path) -> None:
    tone(tmp_path / "Hello.wav")
    made = run(data, "greeting", "add", str(tmp_path / "Hello.wav"))
    path = Path(made["words"].removeprefix("file:"))
    (shown,) = run(data, "greeting", "list")
    assert (shown["name"], shown["words"], shown["used"]) == (path.name, made["words"], False) and path.is_file()
    run(data, "greeting", "export", path.name, str(tmp_path / "out.wav"))
    assert (tmp_path / "out.wav").read_bytes() == path.read_bytes()
    before = OFFICE.read_text()
    Store(data).add(f"# {path.name}\n{before}", by="test", base=str(OFFICE.parent))
    assert run(data, "greeting", "list")[0]["used"] and refused(data, "greeting", "remove", path.name) == "greeting.used"
    Store(data).add(before, by="test", base=str(OFFICE.parent))
    run(data, "greeting", "remove", path.name)
    assert run(data, "greeting", "list") == [] and not path.exists()
    assert noted(data) == [("greeting.upload", path.name), ("greeting.remove", path.name)]


def test_what_was_said_at_a_phone_becomes_a_greeting(data: Path, core: list[Any]) -> None:
    kept = run(data, "greeting", "record", "101", "--name", "Welcome")
    assert core[-1] == m.RecordMessage(extension="101", message=kept["id"], by=core[-1].by)
    assert refused(data, "greeting", "add", "--message", kept["id"]) == "message.unknown"  # not said yet
    tone(data / "campaigns" / "messages" / f"{kept['id']}.wav", 2.0)
    made = run(data, "greeting", "add", "--message", kept["id"])
    assert Path(made["words"].removeprefix("file:")).name.startswith("welcome-")


def test_one_of_a_phone_is_listed_and_given_up(data: Path, tmp_path: Path, core: list[Any]) -> None:
    (data / "greetings" / "queue").mkdir(parents=True)
    tone(data / "greetings" / "queue" / "front.wav")
    (shown,) = run(data, "greeting", "list")
    assert (shown["name"], shown["words"], shown["used"]) == ("queue:front", "", True)
    run(data, "greeting", "export", "queue:front", str(tmp_path / "out.wav"))
    assert (tmp_path / "out.wav").stat().st_size == (data / "greetings" / "queue" / "front.wav").stat().st_size
    run(data, "greeting", "remove", "queue:front")
    assert core[-1] == m.RemoveGreeting(owner="queue", name="front", by=core[-1].by)
    assert noted(data) == [("greeting.remove", "queue:front")]


@pytest.mark.parametrize("name", ["nobody-1.wav", "../office.toml", "queue:nobody", "queue:../../x", "lobby:main", ""])
def test_no_other_file_is_reached(data: Path, tmp_path: Path, name: str) -> None:
    for words in (("export", name, str(tmp_path / "out.wav")), ("remove", name)):
        assert refused(data, "greeting", *words) == "greeting.unknown"


def test_a_file_or_a_message_but_not_both(data: Path, tmp_path: Path) -> None:
    tone(tmp_path / "a.wav")
    for words in ((), (str(tmp_path / "a.wav"), "--message", "0" * 16)):
        assert CliRunner().invoke(cli, ["--data", str(data), "greeting", "add", *words]).exit_code == 2
