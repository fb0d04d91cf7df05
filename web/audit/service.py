"""`note`: one line that any page or call says before it does something that others may ask about."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from flask import g, request
from msgspec import Meta

from appliance import audit
from appliance.ledger.when import parse_when
from appliance.messages import NoteAudit
from appliance.sounds.hands import Hands
from web.app import Services, services

SECONDS = 3.0
"""How long a page waits for the core to note something; then the note waits for the core."""
Text = Annotated[str, Meta(max_length=200)]


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What /audit may be asked; `since` and `until` as `parse_when` reads them, in the office's zone; `before`: `Page.before`."""

    who: Text = ""
    what: Text = ""
    since: Text = ""
    until: Text = ""
    before: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Meta(ge=1, le=audit.MAX_PAGE)] = 100


def read(asked: Filter) -> audit.Page:
    """Raises SwitchroomError "cdr.bad-time"."""
    box = services()
    now = datetime.fromtimestamp(box.clock.utc(), ZoneInfo(box.config.office.timezone))
    since, until = (parse_when(each, now) if each else None for each in (asked.since, asked.until))
    wanted = audit.Wanted(who=asked.who.strip(), what=asked.what.strip(), since=since, until=until)
    return audit.read(box.data, asked.before, asked.limit, wanted)


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


def hands(box: Services) -> Hands:
    """Whoever asks now, as sounds are made ready for."""
    return Hands(data=box.data, config=box.config, utc=box.clock.utc(), by=who(), note=note, ask=box.core.ask)
