"""Events to bytes and back: versions, upcasters, and personal text replaced by tokens.

A stored event is a msgpack array `[version, utc, mono, boot, event]`; `event` is a map with its "type". In it each
non-empty field annotated `Personal` holds a token (U+0001 and the decimal id of a row in "persons"), never the text.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from appliance import messages as m
from appliance.errors import SwitchroomError

ERASED = "(erased)"
"""What a reader gets in place of personal text that was erased."""
MARK = "\x01"

VERSIONS: dict[type[m.Event], int] = dict.fromkeys(m.EVENTS, 1) | {m.RecordingPaused: 2, m.RecordingErased: 2, m.AcdConfigured: 2}
"""The version written today. Raise it with any change of fields; add the upcaster below and a fixture of the old
form."""

def _with_call(event: dict[str, Any]) -> dict[str, Any]:
    """Version 1 named the recording alone; its file is DAY/CALL-NUMBER.wav."""
    name = str(event["recording"]).rpartition("/")[2]
    return {**event, "call": name.rpartition("-")[0]}


def _as_it_is(event: dict[str, Any]) -> dict[str, Any]:
    """What version 1 did not tell is not known."""
    return event


Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTERS: dict[tuple[str, int], Upcaster] = {
    ("RecordingPaused", 1): _with_call,
    ("RecordingErased", 1): _with_call,
    ("AcdConfigured", 1): _as_it_is,
}
"""(type, version) -> the same event, one version younger, as a plain map with its "type"."""


def personal_fields(cls: type) -> tuple[str, ...]:
    """Names of the fields annotated `Personal`."""
    info = msgspec.inspect.type_info(cls)
    return tuple(
        field.name for field in getattr(info, "fields", ())
        if isinstance(field.type, msgspec.inspect.Metadata) and (field.type.extra or {}).get("personal")
    )  # fmt: skip


PERSONAL: dict[type[m.Event], tuple[str, ...]] = {cls: found for cls in m.EVENTS if (found := personal_fields(cls))}
"""Event types with personal fields. The first field (a number) is the person; the others belong to that person."""


def token(person: int) -> str:
    return f"{MARK}{person}"


def person_of(text: str) -> int:
    """The id in a token, 0 if `text` is not one."""
    return int(text[1:]) if text.startswith(MARK) else 0


if TYPE_CHECKING:
    AnyEvent = m.Event
else:
    AnyEvent = typing.Union[m.EVENTS]  # noqa: UP007


class Stored(msgspec.Struct, array_like=True, frozen=True):
    """An event on disk. `boot` is a row of "boots"."""

    version: int
    utc: float
    mono: float
    boot: int
    event: AnyEvent


class _StoredRaw(msgspec.Struct, array_like=True, frozen=True):
    version: int
    utc: float
    mono: float
    boot: int
    event: dict[str, Any]


_decoder = msgspec.msgpack.Decoder(Stored)
_raw_decoder = msgspec.msgpack.Decoder(_StoredRaw)
_by_name: dict[str, type[m.Event]] = {cls.__name__: cls for cls in m.EVENTS}


def decode(data: bytes | memoryview) -> Stored:
    """A stored event in today's form (personal fields still tokens), whatever version it was written in."""
    try:
        stored = _decoder.decode(data)
    except msgspec.ValidationError:
        return upcast(_raw_decoder.decode(data))
    if VERSIONS[stored.event.__class__] == stored.version:
        return stored
    return upcast(_raw_decoder.decode(data))


def upcast(
    raw: _StoredRaw,
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
    versions: Mapping[type[m.Event], int] = VERSIONS,
) -> Stored:
    """Lift an older record version by version. `ledger.unknown-event` for types and versions from the future."""
    fields, version = raw.event, raw.version
    while True:
        name = str(fields.get("type", ""))
        cls = _by_name.get(name)
        if cls is not None and versions[cls] == version:
            break
        step = upcasters.get((name, version))
        if step is None:
            raise SwitchroomError("ledger.unknown-event",
                                  "The ledger holds an event {name} of version {version} that this release cannot read.",
                                  "Run the release that wrote it, or a newer one.", name=repr(name), version=version)
        fields, version = step(fields), version + 1
    event = msgspec.convert(fields, AnyEvent)
    return Stored(version, raw.utc, raw.mono, raw.boot, event)


def with_text(event: m.Event, text_of: Callable[[str], str]) -> m.Event:
    """The event with `text_of(text)` in place of each personal text (or token)."""
    fields = PERSONAL.get(event.__class__)
    if fields is None:
        return _with_rows(event, text_of) if isinstance(event, m.CampaignCreated) and event.bad_rows else event
    texts = {field: text_of(value) for field in fields if (value := getattr(event, field))}
    return msgspec.structs.replace(event, **texts) if texts else event


def _with_rows(event: m.CampaignCreated, text_of: Callable[[str], str]) -> m.CampaignCreated:
    """Rows of a list that could not be read hold whatever stood there: names and numbers, mostly. Why they could not repeats
    that."""
    rows = [m.BadRow(row=row.row, text=row.text and text_of(row.text), reason=row.reason and text_of(row.reason))
            for row in event.bad_rows]
    return msgspec.structs.replace(event, bad_rows=rows)
