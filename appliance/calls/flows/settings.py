"""What a phone's user sets by a code: where calls go, do not disturb. Each answers, says what holds now, and hangs up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from appliance.calls import forwarding
from appliance.calls.disk import in_time
from appliance.calls.flows import keyed
from appliance.calls.leg import Leg
from appliance.calls.settings import SettingsBook
from appliance.errors import SwitchroomError
from appliance.messages import Setting

SAID: dict[Setting, str] = {
    "forward_always": "forward-always",
    "forward_busy": "forward-busy",
    "forward_no_answer": "forward-no-answer",
    "forward_unregistered": "forward-unregistered",
}
"""What is said of a forwarding that is on."""


class SettingCodes:
    """The flows of the codes that change a phone's settings. Only the phone itself can: its line is known by its password."""

    def __init__(self, settings: SettingsBook) -> None:
        self._settings = settings

    def table(self) -> dict[str, Callable[[Leg, str], Awaitable[None]]]:
        """Key in [codes] -> its flow."""
        flows: dict[str, Callable[[Leg, str], Awaitable[None]]] = {
            "do_not_disturb_on": partial(self._undisturbed, "on"),
            "do_not_disturb_off": partial(self._undisturbed, ""),
        }
        for setting in SAID:
            flows[f"{setting}_on"] = partial(self._forward, setting)
            flows[f"{setting}_off"] = partial(self._not_forward, setting)
        return flows

    async def _undisturbed(self, value: str, leg: Leg, digits: str) -> None:
        if await self._is_set(leg, "do_not_disturb", value):
            await self._say(leg, "do-not-disturb-on" if value else "do-not-disturb-off")

    async def _forward(self, setting: Setting, leg: Leg, digits: str) -> None:
        switch = leg.call.switch
        leg.answer()
        if not digits:
            digits = await keyed.number(leg, switch.prompts.clips("forward-enter-number", leg.language))
        try:
            value = forwarding.wish(switch.config, leg.endpoint, digits)
        except SwitchroomError:
            await self._say(leg, "forward-number-bad")
            return
        if await self._is_set(leg, setting, value):
            await self._say(leg, SAID[setting], number=digits)

    async def _not_forward(self, setting: Setting, leg: Leg, digits: str) -> None:
        if await self._is_set(leg, setting, ""):
            await self._say(leg, "forward-off")

    async def _is_set(self, leg: Leg, setting: Setting, value: str) -> bool:
        """Whether it is on the disk. Where that takes nothing just now the caller is told so, and listens to no silence: the wish
        holds, but perhaps not beyond a power cut."""
        try:
            await in_time(self._settings.set(leg.endpoint, setting, value, leg.endpoint), "a phone's setting", leg.call.id)
        except SwitchroomError:
            await self._say(leg, "technical-trouble")
            return False
        return True

    async def _say(self, leg: Leg, prompt: str, **values: object) -> None:
        leg.answer()
        await leg.play(leg.call.switch.prompts.clips(prompt, leg.language, **values))
        leg.hang_up()
