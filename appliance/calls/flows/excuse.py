"""A call to something that cannot be had: a spoken excuse before the answer where the caller can hear it, then the reason."""

from __future__ import annotations

from appliance.calls.leg import Leg, LegState
from appliance.calls.routing import ToExcuse


async def excuse(leg: Leg, decision: ToExcuse, language: str) -> None:
    """Phones hear it as early media and then get the SIP status. Lines are answered: an analogue caller behind a gateway
    hears nothing before the answer. Who is answered already (a menu, a queue) hears it too. Without a prompt only the reason is
    given."""
    leg.call.reached(f"excuse:{decision.target or decision.prompt}")
    if not decision.prompt and leg.state is not LegState.ANSWERED:
        leg.reject(decision.sip_code)
        await leg.gone()
        return
    clips = leg.call.switch.prompts.clips(decision.prompt, language, **decision.values)
    if leg.state is LegState.ANSWERED or leg.kind == "line" or leg.incoming is None or leg.incoming.offer is None:
        leg.answer()
        await leg.play(clips)
        leg.hang_up()
        return
    leg.early()
    await leg.play(clips)
    leg.reject(decision.sip_code)
    await leg.gone()
