"""The operator is rung back, and hears in a sentence how the campaign went, or that there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from appliance.calls.call import Call
from appliance.calls.leg import Leg
from appliance.prompts import Prompts
from drivers.base import Answered

RING_SECONDS = 30.0
AGAIN_SECONDS = 4.0
CALLER = "switchroom"


class Summary(msgspec.Struct, frozen=True):
    """What became of the subscribers. `heard` counts all who heard the message, `confirmed` those of them who confirmed;
    `asks_confirmation` chooses the sentence."""

    heard: int
    confirmed: int
    failed: int
    asks_confirmation: bool


def summary_clips(prompts: Prompts, summary: Summary, language: str) -> list[Path]:
    name = "summary" if summary.asks_confirmation else "summary-no-confirm"
    values = {"heard": summary.heard, "confirmed": summary.confirmed, "failed": summary.failed}
    return [*prompts.clips("summary-intro", language), *prompts.clips(name, language, **values)]


async def ring_back(call: Call, leg: Leg, said: Sequence[Path]) -> None:
    """Ring the phone, say it, once more on any key, and hang up."""
    switch = call.switch
    call.reached(f"extension:{leg.endpoint}")
    leg.codecs = switch.codecs_of("phone", leg.endpoint)
    leg.open_port()
    switch.ledger.append(call.opened(leg))
    switch.place(leg, leg.endpoint, CALLER, "Switchroom")
    if await leg.wait(Answered, timeout=RING_SECONDS) is None:
        leg.hang_up(19)
        return
    # The receiver is on its way to the ear.
    await leg.play([*switch.prompts.clips("pause-long", leg.language)] * 2)
    keys = "0123456789*#"
    if await leg.play(said, keys=keys) or await leg.key(keys, AGAIN_SECONDS):
        await leg.play(said)
    await leg.play(switch.prompts.clips("goodbye", leg.language))
    leg.hang_up()
