"""Which right each page and call needs, said beside its function; a function that says nothing is not served.

    @blueprint.get("/live")
    @needs(Right.LIVE_VIEW)
    def live() -> ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from flask import Flask, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from appliance.errors import SwitchroomError
from appliance.users.model import User
from appliance.users.rights import Right

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Access:
    """`who`: "all", "signed-in", or "right": who has any of `rights`."""

    who: Literal["all", "signed-in", "right"]
    rights: frozenset[Right] = frozenset()

    def allows(self, user: User | None, scopes: frozenset[Right] | None = None) -> bool:
        """`scopes` of the token that is used; None: a person at a page."""
        if self.who == "all":
            return True
        if user is None or user.disabled:
            return False
        if self.who == "signed-in":
            return True
        return any(user.may(right) and (scopes is None or right in scopes) for right in self.rights)


def _mark(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]
        return view

    return mark


open_to_all = _mark(Access("all"))
signed_in = _mark(Access("signed-in"))


def needs(*rights: Right) -> Callable[[View], View]:
    """Any of these."""
    return _mark(Access("right", frozenset(rights)))


def access_of(app: Flask, endpoint: str) -> Access:
    access = getattr(app.view_functions[endpoint], "access", None)
    if not isinstance(access, Access):
        raise RuntimeError(f"{endpoint} does not say who may use it: mark it with needs(), signed_in or open_to_all")
    return access


def guard(app: Flask) -> None:
    """Check every request; refuse to build an application with a page that does not say who may see it."""
    for endpoint in app.view_functions:
        access_of(app, endpoint)
    app.before_request(_check)


def _check() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None  # no such page: Flask answers 404, or 405
    access = access_of(current_app, request.endpoint)
    if access.allows(g.user, g.scopes):
        return None
    if g.user is None:
        if request.method == "GET" and not request.path.startswith("/api/") and not request.headers.get("HX-Request"):
            return redirect(url_for("auth.login", next=request.full_path.rstrip("?")))
        raise SwitchroomError("web.sign-in", "You are not signed in.", "Sign in, or send a valid token.")
    raise SwitchroomError("web.forbidden", "You may not do this.", "Ask an administrator for the right.")


def may(right: Right) -> bool:
    """For templates and views: whether who asks may do this."""
    return Access("right", frozenset({right})).allows(g.get("user"), g.get("scopes"))
