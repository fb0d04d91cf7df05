"""The agent's desk in front of a running box: the state follows the agent, and the buttons change it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.peers.pages import Site, check_accessible, fits, shots


def test_an_agent_works_the_day_from_the_desk(site: Site, page: Page) -> None:
    site.sign_in(page, "agent")
    page.goto(f"{site.url}/desk")
    own = page.locator("[sse-swap=own]")
    expect(own).to_contain_text("signed out")
    own.locator("[value=login]").click()
    expect(own).not_to_contain_text("signed out", timeout=5000)
    own.locator("[value^='break lunch']").click()
    expect(own).to_contain_text("on break", timeout=5000)
    check_accessible(page)
    fits(page)
    shots(page, "desk")
    site.box.run("agent", "logout", "anna")
    expect(own).to_contain_text("signed out", timeout=5000)
