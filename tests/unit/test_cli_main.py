"""What `switchroom` leaves with, and how it tells of errors."""

from __future__ import annotations

import json
import sys

import click
import pytest

from appliance.cli import main as command
from appliance.errors import SwitchroomError


@click.group()
def probe() -> None:
    """Commands that end in each way a command can."""


@probe.command()
@click.argument("status", type=int)
@click.pass_context
def leave(ctx: click.Context, status: int) -> None:
    ctx.exit(status)


@probe.command()
def end() -> str:
    return "a command's return value is no exit status"


@probe.command()
def fail() -> None:
    raise SwitchroomError("probe.failed", "It [did] not work.", "Try again.")


@probe.command()
def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(command.GROUPS, "probe", (f"{__name__}:probe", "For tests."))


def status_of(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["switchroom", *words])
    with pytest.raises(SystemExit) as left:
        command.main()
    assert isinstance(left.value.code, int)
    return left.value.code


@pytest.mark.parametrize(("words", "status"), [
    (["probe", "leave", "0"], 0), (["probe", "leave", "1"], 1), (["probe", "leave", "3"], 3), (["probe", "end"], 0),
    (["probe", "fail"], 1), (["probe", "interrupt"], 130), (["probe", "no-such"], 2), (["no-such"], 2), (["--help"], 0),
    (["probe", "leave", "--help"], 0), (["probe", "leave"], 2), (["--version"], 0),
])  # fmt: skip
def test_exit_status_reaches_the_shell(monkeypatch: pytest.MonkeyPatch, words: list[str], status: int) -> None:
    assert status_of(monkeypatch, *words) == status


def test_errors_are_told_on_stderr_with_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status_of(monkeypatch, "probe", "fail")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "It [did] not work.\nTry again.\n")


def test_errors_for_scripts_are_json_on_stdout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status_of(monkeypatch, "--json", "probe", "fail")
    told = json.loads(capsys.readouterr().out)
    assert told == {"error": {"id": "probe.failed", "message": "It [did] not work.", "hint": "Try again."}}
