"""Whether the caller of a call came again to the same queue within a week: what one call alone does not say. Without Flask."""

from __future__ import annotations

from appliance.figures.folding.callers import WEEK
from appliance.ledger.cdr import Cdr
from appliance.ledger.reader import LedgerReader
from web.calls.contacts import Contact

MOST_LATER = 50
"""Later calls of one caller that are looked at."""
WANTED = {"called-again": True, "answered-once": False}


def fits(reader: LedgerReader, cdr: Cdr, contact: Contact, what: str, queue: str) -> bool:
    """Whether a call fits `what`, as far as that depends on later calls."""
    wanted = WANTED.get(what)
    return wanted is None or (cdr.caller[-3:].isdigit() and came_again(reader, cdr, contact, queue) is wanted)


def came_again(reader: LedgerReader, cdr: Cdr, contact: Contact, queue: str) -> bool:
    """To `queue`, or ("") to one of those that the call was in."""
    end = cdr.start + cdr.duration
    later = reader.rows(number=cdr.caller, since=end, until=end + WEEK, limit=MOST_LATER)
    targets = {f"queue:{name}" for name in ([queue] if queue else contact.queues)}
    return any(each.call != cdr.call and each.direction == "in" and each.reached in targets for each in later)
