"""/people: who may use the pages, with which role."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from appliance.errors import SwitchroomError
from appliance.users.rights import RIGHTS, Right
from web.app import services
from web.people import service
from web.people.words import roles
from web.security.access import needs

blueprint = Blueprint("people", __name__, url_prefix="/people", template_folder="templates")


@blueprint.get("")
@needs(Right.USERS_EDIT)
def index() -> ResponseReturnValue:
    return _page()


def _page(problem: SwitchroomError | None = None, given: tuple[str, str] | None = None) -> ResponseReturnValue:
    """`given`: a name and its first password, shown this once."""
    box = services()
    page = render_template("people/index.html", people=box.users.users(), roles=roles(), rights=RIGHTS, problem=problem,
                           given=given, config=box.config,
                           agents=[("", _("nobody")), *((each.id, each.name) for each in box.config.agents)])
    return page, 400 if problem else 200


def _scope(form: MultiDict[str, str]) -> dict[str, Any]:
    """All queues or lists by their own tick alone: no tick means none."""
    return {"name": form.get("name", "").strip(), "role": form.get("role", "viewer"), "agent": form.get("agent", ""),
            **{key: None if f"{key}_all" in form else form.getlist(key) for key in ("queues", "lists")}}


@blueprint.post("")
@needs(Right.USERS_EDIT)
def add() -> ResponseReturnValue:
    login = request.form.get("login", "").strip().lower()[:64]
    try:
        password = service.add(login, **_scope(request.form))
    except SwitchroomError as problem:
        return _page(problem)
    return _page(given=(login, password))


@blueprint.post("/<login>")
@needs(Right.USERS_EDIT)
def change(login: str) -> ResponseReturnValue:
    """`do`: save, or what `service.order` knows."""
    login, do = service.known(login).login, request.form.get("do", "")
    try:
        if do == "save":
            service.save(login, **_scope(request.form))
        elif password := service.order(login, do):
            return _page(given=(login, password))
    except SwitchroomError as problem:
        return _page(problem)
    flash(_("Saved."))
    return redirect(url_for("people.index"))
