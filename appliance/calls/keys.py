"""Codes pressed during a call, told apart from keys meant for the other side. Pure: keys and times in; codes and keys out.

A key that cannot begin a code is passed on at once; one that can is kept until the code is whole, cannot be it any more, or the
office's time is up. Whatever is not part of a code reaches the other side, in its order.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import msgspec

from appliance.config.model import CallKeys


class Code(msgspec.Struct, frozen=True):
    """A code of [call_keys] by its key."""

    name: str


class PassOn(msgspec.Struct, frozen=True):
    """Keys for the other side."""

    keys: str


@functools.lru_cache(maxsize=4)
def codes_of(keys: CallKeys) -> Mapping[str, str]:
    """The office's codes: code -> its key in [call_keys]. Every conversation asks."""
    return keys.in_use()


class KeyReader:
    """One phone's keys in one call. `codes`: code -> name; `seconds`: the keys of a code follow each other within this."""

    def __init__(self, codes: Mapping[str, str], seconds: float) -> None:
        self._codes = codes
        self._seconds = seconds
        self._kept = ""
        self.due: float | None = None
        """When `tick` will have something to say (s, the clock of `now`); None: nothing is kept."""

    def press(self, key: str, now: float) -> list[Code | PassOn]:
        out = self.tick(now)
        self._kept += key
        passed = ""
        while self._kept:
            longer = any(code != self._kept and code.startswith(self._kept) for code in self._codes)
            if longer:
                break
            if self._kept in self._codes:
                out += [PassOn(passed)] if passed else []
                passed = ""
                out.append(Code(self._codes[self._kept]))
                self._kept = ""
            else:
                passed, self._kept = passed + self._kept[0], self._kept[1:]
        if passed:
            out.append(PassOn(passed))
        self.due = now + self._seconds if self._kept else None
        return out

    def tick(self, now: float) -> list[Code | PassOn]:
        """What is kept and has waited long enough: a code that a longer one begins with, or keys for the other side."""
        if self.due is None or now < self.due:
            return []
        kept, self._kept, self.due = self._kept, "", None
        return [Code(self._codes[kept]) if kept in self._codes else PassOn(kept)]
