"""Quarter-hour sums: what single stories of callers and agents come to."""

from __future__ import annotations

import pytest

from appliance import messages as m
from appliance.figures.slots import SLOT, cover, slot_of, split
from tests.figureskit import T0, Story

FIRST = slot_of(T0)


def test_a_contact_counts_where_it_entered_the_queue_with_all_that_becomes_of_it() -> None:
    story = Story().at(890).calls("c1").at(915).rings("c1", "anna").connects("c1", "anna")
    story.at(1015).ends("c1", "anna").hangs_up("c1")
    entered = story.counts(("queue", "front"), FIRST).plain()
    assert entered == {"offered": 1, "answered": 1, "wait_ms": 25_000, "first_n": 1, "first_ms": 25_000, "handled": 1,
                       "talk_ms": 100_000, "rung": 1}
    assert story.counts(("queue", "front"), FIRST + 1).plain() == {}
    assert story.counts(("queue", "front")).spread("waits") == {25: 1}
    assert story.counts(("agent", "anna")).plain() == story.counts(("seat", "front\0anna")).plain()
    assert story.counts(("agent", "anna")).plain()["talk_ms"] == 100_000
    assert story.fold.state.contacts == {} and story.fold.state.calls == {} and story.fold.state.legs == {}


def test_who_hangs_up_has_abandoned_and_a_cut_line_is_no_other_thing() -> None:
    story = Story().calls("c1").calls("c2").at(4).leaves("c1").hangs_up("c1").at(40).leaves("c2", "cut").hangs_up("c2")
    assert story.queue() == {"offered": 2, "abandoned": 2, "gave_up_ms": 44_000}
    assert story.counts().spread("gave_up") == {4: 1, 40: 1}


def test_ways_out_that_were_chosen_are_no_abandons() -> None:
    story = Story()
    for n, (reason, target) in enumerate([("left", "voicemail:front"), ("max-wait", "voicemail:front"), ("left", ""),
                                          ("max-wait", "extension:101"), ("interrupted", "")]):
        story.at(n).calls(f"c{n}").at(n + 30).leaves(f"c{n}", reason, target)
    story.tell(m.VoicemailLeft(message="v", box="front", call="c0", seconds=3.0, sha256=""))
    story.tell(m.VoicemailLeft(message="w", box="front", call="c2", seconds=3.0, sha256=""))  # did not leave for a mailbox
    assert story.queue() == {"offered": 5, "to_voicemail": 2, "messages": 1, "pressed_out": 1, "overflowed": 1, "broken_off": 1}
    assert story.office() == story.queue()


def test_who_is_turned_away_at_the_door_was_not_offered() -> None:
    story = Story()
    for n, reason in enumerate(["closed", "full", "nobody-in", "all-on-break", "long-wait", "no-queue"]):
        story.leaves(f"c{n}", reason)
    assert story.queue() == {"turned_closed": 1, "turned_full": 1, "turned_nobody": 2, "turned_long": 1, "turned_otherwise": 1}


def test_a_queue_counts_each_stay_and_the_office_each_contact() -> None:
    story = Story().calls("c1").at(60).leaves("c1", "max-wait", "queue:back").queues("c1", "back")
    story.at(75).connects("c1", "anna", "back").at(100).ends("c1", "anna", queue="back").hangs_up("c1")
    assert story.queue() == {"offered": 1, "overflowed": 1}
    assert story.queue("back") == {"offered": 1, "answered": 1, "wait_ms": 15_000, "first_n": 1, "first_ms": 75_000, "handled": 1,
                                   "talk_ms": 25_000}
    assert story.office() == {"offered": 1, "answered": 1, "wait_ms": 75_000, "first_n": 1, "first_ms": 75_000, "handled": 1,
                              "talk_ms": 25_000}


def test_hold_is_taken_from_the_talk_and_only_while_an_agent_has_the_contact() -> None:
    story = Story().calls("c1")
    story.at(2).tell(m.LegHeld(leg="c1-1")).at(10).connects("c1", "anna").at(15).tell(m.LegResumed(leg="c1-1"))
    story.at(30).tell(m.LegHeld(leg="c1-1")).at(50).tell(m.LegHeld(leg="c1-1")).at(70).ends("c1", "anna")
    found = story.queue()
    assert (found["hold_ms"], found["talk_ms"]) == (45_000, 15_000)  # 5 s of the hold before, 40 s to the end
    assert story.counts(("agent", "anna")).plain()["held_ms"] == 45_000


def test_a_contact_that_is_passed_on_is_each_agents_own_talk() -> None:
    story = Story().calls("c1").at(10).connects("c1", "anna")
    story.at(40).tell(m.CallTransferred(call="c1", by_leg="c1-2", kind="attended", target="102"),
                      m.ContactHandedOver(at=story.now, contact="c1", agent="anna", to="boris", queue="front"))
    story.at(100).ends("c1", "boris").hangs_up("c1")
    anna, boris = (story.counts(("agent", each)).plain() for each in ("anna", "boris"))
    assert (anna["talk_ms"], anna["handled"], anna["passed"], anna["passed_attended"]) == (30_000, 1, 1, 1)
    assert (boris["talk_ms"], boris["handled"], boris.get("passed")) == (60_000, 1, None)
    found = story.queue()
    assert (found["talk_ms"], found["handled"], found["passed"], found["passed_attended"]) == (90_000, 1, 1, 1)


@pytest.mark.parametrize("to", ["boris", ""])
def test_who_leaves_a_conference_has_passed_on_after_asking(to: str) -> None:
    """Blind and attended are all that is passed on."""
    story = Story().calls("c1").at(10).connects("c1", "anna")
    story.at(40).tell(m.CallConferenced(call="c1", by_leg="c1-2", target="102"))
    story.at(60).tell(m.ContactHandedOver(at=story.now, contact="c1", agent="anna", to=to, queue="front"))
    for each in (story.queue(), story.office(), story.counts(("agent", "anna")).plain()):
        assert (each["passed"], each["passed_attended"], each.get("passed_blind")) == (1, 1, None)


def test_a_transfer_after_a_conference_says_itself_how() -> None:
    story = Story().calls("c1").at(10).connects("c1", "anna")
    story.at(40).tell(m.CallConferenced(call="c1", by_leg="c1-2", target="102"),
                      m.CallTransferred(call="c1", by_leg="c1-2", kind="blind", target="103"),
                      m.ContactHandedOver(at=story.now, contact="c1", agent="anna", queue="front"))
    assert (story.queue()["passed"], story.queue()["passed_blind"], story.queue().get("passed_attended")) == (1, 1, None)


def test_what_is_done_after_a_caller_who_was_passed_on_is_of_no_queue() -> None:
    """The queue counts no conversation of it either; the agent's own time it is all the same."""
    story = Story().calls("c1").tell(m.AgentStateChanged(at=T0, agent="anna", state="ready", before="logged-out"))
    story.at(5).connects("c1", "anna").at(20).ends("c1", "anna")
    for at, state, before, asked in (
        (20, "wrap-up", "on-contact", {}), (30, "dialling-out", "wrap-up", {}),
        (50, "wrap-up", "dialling-out", {"type": "DialEnded", "agent": "anna", "queue": "front", "contact": "c0"}),
        (75, "ready", "wrap-up", {}),
    ):
        story.at(at).tell(m.AgentStateChanged(at=story.now, agent="anna", state=state, before=before, asked=asked))  # type: ignore[arg-type]
    assert story.queue()["wrap_ms"] == 10_000
    assert story.counts(("agent", "anna")).plain()["wrapping_ms"] == 35_000


def test_the_kind_of_a_transfer_may_be_told_after_it() -> None:
    story = Story().calls("c1").at(5).connects("c1", "anna")
    story.at(9).tell(m.ContactHandedOver(at=story.now, contact="c1", agent="anna", queue="front"))
    story.tell(m.CallTransferred(call="c1", by_leg="c1-2", kind="blind", target="103"))
    assert story.queue()["passed_blind"] == story.office()["passed_blind"] == 1


def test_taken_to_another_queue_from_a_conversation_is_passed_on() -> None:
    story = Story().calls("c1").at(5).connects("c1", "anna").at(20).ends("c1", "anna", "moved").queues("c1", "back")
    story.at(50).leaves("c1", queue="back")
    assert story.queue()["passed"] == 1 and story.queue()["handled"] == 1
    assert story.queue("back")["abandoned"] == 1
    assert "abandoned" not in story.office()  # somebody had answered


def test_an_agent_who_goes_before_the_two_are_joined_passes_nothing_on() -> None:
    story = Story().calls("c1").at(5).connects("c1", "anna").ends("c1", "anna", "moved").queues("c1", since=T0)
    story.at(30).connects("c1", "boris").at(60).ends("c1", "boris")
    found = story.queue()
    assert (found["offered"], found["answered"], found["handled"], found.get("passed")) == (1, 1, 1, None)


def test_a_callback_is_no_answer_of_the_queue_and_is_handled_all_the_same() -> None:
    story = Story().calls("c1").at(30).tell(m.CallbackRequested(at=story_at(30), contact="c1", queue="front", since=T0))
    story.hangs_up("c1")
    story.at(600).tell(m.CallbackAttempted(at=story.now, contact="c1", queue="front", attempt=1, agent="anna"))
    story.at(630).tell(m.CallbackClosed(at=story.now, contact="c1", queue="front", reason="reached")).connects("c1", "anna")
    story.at(700).ends("c1", "anna")
    assert story.queue() == {"offered": 1, "to_callback": 1, "cb_requested": 1, "cb_attempts": 1, "cb_reached": 1,
                             "cb_ms": 600_000, "first_n": 1, "first_ms": 630_000, "handled": 1, "talk_ms": 70_000}
    assert story.fold.state.contacts == {}


def story_at(seconds: float) -> float:
    return T0 + seconds


def test_callbacks_end_in_their_own_ways() -> None:
    story = Story()
    for n, reason in enumerate(["expired", "attempts", "cancelled", "called-again"]):
        story.queues(f"c{n}").tell(m.CallbackRequested(at=story.now, contact=f"c{n}", queue="front", since=T0))
        story.tell(m.CallbackClosed(at=story.now, contact=f"c{n}", queue="front", reason=reason))  # type: ignore[arg-type]
    found = story.queue()
    assert [found[f"cb_{name}"] for name in ("expired", "given_up", "cancelled", "called_again")] == [1, 1, 1, 1]


def test_agents_time_counts_when_it_was_spent() -> None:
    story = Story().at(600).agent("anna", "ready", "logged-out").at(1200).agent("anna", "break", "ready", "short")
    story.at(1300).agent("anna", "logged-out", "break")
    assert story.counts(("agent", "anna"), FIRST).plain() == {"ready_ms": 300_000}
    assert story.counts(("agent", "anna"), FIRST + 1).plain() == {"ready_ms": 300_000, "break_ms": 100_000}
    assert story.fold.state.agents == {}


def test_breaks_that_are_not_paid_are_counted_apart() -> None:
    """By the configuration that holds when the break ends; an earlier release did not tell, and had the usual ones."""

    def breaks(*told: m.Event) -> tuple[int, int]:
        story = Story().tell(*told).agent("anna", "break", "logged-out", "lunch").at(100).agent("anna", "break", "break", "yoga")
        story.at(130).agent("anna", "ready", "break").at(140).agent("anna", "break", "ready", "short").at(150)
        found = story.agent("anna", "logged-out", "break").counts(("agent", "anna"))
        assert story.counts()["unpaid_ms"] == found["unpaid_ms"]
        return found["break_ms"], found["unpaid_ms"]

    assert breaks() == (140_000, 100_000)
    assert breaks(m.AcdConfigured(at=T0, version=1, unpaid=["yoga", "short"])) == (140_000, 40_000)
    assert breaks(m.AcdConfigured(at=T0, version=1, unpaid=[])) == (140_000, 0)


def test_after_call_work_is_the_agents_and_the_contacts() -> None:
    story = Story().agent("anna", "ready", "logged-out").calls("c1").at(890).connects("c1", "anna")
    story.agent("anna", "on-contact", "ready", "c1").at(895).ends("c1", "anna").agent("anna", "wrap-up", "on-contact", "c1")
    story.at(900).agent("anna", "wrap-up", "wrap-up", "c1").at(925).agent("anna", "ready", "wrap-up")
    assert story.queue()["wrap_ms"] == story.office()["wrap_ms"] == 30_000
    assert story.counts(("agent", "anna"), FIRST + 1).plain()["wrapping_ms"] == 25_000


def test_nobody_works_while_the_box_is_off() -> None:
    story = Story().agent("anna", "ready", "logged-out").at(100).tell(m.BoxStopped())
    story.at(5000).tell(m.BoxStarted(version="1", clean=True)).at(5010).agent("anna", "logged-out", "ready")
    assert story.counts(("agent", "anna")).plain() == {"ready_ms": 110_000}


def test_a_clock_that_was_wrong_by_years_fills_no_years() -> None:
    story = Story().agent("anna", "ready", "logged-out").at(20 * 365 * 86_400).agent("anna", "break", "ready")
    assert story.counts(("agent", "anna")).plain() == {"ready_ms": 40 * 86_400_000}


def test_what_an_agent_is_doing_now_is_told_and_not_remembered() -> None:
    story = Story().agent("anna", "ready", "logged-out").at(10).calls("c1")
    found = story.fold.still(T0 + 60)
    assert sum(sum(sums.values()) for (subject, _), sums in found.items() if subject == ("agent", "anna")) == 60_000
    assert story.fold.still(T0 + 60) == found


def test_campaigns_count_when_the_attempt_began() -> None:
    story = Story().at(899).tell(
        m.AttemptStarted(campaign=7, subscriber=1, attempt=2, call="c1", leg="l1", line="gateway"))
    story.at(950).tell(
        m.AttemptEnded(campaign=7, subscriber=1, attempt=2, call="c1", outcome="hung_up", seconds_heard=4.5))
    assert story.counts(("campaign", "7"), FIRST).plain() == {"dialled": 1, "retries": 1, "out_hung_up": 1, "early_ms": 4500}


def test_calls_without_a_line_are_blocked() -> None:
    story = Story()
    story.tell(m.LegOpened(call="c1", leg="l1", direction="in", kind="line", endpoint="gateway"),
               m.LegEnded(leg="l1", cause=m.Cause(sip=503, by="near")), m.CallEnded(call="c1", disposition="failed"))
    story.tell(m.LegOpened(call="c2", leg="l2", direction="in", kind="phone", endpoint="101"),
               m.CallReached(call="c2", target="excuse:line:busy"), m.CallEnded(call="c2", disposition="failed"))
    story.tell(m.LegOpened(call="c3", leg="l3", direction="in", kind="line", endpoint="gateway"),
               m.LegEnded(leg="l3", cause=m.Cause(sip=486)), m.CallEnded(call="c3", disposition="busy"))
    assert story.office() == {"blocked": 2}


def test_a_period_is_covered_by_days_hours_and_quarters_each_moment_once() -> None:
    for first, end in ((0, 96), (1, 95), (5, 400), (7, 8), (8, 8), (3, 12), (95, 97), (96, 192)):
        units = [slot for level, low, high in cover(first, end) for number in range(low, high)
                 for slot in range(number * (1, 4, 96)[level], (number + 1) * (1, 4, 96)[level])]
        assert units == list(range(first, end))
    assert list(cover(0, 96)) == [(2, 0, 1)]


def test_a_span_of_time_is_split_without_losing_a_millisecond() -> None:
    parts = list(split(T0 + 0.0005, T0 + 2 * SLOT + 1.25))
    assert [slot for slot, _ in parts] == [FIRST, FIRST + 1, FIRST + 2]
    assert sum(ms for _, ms in parts) == 2 * SLOT * 1000 + 1250
    assert list(split(T0, T0)) == list(split(T0 + 1, T0)) == []
