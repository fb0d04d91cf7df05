"""Errors as people and programs see them: what is wrong, what to do next, and a stable id."""

from __future__ import annotations

import logging

from flask import Flask, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from appliance.errors import SwitchroomError
from web.i18n import tell

log = logging.getLogger("web")

STATUS = {
    "web.sign-in": 401, "web.forbidden": 403, "web.not-found": 404, "web.conflict": 409, "web.too-many": 429,
    "config.conflict": 409, "campaign.under-way": 409, "api.too-large": 413,
    "bus.not-running": 503, "bus.timeout": 503, "ledger.missing": 503, "web.internal": 500,
}
"""Ids that are no 400; any other id that ends in "unknown" is 404."""


def init(app: Flask) -> None:
    app.register_error_handler(SwitchroomError, known)
    app.register_error_handler(CSRFError, forged)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(Exception, unknown)


def status_of(id: str) -> int:
    return STATUS.get(id) or (404 if id.endswith(("unknown", ".no-contact", ".no-version")) else 400)


def known(error: SwitchroomError) -> ResponseReturnValue:
    return answer(status_of(error.id), error.id, tell(error.said), tell(error.said_hint))


def forged(error: CSRFError) -> ResponseReturnValue:
    return answer(400, "web.form-expired", _("This form is too old, or came from elsewhere."),
                  _("Go back, load the page again and send it once more. What you typed is still there."))


def http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return error
    code = error.code or 500
    words = {
        404: (_("There is no such page."), _("Check the address, or start from the first page.")),
        405: (_("This page cannot be used that way."), _("Open it from the page that leads here.")),
        413: (_("This is too large."), _("Send a smaller file.")),
        429: (_("Too many requests."), _("Wait a minute.")),
    }.get(code, (error.name, ""))
    made = make_response(answer(code, f"web.http-{code}", *words))
    if code == 405:
        made.headers.extend({key: value for key, value in error.get_headers() if key == "Allow"})
    return made


def unknown(error: Exception) -> ResponseReturnValue:
    log.exception("a page failed", extra={"path": request.path})
    return answer(500, "web.internal", _("This page failed."), _("The log has the details; the calls are not affected."))


def answer(status: int, id: str, message: str, hint: str) -> ResponseReturnValue:
    """JSON for programs, a piece of page for htmx, else a page."""
    if request.path.startswith("/api/") or request.path == "/health":
        return {"error": {"id": id, "message": message, "hint": hint}}, status
    template = "error_piece.html" if request.headers.get("HX-Request") else "error.html"
    return render_template(template, status=status, id=id, message=message, hint=hint), status
