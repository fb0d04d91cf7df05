"""The wallboard: chosen by its address, thresholds, and nothing of callers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.errors import SwitchroomError
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
    monkeypatch.setattr(made.box.hub, "wait", lambda after, timeout: State(version=1, up=True, queues=found))
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
