"""The list of callers whom nobody served."""

from __future__ import annotations

from typing import Any

import pytest

from appliance import messages as m
from appliance.acd import missed
from appliance.acd.missed import MissedCallers
from appliance.messages_acd import LeaveReason


def callers(*events: m.Event, short: float = 5.0) -> MissedCallers:
    made = MissedCallers(lambda queue: short)
    for number, event in enumerate(events):
        made.apply(event, 100.0 + number)
    return made


def comes(call: str, number: str = "+358401234567", key: str = "k1") -> list[m.Event]:
    return [
        m.LegOpened(call=call, leg=f"{call}-1", direction="in", kind="line", endpoint="gateway", number=number),
        m.ContactQueued(at=1.0, contact=call, queue="front", caller=key),
    ]


def gives_up(call: str, waited: float = 30.0, reason: LeaveReason = "abandoned") -> m.Event:
    return m.ContactLeft(at=2.0, contact=call, queue="front", reason=reason, waited=waited)


def test_who_calls_twice_stands_there_once() -> None:
    found = callers(*comes("c1"), gives_up("c1"), *comes("c2"), gives_up("c2", 60.0)).entries()
    assert [(e.contact, e.times, e.number, e.waited) for e in found] == [("c1", 2, "+358401234567", 60.0)]


def test_who_hung_up_at_once_does_not_count() -> None:
    assert callers(*comes("c1"), gives_up("c1", 3.0)).entries() == []
    assert len(callers(*comes("c1"), gives_up("c1", 3.0, "cut")).entries()) == 1


@pytest.mark.parametrize("reason", ["no-queue", "unreachable", "expired", "attempts"])
def test_whom_we_promised_a_call_and_cannot_call_stands_there(reason: Any) -> None:
    kept = m.CallbackRequested(at=3.0, contact="c1", queue="front", since=1.0)
    closed = m.CallbackClosed(at=9.0, contact="c1", queue="front", reason=reason)
    assert [(e.contact, e.reason) for e in callers(*comes("c1"), kept, closed).entries()] == [("c1", reason)]
    cancelled = m.CallbackClosed(at=9.0, contact="c1", queue="front", reason="cancelled")
    assert callers(*comes("c1"), kept, cancelled).entries() == []


def test_who_waited_in_a_queue_that_is_gone_stands_there() -> None:
    assert [e.reason for e in callers(*comes("c1"), gives_up("c1", reason="no-queue")).entries()] == ["no-queue"]


def test_it_closes_when_the_caller_is_served() -> None:
    served = m.ContactConnected(at=3.0, contact="c2", agent="anna", queue="front")
    assert callers(*comes("c1"), gives_up("c1"), *comes("c2"), served).entries() == []
    other = m.ContactConnected(at=3.0, contact="c3", agent="anna", queue="front")
    assert len(callers(*comes("c1"), gives_up("c1"), *comes("c3", "+358409999999", "k2"), other).entries()) == 1


def test_it_closes_when_anyone_calls_the_caller_and_is_answered() -> None:
    out = m.LegOpened(call="c9", leg="c9-2", direction="out", kind="line", endpoint="gateway", number="+358401234567")
    rang = callers(*comes("c1"), gives_up("c1"), out)
    assert len(rang.entries()) == 1
    rang.apply(m.LegAnswered(leg="c9-2"), 200.0)
    assert rang.entries() == []


def test_a_promise_to_call_back_closes_it_and_a_broken_one_opens_it() -> None:
    kept = m.CallbackRequested(at=3.0, contact="c2", queue="front", since=1.0)
    list_ = callers(*comes("c1"), gives_up("c1"), *comes("c2"), kept)
    assert list_.entries() == []
    list_.apply(m.CallbackClosed(at=9.0, contact="c2", queue="front", reason="expired"), 300.0)
    assert [(e.contact, e.reason) for e in list_.entries()] == [("c2", "expired")]


def test_a_long_campaign_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed, "MOST", 100)
    list_ = callers(*comes("c1"), gives_up("c1"))
    for at in range(500):
        number = f"+3584099{at:05}"
        for event in (m.LegOpened(call=f"o{at}", leg=f"o{at}-1", direction="out", kind="line", endpoint="gateway", number=number,
                                  campaign=1),
                      *([m.LegAnswered(leg=f"o{at}-1")] if at % 2 else []),
                      m.LegEnded(leg=f"o{at}-1", cause=m.Cause(sip=480)),
                      *comes(f"i{at}", number, f"k{at}-"),
                      m.LegOpened(call=f"d{at}", leg=f"d{at}-2", direction="out", kind="line", endpoint="g", number=number)):
            list_.apply(event, 200.0 + at)
    kept = {name: len(value) for name, value in vars(list_).items() if isinstance(value, dict) and name != "_open"}
    assert kept == dict.fromkeys(kept, 100) and len(kept) == 5
    assert [e.number for e in list_.entries()] == ["+358401234567"]  # who stands there stays
    list_.apply(m.ContactOutcome(at=9.0, contact="d499", agent="anna", code="1", name="Again", marks=[missed.CALL_AGAIN]), 900.0)
    assert [e.number for e in list_.entries()][1:] == ["+358409900499"]  # what is new is known


def test_it_is_owned_and_done() -> None:
    list_ = callers(*comes("c1"), gives_up("c1"), m.MissedMarked(contact="c1", by="anna"))
    assert [e.owner for e in list_.entries()] == ["anna"]
    list_.apply(m.MissedMarked(contact="c1", by="anna", done=True), 300.0)
    assert list_.entries() == []


def noted(contact: str, *marks: str) -> m.ContactOutcome:
    return m.ContactOutcome(at=9.0, contact=contact, agent="anna", code="3", name="x", marks=list(marks))


def test_whom_an_agent_wants_called_again_stands_there_until_reached() -> None:
    served = m.ContactConnected(at=2.0, contact="c1", agent="anna", queue="front", waited=1.0)
    list_ = callers(*comes("c1"), served, noted("c1", "call-again"), noted("c1", "call-again"))
    (entry,) = list_.entries()
    assert (entry.reason, entry.queue, entry.number, entry.times) == ("call-again", "front", "+358401234567", 1)
    out = m.LegOpened(call="c9", leg="c9-2", direction="out", kind="line", endpoint="gateway", number="+358401234567")
    list_.apply(out, 200.0)
    list_.apply(m.LegAnswered(leg="c9-2"), 201.0)
    assert list_.entries() == []


def test_another_outcome_takes_it_off_again_and_leaves_those_whom_nobody_served() -> None:
    served = m.ContactConnected(at=2.0, contact="c1", agent="anna", queue="front", waited=1.0)
    assert callers(*comes("c1"), served, noted("c1", "call-again"), noted("c1", "solved")).entries() == []
    assert len(callers(*comes("c1"), gives_up("c1"), noted("c1", "solved")).entries()) == 1


def test_a_customer_whom_we_called_is_called_again_at_that_number() -> None:
    events = [m.LegOpened(call="c5", leg="a", direction="in", kind="phone", endpoint="101", number="+358409999999"),
              m.LegOpened(call="c5", leg="b", direction="out", kind="line", endpoint="gateway", number="+358409999999"),
              m.LegAnswered(leg="b"), noted("c5", "call-again")]
    assert [(entry.number, entry.queue) for entry in callers(*events).entries()] == [("+358409999999", "")]
