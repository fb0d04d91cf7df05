"""The page of figures over a week that lies in the ledger: what it shows, where its numbers lead, on a desk and a phone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from appliance import messages as m
from appliance.clock import ManualClock
from appliance.ledger import Ledger
from tests.figureskit import T0, Story
from tests.peers.box import MONDAY
from tests.peers.pages import Site, check_accessible, fits, shots

NOW = datetime.fromisoformat(MONDAY).timestamp()
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
    story.at(at).calls(contact, queue)
    wait = min(rng.expovariate(1 / 14), 60)
    story.at(at + wait)
    if rng.random() < 0.1:
        return story.leaves(contact, queue=queue).hangs_up(contact).now
    talk = rng.uniform(15, 60 if agent == "anna" else 90)
    story.rings(contact, agent, queue=queue).connects(contact, agent, queue).agent(agent, "on-contact", "ready", contact)
    story.at(at + wait + talk).ends(contact, agent, queue=queue).agent(agent, "wrap-up", "on-contact", contact).hangs_up(contact)
    return story.at(at + wait + talk + 8).agent(agent, "ready", "wrap-up").now


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("figures"))
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
    assert text.splitlines()[0].startswith("day,Offered") and "2026-02-25,40" in text
