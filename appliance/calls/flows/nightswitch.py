"""The night switch at a phone: how it stands, and to open, to close, or to follow the hours."""

from __future__ import annotations

from typing import Protocol

from appliance.calls.flows.dialogue import Dialogue, Goodbye, promised
from appliance.config.opening import Setting

SETTINGS: dict[str, Setting] = {"1": "open", "2": "closed", "0": "auto"}


class NightDesk(Protocol):
    def standing(self, hours: str) -> tuple[Setting, bool]:
        """How the switch of these hours ("": of all) stands, and whether they are open now."""

    async def switch(self, hours: str, setting: Setting, by: str) -> None: ...


async def night_switch(talk: Dialogue, hours: str, desk: NightDesk) -> None:
    """Raises Goodbye at the end."""
    standing = talk.clips(_prompt(*desk.standing(hours)))
    key = await talk.choose([*standing, *talk.clips("night-menu")], "".join(SETTINGS))
    if not key:
        raise Goodbye
    await promised(desk.switch(hours, SETTINGS[key], talk.leg.endpoint), "the night switch", talk)
    raise Goodbye(_prompt(*desk.standing(hours)))


def _prompt(setting: Setting, is_open: bool) -> str:
    if setting == "auto":
        return "night-by-hours-open" if is_open else "night-by-hours-closed"
    return f"night-{setting}"
