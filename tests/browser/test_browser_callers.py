"""What a caller sends as name is text on every page, in a real browser: nothing of it runs, nothing is even blocked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.peers.crm import Crm
from tests.peers.net import free_port, wait_for
from tests.peers.pages import Site, shots
from tests.peers.station import Station

EVIL = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
QUOTES = "' onmouseover=document.title='owned' x='{{7*7}}&lt;script&gt;"
SECRET = "a secret of at least 24 signs"
WATCH = """
window.caught = [];
document.addEventListener('securitypolicyviolation', each => window.caught.push(each.violatedDirective + ' ' + each.blockedURI));
"""


@pytest.fixture(scope="module")
def crm() -> Iterator[Crm]:
    with Crm(SECRET.encode()) as crm:
        yield crm


@pytest.fixture(scope="module")
def gateway() -> Iterator[Station]:
    with Station(user="+358401234567", port=free_port()) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, gateway: Station, crm: Crm) -> Iterator[Site]:
    hook = f'[[webhooks]]\nname = "crm"\nurl = "{crm.url}"\nsecret = "{SECRET}"\nallow_local = true\n\n[[agents]]'
    edits = {r"\A((?:.|\n)*?)^\[\[agents\]\]$": r"\1" + hook,
             r"^keep_free_for_inbound = 0$": 'keep_free_for_inbound = 0\ninbound_numbers = { "+358911111160" = "queue:front" }',
             r"^wrap_up_seconds = 10$": "wrap_up_seconds = 0"}
    with Site(tmp_path_factory.mktemp("site"), gateway_port=gateway.port, edits=edits) as site:
        gateway.box_port = site.box.sip_port
        yield site


@pytest.fixture(scope="module")
def anna(site: Site) -> Iterator[Station]:
    with Station(site.box.sip_port, user="101", secret="anna-101") as anna:
        anna.register()
        site.box.run("agent", "login", "anna")
        yield anna


def safe(page: Page) -> None:
    """Nothing of the caller's ran, was blocked, or stands there as an element."""
    assert "owned" not in page.title()
    assert page.evaluate("window.caught") == [], page.url
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("script:not([src])").count() == 0


@pytest.mark.parametrize("name", [EVIL, QUOTES])
def test_a_caller_named_script_is_text_on_every_page(site: Site, page: Page, gateway: Station, anna: Station, name: str) -> None:
    page.add_init_script(WATCH)
    site.sign_in(page, "agent")
    before = len(site.box.json("cdr", "list"))
    wait_for(lambda: site.box.json("agent", "list")[0]["state"] == "ready", 15, "the agent")
    caller = gateway.dial("+358911111160", name=name)
    rung = anna.wait_call().wait_up()
    page.goto(f"{site.url}/desk")
    expect(page.locator("main")).to_contain_text("front")
    safe(page)
    page.context.clear_cookies()
    site.sign_in(page, "admin")
    page.goto(f"{site.url}/live")
    expect(page.locator("tr[data-call]").first).to_be_visible()
    safe(page)
    shots(page, "attack-live")
    page.goto(f"{site.url}/wallboard")
    expect(page.locator("[data-queue=front]")).to_be_visible()
    safe(page)
    assert name not in page.locator("body").inner_text()  # a TV on the wall names nobody
    caller.hang_up()
    rung.wait_end()
    wait_for(lambda: len(site.box.json("cdr", "list")) > before, 10, "the call's record")
    call = site.box.json("cdr", "list")[0]["call"]
    page.goto(f"{site.url}/calls")
    expect(page.locator(f"[data-call='{call}'] small").first).to_have_text(name)  # as it came, letter by letter
    safe(page)
    page.goto(f"{site.url}/calls/{call}")
    expect(page.locator("h1")).to_contain_text(f"({name})")
    safe(page)
    shots(page, "attack-call")
