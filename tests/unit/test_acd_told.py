"""Orders to agents that change nothing: which state stands against it, in the field's words, and what helps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from appliance._core import AGENT_STATES
from appliance.acd.told import STATES, refused
from appliance.core.queue_commands import QueueCommands
from appliance.errors import SwitchroomError
from appliance.messages import ControlAgent
from tests.unit.test_core_acd import Office, in_time


def test_every_state_has_a_word() -> None:
    assert set(STATES) == set(AGENT_STATES)
    assert not [state for state, word in STATES.items() if "-" in str(word).replace("wrap-up", "")]


@pytest.mark.parametrize("action", ["login", "logout", "ready", "break", "extend"])
@pytest.mark.parametrize("state", AGENT_STATES)
def test_a_refusal_says_what_stands_against_it_and_what_helps(action: str, state: str) -> None:
    problem = refused("anna", action, state, "already" if action == "ready" else "state")
    assert problem.id == "agent.state" and problem.hint and "{" not in str(problem)
    assert str(STATES[state]) in problem.message and problem.message.startswith("anna is ")
    assert "switchroom" not in problem.hint, "who reads it on a page has no command line"


@pytest.mark.parametrize(("signed_in", "action", "told"), [
    (False, "ready", "anna is signed out. Sign anna in first."),
    (False, "break", "anna is signed out. Sign anna in first."),
    (False, "logout", "anna is signed out already. Nothing needs to be done."),
    (True, "ready", "anna is ready: contacts come already. A break or signing out can be ordered."),
    (True, "login", "anna is signed in already: ready. To sit at another phone, sign out first."),
])
def test_orders_that_change_nothing_are_refused(signed_in: bool, action: Any, told: str) -> None:
    async def work() -> None:
        office = Office(agents=("anna",) if signed_in else ())
        box: Any = SimpleNamespace(acd=office.acd, config=office.lab.config)
        with pytest.raises(SwitchroomError) as refusal:
            await QueueCommands(box).table[ControlAgent](ControlAgent(agent="anna", action=action, reason="lunch"))
        assert str(refusal.value) == told

    in_time(work())


def test_who_talks_is_ready_by_itself_after_that() -> None:
    assert str(refused("anna", "ready", "on-contact", "already")) == (
        "anna is talking, and ready by itself after that. Order it again in wrap-up, to end that early.")
