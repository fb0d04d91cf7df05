"""The machine's calendar is set while the queues work: nobody waits longer or shorter, and the ledger's replay finds the same."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from appliance import _core as core
from appliance.acd.of_config import rules_of
from appliance.acd.past import replay
from appliance.clock import ManualClock
from appliance.core.acd import Kept
from appliance.core.openings import Openings
from tests.callslab import in_time
from tests.dispatchlab import Office


@pytest.mark.parametrize("jump", [-3600.0, 3600.0, 86400.0 * 365])
def test_a_calendar_that_is_set_makes_nobody_wait_longer_or_shorter(jump: float) -> None:
    """By NTP on a machine without a clock of its own, in the middle of a call: a phone rings and a caller waits as long as the
    rules say."""

    async def work() -> None:
        clock = ManualClock()
        office = Office(agents=("anna",), clock=clock, ring_seconds=15.0, max_wait_seconds=300.0, retry_seconds=1000.0)
        office.enters()
        assert office.caller.heard()[-1] == "Offer"
        clock._utc += jump
        clock.advance(14.0)
        office.acd.tell(core.Tick())
        assert office.state() == "offered"
        clock.advance(2.0)
        office.acd.tell(core.Tick())
        assert "EndOffer" in office.caller.heard() and office.state() in ("waiting", "offered")
        clock.advance(270.0)
        office.acd.tell(core.Tick())
        assert office.state() in ("waiting", "offered")
        clock.advance(30.0)
        office.acd.tell(core.Tick())
        assert office.caller.acts[-1].reason == "max-wait"  # type: ignore[attr-defined]

    in_time(work())


def test_the_calendar_is_taken_up_again_when_nothing_waits_for_its_time() -> None:
    async def work() -> None:
        clock = ManualClock()
        office = Office(agents=("anna",), clock=clock)
        office.enters()
        clock._utc += 3600.0
        office.acd.tell(core.Tick())
        assert clock.utc() - office.acd.now() == pytest.approx(3600.0)
        office.acd.tell(core.HangUp(office.contact, "caller"))
        clock.advance(60.0)
        office.acd.tell(core.Tick())
        assert office.acd.now() == pytest.approx(clock.utc())
        clock._utc -= 3600.0
        office.acd.tell(core.Tick())  # it does not go back: the gap makes up for it
        assert office.acd.now() - clock.utc() == pytest.approx(3600.0)
        clock.advance(3000.0)
        office.acd.tell(core.Tick())
        assert office.acd.now() - clock.utc() == pytest.approx(600.0)

    in_time(work())


def test_a_calendar_that_was_a_year_ahead_is_followed_when_nothing_waits_also_by_the_replay() -> None:
    """Who has been on a break for a minute has been so for a minute, and what is noted stands at today's time."""

    async def work() -> None:
        year = 365 * 86400.0
        clock = ManualClock()
        office = Office(agents=(), clock=clock)
        office.acd.configure(1)
        for agent in ("anna", "boris"):
            office.acd.tell(core.SignIn(agent, False))
            clock.advance(30.0)
        office.acd.tell(core.Enter("one", "billing"))
        clock._utc -= year
        clock.advance(5.0)
        office.acd.tell(core.HangUp("one", "caller"))
        assert office.acd.now() - clock.utc() == pytest.approx(year)  # somebody waited
        clock.advance(30.0)
        for contact in ("two", "three"):
            office.acd.tell(core.Enter(contact, "billing"))
            office.acd.tell(core.HangUp(contact, "caller"))
        assert office.acd.now() == pytest.approx(clock.utc())
        view = office.acd.core.agent("anna")
        assert view is not None and 90.0 < clock.utc() - view.since < 100.0
        assert office.ledger.events[-1].at == pytest.approx(clock.utc())  # type: ignore[attr-defined]
        again = core.Acd(office.acd.seed)
        for _ in replay(iter(office.ledger.events), lambda version: rules_of(office.lab.config), again):
            pass
        assert again.snapshot() == office.acd.core.snapshot()

    in_time(work())


def test_a_box_whose_clock_was_set_right_while_it_was_off_begins_at_todays_time() -> None:
    async def work() -> None:
        clock = ManualClock()
        before = Office(agents=("anna",), clock=clock)
        kept = msgspec.msgpack.encode(Kept(0, 1, before.acd.core.snapshot(), {}))
        clock._utc -= 365 * 86400.0
        after = Office(agents=(), clock=clock)
        after.ledger.kept["acd", "state"] = kept
        reader = SimpleNamespace(follow=lambda seq: iter(()))
        after.acd.start(SimpleNamespace(reader=reader), lambda version: rules_of(after.lab.config), 1, ())  # type: ignore[arg-type]
        view = after.acd.core.agent("anna")
        assert after.acd.now() == pytest.approx(clock.utc())
        assert view is not None and view.state == "ready" and view.since == pytest.approx(clock.utc())

    in_time(work())


def test_a_box_that_was_off_at_midnight_counts_the_day_anew() -> None:
    async def work() -> None:
        clock = ManualClock()
        before = Office(agents=("anna", "boris"), clock=clock)
        before.enters()
        before.acd.tell(core.Answer(before.contact, "anna"))
        clock.advance(60.0)
        before.acd.tell(core.HangUp(before.contact, "caller"))
        view = before.acd.core.agent("anna")
        assert view is not None and view.contacts == 1
        kept = msgspec.msgpack.encode(Kept(0, 1, before.acd.core.snapshot(), {}))
        clock.advance(86400.0)
        after = Office(agents=(), clock=clock)
        after.ledger.kept["acd", "state"] = kept
        reader = SimpleNamespace(follow=lambda seq: iter(()))
        after.acd.start(SimpleNamespace(reader=reader), lambda version: rules_of(after.lab.config), 1, ())  # type: ignore[arg-type]
        view = after.acd.core.agent("anna")
        assert view is not None and view.contacts == 1
        openings = Openings(after.acd, lambda: after.lab.config)
        openings.look()
        openings.stop()
        view = after.acd.core.agent("anna")
        assert view is not None and view.contacts == 0

    in_time(work())
