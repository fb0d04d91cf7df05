"""What an answered campaign call came to."""

from __future__ import annotations

import pytest

from appliance.campaigns.causes import GaveUp
from appliance.campaigns.outcome import Story, meaning_of, told
from appliance.config.model import Scenario
from appliance.messages import Cause

RULES = Scenario(code="701", confirm="1", confirm_wait_seconds=5)
TOTAL = 40_000  # five seconds at 8 kHz


def story(heard: float = 1.0, presses: tuple[tuple[str, float], ...] = (), cause: Cause | None = None) -> Story:
    """A message of 5 s from second 100 on, of which `heard` (share) was played; presses as (digit, second)."""
    made = Story(cause=cause or Cause(by="near"))
    made.play_started(100.0)
    made.play_ended(100.0 + 5 * heard, int(TOTAL * heard), TOTAL)
    for digit, at in presses:
        made.pressed(digit, at)
    return made


def test_heard_to_the_end() -> None:
    result = told(story(), RULES)
    assert (result.outcome, result.seconds_heard, result.fraction_heard, result.digit) == ("heard", 5.0, 1.0, "")


@pytest.mark.parametrize(("share", "outcome"), [(0.95, "heard"), (0.949, "hung_up"), (0.4, "hung_up"), (0, "hung_up")])
def test_the_last_syllable_may_be_missed(share: float, outcome: str) -> None:
    result = told(story(share, cause=Cause(by="far")), RULES)
    assert result.outcome == outcome
    assert result.seconds_heard == pytest.approx(5 * share, abs=0.001)


@pytest.mark.parametrize(
    ("presses", "outcome", "digit"),
    [
        ((("1", 106.0),), "confirmed", "1"),
        ((("2", 106.0),), "declined", "2"),
        ((("2", 102.0), ("1", 106.0)), "confirmed", "1"),
        ((("1", 102.0), ("2", 106.0)), "confirmed", "1"),
        ((("1", 110.0),), "confirmed", "1"),  # the window's last moment
        ((("1", 110.01),), "heard", ""),  # too late
        ((("1", 99.9),), "heard", ""),  # before the message
        ((("0", 101.0),), "heard", ""),  # a repeat is no answer
        ((("A", 101.0),), "heard", "A"),  # no key of a phone
    ],
)
def test_digits_count_from_the_start_until_the_wait_is_over(
    presses: tuple[tuple[str, float], ...], outcome: str, digit: str
) -> None:
    result = told(story(presses=presses), RULES)
    assert (result.outcome, result.digit) == (outcome, digit)


def test_precedence_over_an_early_hang_up() -> None:
    assert told(story(0.3, (("1", 101.0),), Cause(by="far")), RULES).outcome == "confirmed"
    assert told(story(0.3, (("3", 101.0),), Cause(by="far")), RULES).outcome == "declined"


def test_a_repeat_counts_the_pass_that_went_furthest_and_opens_the_window_again() -> None:
    made = story(1.0, (("0", 107.0),), Cause(by="far"))
    made.play_started(107.1)
    made.play_ended(108.1, 8_000, TOTAL)
    assert told(made, RULES).outcome == "heard"
    made.pressed("1", 112.0)
    assert told(made, RULES).outcome == "confirmed"


def test_without_a_confirmation_nobody_declines() -> None:
    rules = Scenario(code="701")
    result = told(story(presses=(("2", 106.0),)), rules)
    assert (result.outcome, result.digit) == ("heard", "2")


@pytest.mark.parametrize(
    ("rules", "digit", "meaning"),
    [
        (RULES, "1", "confirm"), (RULES, "0", "repeat"), (RULES, "9", "decline"), (RULES, "#", "decline"),
        (RULES, "B", "none"), (RULES, "", "none"), (RULES, "12", "none"),
        (Scenario(code="7", confirm="0"), "0", "confirm"),
        (Scenario(code="7", confirm="1", decline="2"), "3", "none"),
        (Scenario(code="7", confirm="1", decline="2"), "2", "decline"),
        (Scenario(code="7", confirm="1", repeat=None), "0", "decline"),
    ],
)
def test_what_keys_mean(rules: Scenario, digit: str, meaning: str) -> None:
    assert meaning_of(digit, rules) == meaning


def test_machines() -> None:
    left = story()
    left.machine = "machine"
    assert (told(left, RULES).outcome, told(left, RULES).fraction_heard) == ("machine", 1.0)
    fax = Story(machine="fax", cause=Cause(by="near"))
    assert told(fax, RULES).outcome == "machine"
    # A machine does not press keys: whoever was taken for one and pressed 1 is a person.
    person = story(presses=(("1", 103.0),))
    person.machine = "machine"
    assert told(person, RULES).outcome == "confirmed"


@pytest.mark.parametrize(
    ("cause", "gave_up", "outcome"),
    [
        (Cause(by="far"), GaveUp.NOT, "hung_up"),
        (Cause(by="far", q850=16), GaveUp.NOT, "hung_up"),
        (Cause(by="tone", tone="busy"), GaveUp.NOT, "hung_up"),
        (Cause(by="tone", tone="congestion"), GaveUp.NOT, "hung_up"),
        (Cause(by="far", q850=41), GaveUp.NOT, "interrupted"),
        (Cause(by="network"), GaveUp.NOT, "interrupted"),
        (Cause(by="restart"), GaveUp.NOT, "interrupted"),
        (Cause(by="near"), GaveUp.PREEMPTED, "interrupted"),
        (Cause(by="near"), GaveUp.NO_MEDIA, "interrupted"),
        (Cause(by="near"), GaveUp.CANCELLED, "cancelled"),
    ],
)
def test_who_broke_it_off(cause: Cause, gave_up: GaveUp, outcome: str) -> None:
    early = story(0.3, cause=cause)
    early.gave_up = gave_up
    assert told(early, RULES).outcome == outcome
    whole = story(1.0, cause=cause)
    whole.gave_up = gave_up
    assert told(whole, RULES).outcome == "heard"


def test_answered_and_gone_before_the_first_sample() -> None:
    result = told(Story(cause=Cause(by="far")), RULES)
    assert (result.outcome, result.seconds_heard) == ("hung_up", 0.0)


@pytest.mark.parametrize(("gone", "seconds"), [(12.0, 2.0), (9.0, 4.0), (15.0, 4.0), (10.0, 0.0)])
def test_what_was_played_to_a_busy_tone_nobody_heard(gone: float, seconds: float) -> None:
    """Played from 10.0 to 14.0; the tone that tells of the hang-up is known at 14.0 and began at `gone`."""
    told_of = Story(cause=Cause(by="tone", tone="busy"))
    told_of.play_started(10.0)
    told_of.play_ended(14.0, 32000, 40000)
    told_of.gone_since(gone)
    found = told(told_of, Scenario(code="701", confirm="1"))
    assert found.seconds_heard == seconds
    assert found.outcome == "hung_up"
