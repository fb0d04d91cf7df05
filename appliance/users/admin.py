"""What administrators do with users, from a page or the command line. Every change ends what went by the state before."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from appliance.errors import SwitchroomError
from appliance.libraries import of_msgspec
from appliance.users import passwords
from appliance.users.model import User
from appliance.users.store import UserStore

FIRST_PASSWORD_BYTES = 12


def _convert(fields: dict[str, Any]) -> User:
    try:
        return msgspec.convert(fields, User)
    except msgspec.ValidationError as problem:
        raise SwitchroomError(
            "users.bad", "This user cannot be saved: {problem}.",
            "The name for signing in has small Latin letters, digits, dots and dashes; the other is not empty.",
            problem=of_msgspec(problem),
        ) from None


def add(users: UserStore, login: str, **fields: Any) -> str:
    """A new user; returns the first password, which is kept nowhere. `fields` as in `User`.

    Raises SwitchroomError "users.taken", "users.bad", "users.too-many"."""
    login, password = login.strip().lower(), secrets.token_urlsafe(FIRST_PASSWORD_BYTES)
    users.put_user(_convert({"login": login, "password": passwords.hashed(password), **fields}), new=True)
    return password


def change(users: UserStore, login: str, **fields: Any) -> None:
    """Raises SwitchroomError "users.unknown", "users.bad", "users.last-admin"."""
    users.change_user(login, lambda user: _convert(msgspec.to_builtins(user) | fields | {"epoch": user.epoch + 1}))


def new_password(users: UserStore, login: str) -> str:
    password = secrets.token_urlsafe(FIRST_PASSWORD_BYTES)
    change(users, login, password=passwords.hashed(password))
    return password


def second_factor_off(users: UserStore, login: str) -> None:
    change(users, login, totp="", totp_used=0)
