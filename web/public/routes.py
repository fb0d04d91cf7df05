"""GET /public: the figures for everybody; it may stand in a frame of the office's own site. Nothing is there unless enabled."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, make_response, render_template, request
from flask.typing import ResponseReturnValue

from appliance.errors import SwitchroomError
from web.app import services
from web.public import service
from web.public.service import Cache, Figures, Limits
from web.security.access import open_to_all
from web.security.headers import POLICY

blueprint = Blueprint("public", __name__, template_folder="templates")
SECONDS = int(service.KEEP_SECONDS)


@blueprint.record_once
def _prepare(state: object) -> None:
    app = state.app  # type: ignore[attr-defined]
    box = app.extensions["switchroom"]
    app.extensions["public"] = (Cache(box.core, box.clock.mono), Limits())


def read() -> Figures:
    """For the page and the API. Raises "web.not-found" while nothing is shown, "web.too-many"."""
    cache, limits = current_app.extensions["public"]
    box = services()
    rules = box.config.web.public
    if rules.enabled and not limits.count(request.remote_addr or "", box.clock.mono()):
        raise SwitchroomError("web.too-many", "Too many requests.", "Wait a minute.")
    return service.figures(rules, cache, box.clock.utc())


def shown_elsewhere(response: Response) -> Response:
    """Pages of other sites may read or frame this answer; no person's cookie counts for it."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cache-Control"] = f"public, max-age={SECONDS}"
    return response


@blueprint.get("/public")
@open_to_all
def index() -> ResponseReturnValue:
    found = read()
    page = make_response(render_template("public/index.html", found=found, office=services().config.office.name,
                                         rules=services().config.web.public, again=2 * SECONDS))
    page.headers["Content-Security-Policy"] = POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")
    page.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return page
