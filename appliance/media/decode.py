"""Events of the C engine as typed events."""

from __future__ import annotations

from typing import Any

from appliance.media._media import ffi, lib
from appliance.media.events import Digit, Level, Machine, MediaEvent, PlayDone, RecordDone, Silent, Tone, Voice

REASONS = {
    lib.RECORD_STOPPED: "stopped",
    lib.RECORD_LIMIT: "limit",
    lib.RECORD_SILENCE: "silence",
    lib.RECORD_ERROR: "error",
}


def event_of(raw: Any) -> MediaEvent | None:
    """One struct media_event as its type; None for a kind that this version does not know."""
    make = _DECODERS.get(raw.kind)
    return make(raw) if make is not None else None


def _text(raw: Any) -> str:
    return ffi.string(raw.text, 32).decode("ascii", "replace")


def _digit(raw: Any) -> MediaEvent:
    return Digit(port=raw.port, digit=chr(raw.code), source="inband" if raw.flag else "rfc4733", duration_ms=int(raw.a))


def _play_done(raw: Any) -> MediaEvent:
    return PlayDone(port=raw.port, play=raw.id, samples=raw.a, total=raw.b, complete=bool(raw.flag))


def _record_done(raw: Any) -> MediaEvent:
    path = ffi.string(raw.path).decode(errors="surrogateescape") if raw.path != ffi.NULL else ""
    lib.media_event_done(ffi.addressof(raw))
    return RecordDone(
        port=raw.port,
        record=raw.id,
        path=path,
        samples=raw.a,
        reason=REASONS.get(raw.code, "error"),  # type: ignore[arg-type]
        error=_text(raw),
    )


def _voice(raw: Any) -> MediaEvent:
    return Voice(port=raw.port, speaking=bool(raw.flag), at_ms=int(raw.a))


def _tone(raw: Any) -> MediaEvent:
    return Tone(port=raw.port, tone=_text(raw), at_ms=int(raw.a))  # type: ignore[arg-type]


def _machine(raw: Any) -> MediaEvent:
    return Machine(port=raw.port, verdict=_text(raw), at_ms=int(raw.a))  # type: ignore[arg-type]


def _silent(raw: Any) -> MediaEvent:
    return Silent(port=raw.port, seconds=raw.a / 1000.0)


def _level(raw: Any) -> MediaEvent:
    return Level(port=raw.port, received_dbov=round(raw.x, 1), sent_dbov=round(raw.y, 1))


_DECODERS = {
    lib.EV_DIGIT: _digit,
    lib.EV_PLAY_DONE: _play_done,
    lib.EV_RECORD_DONE: _record_done,
    lib.EV_VOICE: _voice,
    lib.EV_TONE: _tone,
    lib.EV_MACHINE: _machine,
    lib.EV_SILENT: _silent,
    lib.EV_LEVEL: _level,
}
