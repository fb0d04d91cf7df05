"""What holds for any signal: how it is cut into frames does not matter, times make sense, hostile files are refused."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import SwitchroomError
from appliance.media import message, tones
from tests import detectlab as lab

SOUNDS = st.sampled_from(["digit", "busy", "noise", "silence", "speech", "beep", "square"])


def sound(kind: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind == "digit":
        return lab.digit(lab.KEYS[seed % 16], 60 + seed % 90, -6 - seed % 34)
    if kind == "busy":
        return np.frombuffer(tones.generate(tones.plan("FI"), "busy", 1.5), dtype=np.int16).astype(float)
    if kind == "noise":
        return lab.noise(100 + seed % 700, -10 - seed % 50, rng)
    if kind == "speech":
        return lab.level(lab.speech("Hello, who is there?"), -12 - seed % 30)
    if kind == "beep":
        return lab.sine([400 + seed % 2000], 50 + seed % 900, -10 - seed % 30)
    if kind == "square":
        return np.sign(lab.noise(60 + seed % 200, -10, rng)) * 32767
    return lab.silence(40 + seed % 900)


CALLS = st.lists(st.tuples(SOUNDS, st.integers(0, 10_000)), min_size=1, max_size=6)


def call(parts: list[tuple[str, int]]) -> np.ndarray:
    x = lab.alaw(lab.join(*[sound(kind, seed) for kind, seed in parts]))
    return x[: len(x) // lab.FRAME * lab.FRAME]


def listener() -> lab.Listener:
    return lab.Listener("digits", "voice", "tones", "machine", "beep", country="FI")


def told(heard: list[lab.Heard]) -> list[tuple[str, str, float]]:
    return [(h.kind, h.value, h.began) for h in heard]


@settings(max_examples=40, deadline=None)
@given(CALLS, st.lists(st.integers(1, 700), min_size=1, max_size=20))
def test_the_cut_into_frames_does_not_matter(parts, sizes):
    x = call(parts)
    whole, cut = listener(), listener()
    whole.run(x)
    at, i = 0, 0
    while at < len(x):
        n = sizes[i % len(sizes)]
        cut.frame(x[at : at + n])
        at, i = at + n, i + 1
    assert told(cut.heard) == told(whole.heard)


@settings(max_examples=40, deadline=None)
@given(CALLS)
def test_events_make_sense(parts):
    ear = listener()
    ear.run(call(parts))
    assert all(0 <= h.began <= h.at + 0.001 for h in ear.heard)
    voices = ear.values("voice")
    assert voices == (["start", "stop"] * len(voices))[: len(voices)]
    assert len(ear.values("machine")) <= 1


@settings(max_examples=40, deadline=None)
@given(CALLS, st.integers(0, 2400), st.floats(-30, 0))
def test_an_exact_echo_holds_no_digit(parts, delay, db):
    tx = lab.alaw(lab.join(call(parts).astype(float), lab.silence(400)))
    ear = lab.Listener("digits")
    ear.run(lab.alaw(lab.echo(tx, delay / 8, db)), tx)
    assert ear.heard == []


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(tones.countries()),
    st.sampled_from(["ringback", "busy", "congestion"]),
    st.floats(0.85, 1.15),
    st.integers(0, 4000),
    st.floats(-38, -10),
)
def test_any_plan_within_its_tolerance(country, kind, factor, start, dbov):
    plan = tones.plan(country)
    found = [c for c in plan.cadences if c.tone == kind]
    if not found:
        return
    parts = tuple(tones.Element(e.f1, e.f2, round(e.on_ms * factor), round(e.off_ms * factor)) for e in found[0].elements)
    period = sum(e.on_ms + e.off_ms for e in parts) / 1000
    sent = tones.generate(tones.Plan("", (tones.Cadence(kind, parts),)), kind, max(3.0, 2.2 * period), level_dbov=dbov)
    ear = lab.Listener("tones", "voice", country=country)
    ear.run(lab.alaw(lab.join(np.zeros(start), np.frombuffer(sent, dtype=np.int16).astype(float))))
    heard = [h.value for h in ear.heard]
    assert set(heard) == {kind}
    assert len(heard) == 1 or kind == "ringback", "ringing alone is told with each burst"


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=400),
    st.booleans(),
    st.tuples(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 2**32 - 1), st.integers(0, 65535)),
    st.integers(0, 2**32 - 1),
)
def test_hostile_files_are_refused_in_words(data, headed, form, size):
    encoding, channels, rate, bits = form
    if headed:
        fmt = struct.pack("<HHIIHH", encoding % 9, channels % 4, rate % 50_000, 0, 0, bits % 33)
        data = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + fmt + b"data" + struct.pack("<I", size) + data
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "in.wav", Path(folder) / "out.wav"
        path.write_bytes(data)
        try:
            done = message.prepare(path, out)
        except SwitchroomError as error:
            assert error.id.startswith("message.")
            assert error.hint
            assert not out.exists()
        else:
            assert out.stat().st_size == 44 + 2 * round(done.seconds * 8000)
