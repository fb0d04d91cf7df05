"""Campaigns: an attempt counts in the quarter hour in which it began."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance import messages as m
from appliance.figures.counts import CODES
from appliance.figures.slots import slot_of

from .remembered import State, bound
from .tally import Tally


class Campaigns:
    def __init__(self, state: State, tally: Tally) -> None:
        self._state = state
        self._tally = tally
        self.takes: dict[type[m.Event], Callable[[Any, m.Record], None]] = {
            m.AttemptStarted: self._attempt, m.AttemptEnded: self._attempt_ended,
        }

    def _attempt(self, event: m.AttemptStarted, record: m.Record) -> None:
        slot = slot_of(record.utc)
        self._state.attempts[_attempt_key(event)] = slot
        bound(self._state.attempts)
        self._campaign(event.campaign, slot, "dialled")
        if event.attempt > 1:
            self._campaign(event.campaign, slot, "retries")

    def _attempt_ended(self, event: m.AttemptEnded, record: m.Record) -> None:
        slot = self._state.attempts.pop(_attempt_key(event), None)
        if slot is None:
            return
        self._campaign(event.campaign, slot, f"out_{event.outcome}")
        if event.outcome == "hung_up":
            self._campaign(event.campaign, slot, "early_ms", round(event.seconds_heard * 1000))

    def _campaign(self, campaign: int, slot: int, name: str, number: int = 1) -> None:
        self._tally.add(("campaign", str(campaign)), slot, CODES[name], number)
        self._tally.of_office(slot, name, number)


def _attempt_key(event: m.AttemptStarted | m.AttemptEnded) -> str:
    return f"{event.campaign}.{event.subscriber}.{event.attempt}"
