"""What a supervisor does with those who wait: only what one sees is moved, and only to where one may send it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.messages import (
    AgentNow,
    CallNow,
    CallsReply,
    Command,
    ContactNow,
    Done,
    LegNow,
    MoveContact,
    Person,
    PhoneStatus,
    Queues,
    QueuesReply,
    StatusReply,
)
from tests.webkit import Pages
from web.live.hub import State


def contact(id: str, queue: str, name: str, *, virtual: bool = False) -> ContactNow:
    return ContactNow(id=id, queue=queue, channel="voice", state="waiting", priority=0, virtual=virtual, since=5.0, position=1,
                      agents=[], attempts=0, person=Person(number="+3589111222", name=name))


STATE = State(version=1, up=True, queues=QueuesReply(core="x", number=1, now=0.0, queues=[], agents=[], contacts=[
    contact("c1", "front", "<i>Eeva</i>"), contact("v1", "front", "Olli", virtual=True), contact("b1", "billing", "Pia")]))


@pytest.fixture
def asked() -> list[Command]:
    return []


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[Command]) -> Iterator[Pages]:
    made = Pages(tmp_path)

    def ask(command: Command, timeout: float = 10.0) -> Any:
        asked.append(command)
        return STATE.queues if isinstance(command, Queues) else Done()

    monkeypatch.setattr(made.box.hub, "wait", lambda after, timeout, parts=(): STATE)
    monkeypatch.setattr(made.box.core, "ask", ask)
    yield made
    made.close()


def moves(asked: list[Command]) -> list[tuple[str, str, str]]:
    return [(each.contact, each.to, each.by) for each in asked if isinstance(each, MoveContact)]


def test_a_waiting_caller_is_moved_from_the_page(pages: Pages, asked: list[Command]) -> None:
    browser = pages.browser("supervisor")
    assert '/live/move/c1"' in browser.get("/live").text
    page = browser.get("/live/move/c1").text
    assert 'value="queue:billing"' in page and 'value="agent:anna"' in page and 'value="extension:104"' in page
    assert 'value="queue:front"' not in page and "&lt;i&gt;Eeva" in page and "<i>Eeva" not in page
    virtual = browser.get("/live/move/v1").text
    assert 'value="queue:billing"' in virtual and "agent:" not in virtual and "extension:" not in virtual
    assert browser.post("/live/move/c1", to="queue:billing").status_code == 302
    assert browser.post("/live/move/gone", to="queue:billing").status_code == 400
    assert moves(asked) == [("c1", "queue:billing", "web:supervisor")]


def test_a_phone_that_is_not_connected_is_said_to_be_away(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller who is moved there comes back at once, and nobody would know why."""
    status = StatusReply(version="1", uptime=1.0, config_version=1, lines=[], calls=0, campaigns_running=[], shortages={},
                         phones=[PhoneStatus(extension="101", registered=True), PhoneStatus(extension="104")])
    state = msgspec.structs.replace(STATE, status=status)
    monkeypatch.setattr(pages.box.hub, "wait", lambda after, timeout, parts=(): state)
    page = pages.browser("supervisor").get("/live/move/c1").text
    assert ">104 Daria – not there<" in page and ">Anna (101)<" in page


def test_the_api_moves_too(pages: Pages, asked: list[Command]) -> None:
    browser = pages.browser("supervisor")
    answer = browser.client.post("/api/v1/contacts/c1/move", json={"to": "agent:anna"}, headers={"X-CSRFToken": browser.token()})
    assert answer.status_code == 200, answer.text
    assert moves(asked) == [("c1", "agent:anna", "web:supervisor")]


def test_who_sees_some_queues_moves_within_them(pages: Pages, asked: list[Command]) -> None:
    user = pages.box.users.user("supervisor")
    assert user is not None
    pages.box.users.put_user(msgspec.structs.replace(user, queues=["front"]))
    browser = pages.browser("supervisor")
    assert "Pia" not in browser.get("/live").text
    assert browser.get("/live/move/b1").status_code == 404
    assert 'value="queue:billing"' not in browser.get("/live/move/c1").text
    assert browser.post("/live/move/c1", to="queue:billing").status_code == 400
    assert browser.post("/live/move/b1", to="extension:104").status_code == 400
    assert moves(asked) == []


def test_who_only_looks_sees_no_names_and_moves_nobody(pages: Pages) -> None:
    browser = pages.browser("viewer")
    page = browser.get("/live").text
    assert "Olli" not in page and "/live/move/" not in page
    assert browser.get("/live/move/c1").status_code == 403


def test_a_break_that_lasts_too_long_is_pointed_out(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lunch may take an hour, a meeting as long as it likes, and so may a conversation."""
    now = pages.clock.utc()

    def agent(id: str, state: str, reason: str, since: float) -> AgentNow:
        return AgentNow(id=id, name=id.title(), extension="101", state=state, reason=reason, since=since, until=0.0, contacts=0,
                        busy=0.0, queues=["front"])

    agents = [agent("anna", "break", "lunch", now - 3601), agent("boris", "break", "lunch", now - 60),
              agent("chen", "break", "meeting", now - 9000), agent("dora", "on-contact", "", now - 9000)]
    state = State(version=2, up=True, queues=QueuesReply(core="x", number=1, now=now, queues=[], agents=agents, contacts=[]))
    monkeypatch.setattr(pages.box.hub, "wait", lambda after, timeout, parts=(): state)
    page = pages.browser("supervisor").get("/live").text
    rows = {id: page.partition(f'data-agent="{id}"')[2].partition("</tr>")[0] for id in ("anna", "boris", "chen", "dora")}
    assert {id: ('data-limit="3600"' in row, " over" in row) for id, row in rows.items()} == {
        "anna": (True, True), "boris": (True, False), "chen": (False, False), "dora": (False, False)}


def test_why_an_agent_is_set_aside_is_told(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead phone is another thing than calls that were missed."""
    agents = [AgentNow(id=id, name=id.title(), extension="101", state="not-answering", reason=reason, since=1.0, until=0.0,
                       contacts=0, busy=0.0, queues=["front"]) for id, reason in (("anna", "unreachable"), ("boris", "missed"))]
    state = State(version=2, up=True, queues=QueuesReply(core="x", number=1, now=2.0, queues=[], agents=agents, contacts=[]))
    monkeypatch.setattr(pages.box.hub, "wait", lambda after, timeout, parts=(): state)
    page = pages.browser("supervisor").get("/live").text
    rows = {id: page.partition(f'data-agent="{id}"')[2].partition("</tr>")[0] for id in ("anna", "boris")}
    assert "the phone could not be reached" in rows["anna"] and "nobody answered" in rows["boris"]


def test_people_are_called_by_their_names(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """An id and an extension tell a supervisor nothing. Who is signed in at a phone is who talks there."""
    agents = [AgentNow(id=id, name=f"{id.title()} Laine", extension=extension, state=state, reason="", since=1.0, until=0.0,
                       contacts=0, busy=0.0, queues=["front"]) for id, extension, state in
              (("anna", "103", "on-contact"), ("boris", "102", "logged-out"))]
    waits = msgspec.structs.replace(contact("c1", "front", "Eeva"), agents=["anna", "gone"])
    calls = [CallNow(call=f"k{phone}", purpose="call", facts={}, legs=[
        LegNow(leg=f"k{phone}-1", direction="in", kind="phone", endpoint=phone, state="answered", answered=1.0)])
        for phone in ("102", "103", "199")]
    state = State(version=2, up=True, calls=CallsReply(calls=calls), queues=QueuesReply(
        core="x", number=1, now=2.0, queues=[], agents=agents, contacts=[waits]))
    monkeypatch.setattr(pages.box.hub, "wait", lambda after, timeout, parts=(): state)
    page = pages.browser("supervisor").get("/live").text
    rows = {key: page.partition(f'"{key}"')[2].partition("</tr>")[0] for key in ("c1", "k102", "k103", "k199")}
    assert "<td>Anna Laine, gone</td>" in rows["c1"]
    assert "<td>Boris <small>102</small></td>" in rows["k102"]
    assert "<td>Anna Laine <small>103</small></td>" in rows["k103"]
    assert "<td>199</td>" in rows["k199"]
