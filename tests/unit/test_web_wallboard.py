"""The wallboard: chosen by its address, thresholds, and nothing of callers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance import messages as m
from appliance.errors import SwitchroomError
from appliance.figures.ask import Of
from appliance.figures.definitions import Value
from appliance.figures.goals import Goal
from appliance.figures.report import Line
from appliance.ledger import Ledger
from appliance.messages import QueueNow, Queues, QueuesReply
from tests.webkit import Pages
from web.live.hub import State
from web.wallboard import service


def queue(name: str, **values: Any) -> QueueNow:
    base: dict[str, Any] = {"number": "", "open": True, "waiting": 0, "virtual": 0, "talking": 0, "longest": 0.0,
                            "handling": 60.0, "ready": 1, "signed_in": 2, "on_break": 0, "expected": 20.0}
    return QueueNow(name=name, **(base | values))


def reply(*queues: QueueNow) -> QueuesReply:
    return QueuesReply(core="c", number=1, now=0.0, queues=list(queues), agents=[], contacts=[])


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    made = Pages(tmp_path)
    found = reply(queue("sales", waiting=7, virtual=1, longest=made.clock.utc() - 75), queue("support", open=False))
    monkeypatch.setattr(made.box.hub, "wait", lambda after, timeout, parts=(): State(version=1, up=True, queues=found))
    monkeypatch.setattr(made.box.core, "ask", lambda command, timeout=10.0: found if isinstance(command, Queues) else None)
    yield made
    made.close()


def test_a_board_is_read_from_its_address() -> None:
    board = service.read(["sales", "sales", ""], ["longest", "ready"], "9", ["longest:30:90"], "light")
    assert board.queues == ["sales"] and board.figures == ["longest", "ready"] and board.columns == 6 and board.light
    assert board.limits["longest"] == (30, 90) and board.limits["waiting"] == service.LIMITS["waiting"]
    assert service.read([], [], "", [], "").figures == service.DEFAULT


@pytest.mark.parametrize(("figures", "columns", "limits"), [
    (["callers"], "", []), ([], "two", []), ([], "", ["waiting:3"]), ([], "", ["waiting:a:b"]), ([], "", ["callers:1:2"]),
])
def test_an_address_that_makes_no_sense_is_refused(figures: list[str], columns: str, limits: list[str]) -> None:
    with pytest.raises(SwitchroomError) as problem:
        service.read([], figures, columns, limits, "")
    assert problem.value.id == "web.bad-board" and "waiting" in problem.value.hint


def test_thresholds_warn_and_alarm() -> None:
    assert [service.level(value, (3, 6)) for value in (None, 2, 3, 5.9, 6)] == ["", "", "warn", "warn", "bad"]
    assert service.level(99, None) == ""
    tile, = service.tiles(service.Board(), [queue("sales", waiting=9, virtual=2, longest=900.0)], lambda name: True, 1000.0)
    waiting, longest = tile.figures[:2]
    assert (waiting.value, waiting.level, longest.value, longest.level) == (7, "bad", 100, "warn")
    assert tile.level == "bad"


def test_falling_may_be_what_is_bad() -> None:
    assert [service.level(value, (80, 60)) for value in (None, 81, 80, 61, 60)] == ["", "", "warn", "warn", "bad"]


def line(values: dict[str, Value], goals: dict[str, Goal] | None = None) -> Line:
    return Line(key="sales", name="sales", of=Of(queue="sales"), kind="queue", values=values, goals=goals or {})


def test_figures_of_the_day_have_the_targets_of_the_configuration() -> None:
    board = service.read([], ["waiting", "offered", "service-level", "asa"], "", ["asa:20:60"], "")
    assert service.wants_day(board) and not service.wants_day(service.Board())
    level = Goal(name="t", at_least=0.8, standing="alarm")
    days = {"sales": line({"offered": Value(12, 12), "service-level": Value(0.5, 12), "asa": Value(30.0, 10)},
                          {"service-level": level})}
    sales, empty = service.tiles(board, [queue("sales"), queue("support")], lambda name: True, 0.0, days)
    assert [(each.value, each.level, each.low) for each in sales.figures] == [
        (0, "", False), (12, "", False), (0.5, "bad", True), (30.0, "warn", False)]
    assert [each.value for each in empty.figures] == [0, 0, None, None] and empty.level == ""
    strict = service.read([], ["service-level"], "", ["service-level:90:40"], "")
    (tile,) = service.tiles(strict, [queue("sales")], lambda name: True, 0.0, days)
    assert (tile.figures[0].level, tile.figures[0].low) == ("warn", True), "the address goes before the configuration"


def test_the_page_and_the_api_show_the_day(pages: Pages) -> None:
    now = pages.clock.utc()
    ledger = Ledger(pages.box.data / "ledger", pages.clock, "boot", reserve_bytes=0)
    for n in range(3):
        ledger.commit_now(m.ContactQueued(at=now, contact=f"c{n}", queue="sales", since=now))
    ledger.commit_now(m.ContactConnected(at=now, contact="c0", agent="anna", queue="sales"))
    ledger.close_now()
    page = pages.browser("viewer").get("/wallboard?figure=offered&figure=service-level&limit=service-level:80:60").text
    assert 'data-figure="offered"' in page and "33%" in page and 'aria-label="too low"' in page
    told = pages.browser("viewer").get("/api/v1/wallboard?queues=sales&figures=offered,asa").json
    tile, = msgspec.convert(told, list[service.Tile])
    assert [each.value for each in tile.figures] == [3, 0]
    assert 'value="service-level"' in pages.browser("agent").get("/wallboard/choose").text


def test_queues_that_one_may_not_see_are_not_shown() -> None:
    board = service.read(["support", "sales"], [], "", [], "")
    shown = service.tiles(board, [queue("sales"), queue("support")], lambda name: name != "support", 0.0)
    assert [each.queue for each in shown] == ["sales"]


def test_more_tiles_stand_in_more_columns() -> None:
    assert [service.shape(count, 0) for count in (0, 1, 2, 4, 5, 9, 12, 24)] == [
        (1, 1), (1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (4, 3), (6, 4)]
    assert service.shape(5, 2) == (2, 3)


def test_the_page_shows_a_level_by_sign_and_word_too(pages: Pages) -> None:
    page = pages.browser("viewer").get("/wallboard?figure=waiting&figure=longest").text
    assert 'class="wall-tile bad" data-queue="sales"' in page and "■" in page and 'aria-label="too high"' in page
    assert 'class="wall-tile " data-queue="support"' in page and "closed" in page
    assert 'sse-connect="/wallboard/events?figure=waiting&amp;figure=longest"' in page


def test_the_address_is_shown_back_harmlessly(pages: Pages) -> None:
    page = pages.browser("viewer").get("/wallboard", query_string={"queue": '"><script>alert(1)</script>'})
    assert page.status_code == 200 and "<script>alert" not in page.text and "There is no queue to show" in page.text


def test_the_form_makes_the_address(pages: Pages) -> None:
    browser = pages.browser("agent")
    assert 'name="warn-waiting"' in browser.get("/wallboard/choose").text
    page = browser.get("/wallboard?figure=waiting&warn-waiting=8&bad-waiting=9&warn-longest=&bad-longest=&columns=0&theme=dark")
    assert page.status_code == 200 and 'class="wall-tile " data-queue="sales"' in page.text
    assert browser.get("/wallboard?figure=callers").status_code == 400


def test_the_stream_sends_tiles(pages: Pages) -> None:
    answer = pages.browser("viewer").get("/wallboard/events?queue=sales", buffered=False)
    first, tiles = next(answer.iter_encoded()), next(answer.iter_encoded())
    answer.close()
    assert first.startswith(b"retry:") and tiles.startswith(b"event: tiles\n") and b"sales" in tiles and b"support" not in tiles


def test_the_api_tells_the_same(pages: Pages) -> None:
    told = pages.browser("operator").get("/api/v1/wallboard?queues=sales&figures=waiting&limits=waiting:1:6").json
    tile, = msgspec.convert(told, list[service.Tile])
    assert tile.queue == "sales" and tile.level == "bad" and tile.figures[0].value == 6
    assert pages.browser("operator").get("/api/v1/wallboard?figures=callers").json["error"]["id"] == "web.bad-board"  # type: ignore[index]
