"""The blueprint of /api/v1: the calls of every file here, and their description."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template
from flask_babel import gettext as _

from web.api import reference
from web.api.calls import PREFIX, Api
from web.api.openapi import describe
from web.security.access import open_to_all

blueprint = Blueprint("api", __name__, url_prefix=PREFIX, template_folder="templates")
api = Api(blueprint)


@blueprint.get("/openapi.json")
@open_to_all
def openapi() -> dict[str, Any]:
    """What can be asked; it tells nothing of this office."""
    return describe(api.calls)


@blueprint.get("/docs")
@open_to_all
def docs() -> str:
    """The description to read; drawn here, with nothing from elsewhere."""
    return render_template("api/docs.html", groups=reference.groups(api.calls), schemas=reference.schemas(api.calls),
                           titles=_titles())


def _titles() -> dict[str, str]:
    """What the calls of each file here are about."""
    return {"audit": _("Audit log"), "campaigns": _("Campaigns"), "config": _("Configuration"), "desk": _("My desk"),
            "figures": _("Figures"), "hooks": _("Webhooks"), "lines": _("Lines"), "lists": _("Lists of numbers"),
            "live": _("Live"), "people": _("Users"), "public": _("Figures for everybody"),
            "records": _("Calls"), "tokens": _("Tokens"), "wallboard": _("Wallboard")}


from web.api import (  # noqa: E402, F401 - each declares its calls with `api`
    audit,
    campaigns,
    config,
    desk,
    figures,
    hooks,
    lines,
    lists,
    live,
    people,
    public,
    records,
    tokens,
    wallboard,
)
