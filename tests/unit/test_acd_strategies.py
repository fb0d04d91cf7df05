"""Who gets the next caller, strategy by strategy: each test reads as its rule."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

import pytest

from appliance import _core as acd
from appliance.acd.rules import AgentRules, Member, QueueRules

NAMES = ("anna", "boris", "chen")


class Desk:
    """One queue "q" (or more), agents by name, time in seconds."""

    def __init__(self, *queues: QueueRules, agents: dict[str, dict[str, Any]] | None = None, seed: int = 1, **rules: Any) -> None:
        people = agents if agents is not None else {name: {} for name in NAMES}
        rules.setdefault("wrap_up_seconds", 0.0)
        rules.setdefault("members", [Member(agent=name) for name in people])
        self.core = acd.Acd(seed)
        self.now = 1000.0
        self.count = 0
        found = list(queues) or [QueueRules(name="q", **rules)]
        self.core.configure(found, [AgentRules(id=name, **each) for name, each in people.items()], self.now)

    def do(self, event: acd.AcdEvent, after: float = 1.0) -> list[acd.Action]:
        self.now += after
        return self.core.step(self.now, event)

    def sign_in(self, *names: str) -> None:
        for name in names or NAMES:
            self.do(acd.SignIn(name))

    def enter(self, queue: str = "q", **wishes: Any) -> tuple[str, list[str]]:
        """-> the contact, and who is rung for it."""
        self.count += 1
        contact = f"c{self.count}"
        return contact, offered(self.do(acd.Enter(contact, queue, **wishes)), contact)

    def serve(self, seconds: float = 10.0, **wishes: Any) -> str:
        """A whole call: who took it."""
        contact, rung = self.enter(**wishes)
        self.do(acd.Answer(contact, rung[0]))
        self.do(acd.HangUp(contact), seconds)
        return rung[0]


def offered(actions: list[acd.Action], contact: str | None = None) -> list[str]:
    return [a.agent for a in actions if isinstance(a, acd.Offer) and contact in (None, a.contact)]


def test_longest_idle_whose_last_contact_ended_first() -> None:
    desk = Desk(strategy="longest-idle")
    desk.sign_in()
    assert [desk.serve() for _ in range(5)] == ["anna", "boris", "chen", "anna", "boris"]


def test_ring_all_rings_all_and_the_first_to_answer_has_it() -> None:
    desk = Desk(strategy="ring-all")
    desk.sign_in()
    contact, rung = desk.enter()
    assert sorted(rung) == list(NAMES)
    actions = desk.do(acd.Answer(contact, "boris"))
    assert [(a.agent, a.how) for a in actions if isinstance(a, acd.EndOffer)] == [
        ("boris", "accepted"), ("anna", "withdrawn"), ("chen", "withdrawn"),
    ]  # fmt: skip


def test_ring_all_rings_who_becomes_free_too() -> None:
    desk = Desk(strategy="ring-all")
    desk.sign_in("anna")
    contact, _ = desk.enter()
    assert offered(desk.do(acd.SignIn("boris")), contact) == ["boris"]


def test_round_robin_goes_on_after_the_one_rung_last_also_over_a_restart() -> None:
    desk = Desk(strategy="round-robin")
    desk.sign_in("chen", "boris", "anna")
    assert [desk.serve() for _ in range(4)] == ["anna", "boris", "chen", "anna"]
    rules = [QueueRules(name="q", strategy="round-robin", wrap_up_seconds=0.0, members=[Member(agent=name) for name in NAMES])]
    desk.core = acd.Acd.restore(desk.core.snapshot(), rules, [AgentRules(id=name) for name in NAMES])
    assert desk.serve() == "boris"


def test_fewest_contacts_today() -> None:
    desk = Desk(strategy="fewest-contacts")
    desk.sign_in("anna")
    assert [desk.serve(), desk.serve()] == ["anna", "anna"]
    desk.sign_in("boris")
    assert [desk.serve() for _ in range(3)] == ["boris", "boris", "anna"]
    desk.do(acd.NewDay())
    assert desk.core.agent("anna").contacts == 0  # type: ignore[union-attr]


def test_least_occupied_lately() -> None:
    desk = Desk(strategy="least-occupied")
    desk.sign_in("anna", "boris")
    assert desk.serve(seconds=300) == "anna"
    assert [desk.serve(seconds=20), desk.serve(seconds=20), desk.serve(seconds=20)] == ["boris"] * 3


def test_equal_load_by_seconds_and_who_comes_late_starts_at_the_average() -> None:
    desk = Desk(strategy="equal-load")
    desk.sign_in("anna", "boris")
    assert [desk.serve(seconds=100), desk.serve(seconds=30), desk.serve(seconds=30)] == ["anna", "boris", "boris"]
    desk.sign_in("chen")  # starts at about 83 s: between boris and anna
    assert [desk.serve(seconds=30), desk.serve(seconds=30)] == ["boris", "chen"]


def test_random_is_even_and_repeatable() -> None:
    def taken(seed: int) -> list[str]:
        desk = Desk(strategy="random", seed=seed)
        desk.sign_in()
        return [desk.serve() for _ in range(900)]

    counts = Counter(taken(5))
    assert all(240 < counts[name] < 360 for name in NAMES)
    assert taken(5) == taken(5) != taken(6)


def test_weighted_random_goes_by_weight() -> None:
    desk = Desk(strategy="weighted-random", members=[Member(agent="anna", weight=4.0), Member(agent="boris", weight=1.0)])
    desk.sign_in("anna", "boris")
    counts = Counter(desk.serve() for _ in range(1000))
    assert 740 < counts["anna"] < 860


def test_linear_always_the_first_who_is_free() -> None:
    desk = Desk(strategy="linear")
    desk.sign_in("chen", "boris", "anna")
    assert [desk.serve(), desk.serve()] == ["anna", "anna"]
    desk.do(acd.Break("anna", "lunch"))
    assert desk.serve() == "boris"


def test_progressive_adds_one_after_the_other() -> None:
    desk = Desk(strategy="progressive", step_seconds=5.0, ring_seconds=60.0)
    desk.sign_in()
    contact, rung = desk.enter()
    assert rung == ["anna"]
    assert offered(desk.do(acd.Tick(), 5.0), contact) == ["boris"]
    assert offered(desk.do(acd.Tick(), 5.0), contact) == ["chen"]


def test_skills_the_best_match_first_and_the_level_falls_with_waiting() -> None:
    people = {"anna": {"skills": {"billing": 2}}, "boris": {"skills": {"billing": 5}}, "chen": {"skills": {"finnish": 5}}}
    desk = Desk(strategy="skills", agents=people, relax_seconds=30.0)
    desk.sign_in()
    assert desk.serve(skills={"billing": 1}) == "boris"
    desk.do(acd.Break("boris", "lunch"))
    contact, rung = desk.enter(skills={"billing": 4})
    assert rung == []
    assert offered(desk.do(acd.Tick(), 30.0), contact) == []
    assert offered(desk.do(acd.Tick(), 30.0), contact) == ["anna"]


def test_sticky_the_last_agent_first_for_a_while() -> None:
    desk = Desk(strategy="linear", sticky_seconds=20.0)
    desk.sign_in()
    assert desk.serve(sticky="chen") == "chen"
    busy, _ = desk.enter(sticky="chen")
    desk.do(acd.Answer(busy, "chen"))
    contact, rung = desk.enter(sticky="chen")
    assert rung == []
    assert offered(desk.do(acd.Tick(), 20.0), contact) == ["anna"]


def test_a_lower_rank_goes_first_whatever_the_strategy() -> None:
    members = [Member(agent="anna", rank=1), Member(agent="boris"), Member(agent="chen", rank=1)]
    desk = Desk(strategy="longest-idle", members=members)
    desk.sign_in()
    assert [desk.serve() for _ in range(3)] == ["boris"] * 3


def test_who_missed_is_skipped_for_this_caller_and_rests_after_too_many() -> None:
    desk = Desk(strategy="linear", agents={"anna": {}}, ring_seconds=10.0, retry_seconds=5.0, miss_limit=2)
    desk.sign_in("anna")
    contact, rung = desk.enter()
    assert rung == ["anna"]
    assert offered(desk.do(acd.Tick(), 11.0), contact) == []
    assert offered(desk.do(acd.Tick(), 5.0), contact) == ["anna"]
    desk.do(acd.Tick(), 10.0)
    view = desk.core.agent("anna")
    assert view is not None and (view.state, view.reason) == ("not-answering", "missed")


def several(**changes: Any) -> tuple[QueueRules, QueueRules]:
    members = [Member(agent="anna")]
    return (
        QueueRules(name="a", members=members, wrap_up_seconds=0.0),
        QueueRules(name="b", members=members, wrap_up_seconds=0.0, **changes),
    )


@pytest.mark.parametrize(
    "changes, first",
    [
        ({}, "c2"),  # the longest wait
        ({"priority": 1}, "c3"),
        ({"weight": 2.0}, "c3"),  # of equal priority, the weightier queue
        ({"age_seconds": 5.0}, "c3"),  # waiting has raised it
    ],
)
def test_of_several_queues(changes: dict[str, Any], first: str) -> None:
    desk = Desk(*several(**changes), agents={"anna": {}})
    desk.sign_in("anna")
    busy, _ = desk.enter("a")
    desk.do(acd.Answer(busy, "anna"))
    desk.enter("a")
    desk.enter("b")
    actions = desk.do(acd.HangUp(busy), 10.0)
    assert [a.contact for a in actions if isinstance(a, acd.Offer)] == [first]


def test_a_contact_that_is_over_leaves_nothing_to_the_collector() -> None:
    """An offer that has ended knows its contact, and the contact its offers."""
    desk = Desk(strategy="ring-all")
    desk.sign_in()
    desk.serve()
    gc.collect()
    gc.disable()
    try:
        desk.serve()
        contact, _ = desk.enter()
        desk.do(acd.Refuse(contact, "anna"))
        desk.do(acd.HangUp(contact))
        contact, rung = desk.enter()
        desk.do(acd.Answer(contact, rung[0]))
        desk.do(acd.HandOver(contact, ""))
        assert desk.core.contact(contact) is None
        assert gc.collect() == 0
    finally:
        gc.enable()
