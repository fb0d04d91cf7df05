"""Targets of figures: which holds for whom, and how a value stands against it, downwards as well as upwards."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from appliance.config import load, loads
from appliance.config.goals import FigureId, FigureTarget
from appliance.config.model import Config
from appliance.figures.ask import Of
from appliance.figures.definitions import BY_ID, Value
from appliance.figures.goals import goal_of, standing, target_of
from appliance.figures.periods import Period
from tests.config_mistakes import Mistake, check_named, names
from tests.webkit import OFFICE

GOALS = """
[[targets]]
name = "in-time"
figure = "service-level"
at_least = 80
alarm_below = 60

[[targets]]
name = "front-in-time"
figure = "service-level"
queues = ["front"]
at_least = 90

[[targets]]
name = "busy"
figure = "occupancy"
of = "agents"
agents = ["anna"]
at_least = 40
at_most = 85
alarm_above = 95

[[reports]]
name = "weekly"
to = ["office@example.com"]
every = "week"
weekday = "fri"
at = "17:30"
queue = "front"
by = "day"
"""
TEXT = OFFICE.read_text() + GOALS
DAY, WEEK, LATER = Period(0, 86_400), Period(0, 7 * 86_400), 8 * 86_400.0


def target(**more: Any) -> FigureTarget:
    return FigureTarget(name="x", figure="asa", **more)


@pytest.fixture
def config() -> Config:
    return loads(TEXT)


def test_the_one_that_names_it_goes_first(config: Config) -> None:
    def found(**of: Any) -> str:
        target = target_of(config, "service-level", Of(**of))
        return target.name if target else ""

    assert (found(queue="front"), found(queue="billing"), found()) == ("front-in-time", "in-time", "in-time")
    assert (found(agent="anna"), found(line="gateway"), found(campaign=1)) == ("", "", "")
    assert target_of(config, "occupancy", Of(agent="anna")) and not target_of(config, "occupancy", Of(agent="boris"))


@pytest.mark.parametrize(("of", "shown", "expected"), [
    (target(at_most=20), 20, "met"), (target(at_most=20), 20.1, "alarm"), (target(at_most=20, alarm_above=60), 60, "missed"),
    (target(at_most=20, alarm_above=60), 61, "alarm"), (target(at_least=80, alarm_below=60), 79, "missed"),
    (target(at_least=80, alarm_below=60), 60, "missed"), (target(at_least=80, alarm_below=60), 59, "alarm"),
    (target(at_least=80), 80, "met"), (target(at_least=-10, alarm_below=-50), -20, "missed"),
    (target(at_least=40, at_most=85, alarm_above=95), 30, "alarm"),
    (target(at_least=40, at_most=85, alarm_above=95), 90, "missed"),
    (target(at_least=40, at_most=85, alarm_above=95), 96, "alarm"), (target(at_least=40, at_most=85), 60, "met"),
])  # fmt: skip
def test_a_value_stands_against_its_target(of: FigureTarget, shown: float, expected: str) -> None:
    assert standing(of, shown) == expected


def test_a_goal_is_in_the_figures_own_unit(config: Config) -> None:
    level, offered = BY_ID["service-level"], BY_ID["offered"]
    goal = goal_of(config, level, Of(queue="billing"), Value(0.7, 10), WEEK, LATER)
    assert goal is not None and (goal.at_least, goal.at_most, goal.standing) == (0.8, None, "missed")
    assert goal_of(config, level, Of(queue="billing"), Value(None), WEEK, LATER) is not None
    assert goal_of(config, BY_ID["asa"], Of(queue="front"), Value(3.0, 1), DAY, LATER) is None
    daily = loads(TEXT + '\n[[targets]]\nname = "many"\nfigure = "offered"\nat_least = 20\n')
    found = goal_of(daily, offered, Of(), Value(25, 25), DAY, LATER)
    assert found is not None and found.standing == "met"
    assert goal_of(daily, offered, Of(), Value(25, 25), WEEK, LATER) is None, "a count is that of a day"
    for now, expected in ((3600.0, None), (LATER, "alarm")):
        found = goal_of(daily, offered, Of(), Value(5, 5), DAY, now)
        assert found is not None and found.standing == expected, "a day that goes on has not missed it yet"


def test_reports_have_a_period_of_their_own(config: Config) -> None:
    assert config.reports[0].about == "last-week"
    assert load(OFFICE).reports == [] and load(OFFICE).targets == []


MISTAKES: list[Mistake] = [
    ('"service-level"\nat_least = 80', '"servicelevel"\nat_least = 80', "config.wrong-value", "figure", "service-level"),
    ('at_least = 80\nalarm_below = 60', "", "config.missing-key", "[[targets]]", "at_least"),
    ("alarm_below = 60", "alarm_below = 85", "config.wrong-value", "alarm_below", "above at_least"),
    ("at_least = 90", "alarm_above = 90\nat_least = 1", "config.missing-key", "alarm_above", "at_most"),
    ("alarm_above = 95", "alarm_above = 80", "config.wrong-value", "alarm_above", "below at_most"),
    ("at_least = 40", "at_least = 90", "config.wrong-value", "at_least = 90", "Lower"),
    ("at_least = 90", "at_least = 190", "config.wrong-value", "at_least = 190", "percent"),
    ('figure = "occupancy"', 'figure = "blocked-rate"', "config.wrong-value", "of = ", "another figure"),
    ('figure = "occupancy"', 'figure = "line-use"', "config.wrong-value", "of = ", "lines, campaigns"),
    ('agents = ["anna"]\nat', 'agents = ["ana"]\nat', "config.dangling", 'agents = ["ana"]', "anna"),
    ('queues = ["front"]', 'queues = ["fornt"]', "config.dangling", "fornt", "front"),
    ('queues = ["front"]', 'agents = ["anna"]', "config.wrong-key", "agents = ", 'of = "agents"'),
    ('of = "agents"', 'of = "agents"\nqueues = ["front"]', "config.wrong-key", "queues = ", 'of = "queues"'),
    ('name = "front-in-time"', 'name = "in-time"', "config.duplicate", 'name = "in-time"', "another name"),
    ('at = "17:30"', 'at = "24:30"', "config.wrong-value", "at = ", "07:00"),
    ('at = "17:30"', 'at = "17:30"\nday = 5', "config.wrong-key", "day = 5", "every week"),
    ('by = "day"\n', 'by = "line"\n', "config.wrong-value", 'by = "line"', "leave the queue out"),
    ('to = ["office@example.com"]', "to = []", "config.wrong-length", "to = []", "at least 1"),
    ('to = ["office@example.com"]', 'to = ["office"]', "config.wrong-value", 'to = ["office"]', "mail address"),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=names(MISTAKES))
def test_each_mistake_is_named_with_its_line(mistake: Mistake) -> None:
    check_named(TEXT, mistake)


def test_the_configuration_knows_every_figure() -> None:
    assert set(BY_ID) == set(get_args(FigureId))
