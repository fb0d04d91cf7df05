"""The wallboard on a TV and a phone: it fills the screen, never scrolls, follows the box, and says when it is cut off."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.peers.pages import OUTPUT, PHONE, Site, check_accessible, fits, shots

TV = {"width": 1920, "height": 1080}
SCROLLS = ("document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth"
           " || [...document.querySelectorAll('.wall-tile, .wall-tile dl div')].some(each =>"
           " each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1)")


def shot(page: Page, name: str) -> None:
    OUTPUT.mkdir(exist_ok=True)
    for suffix, size in (("tv", TV), ("phone", PHONE)):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.screenshot(path=OUTPUT / f"{name}-{suffix}.png")
        assert not page.evaluate(SCROLLS), f"{name} does not fit on a {suffix}"
    page.set_viewport_size(TV)  # type: ignore[arg-type]


def test_a_wallboard_fills_the_tv_and_follows_the_agents(site: Site, page: Page) -> None:
    site.sign_in(page, "viewer")
    page.goto(f"{site.url}/wallboard/choose")
    check_accessible(page)
    fits(page)
    shots(page, "wallboard-choose")
    page.click("main button.primary")
    page.set_viewport_size(TV)  # type: ignore[arg-type]
    tile = page.locator(".wall-tile").first
    ready = tile.locator("[data-figure=ready] dd")
    before = ready.inner_text()
    site.box.run("agent", "login", "anna")
    site.box.run("agent", "login", "boris")
    expect(ready).not_to_have_text(before)
    check_accessible(page)
    shot(page, "wallboard")
    page.goto(f"{site.url}/wallboard?limit=ready:1:2&figure=ready")
    expect(page.locator(".wall-sign").first).to_be_visible()
    shot(page, "wallboard-alarm")
    page.goto(f"{site.url}/wallboard?" + "&".join(f"figure={each}" for each in (
        "waiting", "longest", "expected", "ready", "talking", "virtual", "break")) + "&theme=light&columns=1")
    shot(page, "wallboard-all")


def test_a_wallboard_says_when_the_connection_is_lost(site: Site, page: Page) -> None:
    site.sign_in(page, "viewer")
    page.goto(f"{site.url}/wallboard")
    expect(page.locator("#link")).to_be_hidden()
    with site.box.without("web"):
        expect(page.locator("#link")).to_contain_text("connection to the box is lost")
        shot(page, "wallboard-lost")
    expect(page.locator("#link")).to_be_hidden(timeout=20_000)
