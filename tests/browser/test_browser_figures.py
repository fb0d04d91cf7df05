"""The page of figures over a week that lies in the ledger: what it shows, where its numbers lead, on a desk and a phone."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from appliance import messages as m
from appliance.clock import ManualClock
from appliance.ledger import Ledger
from tests.figureskit import T0, Story
from tests.peers.box import MONDAY, OFFICE
from tests.peers.pages import OUTPUT, PHONE, Site, check_accessible, fits, shots

NOW = datetime.fromisoformat(MONDAY).timestamp()
TARGETS = """
[[targets]]
name = "in-time"
figure = "service-level"
at_least = 80
alarm_below = 50

[[targets]]
name = "handling"
figure = "aht"
at_most = 30

[[targets]]
name = "satisfied"
figure = "csat"
at_least = 90
"""
DAY = 86_400.0


def a_week() -> Story:
    """Eight days of an office, up to this morning: busy at ten and at two, one agent slower than the other."""
    rng, story = random.Random(4), Story()
    for back in range(7, -1, -1):
        morning = NOW - back * DAY - 2 * 3600
        if datetime.fromtimestamp(morning).weekday() >= 5 and back:
            continue
        until = 9 * 3600 if back else 2 * 3600 - 60
        peak = [min(until, max(0.0, rng.gauss(7200, 2500))) for _ in range(20 if back else 10)]
        moments = enumerate(sorted([*peak, *(rng.uniform(0, until) for _ in range(20 if back else 8))]))
        for agent in ("anna", "boris"):
            story.at(morning - T0).agent(agent, "ready", "logged-out")
        clock = 0.0
        for n, at in moments:
            clock = max(at, clock + 1)
            clock = _caller(story, rng, morning - T0 + clock, f"d{back}c{n}") - morning
        if back:
            for agent in ("anna", "boris"):
                story.at(max(story.now, morning + until + 60) - T0).agent(agent, "logged-out", "ready")
    return story


def _caller(story: Story, rng: random.Random, at: float, contact: str) -> float:
    """One caller's story; returns when it is over, seconds after 1970."""
    queue, agent = rng.choice(("front", "front", "front", "billing")), rng.choice(("anna", "boris"))
    story.at(at).calls(contact, queue, f"+3584012345{rng.randrange(60):02}")
    story.tell(m.CallReached(call=contact, target=f"queue:{queue}"))
    wait = min(rng.expovariate(1 / 14), 60)
    story.at(at + wait)
    if rng.random() < 0.1:
        return story.leaves(contact, queue=queue).hangs_up(contact).now
    talk = rng.uniform(15, 60 if agent == "anna" else 90)
    story.rings(contact, agent, queue=queue).connects(contact, agent, queue).agent(agent, "on-contact", "ready", contact)
    story.at(at + wait + talk).ends(contact, agent, queue=queue).agent(agent, "wrap-up", "on-contact", contact).hangs_up(contact)
    if rng.random() < 0.7:
        solved = rng.random() < 0.8
        story.notes(contact, *(("solved", "solved") if solved else ("not-solved",)), agent=agent)
        story.tell(m.SurveyAsked(call=contact, contact=contact, survey="after", queue=queue, agent=agent))
        if rng.random() < 0.6:
            story.answers(contact, "happy", "csat", rng.choice((3, 4, 5) if solved else (1, 2)), queue, agent)
            story.answers(contact, "tell", "nps", rng.choice((8, 9, 10) if solved else (2, 6)), queue, agent)
    return story.at(at + wait + talk + 8).agent(agent, "ready", "wrap-up").now


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("figures"), office=(OFFICE / "office.toml").read_text() + TARGETS)
    write(site.box.data, a_week())
    with site:
        yield site


def write(data: Path, story: Story) -> None:
    """As a box that stopped a moment ago left it."""
    clock = ManualClock(utc=story.records[0].utc)
    (data / "ledger").mkdir(parents=True, mode=0o700)
    ledger = Ledger(data / "ledger", clock, "earlier", reserve_bytes=0)
    waiting: list[m.Event] = []
    for record in story.records:
        if record.utc > clock.utc() + 120:  # not each second: a commit waits for the disk
            ledger.commit_now(*waiting)
            waiting = []
            clock.advance(record.utc - clock.utc())
        waiting.append(record.event)
    ledger.commit_now(*waiting)
    ledger.close_now()


def test_the_week_by_queue_with_formulas_and_charts(site: Site, page: Page) -> None:
    site.sign_in(page, "supervisor")
    page.click("nav.main a[href='/figures']")
    expect(page.locator("h1")).to_have_text("Figures")
    page.select_option("[name=period]", "last-week")
    page.click("form.filters button")
    tile = page.locator("[data-figure=service-level]")
    expect(tile.locator(".big")).to_contain_text("%")
    tile.locator("summary").click()
    expect(tile).to_contain_text("answered within T ÷ (offered − abandoned within S)")
    expect(page.locator("[data-row=front]")).to_be_visible()
    offered = [int(page.locator(f"[data-row={queue}] td").first.inner_text()) for queue in ("front", "billing")]
    assert int(page.locator("tfoot tr td").first.inner_text()) == sum(offered) == 200
    assert page.locator("svg.chart").count() == 2
    check_accessible(page)
    fits(page)
    shots(page, "figures-week")


def test_today_by_the_hour_and_by_agent(site: Site, page: Page) -> None:
    site.sign_in(page, "viewer")
    page.goto(f"{site.url}/figures?period=today&by=hour&of=queue:front")
    expect(page.locator("tbody tr").first).to_contain_text("08:00")
    shots(page, "figures-hours")
    page.goto(f"{site.url}/figures?period=last-week&by=agent")
    page.click(".tabs a:has-text('Agents')")
    expect(page.locator("[data-row=anna] th")).to_contain_text("Anna")
    expect(page.locator("thead")).to_contain_text("Occupancy")
    check_accessible(page)
    fits(page)
    shots(page, "figures-agents")


def test_a_period_of_ones_own_by_keyboard_and_as_a_file(site: Site, page: Page) -> None:
    site.sign_in(page)
    page.goto(f"{site.url}/figures")
    page.select_option("[name=period]", "custom")
    page.fill("[name=since]", "2026-02-25")
    page.fill("[name=until]", "2026-02-26")
    page.select_option("[name=by]", "day")
    page.locator("form.filters button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(2)
    with page.expect_download() as given:
        page.click("a:has-text('CSV')")
    text = given.value.path().read_text("utf-8-sig")
    assert text.splitlines()[0].startswith("Day,Offered") and "2026-02-25,40" in text


def test_targets_stand_beside_the_figures_in_colour_sign_and_word(site: Site, page: Page) -> None:
    site.sign_in(page, "supervisor")
    page.goto(f"{site.url}/figures?period=last-week&by=day")
    tile = page.locator("[data-figure=service-level]")
    expect(tile).to_contain_text("target: at least 80")
    expect(tile.locator(".state").last).to_have_text("missed")
    expect(page.locator("[data-figure=aht]")).to_contain_text("target: at most 0:30")
    expect(page.locator("[data-figure=aht] .state").last).to_have_text("far off")
    assert page.locator("line.goal").count() == 1
    page.click(".tabs a:has-text('Handling')")
    expect(page.locator("tbody .sign[role=img]").nth(4)).to_be_attached()
    expect(page.locator("tfoot")).to_contain_text("≤ 0:30")
    check_accessible(page)
    fits(page)
    shots(page, "figures-targets")


def test_surveys_and_results_open_the_calls_behind_them(site: Site, page: Page) -> None:
    site.sign_in(page, "supervisor")
    page.goto(f"{site.url}/figures?period=last-week&by=queue&group=surveys")
    expect(page.locator("thead")).to_contain_text("Net promoter score (NPS)")
    expect(page.locator("[data-figure=csat] summary")).to_be_visible()
    answered = page.locator("[data-row=front] td").first
    asked = int(answered.inner_text())
    assert asked > 10
    shots(page, "figures-surveys")
    answered.locator("a").click()
    expect(page).to_have_url(re.compile(r"/calls\?.*what=surveyed"))
    expect(page.locator("tbody tr")).to_have_count(min(asked, 50))
    page.goto(f"{site.url}/figures?period=last-week&by=queue&group=results")
    expect(page.locator(".formulas").first).to_contain_text("1 − (callers who called the same queue again")
    check_accessible(page)
    shots(page, "figures-results")
    page.locator("[data-row=front] td").nth(2).locator("a").click()
    expect(page).to_have_url(re.compile(r"what=called-again"))
    expect(page.locator("tbody tr").first).to_be_visible()


def test_the_wall_shows_the_day_in_the_colours_of_the_targets(site: Site, page: Page) -> None:
    site.sign_in(page, "viewer")
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{site.url}/wallboard?" + "&".join(f"figure={each}" for each in (
        "waiting", "longest", "ready", "offered", "service-level", "abandon-rate", "aht", "csat")))
    front = page.locator("[data-queue=front]")
    expect(front.locator("[data-figure=offered] dd")).to_have_text(re.compile("[1-9]"))
    expect(front.locator("[data-figure=service-level] dd")).to_contain_text("%")
    expect(front.locator("[data-figure=aht]")).to_have_class("bad")
    check_accessible(page)
    page.screenshot(path=OUTPUT / "wallboard-day-tv.png")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.screenshot(path=OUTPUT / "wallboard-day-phone.png")
