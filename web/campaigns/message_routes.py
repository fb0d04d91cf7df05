"""/campaigns/messages: what campaigns can play."""

from __future__ import annotations

from flask import Response, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from appliance.errors import SwitchroomError
from appliance.users.rights import Right
from web.app import services
from web.campaigns import messages, words
from web.campaigns.routes import blueprint, status_for
from web.security.access import needs


@blueprint.get("/messages")
@needs(Right.CAMPAIGNS_VIEW)
def all_messages() -> ResponseReturnValue:
    return _messages()


def _messages(problem: SwitchroomError | None = None, typed: dict[str, str] | None = None) -> ResponseReturnValue:
    box = services()
    return render_template("campaigns/messages.html", kept=messages.all_kept(box), awaited=messages.awaited(box),
                           phones=box.config.phones, problem=problem, typed=typed or {},
                           words=words,
                           office_language=box.config.office.language, scenarios=box.config.scenarios), status_for(problem)


@blueprint.post("/messages")
@needs(Right.CAMPAIGNS_RUN)
def make_message() -> ResponseReturnValue:
    """A file where there is one, else the text."""
    file, typed = request.files.get("file"), request.form.to_dict()
    try:
        if file is not None and file.filename:
            messages.upload(file.stream, file.filename)
        else:
            messages.speak(typed.get("text", ""), typed.get("language", ""), typed.get("name", ""))
    except SwitchroomError as problem:
        return _messages(problem, typed)
    flash(_("The message is ready."))
    return redirect(url_for("campaigns.all_messages"))


@blueprint.post("/messages/record")
@needs(Right.CAMPAIGNS_RUN)
def record_message() -> ResponseReturnValue:
    """Ring a phone, to say one there."""
    typed = request.form.to_dict()
    try:
        messages.record(typed.get("extension", ""), typed.get("spoken", ""))
    except SwitchroomError as problem:
        return _messages(problem, typed)
    return redirect(url_for("campaigns.all_messages"))


@blueprint.get("/messages/waiting")
@needs(Right.CAMPAIGNS_RUN)
def message_waiting() -> ResponseReturnValue:
    """What the page asks for while a phone rings; loaded anew as soon as one more is there."""
    found = messages.awaited(services())
    if str(len(found)) != request.args.get("n"):
        return Response(headers={"HX-Refresh": "true"})
    return render_template("campaigns/awaited.html", awaited=found)


@blueprint.get("/messages/<id>.wav")
@needs(Right.CAMPAIGNS_VIEW)
def hear_message(id: str) -> ResponseReturnValue:
    kept = messages.one(id)
    return send_file(messages.path_of(kept), "audio/wav", conditional=True, etag=False, max_age=0)


@blueprint.post("/messages/<id>/remove")
@needs(Right.CAMPAIGNS_RUN)
def remove_message(id: str) -> ResponseReturnValue:
    messages.remove(id)
    return redirect(url_for("campaigns.all_messages"))
