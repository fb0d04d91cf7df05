"""GET / and /live: the day as it goes; GET /live/events: what changes of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast, get_args

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from appliance.errors import SwitchroomError
from appliance.users.model import User
from appliance.users.rights import Right
from web.app import services
from web.campaigns import running
from web.live import orders, stream
from web.live.fragments import FRAGMENTS, draw, parts_of
from web.live.hub import State
from web.live.orders import AgentAction
from web.security.access import needs, signed_in

blueprint = Blueprint("live", __name__, template_folder="templates")


@blueprint.get("/")
@signed_in
def home() -> ResponseReturnValue:
    """Each to the page that the day is worked from."""
    pages = ((Right.LIVE_VIEW, "live.index"), (Right.DESK, "desk.index"))
    return redirect(url_for(next((page for right, page in pages if g.user.may(right)), "auth.me")))


@blueprint.get("/live")
@needs(Right.LIVE_VIEW)
def index() -> ResponseReturnValue:
    return _page()


def _page(problem: SwitchroomError | None = None) -> ResponseReturnValue:
    state = services().hub.wait(0, 3.0, parts_of(FRAGMENTS))
    pieces = _draw(FRAGMENTS, state, g.user)
    return render_template("live/index.html", state=state, pieces=pieces, problem=problem), 400 if problem else 200


def _draw(names: Iterable[str], state: State, user: User) -> dict[str, str]:
    campaigns = {"campaigns": running.draw_if_any(user, state.version)} if user.may(Right.CAMPAIGNS_VIEW) else {}
    return {**{name: draw(name, state, user) for name in names}, **campaigns}


@blueprint.post("/live/order")
@needs(Right.LIVE_ACT)
def order_agent() -> ResponseReturnValue:
    """`order`: what, and the agent's id."""
    action, _, agent = request.form.get("order", "").partition(" ")
    if action not in get_args(AgentAction):
        raise SwitchroomError("web.bad-form", "This form is not known.", "Load the page again.")
    try:
        orders.order_agent(agent, cast(AgentAction, action))
    except SwitchroomError as problem:
        return _page(problem)
    return redirect(url_for("live.index"))


@blueprint.post("/live/end-call")
@needs(Right.LIVE_ACT)
def end_call() -> ResponseReturnValue:
    try:
        orders.end_call(request.form.get("call", ""))
    except SwitchroomError as problem:
        return _page(problem)
    return redirect(url_for("live.index"))


@blueprint.get("/live/move/<contact>")
@needs(Right.LIVE_ACT)
def move(contact: str) -> ResponseReturnValue:
    """Where a waiting caller can be sent."""
    found = orders.waiting(contact)
    return render_template("live/move.html", contact=found, places=orders.places(found))


@blueprint.post("/live/move/<contact>")
@needs(Right.LIVE_ACT)
def do_move(contact: str) -> ResponseReturnValue:
    try:
        orders.move(contact, request.form.get("to", ""))
    except SwitchroomError as problem:
        return _page(problem)
    return redirect(url_for("live.index"))


@blueprint.get("/live/events")
@needs(Right.LIVE_VIEW)
def events() -> ResponseReturnValue:
    """text/event-stream: an event a fragment, by its name, with its HTML; "core" with up or down. Only what changed is sent."""
    wanted = [name for name in request.args.get("pieces", "").split(",") if name in FRAGMENTS] or list(FRAGMENTS)
    return stream.respond(lambda state, user: _draw(wanted, state, user), parts_of(wanted))
