"""A campaign from the browser: a list with bad rows, a typed message, start, watched to its end, its report; sipp is outside."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from tests.interop.test_campaign_phone import OUTCOMES, QUICK, numbers
from tests.peers import sound
from tests.peers.baresip import Phone
from tests.peers.net import wait_for
from tests.peers.pages import Site, check_accessible, fits, shots
from tests.peers.sipp import Gateway, most_at_once

PEOPLE = numbers(10)
BAD = [("not a number", "letters"), ("12", "too short"), ("112", "emergency")]
END = 120_000


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, gateway: Gateway) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), gateway_port=gateway.port, edits=QUICK) as site:
        yield site


def list_file(path: Path) -> Path:
    rows = [(number, f"Person {at}", f"=1+{at}") for at, number in enumerate(PEOPLE)]
    rows[3:3] = [(text, name, "") for text, name in BAD]
    rows.append((PEOPLE[0].replace("+358", "0"), "again", ""))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("Phone", "Who", "House"), *rows])
    return path


@pytest.fixture
def people(site: Site, tmp_path: Path) -> None:
    """List 13, also where the test that brings it in by the page has not run before."""
    if all(each["number"] != "13" for each in site.box.json("list", "list")):
        file = list_file(tmp_path / "people.csv")
        site.box.run("list", "import", str(file), "--list", "13", "--name", "people",
                     "--number-column", "Phone", "--name-column", "Who")


def upload(page: Page, site: Site, path: Path) -> None:
    page.goto(f"{site.url}/campaigns/lists")
    page.set_input_files("[name=file]", path)
    page.click("main section.card button.primary")


def test_a_list_comes_in_with_its_bad_rows_told(site: Site, page: Page, tmp_path: Path) -> None:
    site.sign_in(page, "operator")
    page.click("nav.main a[href='/campaigns']")
    expect(page.locator("h1")).to_have_text("Campaigns")
    page.click(".tabs a:has-text('Lists of numbers')")
    expect(page.locator("[data-list='12'] td").nth(2)).to_have_text("300")
    check_accessible(page)
    fits(page)
    shots(page, "campaign-lists")
    upload(page, site, list_file(tmp_path / "people.csv"))
    expect(page.locator("table.sample tbody tr").first).to_contain_text(PEOPLE[0])
    expect(page.locator("[name=number_at]")).to_have_value("0")
    page.select_option("[name=name_at]", label="Who")
    page.fill("[name=number]", "13")
    check_accessible(page)
    fits(page)
    shots(page, "campaign-upload")
    page.click("main button.primary")
    expect(page.locator("[data-phase=ready] dd").first).to_have_text("10")
    expect(page.locator("tr[data-row]")).to_have_count(len(BAD))
    expect(page.locator("tr[data-row='5']")).to_contain_text(BAD[0][0])
    check_accessible(page)
    fits(page)
    shots(page, "campaign-upload-report")
    page.click("main button.primary")
    expect(page.locator("[data-list='13']")).to_contain_text("people")
    page.click("[data-list='13'] a >> nth=0")
    expect(page.locator("tbody tr")).to_have_count(10)
    check_accessible(page)
    fits(page)
    shots(page, "campaign-list")
    with page.expect_download() as given:
        page.click("main a:has-text('CSV')")
    text = given.value.path().read_text("utf-8-sig")
    assert text.splitlines()[1] == f"{PEOPLE[0]},Person 0,'=1+0"
    assert [each["number"] for each in site.box.json("list", "show", "13")] == PEOPLE


def test_a_campaign_is_started_watched_to_its_end_and_reported(site: Site, page: Page, gateway: Gateway, people: None) -> None:
    site.sign_in(page, "operator")
    page.goto(f"{site.url}/campaigns/new")
    page.select_option("[name=list]", "13")
    page.fill("[name=text]", "The water is off on Monday from eight to ten. Press one to confirm that you have heard this.")
    check_accessible(page)
    fits(page)
    shots(page, "campaign-new")
    page.click("main button[value=look]")
    expect(page.locator("main dl")).to_contain_text("13 people")
    expect(page.locator("main dl")).to_contain_text("minute")
    check_accessible(page)
    fits(page)
    shots(page, "campaign-look")
    page.click("main button[value=start]")
    expect(page.locator(".banner.good")).to_contain_text("has begun")
    expect(page.locator("[data-stage=running]")).to_be_visible()
    page.click("main button[value=pause]")
    expect(page.locator("[data-stage=paused]")).to_be_visible()
    page.click("main button[value=resume]")
    expect(page.locator("[data-stage=running] dd").last).not_to_have_text("0", timeout=60_000)  # somebody is to be tried again
    page.click("main button[value=pause]")  # so that it stands still while it is looked at, however long that takes
    expect(page.locator("[data-stage=paused]")).to_be_visible()
    check_accessible(page)
    fits(page)
    shots(page, "campaign-running")
    page.goto(f"{site.url}/campaigns")
    expect(page.locator("article[data-campaign]")).to_contain_text("paused")
    shots(page, "campaigns")
    page.click("article[data-campaign] a")
    page.click("main button[value=resume]")
    expect(page.locator("[data-stage=finished]")).to_be_visible(timeout=END)  # by itself
    page.click("#stream a:has-text('See the report')")
    for outcome in ("heard", "confirmed", "declined", "busy", "no_answer", "unreachable", "hung_up"):
        count = sum(OUTCOMES[number[-1]] == outcome for number in PEOPLE)
        expect(page.locator(f"[data-outcome={outcome}]")).to_contain_text(f" {count}")
    check_accessible(page)
    fits(page)
    shots(page, "campaign-report")
    page.click("[data-outcome=confirmed]")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr").first).to_contain_text("Person 4")
    with page.expect_download() as given:
        page.click("main a:has-text('XLSX')")
    book = openpyxl.load_workbook(io.BytesIO(given.value.path().read_bytes()))
    assert len(list(book.worksheets[0].iter_rows())) == len(PEOPLE) + 1
    assert most_at_once(gateway.wait_until_quiet(15)) <= 5
    page.goto(f"{site.url}/campaigns")
    expect(page.locator("tr[data-campaign]")).to_contain_text("finished")
    check_accessible(page)
    shots(page, "campaigns-earlier")


def test_a_message_is_said_at_a_phone(site: Site, page: Page, tmp_path: Path) -> None:
    said = sound.message_of(tmp_path / "said.wav", 3.0)
    with Phone(tmp_path / "phone", site.box.sip_port, "101", "anna-101") as phone:
        site.box.wait_registered("101")
        site.sign_in(page, "operator")
        page.goto(f"{site.url}/campaigns/messages")
        page.fill("[name=spoken]", "In my own voice")
        page.click("button:has-text('Ring it')")
        phone.wait_event("CALL_INCOMING", 10)
        expect(page.locator("main .banner.warn")).to_contain_text("Phone 101 rings")
        check_accessible(page)
        fits(page)
        shots(page, "campaign-record")
        phone.answer()
        drafts = site.box.data / "campaigns" / "messages"
        raw = wait_for(lambda: next(iter(drafts.glob(".*.draft.wav")), None), 25, "the box records")
        phone.speak(said)
        wait_for(lambda: raw.stat().st_size > 3.7 * 16000, 15, "the message is recorded")
        phone.press("#")
        wait_for(lambda: raw.stat().st_size < 3.7 * 16000, 10, "its silence is cut")
        phone.hang_up()
        card = page.locator("[data-message]", has_text="In my own voice")
        expect(card).to_contain_text("recorded at a phone")  # by itself
        expect(card).to_contain_text("0:03")


def test_a_campaign_for_later_waits_and_can_be_ended(site: Site, page: Page, people: None) -> None:
    site.sign_in(page, "supervisor")
    page.goto(f"{site.url}/campaigns/messages")
    page.fill("[name=text]", "Our office is closed on Friday.")
    page.fill("[name=name]", "Closed on Friday")
    page.click("button:has-text('Speak it')")
    expect(page.locator("[data-message]").first).to_contain_text("Closed on Friday")
    check_accessible(page)
    fits(page)
    shots(page, "campaign-messages")
    page.goto(f"{site.url}/campaigns/scenarios")
    expect(page.locator("[data-scenario='701']")).to_contain_text("Change in the documents")
    check_accessible(page)
    fits(page)
    shots(page, "campaign-scenarios")
    page.click("[data-scenario='701'] a >> nth=0")
    page.select_option("[name=list]", "13")
    page.select_option("[name=message]", index=1)
    page.check("[name=when][value=later]")
    page.fill("[name=at]", "2026-03-03T09:30")
    page.click("main button[value=look]")
    expect(page.locator("main dl")).to_contain_text("9:30")
    page.click("main button[value=start]")
    expect(page.locator("[data-stage=planned]")).to_be_visible()
    shots(page, "campaign-planned")
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("main button[value=cancel]")
    expect(page.locator("[data-stage=cancelled]")).to_be_visible()
    assert all(not each["attempts"] for each in site.box.report(int(page.url.rpartition("/")[2]))["subscribers"])
