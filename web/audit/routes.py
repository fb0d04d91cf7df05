"""/audit: who changed or looked at what."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from appliance import audit
from appliance.users.rights import Right
from web.app import services
from web.audit import words
from web.security.access import needs

blueprint = Blueprint("audit", __name__, url_prefix="/audit", template_folder="templates")
PAGE = 100


@blueprint.get("")
@needs(Right.AUDIT_VIEW)
def index() -> ResponseReturnValue:
    text = request.args.get("before", "")
    before = int(text) if text.isdecimal() and len(text) < 19 else 0
    notes = audit.read(services().data, before, PAGE)
    more = notes[-1].seq if len(notes) == PAGE else 0
    return render_template("audit/index.html", notes=notes, more=more, before=before, words=words)
