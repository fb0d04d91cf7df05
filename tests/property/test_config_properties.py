"""Whatever becomes of a configuration text: a Config, or a ConfigError whose every problem has a line. Nothing else."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.config import Config, ConfigError, dumps, loads, numbers
from appliance.config import hours as opening
from appliance.config.diff import mask_text
from appliance.config.load import MAX_BYTES
from appliance.config.locate import Places
from appliance.config.model import Hours
from appliance.errors import SwitchroomError

TEXT = (Path(__file__).parents[1] / "office" / "office.toml").read_text(encoding="utf-8")
LINES = TEXT.splitlines(keepends=True)
TOKENS = [
    "[", "]", "[[", "]]", "{", "}", '"', "'", '"""', "=", ",", ".", "#", "\n", "\\", "\x00", "é", "1e999", "nan", "0x", "-1",
    "true", "1979-05-27", '"queue:none"', '"112"', '"0"', "[[lines]]\n", "[sip]\n", 'name = "front"\n', "💥", "\r", "_",
]  # fmt: skip


def load_or_problems(text: str) -> Config | None:
    try:
        config = loads(text, "x.toml")
    except ConfigError as error:
        last = text.count("\n") + 1
        assert error.problems
        assert "as a fault" not in error.hint
        for problem in error.problems:
            assert 1 <= problem.line <= last
            assert problem.column >= 1
            assert problem.what and len(str(problem)) < 3000
        return None
    return config


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The reference office with a few cuts, insertions, swaps and repetitions."""
    text = TEXT
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(text)))
        kind = draw(st.sampled_from(["cut", "insert", "line-out", "line-twice", "swap"]))
        if kind == "cut":
            text = text[:at] + text[at + draw(st.integers(1, 30)) :]
        elif kind == "insert":
            text = text[:at] + draw(st.sampled_from(TOKENS) | st.text(max_size=5)) + text[at:]
        else:
            lines = text.splitlines(keepends=True) or ["\n"]
            first, second = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
            if kind == "line-out":
                del lines[first]
            elif kind == "line-twice":
                lines.insert(second, lines[first])
            else:
                lines[first], lines[second] = lines[second], lines[first]
            text = "".join(lines)
    return text


def config_or_error(text: str) -> None:
    config = load_or_problems(text)
    if config is not None:
        assert loads(dumps(config)) == config


@settings(max_examples=70, deadline=None)
@given(mutations())
def test_any_mutation_is_a_config_or_an_error_with_lines(text: str) -> None:
    config_or_error(text)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(mutations())
def test_any_of_many_mutations_is_a_config_or_an_error_with_lines(text: str) -> None:
    config_or_error(text)


_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["queue:front", "extension:101", "101", "112", "mon 08:00-09:00", "FI", "udp", "127.0.0.1:5060", "*"])
)  # fmt: skip
_values = st.recursive(
    _scalars.filter(lambda value: value is not None),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += _paths(item, (*path, key))
    return found


PATHS = _paths(tomllib.loads(TEXT))


def any_value_at(path: tuple[Any, ...], value: Any) -> None:
    document = tomllib.loads(TEXT)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    try:
        text = tomli_w.dumps(document)
        tomllib.loads(text)
    except (ValueError, TypeError):  # a value that TOML cannot hold, such as a lone surrogate
        return
    config_or_error(text)


@settings(max_examples=70, deadline=None)
@given(st.sampled_from(PATHS), _values)
def test_any_value_anywhere_is_a_config_or_an_error_with_lines(path: tuple[Any, ...], value: Any) -> None:
    any_value_at(path, value)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(st.sampled_from(PATHS), _values)
def test_any_of_many_values_anywhere_is_a_config_or_an_error_with_lines(path: tuple[Any, ...], value: Any) -> None:
    any_value_at(path, value)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300) | st.text(alphabet='[]{}"\'=,.#\n abc019-', max_size=200))
def test_any_text_is_a_config_or_an_error(text: str) -> None:
    assert len(text) < MAX_BYTES
    load_or_problems(text)


@settings(max_examples=200, deadline=None)
@given(mutations())
def test_the_scanner_sees_every_value_that_the_parser_sees(text: str) -> None:
    """On any valid text each value has a place, and what stands there is that value."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError):
        return
    places = Places(text)
    for path in _paths(document):
        assert path in places.found, path
        place = places.found[path]
        value = document
        for key in path:
            value = value[key]
        if place.start < place.end and not isinstance(value, dict | list):
            read = tomllib.loads("v = " + text[place.start : place.end])["v"]
            assert read == value or (read != read and value != value)


@settings(max_examples=100, deadline=None)
@given(mutations())
def test_masking_leaves_a_valid_text_without_secrets(text: str) -> None:
    if load_or_problems(text) is None:
        return
    masked = tomllib.loads(mask_text(text))
    plain = tomllib.loads(text)
    assert _paths(masked) == _paths(plain)
    for section in ("phones", "lines", "agents", "scenarios"):
        for row in masked.get(section, []):
            assert {row[key] for key in ("secret", "pin") if key in row} <= {"***"}


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=40) | st.text(alphabet="+0123456789 ()-./eE,'", max_size=24),
    st.sampled_from(["FI", "US", "RU", "CN", "IT"]),
)
def test_a_number_is_e164_or_an_error(text: str, country: str) -> None:
    try:
        number = numbers.normalise(text, country, strict=False)
    except SwitchroomError as error:
        assert error.id.startswith("number.")
        return
    assert number[0] == "+" and number[1:].isascii() and number[1:].isdigit() and 3 <= len(number) <= 18
    numbers.classify(number, country)
    for form in ("national", "e164", "digits"):
        sent = numbers.send_as(number, form, country)  # type: ignore[arg-type]
        assert sent.removeprefix("+").isdigit()


@settings(max_examples=300, deadline=None)
@given(st.integers(35_800_0000000, 35_899_9999999).map(lambda n: f"+{n}"))
def test_what_is_sent_in_national_form_reads_back_to_the_same(text: str) -> None:
    try:
        number = numbers.normalise(text, "FI")
    except SwitchroomError:
        return
    assert numbers.normalise(numbers.send_as(number, "national", "FI"), "FI") == number
    assert numbers.normalise("00" + numbers.send_as(number, "digits", "FI"), "FI") == number


_minutes = st.integers(0, 24 * 4 - 1).map(lambda quarter: f"{quarter // 4:02d}:{quarter % 4 * 15:02d}")
_entries = st.lists(
    st.builds(
        lambda days, a, b: f"{days} {a}-{b if b != a else '24:00'}",
        st.sampled_from(["mon", "mon-fri", "sat,sun", "daily", "fri-mon", "wed"]), _minutes, _minutes,
    ),
    max_size=4,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    _entries,
    st.integers(1_700_000_000, 1_900_000_000),
    st.sampled_from(["Europe/Helsinki", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]),
    st.booleans(),
)
def test_next_change_is_the_first_change(entries: list[str], now: int, zone: str, holidays: bool) -> None:
    hours = Hours(name="x", open=entries, holidays=holidays)
    state = opening.is_open(hours, now, zone, "FI")
    change = opening.next_change(hours, now, zone, "FI")
    until = now + 2 * 86400 if change is None else change
    assert until > now
    step = max((until - now) / 50, 1)
    moments = [now + step * n for n in range(51) if now + step * n < until]
    assert {opening.is_open(hours, moment, zone, "FI") for moment in moments} <= {state}
    if change is not None:
        assert opening.is_open(hours, change, zone, "FI") is not state
        assert dt.datetime.fromtimestamp(change, dt.UTC).second == 0
