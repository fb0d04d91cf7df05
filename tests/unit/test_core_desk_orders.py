"""Starting campaigns: an order that comes twice starts one."""

from __future__ import annotations

import asyncio
from pathlib import Path

from appliance.calls.flows.operator import Draft
from appliance.clock import ManualClock
from appliance.config import loads
from appliance.core.desk import Desk
from appliance.ledger import Ledger
from tests.unit.test_core_attempts import OFFICE


async def test_an_order_that_comes_twice_starts_one_campaign(tmp_path: Path) -> None:
    people = tmp_path / "all.csv"
    people.write_text("number\n+358917700001\n", encoding="utf-8")
    config = loads(OFFICE.replace('"all.csv"', f'"{people}"'))
    scenario = config.scenario("701")
    assert scenario is not None
    drafts = tmp_path / "campaigns" / "drafts"
    drafts.mkdir(parents=True)

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
            await restarted.create(scenario, "12", draft("d.wav"), by, order=order)
        assert len(ledger.reader.campaigns()) == 5
    finally:
        await ledger.close()
