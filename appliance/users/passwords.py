"""Passwords (argon2id, RFC 9106) and codes of a second factor (TOTP, RFC 6238)."""

from __future__ import annotations

import argon2
import pyotp

from appliance.errors import SwitchroomError
from appliance.sentences import say

MIN_LENGTH = 10
MAX_LENGTH = 256
_hasher = argon2.PasswordHasher()  # the library's defaults: RFC 9106's second choice, for small machines
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$4KoYsmbZPycd0g4Y4Iz6rQ$6ZQyEIGIO9rLlp54jLqOa8NMwLvnbRrWvS0OIutyzVA"
"""Of a password that nobody knows, with the parameters of `_hasher`: making one takes a tenth of a second of each start."""


def check_new(password: str, login: str) -> None:
    """Raises SwitchroomError "users.weak-password"."""
    hint = say("Take at least {least} characters; three or four words do.", least=MIN_LENGTH)
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise SwitchroomError("users.weak-password", "A password has {least} to {most} characters.", hint,
                              least=MIN_LENGTH, most=MAX_LENGTH)
    if len(set(password)) < 4 or login in password.lower() or "switchroom" in password.lower():
        raise SwitchroomError("users.weak-password", "This password would be guessed soon.", hint)


def hashed(password: str) -> str:
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Takes as long for a name that nobody has (`stored` None), so that names cannot be found by the time it takes."""
    if len(password) > MAX_LENGTH:
        return False
    try:
        _hasher.verify(stored or NOBODY, password)
    except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.InvalidHashError):
        return False
    return stored is not None


def totp_step(secret: str, code: str, now: float, used: int) -> int:
    """The time step (30 s) that `code` belongs to: this one, the one before or after, and later than `used`; 0: wrong."""
    totp = pyotp.TOTP(secret)
    here = int(now) // totp.interval
    for step in (here, here - 1, here + 1):
        if step > used and code.isascii() and pyotp.utils.strings_equal(totp.at(step * totp.interval), code):
            return step
    return 0


def totp_secret() -> str:
    return pyotp.random_base32()


def totp_address(secret: str, login: str, office: str) -> str:
    """What the QR code holds for an authenticator app."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=office)
