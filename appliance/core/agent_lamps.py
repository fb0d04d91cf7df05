"""Lamps that show an agent at a desk phone, for that phone or the supervisor's.

The code to sign in with an extension behind it (`*41101`) is lit while somebody is signed in there; the code to be ready
(`*43101`) while that agent gets no calls: on a break, or set aside after missed ones. The key of a lamp dials what puts it right.
"""

from __future__ import annotations

from appliance.calls.switch import Switch
from drivers.base import LAMP_OFF, LAMP_ON

AWAY = frozenset({"break", "not-answering"})


class AgentLamps:
    """One per core."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._shown: dict[str, tuple[str, bool, bool]] = {}
        """Agent -> extension, signed in, away, as the lamps show it."""

    def show(self, agent: str, extension: str, state: str) -> None:
        """How this agent stands at this phone ("": at none)."""
        now, before = (extension, state != "logged-out", state in AWAY), self._shown.get(agent)
        if now == before:
            return
        self._shown[agent] = now
        if before is not None and before[0] != extension:
            self._set(before[0], False, False)
        self._set(*now)

    def _set(self, extension: str, here: bool, away: bool) -> None:
        codes = self._switch.config.codes
        for code, on in ((codes.sign_in, here), (codes.ready, away)):
            if code and extension:
                self._switch.driver.set_lamp(code + extension, LAMP_ON if on else LAMP_OFF)
