"""Whether the caller of a call came before or again within a week: what one call alone does not say.

As the figures have it (appliance/figures/folding/callers.py), what a caller wants of a queue, or of the office, is one matter for
as long as each contact comes within a week of the one before. The figures count matters; here each is one call: the first, or the
first that an agent answered. Without Flask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from appliance.figures.folding.callers import WEEK
from appliance.ledger.cdr import Cdr
from appliance.ledger.reader import LedgerReader
from web.calls.contacts import Contact
from web.calls.met import with_contacts

MOST = 50
"""Calls of one caller, before and after, that are looked at."""


def fits(reader: LedgerReader, cdr: Cdr, contact: Contact, what: str, queue: str) -> bool:
    """Whether a call fits `what`, as far as that depends on other calls. `queue`: of that queue's matters; "": the office's."""
    judge = _JUDGES.get(what)
    return judge is None or (cdr.caller[-3:].isdigit() and judge(reader, cdr, queue))


def _comes_again(reader: LedgerReader, cdr: Cdr, queue: str) -> bool:
    return any(True for _ in _contacts(reader, cdr, queue, cdr.start, cdr.start + WEEK, newest_first=False))


def _is_first(reader: LedgerReader, cdr: Cdr, queue: str) -> bool:
    return not any(True for _ in _contacts(reader, cdr, queue, cdr.start - WEEK, cdr.start, newest_first=True))


def _is_first_answered(reader: LedgerReader, cdr: Cdr, queue: str) -> bool:
    """No contact before it in the same matter had an agent."""
    began = cdr.start
    for _ in range(MOST):
        before = next(_contacts(reader, cdr, queue, began - WEEK, began, newest_first=True), None)
        if before is None:
            return True
        if before[1].stays.had_agent(queue):
            return False
        began = before[0].start
    return False


def _contacts(
    reader: LedgerReader, cdr: Cdr, queue: str, since: float, until: float, *, newest_first: bool,
) -> Iterator[tuple[Cdr, Contact]]:
    """Other contacts of the same caller that were in that queue (or any), by the time of their calls."""
    for each in reader.cdrs(number=cdr.caller, since=since, until=until, limit=MOST, newest_first=newest_first):
        if each.call != cdr.call and each.direction == "in" and each.caller == cdr.caller:
            ((found, contact),) = with_contacts(reader, [each])
            if contact.stays.offered(queue):
                yield found, contact


_JUDGES: dict[str, Callable[[LedgerReader, Cdr, str], bool]] = {
    "called-again": lambda *call: _is_first(*call) and _comes_again(*call),
    "answered-once": lambda *call: not _comes_again(*call) and _is_first_answered(*call),
    "solved-first": _is_first, "solved-known": lambda *_: True,
}
