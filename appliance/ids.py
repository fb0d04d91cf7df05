"""Names of calls and legs: unique, and sorting as text in the order they were made."""

from __future__ import annotations

import os

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
"""Ten bits at a time: an id is made for every call."""


def _base32(value: int, pairs: int) -> str:
    """The lowest 10 bits x `pairs` of `value`."""
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(10 * (pairs - 1), -1, -10)])


def call_id(utc: float) -> str:
    """A call's id: 10 characters of UTC milliseconds, then 40 random bits. Two in one millisecond may stand in either order."""
    return _base32(int(utc * 1000), 5) + _base32(int.from_bytes(os.urandom(5), "big"), 4)


def leg_id(call: str, number: int) -> str:
    """The id of the call's leg `number` (from 1). "-" and not "." so that it may stand in a file name and a Call-ID."""
    return f"{call}-{number}"
