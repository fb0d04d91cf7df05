"""What was drawn is kept for all who see the same: fifty screens wake up at once, and one of them draws."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

MOST = 400


class Kept:
    """HTML by what decides about it. Several threads that ask for the same wait for the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn: dict[Hashable, str] = {}

    def get(self, key: Hashable, draw: Callable[[], str]) -> str:
        with self._lock:
            found = self._drawn.get(key)
            if found is None:
                if len(self._drawn) >= MOST:
                    self._drawn.clear()
                found = self._drawn[key] = draw()
            return found
