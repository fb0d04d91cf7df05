"""What the command line writes into the audit log, as the pages do: before it is done."""

from __future__ import annotations

import getpass
from pathlib import Path

from appliance import audit, bus
from appliance.clock import SystemClock
from appliance.messages import NoteAudit


def who() -> str:
    """Who asks, as it stands in notes and versions: "cli:" and the system's user."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name in the system
        return "cli"


def note(data: Path, what: str, target: str = "", detail: str = "") -> None:
    """On disk when it returns; then do it. `target` is an id, never a caller's number or name. Raises SwitchroomError: then do
    it not."""
    command = NoteAudit(at=SystemClock().utc(), by=who(), what=what, target=target, detail=detail)
    audit.note(data, lambda asked: bus.ask_once(data, asked), command)
