"""GET /desk: the agent's own desk, kept fresh by /desk/events; what is done from it comes by forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast, get_args

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from appliance.errors import SwitchroomError
from appliance.users.model import User
from appliance.users.rights import Right
from web.app import Services, services
from web.audit.service import note, who
from web.calls import words
from web.desk import own, service
from web.desk.service import DeskAction
from web.live import stream
from web.live.hub import State
from web.security.access import needs

blueprint = Blueprint("desk", __name__, template_folder="templates")


class Pieces:
    """The pieces of one desk. Each is drawn anew only when what it shows has changed: what was opened in it stays open."""

    def __init__(self, wanted: str = "") -> None:
        """`wanted`: a contact whose note is asked for beside the last ones."""
        self._wanted = wanted
        self._last: dict[str, tuple[object, str]] = {}

    def draw(self, state: State, user: User) -> dict[str, str]:
        box = services()
        config, agent = box.config, bool(user.agent)
        now, known = service.look(box, state, user), service.talks(box, state, user)
        asked = [each for each in known if each.contact == self._wanted]
        notes = asked + [each for each in known if each.contact != self._wanted][: service.OPEN_NOTES]
        return {
            "own": self._piece("own", (now.agent, config.breaks), now=now, breaks=config.breaks),
            "card": self._piece("card", now.card, card=now.card, words=words, may_open=user.may(Right.CALLS_VIEW)),
            "notes": self._piece("notes", (notes, config.outcomes), talks=notes, outcomes=config.outcomes),
            "figures": self._piece("figures", found := own.today(box, user.agent) if agent else [], figures=found),
            "callbacks": self._piece("callbacks", back := service.callbacks(state, user), callbacks=back, calls=agent),
            "missed": self._piece("missed", missed := service.missed(box, user), missed=missed, calls=agent),
        }

    def _piece(self, name: str, shows: object, **more: object) -> str:
        known = self._last.get(name)
        if known is None or known[0] != shows:
            known = self._last[name] = shows, render_template(f"desk/{name}.html", **more)
        return known[1]


def _page(problem: SwitchroomError | None = None) -> ResponseReturnValue:
    box = services()
    state = box.hub.wait(0, 3.0)
    page = render_template(
        "desk/index.html", agent=bool(g.user.agent), pieces=Pieces(request.values.get("note", "")).draw(state, g.user),
        problem=problem,
        talks=service.talks(box, state, g.user), noted=request.args.get("noted", ""), typed=request.form.get("number", ""))
    return page, 400 if problem else 200


def _done(work: Callable[[Services], object], noted: str | None = None) -> ResponseReturnValue:
    """Do it, and back to the desk; or the desk with what was wrong."""
    try:
        work(services())
    except SwitchroomError as problem:
        return _page(problem)
    return redirect(url_for("desk.index", noted=noted))


def _state(box: Services) -> State:
    return box.hub.wait(0, 3.0)


@blueprint.get("/desk")
@needs(Right.DESK)
def index() -> ResponseReturnValue:
    return _page()


@blueprint.get("/desk/events")
@needs(Right.DESK)
def events() -> ResponseReturnValue:
    return stream.respond(Pieces(request.args.get("note", "")).draw)


@blueprint.post("/desk/order")
@needs(Right.DESK)
def order() -> ResponseReturnValue:
    """`order`: what, and for a break its reason."""
    action, _space, reason = request.form.get("order", "").partition(" ")
    if action not in get_args(DeskAction):
        raise SwitchroomError("web.bad-form", "This form is not known.", "Load the page again.")
    return _done(lambda box: service.order(box, g.user, who(), cast(DeskAction, action), reason))


@blueprint.post("/desk/call")
@needs(Right.DESK)
def call() -> ResponseReturnValue:
    """`to` (a button of a list) or `number` (typed)."""
    number = request.form.get("to") or request.form.get("number", "")
    try:
        service.call(services(), g.user, who(), number)
    except SwitchroomError as problem:
        return _page(problem)
    flash(_("Your phone rings. Pick it up, then %(number)s is called.", number=number[:64]))
    return redirect(url_for("desk.index"))


@blueprint.post("/desk/callback")
@needs(Right.DESK)
def callback() -> ResponseReturnValue:
    contact = request.form.get("take", "")
    note("callback.take", contact[:64])
    return _done(lambda box: service.take_callback(box, _state(box), g.user, who(), contact))


@blueprint.post("/desk/note")
@needs(Right.DESK)
def write() -> ResponseReturnValue:
    """`contact`, and of that contact the fields `note-ID` and `outcome-ID`; "" is no outcome."""
    contact = request.form.get("contact", "")

    def work(box: Services) -> None:
        state = _state(box)
        service.write(box, state, g.user, who(), contact, request.form.get(f"note-{contact}", ""))
        code = request.form.get(f"outcome-{contact}", "")
        if code:
            service.outcome(box, state, g.user, who(), code[:3], contact)

    return _done(work, noted=contact[:64])


@blueprint.post("/desk/missed")
@needs(Right.MISSED)
def missed() -> ResponseReturnValue:
    """`call`, `take` or `done`: the contact."""
    form = request.form
    done, calls = form.get("done", ""), form.get("call", "")
    contact = done or calls or form.get("take", "")

    def work(box: Services) -> None:
        note("missed.done" if done else "missed.take", contact[:64])
        if calls:
            service.call_missed(box, g.user, who(), contact)
        else:
            service.mark(box, g.user, contact, bool(done))

    return _done(work)
