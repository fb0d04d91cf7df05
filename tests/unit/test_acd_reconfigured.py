"""The office is edited while it works: who waits, rings or talks stays, and the new rules hold."""

from __future__ import annotations

from typing import Any

import msgspec

from appliance import _core as acd
from appliance.acd.rules import AgentRules, Member, QueueRules
from tests.unit.test_acd_rules_of_waiting import left
from tests.unit.test_acd_strategies import Desk, offered


def queue(name: str = "q", *members: str, **rules: Any) -> QueueRules:
    return QueueRules(
        name=name, members=[Member(agent=each) for each in members], wrap_up_seconds=rules.pop("wrap", 0.0), **rules
    )


def change(desk: Desk, *queues: QueueRules, agents: tuple[str, ...] = ("anna", "boris", "chen")) -> list[acd.Action]:
    people = [AgentRules(id=name, skills={"billing": 1}) for name in agents]
    desk.rules = (list(queues), people)  # type: ignore[attr-defined]
    return desk.core.configure(*desk.rules, desk.now)  # type: ignore[attr-defined]


def restored(desk: Desk) -> acd.Acd:
    data = msgspec.msgpack.decode(msgspec.msgpack.encode(desk.core.snapshot()))
    return acd.Acd.restore(data, *desk.rules)  # type: ignore[attr-defined]


def test_who_waits_goes_where_a_queue_that_is_gone_overflowed() -> None:
    desk = Desk(overflow="voicemail:q")
    contact, _ = desk.enter()
    assert left(change(desk, queue("other"))) == [(contact, "no-queue", "voicemail:q")]
    assert desk.core.contact_ids() == []


def test_callbacks_of_a_queue_that_is_gone_are_closed_for_that_reason() -> None:
    desk = Desk()
    contact, _ = desk.enter(caller="key")
    desk.do(acd.KeepPlace(contact))
    closed = [action for action in change(desk, queue("other")) if isinstance(action, acd.CallbackClosed)]
    assert [(action.contact, action.reason) for action in closed] == [(contact, "no-queue")]
    assert desk.core.contact_ids() == []


def test_who_loses_the_agent_does_not_overtake_who_came_before() -> None:
    """Anna is rung for the second caller when she is taken out; Boris, new in the queue, goes to the first."""
    desk = Desk(members=[Member(agent="anna")], retry_seconds=60.0)
    desk.sign_in()
    first, _ = desk.enter()
    desk.do(acd.Refuse(first, "anna"))
    second, rung = desk.enter()
    assert rung == ["anna"]
    actions = change(desk, queue("q", "boris"), agents=("boris", "chen"))
    assert offered(actions, first) == ["boris"] and offered(actions, second) == []


def test_wrap_up_lasts_though_the_agent_is_configured_no_more() -> None:
    desk = Desk(wrap_up_seconds=30.0)
    desk.sign_in("anna")
    desk.serve()
    change(desk, queue("q", "boris"), agents=("boris",))
    assert desk.core.agent("anna").state == "wrap-up"  # type: ignore[union-attr]
    desk.do(acd.Tick(), 30.0)
    assert desk.core.agent("anna") is None


def test_who_is_configured_no_more_is_signed_out_after_the_call_and_can_do_nothing_else() -> None:
    desk = Desk()
    desk.sign_in("anna")
    contact, _ = desk.enter()
    desk.do(acd.Answer(contact, "anna"))
    change(desk, queue("q", "boris"), agents=("boris",))
    for event in (acd.Ready("anna"), acd.Break("anna"), acd.PhoneLost("anna")):
        assert isinstance(desk.do(event)[0], acd.Denied)
    desk.do(acd.HangUp(contact))
    assert desk.core.agent("anna") is None


def test_the_last_agent_taken_out_of_a_queue_sends_those_away_who_may_not_stay() -> None:
    desk = Desk(agents={"anna": {}}, stay_when_nobody_in=False, overflow="voicemail:q")
    desk.do(acd.SignIn("anna", False))
    contact, _ = desk.enter()
    actions = change(desk, queue("q", stay_when_nobody_in=False, overflow="voicemail:q"))
    assert left(actions) == [(contact, "nobody-in", "voicemail:q")]


def test_skills_do_not_fall_at_once_where_they_fell_with_time() -> None:
    desk = Desk(agents={"anna": {}}, skills={"billing": 5}, relax_seconds=60.0)
    desk.sign_in("anna")
    contact, _ = desk.enter()
    change(desk, queue("q", "anna", skills={"billing": 5}))
    assert offered(desk.do(acd.Tick(), 600.0)) == []
    change(desk, queue("q", "anna", skills={"billing": 5}, relax_seconds=300.0))
    assert offered(desk.do(acd.Tick(), 590.0)) == []
    assert offered(desk.do(acd.Tick(), 20.0), contact) == ["anna"]


def test_a_queue_made_progressive_adds_agents_for_who_waits() -> None:
    desk = Desk(strategy="linear")
    desk.sign_in()
    contact, rung = desk.enter()
    assert rung == ["anna"]
    change(desk, queue("q", "anna", "boris", "chen", strategy="progressive", step_seconds=4.0))
    assert offered(desk.do(acd.Tick(), 4.0), contact) == ["boris"]


def test_a_preferred_agent_who_leaves_the_queue_is_waited_for_no_more() -> None:
    desk = Desk(sticky_seconds=600.0)
    desk.sign_in("anna")
    desk.do(acd.Dial("anna"))
    contact, _ = desk.enter(sticky="anna")
    desk.sign_in("boris")
    assert offered(change(desk, queue("q", "boris", sticky_seconds=600.0)), contact) == ["boris"]


def test_a_callback_being_rung_when_the_customer_shall_be_called_first_goes_on_ringing() -> None:
    desk = Desk(parallel=2, callback_first="agent")
    desk.sign_in("anna")
    contact = "c"
    assert offered(desk.do(acd.Enter(contact, "q", virtual=True, channel="callback"))) == ["anna"]
    desk.sign_in("boris", "chen")
    change(desk, queue("q", "anna", "boris", "chen", parallel=3, callback_first="customer"))
    assert desk.core.contact(contact).state == "offered"  # type: ignore[union-attr]
    actions = desk.do(acd.Tick(), 60.0)
    assert any(isinstance(action, acd.DialCustomer) for action in actions)


def test_a_queue_that_comes_back_has_its_conversations_again() -> None:
    desk = Desk()
    desk.sign_in("anna")
    contact, _ = desk.enter()
    desk.do(acd.Answer(contact, "anna"))
    change(desk, queue("other", "anna"))
    change(desk, queue("q", "anna", wrap=50.0))
    assert desk.core.queue("q").talking == 1  # type: ignore[union-attr]
    twin = restored(desk)
    hang_up = acd.HangUp(contact)
    desk.now += 1.0
    assert twin.step(desk.now, hang_up) == desk.core.step(desk.now, hang_up)
    assert twin.snapshot() == desk.core.snapshot()


def test_a_snapshot_can_be_read_though_the_agent_kept_for_a_callback_is_gone() -> None:
    desk = Desk(callback_first="customer")
    desk.sign_in("anna", "boris")
    desk.do(acd.Enter("c", "q", virtual=True, channel="callback"))
    change(desk, queue("q", "boris", callback_first="customer"), agents=("boris",))
    assert restored(desk).snapshot() == desk.core.snapshot()
