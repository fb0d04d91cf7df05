"""How good a leg sounded: counters of the engine as `Quality`, with a MOS estimate by the E-model. Pure."""

from __future__ import annotations

from typing import Any

from appliance.messages import Quality

R_DEFAULT = 93.2
"""Transmission rating with all parameters at their defaults (ITU-T G.107, 7.7)."""
BURST_ROBUSTNESS = {"PCMU": 25.1, "PCMA": 25.1, "G722": 20.0}
"""Bpl: G.711 with concealment (ITU-T G.113 Appendix I); G.722 has no value for narrow-band listening there: ours is
cautious."""


def mos_of(loss: float, delay_ms: float, codec: str) -> float:
    """MOS 1..4.5 from packet loss (fraction 0..1, random), one-way delay in ms and codec.

    ITU-T G.107: R = R0 - Id - Ie,eff with Ie = 0 for G.711 and G.722 at 64 kbit/s; Ie,eff as in 7.5 with random loss;
    Id by the usual linear reading of its delay curve (a knee at 177.3 ms); MOS as in Annex B."""
    percent = 100.0 * min(max(loss, 0.0), 1.0)
    equipment = 95.0 * percent / (percent + BURST_ROBUSTNESS.get(codec, 10.0))
    delay = 0.024 * delay_ms + (0.11 * (delay_ms - 177.3) if delay_ms > 177.3 else 0.0)
    rating = R_DEFAULT - equipment - delay
    if rating <= 0:
        return 1.0
    if rating >= 100:
        return 4.5
    return min(max(1.0 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6, 1.0), 4.5)


def quality_of(raw: Any, codec: str) -> Quality:
    """A struct port_stats as Quality. Packets that came too late to be heard count as lost for the MOS, not for
    `lost`."""
    if raw.packets_in == 0 and raw.far_loss < 0:  # nothing was heard, of us or by us: most calls of a busy moment
        return Quality(packets_out=raw.packets_out, codec=codec)
    expected = max(int(raw.expected), int(raw.packets_in))
    loss = raw.lost / expected if expected else 0.0
    heard_loss = min((raw.lost + raw.late) / expected, 1.0) if expected else 0.0
    rtt = float(raw.rtt_ms) if raw.rtt_ms >= 0 else None
    # One way: half the round trip, our buffer, a packet at each end.
    delay = (rtt or 0.0) / 2 + float(raw.delay_ms) + 20.0
    return Quality(
        packets_in=int(raw.packets_in),
        packets_out=int(raw.packets_out),
        lost=int(raw.lost),
        loss=round(loss, 5),
        jitter_ms=round(float(raw.jitter_ms), 2),
        mos=round(mos_of(heard_loss, delay, codec), 2) if raw.packets_in else 0.0,
        far_loss=round(float(raw.far_loss), 4) if raw.far_loss >= 0 else None,
        rtt_ms=round(rtt, 1) if rtt is not None else None,
        codec=codec,
    )
