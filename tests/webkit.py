"""The pages without a network: an application on a folder of its own, people of each role, and forms sent as a browser does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import argon2
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.clock import ManualClock
from appliance.config.store import Store
from appliance.system.paths import ensure_layout
from appliance.users.model import User
from appliance.users.rights import ROLES
from web.app import Services, create_app, make_services

OFFICE = Path(__file__).parent / "office" / "office.toml"
PASSWORD = "correct horse battery"
HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""Quick to verify, since a hash says what it costs; those that the pages make are slow on purpose (test_web_auth.py)."""


class Pages:
    """Give back with `close`."""

    def __init__(self, folder: Path, *, people: bool = True, office: Path | None = OFFICE) -> None:
        ensure_layout(folder)
        self.clock = ManualClock()
        if office is not None:
            Store(folder, self.clock).import_file(office, by="test")
        self.box: Services = make_services(folder, self.clock)
        self.app: Flask = create_app(folder, self.box)
        for role in ROLES if people else ():
            self.box.users.put_user(User(login=role, name=role.title(), role=role, password=HASH))

    def close(self) -> None:
        self.box.close()

    def browser(self, login: str = "") -> Browser:
        browser = Browser(self.app.test_client())
        if login:
            answer = browser.post("/login", login=login, password=PASSWORD)
            assert answer.status_code == 302, answer.text
        return browser


class Browser:
    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.client.get(path, **kwargs)

    def token(self) -> str:
        page = self.client.get("/me")
        page = page if page.status_code == 200 else self.client.get("/login", follow_redirects=True)
        found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert found, page.text
        return found[1]

    def post(self, path: str, **fields: Any) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.token(), **fields})
