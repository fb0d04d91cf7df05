"""No page of another language shows English: an office with Chinese names, a day in its ledger, and every page that an
administrator or an agent can come to by links, read in Chinese. Three English words in a row fail it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import msgspec
import pytest

from appliance import audit
from appliance import messages as m
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.messages import AgentNow, Command, ContactNow, Done, Person, Queues, QueuesReply, Reasons, Status, StatusReply
from appliance.sentences import say
from tests.foreign import english, texts
from tests.webkit import OFFICE, Browser, Pages
from web.live.hub import State

WORDS = 3
NAMES = {"Harbour Office": "港口办公室", '"Anna"': '"安娜"', '"Boris"': '"鲍里斯"', '"Chen"': '"陈"', '"Daria"': '"达里娅"',
         "Building managers": "楼宇经理", "Change in the documents": "文件变更",
         "Welcome to 港口办公室. For billing press 1, for everything else press 2.": "欢迎致电。账单请按一，其他请按二。"}
"""What people call things here; ids stay as they are."""
IDS = frozenset({"anna", "boris", "chen", "front", "billing", "gateway", "provider", "main", "office", "queue", "menu", "web"})
"""Of the reference office, and the kinds of its targets ("queue:front"): a row of them is no sentence."""
ALLOWED = {
    "switchroom webhook secret": "a command to type as it stands",
    "END CERTIFICATE": "what stands in the file",
}
BEGIN = ("/", "/setup", "/config/try?phone=101&number=00401234567", "/config/try?phone=101&number=999999", "/wallboard",
         "/api/v1/docs", "/nowhere", "/calls/nowhere", "/calls?period=last-week", "/figures?by=agent", "/figures?by=hour")
MOST_ALIKE = 2
"""Pages that differ in their numbers and ids alone are looked at so often."""
NOT = re.compile(r"/(events|static|logout)|\.(wav|csv|xlsx|toml|json)\b")
LINKS = re.compile(r'(?:href|hx-get|action)="([^"]+)"')
NUMBER = "+3589111222"
CHINESE: Any = {"headers": {"Accept-Language": "zh"}}


def day() -> list[m.Event]:
    """A call that was answered, one that nobody took, one that a restart broke off, and a campaign's."""
    return [
        m.LegOpened(call="c0", leg="c0-1", direction="in", kind="line", endpoint="gateway", number=NUMBER),
        m.CallReached(call="c0", target="queue:front"),
        m.ContactQueued(at=1.0, contact="c0", queue="front", caller="key"),
        m.ContactOffered(at=1.0, contact="c0", agent="anna", queue="front"),
        m.LegOpened(call="c0", leg="c0-2", direction="out", kind="phone", endpoint="101"), m.LegAnswered(leg="c0-2"),
        m.ContactConnected(at=2.0, contact="c0", agent="anna", queue="front", waited=1.0), m.LegAnswered(leg="c0-1"),
        m.LegHeld(leg="c0-1"), m.LegResumed(leg="c0-1"),
        m.RecordingStarted(call="c0", leg="c0-1", recording="2026-01-01/c0.wav", queue="front"),
        m.RecordingErased(call="c0", recording="2026-01-01/c0.wav"),
        m.ContactEnded(at=3.0, contact="c0", agent="anna", queue="front"), m.LegEnded(leg="c0-1"),
        m.LegEnded(leg="c0-2", cause=m.Cause(sip=200, by="near")), m.CallEnded(call="c0", disposition="answered"),
        m.LegOpened(call="lost", leg="lost-1", direction="in", kind="line", endpoint="gateway", number="+3589555666"),
        m.ContactQueued(at=4.0, contact="lost", queue="front", caller="other"),
        m.ContactLeft(at=40.0, contact="lost", queue="front", reason="abandoned", waited=36.0),
        m.CallbackFailed(at=41.0, contact="lost", queue="front", reason="sip-486", again=90.0),
        m.MissedMarked(contact="lost", by="anna"),
        m.LegEnded(leg="lost-1", cause=m.Cause(by="restart", text="it ended just before the restart")),
        m.CallEnded(call="lost", disposition="interrupted"),
        m.LegOpened(call="out", leg="out-1", direction="out", kind="line", endpoint="gateway", number="+3589777888"),
        m.AttemptStarted(campaign=1, subscriber=0, attempt=1, call="out", leg="out-1", line="gateway"),
        m.LegEnded(leg="out-1", cause=m.Cause(sip=404, text="Not Found")),
        m.AttemptEnded(campaign=1, subscriber=0, attempt=1, call="out", line="gateway", outcome="unreachable", seconds_heard=0.0,
                       fraction_heard=0.0),
        m.CallEnded(call="out", disposition="failed"),
    ]  # fmt: skip


STATE = State(
    version=1, up=True,
    queues=QueuesReply(
        core="x", number=1, now=0.0, queues=[],
        agents=[AgentNow(id=id, name=name, extension="101", state=state, reason="", since=1.0, until=0.0, contacts=0, busy=0.0,
                         queues=["front"], last="c0")
                for id, name, state in (("anna", "安娜", "offered"), ("boris", "鲍里斯", "ready"))],
        contacts=[ContactNow(id=id, queue="front", channel="voice", state="waiting" if virtual else "offered", priority=0,
                             virtual=virtual, since=5.0, position=1, agents=agents, attempts=0,
                             person=Person(number=NUMBER, name="艾娃", line="gateway"))
                  for id, agents, virtual in (("c1", ["anna"], False), ("v1", [], True))]),
    status=StatusReply(
        version="1", uptime=1.0, config_version=1, phones=[], calls=0, campaigns_running=[1], shortages={"disk": "recordings"},
        lines=[m.LineStatus(name="gateway", up=False, reason="it does not answer OPTIONS"),
               m.LineStatus(name="provider", up=False, reason="registering failed: 403 Forbidden"),
               m.LineStatus(name="third", up=False, reason="not registered yet")]))  # fmt: skip
NOTES = (
    ("user.add", "role viewer"), ("list.new", "3 numbers, 1 twice, 0 bad rows"), ("message.make", "recorded at 101"),
    ("campaign.start", "list 12, about 3 numbers, 5 lines"), ("token.make", "live.view"),
    ("config.apply", "queue front: ring_seconds 15 → 16; layout and comments"), ("token.drop", "计数器 of admin"),
)


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    text = OFFICE.read_text()
    for old, new in NAMES.items():
        assert old in text, old
        text = text.replace(old, new)
    office = tmp_path / "office"
    office.mkdir()
    (office / "managers.csv").write_text("number,name\n+358917700001,艾娃\n")
    (office / "office.toml").write_text(text)
    made = Pages(tmp_path, office=office / "office.toml")
    for user in made.box.users.users():
        made.box.users.put_user(msgspec.structs.replace(user, name="某人", agent="anna" if user.role == "agent" else ""))
    made.box.store.save(text.replace("ring_seconds = 15", "ring_seconds = 16"), by="test")
    asyncio.run(write(tmp_path, made))

    def refuse(command: m.NoteAudit) -> None:
        raise SwitchroomError("bus.not-running", "x", "y")

    for what, detail in NOTES:
        audit.note(tmp_path, refuse, m.NoteAudit(at=1000.0, by="web:admin", what=what, detail=detail))

    def ask(command: Command, timeout: float = 10.0) -> Any:
        if isinstance(command, Queues):
            return STATE.queues
        if isinstance(command, Status):
            return STATE.status
        return Reasons(lines=[say("busy")]) if type(command).__name__ == "Why" else Done()

    monkeypatch.setattr(made.box.hub, "wait", lambda *_, **__: STATE)
    monkeypatch.setattr(made.box.core, "ask", ask)
    yield made
    made.close()


async def write(folder: Path, pages: Pages) -> None:
    ledger = Ledger(folder / "ledger", pages.clock)
    await ledger.append_campaign(
        m.CampaignCreated(campaign=1, scenario="701", name="文件变更", list="12", lines=5, message="campaigns/1/message.wav",
                          message_seconds=8.0, subscribers=1, duplicates=1, rules={"retries": 0, "confirm": "1"}, by="101",
                          bad_rows=[m.BadRow(row=9, text="x", reason="x is no phone number.")]),
        [m.Subscriber(index=0, number="+3589777888", name="艾娃", row=2)])
    for event in day():
        pages.clock.advance(0.5)
        await ledger.commit(event)
    await ledger.close()
    pages.clock.advance(600.0)


def walk(browser: Browser) -> Iterator[tuple[str, str]]:
    """(address, page) of all that can be come to by links."""
    waiting, seen, alike = list(BEGIN), set[str](), Counter[str]()
    while waiting:
        path = waiting.pop(0)
        if path in seen or NOT.search(path) or alike[shape(path)] >= MOST_ALIKE:
            continue
        seen.add(path)
        alike[shape(path)] += 1
        answer = browser.get(path, **CHINESE)
        assert answer.status_code < 500, (path, answer.text)
        if not answer.content_type.startswith("text/html"):
            continue
        if answer.status_code in (301, 302, 303):
            waiting.append(urlsplit(answer.location)._replace(scheme="", netloc="").geturl())
            continue
        yield path, answer.text
        waiting += [urljoin(path, link) for found in LINKS.findall(answer.text) if (link := unescape(found).partition("#")[0])
                    and not urlsplit(link).netloc]


def shape(path: str) -> str:
    """The address without what differs between things of one kind."""
    parts = urlsplit(path)
    kinds = [name for name, _value in parse_qsl(parts.query)]
    return re.sub(r"\d+", "#", re.sub(r"(?<=/calls/)\w+", "#", parts.path)) + "?" + ",".join(kinds)


def told_in_english(page: str) -> list[tuple[str, str]]:
    """(run of words, the text that it stands in)."""
    return [(run, text) for text in texts(page) for run in english(text, WORDS)
            if not all(word.lower() in IDS for word in re.findall(r"[A-Za-z]+", run)) and run not in ALLOWED]


@pytest.mark.parametrize(("login", "least"), [("admin", 60), ("agent", 3)])
def test_no_page_shows_english_to_who_reads_chinese(pages: Pages, login: str, least: int) -> None:
    found: dict[str, tuple[str, str]] = {}
    count = 0
    for path, page in walk(pages.browser(login)):
        count += 1
        assert 'lang="zh"' in page[:200], path
        found |= {run: (path, text[:120]) for run, text in told_in_english(page)}
    assert not found, "\n".join(f"{run!r} at {path}: {text}" for run, (path, text) in sorted(found.items()))
    assert count >= least, count


def test_english_is_noticed_where_it_stands() -> None:
    page = ('<p>等候 <b>the queue is</b> full</p><input placeholder="type a name"><td translate="no">one two three</td>'
            "<code>a b c</code><p>SIP 486</p>")
    assert [run for run, _text in told_in_english(page)] == ["the queue is full", "type a name"]
