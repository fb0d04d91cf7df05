"""Call-progress tones by country, universal tones, and the generator; over A-law, noise and lost packets."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from appliance.errors import SwitchroomError
from appliance.media import _media, tones
from tests import detectlab as lab

CASES = [
    pytest.param(country, cadence, id=f"{country or 'generic'}-{cadence.tone}-{i}")
    for country in ["", *tones.countries()]
    for i, cadence in enumerate(tones.plan(country).cadences)
]


def skewed(cadence: tones.Cadence, factor: float) -> tones.Cadence:
    parts = (tones.Element(e.f1, e.f2, round(e.on_ms * factor), round(e.off_ms * factor)) for e in cadence.elements)
    return tones.Cadence(cadence.tone, tuple(parts))


def played(cadence: tones.Cadence, seconds: float = 14.0, dbov: float = -22.0) -> np.ndarray:
    one = tones.Plan("", (cadence,))
    return np.frombuffer(tones.generate(one, cadence.tone, seconds, level_dbov=dbov), dtype=np.int16).astype(float)


def listen(x: np.ndarray, country: str, lost: list[int] | None = None, told: bool = False) -> lab.Listener:
    listener = lab.Listener("tones", "voice", "digits", country=country)
    listener.run(lab.zero_fill(lab.alaw(x), lost or []), None, lost or [] if told else [])
    return listener


def kinds(listener: lab.Listener) -> list[str]:
    """The tones told, each once in a row: ringing and dial tone are told again while they go on."""
    return [kind for kind, _ in itertools.groupby(listener.values("tone"))]


@pytest.mark.parametrize("factor", [0.85, 1.15])
@pytest.mark.parametrize(("country", "cadence"), CASES)
def test_each_tone_of_each_plan_is_told_as_itself_and_in_time(country, cadence, factor):
    other = skewed(cadence, factor)
    period = sum(e.on_ms + e.off_ms for e in other.elements) / 1000
    x = lab.join(lab.silence(330), played(other, max(4.0, 2.5 * period)))
    listener = listen(x + lab.noise(len(x) / 8, -58, np.random.default_rng(2)), country)
    assert kinds(listener) == [cadence.tone]
    assert cadence.tone in ("ringback", "dial") or len(listener.values("tone")) == 1
    assert not listener.values("voice")
    assert not listener.values("digit")
    assert listener.heard[0].at - 0.33 < max(2.0 * period + 0.3, 3.2)
    assert listener.heard[0].began == pytest.approx(0.33, abs=0.1)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("country", ["FI", "RU", "UA", "GB", "US", "CN", "DE", "FR", "SE"])
def test_tones_are_told_over_lost_packets(country, told):
    rng = np.random.default_rng(6)
    for cadence in tones.plan(country).cadences:
        x = lab.join(lab.silence(330), played(cadence, 20.0))
        listener = listen(x, country, lab.packets_lost(len(x) // lab.FRAME, 0.02, rng), told)
        assert kinds(listener) == [cadence.tone], cadence
        assert cadence.tone in ("ringback", "dial") or len(listener.values("tone")) == 1
        assert not listener.values("voice")


@pytest.mark.parametrize("dbov", [-10, -30, -42])
def test_levels_from_loud_to_faint(dbov):
    for cadence in tones.plan("FI").cadences:
        x = lab.join(lab.silence(200), played(cadence, dbov=dbov))
        assert kinds(listen(x, "FI")) == [cadence.tone]


@pytest.mark.parametrize("hz", [-15, 15])
def test_oscillators_off_by_15_hz(hz):
    busy = tones.Cadence("busy", (tones.Element(425 + hz, 0, 300, 300),))
    assert listen(played(busy), "FI").values("tone") == ["busy"]


def test_a_worn_line_adds_harmonics():
    x = played(tones.plan("FI").cadences[2])
    assert listen(lab.alaw(x) + 0.35 * np.abs(x) ** 3 / np.max(np.abs(x)) ** 2 * np.sign(x), "FI").values("tone") == ["busy"]


def test_other_pitches_and_rhythms_are_no_tones():
    for element in (
        tones.Element(525, 0, 300, 300),
        tones.Element(425, 0, 100, 900),
        tones.Element(350, 440, 300, 300),
        tones.Element(425, 0, 700, 1500),
    ):
        x = played(tones.Cadence("busy", (element,)))
        assert listen(x, "FI").values("tone") == [], element


def test_a_call_from_ringing_to_busy():
    plan = tones.plan("FI")
    ring, busy = plan.cadences[1], plan.cadences[2]
    x = lab.join(lab.silence(500), played(ring, 11), played(busy, 4), lab.silence(9000), played(busy, 3))
    assert listen(x, "FI").values("tone") == ["ringback", "ringback", "busy", "busy"]


def test_listening_begins_in_the_middle_of_a_ring():
    x = played(tones.plan("FI").cadences[1])[4000:]
    assert kinds(listen(x, "FI")) == ["ringback"]


@pytest.mark.parametrize("country", ["FI", "RU", "GB", "US", "FR", "SE"])
def test_ringing_is_told_with_each_burst_and_no_more_when_it_stops(country):
    """Who waits for the ringing to stop (a silent answer) hears of it at least once in each period."""
    ring = next(c for c in tones.plan(country).cadences if c.tone == "ringback")
    period = sum(e.on_ms + e.off_ms for e in ring.elements) / 1000
    listener = listen(lab.join(played(ring, 6 * period), lab.silence(12000)), country)
    times = [h.at for h in listener.heard]
    assert max(b - a for a, b in itertools.pairwise(times)) < period + 0.3
    assert 5 * period < times[-1] < 6.5 * period
    assert len(times) <= 6 * len(ring.elements)


@pytest.mark.parametrize("country", ["FI", "GB", "US", "CZ"])
def test_dial_tone_is_told_every_eight_seconds_while_it_lasts(country):
    dial = next(c for c in tones.plan(country).cadences if c.tone == "dial")
    listener = listen(lab.join(played(dial, 20.0), lab.silence(12000)), country)
    times = [h.at for h in listener.heard]
    assert len(times) == 3
    assert times == pytest.approx([times[0], times[0] + 8, times[0] + 16], abs=2.0)


def test_ringback_then_a_voice():
    ring = played(tones.plan("FI").cadences[1], 7.0)
    hello = lab.level(lab.speech("Virtanen, hyvää päivää", "fi"), -22)
    listener = listen(lab.join(lab.silence(300), ring, hello, lab.silence(1000)), "FI")
    assert [h.value for h in listener.heard] == ["ringback", "start", "stop"]
    assert listener.heard[1].began == pytest.approx(7.3, abs=0.15)


@pytest.mark.parametrize(
    ("kind", "x"),
    [
        ("special", lambda: played(tones._find(tones.plan("FI"), "special"), 4)),
        ("fax", lambda: played(tones._find(tones.plan("FI"), "fax"), 5)),
        ("fax", lambda: lab.join(lab.sine([2100], 3000), lab.silence(500))),
        ("modem", lambda: lab.join(lab.sine([2225], 3000), lab.silence(500))),
        ("modem", lambda: lab.join(lab.sine([2250], 3000), lab.silence(500))),
        ("modem", lambda: played(tones._find(tones.plan("FI"), "modem"), 5)),
    ],
)
@pytest.mark.parametrize("country", ["FI", "US", "GB", ""])
def test_tones_known_everywhere(country, kind, x):
    listener = listen(lab.join(lab.silence(400), x()), country)
    assert listener.values("tone") == [kind]
    assert not listener.values("voice")


def test_a_modems_answer_with_phase_reversals_is_not_a_fax():
    t = np.arange(3 * lab.RATE) / lab.RATE
    x = 5000 * np.sin(2 * np.pi * 2100 * t + np.pi * (np.floor(t / 0.45) % 2))
    assert listen(lab.join(lab.silence(400), x), "FI").values("tone") == ["modem"]


def test_speech_is_no_tone():
    for language, text in (("en", "Good morning, you have reached the office."), ("ru", "Добрый день, слушаю вас.")):
        for voice in ("", "+f3", "+m7"):
            x = lab.join(lab.level(lab.speech(text, language + voice), -18), lab.silence(3000))
            assert listen(x, "FI").values("tone") == []


def test_generate_is_what_it_says():
    x = np.frombuffer(tones.generate(tones.plan("US"), "ringback", 6.5), dtype=np.int16).astype(float)
    assert len(x) == 6.5 * lab.RATE
    assert not x[16000:48000].any()
    on = x[400:15600]
    assert 10 * np.log10((on**2).mean() / 32768**2) == pytest.approx(tones.LEVEL_DBOV, abs=0.1)
    spectrum = np.abs(np.fft.rfft(on))
    assert sorted(np.argsort(spectrum)[-2:] * lab.RATE / len(on)) == pytest.approx([440, 480], abs=1)
    beep = np.frombuffer(tones.generate(tones.plan(""), "beep", 1.0), dtype=np.int16)
    assert beep[:2400].any()
    assert not beep[2400:].any()


@pytest.mark.parametrize("seconds", [0, -1, 1e9, float("nan")])
def test_generate_refuses_a_length(seconds):
    with pytest.raises(SwitchroomError) as error:
        tones.generate(tones.plan("FI"), "busy", seconds)
    assert error.value.id == "tones.length"


def test_generate_refuses_an_unknown_tone():
    with pytest.raises(SwitchroomError) as error:
        tones.generate(tones.plan("FI"), "jazz", 1)  # type: ignore[arg-type]
    assert error.value.id == "tones.unknown"


def test_plans_by_country():
    assert tones.plan("ca") == tones.plan("US")
    assert tones.plan("UK") == tones.plan("GB")
    assert tones.plan("ZZ").country == ""
    assert {"FI", "RU", "UA", "GB", "US", "CA", "CN", "DE", "FR", "SE"} <= set(tones.countries())


def test_a_plan_out_of_bounds_is_refused():
    ffi, lib = _media.ffi, _media.lib
    for change in ({"cadences": 17}, {"tolerance": 60}):
        plan = tones.fill(ffi, tones.plan("FI"))
        for name, value in change.items():
            setattr(plan, name, value)
        conf = ffi.new("struct detect_conf *", {"flags": 31, "plan": plan})
        assert lib.detect_alloc(ffi.new("struct detect **"), conf) != 0
