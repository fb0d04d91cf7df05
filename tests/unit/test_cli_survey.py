"""`switchroom survey`, and a call's recordings and answers in `switchroom cdr`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance import messages as m
from appliance.cli.cdr import cdr
from appliance.cli.survey import survey
from appliance.clock import ManualClock
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.ledger.rebuild import rebuild
from tests.unit.test_ledger_cli import Context, run

SINCE = ("--since", "2026-11-01")
WAV = "2026-11-22/c1-1.wav"


def answer(call: str, question: str, kind: m.SurveyKind, score: int | None, recording: str = "") -> m.SurveyAnswered:
    return m.SurveyAnswered(call=call, contact=call, survey="after", queue="front", agent="anna", question=question, kind=kind,
                            score=score, recording=recording, seconds=4.0 if recording else 0.0)


@pytest.fixture
def box(tmp_path: Path) -> Context:
    clock = ManualClock(utc=datetime(2026, 11, 22, 10, 30, tzinfo=UTC).timestamp())
    book = Ledger(tmp_path / "ledger", clock, "boot", reserve_bytes=0)

    def tell(*events: m.Event, after: float = 1.0) -> None:
        clock.advance(after)
        book.commit_now(*events)

    tell(m.LegOpened(call="c1", leg="l1", direction="in", kind="line", endpoint="gateway", number="+358401234567"))
    tell(m.LegAnswered(leg="l1"), m.RecordingStarted(call="c1", leg="l1", recording=WAV, queue="front", why="rule"))
    tell(m.RecordingPaused(call="c1", recording=WAV, paused=True), after=3.0)
    tell(m.RecordingPaused(call="c1", recording=WAV, paused=False), after=2.0)
    tell(m.SurveyAsked(call="c1", contact="c1", survey="after", queue="front", agent="anna"))
    tell(answer("c1", "happy", "csat", 5), answer("c1", "tell", "nps", 10))
    tell(m.LegEnded(leg="l1"), m.CallEnded(call="c1", disposition="answered"))
    tell(m.RecordingEnded(call="c1", recording=WAV, seconds=7.0, bytes=224044, sha256="ab" * 32, reason="stopped"))
    tell(answer("c1", "why", "comment", None, "2026-11-22/c1-2.wav"))
    tell(m.SurveyAsked(call="c2", contact="c2", survey="after", queue="billing"), answer("c2", "happy", "csat", 1))
    book.close_now()
    return Context(tmp_path)


def test_who_was_asked_and_what_they_said(box: Context) -> None:
    shown = run(box, survey, "list", *SINCE).stdout
    assert "happy 5, tell 10" in " ".join(shown.split()) and "4 s of speech" in " ".join(shown.split())
    rows = json.loads(run(box, survey, "list", *SINCE, "--json").stdout)
    assert [(row["call"], row["agent"], len(row["answers"])) for row in rows] == [("c1", "anna", 3), ("c2", "", 1)]
    assert len(json.loads(run(box, survey, "list", *SINCE, "--json", "--queue", "billing").stdout)) == 1
    assert json.loads(run(box, survey, "list", "--json", "--since", "2026-12-01").stdout) == []


def test_figures_of_each_question(box: Context) -> None:
    found = json.loads(run(box, survey, "show", *SINCE, "--json").stdout)
    assert found["asked"] == 2
    assert {each["question"]: (each["figure"]["n"], each["figure"]["value"]) for each in found["questions"]} == {
        "happy": (2, 0.5), "tell": (1, 100.0), "why": (1, None)}
    box.json = False
    shown = run(box, survey, "show", *SINCE, "--agent", "anna").stdout
    assert "100%" in shown and "+100" in shown and "Callers asked: 1" in shown
    with pytest.raises(SwitchroomError) as none:
        run(box, survey, "show", "--since", "2026-12-01")
    assert none.value.id == "survey.none"


def test_a_call_shows_its_recordings_and_answers(box: Context) -> None:
    for _ in range(2):
        found = json.loads(run(box, cdr, "show", "c1", "--json").stdout)
        (kept,) = found["recordings"]
        assert (kept["recording"], kept["leg"], kept["at"], kept["seconds"]) == (WAV, "l1", 1.0, 7.0)
        assert kept["sha256"] == "ab" * 32 and kept["pauses"] == [[3.0, 5.0]]
        assert [(each["question"], each["score"]) for each in found["answers"]] == [("happy", 5), ("tell", 10), ("why", None)]
        rebuild(box.data / "ledger")
    shown = run(box, cdr, "show", "c1").stdout
    assert WAV in shown and "3.0 to 5.0 s" in shown and "7.0 s, 224044 bytes" in shown and "after: happy" in shown
    table = run(box, cdr, "export", "--format", "csv").stdout
    assert WAV in table and "happy=5 tell=10 why=spoken" in table
