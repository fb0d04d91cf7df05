"""`switchroom user` and `audit`: what is changed is noted, as at the pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from appliance.cli.main import cli
from tests.peers.cli import run


def user(data: Path, login: str) -> Any:
    return next((each for each in run(data, "user", "list") if each["login"] == login), None)


def audit_of(data: Path) -> list[Any]:
    log = run(data, "audit")
    assert all(each["by"].startswith("cli") and each["seq"] == 0 for each in log)  # no core has taken them over
    return [(each["what"], each["target"], each["detail"]) for each in log]


def test_every_change_is_noted_and_takes_effect(tmp_path: Path) -> None:
    run(tmp_path, "user", "add", "boss", "--role", "admin")
    run(tmp_path, "user", "add", "ann", "--queue", "front")
    run(tmp_path, "user", "change", "ann", "--role", "supervisor", "--list", "12", "--list", "13")
    ann = user(tmp_path, "ann")
    assert (ann["role"], ann["queues"], ann["lists"]) == ("supervisor", ["front"], ["12", "13"])
    run(tmp_path, "user", "change", "ann", "--queue", "")
    run(tmp_path, "user", "disable", "ann")
    ann = user(tmp_path, "ann")
    assert (ann["queues"], ann["lists"], ann["disabled"]) == ([], ["12", "13"], True)
    run(tmp_path, "user", "enable", "ann")
    run(tmp_path, "user", "password", "ann")
    run(tmp_path, "user", "remove", "ann")
    assert user(tmp_path, "ann") is None
    assert audit_of(tmp_path) == [
        ("user.remove", "ann", ""), ("user.password", "ann", ""), ("user.enable", "ann", ""), ("user.disable", "ann", ""),
        ("user.save", "ann", ""), ("user.save", "ann", "role supervisor"), ("user.add", "ann", "role viewer"),
        ("user.add", "boss", "role admin")]
    assert len(run(tmp_path, "audit", "--limit", "2")) == 2


def test_queues_and_lists_are_open_to_whom_they_were_opened_by_name(tmp_path: Path) -> None:
    run(tmp_path, "user", "add", "ann")
    assert (user(tmp_path, "ann")["queues"], user(tmp_path, "ann")["lists"]) == ([], [])
    run(tmp_path, "user", "change", "ann", "--all-queues", "--list", "12")
    assert (user(tmp_path, "ann")["queues"], user(tmp_path, "ann")["lists"]) == ("all", ["12"])
    run(tmp_path, "user", "role", "ann", "supervisor")
    assert (user(tmp_path, "ann")["queues"], user(tmp_path, "ann")["lists"]) == ("all", ["12"])
    run(tmp_path, "user", "change", "ann", "--queue", "", "--all-lists")
    assert (user(tmp_path, "ann")["queues"], user(tmp_path, "ann")["lists"]) == ([], "all")
    told = CliRunner().invoke(cli, ["--data", str(tmp_path), "user", "list"], env={"COLUMNS": "200"}).output
    row = next(line for line in told.splitlines() if "ann" in line)
    assert [each.strip() for each in row.split("│")][5:7] == ["none", "all"]
    told = CliRunner().invoke(cli, ["--data", str(tmp_path), "user", "add", "bo"]).output
    assert "bo sees no queue and no list: see `switchroom user change --help`." in told
    for words in (("--queue", "front", "--all-queues"), ("--list", "12", "--all-lists")):
        assert CliRunner().invoke(cli, ["--data", str(tmp_path), "user", "change", "ann", *words]).exit_code == 2


@pytest.mark.parametrize("words", [("user", "change", "ann"), ("audit", "--limit", "0")])
def test_wrong_use_is_told(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(cli, ["--data", str(tmp_path), *words]).exit_code == 2
