"""What the command line writes into the audit log, as the pages do: before it is done."""

from __future__ import annotations

import os
import pwd
from functools import partial
from pathlib import Path

from appliance import audit, bus
from appliance.clock import SystemClock
from appliance.config.store import Store
from appliance.messages import NoteAudit
from appliance.sounds.hands import Hands


def who() -> str:
    """Who asks, as it stands in notes and versions: "cli:" and the system's user; by sudo, who became root. Never what the
    environment says of whoever is not root: anybody may write there."""
    user, sudo = os.getuid(), os.environ.get("SUDO_UID", "")
    if user == 0 and sudo.isascii() and sudo.isdecimal() and len(sudo) < 10:
        user = int(sudo)
    try:
        return f"cli:{pwd.getpwuid(user).pw_name}"
    except KeyError:  # a user without a name in the system
        return f"cli:{user}"


def note(data: Path, what: str, target: str = "", detail: str = "") -> None:
    """On disk when it returns; then do it. `target` is an id, never a caller's number or name. Raises SwitchroomError: then do
    it not."""
    command = NoteAudit(at=SystemClock().utc(), by=who(), what=what, target=target, detail=detail)
    audit.note(data, lambda asked: bus.ask_once(data, asked), command)


def hands(data: Path) -> Hands:
    """Whoever gives the command, as sounds are made ready for. Raises SwitchroomError where the box has no configuration."""
    return Hands(data=data, config=Store(data).current(), utc=SystemClock().utc(), by=who(), note=partial(note, data),
                 ask=partial(bus.ask_once, data))
