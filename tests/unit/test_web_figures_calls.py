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
from web.figures.service import GROUPS

LATE = (m.CallbackClosed, m.ContactConnected, m.ContactEnded)
"""Of a callback it comes when the call that asked for it is over."""
MEANS = ("csat", "nps", "ces", "asa", "abandon-time", "aht", "talk", "hold", "acw", "resolution-time", "seconds-heard",
         "call-talk")
"""These open all that they are the mean of."""
SHARES = {each.id for each in BY_ID.values() if each.unit == "share" and each.what not in ("", "talked")} - {*MEANS}
"""These open what stands above the line; a share of time counts no calls."""
WEEK = "period=custom&since=2027-01-15&until=2027-01-24"
EVERY = {"queue": GROUPS["queue"], "agent": GROUPS["agent"], "line": GROUPS["line"], "campaign": GROUPS["campaign"],
         "day": GROUPS["office"], "weekday": GROUPS["office"]}
"""By what is asked: the groups of figures that are shown."""


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


def week() -> Story:
    """Who calls again, what came of it, what is said of it afterwards; calls of a campaign, and such as nothing was free for."""
    story = Story().agent("anna", "ready", "logged-out").agent("boris", "ready", "logged-out")
    story.at(60).served("a1", number="+358401111111").notes("a1", "solved", "solved")
    story.at(3600).served("a2", "boris", number="+358401111111").notes("a2", "call-again", "call-again", agent="boris")
    story.at(200).served("b1", number="+358402222222").notes("b1", "not-solved").notes("b1", "sold", "solved", "sale")
    story.at(8 * 86_400).served("b2", number="+358402222222")  # after more than a week: another matter
    story.at(300).calls("c1", number="+358403333333").at(340).leaves("c1").hangs_up("c1")
    story.at(400).served("c2", number="+358403333333").notes("c2", "solved", "solved")
    story.at(500).served("d1", number="+358404444444")
    story.at(5000).served("d2", "boris", "billing", number="+358404444444").notes("d2", "solved", "solved", agent="boris")
    # from one agent to another queue, and keyed there
    story.at(600).calls("e1", number="+358405555555").connects("e1", "anna").at(620).ends("e1", "anna", "moved")
    story.queues("e1", "billing", caller="key of +358405555555").at(640).connects("e1", "boris", "billing")
    story.at(660).ends("e1", "boris", queue="billing").notes("e1", "solved", "solved", agent="boris")
    for contact, queue, agent in (("b1", "front", "anna"), ("a1", "front", "anna"), ("e1", "billing", "boris")):
        story.tell(m.SurveyAsked(call=contact, contact=contact, survey="after", queue=queue, agent=agent))
    story.answers("b1", "q1", "csat", 5).answers("b1", "q2", "nps", 9).answers("e1", "q1", "csat", 2, "billing", "boris")
    story.answers("e1", "q3", "ces", 6, "billing", "boris").answers("e1", "q4", "comment", None, "billing", "boris")
    story.hangs_up("e1")
    # withheld; rung in vain; passed on, and cut off
    story.at(700).served("h1").notes("h1", "sold", "solved", "sale")
    story.at(800).calls("m1").rings("m1", "anna", "missed").at(820).rings("m1", "boris").connects("m1", "boris").at(840)
    story.ends("m1", "boris", "cut").hangs_up("m1")
    for at, kind in enumerate(("blind", "attended")):
        story.at(900 + at * 60).calls(kind).connects(kind, "anna")
        handed = m.ContactHandedOver(at=story.now, contact=kind, agent="anna", queue="front", to="boris" if at else "")
        told = m.CallTransferred(call=kind, by_leg=f"{kind}-1", kind=kind, target="102")  # type: ignore[arg-type]
        story.tell(*((told, handed) if at else (handed, told)))
        if at:
            story.at(980).ends(kind, "boris")
        story.hangs_up(kind)
    story.at(1020).calls("three").connects("three", "anna")
    story.tell(m.CallConferenced(call="three", by_leg="three-1", target="102"))
    story.at(1040).tell(m.ContactHandedOver(at=story.now, contact="three", agent="anna", queue="front")).hangs_up("three")
    blocked(story.at(1100))
    campaign(story.at(1200))
    return story


def blocked(story: Story) -> None:
    """A caller for whom no channel was free, one of the house for whom no line was, and one who found the queue full."""
    story.tell(m.LegOpened(call="n1", leg="n1-1", direction="in", kind="line", endpoint="gateway"),
               m.LegEnded(leg="n1-1", cause=m.Cause(sip=503, by="near")), m.CallEnded(call="n1", disposition="failed"))
    story.tell(m.LegOpened(call="n2", leg="n2-1", direction="in", kind="phone", endpoint="101"),
               m.CallReached(call="n2", target="excuse:line:gateway"), m.LegAnswered(leg="n2-1"), m.LegEnded(leg="n2-1"),
               m.CallEnded(call="n2", disposition="failed"))
    story.tell(m.LegOpened(call="n3", leg="n3-1", direction="in", kind="line", endpoint="gateway"))
    story.leaves("n3", "full").tell(m.LegEnded(leg="n3-1"), m.CallEnded(call="n3", disposition="busy"))


def campaign(story: Story) -> None:
    """An attempt for each outcome; some are made again. What the network said may be less exact than the outcome."""
    story.tell(m.CampaignCreated(campaign=7, scenario="701", name="News", list="12", lines=5, message="m.wav",
                                 message_seconds=3.0, subscribers=7))
    ends = [("confirmed", "answered"), ("heard", "answered"), ("hung_up", "answered"), ("declined", "answered"),
            ("machine", "answered"), ("busy", "busy"), ("no_answer", "no_answer"), ("unreachable", "no_answer")]
    for attempt in (1, 2):
        for at, (outcome, disposition) in enumerate(ends[(attempt - 1) * 5 :]):
            call = f"o{attempt}{at}"
            story.tell(m.AttemptStarted(campaign=7, subscriber=at, attempt=attempt, call=call, leg=f"{call}-1", line="gateway"),
                       m.LegOpened(call=call, leg=f"{call}-1", direction="out", kind="line", endpoint="gateway",
                                   number=f"+35891770{at:04}", purpose="campaign", campaign=7),
                       *((m.LegAnswered(leg=f"{call}-1"),) if disposition == "answered" else ()), m.LegEnded(leg=f"{call}-1"),
                       m.AttemptEnded(campaign=7, subscriber=at, attempt=attempt, call=call, outcome=outcome,  # type: ignore[arg-type]
                                      line="gateway", seconds_heard=4.0),
                       m.CallEnded(call=call, disposition=disposition))  # type: ignore[arg-type]


def in_order(story: Story) -> list[m.Record]:
    return sorted(story.records, key=lambda each: each.utc)


def lived(pages: Pages, story: Story) -> Pages:
    ledger = Ledger(pages.box.data / "ledger", pages.clock, "boot", reserve_bytes=0)
    known: dict[str, bytes] = {}
    for record in in_order(story):
        pages.clock.advance(max(0.0, record.utc - pages.clock.utc()))
        seq = ledger.commit_now(record.event)
        if isinstance(record.event, m.ContactOutcome) or (  # as the core does
                isinstance(record.event, LATE) and record.event.contact.startswith("cb")):
            contact = record.event.contact
            known[contact] = late.added(known.get(contact), seq)
            ledger.put_state(late.NAMESPACE, contact, known[contact])
    ledger.close_now()
    pages.clock.advance(3600)
    return pages


@pytest.fixture
def half_hour(pages: Pages) -> Pages:
    return lived(pages, told())


@pytest.fixture
def days(pages: Pages) -> Pages:
    return lived(pages, week())


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


def counted(found: dict[str, Any], figure: str) -> int:
    """How many calls a number is of."""
    number = found["n"] if figure in MEANS else found["value"] * found["n"] if figure in SHARES else found["value"]
    return round(number)


def compare(pages: Pages, asked: str, group: str) -> set[str]:
    """Every number of the table with the calls that it opens. -> the figures that were compared"""
    browser = pages.browser("supervisor")
    report = browser.get(f"/api/v1/figures?{asked}").json
    assert report is not None
    values = {row["key"]: row["values"] for row in report["rows"]} | {"": report["total"]["values"]}
    wrong, seen = [], set()
    for row, figure, query in links(browser.get(f"/figures?{asked}&group={group}").text):
        if figure in SHARES or figure in MEANS or BY_ID[figure].unit == "count":
            seen.add(figure)
            calls, number = opened(pages, query), counted(values[row][figure], figure)
            if len(calls) != number:
                wrong.append((row, figure, number, calls, query))
    assert not wrong, "\n".join(map(str, wrong))
    return seen


@pytest.mark.parametrize("asked", ["by=queue", "by=queue&within=40&short=2", "by=agent", "by=agent&queue=front", "by=day",
                                   "by=queue&queue=billing"])
@pytest.mark.parametrize("group", ["service", "handling", "callbacks"])
def test_the_calls_opened_are_those_that_are_counted(half_hour: Pages, group: str, asked: str) -> None:
    seen = compare(half_hour, asked, group)
    assert seen or (group == "callbacks" and "agent" in asked) or "billing" in asked


@pytest.mark.parametrize("by", EVERY)
def test_what_came_of_calls_opens_those_calls(days: Pages, by: str) -> None:
    """Of all groups of figures: who called again, outcomes, surveys, agents, campaigns, lines."""
    seen = {figure for group in EVERY[by] for figure in compare(days, f"{WEEK}&by={by}", group)}
    assert {"queue": {"fcr", "fcr-outcome", "repeat-rate", "resolution-time", "solved", "sales", "conversion", "survey-asked",
                      "survey-answered", "csat", "nps", "ces", "transfer-rate", "transfer-rate-blind", "broken"},
            "agent": {"solved", "sales", "survey-asked", "csat", "missed-offers", "transfer-rate-attended"},
            "line": {"calls", "calls-answered", "calls-failed", "call-talk"},
            "campaign": {"dialled", "reached", "confirmed", "heard", "hung-up", "seconds-heard", "declined", "machine", "busy",
                         "no-answer", "unreachable", "retries", "calls"},
            "day": {"blocked-rate", "fcr", "retries", "csat"}, "weekday": {"blocked-rate", "sales"}}[by] <= seen


def test_the_figures_that_are_compared_are_there(half_hour: Pages) -> None:
    browser = half_hour.browser("supervisor")
    found = {figure for group in ("service", "handling", "callbacks")
             for _, figure, _ in links(browser.get(f"/figures?by=queue&group={group}").text)}
    assert {"offered", "answered", "abandoned", "abandoned-short", "unhandled", "overflowed", "turned-away", "messages",
            "handled", "callbacks", "callbacks-reached", "callbacks-expired", "callback-attempts", "service-level"} <= found


def test_the_time_that_is_asked_for_goes_along(half_hour: Pages) -> None:
    counts = [len(opened(half_hour, f"queue=front&what=in-time&within={within}")) for within in (2, 3, 19, 20, 21, 60)]
    assert counts == [1, 2, 3, 4, 5, 6]
    assert half_hour.browser("supervisor").get("/api/v1/calls?what=in-time&within=-1").status_code == 400
