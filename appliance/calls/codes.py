"""Short codes: which one was dialled, and the digits that follow it. Pure."""

from __future__ import annotations

import functools
import re

import msgspec

from appliance.config.model import Codes

_ARGUMENT = re.compile(r"[0-9*#+]{0,32}")


class ToCode(msgspec.Struct, frozen=True):
    """A code of [codes] by its key ("take_break"), and the digits dialled after it ("" where none were)."""

    name: str
    digits: str = ""


def code_dialled(codes: Codes, dialled: str) -> ToCode | None:
    """The code that `dialled` begins with; None where there is none. None of them begins another (config/check_codes.py)."""
    for code, name in _in_use(codes):
        if dialled.startswith(code):
            digits = dialled[len(code):]
            return ToCode(name, digits) if _ARGUMENT.fullmatch(digits) else None
    return None


@functools.lru_cache(maxsize=4)
def _in_use(codes: Codes) -> tuple[tuple[str, str], ...]:
    return tuple(codes.in_use().items())
