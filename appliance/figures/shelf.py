"""What the fold remembers of callers and of contacts that are over, on disk for a week: an LMDB database of its own."""

from __future__ import annotations

from struct import Struct
from typing import Any

from .folding.callers import WEEK

_UTC = Struct(">d")


class Shelf:
    """Within a transaction that `begin` gives it; what was put is written by `flush`."""

    def __init__(self, db: Any) -> None:
        self._db = db
        self._txn: Any = None
        self._changed: dict[bytes, bytes] = {}

    def begin(self, txn: Any) -> None:
        self._txn = txn
        self._changed = {}

    def get(self, key: bytes) -> bytes | None:
        found = self._changed.get(key)
        if found is None:
            found = self._txn.get(key, db=self._db)
        return found[_UTC.size :] if found is not None else None

    def put(self, key: bytes, utc: float, value: bytes) -> None:
        self._changed[key] = _UTC.pack(utc) + value

    def flush(self) -> None:
        if self._changed:
            with self._txn.cursor(db=self._db) as cursor:
                cursor.putmulti(sorted(self._changed.items()), overwrite=True)
            self._changed = {}

    def sweep(self, now: float) -> int:
        """Forget what is older than a week; how many that was. After `flush`."""
        gone, oldest = 0, now - WEEK
        with self._txn.cursor(db=self._db) as cursor:
            here = cursor.first()
            while here:
                if _UTC.unpack_from(cursor.value())[0] < oldest:
                    here = cursor.delete() and bool(cursor.key())  # stands on the next then, or behind the last
                    gone += 1
                else:
                    here = cursor.next()
        return gone
