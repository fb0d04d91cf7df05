"""What counts as an answer, and the figures that answers come to (kpi: CSAT, NPS, CES)."""

from __future__ import annotations

import pytest

from appliance.messages import SurveyAnswered, SurveyAsked, SurveyKind
from appliance.surveys import Asking, Figure, ces, csat, figure, figures, nps, score_of


@pytest.mark.parametrize(("kind", "keyed", "score"), [
    ("csat", "1", 1), ("csat", "5", 5), ("csat", "0", None), ("csat", "6", None), ("csat", "*", None), ("csat", "12", None),
    ("nps", "0", 0), ("nps", "10", 10), ("nps", "07", 7), ("nps", "11", None), ("nps", "1*", None), ("nps", "", None),
    ("nps", "100", None), ("ces", "7", 7), ("ces", "8", None), ("ces", "٣", None),
])  # fmt: skip
def test_what_is_an_answer(kind: SurveyKind, keyed: str, score: int | None) -> None:
    assert score_of(kind, keyed) == score


def test_the_figures_as_they_are_defined() -> None:
    assert csat([5, 4, 3, 1]) == 0.5
    assert nps([10, 9, 8, 7, 6, 0]) == pytest.approx(0.0) and nps([10, 9, 8]) == pytest.approx(200 / 3) and nps([0]) == -100
    assert ces([1, 7, 7]) == 5
    assert csat([]) is None and nps([]) is None and ces([]) is None


def test_what_is_out_of_range_does_not_count() -> None:
    assert figure("csat", [5, 9, None]) == Figure(kind="csat", n=1, value=1.0)
    assert figure("comment", [None, None]) == Figure(kind="comment", n=2)


def answer(call: str, question: str, kind: SurveyKind, score: int | None) -> SurveyAnswered:
    return SurveyAnswered(call=call, contact=call, survey="after", queue="front", question=question, kind=kind, score=score)


def test_events_come_to_answers_and_figures() -> None:
    asking = Asking()
    for at, event in enumerate([
        SurveyAsked(call="a", contact="a", survey="after", queue="front", agent="anna"), answer("a", "happy", "csat", 2),
        SurveyAsked(call="b", contact="b", survey="after", queue="front"), answer("a", "happy", "csat", 5),
        answer("a", "tell", "nps", 10), answer("c", "happy", "csat", 1), object(),
    ]):
        asking.take(event, float(at))
    found = asking.all()
    assert [(each.call, each.utc, each.agent, len(each.answers)) for each in found] == [
        ("a", 0.0, "anna", 2), ("b", 2.0, "", 0), ("c", 5.0, "", 1)]
    assert [(each.question, each.figure.n, each.figure.value) for each in figures(found)] == [
        ("happy", 2, 0.5), ("tell", 1, 100.0)]
