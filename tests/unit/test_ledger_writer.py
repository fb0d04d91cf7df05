"""The ledger as the core uses it: order, durability classes, refusals, campaigns, state records, restart."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from appliance import messages as m
from appliance.clock import ManualClock
from appliance.errors import SwitchroomError
from appliance.ledger import DURABILITY, Durability, Ledger, LedgerReader, batch, interrupted_all
from appliance.ledger.store import Dbs, Store
from tests.ledger_samples import SAMPLES
from tests.ledgerkit import created, ended, opened, started
from tests.peers.net import PATIENCE

SAMPLE = {type(event): event for event in SAMPLES}


def test_every_event_has_a_class() -> None:
    assert set(DURABILITY) == set(m.EVENTS)


async def test_order_is_that_of_the_calls(ledger: Ledger) -> None:
    first = ledger.commit(opened())
    ledger.append(m.LegRinging(leg="l1"))
    second = ledger.commit(opened("c2", "l2"))
    ledger.append(m.LegAnswered(leg="l1"))
    assert await second == 3
    assert await first == 1
    await ledger.flush()
    names = [type(record.event).__name__ for record in ledger.reader.read()]
    assert names == ["LegOpened", "LegRinging", "LegOpened", "LegAnswered"]


async def test_an_appended_event_gets_to_disk_by_itself(ledger: Ledger) -> None:
    ledger.append(m.LineChanged(line="gateway", up=True))
    async with asyncio.timeout(PATIENCE):
        while not ledger.reader.read():
            await asyncio.sleep(0.005)
    assert ledger.seq == 1


@pytest.mark.parametrize("cls", [cls for cls, durability in DURABILITY.items() if durability is Durability.COMMIT])
async def test_append_refuses_what_must_be_committed(ledger: Ledger, cls: type[m.Event]) -> None:
    with pytest.raises(SwitchroomError) as refused:
        ledger.append(SAMPLE[cls])
    assert refused.value.id == "ledger.needs-commit"


async def test_an_attempt_starts_once_and_ends_once(ledger: Ledger) -> None:
    assert ledger.attempt(7, 3, 1) is None
    await ledger.commit(started(), opened(campaign=7))
    assert ledger.attempt(7, 3, 1) == started()
    with pytest.raises(SwitchroomError) as twice:
        await ledger.commit(started(call="c2", leg="l2"), opened("c2", "l2"))
    assert twice.value.id == "ledger.duplicate-attempt"
    assert ledger.reader.last_seq() == 2, "the whole group is refused"
    await ledger.commit(ended())
    with pytest.raises(SwitchroomError) as again:
        await ledger.commit(ended(outcome="busy"))
    assert again.value.id == "ledger.attempt-ended"
    found = ledger.attempt(7, 3, 1)
    assert isinstance(found, m.AttemptEnded)
    assert found.outcome == "heard"
    await ledger.commit(started(2, "c3", "l3"))


async def test_duplicates_within_one_commit_and_one_transaction(ledger: Ledger) -> None:
    with pytest.raises(SwitchroomError):
        await ledger.commit(started(), started())
    results = await asyncio.gather(ledger.commit(started()), ledger.commit(started()), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["SwitchroomError", "int"]


async def test_an_event_that_cannot_be_stored_holds_up_nobody(ledger: Ledger) -> None:
    bad = ledger.commit(m.ReportSent(campaign=7, to=[], mail_id="\ud800"))
    good = ledger.commit(m.ReportSent(campaign=7, to=[], mail_id="1"))
    with pytest.raises(SwitchroomError) as refused:
        await bad
    assert refused.value.id == "ledger.unencodable"
    assert await good == 1


async def test_a_campaign_comes_with_its_subscribers(ledger: Ledger, tmp_path: Path) -> None:
    assert ledger.next_campaign() == 1
    people = [m.Subscriber(index=i, number=f"+3584000000{i}", name=f"N{i}", row=i + 1, extra={"flat": "A"}) for i in range(5)]
    await ledger.append_campaign(created(7, 5), people)
    with pytest.raises(SwitchroomError) as twice:
        await ledger.append_campaign(created(7, 5), people)
    assert twice.value.id == "ledger.duplicate-campaign"
    await ledger.commit(started())
    await ledger.commit(m.CampaignStateChanged(campaign=7, state="paused", reason="lunch"))
    with LedgerReader(tmp_path / "ledger") as reader:
        assert reader.subscribers(7) == people
        assert reader.subscribers(6) == []
        (info,) = reader.campaigns()
        assert (info.created, info.state, info.reason) == (created(7, 5), "paused", "lunch")
        events = reader.campaign_events(7)
        assert [type(record.event) for record in events] == [m.CampaignCreated, m.AttemptStarted, m.CampaignStateChanged]
        assert reader.campaign_events(7, after_seq=events[0].seq) == events[1:]


async def test_campaign_numbers_are_never_given_twice(tmp_path: Path, clock: ManualClock) -> None:
    ledger = Ledger(tmp_path, clock, reserve_bytes=0)
    await ledger.append_campaign(created(ledger.next_campaign()), [])
    await ledger.append_campaign(created(ledger.next_campaign()), [])
    await ledger.close()
    ledger = Ledger(tmp_path, clock, reserve_bytes=0)
    assert ledger.next_campaign() == 3
    await ledger.close()


async def test_one_writer_only(ledger: Ledger, clock: ManualClock) -> None:
    with pytest.raises(SwitchroomError) as locked:
        Ledger(ledger.path, clock)
    assert locked.value.id == "ledger.locked"


async def test_what_is_noted_of_each_call_is_not_kept_in_memory(tmp_path: Path, clock: ManualClock) -> None:
    ledger = Ledger(tmp_path, clock, reserve_bytes=0)
    for name in ("a", "b", "c"):
        ledger.put_state("late", name, name.encode())
    ledger.put_state("lamps", "1", b"before")
    ledger.put_state("seats", "1", b"after")
    await ledger.flush()
    assert ledger.get_state("late", "b") == b"b" and not ledger._states["late"]
    await ledger.close()
    ledger = Ledger(tmp_path, clock, reserve_bytes=0)
    assert ledger._states == {"lamps": {"1": b"before"}, "seats": {"1": b"after"}}
    assert ledger.get_state("late", "c") == b"c" and ledger.get_state("late", "d") is None
    await ledger.close()


async def test_state_records_survive_and_vanish(tmp_path: Path, clock: ManualClock) -> None:
    ledger = Ledger(tmp_path, clock, reserve_bytes=0)
    ledger.put_state("registration", "101", b"contact")
    ledger.put_state("registration", "102", b"other")
    ledger.put_state("registrations", "103", b"another namespace")
    ledger.put_state("registration", "102", None)
    assert ledger.states("registration") == {"101": b"contact"}
    await ledger.close()
    ledger = Ledger(tmp_path, clock, reserve_bytes=0)
    assert ledger.get_state("registration", "101") == b"contact"
    assert ledger.get_state("registration", "102") is None
    assert ledger.reader.states("registration") == {"101": b"contact"}
    await ledger.close()


async def test_a_restart_finds_what_was_open_and_closes_it(tmp_path: Path, clock: ManualClock) -> None:
    ledger = Ledger(tmp_path, clock, "boot-1", reserve_bytes=0)
    await ledger.commit(started(), opened(campaign=7, sip_call_id="sip-1", name="Ann"))
    clock.advance(2)
    ledger.append(m.LegAnswered(leg="l1", codec="PCMA"))
    await ledger.commit(opened("c2", "l2", kind="phone", endpoint="101", direction="in"))
    ledger.append(m.LegEnded(leg="l2"))
    await ledger.commit(opened("c3", "l3"))
    ledger.append(m.LegEnded(leg="l3"))
    ledger.append(m.CallEnded(call="c3", disposition="no_answer"))
    await ledger.close()

    clock.advance(60)
    ledger = Ledger(tmp_path, clock, "boot-1", reserve_bytes=0)
    (leg,) = ledger.open_legs()
    assert leg.opened == opened(campaign=7, sip_call_id="sip-1", name="Ann")
    assert leg.answered
    assert leg.attempt == started()
    events = interrupted_all(ledger.open_calls())
    await ledger.commit(*events)
    attempt = ledger.attempt(7, 3, 1)
    assert isinstance(attempt, m.AttemptEnded)
    assert attempt.outcome == "interrupted"
    cdrs = ledger.reader.cdrs()
    assert [(cdr.call, cdr.disposition) for cdr in cdrs] == [("c1", "interrupted"), ("c2", "interrupted"), ("c3", "no_answer")]
    assert cdrs[0].legs[0].cause.by == "restart"
    assert cdrs[0].talk == 60.0
    await ledger.close()
    ledger = Ledger(tmp_path, clock, "boot-1", reserve_bytes=0)
    assert ledger.open_calls() == []
    await ledger.close()


async def test_a_committed_outcome_stands_after_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    ledger = Ledger(tmp_path, clock, "boot-1", reserve_bytes=0)
    await ledger.commit(started(), opened(campaign=7))
    await ledger.commit(ended(outcome="confirmed"))
    await ledger.close()
    ledger = Ledger(tmp_path, clock, "boot-2", reserve_bytes=0)
    await ledger.commit(*interrupted_all(ledger.open_calls()))
    (cdr,) = ledger.reader.cdrs()
    assert (cdr.outcome, cdr.disposition, cdr.duration) == ("confirmed", "interrupted", 0.0)
    await ledger.close()


async def test_the_queue_is_bounded(tmp_path: Path, clock: ManualClock) -> None:
    ledger = Ledger(tmp_path, clock, reserve_bytes=0, queue_limit=50)
    with pytest.raises(SwitchroomError) as full:
        for _ in range(1_000_000):
            ledger.append(m.LineChanged(line="gateway", up=True))
    assert full.value.id == "ledger.full"
    await ledger.close()


async def test_a_cancelled_wait_is_written_all_the_same(ledger: Ledger) -> None:
    ledger.commit(opened()).cancel()
    assert await ledger.flush() == 1
    assert len(ledger.reader.read()) == 1


async def test_readers_hear_of_growth_and_find_by_time(tmp_path: Path, clock: ManualClock) -> None:
    heard: list[int] = []
    ledger = Ledger(tmp_path, clock, reserve_bytes=0, on_written=heard.append)
    for _ in range(5):
        await ledger.commit(m.ConfigApplied(version=1))
        clock.advance(10)
    assert heard == [1, 2, 3, 4, 5]
    start = clock.utc() - 50
    assert [ledger.reader.seq_at(start + s) for s in (0, 10, 11, 40, 41)] == [0, 1, 2, 4, 5]
    await ledger.close()


async def test_the_map_grows_by_itself(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.ledger.store.START_MAP", 1 << 20)
    monkeypatch.setattr("appliance.ledger.writer.MIN_ROOM", 0)
    ledger = Ledger(tmp_path, clock, reserve_bytes=0)
    text = "x" * 10_000
    for base in range(0, 2000, 200):
        await asyncio.gather(*(ledger.commit(m.ConfigApplied(version=base + i, summary=text)) for i in range(200)))
    assert [record.seq for record in ledger.reader.follow()] == list(range(1, 2001))
    assert ledger._store.env.info()["map_size"] > 1 << 20
    await ledger.close()


def test_without_an_event_loop(tmp_path: Path, clock: ManualClock) -> None:
    ledger = Ledger(tmp_path, clock, reserve_bytes=0)
    assert ledger.commit_now(opened(), m.LegRinging(leg="l1")) == 2
    ledger.close_now()
    with LedgerReader(tmp_path) as reader:
        assert reader.last_seq() == 2


def test_a_reader_of_nothing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SwitchroomError) as missing:
        LedgerReader(tmp_path)
    assert missing.value.id == "ledger.missing"


FILL = """
import sys
from pathlib import Path
from appliance.ledger.store import Store
writer = Store(Path(sys.argv[1]), True)
writer.create()
meta = writer.env.open_db(b"meta")
with writer.env.begin(write=True) as txn:
    for number in range(int(sys.argv[2])):
        txn.put(b"filler-%s-%d" % (sys.argv[2].encode(), number), bytes(4000), db=meta)
writer.env.close()
"""


def test_a_reader_whose_map_is_outgrown_before_its_first_look(tmp_path: Path) -> None:
    """A reader's map begins as large as the file then is; a busy box adds pages before it has looked up its tables."""

    def fill(count: int) -> None:
        subprocess.run([sys.executable, "-c", FILL, str(tmp_path), str(count)], check=True, cwd=Path(__file__).parents[2])

    fill(400)
    reader = Store(tmp_path, False)
    fill(800)
    with reader.read() as (txn, dbs):
        assert txn.get(b"filler-800-799", db=dbs["meta"]) is not None
    reader.env.close()


async def test_an_item_that_breaks_the_transaction_takes_no_other_with_it(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong inside, nobody is left waiting and the rest is written."""
    real = batch.Batch._group

    def group(self: batch.Batch, txn: object, dbs: Dbs, group: batch.Group) -> None:
        real(self, txn, dbs, group)
        if any(isinstance(event, m.ReportSent) and event.mail_id == "bad" for event, _, _ in group.events):
            raise KeyError("a bug")

    monkeypatch.setattr(batch.Batch, "_group", group)
    first = ledger.commit(m.ReportSent(campaign=7, to=[], mail_id="1"))
    bad = ledger.commit(m.ReportSent(campaign=7, to=[], mail_id="bad"))
    last = ledger.commit(m.ReportSent(campaign=7, to=[], mail_id="2"))
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(SwitchroomError) as refused:
            await bad
        assert refused.value.id == "ledger.unstorable"
        assert await first == 1
        assert await last == 2
    assert [r.event.mail_id for r in ledger.reader.read() if isinstance(r.event, m.ReportSent)] == ["1", "2"]
