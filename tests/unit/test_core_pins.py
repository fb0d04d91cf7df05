"""The guard against guessing PINs."""

from __future__ import annotations

import pytest

from appliance.clock import ManualClock
from appliance.config.features import Codes
from appliance.core.pins import PinGuard


class States:
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    def get_state(self, namespace: str, key: str) -> bytes | None:
        return self.kept.get((namespace, key))

    def put_state(self, namespace: str, key: str, value: bytes | None) -> None:
        if value is None:
            self.kept.pop((namespace, key), None)
        else:
            self.kept[namespace, key] = value


@pytest.fixture
def states() -> States:
    return States()


def guard(states: States, clock: ManualClock) -> PinGuard:
    return PinGuard(states, clock, lambda: Codes(pin_tries=3, pin_lock_minutes=10))


def test_a_few_wrong_ones_shut_the_door_even_for_the_right_one(states: States, clock: ManualClock) -> None:
    pins = guard(states, clock)
    assert [pins.check("agent:anna", "1101", wrong) for wrong in ("1", "", "9999")] == [False] * 3
    assert pins.locked("agent:anna") == pytest.approx(10)
    assert not pins.check("agent:anna", "1101", "1101")
    assert pins.check("agent:boris", "1102", "1102")
    clock.advance(601)
    assert not pins.locked("agent:anna") and pins.check("agent:anna", "1101", "1101")


def test_it_is_remembered_over_a_restart_and_holds_no_pin(states: States, clock: ManualClock) -> None:
    for _ in range(3):
        guard(states, clock).check("agent:anna", "1101", "5678")
    assert guard(states, clock).locked("agent:anna") > 9
    assert not any(b"5678" in kept or b"1101" in kept for kept in states.kept.values())


def test_the_right_one_and_time_make_wrong_ones_forgotten(states: States, clock: ManualClock) -> None:
    pins = guard(states, clock)
    for _ in range(5):
        assert not pins.check("agent:anna", "1101", "0") and not pins.check("agent:anna", "1101", "0")
        assert pins.check("agent:anna", "1101", "1101")
    for _ in range(5):
        pins.check("agent:anna", "1101", "0")
        pins.check("agent:anna", "1101", "0")
        clock.advance(601)
        assert not pins.locked("agent:anna")
