"""What the desks follow of the ledger: read once, in slices, anew after an erasure, and never while a page waits."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance import messages as m
from appliance.ledger import Ledger
from appliance.ledger.reader import LedgerReader
from tests.deskkit import NUMBER, PAST, write
from tests.peers.net import PATIENCE, wait_for
from tests.webkit import Pages
from web.desk import follow as follow_module
from web.desk.follow import AGAIN_SECONDS, ERASED_SECONDS, Follow, Look


@pytest.fixture
def pages(tmp_path: Path, pages: Pages) -> Pages:
    """With a past."""
    asyncio.run(write(tmp_path, pages, PAST, []))
    return pages


def test_the_ledger_is_read_once_and_then_followed(tmp_path: Path, pages: Pages) -> None:
    follow = Follow(tmp_path, pages.clock, lambda: pages.box.config)
    assert [each.contact for each in follow.missed()] == ["lost"] and follow.number("c0") == NUMBER
    read: list[int] = []
    assert follow._reader is not None
    original = follow._reader.follow
    follow._reader.follow = lambda after=0, page=1000: read.append(after) or original(after, page)  # type: ignore[method-assign,func-returns-value]
    last = follow._reader.last_seq()
    assert follow.missed() and read == [last]
    follow.close()
    with_none = Follow(tmp_path / "nothing", pages.clock, lambda: pages.box.config)
    assert with_none.missed() == [] and with_none.talks("anna") == []


def test_it_is_followed_in_slices_before_anybody_looks(tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """A week before the first page, a campaign's night before the first of the morning: the page had to read it."""
    monkeypatch.setattr(follow_module, "SLICE", 3)
    monkeypatch.setattr(follow_module, "LOOK_SECONDS", 0.01)
    follow, read = Follow(tmp_path, pages.clock, lambda: pages.box.config), list[int]()
    folds = Look.catch_up

    def counted(self: Look, *args: Any) -> bool:
        before = self.seq
        more = folds(self, *args)
        read.append(self.seq - before)
        return more

    monkeypatch.setattr(Look, "catch_up", counted)
    follow.start()

    def up_to_date() -> bool:
        with LedgerReader(tmp_path / "ledger") as reader:
            return follow._now is not None and follow._now.seq == reader.last_seq()

    wait_for(up_to_date, 10, "the past is read")
    assert max(read) == 3 and sum(read) > 6
    asyncio.run(write(tmp_path, pages, [m.LegOpened(call="c9", leg="c9-1", direction="in", kind="line", endpoint="gateway")], []))
    wait_for(up_to_date, 10, "what is new is read")
    assert [each.contact for each in follow.missed()] == ["lost"]
    follow.close()


def test_a_page_does_not_wait_while_the_week_is_read_anew(tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a million events take seconds: desks show what they showed, and what comes in meanwhile."""
    follow = Follow(tmp_path, pages.clock, lambda: pages.box.config)
    assert [each.contact for each in follow.missed()] == ["lost"]
    before, reading, go_on = follow._now, threading.Event(), threading.Event()
    begin = follow._fresh

    def slowly(reader: LedgerReader) -> Look:
        reading.set()
        assert go_on.wait(PATIENCE)
        return begin(reader)

    monkeypatch.setattr(follow, "_fresh", slowly)
    pages.clock.advance(AGAIN_SECONDS + 1)
    try:
        assert follow.missed() and reading.wait(PATIENCE)
        asyncio.run(write(tmp_path, pages, [
            msgspec.structs.replace(event, contact="new", caller="third") if isinstance(event, m.ContactQueued)
            else msgspec.structs.replace(event, contact="new") for event in PAST
            if isinstance(event, m.ContactQueued | m.ContactLeft) and event.contact == "lost"], []))
        assert [each.contact for each in follow.missed()] == ["lost", "new"] and follow._now is before
    finally:
        go_on.set()
    wait_for(lambda: follow._now is not before, 10, "all to be read anew")
    assert [each.contact for each in follow.missed()] == ["lost", "new"]
    follow.close()


def test_the_week_is_read_anew_once_after_somebody_is_erased(tmp_path: Path, pages: Pages) -> None:
    follow, looks = Follow(tmp_path, pages.clock, lambda: pages.box.config), []

    def later(seconds: float) -> None:
        pages.clock.advance(seconds)
        follow.missed()
        wait_for(lambda: follow._anew is None, 10, "what is read anew")
        looks.append(follow._now)

    later(0)
    erased = m.AuditNoted(at=pages.clock.utc(), by="admin", what="person.erase", target="x")
    asyncio.run(write(tmp_path, pages, [erased], []))  # an hour goes by with it
    follow.close()
    follow = Follow(tmp_path, pages.clock, lambda: pages.box.config)
    looks.clear()
    for seconds in (0, ERASED_SECONDS + 1, ERASED_SECONDS + 1):
        later(seconds)
    assert looks[0] is looks[1] is looks[2]  # an erasure that is over is no reason
    follow.close()


def test_who_is_erased_goes_from_the_desks_a_moment_later(tmp_path: Path, pages: Pages) -> None:
    follow = Follow(tmp_path, pages.clock, lambda: pages.box.config)
    assert follow.missed()
    before = follow._now
    ledger = Ledger(tmp_path / "ledger", pages.clock)
    ledger.commit_now(m.AuditNoted(at=pages.clock.utc(), by="admin", what="person.erase", target="x"))
    ledger.close_now()
    for seconds in (0.0, ERASED_SECONDS + 1):
        pages.clock.advance(seconds)
        follow.missed()
    wait_for(lambda: follow._now is not before, 10, "all to be read anew")
    assert follow.missed()
    follow.close()


def test_a_ledger_that_cannot_be_read_does_not_fill_the_log(
    tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What went wrong stands there once a minute, not once a second for as long as it takes somebody to see to it."""
    broken = tmp_path / "broken"
    (broken / "ledger").mkdir(parents=True)
    (broken / "ledger" / "data.mdb").write_bytes(bytes(range(256)) * 32)
    follow, rests = Follow(broken, pages.clock, lambda: pages.box.config), list[float]()

    def wait(seconds: float) -> bool:
        rests.append(seconds)
        return len(rests) > 2

    monkeypatch.setattr(follow._stop, "wait", wait)
    follow._stays()
    assert rests == [follow_module.NAP_SECONDS, follow_module.TRY_AGAIN_SECONDS, follow_module.TRY_AGAIN_SECONDS]
    assert len([each for each in caplog.records if each.exc_info]) == 2
    follow.close()
