"""/calls: the records of calls, what happened in each, and what was recorded."""

from __future__ import annotations

from flask import Blueprint, Response, g, redirect, render_template, request, send_file, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from appliance.acd.told import told as reason_told
from appliance.errors import SwitchroomError
from appliance.users.rights import Right
from web.address import asked, query_of
from web.app import services
from web.calls import export, recordings, service, words
from web.calls.came_to import WHAT
from web.calls.search import Filter
from web.security.access import needs

blueprint = Blueprint("calls", __name__, url_prefix="/calls", template_folder="templates")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.get("")
@needs(Right.CALLS_VIEW)
def index() -> ResponseReturnValue:
    wanted, found, problem = Filter(), None, None
    try:
        wanted = asked(Filter, "calls.bad-filter")
        if wanted.q and (call := service.call_of(wanted.q.strip())):
            return redirect(url_for("calls.show", id=call))
        found = service.find(wanted)
    except SwitchroomError as told:
        problem = told
    page = render_template("calls/index.html", wanted=wanted, found=found, problem=problem, words=words, choices=_choices(),
                           newest=query_of(wanted, before=""), older=query_of(wanted, before=found.before if found else ""))
    return page, 400 if problem else 200


def _choices() -> dict[str, list[tuple[str, str]]]:
    config = services().config
    return {
        "queue": [("", ""), *((each.name, each.name) for each in config.queues if g.user.sees_queue(each.name))],
        "agent": [("", ""), *((each.id, each.name) for each in config.agents)],
        "line": [("", ""), *((each.name, each.name) for each in config.lines)],
        "what": [("", ""), *((each, words.what(each)) for each in WHAT)],
    }


@blueprint.get("/<id>")
@needs(Right.CALLS_VIEW)
def show(id: str) -> ResponseReturnValue:
    told = service.tell(id)
    if told.call.call != id:
        return redirect(url_for("calls.show", id=told.call.call))  # by the SIP Call-ID of a leg
    shapes = {each.id: recordings.peaks(service.folder() / each.name) for each in told.recordings if each.there}
    return render_template("calls/show.html", told=told, words=words, shapes=shapes, outline=recordings.outline,
                           points=recordings.POINTS)


@blueprint.get("/<id>/why")
@needs(Right.CALLS_VIEW)
def why(id: str) -> ResponseReturnValue:
    moments = [
        (service.clock(each.at), words.decision(each.action), [reason_told(reason, service.clock) for reason in each.reasons])
        for each in service.why(id)
    ]
    return render_template("calls/why.html", id=id, moments=moments)


@blueprint.get("/recordings/<id>")
@needs(Right.CALLS_LISTEN)
def recording(id: str) -> ResponseReturnValue:
    """The sound, also in pieces (RFC 9110, Range); `?download` to take it along."""
    return send_recording(id, "recording.download" if "download" in request.args else "recording.listen")


def send_recording(id: str, what: str) -> Response:
    """The file of a recording; who asked is noted."""
    kept, path = service.recording(id, what)
    answer = send_file(path, "audio/wav", as_attachment=what == "recording.download", download_name=f"{kept.id}.wav",
                       conditional=True, etag=False, max_age=0)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/export.<any(csv, xlsx):form>")
@needs(Right.CALLS_VIEW)
def export_calls(form: str) -> ResponseReturnValue:
    """All that the filter chooses, newest first, at most export.MOST."""
    box, wanted = services(), asked(Filter, "calls.bad-filter")
    chosen = service.exported(wanted)
    service.note_export(form, wanted)
    arguments = (box.data / "ledger", chosen, g.user, box.config)
    if form == "xlsx":
        return send_file(export.workbook(*arguments), XLSX, as_attachment=True, download_name="calls.xlsx")
    lines = stream_with_context(export.csv_pieces(*arguments))
    return Response(lines, content_type="text/csv; charset=utf-8",
                    headers={"Content-Disposition": "attachment; filename=calls.csv"})
