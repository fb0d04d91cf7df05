"""A person, a session, a token: what is kept of each."""



from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from appliance.users.rights import RIGHTS, Right, Role

Login = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")]


class User(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`password` is an argon2 hash, never a password. `agent` is the id of the [[agents]] that this person is.
    `queues` and `lists` narrow what is seen to these; None: all. `epoch` goes up with each change after which sessions and
    tokens from before must not count. `totp` is the base32 secret of the second factor (RFC 6238); empty: none."""

    login: Login
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    role: Role
    password: str
    agent: str = ""
    queues: list[str] | None = None
    lists: list[str] | None = None
    language: str = ""
    totp: str = ""
    totp_used: int = 0
    """The time step of the last code taken: none is taken twice."""
    disabled: bool = False
    epoch: int = 0

    def may(self, right: Right) -> bool:
        return not self.disabled and right in RIGHTS[self.role]

    def sees_queue(self, name: str) -> bool:
        return self.queues is None or name in self.queues

    def sees_list(self, number: str) -> bool:
        return self.lists is None or number in self.lists


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A browser's session; kept under the hash of its cookie. Times are UTC seconds. `login` is empty before signing in.
    `data` is what pages keep: the CSRF token, messages to show once."""

    login: str = ""
    epoch: int = 0
    began: float
    seen: float
    data: dict[str, Any] = {}


class Token(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A program's way in (Authorization: Bearer); kept under the hash of its secret. It may what both its `scopes` and its
    owner's role allow. `until` 0: no end."""

    id: str
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    login: str
    epoch: int
    scopes: list[Right]
    made: float
    until: float = 0.0
    used: float = 0.0
