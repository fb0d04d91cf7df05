"""/setup/search: the box's own networks are asked who speaks SIP, when an administrator says so."""

from __future__ import annotations

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from appliance.errors import SwitchroomError
from appliance.users.rights import Right
from web.app import services
from web.audit.service import note
from web.errors import status_of
from web.security.access import needs
from web.start.finder import SearchState
from web.start.routes import blueprint


def begin() -> None:
    """Noted. Raises SwitchroomError "search.no-network"."""
    note("line.search", "")
    services().finder.begin()


def state() -> SearchState:
    return services().finder.state(services().config)


def _wanted() -> str:
    """Where what is found shall go: the first start, or the table of lines."""
    return "lines" if request.values.get("to") == "lines" else "line"


def _page(problem: SwitchroomError | None = None) -> ResponseReturnValue:
    return render_template("start/search.html", state=state(), to=_wanted(), problem=problem), (
        status_of(problem.id) if problem else 200)


@blueprint.get("/search")
@needs(Right.CONFIG_EDIT)
def search() -> ResponseReturnValue:
    return _page()


@blueprint.post("/search")
@needs(Right.CONFIG_EDIT)
def begin_search() -> ResponseReturnValue:
    try:
        begin()
    except SwitchroomError as problem:
        return _page(problem)
    return redirect(url_for("start.search", to=_wanted()))


@blueprint.get("/search/state")
@needs(Right.CONFIG_EDIT)
def search_state() -> ResponseReturnValue:
    """What the page asks for while it goes on."""
    found = state()
    if found.phase != "searching":
        return Response(headers={"HX-Refresh": "true"})
    return render_template("start/searched.html", state=found, to=_wanted())
