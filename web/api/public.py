"""Figures for everybody, where the office shows any."""

from __future__ import annotations

from flask import after_this_request

from web.api.routes import api
from web.public.routes import read, shown_elsewhere
from web.public.service import Figures


@api.get_open("/public/figures", returns=Figures)
def public_figures() -> Figures:
    """The figures of /public, for a counter on the office's own site; "web.not-found" unless [web.public] is enabled."""
    found = read()
    after_this_request(shown_elsewhere)
    return found
