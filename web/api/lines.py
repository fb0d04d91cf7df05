"""Devices in the network that could be a line; lines and phones tried by a real call, a phone's settings."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from appliance.messages import Done, LineTried
from appliance.users.rights import Right
from web.api.routes import api
from web.start import search_routes, trials
from web.start.finder import SearchState


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`number`: as it is dialled here, such as a mobile's."""

    number: Annotated[str, Meta(min_length=1, max_length=32)]


class PhoneAccount(msgspec.Struct, frozen=True):
    """What is typed into a phone; `server` is host and port."""

    server: str
    user: str
    password: str


@api.post("/lines/search", Right.CONFIG_EDIT, returns=SearchState)
def begin_line_search() -> SearchState:
    """Ask each address of the box's own private networks whether it speaks SIP; where that goes on already, it goes on."""
    search_routes.begin()
    return search_routes.state()


@api.get("/lines/search", Right.CONFIG_EDIT, returns=SearchState)
def line_search() -> SearchState:
    """How far it is, and what was found."""
    return search_routes.state()


@api.post("/lines/<name>/try", Right.CONFIG_EDIT, returns=LineTried, body=Trial)
def try_line(name: str, body: Trial) -> LineTried:
    """Call this number over the line, say a sentence to whoever answers, and hang up: a real call, which may cost. Answers when
    it is over, at the latest after a minute and a half."""
    return trials.line(name, body.number)


@api.post("/phones/<extension>/ring", Right.CONFIG_EDIT, returns=Done)
def ring_phone(extension: str) -> Done:
    """Ring a phone; whoever answers hears that it works."""
    return trials.ring(extension)


@api.post("/phones/<extension>/settings", Right.CONFIG_EDIT, returns=PhoneAccount)
def phone_settings(extension: str) -> PhoneAccount:
    """What is to be typed into this phone, its password included; noted in the audit log."""
    found = trials.account(extension)
    return PhoneAccount(trials.server(), found.extension, found.secret)
