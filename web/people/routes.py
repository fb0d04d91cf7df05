"""/people: who may use the pages, with which role."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from appliance.errors import SwitchroomError
from appliance.users import admin
from appliance.users.model import User
from appliance.users.rights import RIGHTS, ROLES, Right
from web.app import services
from web.audit.service import note
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
                           given=given, config=box.config,
                           agents=[("", _("nobody")), *((each.id, each.name) for each in box.config.agents)])
    return page, 400 if problem else 200


def _scope(form: MultiDict[str, str]) -> dict[str, Any]:
    return {"name": form.get("name", "").strip(), "role": form.get("role", "viewer"), "agent": form.get("agent", ""),
            "queues": form.getlist("queues") or None, "lists": form.getlist("lists") or None}


@blueprint.post("")
@needs(Right.USERS_EDIT)
def add() -> ResponseReturnValue:
    form = request.form
    login = form.get("login", "").strip().lower()[:64]
    try:
        note("user.add", login, f"role {form.get('role', 'viewer')}")
        password = admin.add(services().users, login, **_scope(form))
    except SwitchroomError as problem:
        return _page(problem)
    return _page(given=(login, password))


@blueprint.post("/<login>")
@needs(Right.USERS_EDIT)
def change(login: str) -> ResponseReturnValue:
    """`do`: save, password (a new one is made), disable, enable, second-factor-off, remove."""
    user = services().users.user(login)
    if user is None:
        raise SwitchroomError("users.unknown", "There is no such user.", "Load the page again.")
    try:
        password = _do(user, request.form)
    except SwitchroomError as problem:
        return _page(problem)
    if password:
        return _page(given=(login, password))
    flash(_("Saved."))
    return redirect(url_for("people.index"))


def _do(user: User, form: MultiDict[str, str]) -> str:
    """Returns the new password where one was made."""
    users, login = services().users, user.login
    note(f"user.{form.get('do', '')[:32]}", login, f"role {form.get('role', '')}" if form.get("do") == "save" else "")
    match form.get("do"):
        case "save":
            admin.change(users, login, **_scope(form))
        case "password":
            return admin.new_password(users, login)
        case "disable" | "enable" as what:
            admin.change(users, login, disabled=what == "disable")
        case "second-factor-off":
            admin.second_factor_off(users, login)
        case "remove" if login == g.user.login:
            raise SwitchroomError("users.yourself", "You cannot remove yourself.", "Another administrator can.")
        case "remove":
            users.remove_user(login)
        case _:
            raise SwitchroomError("web.bad-form", "This form is not known.", "Load the page again.")
    return ""
