"""/me/tokens: the ways in that one has made for programs. The API has the same (web/api/tokens.py), and `switchroom token`."""

from __future__ import annotations

from flask import g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from appliance.errors import SwitchroomError
from appliance.users import tokens as tokens_of
from appliance.users.rights import RIGHTS, Right
from web.app import services
from web.audit.service import note
from web.auth.routes import blueprint
from web.security.access import signed_in

USUAL_DAYS = 365
MOST_NAME = 64


@blueprint.get("/me/tokens")
@signed_in
def tokens() -> ResponseReturnValue:
    return _page()


def _page(problem: SwitchroomError | None = None, secret: str = "") -> ResponseReturnValue:
    """`secret` is shown this once."""
    own = [each for each in services().users.tokens() if each.login == g.user.login]
    return render_template("auth/tokens.html", tokens=own, rights=[right for right in Right if right in RIGHTS[g.user.role]],
                           problem=problem, secret=secret, typed=request.form, days=USUAL_DAYS,
                           most_days=tokens_of.MAX_DAYS), 400 if problem else 200


@blueprint.post("/me/tokens")
@signed_in
def make_token() -> ResponseReturnValue:
    try:
        name, scopes, days = _asked()
        _, secret = tokens_of.make(services().users, g.user, name, scopes, days, note)
    except SwitchroomError as problem:
        return _page(problem)
    return _page(secret=secret)


def _asked() -> tuple[str, list[Right], int]:
    form = request.form
    name, days = form.get("name", "").strip(), form.get("days", "").strip()
    scopes = [right for right in Right if right in form.getlist("scopes")]
    if not 0 < len(name) <= MOST_NAME:
        raise SwitchroomError("web.bad-form", "The token has no name.", "Say which program it is for, in at most 64 letters.")
    if not scopes:
        raise SwitchroomError("web.bad-form", "The token may do nothing.", "Choose at least one of the rights.")
    if not (days.isascii() and days.isdecimal() and len(days) < 6 and int(days) <= tokens_of.MAX_DAYS):
        raise SwitchroomError("web.bad-form", "This is no number of days.", "Write a whole number up to 3650; 0: no end.")
    return name, scopes, int(days)


@blueprint.post("/me/tokens/<id>/end")
@signed_in
def end_token(id: str) -> ResponseReturnValue:
    try:
        tokens_of.drop(services().users, id, lambda each: each.login == g.user.login, note)
    except SwitchroomError as problem:
        return _page(problem)
    return redirect(url_for("auth.tokens"))
