"""Questions about figures: periods, definitions over counts, thresholds, and the command line over a ledger."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from appliance.cli.main import cli
from appliance.clock import ManualClock
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.figures import periods, reference
from appliance.figures.counts import CODES, EDGES, SPREAD_CODES, Counts, Fixed, edge_of
from appliance.figures.definitions import BY_ID, FIGURES, Setting
from appliance.figures.store import FiguresStore
from appliance.ledger import Ledger
from appliance.system.paths import ensure_layout
from tests.figureskit import T0, Listed, Story
from tests.webkit import OFFICE
from web.calls.came_to import WHAT

HELSINKI = ZoneInfo("Europe/Helsinki")


def waits(**spreads: list[float]) -> Counts:
    found = Counts()
    for name, seconds in spreads.items():
        for each in seconds:
            code = SPREAD_CODES[name] + edge_of(round(each * 1000))
            found.sums[code] = found.sums.get(code, 0) + 1
    return found


def test_the_service_level_and_its_variants() -> None:
    counts = waits(waits=[5, 20, 20.001, 90], gave_up=[5, 19, 30])
    counts.sums |= {CODES["offered"]: 8, CODES["answered"]: 4, CODES["abandoned"]: 3}
    setting = Setting(level_seconds=20, short_seconds=5)
    found = {id: BY_ID[id].compute(counts, setting).value for id in (
        "service-level", "service-level-answered", "service-level-offered", "service-level-kind", "abandon-rate", "unhandled")}
    assert found == {"service-level": 2 / 7, "service-level-answered": 2 / 4, "service-level-offered": 2 / 8,
                     "service-level-kind": 4 / 8, "abandon-rate": 2 / 7, "unhandled": 4}
    assert BY_ID["service-level"].compute(counts, Setting(level_seconds=21, short_seconds=0)).value == 3 / 8


def test_a_figure_without_anything_to_divide_by_is_none_and_never_zero() -> None:
    for figure in FIGURES:
        found = figure.compute(Counts(), Setting())
        assert found.value in (None, 0), figure.id
        assert found.value is None or figure.unit in ("count", "seconds", "per-hour"), figure.id


def test_a_sum_looked_at_often_says_the_same() -> None:
    counts = waits(waits=[1, 5, 20, 90, 700], gave_up=[2, 30], first=[3, 4, 4000])
    counts.sums |= {CODES["offered"]: 7, CODES["answered"]: 5}
    fixed = Fixed(counts)
    for _ in range(2):
        for name in SPREAD_CODES:
            assert fixed.spread(name) == counts.spread(name) and fixed.percentile(name, 0.9) == counts.percentile(name, 0.9)
            assert [fixed.within(name, each) for each in (5, 20, 1e9)] == [counts.within(name, each) for each in (5, 20, 1e9)]
    assert fixed["offered"] == 7 and fixed == counts


def test_results_and_surveys() -> None:
    counts = Counts({CODES[name]: number for name, number in {
        "callers": 10, "callers_again": 3, "callers_answered": 8, "answered_again": 2, "first_noted": 5, "first_solved": 4,
        "noted": 8, "solved": 6, "resolved": 2, "resolved_ms": 7_200_000, "sales": 3, "handled": 12, "survey_asked": 10,
        "survey_answered": 4, "csat_n": 4, "csat_good": 3, "nps_n": 4, "nps_up": 1, "nps_down": 2, "ces_n": 2,
        "ces_sum": 11}.items()})
    found = {id: BY_ID[id].compute(counts, Setting()).value for id in (
        "fcr", "fcr-outcome", "repeat-rate", "solved", "resolution-time", "sales", "conversion", "survey-answered", "csat",
        "nps", "ces")}
    assert found == {"fcr": 0.75, "fcr-outcome": 0.8, "repeat-rate": 0.3, "solved": 0.75, "resolution-time": 3600, "sales": 3,
                     "conversion": 0.25, "survey-answered": 0.4, "csat": 0.75, "nps": -25, "ces": 5.5}
    assert BY_ID["nps"].compute(counts, Setting()).n == 4


def test_every_figure_that_opens_calls_names_a_filter_that_there_is() -> None:
    assert {figure.what for figure in FIGURES} - set(WHAT) == {"", "all"}
    assert {figure.id for figure in FIGURES if not figure.what} == {  # times in which nobody called
        "logged-in", "ready", "on-break", "paid-breaks", "unpaid-breaks", "not-answering"}


def test_agents_figures() -> None:
    counts = Counts({CODES[name]: ms * 60_000 for name, ms in {
        "contact_ms": 40, "held_ms": 4, "wrapping_ms": 6, "dialling_ms": 2, "ready_ms": 10, "ringing_ms": 2,
        "break_ms": 30}.items()})
    counts.sums[CODES["handled"]] = 12
    assert BY_ID["occupancy"].compute(counts, Setting()).value == 48 / 60
    assert BY_ID["talk-share"].compute(counts, Setting()).value == 36 / 60
    assert BY_ID["productivity"].compute(counts, Setting()).value == 12 / 1.5
    assert BY_ID["logged-in"].compute(counts, Setting()).value == 90 * 60


def test_waits_fall_into_the_step_that_ends_with_or_after_them() -> None:
    assert [edge_of(ms) for ms in (0, 1, 1000, 1001, 120_000, 120_001, 601_000, 10**9)] == [0, 1, 1, 2, 120, 125, 660, 86_400]
    assert sorted(set(EDGES)) == EDGES
    counts = waits(first=[1, 2, 3, 4, 5, 6, 7, 8, 9, 60])
    assert (counts.percentile("first", 0.9), counts.percentile("first", 1.0), counts.percentile("waits", 0.9)) == (9, 60, None)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=HELSINKI).timestamp()


@pytest.mark.parametrize(("name", "since", "until", "before_since", "before_until"), [
    ("today", "2026-03-30", "2026-03-31", "2026-03-29", "2026-03-29T10:30"),  # the day after the clocks went forward
    ("yesterday", "2026-03-29", "2026-03-30", "2026-03-28", "2026-03-29"),
    ("week", "2026-03-30", "2026-03-31", "2026-03-23", "2026-03-23T10:30"),
    ("last-week", "2026-03-23", "2026-03-30", "2026-03-16", "2026-03-23"),
    ("month", "2026-03-01", "2026-03-31", "2026-02-01", "2026-03-01"),
    ("last-month", "2026-02-01", "2026-03-01", "2026-01-01", "2026-02-01"),
])
def test_periods_and_the_ones_before(name: periods.Named, since: str, until: str, before_since: str, before_until: str) -> None:
    now = at("2026-03-30T10:30")
    period = periods.named(name, now, HELSINKI)
    assert (period.since, period.until) == (at(since), at(until))
    before = periods.before(name, period, now, HELSINKI)
    assert (before.since, before.until) == (at(before_since), at(before_until))


def test_days_of_ones_own() -> None:
    period = periods.days(date(2026, 3, 28), date(2026, 3, 30), HELSINKI)
    assert period.seconds == 71 * 3600  # an hour less
    assert [day.day for day, _ in periods.local_days(period, HELSINKI)] == [28, 29, 30]
    assert sum(part.seconds for _, part in periods.local_days(period, HELSINKI)) == period.seconds
    before = periods.before("custom", period, at("2026-04-10"), HELSINKI)
    assert (before.since, before.until) == (at("2026-03-25"), at("2026-03-28"))
    for wrong in ((date(2026, 3, 2), date(2026, 3, 1)), (date(1, 1, 1), date(1, 1, 2)), (date(2020, 1, 1), date(2026, 1, 1))):
        with pytest.raises(SwitchroomError, match="period"):
            periods.days(*wrong, HELSINKI)


def test_the_page_of_definitions_is_as_made() -> None:
    assert (Path(__file__).parents[2] / "docs" / "figures.md").read_text() == reference.page()


def test_another_ledger_is_noticed_and_all_begins_anew(tmp_path: Path) -> None:
    one, other = Story().calls("c1"), Story().at(50).calls("c1").calls("c2")
    with FiguresStore(tmp_path) as store:
        store.catch_up(Listed(one.records))
        assert store.total(("queue", "front"), 0, 1 << 31)["offered"] == 1
        store.catch_up(Listed(other.records))
        assert store.total(("queue", "front"), 0, 1 << 31)["offered"] == 2
        store.catch_up(Listed(other.records[:4]))  # put back from a copy
        assert store.total(("queue", "front"), 0, 1 << 31)["offered"] == 1


def test_the_command_line_shows_exports_and_rebuilds(tmp_path: Path) -> None:
    ensure_layout(tmp_path)
    clock = ManualClock(utc=T0)
    Store(tmp_path, clock).import_file(OFFICE, by="test")
    story = Story().agent("anna", "ready", "logged-out").calls("c1").at(10).connects("c1", "anna").at(70).ends("c1", "anna")
    ledger = Ledger(tmp_path / "ledger", clock, "boot", reserve_bytes=0)
    for record in story.hangs_up("c1").records:
        clock.advance(max(0.0, record.utc - clock.utc()))
        ledger.commit_now(record.event)
    ledger.close_now()
    day = datetime.fromtimestamp(T0, UTC).date().isoformat()

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(cli, ["--data", str(tmp_path), "figures", *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    told = json.loads(run("show", "--since", day, "--until", day, "--by", "agent", "--json"))
    assert told["rows"][0]["key"] == "anna" and told["rows"][0]["values"]["handled"]["value"] == 1
    assert "front" in run("show", "--since", day, "--until", day)
    store = Store(tmp_path, clock)
    goals = '\n[[targets]]\nname = "t"\nfigure = "service-level"\nat_most = 80\nalarm_above = 90\n'
    store.add(OFFICE.read_text() + goals, by="test", base=str(OFFICE.parent))
    beside = run("show", "--since", day, "--until", day, "--figure", "service-level")
    assert "≤ 80.0%" in beside and "100.0% ■" in beside and "■ far from it" in beside
    assert "service-level" in run("list")
    run("show", "--since", day, "--until", day, "--output", str(tmp_path / "f.csv"))
    assert (tmp_path / "f.csv").read_text("utf-8-sig").splitlines()[1].startswith("front,1,1,1")
    assert f"{len(story.records)} records" in run("rebuild")
    with pytest.raises(SwitchroomError, match="neither"):
        run("show", "--output", str(tmp_path / "f.doc"))
