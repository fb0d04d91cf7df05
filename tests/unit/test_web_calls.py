"""Records: found by anything, narrowed to who asks; recordings by id alone; no caller's words become script or formula."""

from __future__ import annotations

import asyncio
import csv
import io
import math
import wave
from array import array
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import openpyxl
import pytest

from appliance import messages as m
from appliance.config.store import Store
from appliance.ledger import Ledger
from appliance.ledger.reader import LedgerReader
from appliance.users.model import User
from tests.webkit import OFFICE, Pages
from web.calls import recordings, search

EVIL = '<script>alert("x")</script>'
FORMULA = "=HYPERLINK(\"http://x\")"
CALLS = ("aaaa00000000000001", "aaaa00000000000002", "aaaa00000000000003")


def queue_call(call: str, queue: str, agent: str, number: str, name: str, clock: float) -> list[m.Event]:
    a, b, recording = f"{call}-1", f"{call}-2", f"2026-11-26/{call}-1.wav"
    return [
        m.LegOpened(call=call, leg=a, direction="in", kind="line", endpoint="gateway", number=number, name=name,
                    sip_call_id=f"sip-{call}@x"),
        m.CallReached(call=call, target=f"queue:{queue}"),
        m.ContactQueued(at=clock, contact=call, queue=queue, since=clock, position=1, caller=number),
        m.ContactOffered(at=clock, contact=call, agent=agent, queue=queue),
        m.FactKeyed(call=call, caller=number, digits="7712", name="account", label="Account"),
        m.LegOpened(call=call, leg=b, direction="out", kind="phone", endpoint="101"),
        m.LegAnswered(leg=b), m.LegAnswered(leg=a),
        m.ContactConnected(at=clock, contact=call, agent=agent, queue=queue, waited=4.0),
        m.RecordingStarted(call=call, leg=a, recording=recording, queue=queue),
        m.RecordingEnded(call=call, recording=recording, seconds=1.0, bytes=1, sha256="x", reason="ended"),
        m.ContactEnded(at=clock, contact=call, agent=agent, queue=queue, talked=20.0),
        m.LegEnded(leg=b, cause=m.Cause(sip=200, by="near"), quality=m.Quality(mos=4.2, loss=0.01)),
        m.LegEnded(leg=a, cause=m.Cause(sip=486, q850=17)),
        m.CallEnded(call=call, disposition="answered"),
    ]


def tone(path: Path, seconds: float = 1.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = array("h")
    for at in range(int(8000 * seconds)):
        samples += array("h", [int(16000 * math.sin(at / 3)), 0])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path)
    now = made.clock.utc()
    events = [*queue_call(CALLS[0], "front", "anna", "+358401234567", EVIL, now),
              *queue_call(CALLS[1], "billing", "boris", "+358407654321", FORMULA, now),
              m.LegOpened(call=CALLS[2], leg="p-1", direction="in", kind="phone", endpoint="102", number="104"),
              m.LegEnded(leg="p-1"), m.CallEnded(call=CALLS[2], disposition="cancelled")]

    async def write() -> None:
        ledger = Ledger(tmp_path / "ledger", made.clock)
        for event in events:
            made.clock.advance(0.01)
            await ledger.commit(event)
        await ledger.close()

    asyncio.run(write())
    for call in CALLS[:2]:
        tone(tmp_path / "recordings" / "2026-11-26" / f"{call}-1.wav")
    yield made
    made.close()


def listed(pages: Pages, query: str, login: str = "supervisor") -> list[str]:
    answer = pages.browser(login).get(f"/api/v1/calls?{query}")
    assert answer.status_code == 200, answer.text
    return [each["call"] for each in answer.json["calls"]]  # type: ignore[index]


@pytest.mark.parametrize(("query", "which"), [
    ("", (2, 1, 0)), ("number=040%20123%204567", (0,)), ("q=%2B358401234567", (0,)), ("queue=front", (0,)), ("q=billing", (1,)),
    ("agent=boris", (1,)), ("q=Anna", (0,)), ("line=gateway", (1, 0)), ("q=102", (2,)), ("extension=102", (2,)),
    ("what=answered", (1, 0)), ("what=in-time", (1, 0)), ("what=cancelled", (2,)), ("what=abandoned", ()), ("q=hyperlink", (1,)),
    ("until=2001-01-01", ()), ("since=1d", (2, 1, 0)), ("campaign=7", ()), (f"q=sip-{CALLS[1]}", (1,)),
])
def test_calls_are_found_by_anything(pages: Pages, query: str, which: tuple[int, ...]) -> None:
    assert listed(pages, query) == [CALLS[each] for each in which]


def test_calls_are_found_by_day_of_the_week_and_hour(pages: Pages) -> None:
    began = datetime.fromtimestamp(pages.clock.utc(), ZoneInfo(pages.box.config.office.timezone))
    day, hour = began.isoweekday(), began.hour
    every = [CALLS[each] for each in (2, 1, 0)]
    for query, fit in ((f"weekday={day}", True), (f"weekday={day % 7 + 1}", False), (f"hour={hour}", True),
                       (f"hour={(hour + 2) % 24}", False), (f"weekday={day}&hour={hour}", True)):
        assert listed(pages, query) == (every if fit else []), query
    for wrong in ("weekday=8", "weekday=0", "hour=24", "hour=x"):
        assert pages.browser("supervisor").get(f"/api/v1/calls?{wrong}").status_code == 400, wrong


def test_results_and_surveys_are_found(pages: Pages) -> None:
    """The first caller answers a survey and comes again to another queue, then to the same; both outcomes are of marks."""
    again = [*queue_call("bbbb1", "billing", "boris", "+358401234567", "", 0.0), *queue_call("bbbb2", "front", "anna",
             "+358401234567", "", 0.0)]
    said = [m.SurveyAsked(call=CALLS[0], contact=CALLS[0], survey="after", queue="front", agent="anna"),
            m.SurveyAnswered(call=CALLS[0], contact=CALLS[0], survey="after", queue="front", question="q", kind="nps", score=9),
            m.ContactOutcome(at=0.0, contact=CALLS[1], agent="boris", code="2", name="sold", marks=["solved", "sale"])]
    ledger = Ledger(pages.box.data / "ledger", pages.clock, "boot", reserve_bytes=0)
    for event in [*said, *again]:
        pages.clock.advance(0.01)
        ledger.commit_now(event)
    ledger.close_now()
    for what, which in [("surveyed", [CALLS[0]]), ("survey-answered", [CALLS[0]]), ("survey-nps", [CALLS[0]]),
                        ("survey-csat", []), ("solved", [CALLS[1]]), ("sale", [CALLS[1]]), ("called-again", [CALLS[0]]),
                        ("answered-once", [CALLS[1]])]:
        assert listed(pages, f"what={what}") == which, what
    for queue, again, once in (("billing", [], ["bbbb1", CALLS[1]]), ("front", [CALLS[0]], [])):
        assert listed(pages, f"what=called-again&queue={queue}") == again
        assert listed(pages, f"what=answered-once&queue={queue}") == once


@pytest.mark.parametrize("younger", [True, False])
def test_a_queues_calls_are_found_behind_thousands_of_others(
    pages: Pages, monkeypatch: pytest.MonkeyPatch, younger: bool
) -> None:
    """Of a ledger that began before there was an index a page looks at so many calls, and goes on with the next page."""
    monkeypatch.setattr(search, "BATCH", 1)
    monkeypatch.setattr(search, "MOST_LOOKED_AT", 1)
    if not younger:
        monkeypatch.setattr(LedgerReader, "knows_places", lambda reader: False)
    browser = pages.browser("supervisor")
    for query in ("queue=front", "agent=anna"):
        answer = browser.get(f"/api/v1/calls?{query}").json
        assert answer is not None and [each["call"] for each in answer["calls"]] == ([CALLS[0]] if younger else []), query
        assert answer["before"]


def test_pages_follow_each_other(pages: Pages) -> None:
    browser = pages.browser("supervisor")
    first = browser.get("/api/v1/calls?limit=2").json
    assert first is not None and [each["call"] for each in first["calls"]] == [CALLS[2], CALLS[1]]
    rest = browser.get(f"/api/v1/calls?limit=2&before={first['before']}").json
    assert rest is not None and [each["call"] for each in rest["calls"]] == [CALLS[0]] and rest["before"] == ""


@pytest.mark.parametrize("query", ["since=never", "what=nothing", "before=x", "before=9-99999999999999999999999999",
                                   "campaign=-1", "since=%00", "q=%00", "number=%27%22%3Cscript%3E", "until=9999999w"])
def test_odd_questions_are_answered_calmly(pages: Pages, query: str) -> None:
    browser = pages.browser("supervisor")
    for path in ("/calls", "/api/v1/calls", "/calls/export.csv"):
        answer = browser.get(f"{path}?{query}")
        assert answer.status_code in (200, 400), (path, answer.status_code)
        assert "<script>" not in answer.text.replace("<script src", "")


def test_the_page_of_a_call_tells_it_all_and_lets_no_script_in(pages: Pages) -> None:
    browser = pages.browser("supervisor")
    assert EVIL not in browser.get("/calls").text
    page = browser.get(f"/calls/{CALLS[0]}")
    assert page.status_code == 200 and EVIL not in page.text and "&lt;script&gt;" in page.text
    for word in ("waits in the queue front", "connected to anna after 4 s", "Account: 7712", "SIP 486, Q.850 17",
                 "recording begins", "4.2", "1.0 %", 'class="wave"', f"/calls/recordings/{CALLS[0]}-1"):
        assert word in page.text, word
    assert browser.get(f"/calls/sip-{CALLS[0]}@x").location == f"/calls/{CALLS[0]}"
    assert browser.get(f"/calls?q={CALLS[0]}").location == f"/calls/{CALLS[0]}"
    steps = browser.get(f"/api/v1/calls/{CALLS[0]}/timeline").json
    told = {each["what"] for each in steps or ()}
    assert {"leg-opened", "call-reached", "contact-queued", "fact-keyed", "leg-ended"} <= told
    assert browser.get("/calls/nothing").status_code == browser.get("/api/v1/calls/nothing").status_code == 404
    assert browser.get(f"/calls/{CALLS[0]}/why").status_code == 200


def test_who_sees_some_queues_sees_their_calls_alone(pages: Pages) -> None:
    user = pages.box.users.user("controller")
    assert user is not None
    pages.box.users.put_user(msgspec.structs.replace(user, queues=["front"]))
    assert isinstance(user, User)
    assert listed(pages, "", "controller") == [CALLS[0]]  # the third was in no queue: not theirs either
    assert listed(pages, "queue=billing", "controller") == []
    browser = pages.browser("controller")
    for path in (f"/calls/{CALLS[1]}", f"/calls/{CALLS[1]}/why", f"/calls/recordings/{CALLS[1]}-1", f"/api/v1/calls/{CALLS[1]}",
                 f"/api/v1/recordings/{CALLS[1]}-1", f"/api/v1/recordings/{CALLS[1]}-1/shape"):
        assert browser.get(path).status_code == 404, path
    assert CALLS[1] not in browser.get("/calls/export.csv").text
    assert browser.get(f"/calls/{CALLS[2]}").status_code == 404


def test_a_recording_is_heard_in_pieces_and_each_listening_is_noted(pages: Pages) -> None:
    browser = pages.browser("supervisor")
    path = f"/calls/recordings/{CALLS[0]}-1"
    whole = browser.get(path)
    assert whole.status_code == 200 and whole.mimetype == "audio/wav" and whole.data[:4] == b"RIFF"
    part = browser.get(path, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.data == whole.data[100:200]
    assert browser.get(path, headers={"Range": "bytes=99999999-"}).status_code == 416
    assert "attachment" in browser.get(f"{path}?download=1").headers["Content-Disposition"]
    assert browser.get(f"/api/v1/recordings/{CALLS[0]}-1").data == whole.data
    noted = [(each["what"], each["target"]) for each in pages.browser("admin").get("/api/v1/audit").json  # type: ignore[union-attr]
             if each["what"].startswith("recording")]
    assert noted == [("recording.download", f"{CALLS[0]}-1")] * 2 + [("recording.listen", f"{CALLS[0]}-1")]
    for role in ("agent", "operator", "viewer"):
        assert pages.browser(role).get(path).status_code == 403


@pytest.mark.parametrize("id", ["..%2f..%2fusers", "../../config/current", "%2e%2e%2f", f"{CALLS[0]}-9",
                                f"2026-11-26%2f{CALLS[0]}-1", f"{CALLS[0]}-1.wav", "%00", "x" * 5000])
def test_no_path_leads_out_of_the_recordings(pages: Pages, id: str) -> None:
    browser = pages.browser("supervisor")
    for head in ("/calls/recordings", "/api/v1/recordings"):
        assert browser.get(f"{head}/{id}").status_code in (404, 400)


def test_a_name_in_the_ledger_does_not_lead_out_either(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    tone(folder / "day" / "good.wav")
    (tmp_path / "secret").write_text("x")
    (folder / "link.wav").symlink_to(tmp_path / "secret")
    assert recordings.inside(folder, "day/good.wav") == folder / "day" / "good.wav"
    for name in ("../secret", "link.wav", "/etc/passwd", "day", "none.wav", "a\0b"):
        assert recordings.inside(folder, name) is None, name


def test_the_shape_shows_who_speaks(tmp_path: Path) -> None:
    tone(tmp_path / "x.wav")
    caller, office = recordings.peaks(tmp_path / "x.wav")
    assert len(caller) == recordings.POINTS and min(caller[:-1]) > 0.3 and max(office) == 0.0
    (tmp_path / "y.wav").write_bytes(b"RIFF")
    assert recordings.peaks(tmp_path / "y.wav") == []


def test_exports_hold_what_fits_and_no_formula(pages: Pages) -> None:
    browser = pages.browser("supervisor")
    answer = browser.get("/calls/export.csv?queue=billing")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [(row["Call"], row["Queues"], row["Agents"], row["Number of the caller"]) for row in rows] == [
        (CALLS[1], "billing", "boris", "+358407654321")]
    book = openpyxl.load_workbook(io.BytesIO(browser.get("/calls/export.xlsx").data))
    cells = [cell for row in book["Calls"].iter_rows(min_row=2) for cell in row if isinstance(cell.value, str)]
    assert len(list(book["Calls"].iter_rows())) == 4 and all(cell.data_type == "s" for cell in cells)
    assert browser.get("/calls/export.csv?since=never").status_code == 400
    assert browser.get("/calls/export.exe").status_code == 404
    assert any(each["what"] == "calls.export" for each in pages.browser("admin").get("/api/v1/audit").json)  # type: ignore[union-attr]


@pytest.fixture
def outgoing(tmp_path: Path) -> Iterator[Pages]:
    """A call of a campaign that nobody answered."""
    made = Pages(tmp_path)

    async def write() -> None:
        ledger = Ledger(tmp_path / "ledger", made.clock)
        for event in (
            m.LegOpened(call="out1", leg="o-1", direction="out", kind="line", endpoint="gateway", number="+358401234567",
                        name="Maija"),
            m.LegEnded(leg="o-1", cause=m.Cause(sip=487, by="near"), quality=m.Quality(mos=0.0, loss=0.0)),
            m.CallEnded(call="out1", disposition="no_answer"),
        ):
            await ledger.commit(event)
        await ledger.close()

    asyncio.run(write())
    yield made
    made.close()


def test_a_name_stands_beside_the_number_that_it_is_of(outgoing: Pages) -> None:
    """Whom the box calls by itself is no caller, and nobody withheld a number."""
    browser = outgoing.browser("supervisor")
    row = browser.get("/calls").text.partition('data-call="out1"')[2].partition("</tr>")[0]
    assert "Maija" in row and row.index("+358401234567") < row.index("Maija") and "withheld" not in row
    page = browser.get("/calls/out1").text
    assert "+358401234567 (Maija)</h1>" in page and "withheld" not in page.partition("<h1>")[2].partition("</h1>")[0]


def test_who_was_never_heard_has_no_quality(outgoing: Pages) -> None:
    row = outgoing.browser("supervisor").get("/calls/out1").text.partition('data-leg="o-1"')[2].partition("</tr>")[0]
    assert " %" not in row and " ms" not in row


@pytest.mark.parametrize(("country", "language", "day"), [
    ("FI", "en", "15/01/2027"), ("US", "en", "1/15/27"), ("FI", "fi", "15.1.2027"),
])
def test_days_are_written_as_people_there_do(outgoing: Pages, tmp_path: Path, country: str, language: str, day: str) -> None:
    """English alone says little: 3/2/27 is February to most, and March to some."""
    office = tmp_path / "there.toml"
    text = OFFICE.read_text().replace('country = "FI"', f'country = "{country}"')
    office.write_text(text.replace("managers.csv", str(OFFICE.parent / "managers.csv")))
    Store(tmp_path, outgoing.clock).import_file(office, by="test")
    browser = outgoing.browser("supervisor")
    assert day in browser.get("/calls", headers={"Accept-Language": language}).text
