"""Lamps: what the calls of an extension look like to the phones that watch it.

Nothing is worked out while nobody watches. What a lamp shows of a leg is the other party as that leg was shown it; a leg that
rings can be picked up by those whom the driver's policy lets.
"""

from __future__ import annotations

from typing import Literal

from appliance.calls.leg import Leg, LegState
from appliance.calls.switch import Switch
from drivers.base import LampCall, Watched

_STATES: dict[tuple[str, bool], Literal["ringing", "calling", "talking"]] = {
    ("out", False): "ringing", ("out", True): "talking", ("in", False): "calling", ("in", True): "talking",
}


class Lamps:
    """Follows the switch's legs (`Switch.on_leg`) and watchers (`Switch.on_watched`)."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        switch.on_leg = self.changed
        switch.on_watched = self.watched

    def changed(self, leg: Leg) -> None:
        if leg.kind == "phone" and self._switch.driver.watched(leg.endpoint):
            self._show(leg.endpoint)

    def watched(self, event: Watched) -> None:
        if event.on and self._switch.config.phone(event.resource) is not None:
            self._show(event.resource)

    def _show(self, extension: str) -> None:
        legs = self._switch.legs_at(extension)
        self._switch.driver.set_lamp(extension, [call for leg in legs if (call := lamp_of(leg)) is not None])


def lamp_of(leg: Leg) -> LampCall | None:
    """One leg as a lamp shows it; None where there is nothing to show yet, or no more."""
    if leg.is_ended or (leg.direction == "out" and leg.state is LegState.NEW):
        return None
    other, name = leg.shown if leg.direction == "out" else ("", "")  # what is dialled may hold a PIN
    return LampCall(leg=leg.id, state=_STATES[leg.direction, leg.state is LegState.ANSWERED], other=other, other_name=name)
