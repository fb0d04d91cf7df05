"""The reader of keys in a call: nothing is lost, nothing is invented, nothing is kept too long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.calls.keys import Code, KeyReader, PassOn

SECONDS = 1.5
key = st.sampled_from("0123456789*#")
code = st.text(key, min_size=1, max_size=4)
codes = st.dictionaries(code, st.just(""), max_size=8).map(lambda found: {each: f"name {each}" for each in found})
presses = st.lists(st.tuples(key, st.floats(0, 4)), max_size=40)


def pressed(out: list[Code | PassOn]) -> str:
    return "".join(each.keys if isinstance(each, PassOn) else each.name.removeprefix("name ") for each in out)


@given(codes, presses)
def test_what_comes_out_is_what_was_pressed(codes: dict[str, str], presses: list[tuple[str, float]]) -> None:
    reader, out, now = KeyReader(codes, SECONDS), [], 0.0
    for each, gap in presses:
        now += gap
        out += reader.press(each, now)
        assert reader.due is None or now < reader.due <= now + SECONDS
    kept = reader.due
    if kept is not None:
        assert not reader.tick(kept - 0.001)
        out += reader.tick(kept)
    assert pressed(out) == "".join(each for each, _ in presses) and reader.due is None


@given(codes, presses)
def test_keys_that_begin_no_code_pass_at_once(codes: dict[str, str], presses: list[tuple[str, float]]) -> None:
    reader = KeyReader({each: name for each, name in codes.items() if each[0] in "*#"}, SECONDS)
    for each, gap in presses:
        if each not in "*#":
            fresh = KeyReader({each: name for each, name in codes.items() if each[0] in "*#"}, SECONDS)
            assert fresh.press(each, gap) == [PassOn(each)] and fresh.due is None
        reader.press(each, gap)


@given(codes.filter(bool), st.data())
def test_a_code_pressed_swiftly_is_heard(codes: dict[str, str], data: st.DataObject) -> None:
    wanted = data.draw(st.sampled_from(sorted(codes)))
    begins = any(other != wanted and wanted.startswith(other) and not any(
        more != other and more.startswith(other) for more in codes) for other in codes)
    reader, out = KeyReader(codes, SECONDS), []
    for n, each in enumerate(wanted):
        out += reader.press(each, n * 0.1)
    out += reader.tick(100.0)
    if not begins and not any(other != wanted and other in wanted for other in codes):
        assert out == [Code(f"name {wanted}")]
