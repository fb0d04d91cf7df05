"""Campaigns in the pages and the API: who sees which, what a start is made of, reports without formulas, notes of changes."""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import math
import wave
from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest

from appliance import messages as m
from appliance.campaigns.render.strings import table
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.ledger.reader import LedgerReader
from appliance.users.rights import RIGHTS, ROLES, Right
from tests.webkit import Pages
from web.calls import words as call_words
from web.calls.came_to import CAMPAIGN
from web.campaigns import routes
from web.campaigns import words as campaign_words
from web.core_link import CoreLink
from web.live.hub import State

PEOPLE = [m.Subscriber(index=0, number="+358917700001", name="=1+1", row=2, extra={"House": "@cmd"}),
          m.Subscriber(index=1, number="+358917700002", name="<script>x</script>", row=3),
          m.Subscriber(index=2, number="+358917700003", name="Carl", row=4)]


def created(campaign: int, list_number: str = "12", **more: Any) -> m.CampaignCreated:
    return m.CampaignCreated(
        campaign=campaign, scenario="701", name="Change in the documents", list=list_number, lines=5,
        message=f"campaigns/{campaign}/message.wav", message_seconds=8.0, subscribers=len(PEOPLE), duplicates=1,
        bad_rows=[m.BadRow(row=9, text="x", reason="no number")], rules={"retries": 0, "confirm": "1"}, by="101", **more)


def called(campaign: int, subscriber: int, outcome: m.Outcome, digit: str = "") -> list[m.Event]:
    about = {"campaign": campaign, "subscriber": subscriber, "attempt": 1, "call": f"c{campaign}-{subscriber}", "line": "gateway"}
    return [m.AttemptStarted(leg=f"l{campaign}-{subscriber}", **about),
            m.AttemptEnded(outcome=outcome, seconds_heard=8.0, fraction_heard=1.0, digit=digit, **about)]


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    """Campaign 1 is over, 2 runs on a list that not everybody sees, 3 is planned."""
    made = Pages(tmp_path)
    later = made.clock.utc() + 3600

    async def write() -> None:
        ledger = Ledger(tmp_path / "ledger", made.clock)
        await ledger.append_campaign(created(1), PEOPLE)
        for event in [*called(1, 0, "confirmed", "1"), *called(1, 1, "hung_up"), *called(1, 2, "busy"),
                      m.CampaignStateChanged(campaign=1, state="finished", by="dialer")]:
            made.clock.advance(1.0)
            await ledger.commit(event)
        await ledger.append_campaign(created(2, "99"), PEOPLE)
        for event in called(2, 0, "confirmed", "1"):
            await ledger.commit(event)
        await ledger.append_campaign(created(3, not_before=later), PEOPLE)
        await ledger.close()

    asyncio.run(write())
    (tmp_path / "campaigns" / "1").mkdir(parents=True)
    tone(tmp_path / "campaigns" / "1" / "message.wav")
    yield made
    made.close()


def tone(path: Path, seconds: float = 2.0) -> bytes:
    samples = array("h", [int(9000 * math.sin(at / 4) * (1 if at // 1600 % 2 else 0.4)) for at in range(int(8000 * seconds))])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
    return path.read_bytes()


def narrowed(pages: Pages, login: str, lists: list[str]) -> None:
    user = pages.box.users.user(login)
    assert user is not None
    pages.box.users.put_user(msgspec.structs.replace(user, lists=lists))


def ask(pages: Pages, path: str, login: str = "operator") -> Any:
    answer = pages.browser(login).get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json


class Core:
    """Stands in for the core: what it was asked, and its answers by kind of question."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: m.Reply | Exception) -> None:
        self.asked: list[m.Command] = []
        self._answers = list(answers)
        away = CoreLink.ask

        def ask(link: CoreLink, command: m.Command, timeout: float = 10.0) -> Any:
            if isinstance(command, m.NoteAudit):
                return away(link, command, timeout)  # waits on disk for a core
            self.asked.append(command)
            answer = self._answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(CoreLink, "ask", ask)


def noted(pages: Pages) -> list[tuple[str, str]]:
    return [(each["what"], each["target"]) for each in ask(pages, "/audit", "admin") if not each["what"].startswith("session")]


# ---- looking ---------------------------------------------------------------------------------------------------------


def test_campaigns_stand_with_their_state_and_figures(pages: Pages) -> None:
    found = {each["id"]: each for each in ask(pages, "/campaigns")}
    assert [each["id"] for each in ask(pages, "/campaigns")] == [3, 2, 1]
    assert [found[at]["stage"] for at in (1, 2, 3)] == ["finished", "running", "planned"]
    assert found[1]["outcomes"] == {"confirmed": 1, "hung_up": 1, "busy": 1} and found[1]["done"] == 3
    assert (found[2]["done"], found[2]["untried"], found[2]["outcomes"]) == (1, 2, {"confirmed": 1})
    assert [each["id"] for each in ask(pages, "/campaigns?before=3&limit=1")] == [2]
    page = pages.browser("operator").get("/campaigns").text
    assert 'data-campaign="3"' in page and "planned" in page and "Change in the documents" in page


@pytest.mark.parametrize("language", ["en", "fi", "ru", "uk", "zh"])
def test_an_outcome_has_one_name_on_the_pages_and_in_the_mailed_report(pages: Pages, language: str) -> None:
    mailed = {name.removeprefix("outcome_"): text for name, text in table(language).items() if name.startswith("outcome_")}
    with pages.app.test_request_context("/", headers={"Accept-Language": language}):
        assert {name: campaign_words.outcome(name) for name in mailed} == mailed
        assert {name: call_words.outcome(name) for name in mailed} == mailed
        assert [call_words.what(name) for name in CAMPAIGN] == [mailed[name] for name in CAMPAIGN]


def test_figures_go_on_with_the_ledger(pages: Pages, tmp_path: Path) -> None:
    assert ask(pages, "/campaigns/2")["done"] == 1

    async def more() -> None:
        ledger = Ledger(tmp_path / "ledger", pages.clock)
        for event in [*called(2, 1, "heard"), m.CampaignStateChanged(campaign=2, state="paused", reason="lunch")]:
            await ledger.commit(event)
        await ledger.close()

    asyncio.run(more())
    now = ask(pages, "/campaigns/2")
    assert (now["done"], now["stage"], now["reason"]) == (2, "paused", "lunch")
    pages.clock.advance(7200)
    assert ask(pages, "/campaigns/3")["stage"] == "running"  # its time has come


def test_a_book_that_is_looked_at_holds_up_no_other(pages: Pages) -> None:
    """One of 200,000 people takes a second."""
    with pages.box.campaigns.look(2, lambda number: True), ThreadPoolExecutor(1) as another:
        assert another.submit(pages.box.campaigns.one, 3, lambda number: True).result(10).id == 3
        assert another.submit(pages.box.campaigns.one, 1, lambda number: True).result(10).done == 3


def test_a_page_of_people_reads_those_alone(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 200,000, each page read and decoded all, and whoever looked at the same campaign waited for that."""
    def all_of_them(self: LedgerReader, campaign: int) -> list[m.Subscriber]:
        raise AssertionError("the whole list was read")

    whole = ask(pages, "/campaigns/1/people")
    monkeypatch.setattr(LedgerReader, "subscribers", all_of_them)
    assert whole["total"] == len(whole["people"]) > 2
    for outcome in {each["outcome"] for each in whole["people"] if each["outcome"]}:
        wanted = [each for each in whole["people"] if each["outcome"] == outcome]
        assert ask(pages, f"/campaigns/1/people?outcome={outcome}")["people"] == wanted
    assert ask(pages, "/campaigns/1/people?after=1&limit=1")["people"] == whole["people"][1:2]


def test_who_sees_some_lists_sees_their_campaigns_alone(pages: Pages) -> None:
    narrowed(pages, "operator", ["12"])
    assert [each["id"] for each in ask(pages, "/campaigns")] == [3, 1]
    browser = pages.browser("operator")
    for path in ("/campaigns/2", "/campaigns/2/report.csv", "/campaigns/2/message.wav", "/campaigns/2/events",
                 "/api/v1/campaigns/2", "/api/v1/campaigns/2/people", "/api/v1/campaigns/2/figures",
                 "/api/v1/campaigns/2/report.xlsx"):
        assert browser.get(path).status_code == 404, path
    assert browser.post("/campaigns/2/order", do="pause").status_code == 404
    assert browser.post("/campaigns/2/mail", to="a@b.example").status_code == 404
    assert 'data-campaign="2"' not in browser.get("/campaigns").text


def test_the_page_of_a_campaign_tells_who_was_reached_and_lets_no_script_in(pages: Pages) -> None:
    browser = pages.browser("operator")
    page = browser.get("/campaigns/1")
    assert page.status_code == 200 and "<script>x" not in page.text and "&lt;script&gt;x" in page.text
    for word in ("+358917700001", "House", "confirmed", "hung up early", "Calls made"):
        assert word in page.text, word
    only = browser.get("/campaigns/1?outcome=confirmed").text
    assert "+358917700001" in only and "+358917700002" not in only
    assert browser.get("/campaigns/1?outcome=nonsense").status_code == 400
    people = ask(pages, "/campaigns/1/people?limit=2")
    assert (people["total"], people["next"], len(people["people"])) == (3, 2, 2)
    assert [each["name"] for each in ask(pages, "/campaigns/1/people?after=2")["people"]] == ["Carl"]
    assert ask(pages, "/campaigns/2/people?outcome=pending")["total"] == 2
    assert ask(pages, "/campaigns/1/figures")["confirmed"] == 1


def events(answer: Any, names: set[str]) -> dict[str, str]:
    """The next events of a stream until each of these has come."""
    found: dict[str, str] = {}
    for chunk in answer.iter_encoded():
        name, _, data = chunk.decode().partition("\n")
        found[name.removeprefix("event: ")] = data
        if names <= found.keys():
            return found
    raise AssertionError(f"the stream ended after {sorted(found)}")


def test_all_of_a_campaigns_page_goes_on_by_itself(pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had 19 at the top and 12 below, until somebody loaded it again."""
    versions = itertools.count(1)
    monkeypatch.setattr(pages.box.hub, "wait", lambda after, timeout, parts=(): State(version=next(versions), up=True))
    monkeypatch.setattr(routes, "PEOPLE_SECONDS", 0.0)
    pieces = {"progress", "how", "outcomes", "people"}
    answer = pages.browser("operator").get("/campaigns/2/events?outcome=heard", buffered=False)
    first = events(answer, pieces)
    assert "+358917700002" not in first["people"] and 'data-outcome="heard"' not in first["outcomes"]

    async def more() -> None:
        ledger = Ledger(tmp_path / "ledger", pages.clock)
        for event in called(2, 1, "heard"):
            await ledger.commit(event)
        await ledger.close()

    asyncio.run(more())
    then = events(answer, pieces)
    assert "+358917700002" in then["people"] and "+358917700001" not in then["people"]  # of the outcome that the page shows
    assert 'data-outcome="heard"' in then["outcomes"] and "<dd>2</dd>" in then["how"]
    answer.close()
    assert pages.browser("operator").get("/campaigns/2/events?outcome=nonsense").status_code == 400


def test_the_live_page_shows_the_campaigns_under_way_to_who_may_see_them(pages: Pages) -> None:
    page = pages.browser("supervisor").get("/live").text
    assert 'data-campaign="2"' in page and 'data-campaign="3"' in page and 'data-campaign="1"' not in page  # which is over
    narrowed(pages, "supervisor", ["12"])
    assert 'data-campaign="2"' not in pages.browser("supervisor").get("/live").text
    for role in ROLES:
        if Right.LIVE_VIEW in RIGHTS[role]:
            shown = 'data-campaign="3"' in pages.browser(role).get("/live").text
            assert shown == (Right.CAMPAIGNS_VIEW in RIGHTS[role]), role


def test_a_report_holds_no_formula_and_its_taking_is_noted(pages: Pages) -> None:
    browser = pages.browser("operator")
    rows = list(csv.reader(io.StringIO(browser.get("/campaigns/1/report.csv").data.decode("utf-8-sig"))))
    assert rows[1][:2] == ["+358917700001", "'=1+1"] and rows[1][-1] == "'@cmd"
    book = openpyxl.load_workbook(io.BytesIO(browser.get("/campaigns/1/report.xlsx").data))
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    assert browser.get("/campaigns/1/message.wav").data[:4] == b"RIFF"
    assert noted(pages)[:3] == [("campaign.listen", "1"), ("campaign.export", "1"), ("campaign.export", "1")]
    assert browser.get("/campaigns/3/message.wav").status_code == 404


# ---- starting and steering -------------------------------------------------------------------------------------------


def test_a_start_is_looked_at_first_and_noted(pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = pages.browser("operator")
    sound = tone(tmp_path / "news.wav")
    browser.post("/campaigns/messages", file=(io.BytesIO(sound), "News of today.wav"))
    kept = ask(pages, "/messages")
    assert [(each["name"], each["source"]) for each in kept] == [("News of today", "uploaded")]
    wanted = {"scenario": "701", "list": "12", "message": kept[0]["id"], "lines": "2", "when": "now"}
    look = browser.post("/campaigns/new", do="look", **wanted)
    assert look.status_code == 200 and "300" in look.text and "Start calling" in look.text
    key = look.text.partition('name="key" value="')[2].partition('"')[0]
    core = Core(monkeypatch, *[m.CampaignStarted(campaign=4, subscribers=300)] * 2)
    for _ in range(2):  # a double click
        answer = browser.post("/campaigns/new", do="start", key=key, **wanted)
        assert answer.location == "/campaigns/4"
    asked, again = core.asked
    assert key and again == asked and getattr(asked, "order", "") == key
    assert isinstance(asked, m.StartCampaign)
    assert (asked.scenario, asked.list, asked.lines, asked.by, asked.not_before) == ("701", "12", 2, "web:operator", 0.0)
    assert Path(asked.message).read_bytes()[:4] == b"RIFF"
    assert ("campaign.start", "701") in noted(pages)


def test_a_start_for_later_is_told_in_the_offices_time(pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = pages.browser("operator")
    kept = messages_of(browser, tone(tmp_path / "news.wav"))
    core = Core(monkeypatch, m.CampaignStarted(campaign=4, subscribers=300))
    wanted = {"scenario": "701", "list": "12", "message": kept, "when": "later", "at": "2027-03-02T12:00"}
    assert "Plan it" in browser.post("/campaigns/new", do="look", **wanted).text
    assert browser.post("/campaigns/new", do="start", **wanted).status_code == 302
    assert isinstance(core.asked[0], m.StartCampaign) and core.asked[0].not_before == 1_803_981_600.0  # 12:00 in Helsinki


def messages_of(browser: Any, sound: bytes) -> str:
    answer = browser.client.post("/api/v1/messages/file?name=a.wav", data=sound, headers={"X-CSRFToken": browser.token()})
    assert answer.status_code == 201, answer.text
    id: str = answer.json["id"]
    return id


@pytest.mark.parametrize(("change", "id"), [
    ({"scenario": "999"}, "scenario.unknown"), ({"list": "13"}, "list.unknown"), ({"message": "../../x"}, "message.unknown"),
    ({"message": "0" * 16}, "message.unknown"), ({"at": 1.0}, "campaign.past"),
    ({"at": 1e300}, "campaign.too-far"), ({"at": 4e9}, "campaign.too-far"),
])
def test_what_cannot_be_started_is_refused_before_anybody_is_asked(
    pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], id: str,
) -> None:
    browser = pages.browser("operator")
    kept = messages_of(browser, tone(tmp_path / "news.wav"))
    core = Core(monkeypatch)
    order = {"scenario": "701", "list": "12", "message": kept} | change
    answer = browser.client.post("/api/v1/campaigns", json=order, headers={"X-CSRFToken": browser.token()})
    assert (answer.json["error"]["id"], core.asked) == (id, [])  # type: ignore[index]


def test_a_list_that_one_does_not_see_cannot_be_called(pages: Pages, tmp_path: Path) -> None:
    narrowed(pages, "operator", ["7"])
    browser = pages.browser("operator")
    kept = messages_of(browser, tone(tmp_path / "news.wav"))
    answer = browser.client.post("/api/v1/campaigns", json={"scenario": "701", "list": "12", "message": kept},
                                 headers={"X-CSRFToken": browser.token()})
    assert answer.status_code == 404 and answer.json["error"]["id"] == "list.unknown"  # type: ignore[index]


@pytest.mark.parametrize("typed", [{"lines": "x"}, {"lines": "0"}, {"lines": "99999"}, {"when": "later"},
                                   {"when": "later", "at": "never"}, {"message": ""}])
def test_a_form_that_is_not_complete_comes_back_with_what_was_typed(pages: Pages, tmp_path: Path, typed: dict[str, str]) -> None:
    browser = pages.browser("operator")
    kept = messages_of(browser, tone(tmp_path / "news.wav"))
    answer = browser.post("/campaigns/new", do="look", **({"scenario": "701", "list": "12", "message": kept} | typed))
    assert answer.status_code == 400 and 'role="alert"' in answer.text and 'name="scenario"' in answer.text


def test_a_campaign_is_steered_and_each_order_noted(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = pages.browser("operator")
    core = Core(monkeypatch, m.Done(), m.Done(), m.Done())
    assert browser.post("/campaigns/2/order", do="pause", reason="lunch").location == "/campaigns/2"
    assert browser.post("/campaigns/2/mail", to="a@b.example; c@d.example").location == "/campaigns/2"
    assert core.asked == [m.ControlCampaign(campaign=2, action="pause", by="web:operator", reason="lunch"),
                          m.ControlCampaign(campaign=2, action="report", by="web:operator", to=["a@b.example", "c@d.example"])]
    assert browser.post("/campaigns/2/order", do="finish").status_code == 400
    assert browser.post("/campaigns/2/mail", to="a@b\r\nBcc: x@y.example").status_code == 400
    assert browser.post("/campaigns/2/mail", to="").status_code == 400  # the scenario sends it to nobody
    assert len(core.asked) == 2
    assert [each for each in noted(pages) if each[0].startswith("campaign.")] == [("campaign.mail", "2"), ("campaign.pause", "2")]


def test_a_second_campaign_on_a_list_is_started_by_who_says_so(
    pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = pages.browser("operator")
    kept = messages_of(browser, tone(tmp_path / "news.wav"))
    refused = SwitchroomError("campaign.under-way", "Campaign {campaign} calls it already.", "Let it go on.", campaign=3)
    core = Core(monkeypatch, refused, m.CampaignStarted(campaign=4, subscribers=3), refused,
                m.CampaignStarted(campaign=5, subscribers=3))
    wanted = {"scenario": "701", "list": "12", "message": kept, "lines": "", "when": "now"}
    page = browser.post("/campaigns/new", do="start", key="k1", **wanted)
    assert page.status_code == 409 and "Campaign 3 calls it already." in page.text
    assert "Start another beside it" in page.text and 'name="beside" value="yes"' in page.text
    assert browser.post("/campaigns/new", do="start", key="k1", beside="yes", **wanted).location == "/campaigns/4"
    order, headers = {"scenario": "701", "list": "12", "message": kept}, {"X-CSRFToken": browser.token()}
    told = browser.client.post("/api/v1/campaigns", json=order, headers=headers)
    assert (told.status_code, told.json["error"]["id"]) == (409, "campaign.under-way")  # type: ignore[index]
    assert browser.client.post("/api/v1/campaigns", json=order | {"beside": True}, headers=headers).status_code == 201
    assert [getattr(each, "beside", None) for each in core.asked] == [False, True, False, True]


def test_the_core_that_is_away_is_told(pages: Pages, tmp_path: Path) -> None:
    browser = pages.browser("operator")
    assert browser.post("/campaigns/2/order", do="pause").status_code == 503
    kept = messages_of(browser, tone(tmp_path / "news.wav"))
    answer = browser.post("/campaigns/new", do="start", scenario="701", list="12", message=kept, lines="", when="now")
    assert answer.status_code == 503 and 'role="alert"' in answer.text


# ---- messages --------------------------------------------------------------------------------------------------------


def test_messages_are_kept_heard_and_removed(pages: Pages, tmp_path: Path) -> None:
    browser = pages.browser("operator")
    id = messages_of(browser, tone(tmp_path / "news.wav"))
    assert browser.get(f"/campaigns/messages/{id}.wav").data[:4] == b"RIFF"
    assert browser.get(f"/api/v1/messages/{id}/sound").data[:4] == b"RIFF"
    assert browser.post(f"/campaigns/messages/{id}/remove").status_code == 302
    assert ask(pages, "/messages") == [] and not list((tmp_path / "campaigns" / "messages").iterdir())
    assert [each[0] for each in noted(pages)][:2] == ["message.remove", "message.make"]


def test_a_message_is_asked_for_at_a_phone_and_there_once_it_is_said(
    pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = pages.browser("operator")
    answer = browser.post("/campaigns/messages/record", extension="101", spoken="Mine")
    assert answer.status_code == 503 and 'role="alert"' in answer.text  # no core here
    leg = m.LegNow(leg="l", direction="out", kind="phone", endpoint="101", state="ringing")
    calls = m.CallsReply(calls=[m.CallNow(call="c", purpose="record-message", legs=[leg], facts={})])
    core = Core(monkeypatch, m.Done(), calls, calls, m.CallsReply(calls=[]))
    assert browser.post("/campaigns/messages/record", extension="101", spoken="Mine").location == "/campaigns/messages"
    asked = core.asked[0]
    assert isinstance(asked, m.RecordMessage) and (asked.extension, asked.by) == ("101", "web:operator")
    assert "Phone 101 rings" in browser.get("/campaigns/messages").text
    pages.clock.advance(60)
    assert browser.get("/campaigns/messages/waiting?n=1").status_code == 200  # still on the phone
    assert browser.get("/campaigns/messages/waiting?n=1").headers["HX-Refresh"] == "true"  # hung up
    assert ask(pages, "/messages") == []
    tone(tmp_path / "campaigns" / "messages" / f"{asked.message}.wav", 2.0)
    (kept,) = ask(pages, "/messages")
    assert (kept["name"], kept["source"], kept["seconds"], kept["phone"]) == ("Mine", "recorded", 2.0, "101")


@pytest.mark.parametrize("content", [b"", b"RIFF", b"hello", b"OggS" + b"\0" * 100, b"ID3" + b"\xff" * 100, b"fLaC....",
                                     b"RIFF\x24\x00\x00\x00WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0\x80>\0\0\2\0\x10\0data\0\0\0\0"])
def test_what_is_no_sound_is_refused_and_leaves_nothing(pages: Pages, tmp_path: Path, content: bytes) -> None:
    browser = pages.browser("operator")
    answer = browser.post("/campaigns/messages", file=(io.BytesIO(content), "x.wav"))
    assert answer.status_code == 400 and str(tmp_path) not in answer.text and "/tmp" not in answer.text
    assert ask(pages, "/messages") == []
    folder = tmp_path / "campaigns" / "messages"
    assert not folder.exists() or not list(folder.iterdir())


def test_a_flac_file_is_taken(pages: Pages, tmp_path: Path) -> None:
    import subprocess

    tone(tmp_path / "news.wav")
    subprocess.run(["sox", str(tmp_path / "news.wav"), str(tmp_path / "news.flac")], check=True, timeout=30)
    id = messages_of(pages.browser("operator"), (tmp_path / "news.flac").read_bytes())
    assert ask(pages, "/messages")[0]["id"] == id and ask(pages, "/messages")[0]["seconds"] > 1.5
