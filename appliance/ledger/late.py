"""What is noted about a contact when its call may be long over (outcome, note, how a callback ended and who talked): where in the
ledger it stands, by contact.

The events themselves stand in the ledger like all others, and what they say about people is erased there; here are their sequence
numbers alone, so that a page of one call need not read all that came after it.
"""

from __future__ import annotations

import msgspec

from appliance import messages as m
from appliance.ledger.reader import LedgerReader

NAMESPACE = "late"
MOST = 50
"""Events of one contact that are found again; older ones stand in the ledger all the same."""
_seqs = msgspec.msgpack.Decoder(list[int]).decode


def added(known: bytes | None, seq: int) -> bytes:
    """The state record with one more event."""
    return msgspec.msgpack.encode([*(_seqs(known) if known else []), seq][-MOST:])


def records(reader: LedgerReader, contact: str) -> list[m.Record]:
    """In the order in which they were noted."""
    known = reader.state(NAMESPACE, contact)
    found = (reader.event(seq) for seq in _seqs(known)) if known else ()
    return [record for record in found if record is not None and getattr(record.event, "contact", "") == contact]
