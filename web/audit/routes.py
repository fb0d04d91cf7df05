"""/audit: who changed or looked at what."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from appliance.errors import SwitchroomError
from appliance.users.rights import Right
from web.address import asked, query_of
from web.audit import service, words
from web.audit.service import Filter
from web.security.access import needs

blueprint = Blueprint("audit", __name__, url_prefix="/audit", template_folder="templates")


@blueprint.get("")
@needs(Right.AUDIT_VIEW)
def index() -> ResponseReturnValue:
    wanted, page, problem = Filter(), None, None
    try:
        wanted = asked(Filter, "audit.bad-filter")
        page = service.read(wanted)
    except SwitchroomError as told:
        problem = told
    shown = render_template("audit/index.html", wanted=wanted, page=page, problem=problem, words=words,
                            newest=query_of(wanted, before=0), older=query_of(wanted, before=page.before if page else 0))
    return shown, 400 if problem else 200
