"""What the command line has the box do to agents and calls: noted first, as at the pages, then ordered."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from appliance import bus
from appliance import messages as m
from appliance.cli import noting
from appliance.cli.main import cli
from appliance.clock import ManualClock
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.voicemail.store import Messages

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
    (("phone", "set", "101", "forward-busy", "0401234567"), "phone.set", "101",
     m.SetPhone(extension="101", setting="forward_busy", value="0401234567")),
    (("night", "on", "--hours", "office"), "night.set", "office", m.SwitchNight(setting="closed", hours="office")),
    (("voicemail", "delete", "--from", "0401234567"), "voicemail.delete", "", m.DeleteVoicemail(caller="0401234567")),
    (("campaign", "pause", "3", "--reason", "noon"), "campaign.pause", "3",
     m.ControlCampaign(campaign=3, action="pause", by=noting.who(), reason="noon")),
    (("campaign", "cancel", "3"), "campaign.cancel", "3", m.ControlCampaign(campaign=3, action="cancel", by=noting.who())),
    (("campaign", "report", "3", "--mail", "a@harbour.example"), "campaign.mail", "3",
     m.ControlCampaign(campaign=3, action="report", by=noting.who(), to=["a@harbour.example"])),
    (("campaign", "start", "701", "--list", "12", "--message", __file__), "campaign.start", "701",
     m.StartCampaign(scenario="701", list="12", message=__file__, by=noting.who())),
    (("campaign", "start", "701", "--list", "12", "--message", __file__, "--beside"), "campaign.start", "701",
     m.StartCampaign(scenario="701", list="12", message=__file__, by=noting.who(), beside=True)),
    (("line", "try", "gateway", "0401234567"), "line.try", "gateway", m.TryLine(line="gateway", number="0401234567")),
]


def test_orders_have_the_name_of_who_gives_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who became root by sudo has the own name; nobody else can take another's."""
    names = {0: "root", 1000: "ann", 1001: "bo"}
    monkeypatch.setattr(noting.pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name=names[uid]))  # type: ignore[attr-defined]
    for user, sudo, name in ((0, "", "cli:root"), (0, "1000", "cli:ann"), (1001, "1000", "cli:bo"), (0, "x", "cli:root"),
                             (0, "4711", "cli:4711"), (4712, "", "cli:4712")):
        monkeypatch.setattr(noting.os, "getuid", lambda user=user: user)  # type: ignore[attr-defined]
        monkeypatch.setenv("SUDO_UID", sudo)
        monkeypatch.setenv("LOGNAME", "boss")
        monkeypatch.setenv("USER", "boss")
        assert noting.who() == name


@pytest.mark.parametrize(("words", "what", "target", "order"), ORDERS, ids=[" ".join(each[0][:2]) for each in ORDERS])
def test_an_order_is_noted_and_given(tmp_path: Path, core: Core, words: tuple[str, ...], what: str, target: str,
                                     order: m.Command) -> None:
    run(tmp_path, *words)
    note, given = core.asked
    assert (note.what, note.target) == (what, target) and note.by.startswith("cli") and "0401234567" not in str(note)
    signed = {"by": noting.who()} if getattr(order, "by", "") == "cli" else {}
    assert given == type(order)(**{**_fields(order), **signed})


def _fields(order: m.Command) -> dict[str, Any]:
    return {name: getattr(order, name) for name in order.__struct_fields__}


@pytest.mark.parametrize("words", [each[0] for each in ORDERS], ids=[" ".join(each[0][:2]) for each in ORDERS])
def test_what_cannot_be_noted_is_not_done(tmp_path: Path, core: Core, words: tuple[str, ...]) -> None:
    core.refuses = "ledger.full"
    assert run(tmp_path, *words).exit_code != 0
    assert [type(each) for each in core.asked] == [m.NoteAudit]


def test_what_is_taken_out_or_listened_to_is_noted_first(tmp_path: Path, core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Messages(tmp_path / "voicemail")
    sound = tmp_path / "spoken.wav"
    sound.write_bytes(b"RIFF")
    kept = store.keep(store.begin("101", 1000.0, "+358401234567", "", "c1"), sound, 2.0)
    played: list[list[str]] = []
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("subprocess.run", lambda command, **more: played.append(command) or SimpleNamespace(returncode=0))
    asyncio.run(written(tmp_path))
    for words, what, target in (
        (("voicemail", "play", kept.id), "voicemail.listen", kept.id),
        (("voicemail", "export", kept.id, str(tmp_path / "out.wav")), "voicemail.download", kept.id),
        (("cdr", "export", "--number", "0401234567", "-o", str(tmp_path / "out.csv")), "calls.export", "csv"),
        (("survey", "list", "--survey", "after"), "survey.read", "after"),
    ):
        core.asked.clear()
        core.refuses = "ledger.full"
        assert run(tmp_path, *words).exit_code != 0 and not played and not (tmp_path / words[-1]).exists()
        core.refuses = ""
        done = run(tmp_path, *words)
        assert done.exit_code == 0, done.output
        note = core.asked[-1]
        assert (note.what, note.target) == (what, target) and "401234567" not in str(note)
        played.clear()
    assert (tmp_path / "out.wav").read_bytes() == b"RIFF" and (tmp_path / "out.csv").is_file()


async def written(data: Path) -> None:
    """A ledger in which nothing happened."""
    ledger = Ledger(data / "ledger", ManualClock())
    await ledger.close()


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
    assert core.asked == [m.NoteOutcome(agent="anna", code="1", by=noting.who()), m.RingPhone(extension="101")]
