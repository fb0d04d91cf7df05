"""Who asks, and the tokens of programs."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import g
from msgspec import Meta

from appliance.errors import SwitchroomError
from appliance.users import tokens as tokens_of
from appliance.users.model import Token
from appliance.users.rights import RIGHTS, Right, Role
from web.api.routes import api
from web.app import services
from web.audit.service import note
from web.security.access import may


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
    days: Annotated[int, Meta(ge=0, le=tokens_of.MAX_DAYS)] = 0
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
    _in_person()
    token, secret = tokens_of.make(services().users, g.user, body.name, body.scopes, body.days, note)
    return MadeToken(view(token), secret)


@api.delete("/tokens/<id>")
def drop_token(id: str) -> None:
    """End a token: your own, or anybody's for who may edit users."""
    _in_person()
    tokens_of.drop(services().users, id, lambda each: each.login == g.user.login or may(Right.USERS_EDIT), note)
