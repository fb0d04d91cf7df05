"""/audit: who changed or looked at what."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from appliance.errors import SwitchroomError
from appliance.libraries import of_msgspec
from appliance.users.rights import Right
from web.audit import service, words
from web.audit.service import Filter
from web.security.access import needs

blueprint = Blueprint("audit", __name__, url_prefix="/audit", template_folder="templates")


@blueprint.get("")
@needs(Right.AUDIT_VIEW)
def index() -> ResponseReturnValue:
    wanted, page, problem = Filter(), None, None
    try:
        wanted = _read_filter()
        page = service.read(wanted)
    except SwitchroomError as told:
        problem = told
    shown = render_template("audit/index.html", wanted=wanted, page=page, problem=problem, words=words,
                            newest=_address_of(wanted, before=0), older=_address_of(wanted, before=page.before if page else 0))
    return shown, 400 if problem else 200


def _read_filter() -> Filter:
    """From the address. Raises SwitchroomError "audit.bad-filter"."""
    given = {name: value for name, value in request.args.items() if value and name in Filter.__struct_fields__}
    try:
        return msgspec.convert(given, Filter, strict=False)
    except msgspec.ValidationError as problem:
        raise SwitchroomError("audit.bad-filter", "This cannot be searched for: {problem}.", "Start again from the log.",
                              problem=of_msgspec(problem)) from None


def _address_of(wanted: Filter, **changed: Any) -> dict[str, Any]:
    """The filter as the query of an address; only what differs from the log as a whole."""
    every = msgspec.structs.asdict(Filter())
    return {name: value for name, value in (msgspec.structs.asdict(wanted) | changed).items() if value != every[name]}
