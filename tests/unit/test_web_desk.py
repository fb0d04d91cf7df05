"""The agent's desk: own state and caller only, orders for oneself alone, callers whom nobody reached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.errors import SwitchroomError
from appliance.messages import (
    AgentNow,
    CallNow,
    CallsReply,
    Command,
    ContactNow,
    ControlAgent,
    Done,
    LegNow,
    NoteOutcome,
    QueuesReply,
)
from tests.webkit import Pages
from web.desk import service
from web.live.hub import State


def agent(id: str, state: str) -> AgentNow:
    return AgentNow(id=id, name=id.title(), extension="101", state=state, reason="", since=1.0, until=0.0, contacts=0, busy=0.0,
                    queues=[])


def contact(id: str, agents: list[str]) -> ContactNow:
    return ContactNow(id=id, queue="front", channel="voice", state="offered", priority=0, virtual=False, since=5.0, position=1,
                      agents=agents, attempts=0)


def call(id: str, number: str) -> CallNow:
    leg = LegNow(leg="1", direction="in", kind="line", endpoint="gateway", number=number, state="answered")
    return CallNow(call=id, purpose="queue", legs=[leg], facts={"account": "<b>42</b>"})


STATE = State(version=1, up=True, calls=CallsReply(calls=[call("c1", "+3589111"), call("c2", "+3589222")]), queues=QueuesReply(
    core="x", number=1, now=0.0, queues=[], agents=[agent("anna", "offered"), agent("boris", "ready")],
    contacts=[contact("c2", ["boris"]), contact("c1", ["anna"])]))


@pytest.fixture
def asked() -> list[Command]:
    return []


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[Command]) -> Iterator[Pages]:
    made = Pages(tmp_path)
    user = made.box.users.user("agent")
    assert user is not None
    made.box.users.put_user(msgspec.structs.replace(user, agent="anna"))

    def ask(command: Command, timeout: float = 10.0) -> Any:
        asked.append(command)
        return Done()

    monkeypatch.setattr(made.box.hub, "wait", lambda after, timeout: STATE)
    monkeypatch.setattr(made.box.core, "ask", ask)
    yield made
    made.close()


def test_the_card_is_that_of_the_own_caller_alone(pages: Pages) -> None:
    page = pages.browser("agent").get("/desk").text
    assert "+3589111" in page and "+3589222" not in page
    assert "&lt;b&gt;42" in page and "<b>42" not in page
    told = pages.browser("agent").get("/api/v1/desk").json
    assert told is not None and told["card"]["contact"] == "c1" and told["agent"]["id"] == "anna"


def test_orders_are_for_oneself(pages: Pages, asked: list[Command]) -> None:
    browser = pages.browser("agent")
    assert browser.post("/desk/order", order="break lunch").status_code == 302
    assert browser.post("/desk/order", order="ready boris").status_code == 302
    orders = [each for each in asked if isinstance(each, ControlAgent)]
    assert [(each.agent, each.action, each.by) for each in orders] == [
        ("anna", "break", "web:agent"), ("anna", "ready", "web:agent")]
    assert orders[0].reason == "lunch"
    assert browser.post("/desk/order", order="dance").status_code == 400
    assert browser.post("/desk/outcome", code="1").status_code == 302
    assert any(isinstance(each, NoteOutcome) and each.agent == "anna" and each.code == "1" for each in asked)


def test_one_who_is_no_agent_is_told_so(pages: Pages, asked: list[Command]) -> None:
    browser = pages.browser("supervisor")
    assert "You are no agent" in browser.get("/desk").text
    assert browser.post("/desk/order", order="ready").status_code == 400
    assert browser.get("/api/v1/desk").json["error"]["id"] == "desk.no-agent"  # type: ignore[index]
    assert not any(isinstance(each, ControlAgent) for each in asked)


def test_a_caller_who_is_not_on_the_list_is_not_marked(pages: Pages) -> None:
    user = pages.box.users.user("agent")
    assert user is not None and service.missed(pages.box, user) == []
    with pytest.raises(SwitchroomError) as problem:
        service.mark(pages.box, user, "nobody", True)
    assert problem.value.id == "missed.unknown"
