"""The operator is rung back when the campaign is over, and hears in a sentence how it went."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.calls.call import Call
from appliance.calls.leg import Leg
from drivers.base import Answered

RING_SECONDS = 30.0
CALLER = "switchroom"


@dataclass(frozen=True)
class Summary:
    """What is said. `asks_confirmation` chooses the sentence."""

    extension: str
    language: str
    heard: int
    confirmed: int
    failed: int
    asks_confirmation: bool


async def ring_back(call: Call, leg: Leg, summary: Summary) -> None:
    """Ring the phone; say the summary twice at most (once more on any key), and hang up."""
    switch = call.switch
    call.reached(f"extension:{summary.extension}")
    leg.codecs = switch.codecs_of("phone", summary.extension)
    leg.open_port()
    switch.ledger.append(call.opened(leg))
    switch.place(leg, summary.extension, CALLER, "Switchroom")
    if await leg.wait(Answered, timeout=RING_SECONDS) is None:
        leg.hang_up(19)
        return
    name = "summary" if summary.asks_confirmation else "summary-no-confirm"
    said = [
        *switch.prompts.clips("summary-intro", summary.language),
        *switch.prompts.clips(name, summary.language, heard=summary.heard, confirmed=summary.confirmed, failed=summary.failed),
    ]
    if await leg.play(said, keys="0123456789*#"):
        await leg.play(said)
    await leg.play(switch.prompts.clips("goodbye", summary.language))
    leg.hang_up()
