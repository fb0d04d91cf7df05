"""What the box says by itself is told in the language of the page: errors, mistakes of the configuration, what its keys mean,
bad rows, why the queues chose; programs get English."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

from appliance._core import REASONS, Reason
from appliance.acd.told import told
from appliance.campaigns.intake import Bad, State
from appliance.config.numbers import normalise
from appliance.errors import SwitchroomError
from appliance.messages import ContactNow, Done, LineTried, Reasons, TryLine
from appliance.sentences import Said, say
from tests.webkit import Browser, Pages
from web import reasons
from web.campaigns import uploads
from web.config.fields import sections
from web.desk import card
from web.i18n import tell as tell_page

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "web" / "translations" / "fi" / "LC_MESSAGES" / "messages.po"
FI: Any = {"headers": {"Accept-Language": "fi"}}


@pytest.fixture(scope="module")
def finnish() -> dict[str, str]:
    return {message.id: message.string for message in read_po(BytesIO(CATALOGUE.read_bytes()), locale="fi")
            if isinstance(message.id, str) and isinstance(message.string, str)}


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path)
    yield made
    made.close()


@pytest.fixture
def browser(pages: Pages) -> Browser:
    return pages.browser("admin")


def shown(browser: Browser, path: str) -> str:
    return unescape(browser.get(path, **FI).text)


def tell(said: Said, finnish: dict[str, str]) -> str:
    """As the page should: every template that the box uses here has been translated."""
    return said.told(lambda template: finnish[template])


def test_an_error(browser: Browser, finnish: dict[str, str]) -> None:
    page = shown(browser, "/config/table/nowhere")
    assert finnish["There is no such table."] in page and finnish["Go back to the configuration."] in page
    assert "There is no such table" not in page


def test_an_error_with_values(browser: Browser, finnish: dict[str, str]) -> None:
    page = shown(browser, "/campaigns/lists/{number}")
    assert tell(say("There is no list {number}.", number="{number}"), finnish) in page
    assert "There is no list" not in page


def test_an_error_of_the_core(browser: Browser, pages: Pages, monkeypatch: pytest.MonkeyPatch, finnish: dict[str, str]) -> None:
    problem = SwitchroomError("agent.no-phone", "{agent} has no phone.", "Name one: --at EXTENSION.", agent="%(x)s {agent}")

    def ask(command: object, timeout: float = 10.0) -> Any:
        raise problem

    monkeypatch.setattr(pages.box.core, "ask", ask)
    answer = browser.client.post("/live/order", data={"csrf_token": browser.token(), "order": "ready boris"}, **FI)
    assert tell(problem.said, finnish) in unescape(answer.text)


def test_why_a_trial_call_failed(
    browser: Browser, pages: Pages, monkeypatch: pytest.MonkeyPatch, finnish: dict[str, str],
) -> None:
    monkeypatch.setattr(pages.box.core, "ask", lambda command, timeout=10.0: LineTried(
        answered=False, sip=408, why="no answer from the far end") if isinstance(command, TryLine) else Done())
    form = {"csrf_token": browser.token(), "line": "gateway", "number": "0401234567"}
    answer = browser.client.post("/setup/try/line", data=form, **FI)
    shown = unescape(answer.text)
    assert f"{finnish['no answer from the far end']}, SIP 408" in shown and "far end" not in shown


def test_programs_get_english(browser: Browser) -> None:
    answer = browser.get("/api/v1/lists/4711", **FI)
    assert answer.json == {"error": {"id": "list.unknown", "message": "There is no list 4711.", "hint": "Look at the lists."}}


def test_a_mistake_at_its_field(browser: Browser, finnish: dict[str, str]) -> None:
    form = {"channels": "many", "inbound_to": "queue:nobody", "driver": "sip-gateway", "name": "gateway"}
    page = unescape(browser.client.post("/config/table/lines/0", data={"csrf_token": browser.token(), **form}, **FI).text)
    wrong = say("{key} is {value}.", key='"channels"', value='"many"')
    right = say("It must be {wanted}.", wanted=say("a whole number from {low} to {high}", low=1, high=1000))
    nowhere = say("{target} leads nowhere: there is no {thing} {name}.", target='"queue:nobody"', thing=say("queue"),
                  name='"nobody"')
    for said in (wrong, right, nowhere):
        assert tell(said, finnish) in page
        assert str(said) not in page


def test_what_a_key_means(browser: Browser, finnish: dict[str, str]) -> None:
    page = shown(browser, "/config/table/office")
    (meaning,) = (each.meaning for each in sections()["office"].fields if each.key == "timezone")
    assert finnish[meaning] in page and meaning not in page
    assert finnish[sections()["office"].about] in page


def test_what_changed_in_the_configuration(browser: Browser, finnish: dict[str, str]) -> None:
    browser.post("/config/table/lines/0", channels="7", name="gateway")
    page = shown(browser, "/config/changes")
    assert finnish["line"] + " gateway: channels" in page and "line gateway: channels" not in page


def test_a_row_that_cannot_be_called(pages: Pages, finnish: dict[str, str]) -> None:
    with pytest.raises(SwitchroomError) as caught:
        normalise("12", "FI")
    state = State(phase="ready", bad=[Bad(3, "12;{number}", caught.value.said, caught.value.said_hint)])
    with pages.app.test_request_context("/campaigns/lists", **FI):
        (bad,) = uploads._bad(state)
    assert bad.reason == tell(caught.value.said, finnish) != caught.value.message
    assert bad.hint == tell(caught.value.said_hint, finnish) != caught.value.hint
    with pages.app.test_request_context("/api/v1/lists/uploads/x", **FI):
        (bad,) = uploads._bad(state)
    assert (bad.reason, bad.hint) == (caught.value.message, caught.value.hint)


def clock(at: float) -> str:
    return f"{at:.0f}:00"


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_why_is_the_same_in_english(reason: str) -> None:
    values = dict.fromkeys(("since", "at", "until", "again"), 12.0)
    values |= {"skill": "fi", "has": 1, "wants": 2, "channel": "chat", "reason": "{since}", "agent": "Anna", "strategy": "linear"}
    made = Reason("boris", "Boris {since}", reason, values)
    assert str(told(made, clock)) == made.text(clock)


def test_why(pages: Pages, finnish: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    why = told(Reason("anna", "Anna", "others-asked", {"strategy": "ring-all"}), clock)
    monkeypatch.setattr(pages.box.core, "ask", lambda command, timeout: Reasons(lines=[why]))
    contact = ContactNow(id="c1", queue="front", channel="voice", state="offered", priority=5, virtual=False, since=0.0,
                         position=0, agents=["anna"], attempts=0)
    with pages.app.test_request_context("/desk", **FI):
        (line,) = map(tell_page, card.why(pages.box, contact))
    assert line == tell(why, finnish) and "others" not in line and "ring-all" not in line


def test_the_state_of_lines(pages: Pages, finnish: dict[str, str]) -> None:
    known = ("it does not answer OPTIONS", "it does not answer calls", "its name cannot be resolved", "registering failed")
    source = (ROOT / "drivers" / "sip" / "lines.py").read_text()
    with pages.app.test_request_context("/", **FI):
        for reason in known:
            assert reason in source and reasons.down(reason) == finnish[reason]
        assert reasons.down("registering failed: 600 Nope: {x}") == finnish["registering failed"] + ": “Nope: {x}”, SIP 600"


@pytest.mark.parametrize("name", ["random", "chat", "missed", "lunch"])
def test_a_break_is_told_as_the_office_named_it(name: str, finnish: dict[str, str]) -> None:
    """Also where that is a word of ours, which is translated where the box says it."""
    reason = Reason("anna", "Anna", "break", {"reason": name, "since": 0.0})
    assert f"({name})" in tell(told(reason, lambda at: "12:00"), finnish)
    away = Reason("anna", "Anna", "not-answering", {"reason": "missed", "since": 0.0})
    assert "(missed)" not in tell(told(away, lambda at: "12:00"), finnish)
