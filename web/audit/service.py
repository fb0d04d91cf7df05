"""`note`: one line that any page or call says before it does something that others may ask about."""

from __future__ import annotations

from flask import g, request

from appliance import audit
from appliance.messages import NoteAudit
from appliance.sounds.hands import Hands
from web.app import Services, services

SECONDS = 3.0
"""How long a page waits for the core to note something; then the note waits for the core."""


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
