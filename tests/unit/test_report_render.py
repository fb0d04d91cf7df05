"""The report for people: every word in every language, HTML that shows everywhere, tables without formulas."""

from __future__ import annotations

import csv
import io
import string
from datetime import UTC, datetime
from html.parser import HTMLParser

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.campaigns.book import CampaignBook
from appliance.campaigns.render.html import html
from appliance.campaigns.render.strings import LOCALES, Words, table
from appliance.campaigns.render.tables import csv_bytes, safe_cell, xlsx_bytes
from appliance.campaigns.render.text import text
from appliance.campaigns.render.view import COLOURS, Rate, Setting, View, cost, view
from appliance.campaigns.summary import OUTCOMES, Report, report
from appliance.messages import (
    AttemptEnded,
    AttemptStarted,
    BadRow,
    CampaignCreated,
    CampaignStateChanged,
    Event,
    Record,
    Subscriber,
)  # fmt: skip

LANGUAGES = sorted(LOCALES)
START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC).timestamp()
KINDS = [outcome for outcome in OUTCOMES if outcome not in {"no_line", "interrupted"}]
"""What a finished campaign can end in: who had no line or was interrupted to the last counts as not called."""
HOSTILE = '<script>alert("x")</script>=1+1'


def campaign(count: int = 12, *, state: str = "finished", name: str = "Change in the documents", **extra: str) -> Report:
    """A campaign where subscriber n has the n-th of KINDS, called once each, 7 s apart, on two lines in turn."""
    people = [
        Subscriber(index=n, number=f"+3589177{n:05}", name=f"Häkkinen {n}", row=n + 2, extra=extra) for n in range(count)
    ]
    created = CampaignCreated(
        campaign=7, scenario="701", name=name, list="12", lines=5, message="campaigns/7/message.wav", message_seconds=5.2,
        subscribers=count, duplicates=2, bad_rows=[BadRow(row=3, text=HOSTILE, reason="no number")], by="101",
    )  # fmt: skip
    seq, book = 1, CampaignBook(created, 1, START)

    def apply(event: Event, utc: float) -> None:
        nonlocal seq
        seq += 1
        book.apply(Record(seq, utc, utc - START, "boot", event))

    for person in people:
        at, outcome = START + 1 + 7 * person.index, KINDS[person.index % len(KINDS)]
        line, call = ("gateway", "provider")[person.index % 2], f"c{person.index}"
        apply(AttemptStarted(campaign=7, subscriber=person.index, attempt=1, call=call, leg="l", line=line), at)
        ended = AttemptEnded(
            campaign=7, subscriber=person.index, attempt=1, call=call, outcome=outcome, line=line, seconds_heard=4.25,
            digit="1" if outcome == "confirmed" else "", why="as it was",
        )  # fmt: skip
        apply(ended, at + 15)
    apply(CampaignStateChanged(campaign=7, state=state), START + 7 * count + 30)  # type: ignore[arg-type]
    return report(book, people)


def setting(language: str = "en", **more: object) -> Setting:
    return Setting(office="Harbour Office", language=language, timezone="Europe/Helsinki", list_name="Managers", **more)  # type: ignore[arg-type]


# ---- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_word_with_its_values(language: str) -> None:
    ours, english = table(language), table("en")
    assert list(ours) == list(english)
    for key, words in ours.items():
        assert words.strip(), key
        fields = [{field for _, field, _, _ in string.Formatter().parse(t[key]) if field} for t in (ours, english)]
        assert fields[0] == fields[1], key
    assert {f"outcome_{outcome}" for outcome in (*OUTCOMES, "pending")} <= set(ours)
    assert {f"state_{state}" for state in ("running", "paused", "finished", "cancelled")} <= set(ours)
    outcomes = [ours[f"outcome_{outcome}"] for outcome in (*OUTCOMES, "pending")]
    assert len(set(outcomes)) == len(outcomes)


def test_languages_are_not_copies_of_english() -> None:
    kept = {"by_other", "file_report", "file_message"}
    for language in LANGUAGES:
        same = {key for key, words in table(language).items() if words == table("en")[key]} - kept
        assert language == "en" or not same


def test_figures_are_written_as_the_language_does() -> None:
    when = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
    fi, en, ru = (Words(language, "Europe/Helsinki") for language in ("fi", "en", "ru"))
    assert fi.moment(when) == "20.11.2026 15.05" and en.moment(when) == "20/11/2026, 15:05"
    assert fi.count(12345).replace("\xa0", " ") == "12 345" and en.count(12345) == "12,345"
    assert ru.percent(0.125).replace("\xa0", " ") == "12,5 %"
    assert fi.money(3.5, "EUR").replace("\xa0", " ") == "3,50 €" and en.money(3.5, "EUR") == "€3.50"
    assert [en.span(s) for s in (0, 59.6, 3600, 86_461)] == ["0:00:00", "0:01:00", "1:00:00", "24:01:01"]


# ---- what it says ----------------------------------------------------------------------------------------------------


def facts(shown: View) -> dict[str, str]:
    return dict(shown.facts)


def test_figures() -> None:
    shown = view(campaign(18), setting())
    assert shown.subject == "Change in the documents: 6 of 18 reached"
    said = facts(shown)
    assert said["Scenario"] == "701 Change in the documents" and said["List"] == "12 Managers"
    assert said["Started by"] == "phone 101" and said["State"] == "finished"
    assert said["Started"] == "20/11/2026, 10:00" and said["Duration"] == "0:02:36"
    assert said["Calls"] == "18, of them 0 repeats" and said["Time on the lines"] == "0:04:30"
    assert "Cost" not in said
    assert {bar.label: (bar.count, bar.share) for bar in shown.results} == {
        Words("en", "UTC")(f"outcome_{outcome}"): ("2", "11.1%") for outcome in KINDS
    }
    assert shown.total.count == "18"
    assert sum(int(bar.count) for bar in shown.hours) == 18
    missed = next(section for section in shown.sections if section.title == "Not reached")
    assert len(missed.rows) == 12 and missed.rows[0][:3] == ["+358 9 17700002", "Häkkinen 2", "hung up early"]


def test_cost_counts_begun_steps_of_answered_calls() -> None:
    rate = Rate(per_minute=0.06, per_call=0.10, step_seconds=30)
    assert [round(rate.cost(talk), 3) for talk in (0, 0.1, 30, 30.1, 61)] == [0, 0.13, 0.13, 0.16, 0.19]
    document = campaign(4)
    talk = {"c0": 10.0, "c1": 61.0, "c2": 0.0}
    told = setting(rates={"gateway": rate}, talk=talk)
    assert cost(document, told) == pytest.approx(0.13)  # c1 went over the provider, which costs nothing
    assert facts(view(document, told))["Cost"] == "€0.13"
    assert cost(document, setting(talk=talk)) is None
    by_line = next(section for section in view(document, told).sections if section.title == "By line")
    assert by_line.rows == [["gateway", "2", "0:00:30", "€0.13"], ["provider", "2", "0:00:30", "€0.00"]]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [0, 1, 11, 200])
@pytest.mark.parametrize("state", ["running", "cancelled", "finished"])
def test_any_campaign_can_be_shown(language: str, count: int, state: str) -> None:
    document = campaign(count, state=state)
    shown = view(document, setting(language))
    assert max((len(section.rows) for section in shown.sections), default=0) <= 50
    assert len(shown.hours) <= 12
    assert len(html(shown)) < 60_000
    for bar in [*shown.results, *shown.hours]:
        assert 0 <= bar.length <= 1
    assert set(COLOURS) == {*OUTCOMES, "pending"}
    assert str(count) in text(shown) and shown.subject in text(shown)


def test_message_and_missing_attachments_are_told() -> None:
    document = campaign()
    assert facts(view(document, setting()))["Message"] == "0:00:05, attached"
    assert "larger than the limit" in facts(view(document, setting(message="too_large")))["Message"]
    assert "no longer there" in facts(view(document, setting(message="not_found")))["Message"]
    assert "campaign-7.xlsx" in view(document, setting(left_out=["campaign-7.xlsx"])).notes[-1]


# ---- HTML ------------------------------------------------------------------------------------------------------------

VOID = {"meta", "br", "hr", "img"}


class Page(HTMLParser):
    """Checks that tags are closed in order, and collects texts and the widths of the bars."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.bars: list[tuple[int, str]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        self.attributes |= set(given)
        if given.get("bgcolor"):
            self.bars.append((int(given["width"] or 0), given["bgcolor"] or ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_is_sound_and_needs_nothing_that_mail_programs_drop(language: str) -> None:
    shown = view(campaign(18), setting(language))
    page = Page(html(shown))
    assert page.tags <= {"html", "head", "meta", "title", "body", "div", "h1", "h2", "p", "b", "table", "tr", "th", "td"}
    assert not any(name.startswith("on") for name in page.attributes) and "src" not in page.attributes
    for label, value in shown.facts:
        assert label in page.texts and value in page.texts
    for bar in [*shown.results, shown.total]:
        assert bar.label in page.texts and bar.count in page.texts
    for section in shown.sections:
        assert section.title in page.texts
    widths = [width for width, colour in page.bars if colour in COLOURS.values()]
    assert widths == [240] * len(KINDS)  # all outcomes as often


def test_bars_are_as_long_as_their_figures() -> None:
    shown = view(campaign(11), setting())  # confirmed and heard twice, the rest once
    page = Page(html(shown))
    drawn = {colour: width for width, colour in page.bars}
    assert (drawn[COLOURS["confirmed"]], drawn[COLOURS["busy"]]) == (240, 120)


def test_names_from_files_are_text_in_html_and_subject() -> None:
    document = campaign(3, name=f"Evil\r\nBcc: x@y\x00{HOSTILE}")
    shown = view(document, setting())
    assert "\r" not in shown.subject and "\n" not in shown.subject and "\0" not in shown.subject
    page = Page(html(shown))
    assert "script" not in page.tags
    assert any(HOSTILE in words for words in page.texts)


# ---- CSV and XLSX ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_csv(language: str) -> None:
    data = csv_bytes(campaign(12, house="H 1", note=HOSTILE), setting(language))
    assert data.startswith(b"\xef\xbb\xbf")
    delimiter = ";" if language in {"fi", "ru", "uk"} else ","
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))
    words = table(language)
    assert len(rows) == 13 and len({len(row) for row in rows}) == 1
    assert rows[0][:4] == [words["number"], words["name"], words["outcome"], words["time"]]
    assert rows[0][-2:] == ["house", "note"]
    heard = "4,2" if delimiter == ";" else "4.2"
    assert rows[1][:7] == ["+358917700000", "Häkkinen 0", words["outcome_confirmed"], "2026-11-20 10:00:01", heard, "1", "1"]
    assert rows[1][-2:] == ["H 1", HOSTILE]


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "  =1", "|x", "%x"]


@pytest.mark.parametrize("cell", FORMULAS)
def test_formulas_become_text(cell: str) -> None:
    assert safe_cell(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["+358917700000", "-5", "+358 9 1770", "Anna", "", "a=b", "3.5"])
def test_plain_cells_stay(cell: str) -> None:
    assert safe_cell(cell) == cell


@given(st.text())
def test_no_cell_begins_like_a_formula(cell: str) -> None:
    safe = safe_cell(cell)
    safe.encode()
    begins = safe.lstrip(" ")[:1]
    assert begins not in {"=", "@", "\t", "\r", "\n", "|", "%"}
    assert begins not in {"+", "-"} or not any(c.isalpha() or c in "()|!'" for c in safe)


@pytest.mark.parametrize("language", LANGUAGES)
def test_xlsx(language: str) -> None:
    document = campaign(12, house="=HYPERLINK(\"http://x\")", link="https://example.com/")
    book = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(document, setting(language))))
    words = table(language)
    assert book.sheetnames == [words["sheet_subscribers"], words["sheet_attempts"], words["sheet_summary"]]
    sheet = book[words["sheet_subscribers"]]
    rows = list(sheet.iter_rows(values_only=True))
    assert len(rows) == 13
    began = datetime(2026, 11, 20, 10, 0, 1)
    assert rows[1][:7] == ("+358917700000", "Häkkinen 0", words["outcome_confirmed"], began, 4.2, "1", 1)
    assert rows[1][-2:] == ('=HYPERLINK("http://x")', "https://example.com/")
    for page in book:
        for row in page.iter_rows():
            assert all(cell.data_type != "f" and cell.hyperlink is None for cell in row)
    assert len(list(book[words["sheet_attempts"]].iter_rows())) == 13


def test_tables_survive_strange_text() -> None:
    document = campaign(2, note="a\0b\x01c\ud800d" + "x" * 40_000)
    rows = list(csv.reader(io.StringIO(csv_bytes(document, setting()).decode("utf-8-sig"))))
    assert len(rows) == 3 and "\0" not in rows[1][-1]
    book = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(document, setting())))
    assert len(list(book.worksheets[0].iter_rows())) == 3
