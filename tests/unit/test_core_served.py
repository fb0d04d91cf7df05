"""Whom an agent had last: it outlives the core, by a record of its own and by the ledger's conversations."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from appliance import _core as core
from appliance.acd.of_config import rules_of
from appliance.clock import Clock, ManualClock
from appliance.core.acd import Dispatch
from appliance.messages import Event
from tests.callslab import in_time
from tests.dispatchlab import Office


def _open(clock: Clock) -> Office:
    """An office whose ledger has all from the beginning."""
    office = Office(agents=(), clock=clock)
    office.acd.configure(1)
    for agent in ("anna", "boris"):
        office.acd.tell(core.SignIn(agent))
    return office


def _after_kill(before: Office, kept: dict[tuple[str, str], bytes], events: list[Event]) -> Office:
    """The office once the core has begun anew, with what was on disk."""
    after = Office(agents=(), clock=before.lab.switch.clock)
    after.ledger.kept = dict(kept)
    after.acd = Dispatch(after.lab.switch, after.ledger, after.lab)
    reader = SimpleNamespace(follow=lambda seq: (SimpleNamespace(event=event) for event in events))
    after.acd.start(SimpleNamespace(reader=reader), lambda version: rules_of(after.lab.config), 1, ())  # type: ignore[arg-type]
    return after


@pytest.mark.parametrize("noted", [False, True])
def test_whom_an_agent_had_last_outlives_the_core(noted: bool) -> None:
    """Whom the queue gave, then whom the agent reached without it: a note or an outcome after a restart is about the latter, both
    where the ledger's events are folded again and where the state was noted whole."""

    async def work() -> None:
        clock = ManualClock()
        before = _open(clock)
        before.enters()
        before.acd.tell(core.Answer(before.contact, "anna"))
        clock.advance(60.0)
        before.acd.tell(core.HangUp(before.contact, "caller"))
        clock.advance(60.0)
        before.acd.took("anna", "call-2", "front")
        assert before.acd.last_contact("anna") == ("call-2", "front")
        if noted:
            await before.acd.note_state()
        after = _after_kill(before, before.ledger.kept, [] if noted else before.ledger.events)
        assert after.acd.last_contact("anna") == ("call-2", "front")

    in_time(work())


def test_a_conversation_that_is_on_disk_alone_is_the_last() -> None:
    """The core was killed between the event of it and the record of whom the agent had last."""

    async def work() -> None:
        clock = ManualClock()
        before = _open(clock)
        before.acd.took("anna", "call-2", "front")
        kept = dict(before.ledger.kept)
        clock.advance(60.0)
        before.enters()
        before.acd.tell(core.Answer(before.contact, "anna"))
        assert before.acd.last_contact("anna") == (before.contact, "billing")
        assert _after_kill(before, kept, before.ledger.events).acd.last_contact("anna") == (before.contact, "billing")

    in_time(work())


def test_who_talked_with_a_caller_who_was_passed_on_has_the_caller_again_after_a_kill() -> None:
    async def work() -> None:
        clock = ManualClock()
        before = _open(clock)
        before.enters()
        before.acd.tell(core.Answer(before.contact, "anna"))
        before.acd.tell(core.HangUp(before.contact, "agent"))
        clock.advance(60.0)
        before.acd.tell(core.Dial("boris"))
        clock.advance(60.0)
        before.acd.tell(core.DialEnded("boris", "billing", before.contact, "key"))
        after = _after_kill(before, {}, before.ledger.events)
        assert after.acd.callers.last["key"][:2] == ("boris", "billing")
        assert after.acd.last_contact("boris") == (before.contact, "billing")
        view = after.acd.core.agent("boris")
        assert view is not None and (view.state, view.reason) == ("wrap-up", before.contact)

    in_time(work())
