"""Calls as the queues met them: each record with the contact that its events make, also of those that came long after. Without
Flask."""

from __future__ import annotations

from collections.abc import Iterator

from appliance import messages as m
from appliance.ledger import late
from appliance.ledger.cdr import Cdr
from appliance.ledger.reader import LedgerReader
from web.calls.contacts import Contact, contacts_of

MOST_EVENTS = 50_000
"""Events that are read for one batch: about 250 calls and what went on beside them."""
MOST_EVENTS_OF_ONE = 300_000
LATE = 30.0
"""Seconds after a call's end in which something of it may still come (the facts of its recording)."""


def with_contacts(reader: LedgerReader, page: list[Cdr]) -> list[tuple[Cdr, Contact]]:
    """The calls with what the queues made of them; outcomes and notes also of those that came long after the call."""
    contacts = contacts_of(events_of(reader, page)) if page else {}
    for cdr in page:
        late_of(reader, cdr.call, contacts)
    return [(cdr, contact_of(cdr, contacts.get(cdr.call))) for cdr in page]


def late_of(reader: LedgerReader, call: str, contacts: dict[str, Contact]) -> None:
    known = contacts.get(call)
    if known is not None:
        known.notes.clear()
    contacts_of((record.event for record in late.records(reader, call)), contacts)


def contact_of(cdr: Cdr, found: Contact | None) -> Contact:
    """A call back has no place of its own in a queue, and the queue's call says itself which it came to."""
    contact = found or Contact()
    kind, _, name = cdr.reached.partition(":")
    if kind in ("queue", "callback") and name not in contact.queues:
        contact.queues.append(name)
    return contact


def events_of(reader: LedgerReader, page: list[Cdr]) -> Iterator[m.Event]:
    """What was noted while these calls went on; a single call is worth more reading than each of a list."""
    return (record.event for record in records_of(reader, page, MOST_EVENTS_OF_ONE if len(page) == 1 else MOST_EVENTS))


def records_of(reader: LedgerReader, page: list[Cdr], most: int = MOST_EVENTS_OF_ONE) -> Iterator[m.Record]:
    """At most `most`."""
    after, left = min(cdr.seq for cdr in page) - 1, most
    until = max(cdr.start + cdr.duration for cdr in page) + LATE
    while left > 0 and (records := reader.read(after, min(5_000, left))):
        for record in records:
            if record.utc > until:
                return
            yield record
        after, left = records[-1].seq, left - len(records)
