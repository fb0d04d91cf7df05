"""`switchroom token`: made for a program, shown once, ended; noted as at the pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from appliance.audit import waiting
from appliance.cli.main import cli
from appliance.users import tokens
from appliance.users.store import UserStore
from tests.peers.cli import refused, run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    run(tmp_path, "user", "add", "ann", "--role", "supervisor")
    return tmp_path


def lives(data: Path, secret: str) -> bool:
    store = UserStore(data)
    try:
        return store.token(secret) is not None
    finally:
        store.close()


def test_a_token_is_made_shown_once_and_ended(data: Path) -> None:
    made = run(data, "token", "make", "ann", "crm", "--scope", "calls.view", "--scope", "figures.view", "--days", "30")
    (shown,) = run(data, "token", "list")
    assert (shown["id"], shown["name"], shown["login"], shown["scopes"]) == (
        made["id"], "crm", "ann", ["calls.view", "figures.view"])
    assert shown["until"] == pytest.approx(shown["made"] + 30 * 86_400, abs=60)
    assert made["secret"] not in json.dumps(shown) and lives(data, made["secret"])
    assert run(data, "token", "list", "--of", "bob") == []
    run(data, "token", "drop", made["id"])
    assert run(data, "token", "list") == [] and not lives(data, made["secret"])
    notes = [(each.what, each.target, each.detail) for each in waiting(data)][-2:]
    assert notes == [("token.make", "crm of ann", "calls.view, figures.view"), ("token.drop", made["id"], "crm of ann")]


def test_it_gets_no_right_that_its_person_lacks(data: Path) -> None:
    assert refused(data, "token", "make", "ann", "x", "--scope", "users.edit") == "users.no-right"
    assert refused(data, "token", "make", "bob", "x", "--scope", "calls.view") == "users.unknown"
    assert refused(data, "token", "drop", "nobody") == "users.unknown"
    assert run(data, "token", "list") == [] and [each.what for each in waiting(data)] == ["user.add"]


def test_one_person_has_only_so_many(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_TOKENS", 1)
    run(data, "token", "make", "ann", "one", "--scope", "calls.view")
    assert refused(data, "token", "make", "ann", "two", "--scope", "calls.view") == "users.too-many"


@pytest.mark.parametrize("words", [("ann", "x"), ("ann", "x", "--scope", "everything"), ("ann", " ", "--scope", "calls.view"),
                                   ("ann", "x", "--scope", "calls.view", "--days", "99999")])
def test_wrong_use_is_told(data: Path, words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(cli, ["--data", str(data), "token", "make", *words]).exit_code == 2
