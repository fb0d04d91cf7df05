"""What callers answered after their calls, read from the events."""

from __future__ import annotations

from appliance.surveys import Asked, Asking

from .reader import LedgerReader


def asked_since(reader: LedgerReader, since: float, until: float | None = None) -> list[Asked]:
    """Who was asked from `since` on and before `until` (UTC seconds), in order, with all that they answered."""
    found = Asking()
    for record in reader.follow(max(0, reader.seq_at(since) - 1)):
        found.take(record.event, record.utc)
    return [each for each in found.all() if each.utc >= since and (until is None or each.utc < until)]
