"""Users: who may use the pages and the API, with which role, and which queues and lists they see."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from flask import g
from msgspec import Meta

from appliance.errors import SwitchroomError
from appliance.users.model import Login, User
from appliance.users.rights import Right, Role
from web.api.routes import api
from web.app import services
from web.people import service

Names = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=1000)]
"""Never empty: "none" must not come to mean "all"."""


class Scope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`agent`: the id of the agent that this person is; `queues`, `lists`: sees these only, null: all."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    role: Role
    agent: Annotated[str, Meta(max_length=64)] = ""
    queues: Names | None = None
    lists: Names | None = None


class NewUser(Scope, frozen=True, kw_only=True, forbid_unknown_fields=True):
    login: Login


class UserView(msgspec.Struct, frozen=True, kw_only=True):
    login: str
    name: str
    role: Role
    agent: str
    queues: list[str] | None
    lists: list[str] | None
    second_factor: bool
    disabled: bool


class FirstPassword(msgspec.Struct, frozen=True):
    """`password` is shown this once; empty where none was made."""

    login: str
    password: str


class UserOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action: Literal["password", "disable", "enable", "second-factor-off"]


def _view(user: User) -> UserView:
    return UserView(login=user.login, name=user.name, role=user.role, agent=user.agent, queues=user.queues, lists=user.lists,
                    second_factor=bool(user.totp), disabled=user.disabled)


def _in_person() -> None:
    """A token that was stolen must not make itself an administrator."""
    if g.scopes is not None:
        raise SwitchroomError("web.forbidden", "Users are changed by people only.", "Sign in at the pages.")


def _fields(scope: Scope) -> dict[str, object]:
    return {"name": scope.name, "role": scope.role, "agent": scope.agent, "queues": scope.queues, "lists": scope.lists}


@api.get("/users", Right.USERS_EDIT, returns=list[UserView])
def users() -> list[UserView]:
    """All users."""
    return [_view(each) for each in services().users.users()]


@api.post("/users", Right.USERS_EDIT, returns=FirstPassword, body=NewUser, status=201)
def add_user(body: NewUser) -> FirstPassword:
    """A new user, with a first password. By people, not by a token."""
    _in_person()
    return FirstPassword(body.login, service.add(body.login, **_fields(body)))


@api.put("/users/<login>", Right.USERS_EDIT, returns=UserView, body=Scope)
def change_user(login: str, body: Scope) -> UserView:
    """What a user is and sees; their sessions and tokens end. By people, not by a token."""
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
