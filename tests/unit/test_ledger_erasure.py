"""Erasing a person: every text that names them goes, others' stay, and what earlier releases left goes too."""

from __future__ import annotations

import msgspec

from appliance import messages as m
from appliance.clock import ManualClock
from appliance.ledger import ERASED, Ledger
from appliance.ledger._derive import encode
from appliance.ledger.codec import decode
from appliance.ledger.store import U64, Store
from tests.ledgerkit import created, opened


async def test_erasing_a_person(ledger: Ledger, clock: ManualClock) -> None:
    ann = m.Subscriber(index=0, number="+358401234567", name="Ann", row=1, extra={"x": "y"})
    people = [ann, m.Subscriber(index=1, number="+1")]
    await ledger.append_campaign(created(7, 2), people)
    await ledger.commit(opened(name="Ann"))
    await ledger.commit(opened("c2", "l2", number="+358409999999", name="Ann"))
    ledger.append(m.CallEnded(call="c1", disposition="busy"))
    ledger.append(m.CallEnded(call="c2", disposition="busy"))
    await ledger.flush()
    assert await ledger.erase("+358401234567") == 3
    assert await ledger.erase("+358401234567") == 0
    first, second = (x.event for x in ledger.reader.read() if isinstance(x.event, m.LegOpened))
    assert (first.number, first.name) == (ERASED, ERASED)  # type: ignore[union-attr]
    assert (second.number, second.name) == ("+358409999999", "Ann"), "another Ann stays"  # type: ignore[union-attr]
    gone, stays = ledger.reader.cdrs()
    assert (gone.to, gone.legs[0].name) == (ERASED, ERASED)
    assert (stays.to, stays.legs[0].name) == ("+358409999999", "Ann")
    assert ledger.reader.subscribers(7) == [m.Subscriber(index=0, number="", row=1), people[1]]
    assert ledger.reader.cdrs(number="+358401234567") == []
    assert b"358401234567" not in b"".join(_values(ledger._store))
    await ledger.commit(opened("c4", "l4"))
    ledger.append(m.CallEnded(call="c4", disposition="busy"))
    await ledger.flush()
    assert [cdr.call for cdr in ledger.reader.cdrs(number="+358401234567")] == ["c4"], "a new call is a new person"


def _values(store: Store) -> list[bytes]:
    found = []
    with store.read() as (txn, dbs):
        for db in dbs.values():
            with txn.cursor(db=db) as cursor:
                found += [key + value for key, value in cursor]
    return found


async def test_erasing_takes_unreadable_rows_of_lists_along(ledger: Ledger) -> None:
    rows = [m.BadRow(row=2, text="Ann, (040) 123-4567 x", reason="?"), m.BadRow(row=3, text="Bob 050 7777777", reason="?")]
    event = m.CampaignCreated(
        campaign=1, scenario="701", name="", list="1", lines=1, message="", message_seconds=1.0, subscribers=0, bad_rows=rows
    )
    await ledger.append_campaign(event, [])
    assert ledger.reader.read()[0].event == event
    assert await ledger.erase("+358401234567") == 2, "what stood there, and why it is no number"
    (info,) = ledger.reader.campaigns()
    assert [row.text for row in info.created.bad_rows] == [ERASED, "Bob 050 7777777"]
    assert b"123-4567" not in b"".join(_values(ledger._store))


NO_NUMBER = "'(040) 123-4567 x' is no phone number."


def bad_row() -> m.CampaignCreated:
    rows = [m.BadRow(row=2, text="(040) 123-4567 x", reason=NO_NUMBER), m.BadRow(row=3, text="n/a", reason="no number")]
    return msgspec.structs.replace(created(), bad_rows=rows)


async def test_erasing_takes_along_what_is_said_of_an_unreadable_row(ledger: Ledger) -> None:
    await ledger.append_campaign(bad_row(), [])
    assert ledger.reader.read()[0].event == bad_row()
    assert ledger.reader.texts_of("+358401234567") == 2
    assert await ledger.erase("+358401234567") == 2
    (info,) = ledger.reader.campaigns()
    assert [(row.text, row.reason) for row in info.created.bad_rows] == [(ERASED, ERASED), ("n/a", "no number")]
    assert b"123-4567" not in b"".join(_values(ledger._store))


async def test_what_an_earlier_release_said_of_an_unreadable_row_is_erased(ledger: Ledger) -> None:
    """It hid the text of the row, not the reason."""
    await ledger.append_campaign(bad_row(), [])
    with ledger._store.env.begin(write=True) as txn:
        dbs = ledger._store._derived[ledger._store.generation]
        stored = decode(txn.get(U64.pack(1), db=dbs["events"]))
        assert isinstance(stored.event, m.CampaignCreated)
        rows = [msgspec.structs.replace(row, reason=open_.reason)
                for row, open_ in zip(stored.event.bad_rows, bad_row().bad_rows, strict=True)]
        old = msgspec.structs.replace(stored.event, bad_rows=rows)
        txn.put(U64.pack(1), encode(old, stored.utc, stored.mono, stored.boot), db=dbs["events"])
    assert ledger.reader.read()[0].event == bad_row()
    await ledger.erase("+358401234567")
    (info,) = ledger.reader.campaigns()
    assert [(row.text, row.reason) for row in info.created.bad_rows] == [(ERASED, ERASED), ("n/a", "no number")]
    assert b"123-4567" not in b"".join(_values(ledger._store))
