"""Figures for everybody: off by default, only what was chosen, one question for all visitors, readable by other sites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.config.box import PublicFigures
from appliance.config.load import loads
from appliance.errors import SwitchroomError
from appliance.messages import Command, QueuesReply
from tests.unit.test_web_wallboard import queue, reply
from tests.webkit import OFFICE, Pages
from web.public import service
from web.public.service import Cache, Limits

SHOWN = '\n[web.public]\nenabled = true\nqueues = ["{name}"]\nfigures = ["answer_time", "waiting", "open"]\n'


class Core:
    def __init__(self, found: QueuesReply) -> None:
        self.found = found
        self.asked = 0
        self.up = True

    def ask(self, command: Command, timeout: float = 10.0) -> QueuesReply:
        self.asked += 1
        if not self.up:
            raise SwitchroomError("bus.timeout", "The core does not answer.", "Look at the log.")
        return self.found


@pytest.fixture
def core() -> Core:
    return Core(reply(queue("sales", waiting=5, virtual=2, expected=95.4), queue("secret")))


@pytest.fixture
def pages(tmp_path: Path, core: Core, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    made = Pages(tmp_path)
    monkeypatch.setattr(made.box.core, "ask", core.ask)
    yield made
    made.close()


def enable(pages: Pages, monkeypatch: pytest.MonkeyPatch, **rules: object) -> None:
    config = pages.box.config
    public = PublicFigures(enabled=True, **rules)  # type: ignore[arg-type]
    made = msgspec.structs.replace(config, web=msgspec.structs.replace(config.web, public=public))
    monkeypatch.setattr(pages.box, "_read", (made, pages.box.store.version()))


def test_nothing_is_there_unless_the_office_wants_it(pages: Pages, core: Core) -> None:
    for path in ("/public", "/api/v1/public/figures"):
        answer = pages.browser().get(path)
        assert answer.status_code == 404 and "Access-Control-Allow-Origin" not in answer.headers
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert not core.asked


def test_only_what_was_chosen_is_told() -> None:
    found = [queue("sales", waiting=5, virtual=2, expected=95.4), queue("secret")]
    rules = PublicFigures(enabled=True, queues=["sales"], figures=["waiting"])
    only, = service.chosen(rules, found)
    assert (only.queue, only.waiting, only.open, only.answer_time) == ("sales", 3, None, None)
    closed, = service.chosen(PublicFigures(enabled=True), [queue("sales", open=False)])
    assert closed.open is False and closed.answer_time is None


def test_other_sites_may_read_it_and_frame_it(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    enable(pages, monkeypatch, queues=["sales"])
    counter = pages.browser().get("/api/v1/public/figures")
    assert counter.json["queues"] == [{"queue": "sales", "open": True, "answer_time": 95.0}]  # type: ignore[index]
    assert counter.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in counter.headers
    page = pages.browser().get("/public")
    assert "2 minutes" in page.text and "secret" not in page.text and "csrf" not in page.text
    assert "frame-ancestors *" in page.headers["Content-Security-Policy"]
    elsewhere = pages.browser().get("/login")
    assert "frame-ancestors 'none'" in elsewhere.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in pages.browser().get("/api/v1/openapi.json").headers


def test_one_question_serves_all_visitors(pages: Pages, core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    enable(pages, monkeypatch)
    for _ in range(20):
        assert pages.browser().get("/public").status_code == 200
    assert core.asked == 1
    pages.clock.advance(service.KEEP_SECONDS + 0.1)
    pages.browser().get("/public")
    assert core.asked == 2


def test_a_core_that_is_silent_is_asked_no_oftener(core: Core) -> None:
    core.up = False
    cache = Cache(core, lambda: 100.0)  # type: ignore[arg-type]
    assert cache.queues() is None and cache.queues() is None and core.asked == 1


def test_who_asks_too_often_waits(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    enable(pages, monkeypatch)
    browser = pages.browser()
    answers = [browser.get("/api/v1/public/figures").status_code for _ in range(service.PER_MINUTE + 1)]
    assert answers[-1] == 429 and set(answers[:-1]) == {200}
    pages.clock.advance(61)
    assert browser.get("/api/v1/public/figures").status_code == 200


def test_limits_do_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_ADDRESSES", 2)
    limits = Limits()
    assert [limits.count(address, 1.0) for address in ("a", "b", "c", "a")] == [True, True, False, True]
    assert limits.count("c", 61.0)


def test_a_queue_that_is_not_there_is_refused(tmp_path: Path) -> None:
    text = OFFICE.read_text()
    assert loads(text + SHOWN.format(name=loads(text, base=OFFICE.parent).queues[0].name), base=OFFICE.parent).web.public.enabled
    with pytest.raises(SwitchroomError, match="nobody"):
        loads(text + SHOWN.format(name="nobody"), base=OFFICE.parent)
