"""Random days in front of the ACD: the quarter-hour sums are what a plain count over all events gives, whatever the batches in
which they were taken, and parts of a period make up the whole."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance import _core as acd
from appliance import messages as m
from appliance.core.acd_ledger import facts
from appliance.figures import store as stores
from appliance.figures.counts import Counts, total
from appliance.figures.fold import OFFICE, TIMES, Subject
from appliance.figures.slots import slot_of
from appliance.figures.store import FiguresStore
from tests.figureskit import T0, Listed, Story
from tests.property.acd_world import World

NO_DEADLINE = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
WAYS = ("answered", "abandoned", "to_voicemail", "to_callback", "overflowed", "pressed_out", "moved",
        "broken_off", "left_otherwise")


class Witness(World):
    """Notes the ledger's events of each step."""

    def __init__(self, seed: int, agents: int, queues: int) -> None:
        self.events: list[tuple[float, m.Event]] = []
        super().__init__(seed, agents, queues)

    def follow(self, actions: list[acd.Action], event: Any) -> None:
        self.events += [(self.now, fact) for fact in facts(self.acd, None, actions)]
        super().follow(actions, event)


def written(world: Witness) -> Listed:
    began = world.events[0][0]
    return Listed([m.Record(n, now, now - began, "boot", event) for n, (now, event) in enumerate(world.events, 1)])


def plain(events: list[m.Event]) -> dict[Subject, Counter[str]]:
    """What happened, counted without quarter hours and without looking at one event at a time."""
    found: dict[Subject, Counter[str]] = defaultdict(Counter)
    stories: dict[str, list[Any]] = defaultdict(list)
    for event in events:
        if hasattr(event, "contact"):
            stories[event.contact].append(event)
    for story in stories.values():
        _story(story, found)
    state: dict[str, tuple[str, float]] = {}
    for event in events:
        if isinstance(event, m.AgentStateChanged):
            before = state.get(event.agent)
            if before is not None and before[0] in TIMES and before[0] != event.state:
                found["agent", event.agent][TIMES[before[0]]] += round(event.at * 1000) - round(before[1] * 1000)
            if before is None or before[0] != event.state:
                state[event.agent] = (event.state, event.at)
    return found


def _story(story: list[Any], found: dict[Subject, Counter[str]]) -> None:
    """One contact's."""
    queue, entered, began, requested, answered = "", 0.0, 0.0, False, False
    for n, event in enumerate(story):
        match event:
            case m.ContactQueued():
                last = story[n - 1] if n else None
                back = isinstance(last, m.ContactEnded) and last.queue == event.queue and event.since < event.at
                if not back:
                    if isinstance(last, m.ContactEnded):
                        found["agent", last.agent]["passed"] += 1
                    queue, entered, requested, answered = event.queue, event.at, False, False
                    found["queue", queue]["offered"] += 1
            case m.ContactConnected():
                began = event.at
                if not requested and not answered:
                    found["queue", queue]["answered"] += 1
                    found["queue", queue]["wait_ms"] += round((event.at - entered) * 1000)
                answered = True
            case m.ContactHandedOver():
                found["agent", event.agent]["talk_ms"] += round((event.at - began) * 1000)
                found["agent", event.agent]["passed"] += 1
                began = event.at
            case m.ContactEnded():
                found["agent", event.agent]["talk_ms"] += round(event.talked * 1000)
            case m.ContactLeft(reason="abandoned" | "cut") if queue and not requested and not answered:
                found["queue", queue]["abandoned"] += 1
            case m.CallbackRequested() if not requested:
                requested = True
                found["queue", queue]["cb_requested"] += 1
            case m.CallbackAttempted():
                found["queue", queue]["cb_attempts"] += 1


@settings(max_examples=4, **NO_DEADLINE)  # type: ignore[arg-type]
@given(st.integers(0, 2**31), st.integers(1, 8), st.integers(1, 4), st.integers(60, 900), st.data())
def test_sums_are_what_a_plain_count_gives(seed: int, agents: int, queues: int, batch: int, data: st.DataObject) -> None:
    world = Witness(seed, agents, queues)
    for _ in range(500):
        world.step()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        ledger = written(world)
        stores.BATCH, kept = batch, stores.BATCH
        try:
            with FiguresStore(path) as store:
                first = data.draw(st.integers(0, 3))
                for _ in range(first):  # stopped and begun again
                    store.catch_up(ledger, most=batch)
            with FiguresStore(path) as store:
                store.catch_up(ledger)
                assert store.progress().seq == ledger.last_seq()
                _compare(store, world, data)
                everything = _all(store, world)
                store.catch_up(ledger)  # nothing new
                assert _all(store, world) == everything
                stores.BATCH = 5_000
                store.rebuild(ledger)
                assert _all(store, world) == everything
        finally:
            stores.BATCH = kept


def _all(store: FiguresStore, world: Witness) -> dict[Subject, list[tuple[int, dict[int, int]]]]:
    last = slot_of(world.now) + 1
    subjects: list[Subject] = [OFFICE, *((kind, name) for kind in ("queue", "agent", "seat") for name in store.names(kind))]
    return {subject: [(slot, counts.sums) for slot, counts in store.by_slot(subject, 0, last)] for subject in subjects}


def _compare(store: FiguresStore, world: Witness, data: st.DataObject) -> None:
    began, last = slot_of(world.events[0][0]), slot_of(world.now) + 1
    expected = plain([event for _, event in world.events])
    for subject, counter in expected.items():
        found = store.total(subject, 0, last).plain()
        for name, number in counter.items():
            off = 0 if not name.endswith("_ms") else 1 + counter.total()  # a millisecond of rounding each
            assert abs(found.get(name, 0) - number) <= min(off, 50), (subject, name, found, counter)
    waiting = Counter(p.queue for p in world.people.values())
    for queue in store.names("queue"):
        counts = store.total(("queue", queue), 0, last)
        ended = sum(counts[way] for way in WAYS)
        assert counts["offered"] - waiting[queue] <= ended <= counts["offered"], (queue, counts.plain())
        assert sum(counts.spread("waits").values()) == counts["answered"]
        seats = total(store.total(("seat", seat), 0, last) for seat in store.names("seat") if seat.startswith(queue + "\0"))
        for name in ("answered", "talk_ms", "hold_ms", "wrap_ms", "passed", "rung", "rung_missed"):
            assert seats[name] == counts[name], name
    office, agents = store.total(OFFICE, 0, last), total(store.total(("agent", a), 0, last) for a in store.names("agent"))
    for name in (*TIMES.values(), "talk_ms", "passed"):
        assert office[name] == agents[name], name
    for _ in range(5):
        low = data.draw(st.integers(began - 100, last))
        high = data.draw(st.integers(low, last + 100))
        for subject in (OFFICE, *((("queue", name)) for name in store.names("queue"))):
            parts = Counts(total(counts for _, counts in store.by_slot(subject, low, high)).sums)
            hours = total(counts for _, counts in store.by_slot(subject, low, high, hours=True))
            assert store.total(subject, low, high).sums == parts.sums == hours.sums


WEEK = 7 * 86_400.0
CALLS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(("front", "back")), st.booleans(), st.floats(60, 1.2 * WEEK)),
                 max_size=25)


def matters(calls: list[tuple[float, int, bool]]) -> Counter[str]:
    """Of one queue, told from the whole list: (when, caller, answered)."""
    found: Counter[str] = Counter()
    for caller in {who for _, who, _ in calls}:
        own = [(when, answered) for when, who, answered in calls if who == caller]
        chains: list[list[tuple[float, bool]]] = []
        for call in own:
            if chains and call[0] - chains[-1][-1][0] <= WEEK:
                chains[-1].append(call)
            else:
                chains.append([call])
        for chain in chains:
            found["callers"] += 1
            found["callers_again"] += len(chain) > 1
            first = next((n for n, (_, answered) in enumerate(chain) if answered), None)
            found["callers_answered"] += first is not None
            found["answered_again"] += first is not None and first + 1 < len(chain)
    return found


@settings(max_examples=60, **NO_DEADLINE)  # type: ignore[arg-type]
@given(CALLS)
def test_callers_are_counted_as_one_who_sees_the_whole_list_would(calls: list[tuple[int, str, bool, float]]) -> None:
    story, when, seen = Story(), 0.0, []
    for n, (who, queue, answered, pause) in enumerate(calls):
        when += pause
        seen.append((T0 + when, who, answered, queue))
        story.at(when).calls(f"c{n}", queue, f"+35840{who}")
        if answered:
            story.connects(f"c{n}", "anna", queue).ends(f"c{n}", "anna", queue=queue).hangs_up(f"c{n}")
        else:
            story.leaves(f"c{n}", queue=queue).hangs_up(f"c{n}")
    for subject, of in [(OFFICE, ("front", "back")), (("queue", "front"), ("front",)), (("queue", "back"), ("back",))]:
        expected = matters([(at, who, answered) for at, who, answered, queue in seen if queue in of])
        found = story.counts(subject)
        assert {name: found[name] for name in ("callers", "callers_again", "callers_answered", "answered_again")} == {
            name: expected[name] for name in ("callers", "callers_again", "callers_answered", "answered_again")}, subject
