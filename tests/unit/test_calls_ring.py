"""What has become of an agent who was rung, by how the legs ended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from appliance.calls.flows.ring import AgentRing
from appliance.messages import Cause


@pytest.mark.parametrize(("kind", "cause", "what"), [
    ("phone", Cause(sip=480, by="far"), "declined"),
    ("phone", Cause(sip=480, q850=20, by="near"), "unreachable"),
    ("phone", Cause(sip=408, q850=20, by="network"), "unreachable"),
    ("phone", Cause(sip=486, by="far"), "declined"),
    ("line", Cause(sip=480, q850=20, by="far"), "unreachable"),  # a mobile phone that is off
    ("line", Cause(sip=486, by="far"), "declined"),
])
def test_who_is_there_and_does_not_want_the_call_has_declined(kind: str, cause: Cause, what: str) -> None:
    unknown: Any = None
    ring = AgentRing(unknown, unknown, "anna", unknown, unknown, None)
    leg: Any = SimpleNamespace(kind=kind, cause=cause, rang=False, answered_at=0.0, is_ended=True)
    ring.legs = [leg]
    assert ring.look(None) == what
