"""`note`: one line that any page or call says before it does something that others may ask about; and reading the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from flask import g, request

from appliance import audit
from appliance.errors import SwitchroomError
from appliance.ledger.reader import LedgerReader
from appliance.messages import AuditNoted, NoteAudit
from web.app import services

if TYPE_CHECKING:
    from web.app import Services

SECONDS = 3.0
"""How long a page waits for the core to note something; then the note waits for the core."""
MAX_PAGE = 200


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """A note; `at` UTC seconds; `seq` its place in the log, 0 while no core has taken it over."""

    seq: int
    at: float
    by: str
    address: str
    what: str
    target: str
    detail: str


def who() -> str:
    """Who asks, as it stands in notes and versions: "web:LOGIN", or "token:LOGIN" for a program."""
    user = g.get("user")
    kind = "token" if g.get("by_token") else "web"
    return f"{kind}:{user.login}" if user is not None else "web"


def note(what: str, target: str = "", detail: str = "", *, by: str = "") -> None:
    """On disk when it returns; then do it. `what` is a stable word ("user.remove"), `target` an id (never a caller's number or
    name), `detail` a sentence without secrets. `by` where nobody is signed in yet. Raises SwitchroomError: then do it not."""
    box = services()
    command = NoteAudit(at=box.clock.utc(), by=by or who(), what=what, address=request.remote_addr or "", target=target,
                        detail=detail)
    audit.note(box.data, lambda asked: box.core.ask(asked, SECONDS), command)


def read(box: Services, before: int = 0, limit: int = 100) -> list[Noted]:
    """Newest first; `before`: the `seq` of the last one of the page before."""
    limit = max(1, min(limit, MAX_PAGE))
    found = [] if before else [_plain(0, each) for each in reversed(audit.waiting(box.data))][:limit]
    try:
        with LedgerReader(box.data / "ledger") as reader:
            records = reader.audit(before, limit) if before else reader.audit(limit=limit)
    except SwitchroomError as problem:
        if problem.id != "ledger.missing":
            raise
        records = []  # no box has run here yet
    return (found + [_plain(record.seq, record.event) for record in records if isinstance(record.event, AuditNoted)])[:limit]


def _plain(seq: int, each: AuditNoted | NoteAudit) -> Noted:
    return Noted(seq=seq, at=each.at, by=each.by, address=each.address, what=each.what, target=each.target, detail=each.detail)
