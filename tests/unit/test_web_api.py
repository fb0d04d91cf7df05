"""The API: described as it is, tokens that may only what they were made for, errors with an id."""

from __future__ import annotations

from appliance.users.rights import Right
from tests.webkit import Pages
from web.api.routes import api


def bearer(secret: str) -> dict[str, dict[str, str]]:
    return {"headers": {"Authorization": f"Bearer {secret}"}}


def make_token(pages: Pages, login: str, *scopes: Right, days: int = 0) -> str:
    browser = pages.browser(login)
    answer = browser.client.post("/api/v1/tokens", json={"name": "crm", "scopes": list(scopes), "days": days},
                                 headers={"X-CSRFToken": browser.token()})
    assert answer.status_code == 201, answer.text
    secret: str = answer.json["secret"]  # type: ignore[index]
    return secret


def test_every_call_is_described_with_what_it_needs_and_returns(pages: Pages) -> None:
    told = pages.app.test_client().get("/api/v1/openapi.json").json
    assert told is not None and told["openapi"].startswith("3.1")
    served = {(str(rule), method) for rule in pages.app.url_map.iter_rules() if str(rule).startswith("/api/v1/")
              for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    served -= {("/api/v1/openapi.json", "GET"), ("/api/v1/docs", "GET")}
    assert len(served) == len(api.calls) == sum(len(each) for each in told["paths"].values())
    for path in told["paths"].values():
        for call in path.values():
            assert call["summary"] and call["responses"]["401"]


def test_a_token_may_what_it_was_made_for_and_no_more(pages: Pages) -> None:
    secret = make_token(pages, "supervisor", Right.CALLS_VIEW)
    client = pages.app.test_client()
    assert client.get("/api/v1/me", **bearer(secret)).json["rights"] == ["calls.view"]  # type: ignore[index]
    refused = client.get("/api/v1/agents", **bearer(secret))
    assert (refused.status_code, refused.json["error"]["id"]) == (403, "web.forbidden")  # type: ignore[index]
    assert client.get("/api/v1/agents", **bearer(make_token(pages, "viewer", Right.LIVE_VIEW))).status_code == 503  # no core here
    assert client.get("/api/v1/me", **bearer("sw_nonsense")).status_code == 401
    again = client.post("/api/v1/tokens", json={"name": "x", "scopes": ["calls.view"]}, **bearer(secret))
    assert again.status_code == 403


def test_nobody_gives_a_token_rights_of_others(pages: Pages) -> None:
    browser = pages.browser("agent")
    answer = browser.client.post("/api/v1/tokens", json={"name": "x", "scopes": ["users.edit"]},
                                 headers={"X-CSRFToken": browser.token()})
    assert answer.status_code == 403 and pages.box.users.tokens() == []


def test_users_are_changed_by_people_through_the_api(pages: Pages) -> None:
    admin = pages.browser("admin")
    headers = {"X-CSRFToken": admin.token()}
    made = admin.client.post("/api/v1/users", json={"login": "ann", "name": "Ann", "role": "supervisor", "queues": ["front"]},
                             headers=headers)
    assert made.status_code == 201 and made.json["login"] == "ann"  # type: ignore[index]
    told = next(each for each in admin.get("/api/v1/users").json if each["login"] == "ann")  # type: ignore[union-attr]
    assert told == {"login": "ann", "name": "Ann", "role": "supervisor", "agent": "", "queues": ["front"], "lists": [],
                    "second_factor": False, "disabled": False}
    signed_in = pages.browser()
    assert signed_in.post("/login", login="ann", password=made.json["password"]).status_code == 302  # type: ignore[index]
    changed = admin.client.put("/api/v1/users/ann", json={"name": "Ann", "role": "viewer", "lists": ["12"]}, headers=headers)
    assert (changed.json["role"], changed.json["queues"], changed.json["lists"]) == ("viewer", ["front"], ["12"])  # type: ignore[index]
    assert signed_in.get("/api/v1/me").status_code == 401
    for action, disabled in (("disable", True), ("enable", False)):
        assert admin.client.post("/api/v1/users/ann/order", json={"action": action}, headers=headers).status_code == 200
        found = pages.box.users.user("ann")
        assert found is not None and found.disabled == disabled
    assert admin.client.delete("/api/v1/users/admin", headers=headers).json["error"]["id"] == "users.yourself"  # type: ignore[index]
    assert admin.client.delete("/api/v1/users/ann", headers=headers).status_code == 204
    assert admin.client.put("/api/v1/users/ann", json={"name": "A", "role": "viewer"}, headers=headers).status_code == 404
    log = admin.get("/api/v1/audit").json
    assert [each["what"] for each in log if each["target"] == "ann" and each["what"] != "session.begin"] == [  # type: ignore[union-attr]
        "user.remove", "user.enable", "user.disable", "user.save", "user.add"]


def test_queues_and_lists_are_open_to_whom_they_were_opened_by_name(pages: Pages) -> None:
    """Closed by default: neither a missing word nor null nor no names at all comes to mean "all"."""
    admin = pages.browser("admin")
    headers = {"X-CSRFToken": admin.token()}

    def seen() -> tuple[object, object]:
        found = pages.box.users.user("ann")
        assert found is not None
        return found.queues, found.lists

    user = {"name": "Ann", "role": "supervisor"}
    for bad in (None, "", "ALL", [""], 1):
        refused = admin.client.post("/api/v1/users", json={"login": "ann", "queues": bad} | user, headers=headers)
        assert (refused.status_code, refused.json["error"]["id"]) == (400, "api.bad-body")  # type: ignore[index]
    assert admin.client.post("/api/v1/users", json={"login": "ann"} | user, headers=headers).status_code == 201
    assert seen() == ([], [])
    for change, after in (
        ({"queues": "all"}, (None, [])), ({"lists": ["12"], "agent": "a1"}, (None, ["12"])), ({}, (None, ["12"])),
        ({"queues": [], "lists": "all"}, ([], None)), ({"queues": None}, ([], None)),
    ):
        told = admin.client.put("/api/v1/users/ann", json=user | change, headers=headers)
        assert told.status_code == (400 if change == {"queues": None} else 200)
        assert seen() == after
    ann = next(each for each in admin.get("/api/v1/users").json if each["login"] == "ann")  # type: ignore[union-attr]
    assert (ann["queues"], ann["lists"], ann["agent"]) == ([], "all", "a1")


def test_each_part_of_the_description_has_a_title(pages: Pages) -> None:
    page = pages.browser("admin").get("/api/v1/docs").get_data(as_text=True)
    assert "<h2>" in page
    assert "<h2></h2>" not in page


def test_no_token_changes_users(pages: Pages) -> None:
    token, client = bearer(make_token(pages, "admin", Right.USERS_EDIT)), pages.app.test_client()
    assert client.get("/api/v1/users", **token).status_code == 200
    user = {"login": "evil", "name": "Evil", "role": "admin"}
    for answer in (client.post("/api/v1/users", json=user, **token), client.delete("/api/v1/users/viewer", **token),
                   client.put("/api/v1/users/viewer", json={"name": "V", "role": "admin"}, **token),
                   client.post("/api/v1/users/admin/order", json={"action": "password"}, **token)):
        assert (answer.status_code, answer.json["error"]["id"]) == (403, "web.forbidden")  # type: ignore[index]


def test_tokens_end_with_their_time_their_owner_and_by_hand(pages: Pages) -> None:
    short, other = make_token(pages, "viewer", Right.LIVE_VIEW, days=1), make_token(pages, "agent", Right.DESK)
    client = pages.app.test_client()
    assert client.get("/api/v1/me", **bearer(short)).status_code == 200
    pages.clock.advance(86401)
    assert client.get("/api/v1/me", **bearer(short)).status_code == 401
    admin = pages.browser("admin")
    token = next(each for each in pages.box.users.tokens() if each.login == "agent")
    headers = {"X-CSRFToken": admin.token()}
    assert pages.browser("viewer").client.delete(f"/api/v1/tokens/{token.id}").status_code == 400  # no form token
    assert admin.client.delete(f"/api/v1/tokens/{token.id}", headers=headers).status_code == 204
    assert client.get("/api/v1/me", **bearer(other)).status_code == 401
    gone = make_token(pages, "operator", Right.CAMPAIGNS_VIEW)
    pages.box.users.remove_user("operator")
    assert client.get("/api/v1/me", **bearer(gone)).status_code == 401


def test_wrong_requests_are_told_what_is_wrong(pages: Pages) -> None:
    client = pages.app.test_client()
    token = bearer(make_token(pages, "supervisor", Right.LIVE_ACT))
    for body, id in (({"data": b"{", "content_type": "application/json"}, "api.bad-body"), ({"data": b"x"}, "api.not-json"),
                     ({"json": {"action": "dance"}}, "api.bad-body"), ({"json": {"action": "ready", "x": 1}}, "api.bad-body"),
                     ({"data": b'{"action": "\xff"}', "content_type": "application/json"}, "api.bad-body")):
        answer = client.post("/api/v1/agents/anna", **body, **token)
        assert (answer.status_code, answer.json["error"]["id"]) == (400, id), body  # type: ignore[index]
    assert client.get("/api/v1/nothing", **token).json["error"]["id"] == "web.http-404"  # type: ignore[index]


def test_whole_numbers_may_be_written_as_any_number(pages: Pages) -> None:
    browser = pages.browser("admin")
    for version, status in (("1.0", 200), ("1e0", 200), ("1.5", 400), ("1e400", 400), ('"1"', 400)):
        answer = browser.client.post("/api/v1/config/rollback", data='{"version": %s}' % version, content_type="application/json",  # noqa: UP031
                                     headers={"X-CSRFToken": browser.token()})
        assert answer.status_code == status, (version, answer.text)


def test_the_check_says_where_a_text_is_no_toml(pages: Pages) -> None:
    browser = pages.browser("admin")
    answer = browser.client.post("/api/v1/config/check", json={"text": "Ü1"}, headers={"X-CSRFToken": browser.token()})
    assert answer.status_code == 200 and not answer.json["ok"] and answer.json["problems"][0]["line"] == 1, answer.text  # type: ignore[index]


def test_what_is_open_to_all_is_described_as_such(pages: Pages) -> None:
    paths = pages.app.test_client().get("/api/v1/openapi.json").json["paths"]  # type: ignore[index]
    assert paths["/api/v1/public/figures"]["get"]["security"] == [] and "security" not in paths["/api/v1/me"]["get"]
    assert "206" in paths["/api/v1/recordings/{id}"]["get"]["responses"]
