"""Waiting: doors, limits, places that are kept, wrap-up; and what does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from appliance import _core as acd
from appliance.acd.rules import AgentRules, Member, QueueRules
from tests.unit.test_acd_strategies import Desk, offered


def left(actions: list[acd.Action]) -> list[tuple[str, str, str]]:
    return [(a.contact, a.reason, a.target) for a in actions if isinstance(a, acd.Leave)]


def denied(actions: list[acd.Action]) -> list[str]:
    return [a.reason for a in actions if isinstance(a, acd.Denied)]


@pytest.mark.parametrize(
    "rules, reason",
    [({"enter_when_nobody_in": False}, "nobody-in"), ({"max_waiting": 1}, "full")],
)
def test_turned_away_at_the_door(rules: dict[str, Any], reason: str) -> None:
    desk = Desk(overflow="voicemail:q", **rules)
    if reason == "full":
        desk.enter()
    assert left(desk.do(acd.Enter("x", "q"))) == [("x", reason, "voicemail:q")]
    assert desk.core.contact("x") is None


def test_turned_away_where_all_are_on_a_break_to_the_target_of_that_reason() -> None:
    desk = Desk(enter_when_all_on_break=False, targets={"all-on-break": "extension:102"})
    desk.do(acd.SignIn("anna", False))
    assert left(desk.do(acd.Enter("x", "q"))) == [("x", "all-on-break", "extension:102")]


def test_turned_away_where_the_expected_wait_is_too_long() -> None:
    desk = Desk(agents={"anna": {}}, max_expected_wait_seconds=300.0, handling_seconds=200.0)
    desk.sign_in("anna")
    desk.enter()
    assert desk.enter()[1] == [] and desk.core.queue("q").waiting == 2  # type: ignore[union-attr]
    assert left(desk.do(acd.Enter("x", "q")))[0][1] == "long-wait"


@pytest.mark.parametrize("rules", [{"max_waiting": 1}, {"max_expected_wait_seconds": 1.0, "handling_seconds": 500.0}, {}])
def test_whose_agent_goes_before_they_talk_is_back_in_the_queue_whatever_its_door_says(rules: dict[str, Any]) -> None:
    """The agent hangs up while being told of which queue it is; others wait meanwhile, or it is closing time."""
    desk = Desk(agents={"anna": {}}, **rules)
    desk.sign_in("anna")
    contact, rung = desk.enter(priority=3)
    desk.do(acd.Answer(contact, rung[0]))
    desk.do(acd.Break("anna", "lunch"))
    if "max_expected_wait_seconds" not in rules:
        desk.enter()
    if not rules:
        desk.do(acd.SwitchQueue("q", False, "hours"))
    assert not denied(desk.do(acd.Move(contact, "q", keep=True, priority=3)))
    view = desk.core.contact(contact)
    assert view is not None and view.state == "waiting" and view.priority == 3 and desk.core.position(contact) == 1
    assert denied(desk.do(acd.Move(contact, "q", keep=False))) == (["full"] if "max_waiting" in rules else
                                                                   ["long-wait"] if rules else ["closed"])


def test_the_longest_wait_ends_in_overflow() -> None:
    desk = Desk(max_wait_seconds=60.0, overflow="voicemail:q")
    contact, _ = desk.enter()
    assert left(desk.do(acd.Tick(), 60.0)) == [(contact, "max-wait", "voicemail:q")]


def test_who_waits_leaves_with_the_last_agent_where_the_queue_says_so() -> None:
    desk = Desk(agents={"anna": {}}, stay_when_nobody_in=False, overflow="voicemail:q")
    desk.do(acd.SignIn("anna", False))
    contact, _ = desk.enter()
    assert left(desk.do(acd.SignOut("anna"))) == [(contact, "nobody-in", "voicemail:q")]


@pytest.mark.parametrize("tried", [False, True])
def test_a_callback_does_not_expire_while_none_are_made(tried: bool) -> None:
    """A wish of Friday evening is there on Monday; with open hours its time runs out."""
    desk = Desk(agents={"anna": {}}, callback_expiry_seconds=3600.0, callback_retry_seconds=60.0)
    desk.do(acd.Enter("wish", "q", "callback", virtual=True))
    if tried:
        desk.sign_in("anna")
        desk.do(acd.Answer("wish", "anna"))
        desk.do(acd.Unreached("wish", "busy"))
        desk.do(acd.SignOut("anna"))
    desk.do(acd.SwitchQueue("q", False, "hours"))
    closed = [a for _ in range(50) for a in desk.do(acd.Tick(), 1800.0)]
    assert not [a for a in closed if isinstance(a, acd.CallbackClosed)] and desk.core.position("wish") == 1
    desk.do(acd.SwitchQueue("q", True, "hours"))
    late = [a for a in desk.do(acd.Tick(), 7200.0) if isinstance(a, acd.CallbackClosed)]
    assert [(a.contact, a.reason) for a in late] == [("wish", "expired")]


def test_a_callback_keeps_its_place_and_its_turn() -> None:
    desk = Desk(agents={"anna": {}}, callback_attempts=2, callback_retry_seconds=30.0)
    first, _ = desk.enter(caller="k1")
    second, _ = desk.enter()
    desk.do(acd.KeepPlace(first))
    assert (desk.core.position(first), desk.core.position(second)) == (1, 2)
    assert offered(desk.do(acd.SignIn("anna"))) == ["anna"]
    dialled = desk.do(acd.Answer(first, "anna"))
    assert any(isinstance(a, acd.DialCustomer) and a.attempt == 1 for a in dialled)
    missed = desk.do(acd.Unreached(first, "busy"))
    assert any(isinstance(a, acd.RetryLater) and a.again == desk.now + 30.0 for a in missed)
    assert offered(missed, second) == ["anna"]
    assert desk.core.position(first) == 1


def test_a_callback_that_calls_the_customer_first() -> None:
    desk = Desk(agents={"anna": {}}, callback_first="customer")
    first, _ = desk.enter()
    desk.do(acd.KeepPlace(first))
    dialled = desk.do(acd.SignIn("anna"))
    assert any(isinstance(a, acd.DialCustomer) and a.agent == "anna" for a in dialled)
    assert desk.core.agent("anna").state == "reserved"  # type: ignore[union-attr]
    assert offered(desk.do(acd.Reached(first)), first) == ["anna"]
    assert any(isinstance(a, acd.Connect) for a in desk.do(acd.Answer(first, "anna")))


def test_a_virtual_caller_who_rings_again_has_the_place_once() -> None:
    desk = Desk()
    first, _ = desk.enter(caller="k1")
    desk.enter()
    desk.do(acd.KeepPlace(first))
    again, _ = desk.enter(caller="k1")
    assert desk.core.contact(first) is None
    assert desk.core.position(again) == 1


def test_who_was_cut_off_has_the_old_place_again_but_not_for_ever() -> None:
    desk = Desk(reclaim_seconds=60.0)
    first, _ = desk.enter(caller="k1")
    second, _ = desk.enter(caller="k2")
    desk.enter()
    desk.do(acd.HangUp(first, "cut"))
    again, _ = desk.enter(caller="k1")
    assert desk.core.position(again) == 1
    desk.do(acd.HangUp(second, "cut"))
    desk.do(acd.Tick(), 61.0)
    late, _ = desk.enter(caller="k2")
    assert desk.core.position(late) == 3


def test_wrap_up_is_extended_by_the_agent_and_ended_by_nobody_else() -> None:
    desk = Desk(agents={"anna": {}}, wrap_up_seconds=20.0)
    desk.sign_in("anna")
    contact, _ = desk.enter()
    desk.do(acd.Answer(contact, "anna"))
    desk.do(acd.HangUp(contact))
    desk.do(acd.Extend("anna", 30.0))
    waiting, rung = desk.enter()
    desk.do(acd.Dial("anna"))
    desk.do(acd.DialEnded("anna"), 5.0)
    assert rung == [] and offered(desk.do(acd.Tick(), 40.0)) == []
    assert offered(desk.do(acd.Tick(), 10.0)) == ["anna"] and waiting


def test_a_closed_queue_lets_nobody_in_and_callbacks_wait() -> None:
    desk = Desk(agents={"anna": {}}, targets={"closed": "voicemail:night"})
    first, _ = desk.enter()
    desk.do(acd.KeepPlace(first))
    desk.do(acd.SwitchQueue("q", False, "night"))
    assert left(desk.do(acd.Enter("x", "q"))) == [("x", "closed", "voicemail:night")]
    assert offered(desk.do(acd.SignIn("anna"))) == []
    assert offered(desk.do(acd.SwitchQueue("q", True))) == ["anna"]


# ---- what does not fit -----------------------------------------------------------------------------------------------


def test_an_unknown_agent_is_refused() -> None:
    assert denied(Desk().do(acd.SignIn("nobody"))) == ["unknown-agent"]


def test_signing_in_twice_is_refused() -> None:
    desk = Desk()
    desk.sign_in("anna")
    assert denied(desk.do(acd.SignIn("anna"))) == ["state"]


def test_a_phone_that_vanishes_while_it_rings_passes_the_caller_on() -> None:
    desk = Desk(strategy="linear")
    desk.sign_in()
    contact, _ = desk.enter()
    assert offered(desk.do(acd.PhoneLost("anna")), contact) == ["boris"]
    assert desk.core.agent("anna").state == "not-answering"  # type: ignore[union-attr]
    assert denied(desk.do(acd.Answer(contact, "anna"))) == ["not-offered"]


def test_a_phone_that_is_back_is_rung_for_the_caller_who_still_waits() -> None:
    """Not the whole time that is given to somebody who refused."""
    desk = Desk(agents={"anna": {}}, retry_seconds=20.0)
    desk.sign_in("anna")
    contact, rung = desk.enter()
    assert rung == ["anna"]
    desk.do(acd.Unreachable(contact, "anna"))
    desk.do(acd.PhoneBack("anna"), 1.0)
    assert offered(desk.do(acd.Tick(), 2.0), contact) == ["anna"]


@pytest.mark.parametrize("back", ["talking", "wrapping up"])
def test_a_phone_that_is_back_before_the_work_is_over_leaves_its_agent_ready(back: str) -> None:
    desk = Desk(wrap_up_seconds=10.0)
    desk.sign_in("anna")
    contact, _ = desk.enter()
    desk.do(acd.Answer(contact, "anna"))
    desk.do(acd.PhoneLost("anna"))
    assert denied(desk.do(acd.PhoneLost("anna"))) == ["already"]
    if back == "talking":
        assert denied(desk.do(acd.PhoneBack("anna"))) == []
    desk.do(acd.HangUp(contact))
    if back == "wrapping up":
        assert denied(desk.do(acd.PhoneBack("anna"))) == []
    assert denied(desk.do(acd.PhoneBack("anna"))) == ["not-lost"]
    desk.do(acd.Tick(), 12.0)
    assert desk.core.agent("anna").state == "ready"  # type: ignore[union-attr]


def test_a_phone_lost_meanwhile_does_not_undo_the_break_asked_for() -> None:
    desk = Desk()
    desk.sign_in("anna")
    contact, _ = desk.enter()
    desk.do(acd.Answer(contact, "anna"))
    desk.do(acd.Break("anna", "lunch"))
    desk.do(acd.PhoneLost("anna"))
    desk.do(acd.HangUp(contact))
    assert desk.core.agent("anna").state == "break"  # type: ignore[union-attr]


@pytest.mark.parametrize(("before", "after"), [("ready", "ready"), ("break", "break"), ("wrap-up", "ready")])
def test_after_a_caller_who_was_passed_on_there_is_the_queues_wrap_up(before: str, after: str) -> None:
    """And then what was to follow the call; of a wrap-up that it had interrupted the longer counts."""
    desk = Desk(wrap_up_seconds=10.0)
    desk.sign_in("anna")
    if before == "break":
        desk.do(acd.Break("anna", "lunch"))
    elif before == "wrap-up":
        contact, _ = desk.enter()
        desk.do(acd.Answer(contact, "anna"))
        desk.do(acd.HangUp(contact))
        desk.do(acd.Extend("anna", 20.0))
    desk.do(acd.Dial("anna"))
    desk.do(acd.DialEnded("anna", "q", "passed", "key"), 3.0)
    view = desk.core.agent("anna")
    assert view is not None and (view.state, view.reason) == ("wrap-up", "passed")
    left = 28.0 if before == "wrap-up" else 10.0
    assert view.until - desk.core.snapshot()["now"] == left
    desk.do(acd.Tick(), left)
    assert desk.core.agent("anna").state == after  # type: ignore[union-attr]


@pytest.mark.parametrize("queue", ["", "q"])
def test_the_last_wish_counts_after_a_call_of_ones_own(queue: str) -> None:
    """A break that was asked for during a contact, and ready in the call after it: there is no break, then or after the next."""
    desk = Desk(wrap_up_seconds=10.0)
    desk.sign_in("anna")
    contact, _ = desk.enter()
    desk.do(acd.Answer(contact, "anna"))
    desk.do(acd.Break("anna", "lunch"))
    desk.do(acd.HangUp(contact))
    desk.do(acd.Dial("anna"))
    desk.do(acd.Ready("anna"))
    desk.do(acd.DialEnded("anna", queue))
    view = desk.core.agent("anna")
    assert view is not None and (view.state, view.pending) == ("wrap-up" if queue else "ready", "")
    desk.do(acd.Tick(), 10.0)
    assert desk.core.agent("anna").state == "ready"  # type: ignore[union-attr]


def test_after_a_caller_of_a_queue_that_is_gone_or_has_none_there_is_no_wrap_up() -> None:
    desk = Desk(wrap_up_seconds=0.0)
    desk.sign_in("anna")
    for queue in ("q", "gone"):
        desk.do(acd.Dial("anna"))
        desk.do(acd.DialEnded("anna", queue, "passed"))
        assert desk.core.agent("anna").state == "ready"  # type: ignore[union-attr]


def test_who_hangs_up_and_has_no_number_is_not_promised_a_call() -> None:
    desk = Desk(members=[], callback_after_hangup_seconds=20.0)
    known, _ = desk.enter(caller="key")
    hidden, _ = desk.enter()
    kept = desk.do(acd.HangUp(known), 30.0)
    assert [type(action) for action in kept] == [acd.KeptPlace]
    assert left(desk.do(acd.HangUp(hidden))) == [(hidden, "abandoned", "")]


def test_a_queue_without_agents_keeps_to_its_longest_wait_and_cannot_be_estimated() -> None:
    desk = Desk(members=[], max_wait_seconds=30.0)
    contact, rung = desk.enter()
    assert rung == [] and desk.core.estimate(contact) is None
    assert left(desk.do(acd.Tick(), 30.0))[0][1] == "max-wait"


def test_an_unknown_queue_and_a_contact_that_is_here_are_refused() -> None:
    desk = Desk()
    assert denied(desk.do(acd.Enter("x", "nowhere"))) == ["unknown-queue"]
    contact, _ = desk.enter()
    assert denied(desk.do(acd.Enter(contact, "q"))) == ["known-contact"]


@pytest.mark.parametrize("now", [float("nan"), float("inf")])
def test_a_time_that_is_none_is_an_error(now: float) -> None:
    with pytest.raises(ValueError, match="not a time"):
        acd.Acd().step(now, acd.Tick())


def test_time_never_runs_backwards() -> None:
    desk = Desk()
    assert [a.at for a in desk.core.step(1.0, acd.SignIn("anna"))] == [desk.now]


@pytest.mark.parametrize(
    "queue",
    [
        QueueRules(name="q", members=[Member(agent="nobody")]),
        QueueRules(name="q", members=[Member(agent="anna"), Member(agent="anna")]),
        QueueRules(name="q", ring_seconds=0.0),
        QueueRules(name="q", wrap_up_seconds=float("nan")),
        QueueRules(name="q", skills={"billing": 0}),
    ],
)
def test_rules_that_make_no_sense_change_nothing(queue: QueueRules) -> None:
    desk = Desk()
    before = desk.core.snapshot()
    with pytest.raises(ValueError):
        desk.core.configure([queue], [AgentRules(id="anna")], desk.now)
    assert desk.core.snapshot() == before


def test_a_new_configuration_drops_nobody() -> None:
    desk = Desk()
    desk.sign_in("anna")
    talking, _ = desk.enter()
    desk.do(acd.Answer(talking, "anna"))
    waiting, _ = desk.enter()
    members = [Member(agent="boris")]
    desk.core.configure([QueueRules(name="q", members=members)], [AgentRules(id="boris")], desk.now)
    assert desk.core.position(waiting) == 1
    assert desk.core.agent("anna").pending == "logged-out"  # type: ignore[union-attr]
    desk.do(acd.HangUp(talking))
    desk.do(acd.Tick(), 60.0)
    assert desk.core.agent("anna") is None
    assert offered(desk.do(acd.SignIn("boris")), waiting) == ["boris"]


def test_a_queue_that_is_gone_sends_its_callers_where_it_overflowed() -> None:
    desk = Desk(overflow="voicemail:q")
    contact, _ = desk.enter()
    actions = desk.core.configure([], [AgentRules(id="anna")], desk.now)
    assert left(actions) == [(contact, "no-queue", "voicemail:q")]


def test_who_alone_can_take_it_and_missed_it_is_rung_again_after_a_breath() -> None:
    desk = Desk(strategy="ring-all", ring_seconds=15.0, retry_seconds=20.0, miss_limit=0)
    desk.sign_in("anna", "boris")
    contact, rung = desk.enter()
    assert sorted(rung) == ["anna", "boris"]
    assert offered(desk.do(acd.Tick(), 15.0)) == []
    assert offered(desk.do(acd.Tick(), 2.9)) == []
    assert sorted(offered(desk.do(acd.Tick(), 0.1), contact)) == ["anna", "boris"]


def test_who_missed_it_rests_while_another_can_be_asked() -> None:
    desk = Desk(strategy="linear", ring_seconds=5.0, retry_seconds=60.0, miss_limit=0)
    desk.sign_in("anna", "boris")
    contact, rung = desk.enter()
    assert rung == ["anna"]
    assert offered(desk.do(acd.Tick(), 9.9), contact) == ["boris"]
    assert offered(desk.do(acd.Tick(), 0.1)) == []
    assert offered(desk.do(acd.Tick(), 3.0), contact) == ["anna"]


def test_who_refused_it_is_left_in_peace_though_nobody_else_is_there() -> None:
    desk = Desk(agents={"anna": {}}, retry_seconds=20.0)
    desk.sign_in("anna")
    contact, _ = desk.enter()
    assert offered(desk.do(acd.Refuse(contact, "anna"))) == []
    assert offered(desk.do(acd.Tick(), 19.9)) == []
    assert offered(desk.do(acd.Tick(), 0.1), contact) == ["anna"]
