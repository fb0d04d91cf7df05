"""Answer supervision by ear: what tones and voice after the seizure mean."""

from __future__ import annotations

from typing import Literal

import pytest

from appliance.calls.supervision import RING_GAP, Supervision, Verdict
from appliance.media.events import Tone, Voice

Kind = Literal["dial", "ringback", "busy", "congestion", "special", "fax", "modem", "beep"]


def tone(kind: Kind) -> Tone:
    return Tone(port=1, tone=kind, at_ms=0)


def voice(speaking: bool = True) -> Voice:
    return Voice(port=1, speaking=speaking, at_ms=0)


@pytest.mark.parametrize(("kind", "verdict"), [
    ("busy", Verdict.BUSY), ("congestion", Verdict.CONGESTION), ("special", Verdict.SPECIAL), ("fax", Verdict.FAX),
    ("modem", Verdict.MODEM), ("ringback", None), ("dial", None), ("beep", None),
])
def test_tones(kind: Kind, verdict: Verdict | None) -> None:
    assert Supervision(100.0, 25.0).heard(tone(kind), 101.0) is verdict


def test_voice_is_an_answer_with_and_without_ringing() -> None:
    assert Supervision(100.0, 25.0).heard(voice(), 101.0) is Verdict.ANSWERED
    watch = Supervision(100.0, 25.0)
    watch.heard(tone("ringback"), 102.0)
    assert watch.heard(voice(), 109.0) is Verdict.ANSWERED
    assert watch.heard(voice(False), 110.0) is None


def test_ringing_to_the_limit_is_no_answer() -> None:
    watch = Supervision(100.0, 25.0)
    for second in (102, 107, 112, 117, 122):
        watch.heard(tone("ringback"), float(second))
        assert watch.tick(second + 0.1) is None
    assert watch.tick(125.0) is Verdict.NO_ANSWER


def test_ringing_that_stops_is_a_silent_answer() -> None:
    watch = Supervision(100.0, 60.0)
    watch.heard(tone("ringback"), 103.0)
    assert watch.tick(103.0 + RING_GAP - 0.1) is None
    assert watch.tick(103.0 + RING_GAP + 0.1) is Verdict.ANSWERED


def test_dial_tone_that_stays_means_the_number_was_not_taken() -> None:
    watch = Supervision(100.0, 60.0)
    assert watch.heard(tone("dial"), 101.5) is None
    assert watch.heard(tone("dial"), 109.6) is Verdict.DEAD


def test_a_slow_exchange_is_waited_for() -> None:
    """Dial tone, the digits, then fifteen seconds of silence before it rings."""
    watch = Supervision(100.0, 60.0)
    watch.heard(tone("dial"), 101.5)
    for second in range(102, 117):
        assert watch.tick(float(second)) is None
    assert watch.heard(tone("ringback"), 117.0) is None


def test_next_tick_never_stands_still() -> None:
    watch = Supervision(100.0, 25.0)
    now = 100.0
    while watch.tick(now) is None:
        step = watch.next_tick(now)
        assert step > 0
        now += step
    assert now < 126.0
