"""/setup: the first start. Each step is kept in the draft; the last puts it in force and watches for the first call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from appliance.config.model import Phone
from appliance.errors import SwitchroomError
from appliance.ledger.cdr import CdrRow
from appliance.ledger.reader import LedgerReader
from appliance.messages import LineTried, Status, StatusReply
from appliance.sounds import speech
from appliance.users.rights import Right
from web import i18n
from web.app import services
from web.config import week
from web.config.service import Work
from web.errors import status_of
from web.security.access import needs
from web.start import greetings, places, steps, trials

blueprint = Blueprint("start", __name__, url_prefix="/setup", template_folder="templates")
LOOK_BACK = 20


def _page(step: str, at: Work, problem: SwitchroomError | None = None, typed: dict[str, str] | None = None,
          wrong: list[Any] | None = None) -> ResponseReturnValue:
    values = at.values
    _index, hours = steps.row(values, "hours", "name", steps.HOURS)
    spans = [day.spans for day in week.week_of(hours.get("open")) or []] if hours else steps.USUAL_WEEK
    return render_template(
        f"start/{step}.html", step=step, steps=steps.STEPS, values=values, office=values.get("office", {}), hours=hours,
        days=spans, line=steps.first(values, "lines"), queue=steps.first(values, "queues"), phones=values.get("phones", []),
        agents={str(each.get("extension")) for each in values.get("agents", [])}, dialling=values.get("dialling", {}),
        recording=_recording(values), at_phone=_at_phone(values), typed=typed or {}, problem=problem, wrong=wrong or [],
        checked=at.checked(), diff=at.difference(), work=at, countries=places.countries(i18n.language()),
        timezones=places.timezones_for((typed or {}).get("country", "")),
        nowhere=places.NOWHERE), status_of(problem.id) if problem else 200


def _recording(values: dict[str, Any]) -> Path | None:
    """The uploaded greeting of the draft."""
    return greetings.found(services(), steps.first(values, "queues").get("greeting"))


def _at_phone(values: dict[str, Any]) -> greetings.AtPhone | None:
    """What was recorded at a phone for the queue of the draft."""
    queue, office = steps.first(values, "queues"), values.get("office", {})
    words = queue.get("greeting") or ""
    if isinstance(words, str | dict):
        return greetings.at_phone(services(), str(queue.get("name") or steps.QUEUE), words, str(office.get("language") or "en"))
    return None  # no greeting at all: the check says so


@blueprint.get("")
@needs(Right.CONFIG_EDIT)
def index() -> ResponseReturnValue:
    return redirect(url_for("start.step", name=steps.STEPS[0]))


def _known(name: str) -> str:
    if name not in steps.STEPS:
        raise SwitchroomError("web.step-unknown", "There is no such step.", "Begin with the first one.")
    return name


@blueprint.get("/<name>")
@needs(Right.CONFIG_EDIT)
def step(name: str) -> ResponseReturnValue:
    """`address`: one that was found in the network."""
    found = {"kind": "sip-gateway", "address": request.args["address"][:64]} if "address" in request.args else None
    return _page(_known(name), Work(services(), g.user.login), typed=found)


@blueprint.post("/<name>")
@needs(Right.CONFIG_EDIT)
def save(name: str) -> ResponseReturnValue:
    """`do` "stay", "text": keep it and show this step again (one more phone); a file is a recorded greeting."""
    name = _known(name)
    at, form, file = Work(services(), g.user.login), request.form.to_dict(), request.files.get("file")
    try:
        if name == "greeting" and file is not None:
            form["greeting"] = greetings.upload(file.stream, file.filename or "").words
        steps.SAVE[name](at, form)
    except SwitchroomError as problem:
        return _page(name, at, problem, form)
    wrong = steps.problems_of(name, at.checked().problems)
    if wrong:
        return _page(name, at, typed=form, wrong=wrong)
    return redirect(url_for("start.step", name=name if form.get("do") in ("stay", "text") else steps.after(name)))


@blueprint.post("/finish/apply")
@needs(Right.CONFIG_EDIT)
def apply() -> ResponseReturnValue:
    at = Work(services(), g.user.login)
    try:
        if at.difference() is not None:
            at.apply(_("first set-up"))
        else:
            at.discard()
    except SwitchroomError as problem:
        return _page("finish", Work(services(), g.user.login), problem)
    return redirect(url_for("start.try_out"))


# ---- trying it out ---------------------------------------------------------------------------------------------------


@blueprint.get("/try/all")
@needs(Right.CONFIG_EDIT)
def try_out() -> ResponseReturnValue:
    return _try()


def _try(problem: SwitchroomError | None = None, tried: LineTried | None = None,
         phone: Phone | None = None) -> ResponseReturnValue:
    page = render_template("start/try.html", config=services().config, problem=problem, tried=tried, state=_state(),
                           settings=_settings(phone) if phone else None)
    return page, status_of(problem.id) if problem else 200


@blueprint.get("/try/state")
@needs(Right.CONFIG_EDIT)
def state() -> ResponseReturnValue:
    """What the page asks for every two seconds."""
    return render_template("start/state.html", state=_state())


def _state() -> dict[str, Any]:
    try:
        status: StatusReply | None = services().core.ask(Status(), 3.0)
    except SwitchroomError:
        status = None  # said in the page
    return {"status": status, "call": _last_call()}


def _last_call() -> CdrRow | None:
    """The last call from outside, where there was one."""
    try:
        with LedgerReader(services().data / "ledger") as reader:
            rows = reader.rows(limit=LOOK_BACK, newest_first=True)
    except SwitchroomError:
        return None
    return next((each for each in rows if each.direction == "in"), None)


@blueprint.post("/try/ring")
@needs(Right.CONFIG_EDIT)
def ring() -> ResponseReturnValue:
    try:
        trials.ring(request.form.get("extension", ""))
    except SwitchroomError as problem:
        return _try(problem)
    return redirect(url_for("start.try_out"))


@blueprint.post("/try/line")
@needs(Right.CONFIG_EDIT)
def line() -> ResponseReturnValue:
    try:
        tried = trials.line(request.form.get("line", ""), request.form.get("number", ""))
    except SwitchroomError as problem:
        return _try(problem)
    return _try(tried=tried)


@blueprint.post("/try/phone")
@needs(Right.CONFIG_EDIT)
def phone() -> ResponseReturnValue:
    """What is to be typed into a phone, its password included: by a form, and noted."""
    try:
        return _try(phone=trials.account(request.form.get("extension", "")))
    except SwitchroomError as problem:
        return _try(problem)


def _settings(phone: Phone) -> dict[str, Any]:
    import segno  # tables of half a megabyte, and seldom asked for

    server = trials.server()
    picture = segno.make(f"sip:{phone.extension}:{phone.secret}@{server}", error="m").svg_data_uri(scale=4, border=2)
    return {"phone": phone, "server": server, "picture": picture}


@blueprint.get("/greeting/recording.wav")
@needs(Right.CONFIG_EDIT)
def recording() -> ResponseReturnValue:
    path = _recording(Work(services(), g.user.login).values)
    if path is None:
        raise SwitchroomError("greeting.unknown", "There is no recording.", "Upload one.")
    return send_file(path, "audio/wav", conditional=True, etag=False, max_age=0)


@blueprint.get("/greeting/phone.wav")
@needs(Right.CONFIG_EDIT)
def at_phone() -> ResponseReturnValue:
    found = _at_phone(Work(services(), g.user.login).values)
    if found is None:
        raise SwitchroomError("greeting.unknown", "There is no recording.", "Upload one.")
    return send_file(found.path, "audio/wav", conditional=True, etag=False, max_age=0)


@blueprint.post("/greeting/phone/remove")
@needs(Right.CONFIG_EDIT)
def remove_at_phone() -> ResponseReturnValue:
    at = Work(services(), g.user.login)
    try:
        greetings.remove_at_phone(services(), str(steps.first(at.values, "queues").get("name") or steps.QUEUE))
    except SwitchroomError as problem:
        return _page("greeting", at, problem)
    return redirect(url_for("start.step", name="greeting"))


@blueprint.post("/greeting/listen")
@needs(Right.CONFIG_EDIT)
def listen() -> ResponseReturnValue:
    form = request.form
    return Response(speech.spoken(form.get("greeting", ""), form.get("language", "en")), content_type="audio/wav")


from web.start import search_routes  # noqa: E402, F401 - it adds its pages to the blueprint
