"""/campaigns: those under way and those over, starting one, its page. Lists and messages: list_routes.py, message_routes.py."""

from __future__ import annotations

import secrets
import time
from typing import Literal, cast, get_args

from flask import Blueprint, Response, flash, g, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from appliance.errors import SwitchroomError
from appliance.users.model import User
from appliance.users.rights import Right
from web.app import services
from web.audit.service import note
from web.campaigns import lists, messages, running, service, words
from web.campaigns.service import Action, Forecast, Order
from web.errors import status_of
from web.live import stream
from web.live.hub import State
from web.security.access import may, needs

blueprint = Blueprint("campaigns", __name__, url_prefix="/campaigns", template_folder="templates")
MIMETYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
MANY_LINES = 1000
PEOPLE_SECONDS = 2.0
"""So long at least between two looks at the people of a campaign: there may be 200,000."""


def status_for(problem: SwitchroomError | None) -> int:
    return status_of(problem.id) if problem is not None else 200


@blueprint.get("")
@needs(Right.CAMPAIGNS_VIEW)
def index() -> ResponseReturnValue:
    """`before`: the last campaign of the page before."""
    before = request.args.get("before", 0, int)
    found = service.page(max(0, before))
    older = found[-1].id if len(found) >= service.PAGE else 0
    return render_template("campaigns/index.html", running=running.draw(g.user), older=older, before=before,
                           words=words, past=[each for each in found if not each.open])


@blueprint.get("/events")
@needs(Right.CAMPAIGNS_VIEW)
def events() -> ResponseReturnValue:
    """text/event-stream: "running", the campaigns that are not over."""
    return stream.respond(lambda state, user: {"running": running.draw(user)})


# ---- starting one ----------------------------------------------------------------------------------------------------


@blueprint.get("/new")
@needs(Right.CAMPAIGNS_RUN)
def new() -> ResponseReturnValue:
    return _new(request.args.to_dict())


def _new(typed: dict[str, str], problem: SwitchroomError | None = None, told: Forecast | None = None,
         order: Order | None = None) -> ResponseReturnValue:
    box = services()
    shown = {each.number: each for each in lists.all_lists()}
    kept = messages.all_kept(box)
    return render_template(
        "campaigns/new.html", typed=typed, problem=problem, told=told, order=order, words=words, scenarios=box.config.scenarios,
        lists=list(shown.values()), list=shown.get(order.list) if order is not None else None,
        scenario=box.config.scenario(order.scenario) if order is not None else None, kept=kept,
        message=next((each for each in kept if order is not None and each.id == order.message), None),
        office_language=box.config.office.language), status_for(problem)


@blueprint.post("/new")
@needs(Right.CAMPAIGNS_RUN)
def create() -> ResponseReturnValue:
    """First what it would be ("look"), then the start ("start"). A message that was typed or uploaded is kept before that."""
    typed = request.form.to_dict()
    try:
        if typed.get("do") != "start":
            made = _message()
            if made:
                typed |= {"message": made, "text": ""}
        typed["key"] = typed.get("key") or secrets.token_hex(8)
        order = _order(typed)
        if typed.get("do") != "start":
            return _new(typed, told=service.forecast(order), order=order)
        try:
            started = service.start(order)
        except SwitchroomError as problem:
            if problem.id != "campaign.under-way":
                raise
            return _new(typed, problem, told=service.forecast(order), order=order)
    except SwitchroomError as problem:
        return _new(typed, problem)
    flash(_("Campaign %(number)s is planned.", number=started.campaign) if order.at else
          _("Campaign %(number)s has begun.", number=started.campaign))
    return redirect(url_for("campaigns.show", id=started.campaign))


def _message() -> str:
    """The id of the message that came with the form; "" where one was chosen."""
    file, text = request.files.get("file"), request.form.get("text", "")
    if file is not None and file.filename:
        return messages.upload(file.stream, file.filename).id
    if text.strip():
        return messages.speak(text, request.form.get("language", "")).id
    return ""


def _order(typed: dict[str, str]) -> Order:
    wanted = typed.get("lines", "").strip()
    lines = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 5 else 0
    if wanted and not 1 <= lines <= MANY_LINES:
        raise SwitchroomError("campaign.bad-lines", "This is no number of lines.", "Write a whole number, or leave it empty.")
    if not typed.get("message"):
        raise SwitchroomError("campaign.no-message", "There is no message yet.", "Type one, upload one, or choose one.")
    at = service.local_time(typed.get("at", "")) if typed.get("when") == "later" else 0.0
    if typed.get("when") == "later" and not at:
        raise SwitchroomError("campaign.bad-time", "When shall it begin?", "Choose day and time, or start now.")
    return Order(scenario=typed.get("scenario", ""), list=typed.get("list", ""), message=typed["message"], lines=lines or None,
                 at=at, key=typed.get("key", "")[:32], beside="beside" in typed)


@blueprint.get("/scenarios")
@needs(Right.CAMPAIGNS_VIEW)
def scenarios() -> ResponseReturnValue:
    return render_template("campaigns/scenarios.html", scenarios=list(enumerate(services().config.scenarios)), words=words,
                           edits=may(Right.CONFIG_VIEW))


# ---- one campaign ----------------------------------------------------------------------------------------------------


@blueprint.get("/<int:id>")
@needs(Right.CAMPAIGNS_VIEW)
def show(id: int) -> ResponseReturnValue:
    """`outcome`: whom to list; `after`: from which place on."""
    return _show(id)


def _show(id: int, problem: SwitchroomError | None = None) -> ResponseReturnValue:
    outcome, after = _wanted()
    pieces = {"progress": _draw(id, g.user), **_draw_people(id, outcome, after)}
    return render_template("campaigns/show.html", it=service.one(id), pieces=pieces, outcome=outcome, after=after,
                           problem=problem), status_for(problem)


def _wanted() -> tuple[str, int]:
    return request.args.get("outcome", ""), max(0, request.args.get("after", 0, int))


def _draw_people(id: int, outcome: str, after: int) -> dict[str, str]:
    """Who was reached, how many by outcome, and how it went."""
    people = service.people(id, outcome, after)
    shown = {"it": service.one(id), "figures": service.figures(id), "people": people, "words": words, "outcome": outcome,
             "after": after, "step": service.PEOPLE, "extra": _extra(people), "outcomes": [*words.OUTCOMES, service.PENDING]}
    return {name: render_template(f"campaigns/{name}.html", **shown) for name in ("how", "outcomes", "people")}


def _extra(people: service.People) -> list[str]:
    """Some of the list's further columns."""
    return list(dict.fromkeys(name for each in people.people for name in each.extra))[:3]


def _draw(id: int, user: User, follows: bool = False) -> str:
    """`follows`: drawn for a page that was loaded before; what is over then has its report on the page that comes next."""
    return render_template("campaigns/progress.html", it=services().campaigns.one(id, user.sees_list), words=words,
                           acts=user.may(Right.CAMPAIGNS_RUN), follows=follows)


@blueprint.get("/<int:id>/events")
@needs(Right.CAMPAIGNS_VIEW)
def progress_events(id: int) -> ResponseReturnValue:
    """text/event-stream: "progress", how far it is; "how", "outcomes" and "people" of the same place in the list as the page."""
    outcome, after = _wanted()
    seldom = _draw_people(id, outcome, after)
    due = time.monotonic() + PEOPLE_SECONDS

    def pieces(state: State, user: User) -> dict[str, str]:
        nonlocal seldom, due
        if time.monotonic() >= due:
            seldom = _draw_people(id, outcome, after)
            due = time.monotonic() + PEOPLE_SECONDS
        return {"progress": _draw(id, user, True), **seldom}

    return stream.respond(pieces)


@blueprint.post("/<int:id>/order")
@needs(Right.CAMPAIGNS_RUN)
def order(id: int) -> ResponseReturnValue:
    action = request.form.get("do", "")
    if action not in get_args(Action):
        raise SwitchroomError("web.bad-form", "This form is not known.", "Load the page again.")
    try:
        service.control(id, cast(Action, action), request.form.get("reason", ""))
    except SwitchroomError as problem:
        if problem.id == "campaign.unknown":
            raise
        return _show(id, problem)
    return redirect(url_for("campaigns.show", id=id))


@blueprint.post("/<int:id>/mail")
@needs(Right.CAMPAIGNS_RUN)
def mail(id: int) -> ResponseReturnValue:
    try:
        service.mail(id, request.form.get("to", "").replace(";", ",").split(","))
    except SwitchroomError as problem:
        if problem.id == "campaign.unknown":
            raise
        return _show(id, problem)
    flash(_("The report is on its way."))
    return redirect(url_for("campaigns.show", id=id))


@blueprint.get("/<int:id>/report.<any(csv, xlsx):form>")
@needs(Right.CAMPAIGNS_VIEW)
def report(id: int, form: str) -> ResponseReturnValue:
    """Everybody on the list with the outcome, as the report's mail has it."""
    return send_bytes(service.exported(id, cast(Literal["csv", "xlsx"], form)), form, f"campaign-{id}.{form}")


def send_bytes(content: bytes, kind: str, name: str) -> Response:
    return Response(content, content_type=MIMETYPES[kind], headers={"Content-Disposition": f'attachment; filename="{name}"'})


@blueprint.get("/<int:id>/message.wav")
@needs(Right.CAMPAIGNS_VIEW)
def message(id: int) -> ResponseReturnValue:
    """What the campaign plays."""
    path = service.message_path(id)
    note("campaign.listen", str(id))
    return send_file(path, "audio/wav", conditional=True, etag=False, max_age=0)


from web.campaigns import list_routes, message_routes  # noqa: E402, F401 - each adds its pages to the blueprint
