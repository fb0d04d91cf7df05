"""What the ACD leaves in the ledger, the way back from it, and why something was decided in the past."""

from __future__ import annotations

import random

import pytest

from appliance import _core as acd
from appliance import messages as m
from appliance.acd.past import replay, why_past
from appliance.acd.rules import AgentRules, Member, QueueRules
from appliance.core.acd_ledger import configured, facts
from appliance.ledger import codec
from appliance.ledger._derive import encode
from tests.property.acd_world import World

RULES = (
    [QueueRules(name="billing", members=[Member(agent="anna"), Member(agent="boris"), Member(agent="dora")],
                skills={"billing": 2}, relax_seconds=180.0)],
    [AgentRules(id="anna", name="Anna", skills={"billing": 3}), AgentRules(id="boris", name="Boris", skills={"billing": 1}),
     AgentRules(id="chen", name="Chen", skills={"billing": 5}), AgentRules(id="dora", name="Dora", skills={"billing": 2})],
)  # fmt: skip
TEN = 1_800_000_000.0 // 86_400 * 86_400 + 36_000  # ten o'clock


def clock(at: float) -> str:
    minutes = int(at - TEN) // 60
    return f"10:{minutes:02}"


class Office:
    """An ACD that writes its ledger."""

    def __init__(self) -> None:
        self.core = acd.Acd(7)
        self.ledger = configured(1, TEN, self.core, self.core.configure(*RULES, TEN))

    def do(self, minute: float, event: acd.AcdEvent) -> list[m.Event]:
        actions = self.core.step(TEN + 60 * minute, event)
        found = facts(self.core, event, actions)
        self.ledger += found
        return found


@pytest.fixture
def office() -> Office:
    office = Office()
    for agent in ("anna", "boris", "chen"):
        office.do(0, acd.SignIn(agent))
    office.do(1.8, acd.Enter("c1", "billing", caller="k1"))
    return office


def test_a_step_leaves_its_facts_with_what_was_asked(office: Office) -> None:
    found = office.do(1.9, acd.Refuse("c1", "anna"))
    assert [type(fact) for fact in found] == [m.OfferEnded, m.AgentStateChanged]
    assert found[0].asked == {"type": "Refuse", "contact": "c1", "agent": "anna"}  # type: ignore[attr-defined]
    assert found[1].asked == {}  # type: ignore[attr-defined]


def test_what_was_due_before_it_has_nothing_asked(office: Office) -> None:
    found = office.do(2.08, acd.Break("boris", "lunch"))
    assert [(type(fact).__name__, bool(fact.asked)) for fact in found] == [  # type: ignore[attr-defined]
        ("OfferEnded", False), ("AgentStateChanged", False), ("AgentStateChanged", True),
    ]  # fmt: skip


def test_a_refused_event_leaves_nothing(office: Office) -> None:
    assert office.do(1.9, acd.Answer("c1", "boris")) == []


def test_why_now(office: Office) -> None:
    office.core.step(TEN + 60 * 2.08, acd.Tick())  # missed at 10:02:03, rung again at 10:02:06
    told = [reason.text(clock) for reason in office.core.why("c1")]
    assert told == [
        "Anna: offered, missed at 10:02",
        "Anna: not asked again for this contact before 10:02",
        "Boris: billing 1 < 2 until 10:04",
        "Dora: not signed in",
        "Chen: not in queue",
    ]


def test_why_in_the_past_is_what_it_was_then(office: Office) -> None:
    office.do(2.08, acd.SignIn("dora"))
    office.do(2.2, acd.Answer("c1", "dora"))
    office.do(3.0, acd.HangUp("c1"))
    office.do(60, acd.SignOut("anna"))
    office.do(61, acd.SignIn("chen"))
    moments = why_past(office.ledger, lambda version: RULES, "c1")
    assert [type(moment.action).__name__ for moment in moments] == ["Queued", "Offer", "EndOffer", "Offer", "EndOffer", "Connect"]
    told = moments[-1].text(clock)
    assert "Anna: offered, missed at 10:02" in told
    assert "Boris: billing 1 < 2 until 10:04" in told
    assert "Dora: being rung since 10:02" in told
    assert "Chen: not in queue" in told


def test_why_of_an_unknown_contact_is_empty(office: Office) -> None:
    assert why_past(office.ledger, lambda version: RULES, "c9") == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_replaying_the_ledger_gives_the_identical_state(seed: int) -> None:
    """10,000 random events, their facts through the ledger's own encoding, and back."""
    shape = random.Random(seed)
    world = World(seed, shape.randint(2, 12), shape.randint(1, 5))
    twin = acd.Acd(seed)
    first = [each for each in world.taken if isinstance(each[1], tuple)]
    ledger: list[m.Event] = configured(1, first[0][0], twin, twin.configure(*first[0][1], first[0][0]))  # type: ignore[misc]
    versions = {1: first[0][1]}
    for _ in range(10_000):
        before = len(world.steps)
        world.step()
        for now, event, _actions in world.steps[before:]:
            if isinstance(event, tuple):
                versions[len(versions) + 1] = event
                ledger += configured(len(versions), now, twin, twin.configure(*event, now))
            else:
                ledger += facts(twin, event, twin.step(now, event))
    stored = [codec.decode(encode(fact, 1.0, 2.0, 1)).event for fact in ledger]
    again = acd.Acd(seed)
    for _ in replay(stored, versions.__getitem__, again):  # type: ignore[arg-type, return-value]
        pass
    again.step(world.now, acd.Tick())
    twin.step(world.now, acd.Tick())
    assert again.snapshot() == twin.snapshot()
