"""What the ledger's events say of a recording, as lists of recordings begin."""

from __future__ import annotations

import msgspec

from appliance.messages import RecordingEnded


class Kept(msgspec.Struct, kw_only=True):
    """`seconds` 0.0 and `reason` "" while it runs."""

    call: str
    queue: str = ""
    why: str = ""
    seconds: float = 0.0
    bytes: int = 0
    sha256: str = ""
    reason: str = ""

    def end(self, event: RecordingEnded) -> None:
        self.seconds, self.bytes, self.sha256, self.reason = event.seconds, event.bytes, event.sha256, event.reason
