"""What flows need of the guard against guessed PINs (appliance.core.pins)."""

from __future__ import annotations

from typing import Protocol


class Pins(Protocol):
    def locked(self, door: str) -> float:
        """Minutes that this door ("agent:anna", "scenario:701") stays shut yet; 0.0: it is open."""

    def check(self, door: str, right: str, given: str) -> bool:
        """Whether `given` is the PIN of the door. Every wrong one counts."""
