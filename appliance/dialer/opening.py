"""When a subscriber may be called: in the scenario's hours, and in the callee's at home. Answers are kept until they change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from appliance.campaigns.book import CampaignBook
from appliance.config import hours
from appliance.config.model import Config, Hours

NEVER_LOOK_AGAIN = 3600.0
"""Seconds to wait where no opening is in sight: a changed configuration may bring one."""


class _Answer(NamedTuple):
    """Holds in [`since`, `until`): may be called from `opens` on (UTC seconds)."""

    since: float
    until: float
    opens: float


class Openings:
    """`wait(book, subscriber, utc)` for the pacer. `numbers(campaign)` gives a campaign's E.164 numbers by index."""

    def __init__(self, config: Config, numbers: Callable[[int], Sequence[str]]) -> None:
        self._config = config
        self._numbers = numbers
        self._answers: dict[tuple[int, tuple[str, ...]], _Answer] = {}

    def take_over(self, config: Config) -> None:
        self._config = config
        self._answers.clear()

    def wait(self, book: CampaignBook, subscriber: int, utc: float) -> float:
        """Seconds until this subscriber may be called; 0.0 for now."""
        if utc < book.created.not_before:
            return book.created.not_before - utc  # planned for later; its hours are looked at then
        numbers = self._numbers(book.id)
        number = numbers[subscriber] if subscriber < len(numbers) else ""
        # The zones stand for the number: a list has few of them, whatever its length.
        key = (book.id, hours.timezones_of(number))
        answer = self._answers.get(key)
        if answer is None or not answer.since <= utc < answer.until:
            answer = self._answers[key] = self._look_up(book, number, utc)
        return max(0.0, answer.opens - utc)

    def _look_up(self, book: CampaignBook, number: str, utc: float) -> _Answer:
        named = self._config.hours_named(book.rules.hours) if book.rules.hours else None
        callee = hours.callee_hours_of(self._config, book.rules)
        opens = hours.may_call_at(self._config, book.rules, number, utc)
        if opens is not None:
            return self._answer(named, callee, number, utc, opens)
        return _Answer(utc, utc + NEVER_LOOK_AGAIN, utc + NEVER_LOOK_AGAIN)

    def _answer(self, named: Hours | None, callee: Hours, number: str, utc: float, opens: float) -> _Answer:
        if opens > utc:
            return _Answer(utc, opens, opens)
        office = self._config.office
        changes = [hours.next_change(callee, utc, zone, office.country)
                   for zone in hours.timezones_of(number) or (office.timezone,)]
        if named is not None:
            changes.append(hours.next_change(named, utc, office.timezone, office.country))
        # An hour at most: holidays of the callee's own country are looked at anew, not foreseen here.
        return _Answer(utc, min([utc + NEVER_LOOK_AGAIN, *(change for change in changes if change is not None)]), utc)
