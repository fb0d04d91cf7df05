"""The page of figures, its files and the API: what each may see, what is asked wrongly, that no name does harm."""

from __future__ import annotations

import csv
import io
import re
import zipfile

import pytest

from appliance import messages as m
from appliance.ledger import Ledger
from appliance.users.model import User
from tests.figureskit import Story
from tests.webkit import HASH, Pages
from web.figures import charts


@pytest.fixture
def day(pages: Pages) -> Pages:
    """Two callers of `front`, one answered, one gone; one of an evil queue. An hour ago."""
    story = Story().agent("anna", "ready", "logged-out")
    story.calls("c1").at(10).rings("c1", "anna").connects("c1", "anna").at(70).ends("c1", "anna").hangs_up("c1")
    story.calls("c2").at(130).leaves("c2").hangs_up("c2")
    story.calls("c3", '=cmd|"/x"!A1<script>alert(1)</script>')
    write(pages, story)
    return pages


def write(pages: Pages, story: Story) -> None:
    ledger = Ledger(pages.box.data / "ledger", pages.clock, "boot", reserve_bytes=0)
    for record in story.records:
        pages.clock.advance(max(0.0, record.utc - pages.clock.utc()))
        ledger.commit_now(record.event)
    ledger.close_now()
    pages.clock.advance(3600)


def test_a_box_that_has_not_begun_shows_an_empty_page(pages: Pages) -> None:
    page = pages.browser("viewer").get("/figures")
    assert page.status_code == 200 and "Nothing happened in this period." in page.text


def test_the_page_shows_each_figure_with_its_formula(day: Pages) -> None:
    page = day.browser("supervisor").get("/figures").text
    assert "answered within T ÷ (offered − abandoned within S)" in page
    front = page[page.index('data-row="front"') :]
    assert "50" in front[: front.index("</tr>")] and "<script>alert" not in page


def test_the_api_gives_the_same(day: Pages) -> None:
    told = day.browser("viewer").get("/api/v1/figures?by=queue").json
    assert told is not None
    front = next(row for row in told["rows"] if row["key"] == "front")
    assert front["values"]["offered"]["value"] == 2 and front["values"]["service-level"] == {"value": 0.5, "n": 2}
    assert told["total"]["values"]["offered"]["value"] == 3
    hours = day.browser("viewer").get("/api/v1/figures?by=hour&queue=front").json
    assert hours is not None and [row["values"]["abandoned"]["value"] for row in hours["rows"]] == [1]
    agents = day.browser("viewer").get("/api/v1/figures?by=agent").json
    assert agents is not None
    anna = agents["rows"][0]["values"]
    assert anna["handled"]["value"] == 1 and anna["ready"]["value"] == pytest.approx(3730)  # up to now
    known = day.browser("viewer").get("/api/v1/figures/definitions").json
    assert known is not None and {"id", "name", "formula"} <= set(known[0])


@pytest.mark.parametrize("query", ["by=moon", "period=ages", "period=custom&since=soon", "queue=a%00b", "within=-1",
                                   "campaign=-7",
                                   "campaign=99999999999", "period=custom&since=2026-02-01&until=2026-01-01", "within=nan",
                                   "period=custom&since=1990-01-01", "by=quarter&period=custom&since=2026-01-01&until=2026-12-31",
                                   "period=custom&since=0001-01-01&until=0001-01-02", "period=custom&since=9999-12-31"])
def test_what_cannot_be_asked_is_said(day: Pages, query: str) -> None:
    browser = day.browser("viewer")
    answer = browser.get(f"/api/v1/figures?{query}")
    assert answer.status_code == 400, answer.text
    assert browser.get(f"/figures?{query}").status_code == 400
    assert browser.get(f"/figures/figures.csv?{query}").status_code == 400


def test_a_part_of_the_week_or_the_day_opens_the_calls_of_that_part(day: Pages) -> None:
    browser = day.browser("supervisor")
    for by, part in (("weekday", r"weekday=[1-7]&"), ("clock", r"hour=1?[0-9]&|hour=2[0-3]&")):
        page = browser.get(f"/figures?by={by}").text.replace("&amp;", "&")
        rows = re.findall(r'href="(/calls\?[^"]+)"', page[page.index("<tbody") : page.index("</tbody>")])
        assert rows and all(re.search(part, each) for each in rows)
        assert [each for each in re.findall(r'href="(/calls\?[^"]+)"', page) if not re.search(part, each)]  # in all
        row = next(each for each in rows if "what=offered" in each)
        assert browser.get(row).text.count("data-call=") == 2  # the third one goes on


def test_names_that_nobody_has_are_no_trouble(day: Pages) -> None:
    browser = day.browser("viewer")
    for query in ("queue=nowhere", "agent=%F0%9F%98%80", "line=x&by=hour", "of=queue:front", "of=agent:anna&by=queue",
                  "of=campaign:7",
                  "period=month&by=weekday", "period=week&by=clock", "period=custom&since=2027-01-10&until=2027-01-20&by=day"):
        page = browser.get(f"/figures?{query}")
        assert page.status_code == 200, query
        assert browser.get(f"/figures/figures.xlsx?{query}").status_code == 200


def test_files_hold_no_formula_that_was_not_ours(day: Pages) -> None:
    browser = day.browser("viewer")
    sheet = list(csv.reader(io.StringIO(browser.get("/figures/figures.csv").data.decode("utf-8-sig"))))
    assert [row[0] for row in sheet] == ["Queue", '\'=cmd|"/x"!A1<script>alert(1)</script>', "front", "All"]
    assert sheet[2][sheet[0].index("Offered (number)")] == "2"
    answer = browser.get("/figures/figures.xlsx")
    assert "attachment" in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.data)) as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_who_sees_one_queue_sees_its_figures_and_no_others(day: Pages) -> None:
    day.box.users.put_user(User(login="narrow", name="N", role="viewer", password=HASH, queues=["front"]))
    browser = day.browser("narrow")
    told = browser.get("/api/v1/figures").json
    assert told is not None and [row["key"] for row in told["rows"]] == ["front"]
    assert told["total"]["values"]["offered"]["value"] == 2 and "blocked-rate" not in told["total"]["values"]
    agents = browser.get("/api/v1/figures?by=agent").json
    assert agents is not None
    assert [(row["key"], row["values"]["handled"]["value"]) for row in agents["rows"]] == [("anna", 1)]
    for query in ("queue=back", "by=line", "agent=anna", "line=gateway", "campaign=7"):
        assert browser.get(f"/api/v1/figures?{query}").status_code == 403, query
    assert "alert(1)" not in browser.get("/figures").text


def test_a_campaign_of_another_list_is_not_shown(day: Pages) -> None:
    day.box.users.put_user(User(login="narrow", name="N", role="viewer", password=HASH, lists=["12"]))
    browser = day.browser("narrow")
    assert browser.get("/api/v1/figures?by=campaign").status_code == 403
    assert browser.get("/api/v1/figures?campaign=7").status_code == 403
    assert browser.get("/api/v1/figures").status_code == 200


def test_figures_follow_what_happens(day: Pages) -> None:
    browser = day.browser("viewer")
    browser.get("/figures")
    day.box.figures._last = -10.0  # more than a second ago
    ledger = Ledger(day.box.data / "ledger", day.clock, "boot", reserve_bytes=0)
    ledger.commit_now(m.ContactQueued(at=day.clock.utc(), contact="c9", queue="front", since=day.clock.utc()))
    told = browser.get("/api/v1/figures?queue=front").json
    ledger.close_now()
    assert told is not None and told["total"]["values"]["offered"]["value"] == 3


@pytest.mark.parametrize(("language", "share", "mark"), [
    ("en", "50.0%", "25%"), ("zh", "50.0%", "25%"), ("fi", "50,0\xa0%", "25\xa0%"), ("ru", "50,0\xa0%", "25\xa0%")])
def test_shares_are_written_as_the_language_does(day: Pages, language: str, share: str, mark: str) -> None:
    page = day.browser("supervisor").get("/figures?queue=front&by=hour", headers={"Accept-Language": language}).text
    assert f">{share}</a>" in page and f">{mark}</text>" in page


def test_charts_stand_within_their_frame() -> None:
    columns = [charts.Column(str(n), "t", (("good", n), ("bad", 2 * n)), n / 40) for n in range(41)]
    for chart in (charts.stacked(columns), charts.level(columns, str), charts.stacked([]), charts.level(columns[:1], str)):
        for stack in chart.stacks:
            assert stack.x >= 0 and stack.x + stack.width <= charts.WIDTH
            assert all(bar.height >= 0 and bar.y >= charts.TOP - 0.1 for bar in stack.bars)
    assert not any(stack.bars for stack in charts.level(columns, str).stacks)
    assert [charts.nice(most) for most in (0, 7, 11, 15, 101)] == [4, 8, 12, 20, 120]
