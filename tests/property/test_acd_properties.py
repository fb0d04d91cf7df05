"""The ACD under 10,000 random events: what it promises holds at every step, and the same events give the same state."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance import _core as acd
from tests.property.acd_world import World

SEEDS = st.integers(0, 2**31)
SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 5))
NO_DEADLINE = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


def run(seed: int, shape: tuple[int, int], steps: int, every: int = 50) -> World:
    world = World(seed, *shape)
    for n in range(steps):
        try:
            world.step()
            if n % every == 0:
                world.check()
        except Exception as wrong:
            tail = "\n".join(f"{now:.1f} {event}\n      {actions}" for now, event, actions in world.steps[-12:])
            raise AssertionError(f"step {n}: {wrong}\n{tail}") from wrong
    world.check()
    return world


@settings(max_examples=25, **NO_DEADLINE)
@given(SEEDS, SHAPES)
def test_promises_hold_at_every_step(seed: int, shape: tuple[int, int]) -> None:
    run(seed, shape, 400, every=1)


@settings(max_examples=2, **NO_DEADLINE)
@given(SEEDS, SHAPES)
def test_promises_hold_over_10000_steps(seed: int, shape: tuple[int, int]) -> None:
    world = run(seed, shape, 10_000)
    replayed = acd.Acd(seed)
    for now, event in world.taken:
        if isinstance(event, tuple):
            replayed.configure(*event, now)
        else:
            replayed.step(now, event)
    replayed.step(world.now, acd.Tick())
    world.acd.step(world.now, acd.Tick())
    assert replayed.snapshot() == world.acd.snapshot(), "the same events gave another state"


@pytest.mark.slow
@settings(max_examples=100, **NO_DEADLINE)
@given(SEEDS, SHAPES)
def test_promises_hold_over_many_long_runs(seed: int, shape: tuple[int, int]) -> None:
    run(seed, shape, 10_000)


@settings(max_examples=15, **NO_DEADLINE)
@given(SEEDS, SHAPES, st.integers(1, 600))
def test_a_snapshot_goes_on_exactly_where_it_was_taken(seed: int, shape: tuple[int, int], at: int) -> None:
    world = run(seed, shape, at, every=1000)
    data = msgspec.msgpack.decode(msgspec.msgpack.encode(world.acd.snapshot()))
    twin = acd.Acd.restore(data, list(world.queues.values()), list(world.agents.values()))
    assert twin.snapshot() == world.acd.snapshot()
    before = len(world.steps)
    for _ in range(200):
        world.step()
    for now, event, actions in world.steps[before:]:
        took = twin.configure(*event, now) if isinstance(event, tuple) else twin.step(now, event)
        assert took == actions
    assert twin.snapshot() == world.acd.snapshot()


@settings(max_examples=15, **NO_DEADLINE)
@given(SEEDS, SHAPES)
def test_a_refused_event_changes_nothing(seed: int, shape: tuple[int, int]) -> None:
    world = run(seed, shape, 50, every=1000)
    for _ in range(300):
        world.now += 1.0
        world.do(acd.Tick())
        before = world.acd.snapshot()
        if any(isinstance(action, acd.Denied) for action in world.do(world.draw())):
            assert world.acd.snapshot() == before
