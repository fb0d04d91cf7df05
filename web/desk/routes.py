"""GET /desk: the agent's own desk, kept fresh by /desk/events; what is done from it comes by forms."""

from __future__ import annotations

from typing import cast, get_args

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from appliance.errors import SwitchroomError
from appliance.users.model import User
from appliance.users.rights import Right
from web.app import services
from web.audit.service import note, who
from web.desk import service
from web.desk.service import DeskAction
from web.live import stream
from web.live.hub import State
from web.security.access import needs

blueprint = Blueprint("desk", __name__, template_folder="templates")


def _draw(state: State, user: User) -> dict[str, str]:
    config = services().config
    now = service.look(state, user.agent)
    return {"own": render_template("desk/own.html", now=now, breaks=config.breaks),
            "card": render_template("desk/card.html", card=now.card)}


def _page(problem: SwitchroomError | None = None) -> ResponseReturnValue:
    box = services()
    pieces = _draw(box.hub.wait(0, 3.0), g.user)
    page = render_template("desk/index.html", pieces=pieces, problem=problem, outcomes=box.config.outcomes,
                           missed=service.missed(box, g.user))
    return page, 400 if problem else 200


@blueprint.get("/desk")
@needs(Right.DESK)
def index() -> ResponseReturnValue:
    return _page()


@blueprint.get("/desk/events")
@needs(Right.DESK)
def events() -> ResponseReturnValue:
    return stream.respond(_draw)


@blueprint.post("/desk/order")
@needs(Right.DESK)
def order() -> ResponseReturnValue:
    """`order`: what, and for a break its reason."""
    action, _, reason = request.form.get("order", "").partition(" ")
    if action not in get_args(DeskAction):
        raise SwitchroomError("web.bad-form", "This form is not known.", "Load the page again.")
    try:
        service.order(services(), g.user, who(), cast(DeskAction, action), reason)
    except SwitchroomError as problem:
        return _page(problem)
    return redirect(url_for("desk.index"))


@blueprint.post("/desk/outcome")
@needs(Right.DESK)
def outcome() -> ResponseReturnValue:
    try:
        service.outcome(services(), g.user, who(), request.form.get("code", "")[:3])
    except SwitchroomError as problem:
        return _page(problem)
    return redirect(url_for("desk.index"))


@blueprint.post("/desk/missed")
@needs(Right.MISSED)
def missed() -> ResponseReturnValue:
    """`take` or `done`: the contact."""
    done = request.form.get("done", "")
    contact = done or request.form.get("take", "")
    try:
        note("missed.done" if done else "missed.take", contact[:64])
        service.mark(services(), g.user, contact, bool(done))
    except SwitchroomError as problem:
        return _page(problem)
    return redirect(url_for("desk.index"))
