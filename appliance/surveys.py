"""Surveys after the call: what counts as an answer, and the figures that answers come to (CSAT, NPS, CES). Pure.

One definition each: whoever shows these figures takes them from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from appliance.messages import SurveyAnswered, SurveyAsked, SurveyKind

ScoreKind = Literal["csat", "nps", "ces"]

RANGES: dict[SurveyKind, range] = {"csat": range(1, 6), "nps": range(11), "ces": range(1, 8)}
"""Which numbers are answers. A comment has none."""
DIGITS: dict[SurveyKind, int] = {"csat": 1, "nps": 2, "ces": 1}
"""Keys of an answer at most."""


def score_of(kind: SurveyKind, keyed: str) -> int | None:
    """The answer that these keys are; None where they are none. Of two keys the first may be 0 ("07")."""
    if not (keyed.isascii() and keyed.isdigit()) or len(keyed) > DIGITS[kind]:
        return None
    score = int(keyed)
    return score if score in RANGES[kind] else None


SATISFIED = 4
"""From this on a caller is satisfied (csat)."""
PROMOTES, DETRACTS = 9, 6
"""From this on a caller recommends, up to this advises against (nps)."""


def parts(kind: SurveyKind, score: int | None) -> dict[str, int]:
    """What one answer adds to the sums that the figures are made of: csat: n, good; nps: n, up, down; ces: n, sum. A comment,
    and what is no answer, adds nothing."""
    if kind == "comment" or score is None or score not in RANGES[kind]:
        return {}
    match kind:
        case "csat":
            return {"n": 1, "good": int(score >= SATISFIED)}
        case "nps":
            return {"n": 1, "up": int(score >= PROMOTES), "down": int(score <= DETRACTS)}
        case "ces":
            return {"n": 1, "sum": score}


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure over `n` answers; `value` None where there are none. csat: share 0..1 of those satisfied; nps: -100..100;
    ces: mean 1..7; comment: no value, `n` alone."""

    kind: SurveyKind
    n: int
    value: float | None = None


def csat(scores: Sequence[int]) -> float | None:
    """The share of 4 and 5 out of 1..5."""
    return sum(score >= SATISFIED for score in scores) / len(scores) if scores else None


def nps(scores: Sequence[int]) -> float | None:
    """Net promoter score: percent of 9 and 10 less percent of 0 to 6."""
    if not scores:
        return None
    return 100.0 * (sum(score >= PROMOTES for score in scores) - sum(score <= DETRACTS for score in scores)) / len(scores)


def ces(scores: Sequence[int]) -> float | None:
    """Customer effort score: the mean of 1..7, 7 being very easy."""
    return sum(scores) / len(scores) if scores else None


_FIGURES = {"csat": csat, "nps": nps, "ces": ces}


def figure(kind: SurveyKind, scores: Iterable[int | None]) -> Figure:
    """Of one question's answers. What is no answer to this kind of question is left out."""
    if kind == "comment":
        return Figure(kind=kind, n=len(list(scores)))
    counted = [score for score in scores if score is not None and score in RANGES[kind]]
    return Figure(kind=kind, n=len(counted), value=_FIGURES[kind](counted))


class Asked(msgspec.Struct, kw_only=True):
    """One caller who was asked, and what came of it. `utc` seconds; `answers` by question, in order."""

    call: str
    contact: str
    survey: str
    queue: str
    agent: str
    utc: float = 0.0
    answers: dict[str, SurveyAnswered] = {}


class Asking:
    """Folds the ledger's events to what each caller was asked and answered, in order."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], Asked] = {}

    def take(self, event: object, utc: float) -> None:
        if isinstance(event, SurveyAsked | SurveyAnswered):
            asked = self._of.get((event.call, event.survey))
            if asked is None:
                asked = self._of[event.call, event.survey] = Asked(
                    call=event.call, contact=event.contact, survey=event.survey, queue=event.queue, agent=event.agent, utc=utc)
            if isinstance(event, SurveyAnswered):
                asked.answers[event.question] = event

    def all(self) -> list[Asked]:
        return list(self._of.values())


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question's figure, over the callers who answered it."""

    survey: str
    question: str
    figure: Figure


def figures(asked: Iterable[Asked]) -> list[Question]:
    """The figure of each question of each survey, in the order in which they were first answered."""
    scores: dict[tuple[str, str, SurveyKind], list[int | None]] = {}
    for each in asked:
        for answer in each.answers.values():
            scores.setdefault((each.survey, answer.question, answer.kind), []).append(answer.score)
    return [Question(survey=survey, question=question, figure=figure(kind, found))
            for (survey, question, kind), found in scores.items()]
