"""Each strategy on real SIP: sipp calls, the agents' phones ring, and the ledger says who took whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from appliance.messages import ContactConnected, ContactOffered, OfferEnded
from tests.peers.net import wait_for
from tests.peers.queues import PHONES, QueueHouse
from tests.peers.station import Station

THREE = 'agents = ["anna", "boris", "chen"]'
RULES = {
    "fewest-calls": THREE, "equal-load": THREE, "least-occupied": THREE, "longest-idle": THREE, "round-robin": THREE,
    "random": THREE, "linear": THREE, "ring-all": THREE,
    "weighted-random": 'agents = [{ agent = "anna", weight = 100 }, { agent = "boris", weight = 1 }]',
    "ring-progressively": 'agents = ["anna", "boris"]\nring_more_every_seconds = 2',
    "two-at-once": f"{THREE}\nring_at_once = 2",
    "ranks": 'agents = [{ agent = "anna", rank = 2 }, { agent = "boris", rank = 2 }, { agent = "chen", rank = 1 }]',
    "skills": 'agents = ["boris", "anna"]\nskills = { billing = 2 }\nrelax_skills_after_seconds = 2',
}
NUMBERS = {name: f"{number:02}" for number, name in enumerate([*RULES, "solo", "sticky"], 1)}


def queue(name: str, strategy: str, rules: str) -> str:
    return (f'\n[[queues]]\nname = "{name}"\nstrategy = "{strategy}"\n{rules}\nwrap_up_seconds = 0\nring_seconds = 20\n'
            'when_full_or_late = "hangup"\n')


LIKE = {"two-at-once": "linear", "ranks": "longest-idle"}
"""Queues that are called otherwise than their strategy."""
QUEUES = "".join(queue(name, LIKE.get(name, name), rules) for name, rules in RULES.items())
QUEUES += queue("solo", "linear", 'agents = ["boris"]')
QUEUES += queue("sticky", "linear", f"{THREE}\nlast_agent_minutes = 10\nlast_agent_wait_seconds = 2")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueHouse]:
    with QueueHouse(tmp_path_factory.mktemp("strategies"), QUEUES, NUMBERS) as house:
        yield house


@pytest.fixture(scope="module")
def desks(house: QueueHouse) -> dict[str, Station]:
    return {agent: house.desk(extension, agent) for agent, extension in PHONES.items()}


@pytest.fixture(autouse=True)
def clean(house: QueueHouse, desks: dict[str, Station]) -> Iterator[None]:
    yield
    house.empty(desks.values())


def takers(house: QueueHouse, name: str, count: int, hold_ms: int = 400, number: str = "+358401112233") -> list[str]:
    """Who takes so many calls that come one after the other."""
    before = len(house.events(ContactConnected, queue=name))
    house.call(name, count, hold_ms, number)
    taken = wait_for(lambda: (found := house.events(ContactConnected, queue=name)[before:]) and len(found) >= count and found, 10,
                     f"{count} calls of {name}")
    return [event.agent for event in taken]


@pytest.mark.parametrize(("name", "loaded", "hold"), [
    ("fewest-calls", 2, 300), ("equal-load", 1, 3000), ("least-occupied", 1, 3000),
])  # fmt: skip
def test_who_has_had_much_is_spared(house: QueueHouse, name: str, loaded: int, hold: int) -> None:
    """Boris has taken calls of another queue: the next four are for the others, though he has been idle longest in turn."""
    house.sign_in("boris", "anna", "chen")
    assert takers(house, "solo", loaded, hold) == ["boris"] * loaded
    assert Counter(takers(house, name, 4)) == {"anna": 2, "chen": 2}


@pytest.mark.parametrize(("name", "expected"), [
    ("longest-idle", ["boris", "anna", "chen", "boris"]),
    ("round-robin", ["anna", "boris", "chen", "anna"]),
    ("linear", ["anna", "anna", "anna", "anna"]),
])  # fmt: skip
def test_an_order_that_can_be_told(house: QueueHouse, name: str, expected: list[str]) -> None:
    house.sign_in("boris", "anna", "chen")
    assert takers(house, name, 4) == expected


def test_round_robin_remembers_whom_it_rang_last_while_nobody_was_there(house: QueueHouse) -> None:
    house.sign_in("anna", "boris", "chen")
    last = takers(house, "round-robin", 1)[0]
    for agent in PHONES:
        house.control(agent, "logout")
    house.sign_in("anna", "boris", "chen")
    order = [*PHONES]
    assert takers(house, "round-robin", 1) == [order[(order.index(last) + 1) % 3]]


def test_random_is_not_always_the_same(house: QueueHouse) -> None:
    house.sign_in(*PHONES)
    assert len(set(takers(house, "random", 9, 150))) > 1  # by chance the same: 3 ** -8


def test_weighted_random_goes_by_the_weight(house: QueueHouse) -> None:
    house.sign_in("anna", "boris")
    assert Counter(takers(house, "weighted-random", 6, 150))["anna"] >= 4  # by chance fewer: 2e-5


def test_ring_all_rings_all_at_once(house: QueueHouse, desks: dict[str, Station]) -> None:
    desks["anna"].plan = desks["boris"].plan = [180]
    house.sign_in(*PHONES)
    assert takers(house, "ring-all", 1) == ["chen"]
    contact = house.events(ContactConnected, queue="ring-all")[-1].contact
    offers = house.events(ContactOffered, contact=contact)
    assert {offer.agent for offer in offers} == set(PHONES) and len({offer.at for offer in offers}) == 1
    ended = {end.agent: end.how for end in house.events(OfferEnded, contact=contact)}
    assert ended == {"chen": "accepted", "anna": "withdrawn", "boris": "withdrawn"}
    for agent in ("anna", "boris"):
        desks[agent].wait_call(fits=lambda call: call.cancelled)


def test_so_many_phones_as_are_set_ring_at_once(house: QueueHouse, desks: dict[str, Station]) -> None:
    desks["anna"].plan = [180]
    house.sign_in(*PHONES)
    assert takers(house, "two-at-once", 1) == ["boris"]
    contact = house.events(ContactConnected, queue="two-at-once")[-1].contact
    assert {offer.agent for offer in house.events(ContactOffered, contact=contact)} == {"anna", "boris"}


def test_the_next_rank_is_rung_only_while_nobody_of_the_first_is_free(house: QueueHouse) -> None:
    """Chen comes last and has been idle for the shortest time."""
    house.sign_in("anna", "boris", "chen")
    assert takers(house, "ranks", 2) == ["chen", "chen"]
    house.control("chen", "logout")
    assert takers(house, "ranks", 1) == ["anna"]


def test_ring_progressively_adds_a_phone_and_lets_the_first_ring_on(house: QueueHouse, desks: dict[str, Station]) -> None:
    desks["anna"].plan = [180]
    house.sign_in("anna", "boris")
    assert takers(house, "ring-progressively", 1, 3500) == ["boris"]
    contact = house.events(ContactConnected, queue="ring-progressively")[-1].contact
    first, second = house.events(ContactOffered, contact=contact)
    assert (first.agent, second.agent) == ("anna", "boris") and 2.0 <= second.at - first.at < 3.0
    assert {end.agent: end.how for end in house.events(OfferEnded, contact=contact)} == {"anna": "withdrawn", "boris": "accepted"}


def test_skills_go_to_the_best_and_relax_with_time(house: QueueHouse) -> None:
    house.sign_in("boris", "anna")
    assert takers(house, "skills", 1) == ["anna"]
    house.control("anna", "logout")
    assert takers(house, "skills", 1, 3500) == ["boris"]
    assert 2.0 <= house.events(ContactConnected, queue="skills")[-1].waited < 3.0


def test_who_calls_again_gets_the_same_agent(house: QueueHouse) -> None:
    house.sign_in("chen")
    assert takers(house, "sticky", 1, number="+358401234501") == ["chen"]
    house.sign_in("anna", "boris")
    assert takers(house, "sticky", 1, number="+358401234501") == ["chen"]
    assert takers(house, "sticky", 1, number="+358401234502") == ["anna"]


def test_the_same_agent_is_waited_for_only_so_long(house: QueueHouse, desks: dict[str, Station]) -> None:
    """Chen talks to a colleague; Anna is free all the time."""
    house.sign_in("chen")
    assert takers(house, "sticky", 1, number="+358401234503") == ["chen"]
    colleague = desks["boris"].dial("103").wait_up()
    wait_for(lambda: house.agent("chen").state == "dialling-out", 5, "chen is shown busy")
    house.sign_in("anna")
    assert takers(house, "sticky", 1, 3000, number="+358401234503") == ["anna"]
    assert 2.0 <= house.events(ContactConnected, queue="sticky")[-1].waited < 3.0
    colleague.hang_up()


def test_an_agent_with_a_baresip_phone_serves_a_sipp_caller(house: QueueHouse, desks: dict[str, Station]) -> None:
    desks["anna"].plan = [180]
    with house.guest("101", "anna", answer="auto") as phone:
        house.sign_in("anna")
        assert takers(house, "linear", 1, 1000) == ["anna"]
        phone.wait_event("CALL_CLOSED", 5)
        assert [event["type"] for event in phone.events if event.get("class") == "call"].count("CALL_ESTABLISHED") == 1
