"""Whatever happens in whatever order: what the writer derived, a rebuild and the pure fold agree; pages make up the
whole."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance import messages as m
from appliance.clock import ManualClock
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger, Thresholds, fold, level_for
from appliance.ledger.export import csv_lines, safe_cell
from appliance.ledger.rebuild import check, rebuild
from appliance.ledger.space import LEVELS

CALLS = st.sampled_from(["c1", "c2", "c3"])
LEGS = st.sampled_from(["l1", "l2", "l3", "l4"])
NUMBERS = st.sampled_from(["", "+358401", "+358402"])
QUEUES = st.sampled_from(["front", "billing"])
AGENTS = st.sampled_from(["anna", "boris"])
WAVS = st.sampled_from(["d/c1-1.wav", "d/c2-1.wav"])
EVENTS = st.one_of(
    st.builds(
        m.LegOpened, call=CALLS, leg=LEGS, direction=st.sampled_from(["in", "out"]), kind=st.sampled_from(["phone", "line"]),
        endpoint=st.sampled_from(["101", "gw"]), number=NUMBERS, name=st.sampled_from(["", "Ann"]),
        sip_call_id=st.sampled_from(["", "s1"]), campaign=st.sampled_from([0, 7]),
    ),
    st.builds(m.LegRinging, leg=LEGS),
    st.builds(m.LegAnswered, leg=LEGS),
    st.builds(m.LegHeld, leg=LEGS),
    st.builds(m.LegResumed, leg=LEGS),
    st.builds(m.LegEnded, leg=LEGS),
    st.builds(m.CallReached, call=CALLS, target=st.just("extension:101")),
    st.builds(m.CallTransferred, call=CALLS, by_leg=LEGS, kind=st.just("blind"), target=NUMBERS),
    st.builds(m.CallEnded, call=CALLS, disposition=st.sampled_from(["answered", "busy"])),
    st.builds(
        m.AttemptStarted, campaign=st.just(7), subscriber=st.integers(0, 1), attempt=st.integers(1, 2), call=CALLS, leg=LEGS,
        line=st.just("gw"),
    ),
    st.builds(
        m.AttemptEnded, campaign=st.just(7), subscriber=st.integers(0, 1), attempt=st.integers(1, 2), call=CALLS,
        outcome=st.sampled_from(["heard", "busy"]), digit=st.sampled_from(["", "1"]),
    ),
    st.builds(m.ContactQueued, at=st.just(0.0), contact=CALLS, queue=QUEUES),
    st.builds(m.ContactConnected, at=st.just(0.0), contact=CALLS, queue=QUEUES, agent=AGENTS),
    st.builds(m.ContactHandedOver, at=st.just(0.0), contact=CALLS, queue=QUEUES, agent=AGENTS, to=AGENTS),
    st.builds(m.ContactLeft, at=st.just(0.0), contact=CALLS, queue=QUEUES, reason=st.just("abandoned")),
    st.builds(m.RecordingStarted, call=CALLS, leg=LEGS, recording=WAVS),
    st.builds(m.RecordingPaused, call=CALLS, recording=WAVS, paused=st.booleans()),
    st.builds(m.RecordingEnded, call=CALLS, recording=WAVS, seconds=st.floats(0, 50)),
    st.builds(m.RecordingErased, call=CALLS, recording=WAVS),
    st.builds(
        m.SurveyAnswered, call=CALLS, contact=CALLS, survey=st.just("after"), queue=st.just("front"),
        question=st.sampled_from(["x", "y"]), kind=st.just("nps"), score=st.integers(0, 10),
    ),
)  # fmt: skip
STEPS = st.lists(st.tuples(st.floats(0, 100), st.lists(EVENTS, min_size=1, max_size=4)), max_size=15)


@settings(max_examples=30, deadline=None)
@given(STEPS, st.data())
def test_writer_rebuild_and_fold_agree(steps: list[tuple[float, list[m.Event]]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        clock = ManualClock()
        ledger = Ledger(path, clock, "boot", reserve_bytes=0)
        for wait, events in steps:
            clock.advance(wait)
            try:
                ledger.commit_now(*events)
            except SwitchroomError as refused:
                assert refused.id in ("ledger.duplicate-attempt", "ledger.attempt-ended")
            if data.draw(st.integers(0, 9)) == 0:  # a restart changes nothing
                ledger.close_now()
                ledger = Ledger(path, clock, "boot", reserve_bytes=0)
        folded = fold(ledger.reader.follow())
        stored = ledger.reader.cdrs(limit=1000)
        assert sorted(stored, key=lambda cdr: cdr.seq) == sorted(folded, key=lambda cdr: cdr.seq)
        sums = ledger.reader.rollups("all", 0, 1e12)
        places = _places(ledger)
        ledger.close_now()
        assert check(path).problems == []
        rebuilt = rebuild(path)
        assert rebuilt.cdrs == len(folded)
        ledger = Ledger(path, clock, "boot", reserve_bytes=0)
        assert ledger.reader.cdrs(limit=1000) == stored
        assert ledger.reader.rollups("all", 0, 1e12) == sums
        assert _places(ledger) == places
        _filters(ledger, data)
        ledger.close_now()


def _places(ledger: Ledger) -> list[list[tuple[str, str]]]:
    """The calls of each queue and of each agent, by key and id."""
    asked: list[dict[str, str]] = [{"queue": "front"}, {"queue": "billing"}, {"agent": "anna"}, {"agent": "boris"}]
    return [[(cdr.key, cdr.call) for cdr in ledger.reader.cdrs(limit=1000, **each)] for each in asked]  # type: ignore[arg-type]


def _filters(ledger: Ledger, data: st.DataObject) -> None:
    """Each filter gives what a plain look at all of them gives, page by page, in both directions."""
    every = ledger.reader.cdrs(limit=1000)
    start = every[0].start if every else 0.0
    number, line, extension, campaign = data.draw(
        st.tuples(NUMBERS, st.sampled_from(["", "gw"]), st.sampled_from(["", "101"]), st.sampled_from([0, 7]))
    )
    since, until = data.draw(st.tuples(st.none() | st.just(start + 50), st.none() | st.just(start + 300)))
    wanted = [
        cdr for cdr in every
        if (since is None or cdr.start >= since) and (until is None or cdr.start < until)
        and (not number or any(leg.number == number for leg in cdr.legs))
        and (not line or any(leg.line == line for leg in cdr.legs))
        and (not extension or any(leg.endpoint == extension and leg.kind == "phone" for leg in cdr.legs))
        and (not campaign or cdr.campaign == campaign)
    ]  # fmt: skip
    for newest_first in (False, True):
        found, after = [], ""
        while page := ledger.reader.cdrs(
            since, until, number, line, extension, campaign, limit=2, after=after, newest_first=newest_first
        ):
            found += page
            after = page[-1].key
        assert found == (wanted[::-1] if newest_first else wanted)
    for cdr in every:
        found_cdr = ledger.reader.cdr(cdr.call)
        assert found_cdr is not None
        assert found_cdr.call == cdr.call


@given(st.integers(0, 2000), st.sampled_from(LEVELS))
def test_less_space_is_never_a_milder_level(free: int, current: str) -> None:
    limits = Thresholds(recordings=1000, campaigns=500, reserve=100, slack=50)
    level = LEVELS.index(level_for(free, limits, current))  # type: ignore[arg-type]
    assert LEVELS.index(level_for(max(0, free - 100), limits, current)) >= level  # type: ignore[arg-type]
    settled = level_for(free, limits, LEVELS[level])
    assert LEVELS.index(settled) == level


@given(st.text())
def test_no_cell_is_a_formula(text: str) -> None:
    cell = safe_cell(text)
    assert cell.removeprefix("'") == text.removeprefix("'")
    if cell[:1] in set("=@\t\r\n"):
        raise AssertionError(cell)
    if cell[:1] in set("+-"):
        assert cell[1:].isdigit()


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
def test_csv_can_be_read_back(name: str) -> None:
    opened = m.LegOpened(call=name or "c", leg="l", direction="out", kind="line", endpoint="gw")
    records = [m.Record(1, 0.0, 0.0, "b", opened), m.Record(2, 0.0, 1.0, "b", m.CallEnded(call=name or "c", disposition="busy"))]
    header, row = csv.reader(io.StringIO("".join(csv_lines(fold(records))), newline=""))
    assert dict(zip(header, row, strict=True))["call"] == safe_cell(name or "c")
