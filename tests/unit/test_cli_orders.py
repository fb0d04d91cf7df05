"""What the command line has the box do to agents and calls: noted first, as at the pages, then ordered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from appliance import bus
from appliance import messages as m
from appliance.cli.main import cli
from appliance.errors import SwitchroomError

LEG = m.LegNow(leg="l1", direction="in", kind="line", endpoint="gateway", number="+358401234567\x1b[2J", state="up")
CALL = m.CallNow(call="c1", purpose="queue", legs=[LEG], facts={})


class Core:
    """Takes what is asked of it over the bus."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.refuses = ""

    def ask_once(self, data: Path, command: Any, timeout: float = 10.0) -> Any:
        self.asked.append(command)
        if self.refuses and isinstance(command, m.NoteAudit):
            raise SwitchroomError(self.refuses, "The disk is full.", "Free some space.")
        if isinstance(command, m.AskCalls):
            return m.CallsReply(calls=[CALL])
        return m.LineTried(answered=False, rang=True, sip=486) if isinstance(command, m.TryLine) else m.Done()


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> Core:
    made = Core()
    monkeypatch.setattr(bus, "ask_once", made.ask_once)
    return made


def run(data: Path, *words: str) -> Any:
    return CliRunner().invoke(cli, ["--data", str(data), *words])


ORDERS: list[tuple[tuple[str, ...], str, str, m.Command]] = [
    (("call", "end", "c1"), "call.end", "c1", m.EndCall(call="c1")),
    (("agent", "break", "anna", "lunch"), "agent.break", "anna", m.ControlAgent(agent="anna", action="break", reason="lunch")),
    (("agent", "login", "anna"), "agent.login", "anna", m.ControlAgent(agent="anna", action="login")),
    (("queue", "move", "c1", "queue:billing"), "contact.move", "c1", m.MoveContact(contact="c1", to="queue:billing")),
    (("callback", "take", "c1", "anna"), "callback.take", "c1", m.TakeCallback(contact="c1", agent="anna")),
    (("abandoned", "done", "c1", "--by", "anna"), "missed.done", "c1", m.MarkMissed(contact="c1", by="anna", done=True)),
    (("line", "try", "gateway", "0401234567"), "line.try", "gateway", m.TryLine(line="gateway", number="0401234567")),
]


@pytest.mark.parametrize(("words", "what", "target", "order"), ORDERS, ids=[" ".join(each[0][:2]) for each in ORDERS])
def test_an_order_is_noted_and_given(tmp_path: Path, core: Core, words: tuple[str, ...], what: str, target: str,
                                     order: m.Command) -> None:
    run(tmp_path, *words)
    note, given = core.asked
    assert (note.what, note.target) == (what, target) and note.by.startswith("cli") and "0401234567" not in str(note)
    assert given == type(order)(**{**_fields(order), **({"by": given.by} if given.by.startswith("cli") else {})})


def _fields(order: m.Command) -> dict[str, Any]:
    return {name: getattr(order, name) for name in order.__struct_fields__}


@pytest.mark.parametrize("words", [each[0] for each in ORDERS], ids=[" ".join(each[0][:2]) for each in ORDERS])
def test_what_cannot_be_noted_is_not_done(tmp_path: Path, core: Core, words: tuple[str, ...]) -> None:
    core.refuses = "ledger.full"
    assert run(tmp_path, *words).exit_code != 0
    assert [type(each) for each in core.asked] == [m.NoteAudit]


def test_calls_that_go_on_are_listed(tmp_path: Path, core: Core) -> None:
    shown = run(tmp_path, "call", "list").output
    assert "c1" in shown and "gateway" in shown and "\x1b" not in shown
    assert json.loads(run(tmp_path, "--json", "call", "list").output)[0]["call"] == "c1"


def test_a_line_that_nobody_answered_says_why(tmp_path: Path, core: Core) -> None:
    done = run(tmp_path, "line", "try", "gateway", "0401234567")
    assert "It rang." in done.output and "(SIP 486)" in done.output


def test_an_outcome_is_keyed_and_a_phone_is_rung(tmp_path: Path, core: Core) -> None:
    assert run(tmp_path, "agent", "outcome", "anna", "1").exit_code == 0
    assert run(tmp_path, "phone", "ring", "101").exit_code == 0
    assert core.asked == [m.NoteOutcome(agent="anna", code="1"), m.RingPhone(extension="101")]
