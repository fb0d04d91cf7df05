"""When subscribers may be called: the scenario's hours, the callee's own, and that remembered answers end in time."""

from __future__ import annotations

import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from appliance.campaigns.book import CampaignBook
from appliance.config import hours
from appliance.config.model import Config, Dialling
from appliance.config.store import Store
from appliance.dialer.opening import Openings
from appliance.messages import CampaignCreated

OFFICE = Path(__file__).resolve().parents[1] / "office" / "office.toml"
NUMBERS = ["+358917700000", "+16045550123"]  # Helsinki, Vancouver


@pytest.fixture
def config(tmp_path: Path) -> Config:
    Store(tmp_path).import_file(OFFICE, by="test")
    return Store(tmp_path).current()


def book(hours_name: str | None) -> CampaignBook:
    rules = {"code": "701"} | ({"hours": hours_name} if hours_name else {})
    return CampaignBook(CampaignCreated(campaign=1, scenario="701", name="", list="1", lines=1, message="",
                                        message_seconds=1.0, subscribers=2, rules=rules))


def planned(not_before: float) -> CampaignBook:
    return CampaignBook(CampaignCreated(campaign=1, scenario="701", name="", list="1", lines=1, message="", message_seconds=1.0,
                                        subscribers=2, rules={"code": "701"}, not_before=not_before))


def at(text: str) -> float:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Helsinki")).timestamp()


def test_the_scenario_hours(config: Config) -> None:
    openings = Openings(config, lambda campaign: NUMBERS)
    office = book("office")  # mon-fri 08-18, sat 10-14
    assert openings.wait(office, 0, at("2026-03-02T10:00")) == 0.0
    assert openings.wait(office, 0, at("2026-03-02T17:59:59")) == 0.0
    assert openings.wait(office, 0, at("2026-03-02T18:00")) == 14 * 3600.0
    assert openings.wait(office, 0, at("2026-03-07T15:00")) == 41 * 3600.0  # over Sunday


def test_the_callee_is_called_by_the_clock_at_home(config: Config) -> None:
    openings = Openings(config, lambda campaign: NUMBERS)
    anytime = book(None)
    evening = at("2026-03-02T22:30")  # half past noon in Vancouver
    assert openings.wait(anytime, 0, evening) > 0.0
    assert openings.wait(anytime, 1, evening) == 0.0
    office = book("office")
    morning = at("2026-03-02T09:00")  # 23:00 in Vancouver; when they get up at 8:00, the office closes
    assert openings.wait(office, 0, morning) == 0.0
    # Summer time begins a week later there, three weeks before here: then an hour is left, 17:00 here.
    assert openings.wait(office, 1, morning) == at("2026-03-09T17:00") - morning


def test_a_remembered_answer_is_what_looking_would_give(config: Config) -> None:
    """Every ten minutes of a week, forwards and then backwards in time."""
    openings = Openings(config, lambda campaign: NUMBERS)
    office = book("office")
    named = config.hours_named("office")
    assert named is not None
    callee = hours.callee_hours_of(config, office.rules)
    times = [at("2026-03-02T00:00") + step * 600 for step in range(7 * 144)]
    for utc in times + times[::-1]:
        is_open = hours.is_open(named, utc, "Europe/Helsinki", "FI") and hours.callee_open(
            callee, NUMBERS[0], utc, "Europe/Helsinki", "FI")
        assert (openings.wait(office, 0, utc) == 0.0) == is_open


def test_new_hours_count_at_once(config: Config) -> None:
    openings = Openings(config, lambda campaign: NUMBERS)
    night = at("2026-03-02T23:00")
    assert openings.wait(book(None), 0, night) > 0.0
    openings.take_over(msgspec.structs.replace(config, dialling=Dialling(callee_hours=["daily 00:00-24:00"])))
    assert openings.wait(book(None), 0, night) == 0.0


def test_a_campaign_for_later_waits_for_its_time_and_then_for_its_hours(config: Config) -> None:
    openings = Openings(config, lambda campaign: NUMBERS)
    morning, noon, night = at("2026-03-02T10:00"), at("2026-03-02T12:00"), at("2026-03-02T23:30")
    assert openings.wait(planned(noon), 0, morning) == 7200.0
    assert openings.wait(planned(noon), 0, noon) == 0.0
    assert openings.wait(planned(night), 0, noon) == night - noon
    assert openings.wait(planned(night), 0, night) > 0.0  # nobody is called at night all the same
