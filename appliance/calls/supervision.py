"""Answer supervision by ear: on lines whose gateway says 200 OK on seizing, tones and voice tell what became of the call.

Pure: `heard(event, now)` and `tick(now)` give a verdict or None. Times are monotonic seconds. The tones are those of the
line's country (ITU-T E.180); what comes after the seizure is dial tone at most, then ringing, then somebody or a tone.
"""

from __future__ import annotations

import enum

from appliance.media.events import MediaEvent, Tone, Voice


class Verdict(enum.Enum):
    ANSWERED = "answered"
    BUSY = "busy"
    CONGESTION = "congestion"
    SPECIAL = "special"
    FAX = "fax"
    MODEM = "modem"
    NO_ANSWER = "no_answer"
    DEAD = "dead"
    """Dial tone that never went away: the digits were not taken."""


ENDING_TONES = {
    "busy": Verdict.BUSY, "congestion": Verdict.CONGESTION, "special": Verdict.SPECIAL, "fax": Verdict.FAX,
    "modem": Verdict.MODEM,
}
HANG_UP_TONES = frozenset({"busy", "congestion", "dial"})
"""After the answer these mean that the far end has hung up (E.180 2.4: congestion and busy are sent to the party left)."""

RING_GAP = 8.0
"""Seconds without a further ringback burst after which the ringing is over: longer than the longest pause of any
national cadence (6 s period) with a margin. Each burst is told (appliance.media.events.Tone)."""
DIAL_LIMIT = 8.0
"""Dial tone that is still told so many seconds after the seizure: the line did not take the number. (It is told every 8 s;
that the exchange is silent after it, for ten seconds and more on calls to mobiles, means nothing.)"""


class Supervision:
    """One seized call. `ring_seconds` counts from the seizure: an analogue line does not tell when it begins to ring."""

    def __init__(self, now: float, ring_seconds: float) -> None:
        self._until = now + ring_seconds
        self._seized = now
        self._last_ring = 0.0

    def heard(self, event: MediaEvent, now: float) -> Verdict | None:
        if isinstance(event, Voice) and event.speaking:
            return Verdict.ANSWERED
        if isinstance(event, Tone):
            if event.tone == "dial" and now - self._seized > DIAL_LIMIT:
                return Verdict.DEAD
            if event.tone == "ringback":
                self._last_ring = now
            return ENDING_TONES.get(event.tone)
        return None

    def tick(self, now: float) -> Verdict | None:
        if now >= self._until:
            return Verdict.NO_ANSWER
        if self._last_ring and now - self._last_ring > RING_GAP:
            return Verdict.ANSWERED  # the ringing stopped and nobody hung up: somebody listens silently
        return None

    def next_tick(self, now: float) -> float:
        """Seconds until `tick` may say something new."""
        times = [self._until]
        if self._last_ring:
            times.append(self._last_ring + RING_GAP)
        return max(0.01, min(times) - now + 0.01)
