"""Every route, every role, every method: who is let in is what the table of rights says, and nothing is open by oversight."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from appliance.users.rights import RIGHTS, ROLES, Right
from appliance.users.throttle import Throttle
from tests.webkit import Pages
from web.security import access

OPEN = {"api.docs", "api.openapi", "assets.own", "assets.vendor", "auth.login", "auth.do_login", "auth.start", "auth.do_start",
        "auth.choose_language", "health.health", "public.index", "api.public_figures"}
"""All that a stranger may ask for. A new page that is open to all is a decision, and is written down here."""
ARGUMENTS = {"form": "csv", "login": "nobody", "name": "nothing"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    made = Pages(tmp_path_factory.mktemp("pages"))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _forgiven(pages: Pages) -> None:
    """Walking all pages signs in wrongly, too."""
    pages.box.throttle = Throttle()


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Endpoint, method, an address."""
    for rule in app.url_map.iter_rules():
        with app.test_request_context():
            path = app.url_for(rule.endpoint, **{name: ARGUMENTS.get(name, "1") for name in rule.arguments})
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, path


def test_only_what_is_written_down_is_open(pages: Pages) -> None:
    found = {endpoint for endpoint, _, _ in routes(pages.app) if access.access_of(pages.app, endpoint).who == "all"}
    assert found == OPEN


def test_strangers_get_in_nowhere_else(pages: Pages) -> None:
    for endpoint, method, path in routes(pages.app):
        if endpoint in OPEN:
            continue
        browser = pages.browser()
        token = browser.token()
        answer = browser.client.open(path, method=method, data={"csrf_token": token} if method != "GET" else None)
        sent_away = answer.status_code == 302 and answer.location.startswith("/login?next=")
        assert sent_away or answer.status_code == 401, (method, path, answer.status_code)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_what_its_rights_say(pages: Pages, role: str) -> None:
    browser = pages.browser(role)
    token = browser.token()
    for endpoint, method, path in routes(pages.app):
        wanted = access.access_of(pages.app, endpoint)
        if (endpoint == "auth.logout" or endpoint.endswith(".events")) and wanted.allows(pages.box.users.user(role)):
            continue  # ends the session; never ends
        data = {"csrf_token": token} if method != "GET" else None
        answer = browser.client.open(path, method=method, data=data)
        allowed = wanted.who != "right" or bool(wanted.rights & RIGHTS[role])  # type: ignore[index]
        assert (answer.status_code != 403) == allowed, (role, method, path, answer.status_code)
        assert answer.status_code not in (401, 500), (role, method, path)


def test_a_page_that_says_nothing_is_not_served(tmp_path: Path) -> None:
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/oops", "oops", lambda: "secret")
    with pytest.raises(RuntimeError, match="oops does not say"):
        access.guard(app)


def test_an_administrator_may_all() -> None:
    assert RIGHTS["admin"] == frozenset(Right)
    for role in ROLES:
        assert RIGHTS[role] <= RIGHTS["admin"]


@pytest.mark.parametrize("path", ["/people", "/people/viewer", "/logout", "/me/password", "/language", "/login"])
def test_a_form_from_elsewhere_is_refused(pages: Pages, path: str) -> None:
    browser = pages.browser("admin")
    answer = browser.client.post(path, data={"login": "evil", "name": "E", "role": "admin", "do": "remove", "language": "fi"})
    assert answer.status_code == 400 and "web.form-expired" in answer.text
    assert pages.box.users.user("evil") is None and pages.box.users.user("viewer") is not None
