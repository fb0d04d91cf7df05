"""Attacks on the pages, without a network: every route is tried, so that the next one that is added is tried too."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from appliance.users.rights import RIGHTS, Right
from appliance.users.throttle import Throttle
from tests.unit.test_web_access import routes
from tests.webkit import PASSWORD, Browser, Pages
from web.api.routes import api
from web.security import access

ELSEWHERE = ("https://evil.example/", "//evil.example/", "///evil.example", "/\\evil.example", "\\\\evil.example",
             "/\t/evil.example", "/%09/evil.example/..//x", "http:evil.example", "javascript:alert(1)", "/\r\nSet-Cookie: a=b",
             "evil.example", "")
HOSTILE = ("<script>alert(1)</script>", "'\"><img src=x onerror=alert(1)>", "{{7*7}}", "%(name)s", "../../../../etc/passwd",
           "..%2f..%2fetc%2fpasswd", "a\r\nSet-Cookie: stolen=1", "\x00", "\u202e\u2066", "=1+1", "x" * 5000, "💣" * 300)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    made = Pages(tmp_path_factory.mktemp("pages"))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _forgiven(pages: Pages) -> None:
    pages.box.throttle = Throttle()


def cookie_of(browser: Browser) -> str:
    found = browser.client.get_cookie("switchroom")
    return found.value if found else ""


# ---- requests that another site made the browser send ------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "nonsense", "of another session"])
def test_nothing_changes_without_the_form_token(pages: Pages, token: str | None) -> None:
    """Each changing route, of the pages and of the API, as the administrator's browser would send it."""
    browser = pages.browser("admin")
    if token == "of another session":
        token = pages.browser("admin").token()
    tried = 0
    for endpoint, method, path in routes(pages.app):
        if method == "GET":
            continue
        for kind in ({"data": {} if token is None else {"csrf_token": token}}, {"json": {}}):
            answer = browser.client.open(path, method=method, **kind, headers={"X-CSRFToken": token} if token else {})
            assert answer.status_code == 400 and "web.form-expired" in answer.text, (endpoint, method, answer.status_code)
            tried += 1
    assert tried > 60
    assert browser.get("/me").status_code == 200


def test_reading_changes_nothing(pages: Pages) -> None:
    """A GET is sent by any picture of any site: none may do what a form does."""
    for rule in pages.app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        assert len(methods) == 1 or methods <= {"POST", "PUT", "DELETE"}, rule


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_a_method_is_what_the_request_line_says(pages: Pages, name: str) -> None:
    override = {name: "DELETE"}
    browser = pages.browser("admin")
    assert browser.client.get("/api/v1/config", headers=override).json["version"] == 1  # type: ignore[index]
    answer = browser.client.post("/api/v1/tokens/abc?_method=DELETE", headers=override | {"X-CSRFToken": browser.token()})
    assert answer.status_code == 405
    assert browser.client.open("/me", method="TRACE").status_code == 405


# ---- sessions and tokens ---------------------------------------------------------------------------------------------------


def test_a_session_put_into_the_browser_beforehand_is_worth_nothing(pages: Pages) -> None:
    first = Browser(pages.app.test_client())
    first.get("/login")
    for planted in (cookie_of(first), "A" * 43):  # a session that the thief got from the box itself; one made up
        assert planted
        victim, thief = Browser(pages.app.test_client()), Browser(pages.app.test_client())
        victim.client.set_cookie("switchroom", planted)
        victim.post("/login", login="admin", password=PASSWORD)
        assert victim.get("/me").status_code == 200 and cookie_of(victim) not in ("", planted)
        thief.client.set_cookie("switchroom", planted)
        assert thief.get("/me").status_code == 302


def test_a_session_ends_at_the_server(pages: Pages) -> None:
    browser, thief = pages.browser("viewer"), Browser(pages.app.test_client())
    thief.client.set_cookie("switchroom", cookie_of(browser))
    assert thief.get("/me").status_code == 200
    browser.post("/logout")
    assert thief.get("/me").status_code == 302


def test_the_cookie_is_for_this_site_and_no_script(pages: Pages) -> None:
    answer = pages.app.test_client().get("/login")
    assert re.search(r"switchroom=\S+; HttpOnly; Path=/; SameSite=Lax", answer.headers["Set-Cookie"])


def test_a_token_reaches_what_its_scope_says_and_nothing_else(pages: Pages) -> None:
    """Every call of the API with a token of each single right, of somebody who has them all."""
    admin = pages.box.users.user("admin")
    assert admin is not None and RIGHTS["admin"] == frozenset(Right)
    client = pages.app.test_client()
    for right in Right:
        _, secret = pages.box.users.make_token(admin, right, [right])
        for call in api.calls:
            path = "/api/v1" + re.sub(r"<(?:\w+:)?\w+>", "1", call.path)
            answer = client.open(path, method=call.method, headers={"Authorization": f"Bearer {secret}"})
            refused = answer.status_code == 403 and answer.json["error"]["id"] == "web.forbidden"  # type: ignore[index]
            if call.path.startswith("/users") and call.method != "GET":
                assert answer.status_code in (400, 403), (right, call.method, path, answer.status_code)  # people alone do that
            elif call.access.who == "right":
                assert refused == (right not in call.access.rights), (right, call.method, path, answer.status_code)
            elif call.path.startswith("/tokens") and call.method != "GET":
                assert answer.status_code in (400, 403), (right, call.method, path)


def test_a_token_is_nobody_at_the_pages(pages: Pages) -> None:
    """There its owner's password and second factor are changed."""
    admin = pages.box.users.user("admin")
    assert admin is not None
    _, secret = pages.box.users.make_token(admin, "all", list(Right))
    bearer = {"Authorization": f"Bearer {secret}"}
    client = pages.app.test_client()
    assert client.get("/api/v1/me", headers=bearer).status_code == 200
    for endpoint, method, path in routes(pages.app):
        if path.startswith("/api/") or access.access_of(pages.app, endpoint).who == "all":
            continue
        answer = client.open(path, method=method, headers=bearer, data={} if method != "GET" else None)
        assert answer.status_code in (302, 400, 401), (method, path, answer.status_code)
        assert answer.status_code != 302 or answer.location.startswith("/login"), (method, path)


# ---- where answers lead, and what stands in their heads -------------------------------------------------------------------


def leads_away(answer: TestResponse) -> bool:
    """As a browser reads Location: backslashes are slashes, tabs and newlines are nothing (WHATWG URL)."""
    where = re.sub(r"[\t\r\n]", "", answer.headers.get("Location", "/")).replace("\\", "/")
    return not where.startswith("/") or where.startswith("//")


@pytest.mark.parametrize("where", ELSEWHERE)
def test_signing_in_leads_to_a_page_of_ours(pages: Pages, where: str) -> None:
    browser = pages.browser()
    answer = browser.post("/login", login="viewer", password=PASSWORD, next=where)
    assert answer.status_code == 302 and not leads_away(answer), answer.headers.get("Location")
    assert "a=b" not in str(answer.headers)
    for path in ("/language", ):
        assert not leads_away(browser.post(path, language="en", next=where))
    assert not leads_away(browser.client.get("/login", query_string={"next": where}))


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1@evil.example", "x\"><script>"])
def test_the_name_that_the_browser_says_stands_in_no_answer(pages: Pages, host: str) -> None:
    heads = {"Host": host, "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"}
    client = pages.app.test_client()
    for path in ("/", "/login", "/live", "/nothing", "/api/v1/openapi.json", "/api/v1/docs", "/health", "/public"):
        answer = client.get(path, headers=heads)
        assert "evil.example" not in answer.text + str(answer.headers), path


@pytest.mark.parametrize("words", HOSTILE)
def test_what_is_sent_comes_back_as_text(pages: Pages, words: str) -> None:
    """In every place of every address that takes one, signed in: no 5xx, nothing unescaped, no header of the sender's."""
    browser = pages.browser("admin")
    for rule in pages.app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()) or rule.endpoint.endswith(".events"):
            continue
        with pages.app.test_request_context():
            values = {name: words if rule._converters[name].regex == "[^/]+" else "1" for name in rule.arguments}
            try:
                path = pages.app.url_for(rule.endpoint, **values)
            except Exception:
                continue  # this rule does not take it
        asked = dict.fromkeys(("q", "number", "queue", "agent", "what", "since", "until", "before", "next", "name", "of", "by",
                               "title", "queues", "figures", "limits", "zoom", "to", "from"), words)
        for answer in (browser.client.get(path), browser.client.get(path, query_string=asked)):
            if rule.endpoint.startswith("api.") or rule.endpoint == "figures.export":
                assert answer.status_code < 500 or answer.status_code == 503, (path, answer.status_code)
            else:
                assert answer.status_code in (200, 302, 304, 400, 404, 429, 503), (path, answer.status_code, answer.text[:500])
            assert "Set-Cookie: stolen" not in str(answer.headers) and "root:" not in answer.text, path
            if "html" in (answer.content_type or ""):
                assert "<script>alert" not in answer.text and "<img src=x" not in answer.text, path


# ---- bodies --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [
    b"[" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b"9" * 200_000, b'{"text": "' + b"\\u0000" * 100_000 + b'"}',
    b'{"version": 1e999999999}', b'{"version": -0.0}', b"\xff\xfe{\x00}\x00", b'{"text": "\xed\xa0\x80"}', b"", b"null", b"NaN",
    b'{"text": "", "text": ""}', b'"' + b"x" * 900_000 + b'"', b"{" + b",".join(b'"k%d":1' % n for n in range(50_000)) + b"}",
])  # fmt: skip
def test_hostile_json_is_refused_in_a_sentence(pages: Pages, body: bytes) -> None:
    browser = pages.browser("admin")
    for path in ("/api/v1/config/check", "/api/v1/config/rollback", "/api/v1/tokens", "/api/v1/agents/anna"):
        answer = browser.client.post(path, data=body, content_type="application/json", headers={"X-CSRFToken": browser.token()})
        assert answer.status_code in (200, 400, 413, 503), (path, answer.status_code, answer.text[:300])
        assert answer.status_code == 200 or answer.json["error"]["id"], path  # type: ignore[index]


def test_bodies_have_an_end(pages: Pages) -> None:
    """Also for strangers: a form of millions of fields would take the box's memory before anybody has signed in."""
    browser, stranger = pages.browser("admin"), pages.browser()
    form, json = "application/x-www-form-urlencoded", "application/json"
    for who, path, body, kind in (
        (stranger, "/login", b"a=" + b"x" * 70_000, form), (stranger, "/login", b"&a" * 30_000, form),
        (stranger, "/login", b"x" * 70_000, "multipart/form-data"),
        (browser, "/people", b"a=" + b"x" * (5 << 20), form), (browser, "/people", b"&a=1" * 20_000, form),
        (browser, "/api/v1/config/check", b'{"text": "' + b"x" * (2 << 20) + b'"}', json),
        (browser, "/api/v1/config/check", b'{"text": "' + b"x" * (5 << 20) + b'"}', json),
    ):  # fmt: skip
        answer = who.client.post(path, data=body, content_type=kind, headers={"X-CSRFToken": who.token()})
        assert answer.status_code == 413, (path, kind, len(body), answer.status_code)
