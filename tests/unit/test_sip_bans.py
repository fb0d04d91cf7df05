"""Who is banned: thresholds, growth, exemptions, bounds."""

from __future__ import annotations

from appliance.messages import SourceBanned
from drivers.sip.bans import Bans


def fail(bans: Bans, times: int, *, start: float = 0.0, step: float = 1.0) -> list[SourceBanned]:
    decisions = [bans.failure("192.0.2.66", 5060, f"u{i}", start + i * step) for i in range(times)]
    return [d for d in decisions if d]


def test_few_tries_then_banned() -> None:
    bans = Bans()
    assert fail(bans, 4) == []
    [ban] = fail(bans, 1, start=4)
    assert (ban.address, ban.seconds) == ("192.0.2.66", 600)
    assert bans.banned(10) == {"192.0.2.66": 594}
    assert bans.banned(605) == {}


def test_slow_mistakes_are_no_attack() -> None:
    assert fail(Bans(), 50, step=20) == []


def test_bans_grow_and_are_forgotten() -> None:
    bans = Bans(longest=6000)
    seconds, now = [], 0.0
    for _ in range(6):
        [ban] = fail(bans, 5, start=now)
        seconds.append(ban.seconds)
        now += 5 + ban.seconds
    assert seconds == [600, 1200, 2400, 4800, 6000, 6000]
    [ban] = fail(bans, 5, start=now + 2 * 86400)
    assert ban.seconds == 600


def test_our_own_end_points_are_slowed_not_banned() -> None:
    bans = Bans()
    for i in range(100):
        assert bans.failure("192.0.2.7", 5060, "102", i, shared=True, ours=True) is None
    assert bans.banned(100) == {}
    assert bans.throttled("192.0.2.7", "102", 100)
    assert not bans.throttled("192.0.2.7", "101", 100), "another phone behind the same address"
    assert not bans.throttled("192.0.2.8", "102", 100), "the same user elsewhere"
    assert not bans.throttled("192.0.2.7", "102", 100 + 60)


def test_behind_an_address_of_ours_only_the_port_is_banned() -> None:
    bans = Bans()
    decisions = [bans.failure("2001:db8::7", 5062, "x", i, shared=True) for i in range(5)]
    assert decisions[4] is not None
    assert decisions[4].address == "[2001:db8::7]:5062"
    assert bans.failure("2001:db8::7", 5063, "x", 5, shared=True) is None


def test_success_forgives_the_user_not_the_source() -> None:
    bans = Bans()
    fail(bans, 4)
    bans.success("192.0.2.66", "u0")
    assert len(fail(bans, 1, start=5)) == 1


def test_pardon() -> None:
    bans = Bans()
    fail(bans, 5)
    bans.pardon("192.0.2.66")
    assert bans.banned(6) == {}
    assert fail(bans, 4, start=6) == []


def test_memory_is_bounded() -> None:
    bans = Bans(sources_max=100)
    for i in range(1000):
        bans.failure(f"10.0.{i // 250}.{i % 250}", 5060, "x", i)
    assert len(bans._sources) == 100
    assert len(bans._slow) == 100
