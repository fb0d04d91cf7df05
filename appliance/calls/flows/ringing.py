"""What somebody hears who waits until another phone is answered."""

from __future__ import annotations

import functools

from appliance.media import tones

RING_PERIOD = 5.0


@functools.cache
def ringing_tone(country: str) -> bytes:
    """One ring and its pause, as heard in this country."""
    return tones.generate(tones.plan(country), "ringback", RING_PERIOD)
