"""Paths that lead nowhere; the pages of webhooks and of the API's description, in a real browser."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.interop.test_web_schemathesis import form_token
from tests.peers.crm import Crm
from tests.peers.net import wait_for
from tests.peers.pages import PASSWORD, Site, check_accessible, fits, shots

SECRET = "a secret of at least 24 signs"


@pytest.fixture(scope="module")
def crm() -> Iterator[Crm]:
    with Crm(SECRET.encode()) as crm:
        yield crm


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, crm: Crm) -> Iterator[Site]:
    hook = f'[[webhooks]]\nname = "crm"\nurl = "{crm.url}"\nsecret = "{SECRET}"\nallow_local = true\n\n[[agents]]'
    edits = {r"\A((?:.|\n)*?)^\[\[agents\]\]$": r"\1" + hook}
    with Site(tmp_path_factory.mktemp("site"), edits=edits) as site:
        yield site


def test_paths_lead_out_of_no_folder(site: Site) -> None:
    """As they stand in the request line: no client has tidied them."""
    session = requests.Session()
    session.post(f"{site.url}/login", timeout=10, data={
        "login": "admin", "password": PASSWORD, "csrf_token": form_token(session.get(f"{site.url}/login", timeout=10).text)})
    cookie = "; ".join(f"{each.name}={each.value}" for each in session.cookies)
    steps = ("../../../../../../etc/passwd", "..%2f..%2f..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
             "....//....//etc/passwd", "..%5c..%5cetc%5cpasswd", "%252e%252e%252fetc%252fpasswd", "/etc/passwd",
             "..%00/etc/passwd", "../config/versions/1.toml", "%2fproc%2fself%2fenviron")
    for below in ("/static/", "/static/vendor/", "/calls/recordings/", "/api/v1/recordings/", "/calls/",
                  "/api/v1/config/versions/", "/lists/", "/campaigns/", "/voicemail/", "/"):
        for step in steps:
            client = http.client.HTTPConnection("127.0.0.1", site.box.web_port, timeout=10)
            client.putrequest("GET", below + step, skip_host=False)
            client.putheader("Cookie", cookie)
            client.endheaders()
            answer = client.getresponse()
            text = answer.read().decode("utf-8", "replace")
            client.close()
            assert answer.status in (301, 302, 308, 400, 404), (below + step, answer.status)
            assert "root:" not in text and "anna-101" not in text and "PATH=" not in text, below + step


def test_webhooks_are_seen_and_tried_from_the_page(site: Site, page: Page, crm: Crm) -> None:
    site.sign_in(page)
    page.goto(f"{site.url}/webhooks")
    row = page.locator("[data-hook=crm]")
    expect(row).to_contain_text(crm.url.rpartition("/")[0])
    row.locator("button").click()
    wait_for(lambda: crm.of("webhook.test"), 15, "the test to arrive")
    wait_for(lambda: page.reload() and "delivered" in page.locator("[data-message]").first.inner_text(), 10, "it to be shown")
    assert SECRET not in page.content() and "1234567" not in page.content()
    check_accessible(page)
    fits(page)
    shots(page, "webhooks")


def test_the_api_is_described_on_a_page_of_ours(site: Site, page: Page) -> None:
    away: list[str] = []
    page.on("request", lambda asked: away.append(asked.url) if not asked.url.startswith(site.url) else None)
    page.goto(f"{site.url}/api/v1/docs")
    call = page.locator("#order_agent")
    call.locator("summary").click()
    expect(call.locator("pre")).to_contain_text("curl -X POST -H 'Authorization: Bearer TOKEN'")
    check_accessible(page)
    fits(page)
    shots(page, "api-docs")
    assert not away
