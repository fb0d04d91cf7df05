"""The agent's desk: own state and caller only, orders for oneself alone, notes of own calls, callers whom nobody reached."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance import messages as m
from appliance.errors import SwitchroomError
from appliance.messages import (
    AgentNow,
    CallNumber,
    Command,
    ContactNow,
    ControlAgent,
    Done,
    MarkMissed,
    NoteContact,
    NoteOutcome,
    Person,
    Queues,
    QueuesReply,
    Reasons,
    TakeCallback,
    Why,
)
from appliance.sentences import Said
from appliance.users.model import User
from tests.deskkit import NUMBER, PAST, write
from tests.webkit import OFFICE, Browser, Pages
from web.calls.contacts import contacts_of
from web.calls.search import may_read
from web.desk import card, service
from web.desk.follow import TALKS, Talks
from web.desk.routes import Pieces
from web.live.hub import State

EVIL = "<b>old & true</b>"


def agent(id: str, state: str, last: str = "") -> AgentNow:
    return AgentNow(id=id, name=id.title(), extension="101", state=state, reason="", since=1.0, until=0.0, contacts=0, busy=0.0,
                    queues=["front", "billing"], last=last)


def contact(id: str, agents: list[str], number: str, *, queue: str = "front", virtual: bool = False) -> ContactNow:
    return ContactNow(id=id, queue=queue, channel="voice", state="waiting" if virtual else "offered", priority=0, virtual=virtual,
                      since=5.0, position=1, agents=agents, attempts=0,
                      person=Person(number=number, name="Eeva" if number == NUMBER else "", facts={"account": "<b>42</b>"},
                                    line="gateway"))


STATE = State(version=1, up=True, queues=QueuesReply(
    core="x", number=1, now=0.0, queues=[], agents=[agent("anna", "offered", "c0"), agent("boris", "ready")],
    contacts=[contact("c2", ["boris"], "+3589222333"), contact("c1", ["anna"], NUMBER),
              contact("v1", [], "+3589333444", virtual=True),
              contact("v2", [], "+3589444555", virtual=True, queue="elsewhere")]))


@pytest.fixture
def asked() -> list[Command]:
    return []


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[Command]) -> Iterator[Pages]:
    made = Pages(tmp_path)
    user = made.box.users.user("agent")
    assert user is not None
    made.box.users.put_user(msgspec.structs.replace(user, agent="anna"))
    asyncio.run(write(tmp_path, made, PAST, [
        m.ContactNoted(at=10.0, contact="c0", agent="anna", caller=NUMBER, text=EVIL),
        m.ContactOutcome(at=11.0, contact="c0", agent="anna", code="3", name="call-again")]))

    def ask(command: Command, timeout: float = 10.0) -> Any:
        asked.append(command)
        if isinstance(command, Queues):
            return STATE.queues
        return Reasons(lines=[Said("Anna: being rung since 12:00:00")]) if isinstance(command, Why) else Done()

    monkeypatch.setattr(made.box.hub, "wait", lambda after, timeout, parts=(): STATE)
    monkeypatch.setattr(made.box.core, "ask", ask)
    yield made
    made.close()


@pytest.fixture
def browser(pages: Pages) -> Browser:
    return pages.browser("agent")


def test_who_was_passed_on_to_the_phone_has_a_card_and_can_be_noted(
    pages: Pages, asked: list[Command], monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert STATE.queues is not None
    browser = pages.browser("agent")
    put = msgspec.structs.replace(contact("p1", ["anna"], NUMBER), state="connected")
    state = msgspec.structs.replace(STATE, queues=msgspec.structs.replace(
        STATE.queues, agents=[agent("anna", "on-contact", "p1")], contacts=[], passed_on=[put]))
    monkeypatch.setattr(pages.box.hub, "wait", lambda after, timeout, parts=(): state)
    page = browser.get("/desk").text
    assert 'data-contact="p1"' in page and "Eeva" in page and "passed on to you" in page and "&lt;b&gt;42" in page
    assert "Why me?" not in page and not of(Why, asked)
    assert 'name="note-p1"' in page
    browser.post("/desk/note", **{"contact": "p1", "note-p1": "pays today", "outcome-p1": ""})
    assert [(each.contact, each.text) for each in of(NoteContact, asked)] == [("p1", "pays today")]


def configure(pages: Pages, folder: Path, before: str, after: str) -> None:
    """The reference office with something else in place of `before` in force."""
    shutil.copytree(OFFICE.parent, folder / "office")
    changed = folder / "office" / "changed.toml"
    changed.write_text(OFFICE.read_text().replace(before, after, 1))
    pages.box.store.import_file(changed, by="test")


def of(kind: type, asked: list[Command]) -> list[Any]:
    return [each for each in asked if isinstance(each, kind)]


# ---- the card ------------------------------------------------------------------------------------------------------------


def test_the_card_is_that_of_the_own_caller_alone(browser: Browser) -> None:
    page = browser.get("/desk").text
    assert NUMBER in page and "+3589222333" not in page
    assert "&lt;b&gt;42" in page and "<b>42" not in page
    told = browser.get("/api/v1/desk").json
    assert told is not None and told["card"]["contact"] == "c1" and told["agent"]["id"] == "anna"


def test_the_card_says_who_what_for_what_was_before_and_why(
    browser: Browser, pages: Pages, tmp_path: Path
) -> None:
    configure(pages, tmp_path, 'number = "600"', 'number = "600"\nscript = "Say hello."')
    card = browser.get("/api/v1/desk").json["card"]  # type: ignore[index]
    assert (card["name"], card["number"], card["line"]) == ("Eeva", NUMBER, "gateway")
    assert card["script"] == "Say hello." and card["why"] == ["Anna: being rung since 12:00:00"]
    before, = card["history"]
    assert (before["call"], before["agents"], before["outcome"]) == ("c0", ["anna"], "call-again")
    assert [(each["agent"], each["text"]) for each in before["notes"]] == [("anna", EVIL)]
    page = browser.get("/desk").text
    assert "Say hello." in page and "&lt;b&gt;old" in page and EVIL not in page


def test_history_is_of_the_queues_that_one_sees(pages: Pages, browser: Browser) -> None:
    user = pages.box.users.user("agent")
    assert user is not None
    pages.box.users.put_user(msgspec.structs.replace(user, queues=["billing"]))
    card = browser.get("/api/v1/desk").json["card"]  # type: ignore[index]
    assert card["history"] == []


def test_a_piece_is_drawn_anew_only_when_what_it_shows_has_changed(pages: Pages, browser: Browser) -> None:
    user = pages.box.users.user("agent")
    assert user is not None
    with pages.app.test_request_context("/desk"):
        desk = Pieces()
        before = desk.draw(STATE, user)
        pages.clock.advance(30.0)  # every time on the page counts in the browser
        assert STATE.queues is not None
        talks = msgspec.structs.replace(STATE.queues.agents[0], state="on-contact")
        queues = msgspec.structs.replace(STATE.queues, agents=[talks, *STATE.queues.agents[1:]])
        after = desk.draw(msgspec.structs.replace(STATE, version=2, queues=queues), user)
        assert {name for name in before if before[name] is not after[name]} == {"own"}


# ---- orders --------------------------------------------------------------------------------------------------------------


def test_orders_are_for_oneself(browser: Browser, asked: list[Command]) -> None:
    assert browser.post("/desk/order", order="break lunch").status_code == 302
    assert browser.post("/desk/order", order="ready boris").status_code == 302
    assert [(each.agent, each.action, each.by) for each in of(ControlAgent, asked)] == [
        ("anna", "break", "web:agent"), ("anna", "ready", "web:agent")]
    assert of(ControlAgent, asked)[0].reason == "lunch"
    assert browser.post("/desk/order", order="dance").status_code == 400


def test_one_who_is_no_agent_is_told_so(pages: Pages, asked: list[Command]) -> None:
    browser = pages.browser("supervisor")
    page = browser.get("/desk").text
    assert "You are no agent" in page and 'id="callbacks-title"' in page and 'id="missed-title"' in page
    assert not [part for part in ("own", "card", "notes", "dial", "figures", "talks") if f'id="{part}-title"' in page]
    assert "Shortcuts" not in page
    assert browser.post("/desk/order", order="ready").status_code == 400
    assert browser.post("/desk/call", number="102").status_code == 400
    assert browser.post("/desk/callback", take="v1").status_code == 400
    assert browser.get("/api/v1/desk").json["error"]["id"] == "desk.no-agent"  # type: ignore[index]
    assert not of(ControlAgent, asked) and not of(CallNumber, asked) and not of(TakeCallback, asked)


def test_an_agent_s_first_page_is_the_desk(pages: Pages) -> None:
    assert pages.browser("agent").get("/").location == "/desk"
    assert pages.browser("supervisor").get("/").location == "/live"
    assert pages.browser("operator").get("/").location == "/me"


# ---- calling -------------------------------------------------------------------------------------------------------------


def test_a_number_is_called_from_the_own_phone(browser: Browser, asked: list[Command]) -> None:
    assert browser.post("/desk/call", number=" 0401234567 ").status_code == 302
    assert "Your phone rings" in browser.get("/desk").text
    assert browser.post("/desk/call", to=NUMBER, number="").status_code == 302
    assert [(each.agent, each.number, each.by) for each in of(CallNumber, asked)] == [
        ("anna", "0401234567", "web:agent"), ("anna", NUMBER, "web:agent")]
    for wrong in ("", " ", "9" * 65):
        answer = browser.post("/desk/call", number=wrong)
        assert answer.status_code == 400 and "This is no number" in answer.text
    assert len(of(CallNumber, asked)) == 2


def test_what_was_typed_stands_there_again_where_it_is_refused(
    browser: Browser, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(command: Command, timeout: float = 10.0) -> Any:
        if isinstance(command, CallNumber):
            raise SwitchroomError("call.not-allowed", "The phone 101 may not call this number.", "Its rights stand in `allow`.")
        return Reasons(lines=[]) if isinstance(command, Why) else Done()

    monkeypatch.setattr(pages.box.core, "ask", refuse)
    page = browser.post("/desk/call", number='0600"><script>')
    assert page.status_code == 400 and "may not call" in page.text
    assert 'value="0600&#34;&gt;&lt;script&gt;"' in page.text


def test_callbacks_of_the_own_queues_are_listed_and_taken(browser: Browser, asked: list[Command]) -> None:
    listed = browser.get("/api/v1/desk/callbacks").json
    assert listed is not None and [(each["contact"], each["number"]) for each in listed] == [("v1", "+3589333444")]
    assert "+3589333444" in browser.get("/desk").text
    assert browser.post("/desk/callback", take="v1").status_code == 302
    for other in ("v2", "c1", "nothing"):
        assert browser.post("/desk/callback", take=other).status_code == 400
    assert [(each.agent, each.contact) for each in of(TakeCallback, asked)] == [("anna", "v1")]


# ---- notes ---------------------------------------------------------------------------------------------------------------


def test_notes_are_of_the_own_calls(browser: Browser, asked: list[Command]) -> None:
    page = browser.get("/desk").text
    assert 'name="note-c1"' in page and 'name="note-c0"' in page and 'name="note-c2"' not in page
    sent = browser.post("/desk/note", contact="c1", **{"note-c1": "calls back\r\nat 3\0", "note-c0": "other", "outcome-c1": ""})
    assert sent.status_code == 302 and sent.location == "/desk?noted=c1"
    assert browser.post("/desk/note", contact="c0", **{"note-c0": "", "outcome-c0": "1"}).status_code == 302
    assert browser.post("/desk/note", contact="c2", **{"note-c2": "not mine"}).status_code == 400
    assert browser.post("/desk/note", contact="c1", **{"note-c1": "x" * 2001}).status_code == 400
    assert [(each.agent, each.contact, each.text) for each in of(NoteContact, asked)] == [
        ("anna", "c1", "calls back\nat 3"), ("anna", "c0", "")]
    assert [(each.agent, each.contact, each.code) for each in of(NoteOutcome, asked)] == [("anna", "c0", "1")]
    saved = browser.get("/desk?noted=c1").text
    assert 'data-saved-fields="note-c1 outcome-c1"' in saved


def test_the_last_calls_have_their_outcome_and_note(browser: Browser) -> None:
    talks = browser.get("/api/v1/desk/talks").json
    assert talks is not None and [each["contact"] for each in talks] == ["c1", "c0"]
    assert (talks[1]["number"], talks[1]["outcome"], talks[1]["note"]) == (NUMBER, "call-again", EVIL)


def test_a_note_that_came_long_after_the_call_stands_on_its_page(pages: Pages) -> None:
    browser = pages.browser("supervisor")
    told = browser.get("/api/v1/calls/c0").json
    assert told is not None and [(each["agent"], each["text"]) for each in told["notes"]] == [("anna", EVIL)]
    assert told["call"]["note"] == "call-again"
    assert [each["what"] for each in told["steps"]][-2:] == ["contact-noted", "contact-outcome"]
    page = browser.get("/calls/c0").text
    assert "&lt;b&gt;old" in page and EVIL not in page


BOTH = [
    m.LegOpened(call="c9", leg="c9-1", direction="in", kind="line", endpoint="gateway", number=NUMBER),
    m.LegAnswered(leg="c9-1"),
    m.ContactQueued(at=50.0, contact="c9", queue="front", caller="k"),
    m.ContactConnected(at=51.0, contact="c9", agent="anna", queue="front", waited=1.0),
    m.ContactNoted(at=52.0, contact="c9", agent="anna", caller=NUMBER, text="of the front"),
    m.ContactQueued(at=60.0, contact="c9", queue="billing", caller="k"),
    m.ContactConnected(at=61.0, contact="c9", agent="boris", queue="billing", waited=1.0),
    m.ContactNoted(at=62.0, contact="c9", agent="boris", caller=NUMBER, text="of the billing"),
    m.LegEnded(leg="c9-1"),
    m.CallEnded(call="c9", disposition="answered"),
]


@pytest.mark.parametrize(("queues", "read"), [
    (None, ["of the front", "of the billing"]), (["front", "billing"], ["of the front", "of the billing"]),
    (["front"], ["of the front"]), (["billing"], ["of the billing"]),
])
def test_notes_are_their_queues_matter(pages: Pages, tmp_path: Path, queues: list[str] | None, read: list[str]) -> None:
    notes = [each for each in BOTH if isinstance(each, m.ContactNoted)]
    asyncio.run(write(tmp_path, pages, [each for each in BOTH if each not in notes], notes))
    user = pages.box.users.user("supervisor")
    assert user is not None
    user = msgspec.structs.replace(user, queues=queues)
    pages.box.users.put_user(user)
    told = pages.browser("supervisor").get("/api/v1/calls/c9").json
    assert told is not None and [each["text"] for each in told["notes"]] == read
    assert [each["facts"]["text"] for each in told["steps"] if each["what"] == "contact-noted"] == read
    (past,) = [each for each in card.history(pages.box, user, NUMBER) if each.call == "c9"]
    assert [each.text for each in past.notes] == read


def test_one_reads_ones_own_note_whatever_queue() -> None:
    contact = contacts_of(BOTH)["c9"]
    boris = User(login="boris", name="Boris", role="agent", password="", agent="boris", queues=["front"])
    assert [each.text for each in contact.notes if may_read(boris, contact, each.agent)] == ["of the front", "of the billing"]


def test_talks_are_bounded_and_the_newest_first() -> None:
    talks = Talks()
    for at in range(TALKS + 5):
        talks.apply(m.ContactConnected(at=float(at), contact=f"c{at}", agent="anna", queue="front"))
    assert [each.contact for each in talks.of("anna")][:2] == [f"c{TALKS + 4}", f"c{TALKS + 3}"]
    assert len(talks.of("anna")) == TALKS and talks.of("boris") == []
    talks.apply(m.ContactHandedOver(at=99.0, contact="c9", agent="anna", to="boris", queue="front"))
    talks.apply(m.ContactNoted(at=100.0, contact="v7", agent="boris", text="reached"))  # a callback taken by hand
    assert [(each.contact, each.note) for each in talks.of("boris")] == [("v7", "reached"), ("c9", "")]


def test_whom_an_agent_had_without_the_queue_stands_among_the_talks() -> None:
    """Moved by the supervisor to the agent's phone: to be noted also later, and after the core has begun anew."""
    talks = Talks({"101": "anna", "102": "boris"}.get)  # type: ignore[arg-type]
    begun = [m.LegOpened(call="p1", leg="p1-1", direction="in", kind="line", endpoint="gateway", number=NUMBER),
             m.ContactQueued(at=1.0, contact="p1", queue="front", caller="key"),
             m.LegOpened(call="p1", leg="p1-2", direction="out", kind="phone", endpoint="102"),
             m.LegAnswered(leg="p1-2"), m.LegEnded(leg="p1-2")]  # rung by the queue, and gone before both talked
    moved = [m.ContactLeft(at=9.0, contact="p1", queue="front", reason="transferred", target="extension:101"),
             m.LegOpened(call="p1", leg="p1-3", direction="out", kind="phone", endpoint="101")]
    for event in (*begun, *moved):
        talks.apply(event, 10.0)
    assert talks.of("anna") == []  # it only rings
    talks.apply(m.LegAnswered(leg="p1-3"), 12.0)
    (talk,) = talks.of("anna")
    assert (talk.contact, talk.queue, talk.at, talk.number) == ("p1", "front", 12.0, NUMBER) and talks.of("boris") == []
    for event in (m.LegEnded(leg="p1-3"), m.CallEnded(call="p1", disposition="answered"), m.LegAnswered(leg="p1-3")):
        talks.apply(event, 13.0)
    assert len(talks.of("anna")) == 1 and not talks._out and not talks._rung


# ---- figures -------------------------------------------------------------------------------------------------------------


def test_own_figures_stand_beside_the_targets(browser: Browser, pages: Pages, tmp_path: Path) -> None:
    goal = '[[targets]]\nname = "calls-a-day"\nfigure = "handled"\nof = "agents"\nat_least = 30\n\n'
    configure(pages, tmp_path, "[[menus]]", goal + "[[menus]]")
    figures = {each["id"]: each for each in browser.get("/api/v1/desk/figures").json}  # type: ignore[union-attr]
    assert figures["handled"]["goal"]["at_least"] == 30.0
    assert "at least 30" in browser.get("/desk").text


# ---- callers whom nobody reached -----------------------------------------------------------------------------------------


def test_missed_callers_are_called_taken_and_done(browser: Browser, asked: list[Command]) -> None:
    assert "+3589555666" in browser.get("/desk").text
    assert browser.post("/desk/missed", call="lost").status_code == 302
    assert browser.post("/desk/missed", done="lost").status_code == 302
    assert [(each.agent, each.number) for each in of(CallNumber, asked)] == [("anna", "+3589555666")]
    assert [(each.contact, each.done) for each in of(MarkMissed, asked)] == [("lost", False), ("lost", True)]
    assert browser.post("/desk/missed", call="nobody").status_code == 400


def test_a_caller_who_is_not_on_the_list_is_not_marked(pages: Pages) -> None:
    user = pages.box.users.user("agent")
    assert user is not None and [each.contact for each in service.missed(pages.box, user)] == ["lost"]
    with pytest.raises(SwitchroomError) as problem:
        service.mark(pages.box, user, "nobody", True)
    assert problem.value.id == "missed.unknown"


def test_what_was_asked_for_during_a_call_is_told_and_can_be_taken_back(
    pages: Pages, browser: Browser, monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert STATE.queues is not None
    talking = agent("anna", "on-contact", "c0")
    states = [State(version=1, up=True, queues=msgspec.structs.replace(STATE.queues, agents=[each], contacts=[]))
              for each in (talking, msgspec.structs.replace(talking, pending="break"))]
    monkeypatch.setattr(pages.box.hub, "wait", lambda after, timeout, parts=(): states[0])
    plain = browser.get("/desk").text
    assert "afterwards:" not in plain and 'value="ready"' not in plain  # there is nothing that it would change
    monkeypatch.setattr(pages.box.hub, "wait", lambda after, timeout, parts=(): states[1])
    promised = browser.get("/desk").text
    assert "afterwards: on break" in promised and 'value="ready"' in promised
