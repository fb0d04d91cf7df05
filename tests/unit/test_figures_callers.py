"""Who calls again, what was solved at the first contact, what callers answered: what single stories come to."""

from __future__ import annotations

from pathlib import Path

from appliance import messages as m
from appliance.figures import store as stores
from appliance.figures.fold import OFFICE
from appliance.figures.slots import slot_of
from appliance.figures.store import FiguresStore
from tests.figureskit import T0, Listed, Story

DAY = 86_400.0
ME, YOU = "+358401", "+358402"
FIRST = slot_of(T0)
CALLERS = ("callers", "callers_again", "callers_answered", "answered_again")


def callers(story: Story, queue: str = "front", slot: int | None = None) -> tuple[int, ...]:
    found = story.counts(("queue", queue), slot)
    return tuple(found[name] for name in CALLERS)


def test_who_calls_the_same_queue_within_a_week_has_called_again() -> None:
    story = Story().served("c1", number=ME).served("c2", number=YOU)
    story.at(7 * DAY - 100).served("c3", number=ME)
    assert callers(story) == (2, 1, 2, 1)
    assert callers(story, slot=FIRST) == (2, 1, 2, 1), "all of it counts where the matter began"
    assert callers(story, "back") == (0, 0, 0, 0)
    assert tuple(story.counts(OFFICE)[name] for name in CALLERS) == (2, 1, 2, 1)


def test_after_a_week_of_silence_it_is_another_matter() -> None:
    story = Story().served("c1", number=ME).at(7 * DAY + 100).served("c2", number=ME)
    assert callers(story) == (2, 0, 2, 0)
    story.at(8 * DAY).served("c3", number=ME).at(14 * DAY).served("c4", number=ME)
    assert callers(story) == (2, 1, 2, 1), "however often: one matter, one caller who called again"


def test_who_hung_up_and_was_answered_the_second_time_did_not_call_again_after_an_answer() -> None:
    story = Story().calls("c1", number=ME).at(30).leaves("c1").hangs_up("c1").at(600).served("c2", number=ME)
    assert callers(story) == (1, 1, 1, 0)
    assert callers(story.at(DAY).served("c3", number=ME)) == (1, 1, 1, 1)


def test_another_queue_is_another_matter_and_the_office_has_one() -> None:
    story = Story().served("c1", number=ME).at(100).served("c2", queue="back", number=ME)
    assert callers(story) == callers(story, "back") == (1, 0, 1, 0)
    assert tuple(story.counts(OFFICE)[name] for name in CALLERS) == (1, 1, 1, 1)


def test_a_contact_that_is_moved_and_comes_back_is_no_second_call() -> None:
    story = Story().calls("c1", number=ME).at(30).leaves("c1", "max-wait", "queue:back").queues("c1", "back")
    story.at(60).leaves("c1", "max-wait", "queue:front", queue="back").queues("c1").at(70).connects("c1", "anna")
    assert callers(story) == (1, 0, 1, 0)
    assert callers(story, "back") == (1, 0, 0, 0)


def test_who_withholds_the_number_is_nobody() -> None:
    story = Story()
    for n in range(3):
        story.at(60 * n).served(f"c{n}")
    assert callers(story) == (0, 0, 0, 0)


def test_solved_at_the_first_contact_by_outcome() -> None:
    story = Story().served("c1", number=ME).notes("c1", "solved", "solved")
    story.served("c2", number=YOU).notes("c2", "not-solved").at(3600).served("c3", number=YOU).notes("c3", "solved", "solved")
    found = story.counts(("queue", "front"))
    assert (found["noted"], found["solved"], found["first_noted"], found["first_solved"]) == (3, 2, 2, 1)
    assert found["resolved"] == 2
    assert found["resolved_ms"] == 60_000 + 3_600_000, "from the first contact of the matter to its solution"
    assert story.counts(("agent", "anna"))["solved"] == story.counts(("seat", "front\0anna"))["solved"] == 2


def test_a_later_outcome_replaces_the_one_before() -> None:
    story = Story().served("c1", number=ME).notes("c1", "sold", "solved", "sale").at(90).notes("c1", "not-solved", agent="boris")
    found = story.counts(("queue", "front"))
    assert [found[name] for name in ("noted", "solved", "sales", "first_noted", "first_solved", "resolved", "resolved_ms")] == [
        1, 0, 0, 1, 0, 0, 0]
    assert (story.counts(("agent", "anna"))["noted"], story.counts(("agent", "boris"))["noted"]) == (0, 1)
    assert story.notes("c9", "solved").counts(("queue", "front"))["noted"] == 1, "of a contact that nobody knows"


def test_a_later_outcome_replaces_the_one_of_another_queue() -> None:
    """A contact that two queues had: the office counts what was keyed last, each queue no more than that."""
    story = Story().calls("c1", number=ME).connects("c1", "anna").notes("c1", "sold", "solved", "sale").at(30)
    story.ends("c1", "anna", "moved").queues("c1", "billing", caller=f"key of {ME}").connects("c1", "boris", "billing").at(60)
    assert story.counts()["sales"] == story.counts(("queue", "front"))["sales"] == 1
    story.notes("c1", "solved", "solved", agent="boris").ends("c1", "boris", queue="billing")
    names = ("noted", "solved", "sales", "resolved")
    assert [story.counts(("queue", "front"))[name] for name in names] == [0, 0, 0, 0]
    assert [story.counts(("queue", "billing"))[name] for name in names] == [1, 1, 0, 1]
    assert [story.counts()[name] for name in names] == [1, 1, 0, 1]
    assert (story.counts(("agent", "anna"))["noted"], story.counts(("agent", "boris"))["noted"]) == (0, 1)


def test_what_is_solved_counts_where_its_call_does() -> None:
    story = Story().served("c1", number=ME).at(3600).served("c2", number=ME).notes("c2", "solved", "solved")
    for subject in (("queue", "front"), OFFICE):
        assert story.counts(subject, slot_of(T0))["resolved"] == 0 and story.counts(subject, slot_of(T0 + 3600))["resolved"] == 1


def test_outcomes_from_before_their_marks_were_noted() -> None:
    story = Story().served("c1").notes("c1", "sold")
    found = story.counts(("queue", "front"))
    assert (found["solved"], found["sales"], found["first_noted"]) == (1, 1, 0), "of a caller without a number nothing is first"


def test_what_callers_answered_counts_with_their_call() -> None:
    story = Story().at(880).calls("c1", number=ME).connects("c1", "anna").at(950).ends("c1", "anna").hangs_up("c1")
    story.tell(m.SurveyAsked(call="c1", contact="c1", survey="after", queue="front", agent="anna"))
    story.answers("c1", "happy", "csat", 4).answers("c1", "tell", "nps", 9).answers("c1", "easy", "ces", 6)
    story.answers("c1", "why", "comment", None)
    expected = {"survey_asked": 1, "survey_answered": 1, "csat_n": 1, "csat_good": 1, "nps_n": 1, "nps_up": 1, "ces_n": 1,
                "ces_sum": 6}
    for subject in (("queue", "front"), OFFICE, ("agent", "anna"), ("seat", "front\0anna")):
        found = story.counts(subject, FIRST)
        assert {name: found[name] for name in expected} == expected, subject
    assert story.counts(("queue", "front"), FIRST + 1).plain() == {}


def test_the_answer_given_last_counts() -> None:
    story = Story().served("c1").answers("c1", "tell", "nps", 3).answers("c1", "tell", "nps", 10)
    found = story.counts(("queue", "front"))
    assert [found[name] for name in ("nps_n", "nps_up", "nps_down", "survey_answered")] == [1, 1, 0, 1]


def test_an_answer_of_a_call_that_is_not_known_counts_where_it_came() -> None:
    story = Story().at(950).answers("c7", "happy", "csat", 1)
    assert story.counts(("queue", "front"), FIRST + 1).plain() == {"survey_answered": 1, "csat_n": 1}


def test_after_a_week_nothing_of_a_caller_is_remembered(tmp_path: Path) -> None:
    story = Story().served("c1", number=ME).served("c2", number=YOU).calls("c3", number=ME)
    with FiguresStore(tmp_path) as store:
        store.catch_up(Listed(story.records))
        with store._env.begin() as txn:
            assert txn.stat(store._shelved)["entries"] > 0
        story.at(8 * DAY).calls("c4")
        store.catch_up(Listed(story.records))
        with store._env.begin() as txn:
            assert txn.stat(store._shelved)["entries"] == 0


def test_what_is_remembered_is_the_same_whatever_the_batches(tmp_path: Path) -> None:
    story = Story()
    for n in range(12):
        number = (ME, YOU)[n % 2]
        story.at(n * DAY / 2).served(f"c{n}", number=number).notes(f"c{n}", "solved", "solved").answers(f"c{n}", "q", "csat", 5)
    kept = stores.BATCH
    for n, size in enumerate((1, 7, 5000)):
        stores.BATCH = size
        try:
            with FiguresStore(tmp_path / str(n)) as store:
                store.catch_up(Listed(story.records))
                for subject in (OFFICE, ("queue", "front"), ("agent", "anna")):
                    assert store.total(subject, 0, FIRST + 10_000) == story.counts(subject), (size, subject)
        finally:
            stores.BATCH = kept
