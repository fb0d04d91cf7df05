"""The table of causes: rows of the standards, our own decisions, and that nothing falls through."""

from __future__ import annotations

from typing import get_args

import pytest

from appliance.campaigns.causes import (
    BY_OUTCOME,
    FREE_LIMIT,
    SUCCESS,
    GaveUp,
    Retry,
    outcome_of,
    q850_verdict,
    retry_of,
    sip_verdict,
    verdict_of,
    wait_seconds,
)
from appliance.messages import Cause, Outcome


@pytest.mark.parametrize(
    ("sip", "outcome", "retry"),
    [
        (404, "unreachable", Retry.NEVER),
        (410, "unreachable", Retry.NEVER),
        (484, "unreachable", Retry.NEVER),
        (604, "unreachable", Retry.NEVER),
        (486, "busy", Retry.SOON),
        (600, "busy", Retry.SOON),
        (603, "busy", Retry.LATER),
        (480, "no_answer", Retry.LATER),
        (408, "no_line", Retry.FREE_LINE),
        (500, "no_line", Retry.FREE_LINE),
        (503, "no_line", Retry.FREE_LINE),
        (302, "unreachable", Retry.NEVER),
        # no rows of their own: RFC 3261 8.1.3.2 reads them as the x00 of their class
        (499, "no_line", Retry.FREE_LINE),
        (599, "no_line", Retry.FREE_LINE),
        (699, "busy", Retry.SOON),
    ],
)
def test_sip_status(sip: int, outcome: str, retry: Retry) -> None:
    verdict = verdict_of(Cause(sip=sip))
    assert (verdict.outcome, verdict.retry) == (outcome, retry)
    assert verdict.why


@pytest.mark.parametrize(
    ("q850", "outcome"),
    [(1, "unreachable"), (17, "busy"), (18, "no_answer"), (19, "no_answer"), (20, "no_answer"), (21, "busy"),
     (22, "unreachable"), (28, "unreachable"), (34, "no_line"), (38, "no_line"), (41, "no_line"), (42, "no_line"),
     # fallbacks to the class's last row (Q.850 2.2.5)
     (35, "no_line"), (60, "no_line"), (110, "no_line"), (126, "no_line")],
)
def test_q850_goes_before_an_unclear_status(q850: int, outcome: str) -> None:
    assert outcome_of(Cause(sip=480, q850=q850)) == outcome


@pytest.mark.parametrize("q850", [0, 16, 31])
def test_a_cause_that_says_nothing_leaves_the_status(q850: int) -> None:
    assert outcome_of(Cause(sip=486, q850=q850)) == "busy"
    assert outcome_of(Cause(sip=404, q850=q850)) == "unreachable"


def test_our_own_reasons_go_first() -> None:
    cancelled = Cause(sip=487, by="near")
    assert outcome_of(cancelled, gave_up=GaveUp.RING_TIMEOUT) == "no_answer"
    assert outcome_of(cancelled, gave_up=GaveUp.CANCELLED) == "cancelled"
    assert outcome_of(cancelled, gave_up=GaveUp.PREEMPTED) == "interrupted"
    assert outcome_of(cancelled, gave_up=GaveUp.NO_REPLY) == "no_line"
    assert outcome_of(Cause(by="restart", sip=486)) == "interrupted"


def test_a_timeout_after_ringing_means_nobody_came() -> None:
    assert outcome_of(Cause(sip=408, by="network")) == "no_line"
    assert outcome_of(Cause(sip=408, by="network"), rang=True) == "no_answer"
    assert outcome_of(Cause(sip=408), rang=True) == "no_answer"
    assert outcome_of(Cause(by="network")) == "no_line"
    assert outcome_of(Cause(sip=503), rang=True) == "no_line"


@pytest.mark.parametrize(("tone", "outcome"), [("busy", "busy"), ("congestion", "no_line"), ("special", "unreachable"),
                                               ("fax", "machine"), ("modem", "machine"), ("beep", "machine"),
                                               ("ringback", "no_answer"), ("dial", "no_line")])
def test_tones(tone: str, outcome: str) -> None:
    assert outcome_of(Cause(by="tone", tone=tone, sip=200), answered=True) == outcome


def test_every_code_has_a_verdict_and_none_is_a_success() -> None:
    for code in range(300, 700):
        assert sip_verdict(code) is not None
        assert outcome_of(Cause(sip=code)) not in SUCCESS
    for code in (0, 100, 180, 200, 299, 700, -1, 10**9):
        assert sip_verdict(code) is None
    for code in (-5, 0, 16, 31, 128, 10**6):
        assert q850_verdict(code) is None
    assert set(BY_OUTCOME) == set(get_args(Outcome))
    assert all(outcome_of(Cause(), gave_up=why) for why in GaveUp)


def test_retry_is_refined_by_the_cause() -> None:
    assert retry_of("busy", Cause(sip=486)) is Retry.SOON
    assert retry_of("busy", Cause(sip=603)) is Retry.LATER
    assert retry_of("machine", Cause(tone="fax")) is Retry.NEVER
    assert retry_of("machine", Cause()) is Retry.LATER
    assert retry_of("machine", Cause(), message_left=True) is Retry.NEVER
    assert retry_of("no_answer", Cause(sip=487)) is Retry.LATER
    assert retry_of("interrupted", Cause(sip=486)) is Retry.FREE_BROKEN
    assert all(retry_of(outcome, Cause()) is Retry.NEVER for outcome in SUCCESS)


def test_busy_is_tried_again_sooner_and_a_failing_line_ever_later() -> None:
    busy, later = wait_seconds(Retry.SOON, 10, 3), wait_seconds(Retry.LATER, 10, 3)
    assert (busy, later) == (180, 600)
    waits = [wait_seconds(Retry.FREE_LINE, 10, 3, times) for times in range(1, FREE_LIMIT[Retry.FREE_LINE] + 1)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (30, 600)
    assert wait_seconds(Retry.FREE_LINE, 0, 0) == 1.0
