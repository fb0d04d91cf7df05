"""Opening hours on given instants: weeks, holidays, dates, summer time, spans past midnight, the callee's time zone."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from appliance.config import hours as opening
from appliance.config import loads
from appliance.config.model import Hours

HELSINKI = "Europe/Helsinki"


def at(text: str, zone: str = HELSINKI) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def make(*entries: str, **more: Any) -> Hours:
    return Hours(name="test", open=list(entries), **more)


OFFICE = make("mon-fri 08:00-18:00", "sat 10:00-14:00", holidays=True)


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-23 07:59:59", False),  # Monday
        ("2026-11-23 08:00:00", True),
        ("2026-11-23 17:59:59", True),
        ("2026-11-23 18:00:00", False),
        ("2026-11-28 10:30", True),  # Saturday
        ("2026-11-28 14:30", False),
        ("2026-11-29 12:00", False),  # Sunday
        ("2026-12-25 12:00", False),  # Friday, Christmas Day
        ("2026-12-28 12:00", True),
    ],
)
def test_office_week_with_finnish_holidays(when: str, is_open: bool) -> None:
    assert opening.is_open(OFFICE, at(when), HELSINKI, "FI") is is_open


def test_holidays_count_only_where_wanted() -> None:
    assert opening.is_open(make("mon-fri 08:00-18:00"), at("2026-12-25 12:00"), HELSINKI, "FI")


def test_next_change() -> None:
    def change(when: str) -> float | None:
        return opening.next_change(OFFICE, at(when), HELSINKI, "FI")

    assert change("2026-11-23 07:00") == at("2026-11-23 08:00")
    assert change("2026-11-23 12:00") == at("2026-11-23 18:00")
    assert change("2026-11-28 15:00") == at("2026-11-30 08:00")
    assert change("2026-12-24 23:00") == at("2026-12-28 08:00")  # Christmas Day and Boxing Day, then Sunday


def test_hours_that_touch_are_one() -> None:
    touching = make("mon 20:00-24:00", "tue 00:00-06:00")
    assert opening.next_change(touching, at("2026-11-23 21:00"), HELSINKI, "FI") == at("2026-11-24 06:00")


def test_always_and_never() -> None:
    assert opening.next_change(make("daily 00:00-24:00"), at("2026-11-23 12:00"), HELSINKI, "FI") is None
    assert opening.is_open(make("daily 00:00-24:00"), at("2026-11-23 23:59:59"), HELSINKI, "FI")
    assert opening.next_change(make(), at("2026-11-23 12:00"), HELSINKI, "FI") is None
    assert not opening.is_open(make(), at("2026-11-23 12:00"), HELSINKI, "FI")


def test_past_midnight_belongs_to_the_day_it_starts_on() -> None:
    bar = make("fri 22:00-02:00")
    assert opening.is_open(bar, at("2026-11-28 01:59"), HELSINKI, "FI")
    assert not opening.is_open(bar, at("2026-11-28 02:00"), HELSINKI, "FI")
    assert not opening.is_open(bar, at("2026-11-27 01:00"), HELSINKI, "FI")
    assert opening.next_change(bar, at("2026-11-28 01:00"), HELSINKI, "FI") == at("2026-11-28 02:00")


def test_single_dates_win_over_week_and_holidays() -> None:
    hours = make(
        "mon-fri 08:00-18:00",
        holidays=True,
        dates={"2026-12-25": "10:00-12:00", "12-31": "closed", "2026-11-29": "09:00-10:00 11:00-12:00"},
    )
    assert opening.is_open(hours, at("2026-12-25 11:00"), HELSINKI, "FI")
    assert not opening.is_open(hours, at("2026-12-31 11:00"), HELSINKI, "FI")
    assert not opening.is_open(hours, at("2027-12-31 11:00"), HELSINKI, "FI")
    assert opening.is_open(hours, at("2026-11-29 11:30"), HELSINKI, "FI")
    assert not opening.is_open(hours, at("2026-11-29 10:30"), HELSINKI, "FI")


def test_summer_time_keeps_the_wall_clock() -> None:
    """29 March 2026: 03:00 becomes 04:00 in Helsinki. The office opens at 08:00 before and after."""
    daily = make("daily 08:00-18:00")
    assert opening.next_change(daily, at("2026-03-28 19:00"), HELSINKI, "FI") == at("2026-03-29 08:00")
    assert at("2026-03-29 08:00") - at("2026-03-28 08:00") == 23 * 3600
    night = make("daily 03:15-03:45")  # does not exist on that day: it must not open at all or crash
    assert opening.next_change(night, at("2026-03-29 00:00"), HELSINKI, "FI") is not None
    assert opening.is_open(make("daily 00:00-24:00"), at("2026-03-29 04:00"), HELSINKI, "FI")


def test_the_clock_going_back_does_not_close() -> None:
    assert opening.is_open(make("daily 02:00-05:00"), at("2026-10-25 03:30") + 3600, HELSINKI, "FI")


def test_hours_may_have_a_time_zone_of_their_own() -> None:
    tokyo = make("daily 09:00-10:00", timezone="Asia/Tokyo")
    assert opening.is_open(tokyo, at("2026-11-23 09:30", "Asia/Tokyo"), HELSINKI, "FI")
    assert not opening.is_open(tokyo, at("2026-11-23 09:30"), HELSINKI, "FI")


@pytest.mark.parametrize(
    "entry", ["", "mon", "mon 8-18", "mon 08:00", "mon 25:00-26:00", "mon 08:00-08:00", "mon-xyz 08:00-09:00", "08:00-18:00",
              "mon 08:60-09:00", "monday 08:00-09:00", "mon,, 08:00-09:00"],
)  # fmt: skip
def test_grammar_says_what_would_be_right(entry: str) -> None:
    with pytest.raises(ValueError, match=r";|no times"):
        opening.parse_week([entry])


def test_days_may_wrap_around_the_weekend() -> None:
    week = opening.parse_week(["sat-mon 10:00-12:00"])
    assert [bool(day) for day in week] == [True, False, False, False, False, True, True]


def test_the_callee_is_called_in_its_own_time_zone() -> None:
    hours = make("daily 08:00-21:00")
    evening = at("2026-11-23 20:30")  # 18:30 in London, 13:30 in New York
    assert opening.callee_open(hours, "+358917700000", evening, HELSINKI, "FI")
    night = at("2026-11-23 22:30")
    assert not opening.callee_open(hours, "+358917700000", night, HELSINKI, "FI")
    assert opening.callee_open(hours, "+442079460000", night, HELSINKI, "FI")
    assert opening.callee_opens_at(hours, "+358917700000", night, HELSINKI, "FI") == at("2026-11-24 08:00")
    assert opening.callee_opens_at(hours, "+442079460000", night, HELSINKI, "FI") == night


def test_a_number_that_may_be_in_several_zones_must_be_open_in_all() -> None:
    number = "+61412345678"  # a mobile of Australia, from Perth to Sydney
    now = at("2026-11-23 00:00")
    zones = opening.callee_zones(number, now, HELSINKI)
    assert len(zones) > 1
    opens = opening.callee_opens_at(make("daily 08:00-21:00"), number, now, HELSINKI, "FI")
    assert opens is not None
    assert all(opening.is_open(make("daily 08:00-21:00"), opens, zone, "AU") for zone in zones)
    assert not all(opening.is_open(make("daily 08:00-21:00"), opens - 1, zone, "AU") for zone in zones)


def test_a_mobile_of_a_wide_country_counts_as_near_an_office_there() -> None:
    assert len(opening.timezones_of("+79161234567")) > 1
    assert opening.callee_zones("+79161234567", at("2026-11-23 00:00"), "Europe/Moscow") == ("Europe/Moscow",)


def test_zones_that_say_nothing_or_never_meet_leave_the_office_clock() -> None:
    now = at("2026-11-23 12:00")
    assert opening.callee_zones("+18005550199", now, HELSINKI) == (HELSINKI,)  # toll-free: anywhere
    short = make("daily 12:00-12:30")  # never the same half hour in Perth and Sydney
    assert opening.callee_open(short, "+61412345678", now, HELSINKI, "FI")


def test_callee_hours_come_from_scenario_then_dialling_then_country() -> None:
    text = '[office]\nname = "X"\ncountry = "{}"\n[dialling]\n{}\n[[scenarios]]\ncode = "701"\n{}\n'
    mine, house = 'callee_hours = ["mon 10:00-11:00"]', 'callee_hours = ["tue 10:00-11:00"]'
    for country, dialling, scenario, expected in [
        ("FI", "", "", list(opening.DEFAULT_CALLEE_HOURS)),
        ("FR", "", "", list(opening.CALLEE_HOURS["FR"])),
        ("FR", house, "", ["tue 10:00-11:00"]),
        ("FR", house, mine, ["mon 10:00-11:00"]),
    ]:
        config = loads(text.format(country, dialling, scenario))
        assert opening.callee_hours_of(config, config.scenarios[0]).open == expected


def test_every_profile_is_valid() -> None:
    for entries in [opening.DEFAULT_CALLEE_HOURS, *opening.CALLEE_HOURS.values()]:
        assert any(opening.parse_week(entries))
