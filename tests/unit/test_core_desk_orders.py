"""Starting campaigns: an order that comes twice starts one. Steering them: orders of the same moment come one after the other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from appliance.calls.flows.operator import Draft
from appliance.clock import ManualClock
from appliance.config import Config, loads
from appliance.config.model import Scenario
from appliance.core.desk import Desk
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.messages import CampaignStateChanged
from tests.unit.test_core_attempts import OFFICE


def office(folder: Path) -> tuple[Config, Scenario, Path]:
    """With somebody on its list; scenario 701; and where messages wait that were just recorded."""
    people = folder / "all.csv"
    people.write_text("number\n+358917700001\n", encoding="utf-8")
    config = loads(OFFICE.replace('"all.csv"', f'"{people}"'))
    scenario = config.scenario("701")
    assert scenario is not None
    drafts = folder / "campaigns" / "drafts"
    drafts.mkdir(parents=True)
    return config, scenario, drafts


async def test_an_order_that_comes_twice_starts_one_campaign(tmp_path: Path) -> None:
    config, scenario, drafts = office(tmp_path)

    def draft(name: str) -> Draft:
        (drafts / name).write_bytes(b"RIFF")
        return Draft(drafts / name, 1.0)

    ledger = Ledger(tmp_path / "ledger", ManualClock())
    try:
        desk = Desk(tmp_path, lambda: config, ledger, ManualClock())
        one, again = await asyncio.gather(*(
            desk.create(scenario, "12", draft(name), "web:anna", order="a1") for name in ("a.wav", "b.wav")))
        assert one == again and list(desk.open) == [one.campaign] and not list(drafts.iterdir())
        restarted = Desk(tmp_path, lambda: config, ledger, ManualClock())
        assert (await restarted.create(scenario, "12", draft("c.wav"), "web:anna", order="a1")).campaign == one.campaign
        for by, order in (("web:anna", "a2"), ("web:bo", "a1"), ("web:anna", ""), ("web:anna", "")):
            await restarted.create(scenario, "12", draft("d.wav"), by, order=order, beside=True)
        assert len(ledger.reader.campaigns()) == 5
    finally:
        await ledger.close()


async def test_a_second_campaign_on_the_list_of_one_under_way_is_started_by_whoever_says_so(tmp_path: Path) -> None:
    """Paused or not, both would call everybody."""
    config, scenario, drafts = office(tmp_path)
    clock = ManualClock()
    ledger = Ledger(tmp_path / "ledger", clock)

    def draft() -> Draft:
        (drafts / "a.wav").write_bytes(b"RIFF")
        return Draft(drafts / "a.wav", 1.0)

    try:
        desk = Desk(tmp_path, lambda: config, ledger, clock)
        planned = (await desk.create(scenario, "12", draft(), "cli:ann", not_before=clock.utc() + 3600)).campaign
        first = (await desk.create(scenario, "12", draft(), "cli:ann", order="a1")).campaign
        for state in ("running", "paused"):
            with pytest.raises(SwitchroomError) as refused:
                await desk.create(scenario, "12", draft(), "cli:bo")
            assert refused.value.id == "campaign.under-way"
            assert f"Campaign {first} of scenario 701 calls list 12 already: it is {state}." in str(refused.value)
            assert (await desk.create(scenario, "12", draft(), "cli:ann", order="a1")).campaign == first  # the same one
            await desk.control(first, "pause", "cli:ann")
        assert Desk(tmp_path, lambda: config, ledger, clock).open.keys() == {planned, first}
        with pytest.raises(SwitchroomError):  # also after a restart
            await Desk(tmp_path, lambda: config, ledger, clock).create(scenario, "12", draft(), "cli:bo")
        later = await desk.create(scenario, "12", draft(), "cli:bo", not_before=clock.utc() + 3600)
        beside = await desk.create(scenario, "12", draft(), "cli:bo", beside=True)
        assert desk.open.keys() == {planned, first, later.campaign, beside.campaign}
        for each in (first, beside.campaign):
            await desk.control(each, "cancel", "cli:ann")
        await desk.create(scenario, "12", draft(), "cli:bo")
    finally:
        await ledger.close()


@pytest.mark.parametrize("orders", [("cancel", "pause"), ("cancel", "cancel"), ("pause", "cancel"), ("finish", "pause")])
async def test_orders_of_the_same_moment_come_one_after_the_other(tmp_path: Path, orders: tuple[str, str]) -> None:
    """What one waits for is on disk before the other is judged: the ledger holds no pause of what was cancelled."""
    config, scenario, drafts = office(tmp_path)
    (drafts / "a.wav").write_bytes(b"RIFF")
    ledger = Ledger(tmp_path / "ledger", ManualClock())
    try:
        desk, over = Desk(tmp_path, lambda: config, ledger, ManualClock()), []
        desk.on_cancel = over.append
        desk.on_finished = lambda book: over.append(book.id)
        number = (await desk.create(scenario, "12", Draft(drafts / "a.wav", 1.0), "web:anna")).campaign
        done = await asyncio.gather(*(desk.control(number, each, "web:anna") for each in orders), return_exceptions=True)
        refused = [each for each in done if each is not None]
        assert all(isinstance(each, SwitchroomError) and each.id in ("campaign.state", "campaign.unknown") for each in refused)
        changes = [record.event.state for record in ledger.reader.campaign_events(number)
                   if isinstance(record.event, CampaignStateChanged)]
        assert len(changes) == 2 - len(refused) and over == [number]
        found = ledger.reader.campaign(number)
        assert found is not None and found.state == changes[-1] == ("finished" if "finish" in orders else "cancelled")
        assert not Desk(tmp_path, lambda: config, ledger, ManualClock()).open
    finally:
        await ledger.close()
