"""A figure that links opens exactly the calls that it counts: in the office, in each queue, and of each agent."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest

from appliance import messages as m
from appliance.figures.definitions import BY_ID
from appliance.ledger import Ledger, late
from tests.figureskit import Story
from tests.webkit import Pages

LATE = (m.CallbackClosed, m.ContactConnected, m.ContactEnded)
"""Of a callback it comes when the call that asked for it is over."""
SHARES = ("service-level-answered", "service-level-offered")
"""Of these the number above the line is what is opened."""


def callback(story: Story, contact: str, at: float, end: str | None, queue: str = "front") -> None:
    """Somebody asks for a call back, and one is made ten minutes later, in a call of its own."""
    story.at(at).calls(contact, queue).at(at + 30)
    story.tell(m.CallbackRequested(at=story.now, contact=contact, queue=queue, since=story.now - 30)).hangs_up(contact)
    if end is None:
        return
    story.at(at + 600).tell(m.CallbackAttempted(at=story.now, contact=contact, queue=queue, attempt=1, agent="anna"))
    story.tell(m.LegOpened(call=f"{contact}b", leg=f"{contact}b-1", direction="out", kind="line", endpoint="gateway",
                           purpose="callback"), m.CallReached(call=f"{contact}b", target=f"callback:{queue}"))
    if end == "reached":
        story.connects(contact, "anna", queue)
    story.tell(m.CallbackClosed(at=story.now, contact=contact, queue=queue, reason=end))  # type: ignore[arg-type]
    if end == "reached":
        story.at(at + 660).ends(contact, "anna", queue=queue)
    story.tell(m.LegEnded(leg=f"{contact}b-1"), m.CallEnded(call=f"{contact}b", disposition="answered"))


def told() -> Story:
    """Half an hour in two queues."""
    story = Story().agent("anna", "ready", "logged-out").agent("boris", "ready", "logged-out")
    for at, waited in enumerate((3, 19, 20, 21, 40)):
        story.at(at * 60).calls(f"a{at}").at(at * 60 + waited).connects(f"a{at}", "anna").at(at * 60 + 50).ends(f"a{at}", "anna")
        story.hangs_up(f"a{at}")
    for at, waited in enumerate((2, 5, 6, 45)):
        story.at(300 + at * 60).calls(f"g{at}").at(300 + at * 60 + waited).leaves(f"g{at}").hangs_up(f"g{at}")
    # from one queue to the other, and answered there; waits in both
    story.at(560).calls("over").at(575).leaves("over", "max-wait", "queue:billing").queues("over", "billing")
    story.at(590).connects("over", "boris", "billing").at(620).ends("over", "boris", queue="billing").hangs_up("over")
    story.at(630).calls("lost").at(650).leaves("lost", "overflow", "queue:billing").queues("lost", "billing")
    story.at(652).leaves("lost", "abandoned", queue="billing").hangs_up("lost")
    # from agent to agent
    story.at(660).calls("sent").connects("sent", "anna").at(680)
    story.tell(m.ContactHandedOver(at=story.now, contact="sent", agent="anna", queue="front", to="boris"))
    story.at(700).ends("sent", "boris").hangs_up("sent")
    # to a mailbox: one speaks, one does not
    for contact in ("spoke", "silent"):
        story.at(720).calls(contact).at(740).leaves(contact, "max-wait", "voicemail:front")
        if contact == "spoke":
            story.tell(m.VoicemailLeft(message="m1", box="front", call=contact, seconds=3.0, sha256="x"))
        story.hangs_up(contact)
    story.at(760).tell(m.LegOpened(call="shut", leg="shut-1", direction="in", kind="line", endpoint="gateway"))
    story.leaves("shut", "closed").hangs_up("shut")
    for at, end in enumerate(("reached", "reached", "expired", "attempts", "cancelled", "called-again", None)):
        callback(story, f"cb{at}", 800 + at * 5, end)
    return story


def in_order(story: Story) -> list[m.Record]:
    return sorted(story.records, key=lambda each: each.utc)


@pytest.fixture
def half_hour(pages: Pages) -> Iterator[Pages]:
    story = told()
    ledger = Ledger(pages.box.data / "ledger", pages.clock, "boot", reserve_bytes=0)
    known: dict[str, bytes] = {}
    for record in in_order(story):
        pages.clock.advance(max(0.0, record.utc - pages.clock.utc()))
        seq = ledger.commit_now(record.event)
        if isinstance(record.event, LATE) and record.event.contact.startswith("cb"):  # as the core does
            contact = record.event.contact
            known[contact] = late.added(known.get(contact), seq)
            ledger.put_state(late.NAMESPACE, contact, known[contact])
    ledger.close_now()
    pages.clock.advance(3600)
    yield pages


def opened(pages: Pages, query: str) -> list[str]:
    answer = pages.browser("supervisor").get(f"/api/v1/calls?limit=200&{query}")
    assert answer.status_code == 200 and answer.json is not None, answer.text
    return sorted(each["call"] for each in answer.json["calls"])


def links(page: str) -> Iterator[tuple[str, str, str]]:
    """Row ("" in all), figure and query of /calls, of every number of the table that links."""
    table = html.unescape(page[page.index('<table class="figures">') : page.index("</table>")])
    figures = re.findall(r'href="#formula-([a-z0-9-]+)"', table)
    foot = re.search(r"<tfoot>.*?<tr>(.*?)</tr>", table, re.S)
    rows = re.findall(r'<tr data-row="([^"]*)">(.*?)</tr>', table, re.S) + ([("", foot.group(1))] if foot else [])
    for key, row in rows:
        for figure, cell in zip(figures, re.findall(r'<td class="num">(.*?)</td>', row, re.S), strict=True):
            if found := re.search(r'href="/calls\?([^"]+)"', cell):
                yield key, figure, found.group(1)


def counted(values: dict[str, Any], figure: str) -> int:
    """What is counted: of a share what stands above the line."""
    found = values[figure]
    return round(found["value"] * found["n"] if figure in SHARES else found["value"])


@pytest.mark.parametrize("asked", ["by=queue", "by=queue&within=40&short=2", "by=agent", "by=agent&queue=front", "by=day",
                                   "by=queue&queue=billing"])
@pytest.mark.parametrize("group", ["service", "handling", "callbacks"])
def test_the_calls_opened_are_those_that_are_counted(half_hour: Pages, group: str, asked: str) -> None:
    browser = half_hour.browser("supervisor")
    report = browser.get(f"/api/v1/figures?{asked}").json
    assert report is not None
    values = {row["key"]: row["values"] for row in report["rows"]} | {"": report["total"]["values"]}
    wrong, seen = [], set()
    for row, figure, query in links(browser.get(f"/figures?{asked}&group={group}").text):
        if figure in SHARES or BY_ID[figure].unit == "count":
            seen.add(figure)
            calls, number = opened(half_hour, query), counted(values[row], figure)
            if len(calls) != number:
                wrong.append((row, figure, number, calls, query))
    assert not wrong, "\n".join(map(str, wrong))
    assert seen or (group == "callbacks" and "agent" in asked) or "billing" in asked


def test_the_figures_that_are_compared_are_there(half_hour: Pages) -> None:
    browser = half_hour.browser("supervisor")
    found = {figure for group in ("service", "handling", "callbacks")
             for _, figure, _ in links(browser.get(f"/figures?by=queue&group={group}").text)}
    assert {"offered", "answered", "abandoned", "abandoned-short", "unhandled", "overflowed", "turned-away", "messages",
            "handled", "callbacks", "callbacks-reached", "callbacks-expired", "callback-attempts", *SHARES} <= found


def test_the_time_that_is_asked_for_goes_along(half_hour: Pages) -> None:
    counts = [len(opened(half_hour, f"queue=front&what=in-time&within={within}")) for within in (2, 3, 19, 20, 21, 60)]
    assert counts == [1, 2, 3, 4, 5, 6]
    assert half_hour.browser("supervisor").get("/api/v1/calls?what=in-time&within=-1").status_code == 400
