"""Recorded messages made ready: what is cut, how loud it becomes, what is refused."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from appliance.errors import SwitchroomError
from appliance.media import message
from tests import detectlab as lab

TEXT = "Attention please. The documents for your building have changed. Bring the new form before Friday."


def spoken(dbov: float = -30.0) -> np.ndarray:
    """Without the silence that espeak-ng itself puts at the ends."""
    x = lab.level(lab.speech(TEXT), dbov)
    sounding = np.flatnonzero(np.abs(x) > np.abs(x).max() / 100)
    return x[sounding[0] : sounding[-1] + 1]


def room(x: np.ndarray, seed: int = 1) -> np.ndarray:
    return lab.pcm(x + lab.noise(len(x) / 8, -68, np.random.default_rng(seed)))


def wav(path: Path, x: np.ndarray, rate: int = 8000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(x.dtype.itemsize)
        file.setframerate(rate)
        file.writeframes(x.tobytes())
    return path


def coded(path: Path, encoding: int, data: bytes, rate: int = 8000, channels: int = 1, bits: int = 8) -> Path:
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", encoding, channels, rate, rate * block & 0xFFFFFFFF, block, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def result(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(float)


def same(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """(normalised correlation at the best lag, that lag in samples: where y begins in x)."""
    c = signal.correlate(x, y, method="fft")
    at = int(np.argmax(c)) - (len(y) - 1)
    a, b = x[max(0, at) : at + len(y)], y[max(0, -at) : len(x) - at]
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())), at


def click() -> np.ndarray:
    x = np.zeros(80)
    x[10:50] = np.random.default_rng(2).normal(size=40) * 7000
    return x


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        ((900,), (1200,)),
        ((0,), (0,)),
        ((900, "click", 400), (700, "click", 200)),
        ((900,), (700, "#")),
        ((300, "click", 300), (400, "#", 900)),
    ],
)
def test_only_the_speech_stays(tmp_path, head, tail):
    def sound(part: float | str) -> np.ndarray:
        return click() if part == "click" else lab.digit("#", 80, -12) if part == "#" else lab.silence(float(part))

    parts = [[sound(p) for p in head], [spoken()], [sound(p) for p in tail]]
    x = room(lab.join(*[p for group in parts for p in group]))
    done = message.prepare(wav(tmp_path / "in.wav", x), tmp_path / "out.wav")
    y = result(tmp_path / "out.wav")
    assert len(y) / 8000 == pytest.approx(done.seconds, abs=0.001)
    before = sum(len(p) for p in parts[0]) / 8000
    behind = sum(len(p) for p in parts[2]) / 8000
    assert done.trimmed_head == pytest.approx(max(0.0, before - 0.15), abs=0.1)
    assert done.trimmed_tail == pytest.approx(max(0.0, behind - 0.15), abs=0.2)
    likeness, at = same(y, spoken())
    assert likeness > 0.98
    assert at >= -80
    listener = lab.Listener("digits")
    listener.run(lab.pcm(lab.join(y, lab.silence(100))))
    assert listener.heard == []


def test_a_digit_in_the_middle_stays(tmp_path):
    x = room(lab.join(spoken(), lab.silence(200), lab.digit("5"), lab.silence(300), spoken()))
    done = message.prepare(wav(tmp_path / "in.wav", x), tmp_path / "out.wav")
    assert done.seconds > 2 * len(spoken()) / 8000


@pytest.mark.parametrize("target", [-26.0, -20.0])
@pytest.mark.parametrize("dbov", [-42, -30, -20, -9])
def test_the_level_becomes_what_was_asked(tmp_path, dbov, target):
    x = room(lab.join(lab.silence(500), spoken(dbov), lab.silence(2000)))
    done = message.prepare(wav(tmp_path / "in.wav", x), tmp_path / "out.wav", target_dbov=target)
    again = message.prepare(tmp_path / "out.wav", tmp_path / "again.wav", target_dbov=target)
    assert again.gain_db == pytest.approx(0.0, abs=0.5)
    assert done.peak <= message.CEILING + 0.001
    assert np.abs(result(tmp_path / "out.wav")).max() < 32767


def test_pauses_do_not_make_it_louder(tmp_path):
    """The active level leaves pauses out (P.56): the same speech with long pauses gets the same gain."""
    close = message.prepare(wav(tmp_path / "a.wav", room(lab.join(spoken(), lab.silence(400), spoken()))), tmp_path / "o")
    apart = message.prepare(wav(tmp_path / "b.wav", room(lab.join(spoken(), lab.silence(6000), spoken()))), tmp_path / "o")
    assert close.gain_db == pytest.approx(apart.gain_db, abs=0.7)


def test_a_loud_cough_is_limited_not_clipped(tmp_path):
    cough = lab.noise(120, -8, np.random.default_rng(5))
    x = room(lab.join(spoken(-36), lab.silence(300), cough, lab.silence(300), spoken(-36)))
    done = message.prepare(wav(tmp_path / "in.wav", x), tmp_path / "out.wav")
    y = result(tmp_path / "out.wav")
    assert done.peak <= message.CEILING + 0.001
    assert (np.abs(y) >= 32767).sum() == 0


def at_rate(x: np.ndarray, rate: int) -> np.ndarray:
    common = np.gcd(rate, 8000)
    return signal.resample_poly(x, rate // common, 8000 // common)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_what_pcs_write_is_understood(tmp_path, rate, channels):
    x = at_rate(lab.join(lab.silence(600), spoken(-24), lab.silence(600)), rate)
    frames = np.repeat(lab.pcm(x), channels)
    done = message.prepare(wav(tmp_path / "in.wav", frames, rate, channels), tmp_path / "out.wav")
    likeness, _ = same(result(tmp_path / "out.wav"), spoken())
    assert likeness > 0.98
    assert done.seconds == pytest.approx(len(spoken()) / 8000 + 0.3, abs=0.2)


@pytest.mark.parametrize("kind", ["alaw", "ulaw", "pcm8", "pcm24", "pcm32", "extensible"])
def test_encodings_are_understood(tmp_path, kind):
    x = lab.pcm(lab.join(lab.silence(400), spoken(-20), lab.silence(400)))
    path = tmp_path / "in.wav"
    if kind in ("alaw", "ulaw"):
        out = lab._media.ffi.new("uint8_t[]", len(x))
        lab._media.lib.pcm_compress(8 if kind == "alaw" else 0, lab._media.ffi.from_buffer("int16_t[]", x), out, len(x))
        coded(path, 6 if kind == "alaw" else 7, bytes(lab._media.ffi.buffer(out)))
    elif kind == "pcm8":
        coded(path, 1, ((x >> 8) + 128).astype(np.uint8).tobytes())
    elif kind == "extensible":
        form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 4) + struct.pack("<H", 1) + bytes(14)
        body = b"WAVE" + b"LIST" + struct.pack("<I", 3) + b"abc\0"
        body += b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", 2 * len(x)) + x.tobytes()
        path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    else:
        width = int(kind[3:]) // 8
        wide = (x.astype("<i4") << 16).view(np.uint8).reshape(-1, 4)[:, 4 - width :]
        coded(path, 1, wide.tobytes(), bits=8 * width)
    message.prepare(path, tmp_path / "out.wav")
    likeness, _ = same(result(tmp_path / "out.wav"), spoken())
    assert likeness > (0.9 if kind == "pcm8" else 0.98)


def test_a_recording_cut_off_by_a_crash_is_used_as_far_as_it_goes(tmp_path):
    path = wav(tmp_path / "in.wav", room(lab.join(spoken(), lab.silence(500))))
    path.write_bytes(path.read_bytes()[:30001])
    done = message.prepare(path, tmp_path / "out.wav")
    assert 1.0 < done.seconds < 2.0


def test_in_place(tmp_path):
    path = wav(tmp_path / "m.wav", room(lab.join(lab.silence(900), spoken(), lab.silence(900))))
    done = message.prepare(path, path)
    assert len(result(path)) / 8000 == pytest.approx(done.seconds)
    assert [p.name for p in tmp_path.iterdir()] == ["m.wav"]


def refused(path: Path, out: Path, **options: float) -> str:
    before = out.exists()
    with pytest.raises(SwitchroomError) as error:
        message.prepare(path, out, **options)
    assert error.value.hint
    assert out.exists() == before
    return error.value.id


def test_silence_is_refused(tmp_path):
    out = tmp_path / "out.wav"
    hum = lab.pcm(lab.noise(5000, -64, np.random.default_rng(1)))
    assert refused(wav(tmp_path / "a.wav", np.zeros(40000, np.int16)), out) == "message.silent"
    assert refused(wav(tmp_path / "b.wav", hum), out) == "message.silent"
    only_key = room(lab.join(lab.silence(2000), lab.digit("#"), lab.silence(100)))
    assert refused(wav(tmp_path / "c.wav", only_key), out) == "message.silent"
    only_click = room(lab.join(lab.silence(2000), click(), lab.silence(500)))
    assert refused(wav(tmp_path / "d.wav", only_click), out) == "message.silent"


def test_what_is_no_audio_is_refused(tmp_path):
    out = tmp_path / "out.wav"
    path = tmp_path / "in.wav"
    for data, wrong in (
        (b"", "message.empty"),
        (b"RIFF", "message.unsupported"),
        (b"\x7fELF" + bytes(100), "message.unsupported"),
        (b"RIFF\0\0\0\0WAVE", "message.empty"),
        (b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff\1\0", "message.unsupported"),
        (b"RIFF\0\0\0\0WAVEdata\x10\0\0\0" + bytes(16), "message.unsupported"),
    ):
        path.write_bytes(data)
        assert refused(path, out) == wrong
    for encoding, channels, rate, bits in (
        (3, 1, 8000, 32), (85, 2, 44100, 0), (1, 0, 8000, 16), (1, 9, 8000, 16), (1, 1, 0, 16), (1, 1, 1 << 31, 16),
        (1, 1, 8000, 12), (6, 1, 8000, 16),
    ):  # fmt: skip
        assert refused(coded(path, encoding, bytes(64), rate, channels, bits), out) == "message.unsupported"
    assert refused(coded(path, 1, b"", bits=16), out) == "message.empty"
    assert refused(tmp_path / "missing.wav", out) == "message.unreadable"


def test_too_long_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "long.wav"
    coded(path, 1, b"", bits=16)
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", 3 << 30)
    with path.open("wb") as file:
        file.write(data)
        file.truncate(3 << 30)  # sparse: three gigabytes of nothing
    assert refused(path, tmp_path / "out.wav") == "message.too-long"


def test_the_limit_counts_what_is_left(tmp_path):
    x = room(lab.join(lab.silence(8000), spoken(), lab.silence(8000)))
    path = wav(tmp_path / "in.wav", x)
    seconds = len(spoken()) / 8000
    assert message.prepare(path, tmp_path / "ok.wav", max_seconds=seconds + 1).seconds < seconds + 1
    assert refused(path, tmp_path / "no.wav", max_seconds=seconds - 2) == "message.too-long"


def test_nowhere_to_write(tmp_path):
    path = wav(tmp_path / "in.wav", room(spoken()))
    assert refused(path, tmp_path / "no" / "out.wav") == "message.unwritable"
