"""Tokens of programs made at the pages: shown once, with one's own rights at most, ended at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webkit import Pages


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path)
    yield made
    made.close()


def test_a_token_is_shown_once_works_and_is_ended(pages: Pages) -> None:
    browser = pages.browser("controller")
    made = browser.post("/me/tokens", name="CRM <b>", scopes=["calls.view"], days="30").text
    found = re.search(r'<strong class="mono" translate="no">([^<]+)</strong>', made)
    assert found and "CRM &lt;b&gt;" in made
    program = {"Authorization": f"Bearer {found[1]}"}
    stranger = pages.browser()
    assert stranger.get("/api/v1/calls", headers=program).status_code in (200, 404)  # no ledger was written
    assert stranger.get("/api/v1/figures", headers=program).status_code == 403
    page = browser.get("/me/tokens").text
    assert found[1] not in page and "calls.view" in page
    id = re.search(r'data-token="([^"]+)"', page)
    assert id
    assert pages.browser("admin").post(f"/me/tokens/{id[1]}/end").status_code == 400  # one's own alone, here
    assert browser.post(f"/me/tokens/{id[1]}/end").location == "/me/tokens"
    assert stranger.get("/api/v1/calls", headers=program).status_code == 401
    assert 'data-token="' not in browser.get("/me/tokens").text


@pytest.mark.parametrize(("form", "told"), [
    ({"name": " ", "scopes": ["calls.view"], "days": "1"}, "no name"),
    ({"name": "x" * 65, "scopes": ["calls.view"], "days": "1"}, "no name"),
    ({"name": "CRM", "days": "1"}, "may do nothing"),
    ({"name": "CRM", "scopes": ["no.such"], "days": "1"}, "may do nothing"),
    ({"name": "CRM", "scopes": ["calls.view"], "days": "-1"}, "no number of days"),
    ({"name": "CRM", "scopes": ["calls.view"], "days": "99999"}, "no number of days"),
    ({"name": "CRM", "scopes": ["users.edit"], "days": "1"}, "You have no right users.edit yourself"),
])
def test_what_cannot_be_made_is_refused_and_what_was_typed_stays(pages: Pages, form: dict[str, object], told: str) -> None:
    answer = pages.browser("controller").post("/me/tokens", **form)
    assert answer.status_code == 400 and told in answer.text
    assert str(form["name"]) in answer.text and pages.box.users.tokens() == []


def test_the_rights_offered_are_those_of_the_role(pages: Pages) -> None:
    assert 'value="users.edit"' not in pages.browser("viewer").get("/me/tokens").text
    assert 'value="users.edit"' in pages.browser("admin").get("/me/tokens").text
