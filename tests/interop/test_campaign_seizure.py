"""A gateway that answers as soon as it has seized its line: tones and voices alone tell what became of each call."""

from __future__ import annotations

from pathlib import Path

from tests.interop.test_campaign_phone import check_outcomes, numbers
from tests.peers import exchange, sound
from tests.peers.box import Box
from tests.peers.sipp import Gateway, most_at_once

BY_EAR = {
    r'^answer_supervision = "signalled"': 'answer_supervision = "audio"', r"^channels = 5$": "channels = 10",
    r"^lines = 5$": "lines = 10", r"^ring_seconds = 25$": "ring_seconds = 14", r"^retries = 2$": "retries = 0",
    r"^confirm_wait_seconds = 5": "confirm_wait_seconds = 1",
    r"^retry_after_minutes = 10$": "retry_after_minutes = 0.05",
}
"""Ringing lasts longer than two bursts and the time after which it would count as over (supervision.RING_GAP)."""


def test_tones_and_voices_give_the_same_outcomes(tmp_path: Path) -> None:
    wanted = numbers(20)
    message = sound.message_of(tmp_path / "message.wav", 5.0)
    exchange.streams(tmp_path / "gateway")
    with Gateway(tmp_path / "gateway", "gateway_audio.xml", echo=False) as gateway, \
            Box(tmp_path / "box", gateway.port, 9, numbers=wanted, edits=BY_EAR) as box:
        box.run("campaign", "start", "701", "--list", "12", "--message", str(message))
        report = box.wait_campaign(1, "finished", 120)
        calls = gateway.wait_until_quiet(10)
    check_outcomes(report, wanted)
    by_last = {s["number"][-1]: s for s in report["subscribers"]}
    # He was gone 3 s after he had said hello; we began after he had, and were playing to the busy tone for a second.
    assert 1.5 < by_last["5"]["seconds_heard"] < 3.2, by_last["5"]
    assert by_last["0"]["seconds_heard"] > 4.75
    assert [by_last["4"]["digit"], by_last["8"]["digit"]] == ["1", "2"]
    assert most_at_once(calls) <= 10
    assert len(calls) == sum(len(s["attempts"]) for s in report["subscribers"])
