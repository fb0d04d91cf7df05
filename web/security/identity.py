"""Who asks: the person of the session; at the API also a program, by the token in `Authorization: Bearer`.

At the pages a token counts for nothing: there people change their password and second factor, and no program may for them."""

from __future__ import annotations

from typing import cast

from flask import Flask, g, request, session

from appliance.users.model import User
from appliance.users.store import UserStore
from web.security.sessions import WebSession

API = "/api/"


def identify(app: Flask, users: UserStore) -> None:
    def find() -> None:
        g.user, g.scopes = None, None
        header = request.headers.get("Authorization", "")
        if header.startswith("Bearer ") and request.path.startswith(API):
            g.user, g.scopes = _by_token(users, header.removeprefix("Bearer ").strip())
            g.by_token = g.user is not None
            return
        stored = cast(WebSession, session).stored
        g.user = _current(users, stored.login, stored.epoch)

    app.before_request(find)


def _by_token(users: UserStore, secret: str) -> tuple[User | None, frozenset[str] | None]:
    token = users.token(secret[:128])
    if token is None:
        return None, frozenset()
    return _current(users, token.login, token.epoch), frozenset(token.scopes)


def _current(users: UserStore, login: str, epoch: int) -> User | None:
    """The person as of now: a right that was taken away is gone with the next request."""
    user = users.user(login) if login else None
    return user if user is not None and user.epoch == epoch and not user.disabled else None
