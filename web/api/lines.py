"""Devices in the network that could be a line."""

from __future__ import annotations

from appliance.users.rights import Right
from web.api.routes import api
from web.start import search_routes
from web.start.finder import SearchState


@api.post("/lines/search", Right.CONFIG_EDIT, returns=SearchState)
def begin_line_search() -> SearchState:
    """Ask each address of the box's own private networks whether it speaks SIP; where that goes on already, it goes on."""
    search_routes.begin()
    return search_routes.state()


@api.get("/lines/search", Right.CONFIG_EDIT, returns=SearchState)
def line_search() -> SearchState:
    """How far it is, and what was found."""
    return search_routes.state()
