"""/campaigns/lists: what is there, a file on its way in, the lists as files."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response, flash, g, redirect, render_template, request, send_file, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from appliance.campaigns import taken
from appliance.campaigns.render.tables import safe_cell
from appliance.errors import SwitchroomError
from appliance.users.rights import Right
from web.app import services
from web.audit.service import note
from web.campaigns import lists, uploads
from web.campaigns.routes import MIMETYPES, blueprint, status_for
from web.campaigns.uploads import Wish
from web.security.access import needs


@blueprint.get("/lists")
@needs(Right.CAMPAIGNS_VIEW)
def all_lists() -> ResponseReturnValue:
    return _lists()


def _lists(problem: SwitchroomError | None = None) -> ResponseReturnValue:
    waiting = uploads.mine() if g.user.may(Right.LISTS_EDIT) else []
    return render_template("campaigns/lists.html", lists=lists.all_lists(), waiting=waiting, problem=problem,
                           most=uploads.MAX_BYTES >> 20), status_for(problem)


@blueprint.get("/lists/<number>")
@needs(Right.LISTS_EDIT)
def one_list(number: str) -> ResponseReturnValue:
    return _list(number)


def _list(number: str, problem: SwitchroomError | None = None) -> ResponseReturnValue:
    shown, people = lists.one(number), None
    try:
        people = lists.people(number)
    except SwitchroomError as told:
        problem = problem or told
    return render_template("campaigns/list.html", list=shown, people=people, problem=problem), status_for(problem)


@blueprint.get("/lists/<number>/export.<any(csv, xlsx):form>")
@needs(Right.LISTS_EDIT)
def export_list(number: str, form: str) -> ResponseReturnValue:
    lists.one(number)
    rows, name = taken.begun(lists.export_rows(number)), f"list-{number}.{form}"
    note("list.export", number, form)
    if form == "xlsx":
        return send_file(taken.workbook(rows), MIMETYPES[form], as_attachment=True, download_name=name)
    return Response(stream_with_context(taken.csv_pieces(rows)), content_type=MIMETYPES[form],
                    headers={"Content-Disposition": f'attachment; filename="{name}"'})


@blueprint.post("/lists/<number>/remove")
@needs(Right.LISTS_EDIT)
def remove_list(number: str) -> ResponseReturnValue:
    try:
        lists.remove(number)
    except SwitchroomError as problem:
        if problem.id == "list.unknown":
            raise
        return _list(number, problem)
    flash(_("List %(number)s is removed.", number=number))
    return redirect(url_for("campaigns.all_lists"))


# ---- a file on its way in --------------------------------------------------------------------------------------------


@blueprint.post("/lists/upload")
@needs(Right.LISTS_EDIT)
def upload() -> ResponseReturnValue:
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise SwitchroomError("list.no-file", "There is no file.", "Choose a CSV or XLSX file.")
        made = uploads.take(file.stream, file.filename)
    except SwitchroomError as problem:
        return _lists(problem)
    return redirect(url_for("campaigns.show_upload", id=made.id, list=request.form.get("list", "")[:10] or None))


@blueprint.get("/lists/uploads/<id>")
@needs(Right.LISTS_EDIT)
def show_upload(id: str) -> ResponseReturnValue:
    """`again`: choose the columns once more."""
    return _upload(id)


def _upload(id: str, problem: SwitchroomError | None = None, typed: dict[str, Any] | None = None) -> ResponseReturnValue:
    shown = uploads.one(id)
    choosing = shown.state.phase in ("new", "failed") or problem is not None or "again" in request.args
    return render_template(
        "campaigns/upload.html", upload=shown, wish=typed or _wished(shown), problem=problem, choosing=choosing,
        lists=lists.all_lists(), free=lists.free_number(services().config), may_add=g.user.lists is None), status_for(problem)


def _wished(shown: uploads.UploadShown) -> dict[str, Any]:
    """What the form begins with."""
    if shown.wish is not None:
        return msgspec.structs.asdict(shown.wish)
    target = request.args.get("list", "")
    return {"number_at": shown.glance.number_at, "name_at": shown.glance.name_at, "mode": "replace" if target else "new",
            "list": target, "name": "" if target else shown.file.rpartition(".")[0] or shown.file}


@blueprint.get("/lists/uploads/<id>/progress")
@needs(Right.LISTS_EDIT)
def upload_progress(id: str) -> ResponseReturnValue:
    """What the page asks for twice a second; when it is over the page is loaded anew."""
    shown = uploads.one(id)
    if shown.state.phase != "checking":
        return Response(headers={"HX-Refresh": "true"})
    return render_template("campaigns/upload_progress.html", upload=shown)


@blueprint.post("/lists/uploads/<id>/check")
@needs(Right.LISTS_EDIT)
def check_upload(id: str) -> ResponseReturnValue:
    form = request.form
    mode, _space, target = form.get("target", "new").partition(" ")
    typed = {"number_at": form.get("number_at", ""), "name_at": form.get("name_at", "-1"), "mode": mode,
             "list": (form.get("number", "") if mode == "new" else target).strip(), "name": form.get("name", "").strip()}
    try:
        if mode != "new":
            typed["name"] = ""
        wish = msgspec.convert(typed, Wish, strict=False)
        uploads.check(id, wish)
    except msgspec.ValidationError:
        problem = SwitchroomError("list.bad-wish", "This is not complete.", "Choose the column of the numbers and the list.")
        return _upload(id, problem, typed)
    except SwitchroomError as problem:
        if problem.id == "list.upload-unknown":
            raise
        return _upload(id, problem, typed)
    return redirect(url_for("campaigns.show_upload", id=id))


@blueprint.post("/lists/uploads/<id>/save")
@needs(Right.LISTS_EDIT)
def save_upload(id: str) -> ResponseReturnValue:
    try:
        good, number = uploads.one(id).state.good, uploads.save(id)
    except SwitchroomError as problem:
        if problem.id == "list.upload-unknown":
            raise
        return _upload(id, problem)
    flash(ngettext("List %(number)s has %(num)s number.", "List %(number)s has %(num)s numbers.", good, number=number))
    return redirect(url_for("campaigns.all_lists"))


@blueprint.post("/lists/uploads/<id>/drop")
@needs(Right.LISTS_EDIT)
def drop_upload(id: str) -> ResponseReturnValue:
    uploads.drop(id)
    return redirect(url_for("campaigns.all_lists"))


@blueprint.get("/lists/uploads/<id>/bad.csv")
@needs(Right.LISTS_EDIT)
def bad_rows(id: str) -> ResponseReturnValue:
    """The rows that cannot be called, to be mended."""
    _file, bad = uploads.bad_rows(id)
    rows = iter([[_("Row"), _("What stands there"), _("Why not"), _("What to do")],
                 *([str(each.row), *(safe_cell(text) for text in (each.text, each.reason, each.hint))] for each in bad)])
    return Response("".join(taken.csv_pieces(rows)), content_type=MIMETYPES["csv"],
                    headers={"Content-Disposition": 'attachment; filename="bad-rows.csv"'})
