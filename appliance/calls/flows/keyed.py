"""Numbers that somebody keys at a phone, in the middle of a flow."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.calls.leg import Leg
from appliance.media.engine import Clip
from appliance.media.events import Digit, PlayDone

FIRST_SECONDS = 10.0
NEXT_SECONDS = 4.0
"""Silence after which a number is whole."""
END = "#"
DIGITS = frozenset("0123456789*")
MOST = 32


def listen(leg: Leg) -> None:
    """Hear keys that come as tones, where the far end sends them in no other way. (A voice could pass for a key elsewhere.)"""
    if leg.media is None or not leg.media.telephone_event:
        leg.open_port().detect(digits=True)


async def number(leg: Leg, clips: Sequence[Clip]) -> str:
    """Ask for a number: what was keyed until "#" or a pause, "" for nothing. Keys end the question. Raises HungUp."""
    listen(leg)
    playing = leg.open_port().play(clips)
    keyed, asking = "", True
    while True:
        event = await leg.wait(Digit, PlayDone, timeout=None if asking else NEXT_SECONDS if keyed else FIRST_SECONDS)
        if event is None:
            return keyed
        if isinstance(event, PlayDone):
            asking = asking and event.play != playing
        elif isinstance(event, Digit):
            if asking:
                leg.stop_play()
                asking = False
            if event.digit == END:
                return keyed
            if event.digit in DIGITS:
                keyed += event.digit
            if len(keyed) >= MOST:
                return keyed
