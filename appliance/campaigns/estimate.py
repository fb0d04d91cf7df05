"""How long a campaign will take: for the spoken forecast ("300 numbers, 5 lines, about 35 minutes"). Pure.

A campaign is a first round through the list and a round per retry. Each round keeps `lines` lines busy; a retry cannot
come before the wait after the attempt it follows. What share of calls is answered is not known before; the defaults are
those of a list of households in working hours, and earlier campaigns of the office replace them (`Shares.of`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from appliance.config.model import Scenario
from appliance.messages import Outcome

SETUP_SECONDS: Final = 3.0
"""Dialling through an analogue or GSM gateway until it rings, or is found busy or out of service."""
PICK_UP_SECONDS: Final = 9.0
"""Mean time a phone rings before it is answered."""


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a first attempt, as shares of 1; the rest (out of service) is over at once and final."""

    answered: float = 0.65
    no_answer: float = 0.20
    busy: float = 0.10
    hung_up: float = 0.10
    """Of the answered: hung up early, about a third into the message."""

    @staticmethod
    def of(outcomes: Mapping[Outcome, int]) -> Shares | None:
        """Shares from the first attempts of earlier campaigns; None where there are too few (< 50) to go by."""
        total = sum(outcomes.values())
        if total < 50:
            return None
        hung_up = outcomes.get("hung_up", 0)
        answered = hung_up + sum(outcomes.get(o, 0) for o in ("confirmed", "declined", "heard", "machine"))
        return Shares(answered=answered / total, no_answer=outcomes.get("no_answer", 0) / total,
                      busy=outcomes.get("busy", 0) / total, hung_up=hung_up / max(1, answered))


def call_seconds(message_seconds: float, rules: Scenario, shares: Shares) -> float:
    """Mean seconds that one attempt keeps a line."""
    to_the_end = message_seconds + (rules.confirm_wait_seconds if rules.confirm else 0.0)
    talk = rules.start_after_seconds + (1 - shares.hung_up) * to_the_end + shares.hung_up * message_seconds / 3
    ringing = min(PICK_UP_SECONDS, rules.ring_seconds)
    return SETUP_SECONDS + shares.answered * (ringing + talk) + shares.no_answer * rules.ring_seconds


def expected_minutes(
    numbers: int, lines: int, message_seconds: float, rules: Scenario, shares: Shares | None = None
) -> float:
    """Minutes from the start to the last call's end, opening hours apart. Of those called again, the same shares are
    reached as at first. 0 for an empty list."""
    if numbers <= 0:
        return 0.0
    shares = shares or Shares()
    mean = call_seconds(message_seconds, rules, shares)
    again = min(1.0, shares.no_answer + shares.busy)
    wait = 60 * (rules.retry_after_minutes if shares.no_answer else rules.busy_retry_minutes)
    left = float(numbers)
    end = _round_seconds(left, lines, mean)
    for _ in range(rules.retries):
        left *= again
        if left < 0.5:
            break
        # Retries of a round's beginning fall due while it still runs, those of its last call a whole wait after it.
        end += max(_round_seconds(left, lines, mean), wait + mean)
    return end / 60


def _round_seconds(calls: float, lines: int, mean: float) -> float:
    return max(mean, calls * mean / max(1, min(lines, math.ceil(calls))))
