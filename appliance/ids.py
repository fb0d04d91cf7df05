"""Names of calls and legs: unique, and sorting as text in the order they were made."""

from __future__ import annotations

import secrets

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread


def _base32(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        digits.append(ALPHABET[value & 31])
        value >>= 5
    return "".join(reversed(digits))


def call_id(utc: float) -> str:
    """A call's id: 10 characters of UTC milliseconds, then 40 random bits. Two in one millisecond may stand in either order."""
    return _base32(int(utc * 1000), 10) + _base32(secrets.randbits(40), 8)


def leg_id(call: str, number: int) -> str:
    """The id of the call's leg `number` (from 1). "-" and not "." so that it may stand in a file name and a Call-ID."""
    return f"{call}-{number}"
