"""/config: the configuration in forms, as text, its history. Who may only look sees what is in force."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from appliance.calls import trying
from appliance.config.diff import mask_text, summary_of
from appliance.config.edit import table_at
from appliance.config.locate import Path as KeyPath
from appliance.config.problems import ConfigError, path_text
from appliance.errors import SwitchroomError
from appliance.users.rights import Right
from web.app import services
from web.audit.service import note
from web.config import fields, forms, names, service, spoken, tree, week
from web.config.choices import choices, explained
from web.config.fields import Section
from web.config.service import Work
from web.errors import status_of
from web.i18n import tell
from web.security.access import may, needs

blueprint = Blueprint("config", __name__, url_prefix="/config", template_folder="templates")
NEW = "new"


blueprint.add_app_template_filter(spoken.told, "in_form")
blueprint.add_app_template_global(choices)
blueprint.add_app_template_global(explained)


@blueprint.app_template_global()
def told(meaning: str) -> str:
    """What the model says of a key, in the language of the page where somebody has translated it. It may hold a "%"."""
    return str(_(meaning)).replace("`", "")


@blueprint.app_template_global()
def summary(text: str) -> str:
    """What a version changed: what people wrote as it is, what the box writes by itself in the language of the page."""
    return "; ".join(tell(each) for each in summary_of(text))


def work() -> Work:
    return Work(services(), g.user.login)


def _page(template: str, at: Work, status: int = 200, **values: Any) -> ResponseReturnValue:
    """`template` with what every page here shows: the state of the draft."""
    checked = at.checked()
    return render_template(template, work=at, checked=checked, titles=names.TITLES, title=names.title, label=names.label,
                           editable=may(Right.CONFIG_EDIT), **values), status


def _section(name: str) -> Section:
    found = fields.sections().get(name)
    if found is None:
        raise SwitchroomError("config.table-unknown", "There is no such table.", "Go back to the configuration.")
    return found


# ---- looking ---------------------------------------------------------------------------------------------------------


@blueprint.get("")
@needs(Right.CONFIG_VIEW)
def index() -> ResponseReturnValue:
    at = work()
    values = at.values
    counts = {name: len(values[name]) for name, each in fields.sections().items()
              if each.many and isinstance(values.get(name), list)}
    troubled = {problem.key.partition("[")[0].partition(".")[0] for problem in at.checked().problems}
    return _page("config/index.html", at, groups=names.GROUPS, counts=counts, troubled=troubled, current=at.store.in_force())


@blueprint.get("/table/<name>")
@needs(Right.CONFIG_VIEW)
def table(name: str) -> ResponseReturnValue:
    section, at = _section(name), work()
    if not section.many:
        return _form_page(at, section, (name,))
    rows = at.values.get(name)
    shown = [(index, str(row.get(section.key, "?")) if isinstance(row, dict) else "?", forms.brief(section, row),
              forms.problems_of_row(at.checked().problems, name, index))
             for index, row in enumerate(rows if isinstance(rows, list) else [])]
    return _page("config/rows.html", at, section=section, rows=shown, tree=tree.tree(at.values) if name == "menus" else [])


@blueprint.get("/table/<name>/<int:index>")
@needs(Right.CONFIG_VIEW)
def row(name: str, index: int) -> ResponseReturnValue:
    return _form_page(work(), _many(name), (name, index))


def _many(name: str) -> Section:
    section = _section(name)
    if not section.many:
        raise SwitchroomError("config.table-unknown", "There is no such table.", "Go back to the configuration.")
    return section


def _values(at: Work, path: KeyPath) -> dict[str, Any]:
    found = table_at(at.values, path)
    rows = at.values.get(str(path[0]))
    if len(path) > 1 and not (isinstance(rows, list) and int(path[1]) < len(rows)):
        raise SwitchroomError("config.row-unknown", "This entry is not there any more.", "Go back to the table.")
    return found


def _seen(values: dict[str, Any]) -> str:
    """What a form was drawn from: another window may have changed it by the time it is sent."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def _form_page(at: Work, section: Section, path: KeyPath, problem: SwitchroomError | None = None,
               typed: dict[str, str] | None = None, status: int = 200) -> ResponseReturnValue:
    new = path[-1] == NEW
    values = {} if new else _values(at, path)
    form = forms.build(section, path, values, at.values, [] if new else at.checked().problems, typed)
    days = week.week_of(values.get("open", [])) if section.name == "hours" else None
    return _page("config/form.html", at, status, section=section, path=path, form=form, problem=problem, days=days, new=new,
                 seen=_seen(values), targets=forms.targets(at.values), name="" if new else str(values.get(section.key, "")))


# ---- changing --------------------------------------------------------------------------------------------------------


def _typed() -> dict[str, str]:
    form = request.form.to_dict()
    if "day0" in form:
        form["open"] = "\n".join(week.entries_of([form.get(f"day{number}", "") for number in range(7)]))
    return form


@blueprint.post("/table/<name>")
@needs(Right.CONFIG_EDIT)
def save(name: str) -> ResponseReturnValue:
    """A table that is there once; or (of many) a new row."""
    section, at, typed = _section(name), work(), _typed()
    if not section.many:
        return _saved(at, section, (name,), typed)
    made = {key: value for key, value in fields.changes(section.fields, {}, typed).items() if value is not None}
    try:
        index = at.add_row(name, made)
    except SwitchroomError as problem:
        return _form_page(at, section, (name, NEW), problem, typed, status_of(problem.id))
    if _wrong(at, (name, index)):
        return redirect(url_for("config.row", name=name, index=index))
    return redirect(url_for("config.table", name=name))


@blueprint.get("/table/<name>/new")
@needs(Right.CONFIG_EDIT)
def new_row(name: str) -> ResponseReturnValue:
    """What the address names of its fields stands in the form already."""
    begun = {key: value[:200] for key, value in request.args.items()}
    return _form_page(work(), _many(name), (name, NEW), typed=begun or None)


@blueprint.post("/table/<name>/<int:index>")
@needs(Right.CONFIG_EDIT)
def change_row(name: str, index: int) -> ResponseReturnValue:
    """`do`: save, remove, up, down."""
    section, at = _many(name), work()
    values = _values(at, (name, index))
    do = request.form.get("do", "save")
    if do == "save":
        return _saved(at, section, (name, index), _typed())
    if request.form.get("seen") not in (None, "", _seen(values)):
        raise _moved()
    match do:
        case "remove":
            at.remove_row(name, index)
        case "up" | "down":
            at.move_row(name, index, index + (1 if do == "down" else -1))
        case _:
            raise SwitchroomError("web.bad-form", "This form is not known.", "Load the page again.")
    return redirect(url_for("config.table", name=name))


def _moved() -> SwitchroomError:
    return SwitchroomError("config.conflict", "This entry was changed in another window meanwhile.",
                           "What you typed is still here. Look at the table, then save again or leave it.")


def _saved(at: Work, section: Section, path: KeyPath, typed: dict[str, str]) -> ResponseReturnValue:
    values = _values(at, path)
    try:
        if typed.get("seen", "") not in ("", _seen(values)):
            raise _moved()
        at.set_keys(path, fields.changes(section.fields, values, typed))
    except SwitchroomError as problem:
        return _form_page(at, section, path, problem, typed, status_of(problem.id))
    if _wrong(at, path):
        return _form_page(at, section, path, status=200)
    flash(_("Kept in the draft."))
    return redirect(url_for("config.table", name=section.name) if section.many else url_for("config.index"))


def _wrong(at: Work, path: KeyPath) -> bool:
    here = path_text(path)
    return any(each.key == here or each.key.startswith((f"{here}.", f"{here}[")) for each in at.checked().problems)


# ---- the draft as a whole --------------------------------------------------------------------------------------------


@blueprint.get("/changes")
@needs(Right.CONFIG_VIEW)
def changes() -> ResponseReturnValue:
    return _changes(work())


def _changes(at: Work, problem: SwitchroomError | None = None) -> ResponseReturnValue:
    return _page("config/changes.html", at, status_of(problem.id) if problem else 200, diff=at.difference(), theirs=at.theirs(),
                 meanwhile=at.meanwhile() if at.outdated else [], problem=problem)


@blueprint.post("/apply")
@needs(Right.CONFIG_EDIT)
def apply() -> ResponseReturnValue:
    at = work()
    try:
        made = at.apply(request.form.get("summary", "").strip())
    except SwitchroomError as problem:
        return _changes(Work(services(), g.user.login), problem)
    flash(_("Version %(number)s is in force.", number=made.number))
    return redirect(url_for("config.index"))


@blueprint.post("/draft")
@needs(Right.CONFIG_EDIT)
def draft() -> ResponseReturnValue:
    """`do`: discard; where others changed something meanwhile: merge, keep (theirs is undone where it differs)."""
    at = work()
    match request.form.get("do"):
        case "discard":
            at.discard()
            flash(_("The draft is gone; nothing was changed."))
            return redirect(url_for("config.index"))
        case "merge":
            lost = at.merge()
            flash(_("Left as the others have it, look at it once more: %(names)s", names=", ".join(lost)) if lost
                  else _("Your changes stand on top of theirs now."))
        case "keep":
            at.rebase()
        case _:
            raise SwitchroomError("web.bad-form", "This form is not known.", "Load the page again.")
    return redirect(url_for("config.changes"))


# ---- text, export, import --------------------------------------------------------------------------------------------


@blueprint.get("/text")
@needs(Right.CONFIG_VIEW)
def text() -> ResponseReturnValue:
    at = work()
    return _page("config/text.html", at, text=mask_text(at.text), problem=None)


@blueprint.post("/text")
@needs(Right.CONFIG_EDIT)
def save_text() -> ResponseReturnValue:
    """From the field, or (an import) from a file. What is no TOML is shown again and not kept: forms could not read it."""
    at = work()
    typed = request.form.get("text", "")
    try:
        upload = request.files.get("file")
        if upload is not None and upload.filename:
            typed = _read_upload(upload.stream.read(service.MAX_BYTES + 1))
        at.keep_masked(typed)
    except SwitchroomError as problem:
        return _page("config/text.html", at, status_of(problem.id), text=typed[: service.MAX_BYTES], problem=problem)
    flash(_("Kept in the draft."))
    return redirect(url_for("config.changes"))


def _read_upload(data: bytes) -> str:
    if len(data) > service.MAX_BYTES:
        raise SwitchroomError("api.too-large", "The file is longer than 1 MiB.", "Lists belong into files of their own.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SwitchroomError("config.encoding", "The file is not UTF-8.", "Save it as UTF-8.") from None


def _file(text: str) -> Response:
    return Response(text, content_type="application/toml; charset=utf-8",
                    headers={"Content-Disposition": 'attachment; filename="office.toml"'})


@blueprint.get("/office.toml")
@needs(Right.CONFIG_VIEW)
def export() -> ResponseReturnValue:
    """What is in force, its secrets masked."""
    return _file(services().store.text(secrets=False))


@blueprint.post("/office.toml")
@needs(Right.CONFIG_EDIT)
def export_whole() -> ResponseReturnValue:
    """The same with its secrets, to keep in a safe place; noted."""
    note("config.export-with-secrets", str(services().store.version()))
    return _file(services().store.text())


# ---- history ---------------------------------------------------------------------------------------------------------


@blueprint.get("/history")
@needs(Right.CONFIG_VIEW)
def history() -> ResponseReturnValue:
    at = work()
    return _page("config/history.html", at, versions=at.store.history()[:200], problem=None)


@blueprint.get("/history/<int:number>")
@needs(Right.CONFIG_VIEW)
def version(number: int) -> ResponseReturnValue:
    """What a version changed; `?against=now`: what going back to it would change."""
    at = work()
    entry = at.store.entry(number)
    against = request.args.get("against") == "now"
    earlier = [each.number for each in at.store.history() if each.number < number]
    if against:
        diff = service.compare(at.in_force, f"version {at.version}", at.store.text(number), f"version {number}")
    elif earlier:
        diff = service.compare(at.store.text(earlier[0]), f"version {earlier[0]}", at.store.text(number), f"version {number}")
    else:
        diff = None
    return _page("config/version.html", at, entry=entry, diff=diff, against=against, text=at.store.text(number, secrets=False))


@blueprint.post("/history/<int:number>")
@needs(Right.CONFIG_EDIT)
def roll_back(number: int) -> ResponseReturnValue:
    at = work()
    try:
        made = service.roll_back(services(), number)
    except ConfigError as problem:
        return _page("config/history.html", at, 400, versions=at.store.history()[:200], problem=problem)
    flash(_("Version %(number)s is in force, with the text of version %(old)s.", number=made.number, old=number))
    return redirect(url_for("config.history"))


# ---- trying ----------------------------------------------------------------------------------------------------------


class Tried(msgspec.Struct, frozen=True):
    """`phone`: dialled at this phone; else a call from outside on `line`."""

    number: str = ""
    phone: str = ""
    line: str = ""


@blueprint.get("/try")
@needs(Right.CONFIG_VIEW)
def try_it() -> ResponseReturnValue:
    at = work()
    asked = Tried(*(request.args.get(name, "")[:64] for name in ("number", "phone", "line")))
    config = at.checked().config
    answer = None
    if config is not None and asked.number:
        answer = (trying.call_in(config, asked.line, asked.number) if asked.line
                  else trying.dial(config, asked.phone, asked.number))
    return _page("config/try.html", at, asked=asked, answer=answer, config=config)
