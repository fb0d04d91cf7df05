"""The API as a stranger's program meets it: schemathesis reads the description, makes requests that fit it and requests that do
not, and holds every answer of a real box against it. No 5xx, no status, type or shape that is not described.

Only what would end the box itself may be left out; nothing is: a configuration made of noise is refused, a roll-back puts the
one version in force that there is, and a token can end no token.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS
from schemathesis.generation import GenerationMode

from appliance.users.rights import Right
from appliance.users.store import UserStore
from tests.peers.pages import PASSWORD, Site
from web.api.openapi import describe
from web.api.routes import api


def told(**changed: Any) -> Any:
    """The description as schemathesis reads it."""
    schema = schemathesis.openapi.from_dict(describe(api.calls) | changed)
    schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    schema.config.request_timeout = 20.0
    return schema


schema, without_token = told(), told(security=[])
FORM = ("api.bad-body", "api.bad-query", "api.not-json")
SHORT = settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate], derandomize=True, database=None,
                 suppress_health_check=list(HealthCheck))
LONG = settings(SHORT, max_examples=150, derandomize=False, phases=[Phase.explicit, Phase.generate, Phase.shrink])


def not_refused_for_its_form(context: Any, response: Any, case: schemathesis.Case) -> None:
    """What fits the description may be refused by what stands on the box (an unknown campaign), never by its form."""
    if case.meta.generation.mode.is_positive and response.status_code == 400:
        assert response.json()["error"]["id"] not in FORM, response.text


LEFT_OUT = ("positive_data_acceptance",  # not_refused_for_its_form says it more exactly
            "allow_header_conformance")  # "/lists/uploads" is also a "/lists/{number}", with that one's DELETE
CHECKED = [each for each in CHECKS.get_all() if each.__name__ not in LEFT_OUT] + [not_refused_for_its_form]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site")) as site:
        core = site.box.pid("core"), site.box.pid("web")
        yield site
        assert (site.box.pid("core"), site.box.pid("web")) == core, site.box.log()[-3000:]
        assert "Traceback" not in site.box.log()


@pytest.fixture(scope="module")
def bearer(site: Site) -> dict[str, str]:
    """The token of an administrator who is an agent too, so that the desk answers."""
    store = UserStore(site.box.data)
    user = store.user("admin")
    assert user is not None
    store.put_user(msgspec.structs.replace(user, agent="anna"))
    admin = store.user("admin")
    assert admin is not None
    _, secret = store.make_token(admin, "schemathesis", list(Right), 0.0)
    store.close()
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture(scope="module")
def in_person(site: Site, bearer: dict[str, str]) -> requests.Session:
    """Signed in at the pages: tokens are made by people alone."""
    session = requests.Session()
    session.post(f"{site.url}/login", timeout=10, data={
        "login": "admin", "password": PASSWORD, "csrf_token": form_token(session.get(f"{site.url}/login", timeout=10).text)})
    session.headers["X-CSRFToken"] = form_token(session.get(f"{site.url}/me", timeout=10).text)
    return session


def form_token(page: str) -> str:
    return page.split('name="csrf-token" content="')[1].split('"')[0]


def test_what_is_served_is_what_is_tested(site: Site) -> None:
    served = requests.get(f"{site.url}/api/v1/openapi.json", timeout=10).json()
    assert served == describe(api.calls) and len(served["paths"]) > 25


@schema.parametrize()
@SHORT
def test_every_answer_is_as_described(case: schemathesis.Case, site: Site, bearer: dict[str, str]) -> None:
    case.call_and_validate(base_url=site.url, headers=bearer, checks=CHECKED)


@without_token.include(path_regex="/tokens").parametrize()
@SHORT
def test_tokens_asked_for_in_person(case: schemathesis.Case, site: Site, in_person: requests.Session) -> None:
    case.call_and_validate(base_url=site.url, session=in_person, checks=CHECKED)


@pytest.mark.slow
@without_token.parametrize()  # each request has one: leaving it out is tested by test_every_answer_is_as_described
@LONG
def test_every_answer_is_as_described_at_length(case: schemathesis.Case, site: Site, bearer: dict[str, str]) -> None:
    case.call_and_validate(base_url=site.url, headers=bearer, checks=CHECKED)
