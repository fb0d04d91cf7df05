"""First start, signing in, and the live page that follows the box by itself."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from appliance.users.store import UserStore
from tests.peers.baresip import Phone
from tests.peers.net import wait_for
from tests.peers.pages import PASSWORD, Site, check_accessible, fits, shots


def test_the_first_administrator_comes_in_with_the_code(page: Page, tmp_path: Path) -> None:
    with Site(tmp_path, people=False) as site:
        store = UserStore(site.box.data)
        code = store.setup_code()
        store.close()
        wait_for(lambda: f"set-up code {code}" in " ".join(site.box.log().split()), 10, "who started the box is told the code")
        page.goto(site.url)
        expect(page.locator("h1")).to_have_text("Welcome")
        check_accessible(page)
        shots(page, "first-start")
        for name, text in {"code": code, "name": "Ada Lind", "login": "ada", "password": PASSWORD}.items():
            page.fill(f"[name={name}]", text)
        page.click("main button.primary")
        expect(page.locator("header .who summary")).to_contain_text("Ada Lind")
        expect(page.locator("h1")).to_have_text("Live")


def test_live_follows_the_agents_by_itself(site: Site, page: Page) -> None:
    site.sign_in(page, "supervisor")
    row = page.locator("[data-agent=boris]")
    expect(row).to_contain_text("signed out")
    site.box.run("agent", "login", "boris")
    expect(row).to_contain_text("not answering" if "not answering" in row.inner_text() else "ready")
    check_accessible(page)
    fits(page)
    shots(page, "live")


def test_the_page_says_when_the_core_is_gone_and_when_it_is_back(site: Site, page: Page) -> None:
    site.sign_in(page)
    expect(page.locator("[data-line=gateway]")).to_be_visible()
    banner = page.locator("#link")
    expect(banner).to_be_hidden()
    with site.box.silent("core"):
        expect(banner).to_contain_text("does not answer")
        shots(page, "core-gone")
    expect(banner).to_be_hidden(timeout=15_000)


def test_the_page_finds_the_restarted_web_again(site: Site, page: Page) -> None:
    site.sign_in(page)
    banner = page.locator("#link")
    with site.box.without("web"):
        expect(banner).to_contain_text("connection to the box is lost")
    expect(banner).to_be_hidden(timeout=20_000)  # the session is kept over the restart, too
    expect(page.locator("[data-line=gateway]")).to_be_visible()


def test_languages_are_chosen_in_the_page(site: Site, page: Page) -> None:
    site.sign_in(page, "viewer")
    page.click(".languages summary")
    page.click("[name=language][value=fi]")
    expect(page.locator("html")).to_have_attribute("lang", "fi")
    page.click(".languages summary")
    page.click("[name=language][value=en]")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_a_call_is_seen_and_ended_from_the_page(site: Site, page: Page, tmp_path: Path) -> None:
    with Phone(tmp_path / "a", site.box.sip_port, "101", "anna-101") as anna, \
            Phone(tmp_path / "b", site.box.sip_port, "102", "boris-102") as boris:
        site.box.wait_registered("101")
        site.box.wait_registered("102")
        site.sign_in(page, "supervisor")
        expect(page.locator("[data-phone='102']")).to_contain_text("registered")
        anna.dial("102", site.box.sip_port)
        boris.wait_event("CALL_INCOMING", 10)
        row = page.locator("tr[data-call]", has_text="102")
        expect(row).to_contain_text("ringing")
        boris.answer()
        expect(row).to_contain_text("connected")
        shots(page, "live-call")
        page.once("dialog", lambda dialog: dialog.accept())
        page.locator("tr[data-call] button").first.click()
        anna.wait_event("CALL_CLOSED", 10)
        expect(page.locator("tr[data-call]")).to_have_count(0)
    notes = site.box.json("cdr", "list")
    assert notes[0]["disposition"] == "answered"
