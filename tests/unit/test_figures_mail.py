"""Figures by mail: when they are due, what the mail says in each language, and that none is lost or sent twice."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import email
import email.policy
import io
import itertools
import json
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import openpyxl
import pytest
from click.testing import CliRunner

from appliance.catalogues import text_in
from appliance.cli.main import cli
from appliance.clock import ManualClock, SystemClock
from appliance.config import loads
from appliance.config.goals import FigureReport
from appliance.config.kinds import LANGUAGES
from appliance.config.model import Config
from appliance.config.store import Store
from appliance.dialer.figures import FigureMails
from appliance.figures.schedule import MOST_LATE, dues, next_due
from appliance.ledger import Ledger
from appliance.mail import figures_due, figures_marks
from appliance.mail.figures import mail_id
from appliance.mail.figures_words import WORDS
from appliance.mail.outbox import Outbox
from appliance.system.paths import ensure_layout
from tests.figureskit import T0, Story
from tests.webkit import OFFICE

ZONE = ZoneInfo("Europe/Helsinki")
DAY = 86_400.0
REPORTS = """
[[targets]]
name = "in-time"
figure = "service-level"
at_least = 80

[[reports]]
name = "daily"
to = ["chief@office.example", "office@office.example"]
at = "11:00"
period = "today"
files = ["xlsx", "csv"]
"""


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()


def times(found: list[float]) -> list[str]:
    return [f"{datetime.fromtimestamp(each, ZONE):%Y-%m-%d %H:%M}" for each in found]


def report(**more: Any) -> FigureReport:
    return FigureReport(name="r", to=["a@b.example"], **more)


@pytest.mark.parametrize(("wanted", "since", "until", "expected"), [
    (report(), "2026-03-01 07:00", "2026-03-03 06:59", ["2026-03-02 07:00"]),
    (report(), "2026-03-01 06:59:59", "2026-03-03 07:00", ["2026-03-01 07:00", "2026-03-02 07:00", "2026-03-03 07:00"]),
    (report(every="week", weekday="fri", at="17:30"), "2026-03-01", "2026-03-14", ["2026-03-06 17:30", "2026-03-13 17:30"]),
    (report(every="month", day=28), "2026-02-01", "2026-03-29", ["2026-02-28 07:00", "2026-03-28 07:00"]),
    (report(at="03:30"), "2026-03-29", "2026-03-31", ["2026-03-29 04:30", "2026-03-30 03:30"]),  # there is no 03:30 that night
    (report(), "2026-03-02 07:00", "2026-03-02 07:00", []),
])  # fmt: skip
def test_when_a_report_is_due(wanted: FigureReport, since: str, until: str, expected: list[str]) -> None:
    assert times(dues(wanted, at(since), at(until), ZONE)) == expected


def test_the_next_time_and_the_longest_pause() -> None:
    assert times([next_due(report(), at("2026-03-02 07:00"), ZONE)]) == ["2026-03-03 07:00"]
    assert times([next_due(report(every="month", day=1), at("2026-12-02"), ZONE)]) == ["2027-01-01 07:00"]
    found = dues(report(), at("2020-01-01"), at("2026-03-02 08:00"), ZONE)
    assert len(found) == MOST_LATE and times(found)[-1] == "2026-03-02 07:00"
    monthly = dues(report(every="month", day=28), at("2020-01-01"), at("2026-03-02 08:00"), ZONE)
    assert len(monthly) == MOST_LATE and times(monthly)[0] == "2023-08-28 07:00"


def test_what_a_report_is_about_unless_it_says() -> None:
    assert [report(every=each).about for each in ("day", "week", "month")] == ["yesterday", "last-week", "last-month"]
    assert report(period="month").about == "month"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A box whose morning (10 o'clock in Helsinki) had two callers, one of them lost, and one with an evil agent."""
    ensure_layout(tmp_path)
    put(tmp_path, REPORTS)
    story = Story().agent("anna", "ready", "logged-out")
    story.served("c1").at(100).calls("c2").at(160).leaves("c2").hangs_up("c2").at(200).served("c3", queue="<b>x</b>")
    clock = ManualClock(utc=T0)
    ledger = Ledger(tmp_path / "ledger", clock, "boot", reserve_bytes=0)
    for record in story.records:
        clock.advance(max(0.0, record.utc - clock.utc()))
        ledger.commit_now(record.event)
    ledger.close_now()
    return tmp_path


def put(data: Path, more: str) -> Config:
    Store(data).add(OFFICE.read_text() + more, by="test", base=str(OFFICE.parent))
    return Store(data).current()


def queued(data: Path, utc: float) -> list[str]:
    """The ids of all mails in the outbox, after the time has come to `utc`."""
    figures_due.queue_all(data, Store(data).current(), ManualClock(utc=utc))
    return [entry.id for entry in Outbox(data / "mail").entries()]


def letter(data: Path, id: str) -> EmailMessage:
    found = email.message_from_bytes(Outbox(data / "mail").text(id), _class=EmailMessage, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


ELEVEN = T0 + 3600.0
"""11:00 in Helsinki on the same day."""
ID = "figures-daily-20270115-1100"


def test_a_new_report_is_not_due_for_the_past(data: Path) -> None:
    assert queued(data, ELEVEN + 60) == []
    assert queued(data, ELEVEN + DAY - 1) == []
    assert queued(data, ELEVEN + DAY) == ["figures-daily-20270116-1100"]


def test_a_mail_holds_the_figures_in_words_tables_and_files(data: Path) -> None:
    assert queued(data, T0) == [] and queued(data, ELEVEN) == [ID]
    mail = letter(data, ID)
    assert mail["To"] == "chief@office.example, office@office.example" and mail["Auto-Submitted"] == "auto-generated"
    assert "daily" in mail["Subject"] and "2027" in mail["Subject"] and mail["From"] is not None
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    rows = [line.split() for line in text.splitlines()]
    assert ["Offered", "3", "0"] in rows
    assert next(row for row in rows if row[:2] == ["Service", "level"])[2:] == ["66.7%", "■", "–", "≥", "80.0%"]
    assert next(row for row in rows if row[:1] == ["front"])[1:4] == ["2", "1", "50.0%"]
    assert "■ far from its target" in text and "T is 20 s, S is 5 s." in text
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "&lt;b&gt;x&lt;/b&gt;" in html and "<b>x</b>" not in html and "66.7% ■" in html
    files = {part.get_filename(): part.get_content() for part in mail.iter_attachments()}
    assert list(files) == ["figures-daily-2027-01-15.xlsx", "figures-daily-2027-01-15.csv"]
    sheet = openpyxl.load_workbook(io.BytesIO(files["figures-daily-2027-01-15.xlsx"])).active
    assert sheet is not None and sheet["A2"].value == "<b>x</b>" and sheet["B3"].value == 2
    table = list(csv.reader(io.StringIO(files["figures-daily-2027-01-15.csv"].lstrip("\ufeff"))))
    assert [row[0] for row in table] == ["Queue", "<b>x</b>", "front", "All"]


def test_one_time_that_it_is_due_gives_one_mail_whatever_is_killed_when(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queued(data, T0)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(figures_due, "put_marks", dies)  # after the mail is in the outbox, before it is noted
        with pytest.raises(KeyboardInterrupt):
            queued(data, ELEVEN)
    assert queued(data, ELEVEN + 5) == [ID]
    assert queued(data, ELEVEN + 3600) == [ID]


def test_what_could_not_be_queued_is_due_still(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queued(data, T0)

    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(figures_due, "queue_report", full)
        with pytest.raises(OSError, match="No space"):
            queued(data, ELEVEN)
    assert queued(data, ELEVEN + 7200) == [ID]


def test_a_report_that_fails_holds_up_no_other(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(data, REPORTS + REPORTS[REPORTS.index("[[reports]]"):].replace('"daily"', '"another"'))
    queued(data, T0)
    whole = figures_due.queue_report

    def stumbles(data: Path, config: Config, wanted: FigureReport, due: float, clock: Any) -> bool:
        if wanted.name == "daily":
            raise ValueError("a figure nobody thought of")
        return whole(data, config, wanted, due, clock)

    with monkeypatch.context() as patch:
        patch.setattr(figures_due, "queue_report", stumbles)
        for later in (DAY, DAY + 60):
            with pytest.raises(ValueError, match="nobody thought of"):
                queued(data, ELEVEN + later)
    assert [each.id for each in Outbox(data / "mail").entries()] == [
        ID.replace("daily", "another"), "figures-another-20270116-1100"]
    assert {ID, "figures-daily-20270116-1100"} <= set(queued(data, ELEVEN + DAY + 180))


def test_one_that_always_fails_rests_longer_each_time(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queued(data, T0)
    config, tried = Store(data).current(), list[float]()

    def stumbles(data: Path, config: Config, wanted: FigureReport, due: float, clock: Any) -> bool:
        tried.append(clock.utc())
        raise ValueError("a figure nobody thought of")

    with monkeypatch.context() as patch:
        patch.setattr(figures_due, "queue_report", stumbles)
        for second in range(0, 5 * 3600, 30):
            with contextlib.suppress(ValueError):
                figures_due.queue_all(data, config, ManualClock(utc=ELEVEN + second))
        assert [after - before for before, after in itertools.pairwise(tried)] == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
        put(data, REPORTS.replace(', "csv"', ""))  # somebody mends it
        with pytest.raises(ValueError, match="nobody"):
            queued(data, ELEVEN + 5 * 3600)
    assert queued(data, ELEVEN + 5 * 3600 + 60) == [ID] and figures_marks.rests_of(data) == {}


def test_one_in_which_the_process_ends_holds_up_no_other(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    another = REPORTS[REPORTS.index("[[reports]]"):].replace('"daily"', '"another"').replace("11:00", "11:01")
    put(data, REPORTS + another)
    queued(data, T0)
    whole = figures_due.queue_report

    def killed(data: Path, config: Config, wanted: FigureReport, due: float, clock: Any) -> bool:
        if wanted.name == "daily":
            raise KeyboardInterrupt
        return whole(data, config, wanted, due, clock)

    monkeypatch.setattr(figures_due, "queue_report", killed)
    with pytest.raises(KeyboardInterrupt):
        queued(data, ELEVEN + 120)
    assert queued(data, ELEVEN + 125) == ["figures-another-20270115-1101"]  # the first one rests
    with pytest.raises(KeyboardInterrupt):
        queued(data, ELEVEN + 180)


def test_what_fell_due_while_the_box_was_off_is_made_up_for(data: Path) -> None:
    queued(data, T0)
    assert queued(data, ELEVEN + 2 * DAY + 60) == [ID, "figures-daily-20270116-1100", "figures-daily-20270117-1100"]
    text = letter(data, ID).get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Jan 15, 2027" in text and ["Offered", "3", "0"] in [line.split() for line in text.splitlines()]


def test_a_report_that_was_taken_out_is_forgotten_and_is_new_when_it_comes_back(data: Path) -> None:
    queued(data, T0)
    put(data, "")
    assert queued(data, ELEVEN) == [] and figures_marks.marks_of(data) == {}
    put(data, REPORTS)
    assert queued(data, ELEVEN + 60) == []


def test_broken_marks_begin_anew(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    queued(data, T0)
    (data / "mail" / "figures.marks").write_bytes(b"{")
    assert queued(data, ELEVEN) == [] and "begin anew" in caplog.text
    assert queued(data, ELEVEN + DAY) == ["figures-daily-20270116-1100"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("by", ["agent", "line", "campaign", "day", "hour", "weekday", "clock"])
def test_each_language_and_each_kind_of_row(data: Path, language: str, by: str) -> None:
    put(data, REPORTS.replace('files = ["xlsx", "csv"]', f'files = []\nlanguage = "{language}"\nby = "{by}"'))
    queued(data, T0)
    assert queued(data, ELEVEN) == [ID]
    mail = letter(data, ID)
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert mail["Content-Language"] == language and not list(mail.iter_attachments())
    assert text_in(language)("Offered") in text
    if by == "agent":
        assert "Anna" in text


def test_the_words_of_all_languages_have_the_same_places() -> None:
    def places(words: dict[str, str]) -> dict[str, list[str]]:
        return {key: sorted(part.split("}")[0] for part in text.split("{")[1:]) for key, text in words.items()}

    assert {language: places(words) for language, words in WORDS.items()} == dict.fromkeys(LANGUAGES, places(WORDS["en"]))


def test_a_file_too_large_for_a_mail_is_named_in_it(data: Path) -> None:
    config = put(data, REPORTS)
    mail = msgspec.structs.replace(config.mail, max_attachment_mb=0)
    figures_marks.settle(data, config, T0)
    figures_due.queue_all(data, msgspec.structs.replace(config, mail=mail), ManualClock(utc=ELEVEN))
    found = letter(data, ID)
    assert not list(found.iter_attachments())
    assert "Too large for a mail: figures-daily-2027-01-15.xlsx" in found.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_an_id_names_the_report_and_the_time(data: Path) -> None:
    assert mail_id(report(), at("2026-03-02 07:00"), ZONE) == "figures-r-20260302-0700"


def test_the_dialer_has_a_process_of_its_own_queue_it(data: Path) -> None:
    """As in the box: the clock is set on to the time it is due."""
    config, told = Store(data).current(), asyncio.Event()
    figures_marks.settle(data, config, T0)

    async def until_queued() -> None:
        mails = FigureMails(data, config, SystemClock(ELEVEN + 1 - datetime.now().timestamp()), told.set)
        task = asyncio.create_task(mails.run())
        async with asyncio.timeout(60):
            await told.wait()
        task.cancel()

    asyncio.run(until_queued())
    assert [entry.id for entry in Outbox(data / "mail").entries()] == [ID]


def test_a_machine_that_has_no_process_left_does_not_end_the_dialer(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All tasks of the dialer end with one that raises."""
    async def none_left(*args: object, **more: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    config = Store(data).current()
    figures_marks.settle(data, config, T0)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", none_left)
    mails = FigureMails(data, config, ManualClock(utc=ELEVEN), lambda: None)
    assert asyncio.run(mails._look()) is False


def test_the_command_line_tells_when_and_queues_one_at_once(data: Path) -> None:
    run = CliRunner()
    told = run.invoke(cli, ["--data", str(data), "--json", "figures", "mail"], catch_exceptions=False)
    (found,) = json.loads(told.stdout)
    assert (found["name"], found["every"], found["to"][0]) == ("daily", "day", "chief@office.example") and found["next"] > 0
    done = run.invoke(cli, ["--data", str(data), "figures", "mail", "daily", "--to", "me@office.example"], catch_exceptions=False)
    assert done.exit_code == 0 and "figures-daily-" in done.output
    (entry,) = Outbox(data / "mail").entries()
    assert entry.to == ["me@office.example"]
    unknown = run.invoke(cli, ["--data", str(data), "figures", "mail", "weekly"])
    assert unknown.exit_code != 0 and "daily" in f"{unknown.output} {unknown.exception}"


def test_the_office_without_reports_has_nothing_due(data: Path) -> None:
    assert figures_marks.due(loads(OFFICE.read_text()), {}, T0, {}) == []
