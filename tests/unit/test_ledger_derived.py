"""Tables that the ledger derives: calls that are open, and calls by queue and agent, also where an earlier release wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance import messages as m
from appliance.clock import ManualClock
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger, LedgerReader, interrupted_all
from appliance.ledger.rebuild import check, rebuild
from appliance.ledger.store import YOUNGER
from tests.ledgerkit import opened


async def test_open_calls_are_found_wherever_their_table_stands(tmp_path: Path, clock: ManualClock) -> None:
    """The table of open calls follows in steps; a start finds every call that is open, and none that is over."""
    ledger = Ledger(tmp_path, clock, "boot-1", reserve_bytes=0)
    await ledger.commit(opened("early", "early-1"))
    for n in range(1500):
        ledger.append(opened(f"s{n}", f"s{n}-1"))
        ledger.append(m.CallEnded(call=f"s{n}", disposition="busy"))
        if n % 100 == 0:
            await ledger.flush()
            ledger.append(opened(f"stays{n}", f"stays{n}-1"))
    ledger.append(m.CallEnded(call="early", disposition="busy"))
    ledger.append(m.CallEnded(call="stays100", disposition="busy"))
    await ledger.close()
    wanted = [f"stays{n}" for n in range(0, 1500, 100) if n != 100]
    for _ in range(2):  # a start changes nothing
        ledger = Ledger(tmp_path, clock, "boot-1", reserve_bytes=0)
        assert sorted(call.call for call in ledger.open_calls()) == sorted(wanted)
        await ledger.close()
        assert check(tmp_path).open_calls == len(wanted)
    rebuild(tmp_path)
    ledger = Ledger(tmp_path, clock, "boot-1", reserve_bytes=0)
    await ledger.commit(*interrupted_all(ledger.open_calls()))
    await ledger.close()
    assert check(tmp_path).open_calls == 0 and check(tmp_path).problems == []


async def test_a_table_of_open_calls_without_a_mark_is_complete(tmp_path: Path, clock: ManualClock) -> None:
    """As earlier releases left it."""
    ledger = Ledger(tmp_path, clock, "boot-1", reserve_bytes=0)
    await ledger.commit(opened(), m.LegRinging(leg="l1"))
    await ledger.flush()
    with ledger._store.write() as (txn, dbs):
        txn.delete(b"\0", db=dbs["open"])
        txn.put(b"c1", (1).to_bytes(8, "big") + (2).to_bytes(8, "big"), db=dbs["open"])
    await ledger.close()
    for _ in range(3):
        ledger = Ledger(tmp_path, clock, "boot-1", reserve_bytes=0)
        (leg,) = ledger.open_legs()
        assert leg.opened.leg == "l1"
        await ledger.flush()
        await ledger.close()
def queue_call(call: str, queue: str, agent: str, *more: m.Event) -> list[m.Event]:
    """A call over the gateway that an agent has from a queue."""
    return [opened(call, f"{call}-1", direction="in"), m.ContactQueued(at=1.0, contact=call, queue=queue),
            m.ContactConnected(at=2.0, contact=call, agent=agent, queue=queue), *more,
            m.CallEnded(call=call, disposition="answered")]


def found(ledger: Ledger | LedgerReader, **asked: str) -> list[str]:
    reader = ledger.reader if isinstance(ledger, Ledger) else ledger
    return [cdr.call for cdr in reader.cdrs(**asked)]  # type: ignore[arg-type]


async def test_calls_are_found_by_queue_and_agent(tmp_path: Path, clock: ManualClock) -> None:
    ledger = Ledger(tmp_path, clock, "boot-1", reserve_bytes=0)

    async def say(*events: m.Event) -> None:
        for event in events:
            clock.advance(1)
            await ledger.commit(event)

    await say(*queue_call("c1", "front", "anna"))
    handed = m.ContactHandedOver(at=3.0, contact="c2", agent="boris", to="anna", queue="billing")
    await say(*queue_call("c2", "billing", "boris", handed, m.ContactQueued(at=4.0, contact="c2", queue="front")))
    await say(opened("c3", "c3-1"), m.CallReached(call="c3", target="extension:101"), m.CallEnded(call="c3", disposition="busy"))
    await say(opened("c4", "c4-1"), m.CallReached(call="c4", target="callback:billing"),
              m.CallEnded(call="c4", disposition="answered"))
    await say(opened("c5", "c5-1"), m.ContactQueued(at=1.0, contact="c5", queue="front"))  # open over a restart
    await say(m.ContactConnected(at=9.0, contact="c3", agent="boris", queue="sales"),  # called back when the call was over
              m.ContactQueued(at=9.0, contact="mail-1", queue="front"))
    await ledger.close()
    ledger = Ledger(tmp_path, clock, "boot-1", reserve_bytes=0)
    await say(m.CallEnded(call="c5", disposition="no_answer"))

    def all_of_it() -> None:
        with LedgerReader(tmp_path) as reader:
            assert reader.knows_places()
            assert found(reader, queue="front") == ["c1", "c2", "c5"] and found(reader, queue="billing") == ["c2", "c4"]
            assert found(reader, queue="sales") == ["c3"] and found(reader, queue="nowhere") == []
            assert found(reader, agent="anna") == ["c1", "c2"] and found(reader, agent="boris") == ["c2", "c3"]
            assert found(reader, queue="front", agent="boris") == ["c2"] and found(reader, queue="front", line="no") == []
            assert [row.call for row in reader.rows(queue="front", newest_first=True, limit=2)] == ["c5", "c2"]

    all_of_it()
    await ledger.close()
    rebuild(tmp_path)
    all_of_it()
    assert check(tmp_path).problems == []


async def test_a_ledger_of_an_earlier_release_knows_places_once_it_is_rebuilt(tmp_path: Path, clock: ManualClock) -> None:
    ledger = Ledger(tmp_path, clock, "boot-1", reserve_bytes=0)
    for event in queue_call("c1", "front", "anna"):
        await ledger.commit(event)
    with ledger._store.write() as (txn, dbs):
        for name in YOUNGER:  # as it was: not there at all
            txn.drop(dbs[name], delete=True)
    await ledger.close()
    with LedgerReader(tmp_path) as reader:
        assert not reader.knows_places() and found(reader) == ["c1"]
        with pytest.raises(SwitchroomError) as unknown:
            found(reader, queue="front")
        assert unknown.value.id == "ledger.no-places"
    ledger = Ledger(tmp_path, clock, "boot-1", reserve_bytes=0)
    for event in queue_call("c2", "front", "anna"):
        await ledger.commit(event)
    assert not ledger.reader.knows_places() and found(ledger) == ["c1", "c2"]
    await ledger.close()
    assert check(tmp_path).problems == []
    rebuild(tmp_path)
    with LedgerReader(tmp_path) as reader:
        assert reader.knows_places() and found(reader, queue="front", agent="anna") == ["c1", "c2"]
