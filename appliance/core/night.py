"""The night switch: what is set, kept over restarts, shown on lamps; and whether some hours are open."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from appliance.clock import Clock
from appliance.config.model import Config, Hours
from appliance.config.opening import ALL, Opening, Setting, Switched, opening, setting_of
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.messages import HoursStatus, NightSwitched
from appliance.sentences import say
from drivers.base import LAMP_OFF, LAMP_ON, Driver

log = logging.getLogger("night")
NAMESPACE = "night"
_ALL_KEY = "*"
"""All hours together, among the state records: no hours have such a name."""


class Night:
    """One per core (calls.flows.nightswitch.NightDesk)."""

    def __init__(self, ledger: Ledger, driver: Driver, config: Callable[[], Config], clock: Clock) -> None:
        self._ledger = ledger
        self._driver = driver
        self._config = config
        self._clock = clock
        self._switched: dict[str, Switched] = {}
        self._lamps: dict[str, bool] = {}
        self.on_change: Callable[[], None] = lambda: None
        """Some hours may be open or closed now that were not."""
        for key, value in ledger.states(NAMESPACE).items():
            name = key.removeprefix(_ALL_KEY)
            try:
                self._switched[name] = msgspec.msgpack.decode(value, type=Switched)
            except msgspec.MsgspecError as problem:
                log.error("a night switch cannot be read, it follows the hours: %s", problem, extra={"hours": name})

    def opening(self, hours: str | None) -> Opening:
        """The state of the hours of this name now; None is always open."""
        return opening(self._config(), hours, self._switched, self._clock.utc())

    def standing(self, hours: str) -> tuple[Setting, bool]:
        """How the switch of these hours ("": of all) stands, and whether they are open. All are shown by the first there are."""
        shown = self._shown(hours)
        if shown is None:
            return "auto", True
        return setting_of(self._config(), shown, self._switched, self._clock.utc()), self.opening(shown.name).open

    def _shown(self, hours: str) -> Hours | None:
        config = self._config()
        return config.hours_named(hours) if hours else next(iter(config.hours), None)

    async def switch(self, hours: str, setting: Setting, by: str) -> None:
        """Set it, on the disk; of all hours together, single ones follow. Raises SwitchroomError "night.no-hours"."""
        if self._shown(hours) is None:
            known = ", ".join(entry.name for entry in self._config().hours) or say("none")
            hint = say("There are: {known}. Write them into [[hours]].", known=known)
            if not hours:
                raise SwitchroomError("night.no-hours", "There are no opening hours.", hint)
            raise SwitchroomError("night.no-hours", "There are no opening hours {hours}.", hint, hours=repr(hours))
        await self._ledger.commit(NightSwitched(setting=setting, hours=hours, by=by))
        switched = Switched(setting, self._clock.utc(), by)
        for name in [*self._switched] if hours == ALL else []:
            self._put(name, None)
        self._put(hours, switched)
        log.info("night switch", extra={"hours": hours or "all", "setting": setting, "by": by})
        self.refresh()
        self.on_change()
        await self._ledger.flush()  # who is told that the office is closed finds it so after any failure

    def _put(self, name: str, switched: Switched | None) -> None:
        if switched is None:
            self._switched.pop(name, None)
        else:
            self._switched[name] = switched
        self._ledger.put_state(NAMESPACE, name or _ALL_KEY, None if switched is None else msgspec.msgpack.encode(switched))

    def refresh(self) -> None:
        """Lamps as things stand now: a setting may have ended by itself, hours may be new. A lit one means night."""
        config = self._config()
        code = config.codes.night_switch
        if not code or not config.hours:
            return
        wanted = {code: self.standing(ALL)[0] == "closed"}
        wanted |= {code + hours.code: self.standing(hours.name)[0] == "closed" for hours in config.hours if hours.code}
        for resource, on in wanted.items():
            if self._lamps.get(resource) != on:
                self._lamps[resource] = on
                self._driver.set_lamp(resource, LAMP_ON if on else LAMP_OFF)

    def status(self) -> list[HoursStatus]:
        return [HoursStatus(name=hours.name, open=self.opening(hours.name).open, setting=self.standing(hours.name)[0])
                for hours in self._config().hours]
