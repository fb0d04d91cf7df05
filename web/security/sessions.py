"""Flask's session on the server: the browser holds a random cookie, DATA/users what belongs to it.

A session ends on the server when somebody signs out, changes the password or is removed. Signing in gives a new cookie, so one
that somebody else had put into the browser before (session fixation) is worth nothing.
"""

from __future__ import annotations

import secrets
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.datastructures import CallbackDict

from appliance.users.model import Session
from appliance.users.store import UserStore

COOKIE_BYTES = 32
SEEN_EVERY = 60.0
"""Seconds: how often being used is noted."""


class WebSession(CallbackDict[str, Any], SessionMixin):
    def __init__(self, cookie: str, stored: Session) -> None:
        def changed(_: Any) -> None:
            self.modified = True

        super().__init__(stored.data, changed)
        self.modified = False
        self.cookie = cookie
        self.old_cookie = ""
        self.stored = stored

    def sign_in(self, login: str, epoch: int, now: float) -> None:
        self.old_cookie, self.cookie = self.cookie, ""
        self.clear()
        self.stored = Session(login=login, epoch=epoch, began=now, seen=now)
        self.modified = True

    def sign_out(self, now: float) -> None:
        self.sign_in("", 0, now)


class StoredSessions(SessionInterface):
    def __init__(self, users: UserStore, secure: bool) -> None:
        self._users = users
        self._secure = secure
        self.cookie_name = "__Host-switchroom" if secure else "switchroom"

    def open_session(self, app: Flask, request: Request) -> WebSession:
        cookie = request.cookies.get(self.cookie_name, "")
        now = self._users.clock.utc()
        stored = self._users.session(cookie) if cookie else None
        if stored is None:
            return WebSession("", Session(began=now, seen=now))
        session = WebSession(cookie, stored)
        session.modified = now - stored.seen > SEEN_EVERY
        return session

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        assert isinstance(session, WebSession)
        if session.old_cookie:
            self._users.drop_session(session.old_cookie)
        if not session.modified:
            return
        session.cookie = session.cookie or secrets.token_urlsafe(COOKIE_BYTES)
        kept = Session(login=session.stored.login, epoch=session.stored.epoch, began=session.stored.began,
                       seen=self._users.clock.utc(), data=dict(session))
        self._users.put_session(session.cookie, kept)
        response.set_cookie(self.cookie_name, session.cookie, httponly=True, samesite="Lax", secure=self._secure, path="/")
        response.headers.add("Vary", "Cookie")
