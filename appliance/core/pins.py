"""Guessing PINs: after a few wrong ones in a row a door stays shut for a while, across calls and restarts.

What is kept is the name of the door ("agent:anna", "scenario:701"), how many wrong PINs came and until when it is shut; never a
PIN. A door is a person's or a service's: guessing at one from many phones is stopped just so.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable
from typing import Protocol

import msgspec

from appliance.clock import Clock
from appliance.config.features import Codes

NAMESPACE = "pins"


class States(Protocol):
    def get_state(self, namespace: str, key: str) -> bytes | None: ...
    def put_state(self, namespace: str, key: str, value: bytes | None) -> None: ...


class Tries(msgspec.Struct, frozen=True):
    """Wrong PINs in a row, the UTC second of the last, and until when the door is shut (0: it is open)."""

    wrong: int
    last: float
    until: float = 0.0


class PinGuard:
    """`codes` gives the office's limits: `pin_tries` and `pin_lock_minutes`."""

    def __init__(self, states: States, clock: Clock, codes: Callable[[], Codes]) -> None:
        self._states = states
        self._clock = clock
        self._codes = codes

    def locked(self, door: str) -> float:
        """Minutes that the door stays shut yet; 0.0: it is open."""
        tries = self._tries(door)
        left = tries.until - self._clock.utc() if tries else 0.0
        return max(0.0, left / 60)

    def check(self, door: str, right: str, given: str) -> bool:
        """Whether this is the PIN. Every wrong one counts; while the door is shut none is right."""
        if self.locked(door):
            return False
        if hmac.compare_digest(right.encode(), given.encode()):
            if self._tries(door):
                self._states.put_state(NAMESPACE, door, None)
            return True
        self._count(door)
        return False

    def _count(self, door: str) -> None:
        codes, now = self._codes(), self._clock.utc()
        tries = self._tries(door)
        wrong = (tries.wrong if tries else 0) + 1
        shut = now + codes.pin_lock_minutes * 60 if wrong >= codes.pin_tries else 0.0
        self._states.put_state(NAMESPACE, door, msgspec.msgpack.encode(Tries(0 if shut else wrong, now, shut)))

    def _tries(self, door: str) -> Tries | None:
        """What is still held against this door: a window after the last wrong PIN it is forgotten."""
        raw = self._states.get_state(NAMESPACE, door)
        if raw is None:
            return None
        tries = msgspec.msgpack.decode(raw, type=Tries)
        over = max(tries.until, tries.last + self._codes().pin_lock_minutes * 60)
        return tries if self._clock.utc() < over and math.isfinite(over) else None
