"""`switchroom campaign` and `switchroom list` on a ledger and a configuration of the test's own."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from click.testing import CliRunner, Result

from appliance import audit
from appliance.cli.main import cli
from appliance.clock import SystemClock
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.ledger.reader import LedgerReader
from appliance.messages import (
    AttemptEnded,
    AttemptStarted,
    CampaignCreated,
    CampaignState,
    CampaignStateChanged,
    Cause,
    Outcome,
    Subscriber,
)
from appliance.system.paths import ensure_layout

OFFICE = Path(__file__).resolve().parents[1] / "office" / "office.toml"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    ensure_layout(folder)
    Store(folder).import_file(OFFICE, by="test")
    return folder


async def _write_campaign(data: Path, state: CampaignState | None = "finished") -> None:
    """Three subscribers: confirmed, busy twice, and one never called."""
    ledger = Ledger(data / "ledger", SystemClock())
    people = [Subscriber(index=i, number=f"+35891770000{i}", name=name, row=i + 2, extra={"building": f"House {i}"})
              for i, name in enumerate(("Anna", "Bo", "=cmd()"))]
    await ledger.append_campaign(CampaignCreated(
        campaign=1, scenario="701", name="News", list="12", lines=5, message="campaigns/1/message.wav", message_seconds=5.0,
        subscribers=3, duplicates=1, rules={"code": "701", "confirm": "1"}, by="cli"), people)
    made: list[tuple[int, int, Outcome, str]] = [(0, 1, "confirmed", "1"), (1, 1, "busy", ""), (1, 2, "busy", "")]
    for who, attempt, outcome, digit in made:
        call = f"c{who}{attempt}"
        await ledger.commit(AttemptStarted(campaign=1, subscriber=who, attempt=attempt, call=call, leg=f"{call}-1",
                                           line="gateway"))
        await ledger.commit(AttemptEnded(
            campaign=1, subscriber=who, attempt=attempt, call=call, outcome=outcome, line="gateway", digit=digit,
            seconds_heard=5.0 if digit else 0.0, cause=Cause(sip=486) if outcome == "busy" else Cause()))
    if state is not None:
        await ledger.commit(CampaignStateChanged(campaign=1, state=state, by="cli", reason="enough"))
    await ledger.close()


def write_campaign(data: Path, state: CampaignState | None = "finished") -> None:
    asyncio.run(_write_campaign(data, state))


def run(data: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--data", str(data), *words])


def answer(data: Path, *words: str) -> Any:
    result = run(data, *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_the_report_has_the_names_that_scripts_rely_on(data: Path) -> None:
    write_campaign(data, "cancelled")
    document = answer(data, "campaign", "report", "1", "--json")
    assert list(document)[:7] == ["id", "state", "scenario", "list", "lines", "totals", "subscribers"]
    assert (document["id"], document["state"], document["scenario"], document["list"], document["lines"]) == (
        1, "cancelled", "701", "12", 5)
    first, second, third = document["subscribers"]
    assert list(first)[:6] == ["number", "name", "outcome", "seconds_heard", "digit", "attempts"]
    assert (first["outcome"], first["digit"], first["seconds_heard"]) == ("confirmed", "1", 5.0)
    assert (second["outcome"], len(second["attempts"])) == ("busy", 2)
    assert (third["outcome"], third["attempts"]) == ("cancelled", [])
    totals = document["totals"]
    assert {name: totals[name] for name in ("subscribers", "confirmed", "busy", "cancelled", "pending", "retries")} == {
        "subscribers": 3, "confirmed": 1, "busy": 1, "cancelled": 1, "pending": 0, "retries": 1}


def test_while_it_runs_the_outcome_is_null(data: Path) -> None:
    write_campaign(data, None)
    document = answer(data, "campaign", "report", "1", "--json")
    assert [s["outcome"] for s in document["subscribers"]] == ["confirmed", None, None]
    assert document["totals"]["pending"] == 2


def test_files(data: Path, tmp_path: Path) -> None:
    write_campaign(data)
    paths = {kind: tmp_path / f"r.{kind}" for kind in ("csv", "xlsx", "html")}
    made = answer(data, "campaign", "report", "1", "--json", *[w for k, p in paths.items() for w in (f"--{k}", str(p))])
    assert made["files"] == [str(paths["csv"]), str(paths["xlsx"]), str(paths["html"])]
    rows = list(csv.reader(io.StringIO(paths["csv"].read_text("utf-8-sig")), delimiter=","))
    assert any("Anna" in cell for row in rows for cell in row)
    assert paths["xlsx"].read_bytes().startswith(b"PK")
    assert "<html" in paths["html"].read_text()
    result = run(data, "campaign", "report", "1", "--csv", str(tmp_path / "no" / "r.csv"))
    assert isinstance(result.exception, SwitchroomError)
    assert result.exception.id == "campaign.cannot-write"


def test_list_show_and_watch(data: Path) -> None:
    write_campaign(data, "cancelled")
    assert [c["id"] for c in answer(data, "campaign", "list", "--json")] == [1]
    assert answer(data, "campaign", "show", "1", "--json")["reason"] == "enough"
    shown = run(data, "campaign", "show", "1")
    assert "cancelled" in shown.output and "confirmed" in shown.output and "not called any more  1" in shown.output
    result = run(data, "campaign", "watch", "1", "--json")
    assert result.exit_code == 3
    line = json.loads(result.output.splitlines()[-1])
    assert (line["state"], line["done"], line["outcomes"]) == ("cancelled", 3, {"confirmed": 1, "busy": 1, "cancelled": 1})
    assert run(data, "campaign", "watch", "1").exit_code == 3


@pytest.mark.parametrize(
    ("words", "id"),
    [
        (("campaign", "show", "7"), "campaign.unknown"),
        (("campaign", "watch", "7"), "campaign.unknown"),
        (("campaign", "report", "7", "--json"), "campaign.unknown"),
        (("campaign", "pause", "1"), "bus.not-running"),
        (("campaign", "report", "1", "--mail", "a@b.example"), "bus.not-running"),
        (("campaign", "start", "701", "--list", "12", "--message", str(OFFICE)), "bus.not-running"),
        (("list", "check", "99"), "list.unknown"),
    ],
)
def test_errors_have_an_id_and_a_next_step(data: Path, words: tuple[str, ...], id: str) -> None:
    write_campaign(data)
    problem = run(data, *words).exception
    assert isinstance(problem, SwitchroomError)
    assert problem.id == id
    assert problem.hint


def test_the_lists(data: Path) -> None:
    (found,) = answer(data, "list", "list", "--json")
    assert (found["number"], found["subscribers"], found["bad_rows"]) == ("12", 300, 0)
    checked = answer(data, "list", "check", "12", "--json")
    assert (checked["ok"], checked["subscribers"]) == (True, 300)
    people = answer(data, "list", "show", "12", "--limit", "3", "--json")
    assert [p["number"] for p in people] == ["+358917700000", "+358917700001", "+358917700002"]
    assert "297 more" in run(data, "list", "show", "12", "--limit", "3").output


def test_a_list_is_taken_along(data: Path, tmp_path: Path) -> None:
    for form in ("csv", "xlsx"):
        assert run(data, "list", "export", "12", str(tmp_path / f"people.{form}")).exit_code == 0
    rows = list(csv.reader(io.StringIO((tmp_path / "people.csv").read_text("utf-8-sig"))))
    assert rows[0][:2] == ["number", "name"] and rows[1][0] == "+358917700000" and len(rows) == 301
    assert [row[0].value for row in openpyxl.load_workbook(tmp_path / "people.xlsx").worksheets[0].iter_rows()] == [
        row[0] for row in rows]
    for words, id in ((("99", "x.csv"), "list.unknown"), (("12", "no/x.csv"), "list.cannot-write")):
        problem = run(data, "list", "export", words[0], str(tmp_path / words[1])).exception
        assert isinstance(problem, SwitchroomError) and problem.id == id
    noted = [(each.what, each.target, each.detail) for each in audit.waiting(data)]
    assert noted[:2] == [("list.export", "12", "csv"), ("list.export", "12", "xlsx")]


def test_a_list_with_bad_rows_is_told_apart(data: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("number,name\n+358917700000,A\nhello,B\n+358917700000,C\n")
    text = OFFICE.read_text().replace('file = "managers.csv"', f'file = "{bad}"')
    Store(data).add(text, by="test", base=str(OFFICE.parent))
    result = run(data, "list", "check", "12", "--json")
    assert result.exit_code == 1
    verdict = json.loads(result.output)
    assert (verdict["subscribers"], verdict["duplicates"], len(verdict["bad_rows"])) == (1, 1, 1)
    assert verdict["bad_rows"][0]["row"] == 3
    assert "Row 3" in run(data, "list", "check", "12").output


@pytest.mark.parametrize("words", [("campaign",), ("campaign", "start"), ("campaign", "report"), ("list",)])
def test_help_shows_an_example(data: Path, words: tuple[str, ...]) -> None:
    result = run(data, *words, "--help")
    assert result.exit_code == 0
    assert f"switchroom {words[0]} " in result.output


def test_times_are_those_of_the_offices_clocks(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a machine whose own clock stands in another zone, as an appliance's often does."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        write_campaign(data)
        began = LedgerReader(data / "ledger").campaigns()[0].started_utc
        shown = datetime.fromtimestamp(began, ZoneInfo("Europe/Helsinki")).strftime("%Y-%m-%d %H:%M:%S")
        assert shown in run(data, "campaign", "show", "1").output
        assert shown[11:] in run(data, "campaign", "list").output
    finally:
        monkeypatch.undo()
        time.tzset()
