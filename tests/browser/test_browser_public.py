"""The page for everybody: nothing until the office wants it, then the chosen figures alone, kept fresh, without signing in,
also in a frame of another site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Page, expect

from tests.peers.box import OFFICE
from tests.peers.pages import Site, check_accessible, fits, shots

PUBLIC = """
[web.public]
enabled = true
queues = ["front", "billing"]
figures = ["answer_time", "waiting", "open"]
"""


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("public"), people=False, office=(OFFICE / "office.toml").read_text()) as site:
        yield site


@pytest.fixture
def elsewhere(site: Site) -> Iterator[str]:
    """The office's own site, which shows the page in a frame and asks for the figures from a script."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (f'<!doctype html><title>x</title><iframe src="{site.url}/public"></iframe><p id="told"></p><script>'
                    f'fetch("{site.url}/api/v1/public/figures").then(r => r.json()).then(told => {{'
                    " document.getElementById('told').textContent = told.queues.map(q => q.queue).join(' ') })</script>").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_while_the_core_is_away_the_page_says_so_and_comes_back_by_itself(site: Site, page: Page) -> None:
    site.box.config.write_text(site.box.config.read_text() + PUBLIC)
    site.box.run("config", "reload")
    page.goto(f"{site.url}/public")
    expect(page.locator("[data-queue=front]")).to_be_visible()
    with site.box.without("core"):
        expect(page.locator("main")).to_contain_text("not known just now", timeout=40_000)
        expect(page.locator(".tile")).to_have_count(0)
        expect(page.locator("h1")).to_be_visible()
        check_accessible(page)
        fits(page)
        shots(page, "public-away")
        told = page.request.get(f"{site.url}/api/v1/public/figures")
        assert told.status == 200 and told.json()["up"] is False and told.json()["queues"] == []
    expect(page.locator("[data-queue=front]")).to_be_visible(timeout=40_000)


def test_nothing_is_there_until_the_office_wants_it_then_what_it_chose(site: Site, page: Page, elsewhere: str) -> None:
    answer = page.goto(f"{site.url}/public")
    assert answer is not None and answer.status == 404
    site.box.config.write_text(site.box.config.read_text() + PUBLIC)
    site.box.run("config", "reload")
    page.goto(f"{site.url}/public")
    front = page.locator("[data-queue=front]")
    expect(page.locator(".tile")).to_have_count(2)
    expect(front).to_contain_text("0 callers wait")
    expect(front).to_contain_text("open")
    assert page.locator("header, nav, form").count() == 0, "nothing but figures"
    check_accessible(page)
    fits(page)
    shots(page, "public")

    site.box.run("agent", "login", "anna")
    expect(front.locator(".big")).to_have_text(re.compile("minute"), timeout=40_000)  # it fetches itself anew
    shots(page, "public-answered")

    page.goto(elsewhere)
    expect(page.frame_locator("iframe").locator("[data-queue=front]")).to_be_visible()
    expect(page.locator("#told")).to_have_text("front billing")
