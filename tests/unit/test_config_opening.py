"""Whether an office is open: hours, holidays and the night switch together."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from appliance.config.menus import Hours, NightSwitch
from appliance.config.model import Config, Office
from appliance.config.opening import ALL, ALWAYS, Opening, Switched, by_code, opening, setting_of
from appliance.config.values import Target

HELSINKI = ZoneInfo("Europe/Helsinki")
BOX = Target("voicemail:front")
OFFICE = Hours(name="office", open=["mon-fri 08:00-16:00"], holidays=True, closed=BOX)
SHOP = Hours(name="shop", open=["daily 10:00-20:00"], code="2")
CONFIG = Config(
    office=Office(name="O", timezone="Europe/Helsinki", country="FI", language="en"), hours=[OFFICE, SHOP], night=NightSwitch())


def at(day: int, hour: int, month: int = 3) -> float:
    return datetime(2026, month, day, hour, tzinfo=HELSINKI).timestamp()


MONDAY = at(2, 10)


def test_by_the_clock() -> None:
    assert opening(CONFIG, "office", {}, MONDAY) == ALWAYS
    assert opening(CONFIG, "office", {}, at(2, 20)) == Opening(open=False, target=BOX, opens=at(3, 8))
    assert opening(CONFIG, "office", {}, at(6, 10, month=4)).open is False  # Easter Monday
    assert opening(CONFIG, None, {}, MONDAY) == opening(CONFIG, "gone", {}, MONDAY) == ALWAYS


@pytest.mark.parametrize(("switched", "office", "shop"), [
    ({ALL: Switched("closed", 1.0)}, False, False),
    ({ALL: Switched("closed", 1.0), "shop": Switched("open", 2.0)}, False, True),
    ({ALL: Switched("closed", 2.0), "shop": Switched("open", 1.0)}, False, False),
    ({"shop": Switched("closed", 1.0)}, True, False),
    ({ALL: Switched("auto", 3.0), "shop": Switched("closed", 1.0)}, True, True),
    ({}, True, True),
])
def test_what_was_switched_later_counts(switched: dict[str, Switched], office: bool, shop: bool) -> None:
    assert opening(CONFIG, "office", switched, MONDAY).open is office
    assert opening(CONFIG, "shop", switched, MONDAY).open is shop


def test_forced_goes_before_the_clock_and_has_a_target_of_its_own() -> None:
    night = {ALL: Switched("closed", MONDAY)}
    assert opening(CONFIG, "office", night, MONDAY) == Opening(open=False, forced=True, target=BOX)
    config = msgspec.structs.replace(CONFIG, night=NightSwitch(target=Target("extension:101")))
    assert opening(config, "office", night, MONDAY).target == "extension:101"
    assert opening(CONFIG, "office", {ALL: Switched("open", 1.0)}, at(1, 3)) == Opening(open=True, forced=True)


def test_a_switch_that_ends_by_itself() -> None:
    config = msgspec.structs.replace(CONFIG, night=NightSwitch(lasts="until-next-hours"))
    night = {ALL: Switched("closed", MONDAY)}
    assert setting_of(config, OFFICE, night, at(2, 15)) == "closed"
    assert setting_of(config, OFFICE, night, at(2, 16)) == "auto"  # the clock closed, and the switch is done
    assert setting_of(CONFIG, OFFICE, night, at(20, 12)) == "closed"


def test_when_it_opens_after_a_night_that_ends_by_itself() -> None:
    config = msgspec.structs.replace(CONFIG, night=NightSwitch(lasts="until-next-hours"))
    assert opening(config, "office", {ALL: Switched("closed", MONDAY)}, at(2, 11)).opens == at(3, 8)
    assert opening(config, "office", {ALL: Switched("closed", at(2, 20))}, at(2, 21)).opens == at(3, 8)
    friday = at(3, 10, month=4)  # Good Friday is a holiday, and so is Easter Monday
    assert opening(config, "office", {ALL: Switched("closed", at(2, 15, month=4))}, at(2, 15, month=4)).opens == at(7, 8, month=4)
    assert opening(config, "office", {}, friday).opens == at(7, 8, month=4)
    assert opening(CONFIG, "office", {ALL: Switched("closed", MONDAY)}, at(2, 11)).opens is None


def test_single_hours_by_their_code() -> None:
    assert by_code(CONFIG, "2") == SHOP and by_code(CONFIG, "3") is None and by_code(CONFIG, "") is None
