"""What erasing a person finds in the office's own files, and what it takes out of campaigns under way."""

from __future__ import annotations

from pathlib import Path

from appliance.campaigns.book import CampaignBook
from appliance.clock import ManualClock
from appliance.config import loads
from appliance.core.desk import Desk, Open
from appliance.core.erasure import own_places
from appliance.ledger import Ledger
from appliance.messages import CampaignCreated, Subscriber
from tests.unit.test_core_attempts import OFFICE


def test_a_list_is_looked_at_by_its_own_columns_and_encoding(tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    file.write_bytes("Number;Связь\n40111222;0917700001\n".encode("cp1251"))
    config = loads(OFFICE.replace('file = "all.csv"', f'file = "{file}"\nnumber_column = "Связь"\nencoding = "cp1251"'))
    assert own_places(config, "+358917700001") == ([str(file)], [])
    assert own_places(config, "+35840111222") == ([], [])


async def test_a_campaign_under_way_forgets_who_was_erased(tmp_path: Path) -> None:
    config = loads(OFFICE)
    ledger = Ledger(tmp_path / "ledger", ManualClock())
    try:
        desk = Desk(tmp_path, lambda: config, ledger, ManualClock())
        people = [Subscriber(index=at, number=f"+35891770000{at}", name="Anna", row=at + 2) for at in range(2)]
        book = CampaignBook(CampaignCreated(campaign=1, scenario="701", name="News", list="12", lines=5, message="m.wav",
                                            message_seconds=5.0, subscribers=2, rules={"code": "701"}))
        desk.open[1] = Open(book, people, Path("m.wav"), 40000)
        desk.forget("+358917700001")
        assert desk.open[1].subscribers == [people[0], Subscriber(index=1, number="", row=3)]
    finally:
        await ledger.close()
