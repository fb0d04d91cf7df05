"""What the media engine tells. Every event names its port; the core's loop gets them from `Engine.events()`."""

from __future__ import annotations

from typing import Literal

import msgspec


class MediaEvent(msgspec.Struct, frozen=True, kw_only=True):
    port: int


class Digit(MediaEvent, frozen=True, kw_only=True):
    """A digit was pressed: by telephone-event (RFC 4733) or heard in-band. Reported once, at its start where possible."""

    digit: str
    source: Literal["rfc4733", "inband", "info"]
    duration_ms: int = 0


class PlayDone(MediaEvent, frozen=True, kw_only=True):
    """Playback `play` ended. `samples` is the position reached, in samples at 8 kHz of what was sent to the far end;
    `total` the length of the whole; `complete` whether it ran out by itself."""

    play: int
    samples: int
    total: int
    complete: bool


class RecordDone(MediaEvent, frozen=True, kw_only=True):
    """The file is closed and whole on disk (fsync done). `error` names what went wrong (disk full), "" if nothing."""

    record: int
    path: str
    samples: int
    reason: Literal["stopped", "limit", "silence", "error"]
    error: str = ""


class Voice(MediaEvent, frozen=True, kw_only=True):
    """The far end started or stopped speaking (energy against its own noise floor, our echo left out).
    `at_ms` since detection was switched on."""

    speaking: bool
    at_ms: int


class Tone(MediaEvent, frozen=True, kw_only=True):
    """A call-progress or other tone was recognised: dial, ringback, busy, congestion, special (SIT), fax (CNG 1100 Hz or
    CED 2100 Hz), modem, beep (an answering machine's). `at_ms` since detection was switched on. Ringback is told with each burst,
    dial tone every 8 s while it lasts, the others once while they go on."""

    tone: Literal["dial", "ringback", "busy", "congestion", "special", "fax", "modem", "beep"]
    at_ms: int


class Machine(MediaEvent, frozen=True, kw_only=True):
    """The far end's first speech looks like a person's or an answering machine's (cadence: greeting length, pauses)."""

    verdict: Literal["person", "machine", "unsure"]
    at_ms: int


class Silent(MediaEvent, frozen=True, kw_only=True):
    """No RTP for `seconds` (media timeout)."""

    seconds: float


class Level(MediaEvent, frozen=True, kw_only=True):
    """RMS level of the last 200 ms, dBov, received and sent (only where metering is on)."""

    received_dbov: float
    sent_dbov: float
