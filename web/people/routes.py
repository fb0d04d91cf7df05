"""/people: who may use the pages, with which role."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from appliance.errors import SwitchroomError
from appliance.users import passwords
from appliance.users.model import User
from appliance.users.rights import RIGHTS, ROLES, Right
from web.app import services
from web.security.access import needs

blueprint = Blueprint("people", __name__, url_prefix="/people", template_folder="templates")


@blueprint.get("")
@needs(Right.USERS_EDIT)
def index() -> ResponseReturnValue:
    return _page()


def _page(problem: SwitchroomError | None = None, given: tuple[str, str] | None = None) -> ResponseReturnValue:
    """`given`: a name and its first password, shown this once."""
    box = services()
    page = render_template("people/index.html", people=box.users.users(), roles=ROLES, rights=RIGHTS, problem=problem,
                           given=given, config=box.config)
    return page, 400 if problem else 200


def _convert(fields: dict[str, Any]) -> User:
    try:
        return msgspec.convert(fields, User)
    except msgspec.ValidationError:
        raise SwitchroomError("users.bad", _("This name cannot be used."),
                              _("The name for signing in has small Latin letters, digits, dots and dashes.")) from None


def _scope(form: MultiDict[str, str]) -> dict[str, Any]:
    return {"name": form.get("name", "").strip(), "role": form.get("role", "viewer"), "agent": form.get("agent", ""),
            "queues": form.getlist("queues") or None, "lists": form.getlist("lists") or None}


@blueprint.post("")
@needs(Right.USERS_EDIT)
def add() -> ResponseReturnValue:
    form, users = request.form, services().users
    login, password = form.get("login", "").strip().lower()[:64], secrets.token_urlsafe(12)
    try:
        if users.user(login):
            raise SwitchroomError("users.taken", _("There is a user of this name."), _("Choose another name."))
        users.put_user(_convert({"login": login, "password": passwords.hashed(password), **_scope(form)}))
    except SwitchroomError as problem:
        return _page(problem)
    return _page(given=(login, password))


@blueprint.post("/<login>")
@needs(Right.USERS_EDIT)
def change(login: str) -> ResponseReturnValue:
    """`do`: save, password (a new one is made), disable, enable, second-factor-off, remove."""
    user = services().users.user(login)
    if user is None:
        raise SwitchroomError("users.unknown", _("There is no such user."), _("Load the page again."))
    try:
        password = _do(user, request.form)
    except SwitchroomError as problem:
        return _page(problem)
    if password:
        return _page(given=(login, password))
    flash(_("Saved."))
    return redirect(url_for("people.index"))


def _do(user: User, form: MultiDict[str, str]) -> str:
    """Returns the new password where one was made. Every change ends the sessions that went by what was before."""
    users, replace = services().users, msgspec.structs.replace
    match form.get("do"):
        case "save":
            users.put_user(_convert(msgspec.to_builtins(user) | _scope(form) | {"epoch": user.epoch + 1}))
        case "password":
            password = secrets.token_urlsafe(12)
            users.put_user(replace(user, password=passwords.hashed(password), epoch=user.epoch + 1))
            return password
        case "disable" | "enable" as what:
            users.put_user(replace(user, disabled=what == "disable", epoch=user.epoch + 1))
        case "second-factor-off":
            users.put_user(replace(user, totp="", totp_used=0, epoch=user.epoch + 1))
        case "remove" if user.login == g.user.login:
            raise SwitchroomError("users.yourself", _("You cannot remove yourself."), _("Another administrator can."))
        case "remove":
            users.remove_user(user.login)
        case _:
            raise SwitchroomError("web.bad-form", _("This form is not known."), _("Load the page again."))
    return ""
