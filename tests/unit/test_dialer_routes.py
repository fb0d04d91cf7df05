"""The lines that numbers wait for, as the dialer tells them apart."""

from __future__ import annotations

from pathlib import Path

import msgspec

from appliance.campaigns.book import CampaignBook
from appliance.config import load
from appliance.config.model import Route
from appliance.dialer.routes import Routes
from appliance.messages import CampaignCreated

OFFICE = load(Path(__file__).parents[1] / "office" / "office.toml")
NUMBERS = ["+358917700000", "+358401234567", "+4930123456"]
MIXED = msgspec.structs.replace(OFFICE, routes=[
    Route(name="mobile", numbers=["+3584*"], lines=["provider"]),
    Route(name="rest", numbers=["+358*"], lines=["gateway", "provider"]),
])


def book(**rules: object) -> CampaignBook:
    return CampaignBook(CampaignCreated(campaign=1, scenario="701", name="", list="12", lines=2, message="m.wav",
                                        message_seconds=5.0, subscribers=3, rules={"code": "701"} | rules))


def test_numbers_are_told_apart_by_their_lines() -> None:
    routes = Routes(MIXED, lambda campaign: NUMBERS)
    assert [routes.lines(book(), i) for i in range(4)] == [("gateway", "provider"), ("provider",), (), ()]


def test_one_way_for_all_needs_no_look_at_the_numbers() -> None:
    def looked(campaign: int) -> list[str]:
        raise AssertionError("the numbers were looked at")

    routes = Routes(OFFICE, looked)
    assert routes.lines(book(), 0) == ()
    routes.take_over(MIXED)
    assert routes.lines(book(over=["provider"]), 0) == ()
