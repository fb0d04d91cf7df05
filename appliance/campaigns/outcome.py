"""What an answered campaign call came to: from what was played, pressed and who ended it to the outcome. Pure.

Precedence where several could hold: confirmed, declined, machine, heard, hung_up. Digits count from the start of the
playback until `confirm_wait_seconds` after its end. Times are monotonic seconds of one clock.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from appliance.campaigns.causes import GaveUp, Retry, q850_verdict, verdict_of
from appliance.campaigns.rules import HEARD_FRACTION
from appliance.config.model import Scenario
from appliance.messages import Cause, Outcome
from appliance.sentences import Said, made_of, say

Meaning = Literal["confirm", "decline", "repeat", "none"]
KEYS = frozenset("0123456789*#")


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """One playing of the message. `samples` of `total` were sent; `ended` is None while it plays."""

    started: float
    ended: float | None = None
    samples: int = 0
    total: int = 0


class Press(msgspec.Struct, frozen=True):
    digit: str
    at: float


class Story(msgspec.Struct, kw_only=True):
    """What happened in one answered call, gathered by the flow as it goes."""

    passes: list[Pass] = []
    presses: list[Press] = []
    machine: Literal["", "machine", "fax", "modem"] = ""
    cause: Cause | None = None
    """How the leg ended; None while it stands."""
    gave_up: GaveUp = GaveUp.NOT

    def play_started(self, at: float) -> None:
        self.passes.append(Pass(started=at))

    def play_ended(self, at: float, samples: int, total: int) -> None:
        """`samples` of `total` reached the callee (PlayDone.samples and .total)."""
        self.passes[-1] = msgspec.structs.replace(self.passes[-1], ended=at, samples=samples, total=total)

    def gone_since(self, at: float) -> None:
        """The callee was gone from `at` on, as a tone tells that began then and was known only later: what was played to
        the tone nobody heard."""
        last = self.passes[-1] if self.passes else None
        if last is not None and last.ended is not None and last.started <= at < last.ended:
            samples = min(last.samples, round((at - last.started) * 8000))
            self.passes[-1] = msgspec.structs.replace(last, samples=samples)

    def pressed(self, digit: str, at: float) -> None:
        self.presses.append(Press(digit, at))


PRESSED, HEARD, HUNG_UP = say("pressed {digit}"), say("heard to the end"), say("hung up after {seconds} s")
LEFT = say("{what}, the message was left")
MACHINES = {"machine": say("an answering machine"), "fax": say("a fax machine"), "modem": say("a modem")}
"""What is said of answered calls beside the sentences of the tables of causes."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The result, as `AttemptEnded` wants it. `digit` is the one that decided, or the first that meant
    nothing under the rules; a repeat is no answer and is left out."""

    outcome: Outcome
    seconds_heard: float = 0.0
    fraction_heard: float = 0.0
    digit: str = ""
    why: str = ""


def meaning_of(digit: str, rules: Scenario) -> Meaning:
    """What a key means under these rules. Confirming goes first: a scenario may confirm with the key that else repeats.
    Without a confirmation digit nothing can be declined."""
    if digit not in KEYS:
        return "none"
    if digit == rules.confirm:
        return "confirm"
    if digit == rules.repeat:
        return "repeat"
    if rules.confirm is not None and (not rules.decline or digit in rules.decline):
        return "decline"
    return "none"


def counts(at: float, story: Story, rules: Scenario) -> bool:
    """Whether a key pressed `at` falls into the time in which digits count."""
    if not story.passes or at < story.passes[0].started:
        return False
    last = story.passes[-1]
    return last.ended is None or at <= last.ended + rules.confirm_wait_seconds


def heard(story: Story) -> tuple[float, float]:
    """Seconds heard and their share of the message, of the pass that went furthest (at 8,000 samples a second)."""
    furthest = max((p for p in story.passes if p.total > 0), key=lambda p: p.samples / p.total, default=None)
    if furthest is None:
        return 0.0, 0.0
    samples = max(0, min(furthest.samples, furthest.total))
    return samples / 8000.0, samples / furthest.total


def _deciding(story: Story, rules: Scenario) -> dict[Meaning, str]:
    """Meaning -> digit; the first that confirms or declines, whatever was pressed around it."""
    found: dict[Meaning, str] = {}
    for press in story.presses:
        if counts(press.at, story, rules):
            found.setdefault(meaning_of(press.digit, rules), press.digit)
    return found


def told(story: Story, rules: Scenario) -> Told:
    """The outcome of an answered call. A call that we or the network broke off before anything of worth was reached is
    "interrupted"; one cancelled with its campaign is "cancelled"."""
    seconds, fraction = heard(story)
    digits = _deciding(story, rules)

    def tell(outcome: Outcome, why: Said | str, digit: str = "") -> Told:
        return Told(outcome=outcome, seconds_heard=round(seconds, 3), fraction_heard=round(fraction, 4), digit=digit,
                    why=str(why))

    if "confirm" in digits:
        return tell("confirmed", PRESSED.about(digit=digits["confirm"]), digits["confirm"])
    if "decline" in digits:
        return tell("declined", PRESSED.about(digit=digits["decline"]), digits["decline"])
    other = digits.get("none", "")
    if story.machine:
        what = MACHINES[story.machine]
        return tell("machine", LEFT.about(what=what) if fraction >= HEARD_FRACTION else what)
    if fraction >= HEARD_FRACTION:
        return tell("heard", HEARD, other)
    broken = _broken(story)
    if broken is not None:
        return tell(broken[0], broken[1], other)
    return tell("hung_up", HUNG_UP.about(seconds=f"{seconds:.1f}"), other)


def why_of(why: str) -> Said:
    """The sentence of an attempt's stored `why`, to be told in another language."""
    found = made_of(why, (PRESSED, HUNG_UP, LEFT))
    return found.about(what=Said(str(found.values["what"]))) if found.template == LEFT.template else found


def _broken(story: Story) -> tuple[Outcome, str] | None:
    """Who, other than the callee, ended the call; None where it was the callee."""
    cause = story.cause or Cause(by="near")
    if story.gave_up is GaveUp.NOT:
        # A busy or congestion tone after the answer is how an analogue line tells that the callee has hung up.
        if cause.by == "tone":
            return None
        failure = q850_verdict(cause.q850)
        if cause.by == "far" and (failure is None or failure.outcome != "no_line"):
            return None
    verdict = verdict_of(cause, answered=True, gave_up=story.gave_up)
    if verdict.retry is Retry.FREE_LINE:
        return "interrupted", verdict.why
    return verdict.outcome, verdict.why
