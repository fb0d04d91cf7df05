"""A caller of paper is asked after the call: every way to answer, and not to; waits cost nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from appliance.calls.flows.survey import Survey
from appliance.calls.leg import Leg
from appliance.calls.recording import Comment
from appliance.calls.routing import ToSurvey
from appliance.config.callers import Question
from appliance.config.callers import Survey as Rules
from appliance.core.surveys import Surveys
from appliance.errors import SwitchroomError
from appliance.media.events import RecordDone
from appliance.messages import RecordingStarted, SurveyAnswered, SurveyAsked
from drivers.base import Ended
from tests.callslab import HANG_UP, Caller, Lab, NotedLedger, hastily, settle
from tests.peers.net import PATIENCE
from tests.unit.test_calls_keys_in_call import Office, run

ABOUT = ToSurvey("after", "front", "c1", "anna")
CSAT, NPS, CES = (Question(name=f"q-{kind}", kind=kind) for kind in ("csat", "nps", "ces"))  # type: ignore[arg-type]
COMMENT = Question(name="words", kind="comment", max_seconds=30)


class Shelf:
    def __init__(self, folder: Any, said: bool = True) -> None:
        self.folder, self._said = folder, said
        self.taken: list[Comment] = []

    def path_for(self, call: str, day: Any) -> Any:
        return self.folder / f"{call}-1.wav"

    def name_of(self, path: Any) -> str:
        return str(path.name)

    def began(self, recording: Any) -> None: ...
    async def said(self, comment: Comment, done: RecordDone) -> bool:
        self.taken.append(comment)
        return self._said


class Desk:
    def __init__(self, lab: Lab, *, asks: bool = True, shelf: Shelf | None = None, fails: bool = False) -> None:
        self.lab, self._asks, self.shelf, self.fails = lab, asks, shelf, fails
        self.answers: list[SurveyAnswered] = []
        self.begun = 0

    def asks(self, leg: Leg, rules: Rules) -> bool:
        return self._asks

    def asked(self, leg: Leg, about: ToSurvey) -> None:
        self.begun += 1

    async def answered(self, answer: SurveyAnswered) -> None:
        if self.fails:
            raise SwitchroomError("ledger.full", "It is full.", "")
        self.answers.append(answer)

    def comment(self, leg: Leg, answer: SurveyAnswered, max_seconds: float) -> Comment | None:
        if self.shelf is None:
            return None
        made = Comment(self.lab.switch, self.shelf, leg, answer, max_seconds)  # type: ignore[arg-type]
        made.start()
        return made


class Asked:
    def __init__(self, desk: Desk, caller: Caller, leg: Leg) -> None:
        self.desk, self.said, self.leg = desk, caller.said, leg
        self.scores = {answer.question: answer.score for answer in desk.answers}


def ask(
    questions: list[Question], reacts: dict[str, list[str]], *, recordings: list[str] | None = None, shelf: Any = None,
    said: bool = True, **more: Any,
) -> Asked:
    rules = Rules(name="after", questions=questions, **{k: more.pop(k) for k in ("intro", "thanks") if k in more})
    found: list[Asked] = []

    async def work() -> None:
        lab = Lab()
        leg = lab.comes("600", "gateway", "line")
        leg.open_port()
        leg.answer()
        desk = Desk(lab, shelf=Shelf(shelf, said) if shelf is not None else None, **more)
        caller = Caller(lab, leg, reacts, recordings)
        await lab.switch.lead(leg.call, Survey(leg, rules, ABOUT, desk).run)
        await lab.switch.settle()
        found.append(Asked(desk, caller, leg))

    hastily(work())
    assert found[0].leg.is_ended
    return found[0]


def test_all_kinds_are_asked_in_order_and_noted() -> None:
    found = ask([CSAT, NPS, CES], {"survey-csat": ["5"], "survey-nps": ["10"], "survey-ces": ["7"]})
    assert found.scores == {"q-csat": 5, "q-nps": 10, "q-ces": 7}
    assert found.said == ["survey-intro", "survey-csat", "survey-nps", "survey-ces", "survey-thanks"]
    first = found.desk.answers[0]
    assert (first.contact, first.queue, first.agent, first.survey, first.call) == (
        "c1", "front", "anna", "after", found.leg.call.id)


@pytest.mark.parametrize(("keys", "score"), [("0", 0), ("9#", 9), ("10", 10), ("1", 1), ("07", 7)])
def test_nps_has_up_to_two_digits(keys: str, score: int) -> None:
    assert ask([NPS], {"survey-nps": [keys]}).scores == {"q-nps": score}


def test_a_hash_after_one_answer_is_no_answer_to_the_next() -> None:
    found = ask([CSAT, CES], {"survey-csat": ["4#"], "survey-ces": ["6"]})
    assert found.scores == {"q-csat": 4, "q-ces": 6} and "survey-invalid" not in found.said


def test_a_wrong_key_is_told_and_the_question_put_again() -> None:
    found = ask([CSAT], {"survey-csat": ["9", "3"]})
    assert found.scores == {"q-csat": 3} and found.said.count("survey-invalid") == 1


def test_who_never_keys_an_answer_is_asked_the_next_question() -> None:
    found = ask([CSAT, CES], {"survey-csat": ["0", "*", "8"], "survey-ces": ["2"]})
    assert found.scores == {"q-ces": 2} and found.said.count("survey-csat") == 3


def test_who_keys_nothing_is_let_go_kindly() -> None:
    found = ask([CSAT, CES], {})
    assert not found.scores and found.said == ["survey-intro", "survey-csat", "nothing-pressed", "survey-csat", "goodbye"]
    found = ask([CSAT, CES], {"survey-csat": ["5"]})
    assert found.scores == {"q-csat": 5} and found.said[-1] == "survey-thanks"


@pytest.mark.parametrize(("keys", "scores"), [
    ("5" + HANG_UP, {"q-csat": 5}), (HANG_UP, {}), ("9" + HANG_UP, {}),
])  # fmt: skip
def test_what_was_keyed_before_hanging_up_counts(keys: str, scores: dict[str, int]) -> None:
    assert ask([CSAT, CES], {"survey-csat": [keys]}).scores == scores


def test_half_an_nps_answer_counts_when_the_caller_goes() -> None:
    assert ask([NPS], {"survey-nps": ["9" + HANG_UP]}).scores == {"q-nps": 9}


def test_the_offices_own_words_are_said() -> None:
    mine = msgspec.structs.replace(CSAT, text="Were you pleased?")
    found = ask([mine], {"Were you pleased?": ["4"]}, intro="Two questions.", thanks="Thanks!")
    assert found.said == ["Two questions.", "Were you pleased?", "Thanks!"] and found.scores == {"q-csat": 4}


def test_who_is_not_asked_is_hung_up() -> None:
    found = ask([CSAT], {"survey-csat": ["5"]}, asks=False)
    assert found.said == [] and found.desk.begun == 0


def test_an_answer_that_cannot_be_noted_ends_it() -> None:
    found = ask([CSAT, CES], {"survey-csat": ["5"]}, fails=True)
    assert found.said[-1] == "technical-trouble" and "survey-ces" not in found.said


@pytest.mark.parametrize(("how", "said", "last"), [("silence", True, "survey-thanks"), ("limit", False, "goodbye")])
def test_a_comment_is_spoken(tmp_path: Any, how: str, said: bool, last: str) -> None:
    found = ask([COMMENT], {}, recordings=[how], shelf=tmp_path, said=said)
    assert found.said == ["survey-intro", "survey-comment", "beep", last]
    (comment,) = found.desk.shelf.taken  # type: ignore[union-attr]
    assert (comment.answer.question, comment.answer.kind, comment.queue, comment.why) == ("words", "comment", "front", "survey")
    (started,) = found.leg.call.switch.ledger.of(RecordingStarted)  # type: ignore[attr-defined]
    assert started.why == "survey" and started.recording == comment.name


def test_a_comment_stands_where_the_caller_hangs_up(tmp_path: Any) -> None:
    found = ask([CSAT, COMMENT], {"survey-csat": ["1"]}, recordings=[HANG_UP], shelf=tmp_path)
    assert found.scores == {"q-csat": 1} and len(found.desk.shelf.taken) == 1  # type: ignore[union-attr]


def test_without_room_on_the_disk_there_is_no_comment() -> None:
    assert ask([COMMENT, CSAT], {"survey-csat": ["2"]}).scores == {"q-csat": 2}


# ---- who is asked ------------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def utc(self) -> float:
        return self.now


class Ledger(NotedLedger):
    def get_state(self, namespace: str, key: str) -> bytes | None:
        return self.kept.get((namespace, key))


def test_nobody_is_asked_again_too_soon() -> None:
    async def work() -> None:
        lab, clock, ledger = Lab(), Clock(), Ledger()
        desk = Surveys(ledger, None, lambda: lab.config, clock, lambda number: f"key of {number}")  # type: ignore[arg-type]
        rules = Rules(name="after", questions=[CSAT], ask_again_days=30)
        leg = lab.comes("600")
        assert desk.asks(leg, rules)
        desk.asked(leg, ABOUT)
        assert ledger.of(SurveyAsked) == [
            SurveyAsked(call=leg.call.id, contact="c1", survey="after", queue="front", agent="anna")]
        assert not desk.asks(leg, rules) and desk.asks(lab.comes("600", "103"), rules)
        assert desk.asks(leg, msgspec.structs.replace(rules, ask_again_days=0))
        clock.now += 30 * 86400 + 1
        assert desk.asks(leg, rules)
        desk.tidy()
        assert ledger.states("survey")
        clock.now += 366 * 86400
        desk.tidy()
        assert not ledger.states("survey")

    run(work())


def test_who_hides_the_number_is_kept_nowhere() -> None:
    async def work() -> None:
        lab, ledger = Lab(), Ledger()
        desk = Surveys(ledger, None, lambda: lab.config, Clock(), lambda number: f"key of {number}")  # type: ignore[arg-type]
        leg = lab.comes("600", "gateway", "line")
        leg.incoming = msgspec.structs.replace(leg.incoming, caller="anonymous")
        desk.asked(leg, ABOUT)
        assert not ledger.kept and desk.asks(leg, Rules(name="after", questions=[CSAT]))

    run(work())


def test_a_share_of_the_callers() -> None:
    async def work() -> None:
        lab = Lab()
        desk = Surveys(Ledger(), None, lambda: lab.config, Clock(), lambda number: "")  # type: ignore[arg-type]
        rules = Rules(name="after", questions=[CSAT], percent=20)
        leg = lab.comes("600")
        asked = sum(desk.asks(leg, rules) for _ in range(2000))
        assert 300 < asked < 500  # 400, more than five standard deviations either way

    run(work())


# ---- how a conversation leads there ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("leaves", "asked"), [("a", True), ("b", False)])
def test_the_caller_goes_on_when_the_other_hangs_up(leaves: str, asked: bool) -> None:
    async def work() -> None:
        office = await Office().begin()
        office.b.afterwards = ABOUT
        await office.go(office.a if leaves == "a" else office.b)
        assert office.lab.sent == ([ABOUT] if asked else [])
        assert not asked or not [bridge for bridge in office.lab.engine.bridges if office.b.port in bridge.ports]
        await asyncio.wait_for(office.task, PATIENCE)

    run(work())


def test_nobody_is_asked_whose_other_side_was_lost() -> None:
    async def work() -> None:
        office = await Office().begin()
        office.b.afterwards = ABOUT
        cause = msgspec.structs.replace(office.a.cause, by="network", q850=102)
        office.lab.tell(Ended(leg=office.a.id, cause=cause))
        await settle()
        assert office.lab.sent == [] and office.b.is_ended
        await asyncio.wait_for(office.task, PATIENCE)

    run(work())
