"""Read transactions that the writer holds for a moment so that a plain copy of data.mdb is a sound ledger.

LMDB never overwrites a page of its newest two states, but pages freed two commits ago are written again, and a file
copied
byte by byte takes longer than two commits. The copy begins with the two meta pages, which name the state that the
copy will
open at. While a reader of that state or an older one lives, no page that was in use at that state or later is reused.
The
writer therefore keeps a read transaction of the recent past open: a copy, from the start of the file to its end, that
takes no
longer than `COPY_SECONDS` opens, consistent, at the state at which it began. Slower copies are made with
`mdb_copy` or `Environment.copy`, which hold a read transaction of their own. The price is file size: pages freed
within the
last seconds wait for reuse.
"""

from __future__ import annotations

from collections import deque
from typing import Any

COPY_SECONDS = 1.5
_INTERVAL = 0.5


class CopyGuard:
    """Used on the writer's thread, before each transaction. `drop` before the map is resized or the environment
    closed."""

    def __init__(self, seconds: float = COPY_SECONDS) -> None:
        self._seconds = seconds
        self._held: deque[tuple[float, Any]] = deque()

    def hold(self, env: Any, now: float) -> None:
        """A reader at most `_INTERVAL` old is open; those older than a copy may take are let go. `now` monotonic
        seconds."""
        if not self._held or now - self._held[-1][0] >= _INTERVAL:
            self._held.append((now, env.begin()))
        while now - self._held[0][0] > self._seconds + _INTERVAL:
            self._held.popleft()[1].abort()

    def drop(self) -> None:
        while self._held:
            self._held.popleft()[1].abort()
