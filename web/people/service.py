"""What administrators do with users; the same for the page and the API. Noted before it is done."""

from __future__ import annotations

from typing import Any

from flask import g

from appliance.errors import SwitchroomError
from appliance.users import admin
from appliance.users.model import User
from web.app import services
from web.audit.service import note
from web.audit.words import ROLE


def known(login: str) -> User:
    """Raises SwitchroomError "users.unknown"."""
    user = services().users.user(login[:64])
    if user is None:
        raise SwitchroomError("users.unknown", "There is no such user.", "Load the page again.")
    return user


def add(login: str, **fields: Any) -> str:
    """The first password, which is kept nowhere. Raises SwitchroomError as `admin.add` does."""
    login = login.strip().lower()[:64]
    note("user.add", login, str(ROLE.about(role=fields.get("role", "viewer"))))
    return admin.add(services().users, login, **fields)


def save(login: str, **fields: Any) -> None:
    """Raises SwitchroomError as `admin.change` does."""
    note("user.save", known(login).login, str(ROLE.about(role=fields.get("role", ""))))
    admin.change(services().users, login, **fields)


def order(login: str, action: str) -> str:
    """`action`: password (a new one is made and returned), disable, enable, second-factor-off, remove. Raises SwitchroomError
    "users.unknown", "users.last-admin", "users.yourself", "web.bad-form"."""
    users = services().users
    known(login)
    if action not in ("password", "disable", "enable", "second-factor-off", "remove"):
        raise SwitchroomError("web.bad-form", "This form is not known.", "Load the page again.")
    if action == "remove" and login == g.user.login:
        raise SwitchroomError("users.yourself", "You cannot remove yourself.", "Another administrator can.")
    note(f"user.{action}", login)
    match action:
        case "password":
            return admin.new_password(users, login)
        case "disable" | "enable":
            admin.change(users, login, disabled=action == "disable")
        case "second-factor-off":
            admin.second_factor_off(users, login)
        case "remove":
            users.remove_user(login)
    return ""
