"""Signing in: the first administrator, wrong passwords, second factors, sessions that end."""

from __future__ import annotations

from pathlib import Path

import argon2
import msgspec
import pyotp
import pytest

from appliance.errors import SwitchroomError
from appliance.users import admin, passwords
from appliance.users.model import User
from appliance.users.store import SESSION_SECONDS
from tests.webkit import PASSWORD, Pages
from web.auth import service


def test_the_first_administrator_needs_the_code_of_the_box(tmp_path: Path) -> None:
    pages = Pages(tmp_path, people=False)
    try:
        browser = pages.browser()
        assert browser.get("/").location.startswith("/login")
        assert browser.get("/login").location == "/start"
        code = pages.box.users.setup_code()
        wrong = f"{(int(code) + 1) % 10**6:06}"
        person = {"login": "ada", "name": "Ada", "password": PASSWORD}
        assert browser.post("/start", code=wrong, **person).status_code == 400
        assert browser.post("/start", code=code, **(person | {"login": "No Such"})).status_code == 400
        assert "guessed" in browser.post("/start", code=code, **(person | {"password": "switchroom1"})).text
        assert pages.box.users.users() == []
        assert browser.post("/start", code=code, **person).location == "/"
        assert browser.get("/me").status_code == 200
        assert browser.get("/people").status_code == 200
        stranger = pages.browser()
        again = stranger.client.post("/start", data={"csrf_token": stranger.token(), "code": code, **(person | {"login": "eve"})})
        assert again.status_code == 400 and pages.box.users.user("eve") is None
    finally:
        pages.close()


def test_guessing_the_set_up_code_is_stopped(tmp_path: Path) -> None:
    pages = Pages(tmp_path, people=False)
    try:
        browser = pages.browser()
        code = pages.box.users.setup_code()
        answers = [browser.post("/start", code=f"{n:06}", login="eve", name="E", password=PASSWORD).status_code
                   for n in range(40) if f"{n:06}" != code]
        assert answers[-1] == 429
        assert browser.post("/start", code=code, login="eve", name="E", password=PASSWORD).status_code == 429
        pages.clock.advance(3601)
        assert browser.post("/start", code=code, login="ada", name="A", password=PASSWORD).status_code == 302
    finally:
        pages.close()


def test_wrong_passwords_shut_this_door_and_no_other(pages: Pages) -> None:
    thief = pages.browser()
    said = {thief.post("/login", login=name, password="wrong " + PASSWORD).text.count("is wrong") for name in ("admin", "nobody")}
    assert said == {1}  # the same words for a name that is there and one that is not
    for _ in range(4):
        thief.post("/login", login="admin", password="wrong password")
    assert thief.post("/login", login="admin", password=PASSWORD).status_code == 429
    assert pages.browser("viewer").get("/me").status_code == 200
    elsewhere = pages.browser()
    there = {"REMOTE_ADDR": "192.0.2.7"}
    answer = elsewhere.client.post("/login", data={"csrf_token": elsewhere.token(), "login": "admin", "password": PASSWORD},
                                   environ_base=there)
    assert answer.status_code == 302  # the administrator is not shut out by a thief somewhere else
    pages.clock.advance(61)
    assert thief.post("/login", login="admin", password=PASSWORD).status_code == 302


def test_a_name_that_nobody_has_costs_as_much_as_one_that_somebody_has() -> None:
    """What a password is held against then has the parameters of new hashes: else the time would tell names apart."""
    assert argon2.extract_parameters(passwords.NOBODY) == argon2.extract_parameters(passwords.hashed(PASSWORD))
    assert not passwords.matches(None, PASSWORD)


def test_the_cookie_from_before_signing_in_is_worth_nothing(pages: Pages) -> None:
    browser = pages.browser()
    browser.get("/login")
    planted = browser.client.get_cookie("switchroom")
    assert planted is not None
    browser.post("/login", login="admin", password=PASSWORD)
    now = browser.client.get_cookie("switchroom")
    assert now is not None and now.value != planted.value
    other = pages.browser()
    other.client.set_cookie("switchroom", planted.value)
    assert other.get("/me").status_code == 302


def test_signing_out_ends_the_session_on_the_box(pages: Pages) -> None:
    browser = pages.browser("admin")
    cookie = browser.client.get_cookie("switchroom")
    assert cookie is not None and cookie.http_only and cookie.same_site == "Lax"
    browser.post("/logout")
    thief = pages.browser()
    thief.client.set_cookie("switchroom", cookie.value)
    assert thief.get("/me").status_code == 302


def test_a_session_ends_when_nobody_uses_it(pages: Pages) -> None:
    browser = pages.browser("admin")
    pages.clock.advance(SESSION_SECONDS - 10)
    assert browser.get("/me").status_code == 200
    pages.clock.advance(SESSION_SECONDS - 10)
    assert browser.get("/me").status_code == 200
    pages.clock.advance(SESSION_SECONDS + 10)
    assert browser.get("/me").status_code == 302


def test_a_new_password_signs_out_everywhere_else(pages: Pages) -> None:
    here, there = pages.browser("agent"), pages.browser("agent")
    new = "another horse battery"
    assert here.post("/me/password", old="wrong one here", new=new, again=new).status_code == 400
    assert here.post("/me/password", old=PASSWORD, new=new, again=new + "x").status_code == 400
    assert here.post("/me/password", old=PASSWORD, new=new, again=new).status_code == 302
    assert here.get("/me").status_code == 200
    assert there.get("/me").status_code == 302


def test_a_second_factor_is_asked_for_and_no_code_is_taken_twice(pages: Pages) -> None:
    browser = pages.browser("admin")
    page = browser.post("/me/second-factor")
    secret = page.text.split('name="secret" value="')[1].split('"')[0]
    totp = pyotp.TOTP(secret)
    assert browser.post("/me/second-factor", secret=secret, code="000000").status_code == 200
    assert pages.box.users.user("admin").totp == ""  # type: ignore[union-attr]
    assert browser.post("/me/second-factor", secret=secret, code=totp.at(pages.clock.utc())).status_code == 302
    pages.clock.advance(60)
    code = totp.at(pages.clock.utc())
    other = pages.browser()
    assert other.post("/login", login="admin", password=PASSWORD).status_code == 400
    assert other.post("/login", login="admin", password=PASSWORD, code=code).status_code == 302
    assert pages.browser().post("/login", login="admin", password=PASSWORD, code=code).status_code == 400


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", ""])
def test_signing_in_leads_nowhere_else(pages: Pages, address: str) -> None:
    browser = pages.browser()
    assert browser.post("/login", login="admin", password=PASSWORD, next=address).location == "/"


def test_rights_that_were_taken_away_are_gone_at_once(pages: Pages) -> None:
    admin, agent = pages.browser("admin"), pages.browser("agent")
    assert agent.get("/me").status_code == 200
    assert admin.post("/people/agent", do="disable").status_code == 302
    assert agent.get("/me").status_code == 302
    assert pages.browser().post("/login", login="agent", password=PASSWORD).status_code == 400
    assert admin.post("/people/admin", do="disable").status_code == 400  # the last one stays
    assert admin.post("/people/admin", do="save", name="A", role="viewer").status_code == 400
    assert admin.post("/people/admin", do="remove").status_code == 400


def test_what_an_administrator_does_meanwhile_stays(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """To hash a password takes long: who is shut out while that goes on is shut out, and who is removed stays so."""
    users, browser = pages.box.users, pages.browser("agent")
    hashed = passwords.hashed

    def slowly(password: str) -> str:
        admin.change(users, "agent", disabled=True)
        return hashed(password)

    monkeypatch.setattr(passwords, "hashed", slowly)
    new = "a long new password"
    assert browser.post("/me/password", old=PASSWORD, new=new, again=new).status_code == 400
    found = users.user("agent")
    assert found is not None and found.disabled and passwords.matches(found.password, PASSWORD)
    viewer = pages.browser("viewer")
    monkeypatch.setattr(passwords, "hashed", lambda password: users.remove_user("viewer") or hashed(password))
    assert viewer.post("/me/password", old=PASSWORD, new=new, again=new).status_code == 400
    assert users.user("viewer") is None


def test_two_changes_of_a_user_at_once_are_both_made(pages: Pages) -> None:
    users = pages.box.users

    def with_agent(user: User) -> User:
        return msgspec.structs.replace(user, agent="anna")

    before = users.user("agent")
    assert before is not None
    admin.change(users, "agent", name="Anna")
    users.change_user("agent", with_agent)
    after = users.user("agent")
    assert after is not None and (after.name, after.agent, after.epoch) == ("Anna", "anna", before.epoch + 1)
    for refused in (lambda: admin.add(users, "agent", name="x", role="viewer"), lambda: admin.change(users, "nobody", name="x")):
        with pytest.raises(SwitchroomError):
            refused()
    assert users.user("nobody") is None and users.user("agent") == after


def test_a_code_opens_one_door_also_at_the_same_moment(pages: Pages) -> None:
    """Both requests have read the user before either code counted."""
    secret = passwords.totp_secret()
    admin.change(pages.box.users, "agent", totp=secret)
    user = pages.box.users.user("agent")
    assert user is not None
    code = pyotp.TOTP(secret).at(pages.clock.utc())
    assert [service._second(pages.box, user, code) for _ in range(2)] == [True, False]


def test_who_finds_a_page_open_does_not_exchange_the_second_factor(pages: Pages) -> None:
    browser, secret, other = pages.browser("agent"), passwords.totp_secret(), passwords.totp_secret()
    page = browser.post("/me/second-factor", secret=secret, code=pyotp.TOTP(secret).at(pages.clock.utc()))
    assert page.status_code == 302
    pages.clock.advance(60)
    assert browser.post("/me/second-factor", secret=other, code=pyotp.TOTP(other).at(pages.clock.utc())).status_code == 400
    answers = [browser.post("/me/second-factor", off="1", code="000000").status_code for _ in range(30)]
    assert answers[0] == 400 and 429 in answers, "so many codes may be tried"
    found = pages.box.users.user("agent")
    assert found is not None and found.totp == secret


def test_an_administrator_adds_people_and_gives_new_passwords(pages: Pages) -> None:
    admin = pages.browser("admin")
    page = admin.post("/people", login="Zoe", name="Zoë <b>", role="supervisor", queues=["front"])
    assert page.status_code == 200 and "<b>" not in page.text.split("<main")[1].split("Zoë")[1][:20]
    password = page.text.split('class="mono">')[1].split("<")[0]
    assert pages.browser().post("/login", login="zoe", password=password).status_code == 302
    zoe = pages.box.users.user("zoe")
    assert zoe is not None and zoe.queues == ["front"] and not zoe.sees_queue("billing")
    for form, queues, lists in (({"queues": ["front"], "queues_all": "yes"}, None, []), ({"lists": ["12"]}, [], ["12"]),
                                ({"lists_all": "yes"}, [], None), ({}, [], [])):
        assert admin.post("/people/zoe", do="save", name="Zoë", role="supervisor", **form).status_code == 302
        zoe = pages.box.users.user("zoe")
        assert zoe is not None and (zoe.queues, zoe.lists) == (queues, lists)
    assert admin.post("/people", login="yan", name="Yan", role="viewer").status_code == 200
    yan = pages.box.users.user("yan")
    assert yan is not None and (yan.queues, yan.lists) == ([], [])
    for bad in ({"login": "zoe"}, {"login": "a b"}, {"login": "x", "role": "god"}, {"login": "x", "name": ""}):
        assert admin.post("/people", **({"login": "x", "name": "X", "role": "viewer"} | bad)).status_code == 400
    assert admin.post("/people/zoe", do="remove").status_code == 302
    assert pages.box.users.user("zoe") is None
