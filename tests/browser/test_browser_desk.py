"""The agent's desk in front of a running box with real phones: the state follows the agent, the card comes before the answer,
notes outlive what happens to the page, numbers are called from it; and the supervisor moves who waits."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from appliance.core import served
from appliance.ledger import LedgerReader
from tests.peers.baresip import Phone
from tests.peers.net import free_port, wait_for
from tests.peers.pages import Site, check_accessible, fits, shots
from tests.peers.station import Station, StationCall

CUSTOMER = "+358401112233"
SCRIPT = "Ask for the berth.\nOffer the new price list."
MENU = """[[menus]]
name = "account"
ask = { name = "account", label = "Account", min_digits = 4, max_digits = 4, then = "queue:front" }
no_answer = "queue:front"

[[targets]]
name = "calls"
figure = "handled"
of = "agents"
at_least = 30

[[hours]]"""
EDITS = {
    r"^ring_seconds = 15$": "ring_seconds = 280",  # rings for as long as the card is looked at
    r'^inbound_to = "menu:main".*$': 'inbound_to = "menu:account"',
    r"^wrap_up_seconds = 10$": f'wrap_up_seconds = 600\nscript = """{SCRIPT}"""\noffer_callback_after_seconds = 1',
    r"^announce_position_every = 30$": "announce_position_every = 30\n[queues.callback]\nask_number = false",
    r"^\[\[hours\]\]$": MENU,
}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Station]:
    """Whoever is outside: calls in as the customer, and answers who is called."""
    with Station(port=free_port(), user=CUSTOMER) as station:
        yield station


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, gateway: Station) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("desk"), gateway_port=gateway.port, edits=EDITS) as site:
        gateway.box_port = site.box.sip_port
        yield site


@pytest.fixture(scope="module")
def anna(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    with Phone(tmp_path_factory.mktemp("anna"), site.box.sip_port, "101", "anna-101") as phone:
        site.box.wait_registered("101")
        yield phone


@pytest.fixture
def desk(site: Site, page: Page, anna: Phone) -> Page:
    anna.quiet()
    site.sign_in(page, "agent")
    page.goto(f"{site.url}/desk")
    return page


@pytest.fixture(autouse=True)
def _tidy(site: Site, gateway: Station) -> Iterator[None]:
    """Between two tests: no call, nobody signed in."""
    yield
    over(site, *gateway.calls)
    for each in site.box.json("agent", "list"):
        if each["state"] != "logged-out":
            site.box.run("agent", "logout", each["id"])


def shortcut(page: Page, sign: str) -> None:
    """An access key as the keyboard sends it. (Playwright's own keys leave out the text that the browser knows it by.)"""
    keys = page.context.new_cdp_session(page)
    code = f"Digit{sign}" if sign.isdigit() else f"Key{sign.upper()}"
    for kind in ("keyDown", "keyUp"):
        keys.send("Input.dispatchKeyEvent", {"type": kind, "modifiers": 1, "key": sign, "code": code, "unmodifiedText": sign,
                                             "text": "", "windowsVirtualKeyCode": ord(sign.upper())})
    keys.detach()


def customer_calls(gateway: Station, account: str = "4711") -> StationCall:
    call = gateway.dial("100")
    call.wait_up()
    call.press(account)
    return call


def over(site: Site, *calls: StationCall) -> None:
    for call in calls:
        if call.up:
            call.hang_up()
    wait_for(lambda: site.box.json("status")["calls"] == 0, 10, "the calls to end")


def had_last(site: Site) -> str:
    """Whom anna had last, as it is on disk: a core that is killed before that does not know it afterwards."""
    with LedgerReader(site.box.data / "ledger") as reader:
        kept = reader.state(served.NAMESPACE, "anna")
    return msgspec.msgpack.decode(kept, type=served.Last).contact if kept else ""


def test_an_agent_works_the_day_from_the_desk(site: Site, page: Page) -> None:
    site.sign_in(page, "agent")
    expect(page).to_have_url(f"{site.url}/desk")  # where the day begins
    own = page.locator("[sse-swap=own]")
    expect(own).to_contain_text("signed out")
    shortcut(page, "i")
    expect(own).not_to_contain_text("signed out")
    shortcut(page, "2")
    expect(own).to_contain_text("on break")
    check_accessible(page)
    fits(page)
    shots(page, "desk")
    site.box.run("agent", "logout", "anna")
    expect(own).to_contain_text("signed out")


def test_the_card_stands_there_before_the_answer_and_notes_stay(
    site: Site, desk: Page, anna: Phone, gateway: Station, context: BrowserContext
) -> None:
    page = desk
    site.box.run("agent", "login", "anna")
    call = customer_calls(gateway)
    anna.wait_event("CALL_INCOMING", 40)
    card = page.locator("[sse-swap=card]")
    expect(card).to_contain_text(CUSTOMER)
    expect(card).to_contain_text("ringing")
    expect(card).to_contain_text("4711")
    expect(card).to_contain_text("Offer the new price list.")
    expect(card).to_contain_text("No earlier call with this number.")
    card.locator("summary", has_text="Why me?").click()
    expect(card).to_contain_text("Anna: being rung since")
    check_accessible(page)
    fits(page)
    shots(page, "desk-ringing")

    shortcut(page, "n")
    page.keyboard.type("Wants a berth in May.")
    anna.answer()
    expect(card).to_contain_text("talking")
    note = page.locator("textarea").first
    expect(note).to_have_value("Wants a berth in May.")
    expect(note).to_be_focused()

    banner = page.locator("#link")
    with site.box.without("web"):  # the pages are gone, the conversation goes on
        expect(banner).to_contain_text("connection to the box is lost")
        page.keyboard.type(" Quay 3.")
    expect(banner).to_be_hidden(timeout=20_000)
    page.reload()
    expect(page.locator("textarea").first).to_have_value("Wants a berth in May. Quay 3.")
    page.locator("select").first.select_option("1")
    shortcut(page, "s")
    expect(page.get_by_text("Noted.")).to_be_visible()
    expect(page.locator("textarea").first).to_have_value("Wants a berth in May. Quay 3.")
    expect(page.locator("[sse-swap=own]")).to_contain_text("talking")
    shots(page, "desk-talking")
    over(site, call)
    expect(page.locator("[sse-swap=own]")).to_contain_text("wrap-up")
    shortcut(page, "r")
    expect(page.locator("[sse-swap=own]")).to_contain_text("ready")

    again = customer_calls(gateway, "4712")
    anna.wait_event("CALL_INCOMING", 40)
    expect(card).to_contain_text("Wants a berth in May. Quay 3.")
    expect(card).to_contain_text("solved")
    shots(page, "desk-again")
    over(site, again)
    page.reload()
    expect(page.locator("[data-last]").first).to_contain_text("Wants a berth in May.")

    seen = context.browser.new_page()  # type: ignore[union-attr]
    site.sign_in(seen, "supervisor")
    seen.goto(f"{site.url}/calls?q={CUSTOMER.replace('+', '%2B')}&what=answered")
    seen.locator("table a").first.click()
    expect(seen.locator("[data-note=anna]")).to_contain_text("Wants a berth in May. Quay 3.")
    check_accessible(seen)
    shots(seen, "call-notes")
    seen.close()


def test_a_number_is_called_from_the_desk(site: Site, desk: Page, anna: Phone, gateway: Station) -> None:
    page = desk
    site.box.run("agent", "login", "anna")
    expect(page.locator("[sse-swap=own]")).to_contain_text("ready")
    shortcut(page, "c")
    page.keyboard.type("112")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Emergency numbers are not called by a click.")
    shortcut(page, "c")
    page.keyboard.press("Control+a")
    page.keyboard.type("+358 40 123 4567")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your phone rings.")).to_be_visible()
    anna.wait_event("CALL_INCOMING", 10)
    expect(page.locator("[sse-swap=own]")).to_contain_text("dialling")
    assert not [call for call in gateway.calls if call.number == "0401234567"]  # not before the own phone is picked up
    anna.answer()
    far = gateway.wait_call(fits=lambda call: call.number == "0401234567").wait_up()
    shots(page, "desk-calling")
    over(site, far)
    expect(page.locator("[sse-swap=own]")).to_contain_text("ready")
    cdr = next(each for each in site.box.json("cdr", "list") if each["to"] == "+358401234567")
    assert (cdr["direction"], cdr["from"], cdr["disposition"]) == ("out", "101", "answered")


def test_a_callback_is_taken_now(site: Site, desk: Page, anna: Phone, gateway: Station) -> None:
    page = desk
    site.box.run("agent", "login", "anna")
    site.box.run("agent", "break", "anna", "lunch")
    call = customer_calls(gateway)

    def keeps() -> bool:
        call.press("1")
        return bool(site.box.json("callback", "list"))

    wait_for(keeps, 30, "the promise to call back")
    over(site, call)
    row = page.locator("[data-callback]")
    expect(row).to_contain_text(CUSTOMER)
    shots(page, "desk-callback")
    shortcut(page, "k")
    anna.wait_event("CALL_INCOMING", 10)
    anna.answer()
    far = gateway.wait_call(fits=lambda each: each.number == "0401112233").wait_up()
    expect(row).to_have_count(0)
    page.locator("textarea").first.fill("Reached by hand.")
    shortcut(page, "s")
    expect(page.get_by_text("Noted.")).to_be_visible()
    over(site, far)
    assert site.box.json("callback", "list") == []


def test_a_waiting_caller_is_moved(site: Site, page: Page, gateway: Station) -> None:
    call = customer_calls(gateway)
    site.sign_in(page, "supervisor")
    row = page.locator("tr[data-contact]")
    expect(row).to_contain_text("front")
    expect(row).to_contain_text(CUSTOMER)
    row.get_by_role("link", name="Move").click()
    expect(page.get_by_label("To", exact=True)).to_be_visible()
    check_accessible(page)
    fits(page)
    shots(page, "live-move")
    page.get_by_label("To", exact=True).select_option("queue:billing")
    page.get_by_role("button", name="Move").click()
    expect(page.locator("tr[data-contact]")).to_contain_text("billing")
    shots(page, "live-moved")
    over(site, call)


def test_who_is_moved_to_an_agents_phone_has_the_card_there_and_notes_outlive_the_core(
    site: Site, desk: Page, anna: Phone, gateway: Station,
) -> None:
    page = desk
    site.box.run("agent", "login", "anna")
    site.box.run("agent", "break", "anna", "lunch")  # the queue rings her for nobody: whoever rings was moved
    call = customer_calls(gateway)
    (waiting,) = wait_for(lambda: site.box.json("queue", "show", "front"), 10, "the caller waits")
    site.box.run("queue", "move", waiting["id"], "agent:anna")
    card, own = page.locator("[sse-swap=card]"), page.locator("[sse-swap=own]")
    for word in (CUSTOMER, "4711", "front", "passed on to you", "ringing"):
        expect(card).to_contain_text(word)
    expect(own).to_contain_text("ringing")
    check_accessible(page)
    shots(page, "desk-moved")
    anna.wait_event("CALL_INCOMING", 20)
    anna.answer()
    expect(card).to_contain_text("talking")
    expect(own).to_contain_text("talking")
    note = page.locator("textarea").first
    note.fill("Was moved to me.")
    wait_for(lambda: waiting["id"] == had_last(site), 10, "the ledger has that she talks with this caller")
    with site.box.without("core"):
        expect(page.locator("#link")).to_be_visible()
    expect(page.locator("#link")).to_be_hidden(timeout=30_000)
    expect(card).to_contain_text("Nobody rings", timeout=30_000)
    expect(page.locator("textarea").first).to_have_value("Was moved to me.")
    page.locator("button", has_text="Save").first.click()
    expect(page.get_by_text("Noted.")).to_be_visible()
    over(site, call)
