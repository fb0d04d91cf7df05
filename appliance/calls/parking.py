"""Calls put aside for anyone to take: the slots. Pure but for whom it tells.

A slot may also be kept for a phone that is about to transfer somebody into it; only what is parked can be taken, and lights a
lamp.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.calls.leg import Leg
from appliance.errors import SwitchroomError


class ParkingLot:
    """Who is parked where. `on_change` hears of each slot that is taken or free again."""

    def __init__(self, slots: Callable[[], int], on_change: Callable[[int, Leg | None], None] = lambda slot, leg: None) -> None:
        self._slots = slots
        self._parked: dict[int, Leg] = {}
        self._kept: dict[int, Leg] = {}
        self._on_change = on_change

    def put(self, leg: Leg, wanted: str = "") -> int:
        """Park a leg in this slot, or in the first free one. Raises SwitchroomError "park.taken", "park.no-slot", "park.full"."""
        slot = self._free_slot(wanted)
        self._parked[slot] = leg
        self._on_change(slot, leg)
        return slot

    def keep(self, leg: Leg, wanted: str = "") -> int:
        """Keep a slot for what this leg will transfer. Raises as `put` does."""
        slot = self._free_slot(wanted)
        self._kept[slot] = leg
        return slot

    def kept_by(self, leg: Leg) -> int:
        """The slot kept for this leg, 0 for none."""
        return next((slot for slot, by in self._kept.items() if by is leg), 0)

    def give_up(self, leg: Leg) -> None:
        """Nothing is kept for this leg any more."""
        self._kept.pop(self.kept_by(leg), None)

    def _free_slot(self, wanted: str) -> int:
        if wanted:
            slot = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= 2 else 0
            if not 1 <= slot <= self._slots():
                raise SwitchroomError("park.no-slot", "There is no slot {wanted}.", "See [parking] slots.",
                                      wanted=repr(wanted))
            if slot in self._parked or slot in self._kept:
                raise SwitchroomError("park.taken", "A call is parked in slot {slot}.", "Take another slot.", slot=slot)
        else:
            slot = next((n for n in range(1, self._slots() + 1) if n not in self._parked and n not in self._kept), 0)
            if not slot:
                raise SwitchroomError("park.full", "Every slot is taken.", "Widen [parking] slots.")
        return slot

    def free(self, slot: int, leg: Leg) -> None:
        """This leg is parked there no more."""
        if self._parked.get(slot) is leg:
            del self._parked[slot]
            self._on_change(slot, None)

    def parked(self, wanted: str = "") -> Leg | None:
        """Who is in this slot; without one, who is parked where only one is."""
        if wanted:
            return self._parked.get(int(wanted)) if wanted.isascii() and wanted.isdigit() and len(wanted) <= 2 else None
        return next(iter(self._parked.values())) if len(self._parked) == 1 else None

    @property
    def count(self) -> int:
        return len(self._parked)
