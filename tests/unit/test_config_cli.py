"""`switchroom config …` as people and scripts use it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from appliance.cli import config as command
from appliance.cli import noting
from appliance.errors import SwitchroomError
from appliance.messages import Command, NoteAudit, Reload

OFFICE = Path(__file__).parents[1] / "office"


@dataclass
class Context:
    data: Path
    json: bool = False


class Box:
    """A data directory and an office file to try commands on."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        shutil.copytree(OFFICE, folder / "office")
        self.office = folder / "office" / "office.toml"

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(command.config, words, obj=Context(self.data))

    def json(self, *words: str) -> Any:
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    def edit(self, old: str, new: str) -> None:
        self.office.write_text(self.office.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_check_finds_nothing_in_the_reference_office(box: Box) -> None:
    result = box.run("check", str(box.office))
    assert (result.exit_code, result.output.strip()) == (0, f"{box.office}: nothing to complain about.")
    assert box.json("check", str(box.office)) == {"ok": True, "problems": []}


def test_check_prints_problems_like_a_compiler(box: Box) -> None:
    box.edit("ring_seconds = 15", "ring_secnds = 15")
    box.edit("channels = 10", "channels = 0")
    result = box.run("check", str(box.office))
    assert result.exit_code == 1
    first, second, count = result.output.strip().splitlines()
    assert first.startswith(f"{box.office}:40:1: ") and "from 1 to 1000" in first
    assert second.startswith(f"{box.office}:99:1: ") and 'Did you mean "ring_seconds"?' in second
    assert count == "2 problems."
    told = json.loads(box.run("check", str(box.office), "--json").output)
    assert not told["ok"]
    assert [(problem["line"], problem["key"]) for problem in told["problems"]] == [
        (40, "lines[1].channels"),
        (99, "queues[0].ring_secnds"),
    ]


def test_import_history_diff_rollback(box: Box) -> None:
    assert "Version 1 is in force: first version." in box.run("import", str(box.office)).output
    box.edit("lines = 5\nconfirm", "lines = 3\nconfirm")
    assert box.json("import", str(box.office), "--summary", "fewer")["version"]["summary"] == "fewer"
    told = box.json("history")
    assert (told["current"], [version["number"] for version in told["versions"]]) == (2, [2, 1])
    assert "in force" in box.run("history").output
    differs = box.run("diff", "1", "2")
    assert differs.exit_code == 1
    assert "• scenario 701: lines 5 → 3" in differs.output and "+lines = 3" in differs.output
    same = box.run("diff", "2", str(box.office))
    assert (same.exit_code, same.output.strip()) == (0, "They are the same.")
    wrong = box.office.with_name("wrong.toml")
    wrong.write_text("[office]\nnme = 1\n", encoding="utf-8")
    assert box.run("diff", "2", str(wrong)).exit_code == 2
    assert "rolled back to version 1" in box.run("rollback", "1").output
    assert box.json("show")["scenarios"][0]["lines"] == 5


def test_import_of_a_wrong_file_changes_nothing(box: Box) -> None:
    box.run("import", str(box.office))
    box.edit("channels = 10", "channels = 0")
    result = box.run("import", str(box.office))
    assert result.exit_code == 1 and ":40:1:" in result.output
    assert box.json("history")["current"] == 1


def test_show_masks_secrets_and_export_does_not(box: Box, tmp_path: Path) -> None:
    box.run("import", str(box.office))
    shown = box.run("show").output
    assert "trunk-secret" not in shown and "4321" not in shown and "***" in shown
    assert "trunk-secret" in box.run("show", "--secrets").output
    assert box.json("show")["lines"][1]["secret"] == "***"
    assert box.json("show", "--secrets")["lines"][1]["secret"] == "trunk-secret"
    target = tmp_path / "out.toml"
    assert box.run("export", str(target)).exit_code == 0
    assert target.read_bytes() == box.office.read_bytes()
    assert target.stat().st_mode & 0o777 == 0o600
    again = box.run("export", str(target))
    assert isinstance(again.exception, SwitchroomError) and again.exception.id == "config.file-exists"
    assert box.run("export", str(target), "--force").exit_code == 0
    assert box.run("export").output == box.office.read_text(encoding="utf-8")


def test_a_box_without_configuration_says_what_to_do(box: Box) -> None:
    result = box.run("show")
    assert isinstance(result.exception, SwitchroomError)
    assert (result.exception.id, "import" in result.exception.hint) == ("config.none", True)
    assert "config import" in box.run("history").output


def test_try_says_what_happens_if_somebody_dials(box: Box) -> None:
    box.run("import", str(box.office))
    said = box.run("try", "112", "--phone", "101")
    assert said.exit_code == 0 and "An emergency call" in said.output
    told = json.loads(box.run("try", "+358911111100", "--line", "gateway", "--json").output)
    assert told["reached"] and told["text"] == "The menu main answers."
    lost = box.run("try", "1", "--phone", "999")
    assert isinstance(lost.exception, SwitchroomError) and lost.exception.id == "phone.unknown"


@pytest.mark.parametrize("name", ["check", "show", "export", "import", "history", "diff", "rollback", "try"])
def test_help_teaches_by_examples(box: Box, name: str) -> None:
    result = box.run(name, "--help")
    assert result.exit_code == 0
    assert f"switchroom config {name}" in result.output
    assert "--json" in result.output


class Core:
    """A core that is asked, in place of the bus."""

    def __init__(self, refusal: SwitchroomError | None = None) -> None:
        self.refusal = refusal
        self.asked: list[Command] = []

    def running(self, data: Path) -> bool:
        return True

    def ask_once(self, data: Path, question: Command) -> None:
        self.asked.append(question)
        if self.refusal is not None:
            raise self.refusal


def test_a_running_core_is_told(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    core = Core()
    for module in (command, noting):
        monkeypatch.setattr(module, "bus", core)
    assert "taken it over" in box.run("import", str(box.office)).output
    assert [type(question) for question in core.asked] == [NoteAudit, Reload]


def test_what_the_core_refuses_does_not_stay_in_force(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.run("import", str(box.office))
    box.edit("channels = 10", "channels = 4")
    monkeypatch.setattr(command, "bus", Core(SwitchroomError("core.port-taken", "Port 5060 is taken.")))
    result = box.run("import", str(box.office))
    assert isinstance(result.exception, SwitchroomError) and result.exception.id == "core.port-taken"
    assert box.json("show")["lines"][1]["channels"] == 10


def test_reload_without_a_box_says_how_to_start_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli", "--data", str(tmp_path), "config", "reload"],
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.returncode == 1
    assert "switchroom serve" in done.stderr
