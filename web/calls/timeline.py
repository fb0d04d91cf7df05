"""What happened in a call, in order: its legs, the queues, transfers, what was keyed, recordings, outcomes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from appliance import messages as m
from appliance.ledger.cdr import Cdr

HIDDEN = {"asked", "call", "contact", "at", "media_port", "peer", "quality", "cause", "sha256", "bytes", "channel", "skills"}
"""Of events: what a person reading the timeline has no use for, or sees elsewhere on the page."""
MOST = 2_000


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One event: `at` seconds after the call's start, `what` a stable word ("leg-answered"), `leg` where it is of one, and what
    else is known of it."""

    at: float
    what: str
    leg: str = ""
    party: str = ""
    facts: dict[str, str | float | bool] = {}
    cause: m.Cause | None = None


def steps_of(records: Iterable[m.Record], cdr: Cdr) -> list[Step]:
    """At most MOST."""
    legs: dict[str, str] = {each.leg: party(each.endpoint, each.number, each.name, each.kind) for each in cdr.legs}
    recordings: set[str] = set()
    found: list[Step] = []
    for record in records:
        event: Any = record.event
        if isinstance(event, m.RecordingStarted) and event.call == cdr.call:
            recordings.add(event.recording)
        if _is_of(event, cdr, legs, recordings):
            found.append(_step(record, cdr, legs))
            if len(found) == MOST:
                break
    return sorted(found, key=lambda step: step.at)


def party(endpoint: str, number: str, name: str, kind: str) -> str:
    """Who is on a leg: a phone's extension, or a number and the line it is on."""
    return endpoint if kind == "phone" else " ".join(filter(None, [name, number, f"({endpoint})"]))


def _is_of(event: Any, cdr: Cdr, legs: dict[str, str], recordings: set[str]) -> bool:
    return (
        getattr(event, "call", None) == cdr.call
        or getattr(event, "contact", None) == cdr.call
        or getattr(event, "leg", None) in legs
        or getattr(event, "recording", None) in recordings
    )


def _step(record: m.Record, cdr: Cdr, legs: dict[str, str]) -> Step:
    event: Any = record.event
    at = float(getattr(event, "at", 0.0) or record.utc)
    leg = getattr(event, "leg", "") or getattr(event, "by_leg", "")
    facts = {
        field.name: value for field in msgspec.structs.fields(event)
        if field.name not in HIDDEN and field.name not in ("leg", "by_leg")
        and isinstance(value := getattr(event, field.name), str | int | float | bool) and value not in ("", None)
    }  # fmt: skip
    return Step(at=round(max(0.0, at - cdr.start), 3), what=word_of(type(event)), leg=leg, party=legs.get(leg, ""), facts=facts,
                cause=getattr(event, "cause", None))


def word_of(event: type[m.Event]) -> str:
    """ "LegAnswered" -> "leg-answered"."""
    name = event.__name__
    return "".join(f"-{each.lower()}" if each.isupper() and at else each.lower() for at, each in enumerate(name))
