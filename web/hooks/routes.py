"""/webhooks: the state of each, what was sent, a test, a new try."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from appliance.errors import SwitchroomError
from appliance.users.rights import Right
from appliance.webhooks.sign import new_secret
from web import reasons
from web.app import services
from web.hooks import service
from web.security.access import needs

blueprint = Blueprint("hooks", __name__, url_prefix="/webhooks", template_folder="templates")


def _page(problem: SwitchroomError | None = None) -> ResponseReturnValue:
    box = services()
    chosen = request.args.get("of", "")[:64]
    page = render_template("hooks/index.html", hooks=service.hooks(box), messages=service.messages(box, chosen), chosen=chosen,
                           problem=problem, secret=new_secret(), why=reasons.webhook)
    return page, 400 if problem else 200


@blueprint.get("")
@needs(Right.CONFIG_EDIT)
def index() -> ResponseReturnValue:
    """`of`: the messages of this webhook alone."""
    return _page()


@blueprint.post("/<name>/test")
@needs(Right.CONFIG_EDIT)
def test(name: str) -> ResponseReturnValue:
    try:
        service.test(services(), name)
    except SwitchroomError as problem:
        return _page(problem)
    flash(_("A test is on its way to %(name)s. Load the page again to see what became of it.", name=name))
    return redirect(url_for("hooks.index", of=name))


@blueprint.post("/messages/<int:number>")
@needs(Right.CONFIG_EDIT)
def retry(number: int) -> ResponseReturnValue:
    try:
        again = service.retry(services(), number)
    except SwitchroomError as problem:
        return _page(problem)
    return redirect(url_for("hooks.index", of=again.hook))
