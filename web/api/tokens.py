"""Who asks, and the tokens of programs."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import g
from msgspec import Meta

from appliance.errors import SwitchroomError
from appliance.users.model import Token
from appliance.users.rights import RIGHTS, Right, Role
from web.api.routes import api
from web.app import services
from web.audit.service import note
from web.audit.words import TOKEN
from web.security.access import may

MAX_TOKENS = 50
"""Of one person."""


class Me(msgspec.Struct, frozen=True):
    login: str
    name: str
    role: Role
    rights: list[Right]


class TokenView(msgspec.Struct, frozen=True):
    """Times are UTC seconds; `until` 0: no end."""

    id: str
    name: str
    login: str
    scopes: list[Right]
    made: float
    until: float


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    scopes: Annotated[list[Right], Meta(min_length=1, max_length=40)]
    days: Annotated[int, Meta(ge=0, le=3650)] = 0
    """0: no end."""


class MadeToken(msgspec.Struct, frozen=True):
    """`secret` is shown this once: Authorization: Bearer SECRET."""

    token: TokenView
    secret: str


def view(token: Token) -> TokenView:
    return TokenView(token.id, token.name, token.login, token.scopes, token.made, token.until)


def _in_person() -> None:
    """A token that was stolen must not make more of its kind, nor shut others out."""
    if g.scopes is not None:
        raise SwitchroomError("web.forbidden", "Tokens are made and ended by people only.", "Sign in at the pages.")


@api.get("/me", returns=Me)
def me() -> Me:
    """Who you are, and what you may do here."""
    rights = [right for right in sorted(RIGHTS[g.user.role]) if g.scopes is None or right in g.scopes]
    return Me(g.user.login, g.user.name, g.user.role, rights)


@api.get("/tokens", returns=list[TokenView])
def tokens() -> list[TokenView]:
    """Your own tokens; of all people for who may edit users."""
    return [view(each) for each in services().users.tokens() if may(Right.USERS_EDIT) or each.login == g.user.login]


@api.post("/tokens", returns=MadeToken, body=NewToken, status=201)
def make_token(body: NewToken) -> MadeToken:
    """A token for a program, with some of your own rights."""
    users = services().users
    _in_person()
    over = [right for right in body.scopes if not g.user.may(right)]
    if over:
        raise SwitchroomError("web.forbidden", "You have no right {over} yourself.", "Leave it out.", over=over[0])
    if sum(each.login == g.user.login for each in users.tokens()) >= MAX_TOKENS:
        raise SwitchroomError("users.too-many", "You have {most} tokens.", "Remove some that nobody uses.",
                              most=MAX_TOKENS)
    until = users.clock.utc() + body.days * 86400 if body.days else 0.0
    note("token.make", body.name, ", ".join(body.scopes))
    token, secret = users.make_token(g.user, body.name, list(dict.fromkeys(body.scopes)), until)
    return MadeToken(view(token), secret)


@api.delete("/tokens/<id>")
def drop_token(id: str) -> None:
    """End a token: your own, or anybody's for who may edit users."""
    _in_person()
    users = services().users
    found = next((each for each in users.tokens() if each.id == id), None)
    if found is None or (found.login != g.user.login and not may(Right.USERS_EDIT)):
        raise SwitchroomError("users.unknown", "There is no such token.", "See /api/v1/tokens.")
    note("token.drop", id, str(TOKEN.about(name=found.name, login=found.login)))
    users.drop_token(id)
