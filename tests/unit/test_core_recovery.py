"""The core after a restart: which channels are taken, when they are free again, and what the books say. No wire, no driver."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from appliance._core import CAMPAIGN, Channels
from appliance.clock import ManualClock
from appliance.core.recovery import Recovery
from appliance.ledger import Ledger
from appliance.messages import AttemptEnded, AttemptStarted, CallEnded, CampaignCreated, Event, LegEnded, LegOpened, Subscriber
from drivers.base import OrphanEnded, OrphanFound

CLOCK = ManualClock()


class Wire:
    """The part of a driver that recovery uses."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def end_orphans(self, sip_call_ids: Sequence[str]) -> None:
        self.asked = list(sip_call_ids)


class Books:
    """The part of the desk that recovery uses."""

    def __init__(self) -> None:
        self.noted: list[Event] = []

    def utc(self) -> float:
        return CLOCK.utc()

    def note(self, events: Sequence[Event]) -> None:
        self.noted += events


async def left_open(path: Path, *events: Event) -> None:
    """A ledger as a kill leaves it: a campaign, and these events."""
    ledger = Ledger(path, CLOCK)
    created = CampaignCreated(campaign=ledger.next_campaign(), scenario="701", name="", list="12", lines=2, message="m.wav",
                              message_seconds=5.0, subscribers=1)
    await ledger.append_campaign(created, [Subscriber(index=0, number="+358917700000")])
    await ledger.commit(*events)
    await ledger.close()


def leg(call: str, number: int, sip: str, *, kind: Literal["phone", "line"] = "line", campaign: int = 0) -> LegOpened:
    return LegOpened(call=call, leg=f"{call}-{number}", direction="out", kind=kind,
                     endpoint="gateway" if kind == "line" else "101", sip_call_id=sip, campaign=campaign)


ATTEMPT = AttemptStarted(campaign=1, subscriber=0, attempt=1, call="c1", leg="c1-1", line="gateway")


class Restarted:
    """Recovery over a ledger that was left open, with one line of two channels."""

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger(path, CLOCK)
        self.channels = Channels()
        self.channels.set_line("gateway", 2)
        self.wire = Wire()
        self.books = Books()
        self.before = self.ledger.seq
        self.recovery = Recovery(self.ledger, self.wire, self.channels, self.books)  # type: ignore[arg-type]
        self.recovery.start()

    def free(self) -> int:
        line = self.channels.line("gateway")
        assert line is not None
        return line.channels - line.busy

    async def events(self) -> list[Event]:
        for task in list(self.recovery._tasks):
            await task
        await self.ledger.flush()
        return [record.event for record in self.ledger.reader.read(self.before)]


async def test_a_channel_is_taken_until_its_orphan_is_gone(tmp_path: Path) -> None:
    await left_open(tmp_path, ATTEMPT, leg("c1", 1, "sip-1", campaign=1))
    box = Restarted(tmp_path)
    assert box.wire.asked == ["sip-1"] and box.free() == 1 and box.recovery.pending == 1
    assert box.channels.in_use(1) == 1, "it counts towards the campaign's share as well"
    freed: list[int] = []
    box.recovery.on_free = lambda: freed.append(box.free())
    box.recovery.on_orphan(OrphanFound(sip_call_id="sip-1", line="gateway"))
    assert box.free() == 1 and await box.events() == []
    box.recovery.on_orphan(OrphanEnded(sip_call_id="sip-1", line="gateway"))
    assert box.free() == 2 and box.recovery.pending == 0 and freed == [2]
    ended, outcome, over = await box.events()
    assert isinstance(ended, LegEnded) and ended.cause.by == "restart"
    assert isinstance(outcome, AttemptEnded) and outcome.outcome == "interrupted" and box.books.noted == [outcome]
    assert over == CallEnded(call="c1", disposition="interrupted")
    await box.ledger.close()


async def test_a_committed_outcome_stands(tmp_path: Path) -> None:
    success = AttemptEnded(campaign=1, subscriber=0, attempt=1, call="c1", outcome="confirmed", line="gateway")
    await left_open(tmp_path, ATTEMPT, leg("c1", 1, "sip-1", campaign=1), success)
    box = Restarted(tmp_path)
    box.recovery.on_orphan(OrphanEnded(sip_call_id="sip-1", line="gateway"))
    assert not any(isinstance(event, AttemptEnded) for event in await box.events())
    assert box.books.noted == []
    await box.ledger.close()


async def test_a_far_end_that_is_silent_frees_the_channel_too(tmp_path: Path) -> None:
    await left_open(tmp_path, ATTEMPT, leg("c1", 1, "sip-1", campaign=1))
    box = Restarted(tmp_path)
    box.recovery.on_orphan(OrphanEnded(sip_call_id="sip-1", ended=False, detail="not in the journal"))
    assert box.free() == 2
    assert any(isinstance(event, CallEnded) for event in await box.events())
    await box.ledger.close()


async def test_a_call_of_two_legs_closes_with_the_last(tmp_path: Path) -> None:
    await left_open(tmp_path, leg("c1", 1, "sip-1", kind="phone"), leg("c1", 2, "sip-2"))
    box = Restarted(tmp_path)
    assert box.free() == 1
    box.recovery.on_orphan(OrphanEnded(sip_call_id="sip-2", line="gateway"))
    assert box.free() == 2 and await box.events() == []
    box.recovery.on_orphan(OrphanEnded(sip_call_id="sip-1"))
    assert [type(event) for event in await box.events()] == [LegEnded, LegEnded, CallEnded]
    await box.ledger.close()


async def test_two_legs_of_one_sip_call_are_both_closed_once(tmp_path: Path) -> None:
    """A call that came back to us over a proxy: one Call-ID, two calls of ours, two dialogs."""
    await left_open(tmp_path, leg("c1", 1, "sip-1"), leg("c2", 1, "sip-1"))
    box = Restarted(tmp_path)
    for _ in range(2):
        box.recovery.on_orphan(OrphanEnded(sip_call_id="sip-1", line="gateway"))
    assert box.free() == 2
    events = await box.events()
    assert sorted(event.call for event in events if isinstance(event, CallEnded)) == ["c1", "c2"]
    assert not any(isinstance(event, LegOpened) for event in events)
    await box.ledger.close()


async def test_what_only_the_driver_knew_takes_a_channel_and_gets_a_record(tmp_path: Path) -> None:
    """Killed within the 100 ms in which a phone's call is not in the ledger yet."""
    await left_open(tmp_path)
    box = Restarted(tmp_path)
    box.recovery.on_orphan(OrphanFound(sip_call_id="sip-9", line="gateway"))
    assert box.free() == 1
    assert box.channels.seize("new", ["gateway"], CAMPAIGN, 1)[0] == "gateway"
    assert box.channels.seize("another", ["gateway"], CAMPAIGN, 1) == (None, "full")
    box.recovery.on_orphan(OrphanEnded(sip_call_id="sip-9", line="gateway", ended=False, detail="silent"))
    assert box.free() == 1
    await box.events()
    cdr = box.ledger.reader.cdr_of_sip("sip-9")
    assert cdr is not None and cdr.disposition == "interrupted"
    assert [(x.kind, x.endpoint, x.direction) for x in cdr.legs] == [("line", "gateway", "out")]
    await box.ledger.close()


async def test_a_call_that_was_given_up_before_gets_no_second_record(tmp_path: Path) -> None:
    """The line was silent, the call was closed in the books, the driver still waited to see it off when the core died."""
    opened = leg("c1", 1, "sip-1", campaign=1)
    outcome = AttemptEnded(campaign=1, subscriber=0, attempt=1, call="c1", outcome="no_line", line="gateway")
    await left_open(tmp_path, ATTEMPT, opened, LegEnded(leg=opened.leg), outcome, CallEnded(call="c1", disposition="failed"))
    box = Restarted(tmp_path)
    assert box.wire.asked == [] and box.free() == 2
    box.recovery.on_orphan(OrphanFound(sip_call_id="sip-1", line="gateway"))
    assert box.free() == 1
    box.recovery.on_orphan(OrphanEnded(sip_call_id="sip-1", line="gateway", ended=False, detail="silent"))
    assert box.free() == 2
    assert await box.events() == []
    await box.ledger.close()


async def test_a_phone_that_only_the_driver_knew_is_no_line(tmp_path: Path) -> None:
    await left_open(tmp_path)
    box = Restarted(tmp_path)
    box.recovery.on_orphan(OrphanFound(sip_call_id="sip-9", line="101"))
    box.recovery.on_orphan(OrphanEnded(sip_call_id="sip-9", line="101"))
    await box.events()
    cdr = box.ledger.reader.cdr_of_sip("sip-9")
    assert cdr is not None and [(x.kind, x.endpoint) for x in cdr.legs] == [("phone", "101")]
    await box.ledger.close()


async def test_what_was_over_before_the_kill_gets_a_record_where_it_has_none(tmp_path: Path) -> None:
    """The driver tells of every dialog that ended of late; the ledger knows of some only in part."""
    await left_open(
        tmp_path, leg("c1", 1, "sip-1"), LegEnded(leg=leg("c1", 1, "sip-1").leg), CallEnded(call="c1", disposition="answered"),
        leg("c2", 1, "sip-2"), leg("c2", 2, "sip-3"), LegEnded(leg=leg("c2", 1, "sip-2").leg),
    )
    box = Restarted(tmp_path)
    for sip in ("sip-4", "sip-3", "sip-2", "sip-1", "sip-4"):
        box.recovery.on_orphan(OrphanEnded(sip_call_id=sip, line="gateway"))
    await box.events()
    cdrs = box.ledger.reader.cdrs()
    assert sorted((cdr.disposition, *(x.sip_call_id for x in cdr.legs)) for cdr in cdrs) == [
        ("answered", "sip-1"), ("interrupted", "sip-2", "sip-3"), ("interrupted", "sip-4")]
    assert box.free() == 2
    await box.ledger.close()
