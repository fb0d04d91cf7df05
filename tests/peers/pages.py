"""The pages of a running box, for a browser: people to sign in as, screenshots, a look at what screen readers meet."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from appliance.users import passwords
from appliance.users.model import User
from appliance.users.rights import ROLES
from appliance.users.store import UserStore
from tests.peers.box import Box
from tests.peers.net import free_port

PASSWORD = "correct horse battery"
OUTPUT = Path(__file__).parents[1] / "output"
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
ONLY = {"resultTypes": ["violations"]}
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}, **ONLY}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}, **ONLY}
"""The rules of WCAG that look at colours: all that can differ in the dark."""


class Site:
    """A box, its pages, and a person of each role. `people` False: nobody yet, as at a first start."""

    def __init__(self, folder: Path, *, people: bool = True, **office: Any) -> None:
        self.box = Box(folder / "box", office.pop("gateway_port", free_port()), office.pop("mail_port", free_port()), **office)
        self.url = ""
        self._people = people

    def __enter__(self) -> Self:
        self.box.start()
        self.url = self.box.wait_pages()
        if self._people:
            self.add_people()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.box.stop()

    def add_people(self) -> None:
        store = UserStore(self.box.data)
        secret = passwords.hashed(PASSWORD)
        for role in ROLES:
            agent = "anna" if role == "agent" else ""
            store.put_user(User(login=role, name=role.title(), role=role, password=secret, agent=agent))
        store.close()

    def sign_in(self, page: Page, login: str = "admin") -> None:
        sign_in(page, self.url, login)


def sign_in(page: Page, url: str, login: str) -> None:
    page.goto(f"{url}/login")
    page.fill("[name=login]", login)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.primary")
    page.wait_for_selector("header .who")


def shots(page: Page, name: str) -> None:
    """The page on a desk's screen, in the dark, and on a phone: tests/output/NAME*.png."""
    OUTPUT.mkdir(exist_ok=True)
    for suffix, size, scheme in (("", DESKTOP, "light"), ("-dark", DESKTOP, "dark"), ("-phone", PHONE, "light")):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        # With a hidden caret Playwright would leave a style on the field, which the policy refuses to a copy of it.
        page.screenshot(path=OUTPUT / f"{name}{suffix}.png", full_page=True, caret="initial")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")


def check_accessible(page: Page) -> None:
    """WCAG 2.2 AA as far as a program can tell (axe), in light and dark."""
    for scheme, rules in (("light", WCAG), ("dark", COLOURS)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(page, options=rules)
        assert found.violations_count == 0, found.generate_report()
    page.emulate_media(color_scheme="light")


def fits(page: Page) -> None:
    """Nothing makes a phone's screen scroll sideways."""
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    assert wide <= 0, f"{page.url} is {wide} px too wide for a phone"
