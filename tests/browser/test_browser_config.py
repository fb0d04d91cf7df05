"""The first start up to an answered call from outside; then forms, a conflict, and going back, each in a real browser."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import psutil
from playwright.sync_api import Page, expect

from appliance.config.starter import machine_place, starter_text
from appliance.users.store import UserStore
from tests.peers import sound
from tests.peers.baresip import Phone
from tests.peers.net import free_port, wait_for
from tests.peers.pages import PASSWORD, Site, check_accessible, fits, shots
from tests.peers.sipp import SCENARIOS
from tests.peers.station import Station


def look(page: Page, name: str) -> None:
    check_accessible(page)
    fits(page)
    shots(page, name)


def next_step(page: Page, heading: str) -> None:
    page.click("main button.primary")
    expect(page.locator("h1")).to_have_text(heading)


def starter() -> str:
    """What a box makes for itself, on loopback and on the ports that tests give."""
    text = starter_text(machine_place()).replace("0.0.0.0:5060", "127.0.0.1:5060")
    return text.replace('listen = "127.0.0.1:5060"', 'listen = "127.0.0.1:5060"\nmedia_ports = "20000-23999"', 1) + (
        '\n[web]\nlisten = "127.0.0.1:8080"\n')


def test_from_nothing_to_the_first_answered_call(page: Page, tmp_path: Path) -> None:
    began = time.monotonic()
    gateway = free_port()
    with Site(tmp_path, people=False, office=starter()) as site:
        store = UserStore(site.box.data)
        code = store.setup_code()
        store.close()
        page.goto(site.url)
        for name, text in {"code": code, "name": "Ada Lind", "login": "ada", "password": PASSWORD}.items():
            page.fill(f"[name={name}]", text)
        page.click("main button.primary")
        expect(page.locator("h1")).to_have_text("Your office")
        look(page, "setup-office")
        page.fill("[name=name]", "Harbour <b>")
        page.select_option("[name=country]", "FI")
        page.select_option("[name=timezone]", "Europe/Helsinki")
        next_step(page, "When are you open?")
        for day in range(7):
            page.fill(f"[name=day{day}]", "00:00-24:00")
        page.uncheck("[name=holidays]")
        look(page, "setup-hours")
        next_step(page, "Your line to the outside")
        page.fill("[name=address]", "not an address!")
        page.click("main button.primary")
        expect(page.locator("[role=alert]")).to_contain_text("no host name or address")  # and what was typed is still there
        page.fill("[name=address]", f"127.0.0.1:{gateway}")
        page.fill("[name=outside_prefix]", "0")
        look(page, "setup-line")
        next_step(page, "Phones")
        page.fill("[name=ext]", "103")
        page.fill("[name=name]", "Zoë")
        page.click("main button[value=stay]")
        expect(page.locator("[name=ext2]")).to_have_value("103")
        look(page, "setup-phones")
        next_step(page, "Who answers?")
        page.uncheck("[name=agent102]")
        look(page, "setup-queue")
        next_step(page, "What do callers hear first?")
        look(page, "setup-greeting")
        said = sound.speak(tmp_path / "Our welcome.wav", "Good morning, this is the harbour office, please hold the line.")
        page.set_input_files("[name=file]", said)
        page.click("text=Upload")
        expect(page.locator("main section.card >> nth=0")).to_contain_text("our-welcome-")
        look(page, "setup-greeting-recorded")
        next_step(page, "Ready to begin")
        look(page, "setup-finish")
        assert "Harbour <b>" not in site.box.run("config", "show").stdout  # nothing of it is in force yet
        page.click("main button.primary")
        expect(page.locator("h1")).to_have_text("Try it out", timeout=60_000)
        page.click("text=Settings >> nth=0")
        expect(page.locator("dl.pairs")).to_contain_text("101")
        secret = page.locator("dl.pairs dd").nth(2).inner_text()
        look(page, "setup-try")
        page.click("[aria-label='Ring 101 now']")
        expect(page.locator("[role=alert]")).to_contain_text("not connected")
        with (Station(site.box.sip_port, user="101", secret=secret, plan=[180, *[0] * 14, 200]) as phone,
              Station(site.box.sip_port, port=gateway) as outside):
            phone.register()
            expect(page.locator("[data-phone='101']")).to_contain_text("connected")  # the page notices by itself
            page.click("[aria-label='Ring 101 now']")
            phone.wait_call().wait_up(20)
            phone.calls[-1].hang_up()
            page.fill("[name=number]", "0401234567")
            page.click("text=Call it")
            expect(page.locator(".banner.good >> nth=0")).to_contain_text("calls out work", timeout=60_000)
            call = outside.dial("+358911111100")
            call.wait_up()
            wait_for(lambda: sound.likeness(sound.load(said), call.heard()) > 0.8, 20, "the recording is heard")
            phone.wait_call(20).wait_up(20)
            call.hang_up()
            expect(page.locator("#first-call")).to_contain_text("was answered")
            look(page, "setup-done")
        page.goto(f"{site.url}/audit")
        for word in ("configuration applied", "password of a phone shown", "first administrator"):
            expect(page.locator("main table")).to_contain_text(word)
        look(page, "audit")
    assert time.monotonic() - began < 600


def test_a_gateway_is_found_in_the_network(site: Site, page: Page, tmp_path: Path) -> None:
    port = int(site.box.searched.partition(":")[2])
    command = ["sipp", "-sf", str(SCENARIOS / "options.xml"), "-i", "127.9.0.2", "-p", str(port), "-nostdin"]
    sipp = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with Phone(tmp_path / "phone", site.box.sip_port, "101", "anna-101", at=("127.9.0.3", port)):
            site.sign_in(page)
            page.goto(f"{site.url}/setup/line")
            page.click("text=Look in the network")
            expect(page.locator("h1")).to_have_text("Look in the network")
            look(page, "setup-search")
            page.click("main button.primary")
            expect(page.locator("[data-phase=done]")).to_be_visible(timeout=20_000)  # by itself
            expect(page.locator(".found li")).to_have_count(2)
            expect(page.locator(f"[data-found='127.9.0.2:{port}']")).to_contain_text("a gateway")
            expect(page.locator(f"[data-found='127.9.0.2:{port}']")).to_contain_text("Audiocodes")
            expect(page.locator(f"[data-found='127.9.0.3:{port}']")).to_contain_text("a phone")
            look(page, "setup-found")
            page.click(".found li a >> nth=0")
            expect(page.locator("[name=address]")).to_have_value(f"127.9.0.2:{port}")
    finally:
        sipp.kill()
        sipp.wait()


def test_forms_show_mistakes_where_they_are(site: Site, page: Page) -> None:
    site.sign_in(page)
    page.goto(f"{site.url}/config")
    look(page, "config")
    page.click("text=Queues")
    expect(page.locator("h1")).to_have_text("Queues")
    look(page, "config-rows")
    page.click("main td a >> nth=0")
    page.fill("[name=max_wait_seconds]", "never")
    page.click("button[value=save]")
    expect(page.locator(".field.bad")).to_contain_text("whole number from 1 to 14400")
    look(page, "config-form")
    page.fill("[name=max_wait_seconds]", "240")
    page.click("button[value=save]")
    page.wait_for_url("**/config/table/queues")  # there is a draft, and its link here, too: pressed now it would lead nowhere
    page.click("text=Look and apply")
    expect(page.locator("h1")).to_have_text("Draft")
    expect(page.locator("main")).to_contain_text("max_wait_seconds")
    look(page, "config-draft")
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.locator(".banner.good")).to_contain_text("is in force", timeout=60_000)
    assert "max_wait_seconds = 240" in site.box.run("config", "show").stdout
    for name in ("hours", "menus", "lines"):
        page.goto(f"{site.url}/config/table/{name}")
        look(page, f"config-{name}")
    page.goto(f"{site.url}/config/table/hours/0")
    look(page, "config-week")
    page.goto(f"{site.url}/config/try?phone=101&number=00401234567")
    look(page, "config-try")
    page.goto(f"{site.url}/config/text")
    look(page, "config-text")


def test_a_form_that_is_sent_while_the_box_is_away_stays(site: Site, page: Page) -> None:
    site.sign_in(page)
    page.goto(f"{site.url}/config/table/queues/0")
    page.fill("[name=max_wait_seconds]", "777")
    web = psutil.Process(site.box.pid("web"))
    web.suspend()  # it takes no request; then it is gone
    try:
        page.click("button[value=save]")
    finally:
        web.kill()
    expect(page.locator("#link")).to_contain_text("connection to the box is lost", timeout=10_000)
    expect(page.locator("[name=max_wait_seconds]")).to_have_value("777")
    expect(page.locator("#link")).to_be_hidden(timeout=30_000)
    page.reload()
    expect(page.locator("[name=max_wait_seconds]")).to_have_value("777")
    page.click("button[value=save]")
    expect(page.locator("main")).to_contain_text("Look and apply")
    page.goto(f"{site.url}/config/changes")
    expect(page.locator("main")).to_contain_text("777")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("button[value=discard]")
    expect(page.locator("main")).not_to_contain_text("777")


def test_somebody_else_was_faster(site: Site, page: Page) -> None:
    site.sign_in(page)
    page.goto(f"{site.url}/config/table/office")
    page.fill("[name=name]", "Mine")
    page.click("button[value=save]")
    expect(page.locator("main")).to_contain_text("Look and apply")  # the draft is kept
    office = site.box.config.read_text().replace('language = "en"', 'language = "en" # said')
    site.box.config.write_text(office)
    site.box.run("config", "import", str(site.box.config), "--summary", "by the command line")
    page.goto(f"{site.url}/config/changes")
    expect(page.locator(".warned")).to_contain_text("by the command line")
    look(page, "config-conflict")
    page.click("text=Put mine on top of theirs")
    expect(page.locator(".warned")).to_have_count(0)
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.locator(".banner.good")).to_contain_text("is in force", timeout=60_000)
    assert "# said" in site.box.run("config", "show").stdout and '"Mine"' in site.box.run("config", "show").stdout


def test_going_back(site: Site, page: Page) -> None:
    if '"Mine"' not in site.box.run("config", "show").stdout:  # nothing was changed before
        site.box.config.write_text(site.box.config.read_text().replace('"Harbour Office"', '"Mine"'))
        site.box.run("config", "import", str(site.box.config))
    site.sign_in(page)
    page.goto(f"{site.url}/config/history")
    look(page, "config-history")
    page.click("main td a >> text=1")
    page.click("text=Compare with what is in force")
    expect(page.locator("#what")).to_have_text("What going back to it would change")
    look(page, "config-version")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("text=Go back to this version")
    expect(page.locator(".banner.good")).to_contain_text("is in force", timeout=60_000)
    wait_for(lambda: '"Mine"' not in site.box.run("config", "show").stdout, 10, "the old text is in force")
