"""Users: who may use the pages and the API, with which role, and which queues and lists they see."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from flask import g
from msgspec import UNSET, Meta, UnsetType

from appliance.errors import SwitchroomError
from appliance.users.model import Login, User
from appliance.users.rights import Right, Role
from web.api.routes import api
from web.app import services
from web.people import service

Names = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=1000)]
Seen = Names | Literal["all"]
"""Which queues or lists somebody sees: these alone, [] none; all of them, today's and later ones, by this word only."""


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`agent`: the id of the agent that this person is; `queues`, `lists`: sees these only, "all": every one. Where they are
    missing it is none."""

    login: Login
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    role: Role
    agent: Annotated[str, Meta(max_length=64)] = ""
    queues: Seen = []
    lists: Seen = []


class UserChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As for a new user; of `agent`, `queues` and `lists` what is missing stays as it is."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    role: Role
    agent: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    queues: Seen | UnsetType = UNSET
    lists: Seen | UnsetType = UNSET


class UserView(msgspec.Struct, frozen=True, kw_only=True):
    login: str
    name: str
    role: Role
    agent: str
    queues: list[str] | Literal["all"]
    lists: list[str] | Literal["all"]
    second_factor: bool
    disabled: bool


class FirstPassword(msgspec.Struct, frozen=True):
    """`password` is shown this once; empty where none was made."""

    login: str
    password: str


class UserOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action: Literal["password", "disable", "enable", "second-factor-off"]


def _view(user: User) -> UserView:
    return UserView(login=user.login, name=user.name, role=user.role, agent=user.agent,
                    queues="all" if user.queues is None else user.queues, lists="all" if user.lists is None else user.lists,
                    second_factor=bool(user.totp), disabled=user.disabled)


def _in_person() -> None:
    """A token that was stolen must not make itself an administrator."""
    if g.scopes is not None:
        raise SwitchroomError("web.forbidden", "Users are changed by people only.", "Sign in at the pages.")


def _fields(body: NewUser | UserChange) -> dict[str, object]:
    given = {key: getattr(body, key) for key in ("name", "role", "agent", "queues", "lists")}
    return {key: None if key in ("queues", "lists") and value == "all" else value
            for key, value in given.items() if value is not UNSET}


@api.get("/users", Right.USERS_EDIT, returns=list[UserView])
def users() -> list[UserView]:
    """All users."""
    return [_view(each) for each in services().users.users()]


@api.post("/users", Right.USERS_EDIT, returns=FirstPassword, body=NewUser, status=201)
def add_user(body: NewUser) -> FirstPassword:
    """A new user, with a first password. By people, not by a token."""
    _in_person()
    return FirstPassword(body.login, service.add(body.login, **_fields(body)))


@api.put("/users/<login>", Right.USERS_EDIT, returns=UserView, body=UserChange)
def change_user(login: str, body: UserChange) -> UserView:
    """What a user is and sees, what is missing stays; their sessions and tokens end. By people, not by a token."""
    _in_person()
    service.save(login, **_fields(body))
    return _view(service.known(login))


@api.post("/users/<login>/order", Right.USERS_EDIT, returns=FirstPassword, body=UserOrder)
def order_user(login: str, body: UserOrder) -> FirstPassword:
    """A new password, no more signing in, again, or no second factor any more. By people, not by a token."""
    _in_person()
    return FirstPassword(login, service.order(login, body.action))


@api.delete("/users/<login>", Right.USERS_EDIT)
def remove_user(login: str) -> None:
    """Remove a user with all sessions and tokens. By people, not by a token."""
    _in_person()
    service.order(login, "remove")
