"""Makes docs/tour.md and its pictures anew: `python -m tests.tour`. A week of calls, a campaign, and a caller whom an agent's
phone rings for, in the reference office with real phones and lines, looked at with a real browser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import CHROMIUM, QUIET
from tests.browser.test_browser_figures import a_week, write
from tests.interop.test_campaign_phone import QUICK, numbers
from tests.peers import sound
from tests.peers.baresip import Phone
from tests.peers.net import wait_for
from tests.peers.pages import DESKTOP, PHONE, Site, sign_in
from tests.peers.sipp import Gateway

DOCS = Path(__file__).parents[1] / "docs"
FOLDER = DOCS / "tour"
TALLEST = 1400
"""Pixels of a picture; a longer page is cut."""


@dataclass(frozen=True)
class Stop:
    """`shows`: what has to be on the page before the picture is taken."""

    name: str
    words: str
    who: str
    path: str
    shows: str
    phone: bool = False
    dark: bool = False


STOPS = (
    Stop("live", "**Live.** Queues, who waits, agents, lines and calls, as they are now; a supervisor acts from here.",
         "supervisor", "/live", "tr[data-call]", dark=True),
    Stop("desk", "**My desk.** The caller's card is there before the agent answers: who, from where, what happened before, and "
         "why the call came to this agent.", "agent", "/desk", "main h1", phone=True),
    Stop("wallboard", "**Wallboard.** For a TV on the wall; its address says what it shows.", "viewer",
         "/wallboard?theme=light", ".wall-tile"),
    Stop("campaigns", "**Campaigns.** One that runs, and how far it is.", "operator", "/campaigns/1", "main h1", phone=True),
    Stop("lists", "**Lists.** Whom campaigns call: sent as CSV or XLSX, with a report of the rows that cannot be called.",
         "operator", "/campaigns/lists", "main h1"),
    Stop("calls", "**Calls.** Found by anything; each opens its timeline.", "admin", "/calls?period=last-week", "main table"),
    Stop("figures", "**Figures.** Of any period beside the one before; each number opens its calls and shows its formula.",
         "admin", "/figures?period=last-week", "main h1", dark=True),
    Stop("configuration", "**Configuration.** Forms over one readable file; nothing changes until the draft is applied.",
         "admin", "/config", "main h1"),
    Stop("hours", "**Hours** as a week.", "admin", "/config/table/hours/0", "main h1"),
    Stop("try", "**What happens if I dial …?**", "admin", "/config/try?phone=101&number=00401234567", "main h1"),
    Stop("audit", "**Audit log.** Who changed or listened to what.", "admin", "/audit", "main h1"),
)


def look(browser: Browser, site: Site, stop: Stop) -> list[str]:
    """The files made, the desk's screen first."""
    context = browser.new_context(viewport=DESKTOP, locale="en")  # type: ignore[arg-type]
    page = context.new_page()
    sign_in(page, site.url, stop.who)
    page.goto(site.url + stop.path)
    page.wait_for_selector(stop.shows, timeout=15_000)
    made = [_picture(page, stop.name)]
    if stop.dark:
        page.emulate_media(color_scheme="dark")
        made.append(_picture(page, f"{stop.name}-dark"))
        page.emulate_media(color_scheme="light")
    if stop.phone:
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        made.append(_picture(page, f"{stop.name}-phone"))
    context.close()
    return made


def _picture(page: Page, name: str) -> str:
    size = page.viewport_size
    assert size is not None
    high = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
    page.screenshot(path=FOLDER / f"{name}.jpg", type="jpeg", quality=70, full_page=True,
                    clip={"x": 0, "y": 0, "width": size["width"], "height": max(high, size["height"])})
    return f"{name}.jpg"


def tour(folder: Path) -> str:
    """The text of docs/tour.md."""
    text = ["# A tour of the pages", "", "Made by `.venv/bin/python -m tests.tour` from a running box.", ""]
    message = sound.message_of(folder / "message.wav", 5.0)
    with Gateway(folder / "gateway") as gateway, sync_playwright() as playwright:
        site = Site(folder / "site", gateway_port=gateway.port, edits=QUICK, numbers=numbers(40))
        write(site.box.data, a_week())
        with site, Phone(folder / "101", site.box.sip_port, "101", "anna-101"), \
                Phone(folder / "103", site.box.sip_port, "103", "chen-103") as chen:
            for extension in ("101", "103"):
                site.box.wait_registered(extension)
            site.box.run("agent", "login", "anna")
            site.box.run("campaign", "start", "701", "--list", "12", "--message", str(message))
            chen.dial("600", site.box.sip_port)
            wait_for(lambda: site.box.json("queue", "list")[0]["waiting"], 15, "somebody waits")
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            for stop in STOPS:
                text += [stop.words, "", *(f"![{_plain(stop.words)}](tour/{each})" for each in look(browser, site, stop)), ""]
            browser.close()
    return "\n".join(text)


def _plain(words: str) -> str:
    found = re.match(r"\*\*(.+?)\*\*", words)
    return found[1].strip(".") if found else words


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.jpg"):
        old.unlink()
    with TemporaryDirectory(prefix="tour-") as name:
        (DOCS / "tour.md").write_text(tour(Path(name)))


if __name__ == "__main__":
    main()
