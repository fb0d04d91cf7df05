"""Tokens of programs: made and ended by people, at the pages, by the API or at the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from appliance.errors import SwitchroomError
from appliance.sentences import say
from appliance.users.model import Token, User
from appliance.users.rights import Right
from appliance.users.store import UserStore

MAX_TOKENS = 50
"""Of one person."""
MAX_DAYS = 3650
TOKEN = say("{name} of {login}")
"""What a note says of one that was ended."""
Note = Callable[[str, str, str], None]


def make(users: UserStore, user: User, name: str, scopes: Sequence[Right], days: int, note: Note) -> tuple[Token, str]:
    """A token with some of this person's rights, and its secret, which is kept nowhere; `days` 0: no end. Raises SwitchroomError
    "web.forbidden", "users.too-many"; and as `note`, which comes before."""
    over = [right for right in scopes if not user.may(right)]
    if over:
        raise SwitchroomError("web.forbidden", "You have no right {over} yourself.", "Leave it out.", over=over[0])
    if sum(each.login == user.login for each in users.tokens()) >= MAX_TOKENS:
        raise SwitchroomError("users.too-many", "You have {most} tokens.", "Remove some that nobody uses.", most=MAX_TOKENS)
    until = users.clock.utc() + days * 86400 if days else 0.0
    note("token.make", name, ", ".join(scopes))
    return users.make_token(user, name, list(dict.fromkeys(scopes)), until)


def drop(users: UserStore, id: str, mine: Callable[[Token], bool], note: Note) -> None:
    """End a token that is `mine`: what goes by it stops at once. Raises SwitchroomError "users.unknown"."""
    found = next((each for each in users.tokens() if each.id == id and mine(each)), None)
    if found is None:
        raise SwitchroomError("users.unknown", "There is no such token.", "See /api/v1/tokens.")
    note("token.drop", id, str(TOKEN.about(name=found.name, login=found.login)))
    users.drop_token(id)
