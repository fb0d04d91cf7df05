"""After a call, an agent outside stays on the line as long as the pause lasts, and keys there what a desk phone would dial: the
outcome, a longer pause, its end, a break. Hanging up is as good."""

from __future__ import annotations

from appliance._core import Ready
from appliance.calls.flows.agent import AgentCodes
from appliance.calls.flows.dialogue import KEYS
from appliance.calls.keys import Code, KeyReader
from appliance.calls.leg import HungUp, Leg

CODES = ("ready", "wrap_up_end", "wrap_up_extend", "outcome", "take_break", "sign_out", "queue_status")
"""Keys of [codes] that can be keyed here."""
SOON = {"ready": "agent-ready", "wrap_up_end": "wrap-up-ended"}
"""What would bring the next call at once: done when the line is free again. -> what is said before."""
LOOK_SECONDS = 1.0


class Afterwards:
    """One per core; `run` for each call."""

    def __init__(self, codes: AgentCodes) -> None:
        self._codes = codes

    async def run(self, leg: Leg) -> None:
        """Until the agent hangs up, or the pause is over."""
        leg.types_ahead = True
        try:
            await self._listen(leg)
        except HungUp:
            return
        leg.hang_up()

    async def _listen(self, leg: Leg) -> None:
        config, clock = leg.call.switch.config, leg.call.switch.clock
        codes = {code: name for code, name in config.codes.in_use().items() if name in CODES}
        reader = KeyReader(codes, config.call_keys.digit_seconds)
        key = await leg.play(leg.call.switch.prompts.clips("call-gone", leg.language), keys=KEYS) if self._pauses(leg) else ""
        while self._pauses(leg):
            key = key or await leg.key(KEYS, LOOK_SECONDS)
            for found in reader.press(key, clock.mono()) if key else reader.tick(clock.mono()):
                if isinstance(found, Code):
                    await self._do(leg, found.name)
            key = ""

    def _pauses(self, leg: Leg) -> bool:
        view = self._codes.view(leg)
        return view is not None and view.state == "wrap-up" and not leg.hanging_up

    async def _do(self, leg: Leg, name: str) -> None:
        if name not in SOON:
            await self._codes.bare[name](leg, "")
            return
        view = self._codes.view(leg)
        await leg.play(leg.call.switch.prompts.clips(SOON[name], leg.language))
        leg.hang_up()
        await leg.gone()
        if view is not None:
            self._codes.tell(Ready(view.id))
