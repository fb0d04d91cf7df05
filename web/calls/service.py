"""What the pages of calls and the API ask: the ledger, narrowed to what who asks may see."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from flask import g

from appliance.acd.of_config import rules_of
from appliance.acd.past import Moment, why_past
from appliance.errors import SwitchroomError
from appliance.ledger import late
from appliance.ledger.cdr import LegRecord, Transfer
from appliance.ledger.reader import LedgerReader
from appliance.messages import ContactNoted, Event
from appliance.users.rights import Right
from web.app import services
from web.audit.service import note, who
from web.calls import met, recordings, search, timeline
from web.calls.contacts import Note
from web.calls.recordings import Kept
from web.calls.search import CallShown, Filter, Found
from web.calls.timeline import Step
from web.security.access import may

WHY_EVENTS = 500_000
"""Events that a page lives through again to say why; further back the command line does it."""
LISTENED_SECONDS = 600.0
"""A player asks for a recording in many pieces; within this time they are one listening."""
_why = threading.Lock()
_noted: dict[tuple[str, str], float] = {}
_noting = threading.Lock()


class CallTold(msgspec.Struct, frozen=True, kw_only=True):
    """All about one call. `facts`: columns as in the export. `recordings` are empty for who may not listen."""

    call: CallShown
    legs: list[LegRecord]
    transfers: list[Transfer]
    steps: list[Step]
    recordings: list[Kept]
    notes: list[Note] = []
    """What agents wrote about it."""


@contextmanager
def ledger() -> Iterator[LedgerReader]:
    """Raises SwitchroomError "ledger.missing"."""
    with LedgerReader(services().data / "ledger") as reader:
        yield reader


def folder() -> Path:
    return services().data / "recordings"


def find(wanted: Filter, limit: int = search.PAGE) -> Found:
    """Raises SwitchroomError "cdr.bad-time", "calls.bad-what", "ledger.bad-page"."""
    box = services()
    asked = search.understand(wanted, box.config, box.clock.utc())
    try:
        with ledger() as reader:
            return search.search(reader, asked, g.user, box.config, limit)
    except SwitchroomError as problem:
        if problem.id != "ledger.missing":
            raise
        return Found(calls=[], before="", looked_at=0)  # no box has run here yet


def call_of(id: str) -> str:
    """The call's own id, where `id` names one (or the SIP Call-ID of a leg) that who asks may see; else ""."""
    try:
        with ledger() as reader:
            return search.one(reader, id, g.user)[0].call
    except SwitchroomError as problem:
        if problem.id not in ("call.unknown", "ledger.missing"):
            raise
        return ""


def tell(id: str) -> CallTold:
    """Raises SwitchroomError "call.unknown"."""
    with ledger() as reader:
        cdr, contact = search.one(reader, id, g.user)
        records = list(met.records_of(reader, [cdr]))
        seen = {record.seq for record in records}
        records += [record for record in late.records(reader, cdr.call) if record.seq not in seen]
    records = [each for each in records
               if not isinstance(each.event, ContactNoted) or search.may_read(g.user, contact, each.event.agent)]
    kept = recordings.of_call(folder(), (record.event for record in records), cdr.call) if may(Right.CALLS_LISTEN) else []
    kept = [each for each in kept if g.user.sees_queue(each.queue)]
    steps = timeline.steps_of(records, cdr)
    return CallTold(call=search.shown(cdr, contact), legs=cdr.legs, transfers=cdr.transfers, steps=steps, recordings=kept,
                    notes=[each for each in contact.notes if search.may_read(g.user, contact, each.agent)])


def clock(at: float) -> str:
    """UTC seconds as the office's time of day."""
    return datetime.fromtimestamp(at, ZoneInfo(services().config.office.timezone)).strftime("%H:%M:%S")


def why(id: str) -> list[Moment]:
    """Each decision of the queues about a call of the past, with why each agent did or did not get it. The ledger is lived
    through again, one such question at a time. Raises SwitchroomError "call.unknown", "calls.too-long-ago", "web.too-many"."""
    box = services()
    with ledger() as reader:
        cdr, _ = search.one(reader, id, g.user)
        if cdr.seq > WHY_EVENTS:
            raise SwitchroomError("calls.too-long-ago", "Too much has happened on this box to live through it for a page.",
                                  "On the box itself: switchroom queue why {call}", call=cdr.call)
        if not _why.acquire(timeout=20):
            raise SwitchroomError("web.too-many", "Somebody else asks for the reasons of a call just now.",
                                  "Try again in a moment.")
        try:
            events: Iterator[Event] = (record.event for record in reader.follow())
            return why_past(events, lambda version: rules_of(box.store.config(version)), cdr.call)
        finally:
            _why.release()


def recording(id: str, what: str) -> tuple[Kept, Path]:
    """The file, after it was noted that it is listened to ("recording.listen") or taken along ("recording.download"). Raises
    SwitchroomError "recording.unknown"; where it cannot be noted it is not given."""
    with ledger() as reader:
        kept, path = recordings.find(reader, folder(), id, g.user)
    _note_once(what, kept)
    return kept, path


def _note_once(what: str, kept: Kept) -> None:
    key, now = (f"{what} {who()}", kept.id), services().clock.utc()
    with _noting:
        if what == "recording.listen" and now - _noted.get(key, -LISTENED_SECONDS) < LISTENED_SECONDS:
            return
    note(what, kept.id, f"call {kept.call}")
    with _noting:
        if len(_noted) > 10_000:
            _noted.clear()
        _noted[key] = now


def shape(id: str) -> list[list[float]]:
    """See `recordings.peaks`; nobody hears anything by it."""
    with ledger() as reader:
        _, path = recordings.find(reader, folder(), id, g.user)
    return recordings.peaks(path)


def note_export(form: str, wanted: Filter) -> None:
    """What was asked is no secret of a caller but for the number and the words that were searched."""
    asked = {name: value for name in ("queue", "agent", "line", "campaign", "what", "since", "until", "weekday", "hour")
             if (value := getattr(wanted, name))}
    note("calls.export", form, ", ".join(f"{name} {value}" for name, value in asked.items()))


def exported(wanted: Filter) -> search.Asked:
    """Checked before anything is sent, also that there is a ledger."""
    box = services()
    with ledger():
        pass
    return search.understand(wanted, box.config, box.clock.utc())


