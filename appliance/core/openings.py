"""Queues open and close: by their hours, and by whoever sets those aside. Midnight, too, is told to the ACD from here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from appliance._core import NewDay, SwitchQueue
from appliance.config import hours
from appliance.config.model import Config, Hours
from appliance.core.acd import Dispatch

MOST_SECONDS = 600.0
"""The calendar is looked at so often, whatever it said before: the machine's clock may have been set."""


class Openings:
    """One per core. `is_open` may be replaced: the night switch knows better than the clock."""

    def __init__(self, dispatch: Dispatch, config: Callable[[], Config]) -> None:
        self._dispatch = dispatch
        self._config = config
        self._timer: asyncio.TimerHandle | None = None
        self._day = ""
        self.is_open: Callable[[Hours], bool] = self.by_clock

    def by_clock(self, named: Hours) -> bool:
        office = self._config().office
        return hours.is_open(named, self._now(), office.timezone, office.country)

    def _now(self) -> float:
        return self._dispatch.switch.clock.utc()

    def look(self) -> None:
        """Tell the ACD what has changed, and look again when something will."""
        config, acd = self._config(), self._dispatch
        for queue in config.queues:
            view = acd.core.queue(queue.name)
            if view is None:
                continue
            door = self._open(queue.hours)
            calling = self._open(queue.callback.hours or queue.hours)
            if door != view.open:
                acd.tell(SwitchQueue(queue.name, door, "hours", "door"))
            if calling != view.calling:
                acd.tell(SwitchQueue(queue.name, calling, "hours", "callbacks"))
        self._new_day()
        self._arm(config)

    def _open(self, name: str | None) -> bool:
        named = self._config().hours_named(name) if name else None
        return named is None or self.is_open(named)

    def _new_day(self) -> None:
        day, before = self._date(self._now()), self._day
        if not before and self._dispatch.recalled:  # a box that was off at midnight
            before = self._date(self._dispatch.recalled)
        if before and day != before:
            self._dispatch.tell(NewDay())
        self._day = day

    def _date(self, utc: float) -> str:
        return datetime.fromtimestamp(utc, self._zone()).date().isoformat()

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._config().office.timezone)

    def _arm(self, config: Config) -> None:
        now, office = self._now(), config.office
        today = datetime.fromtimestamp(now, self._zone()).replace(hour=0, minute=0, second=0, microsecond=0)
        due = [(today + timedelta(days=1)).timestamp(), now + MOST_SECONDS]
        due += [at for named in config.hours if (at := hours.next_change(named, now, office.timezone, office.country))]
        self.stop()
        self._timer = asyncio.get_running_loop().call_later(max(0.1, min(due) - now + 0.05), self.look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
