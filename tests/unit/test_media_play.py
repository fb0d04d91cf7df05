"""Playing: whole, from the first sample, at the right speed and level, with the exact position."""

from __future__ import annotations

import asyncio
import itertools
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from appliance.errors import SwitchroomError
from appliance.media.audio import AudioCache, parse_wav, resample
from appliance.media.engine import Engine
from appliance.media.events import MediaEvent, PlayDone, RecordDone
from drivers.base import MediaAnswer
from tests.mediakit import Far, Pcm, collect, compress, connect, expand, match, power_at, speech, tone, until


def write_wav(path: Path, pcm: bytes, rate: int = 8000, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate)
        out.writeframes(pcm)
    return path


def said(codec: str, pcm: Pcm) -> Pcm:
    return expand(codec, compress(codec, pcm))


@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
def test_every_sample_is_sent_once_and_in_order(engine: Engine, codec: str) -> None:
    source = speech(1.01, seed=3)
    with Far(codec) as far:
        port = engine.open()
        connect(port, far)
        until(lambda: len(far.audio()) > 5, "the stream of silence before playing")
        play = port.play([source.tobytes()])
        got: list[MediaEvent] = []
        done = collect(engine, got, PlayDone)
        assert done == [PlayDone(port=port.id, play=play, samples=len(source), total=len(source), complete=True)]
        until(lambda: match(far.pcm(), source).worst > 0.99, "the whole clip")
        heard = far.pcm()
        at = match(heard, source).offset
        # Not only alike: each sample is what its code means, which is at most half a step off.
        step = np.maximum(np.abs(source.astype(int)) / 16, 16)
        assert np.all(np.abs(heard[at : at + len(source)].astype(int) - source) <= step)
        assert np.abs(heard[:at]).max() <= 8
        packets = far.audio()
        assert [(b.seq - a.seq) & 0xFFFF for a, b in itertools.pairwise(packets)] == [1] * (len(packets) - 1)
        assert {(b.ts - a.ts) & 0xFFFFFFFF for a, b in itertools.pairwise(packets)} == {160}


def test_the_rate_is_real_time(engine: Engine) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.play([speech(2.0).tobytes()])
        collect(engine, [], PlayDone)
        packets = far.audio()
    # Sent on average every 20 ms: fifty packets span a second, give or take what a busy machine delays single ones.
    span = packets[-1].at - packets[0].at
    assert span / (len(packets) - 1) == pytest.approx(0.02, rel=0.05)


def test_stopping_tells_exactly_what_was_heard(engine: Engine) -> None:
    source = np.full(16000, 4000, np.int16)
    with Far() as far:
        port = engine.open()
        connect(port, far)
        play = port.play([source.tobytes()])
        until(lambda: port.play_position() > 3000, "some of it to be played")
        heard = port.stop_play()
        done = collect(engine, [], PlayDone)
        assert done == [PlayDone(port=port.id, play=play, samples=heard, total=16000, complete=False)]
        count = len(far.audio())
        until(lambda: len(far.audio()) > count + 3, "silence after it")
        assert int(np.sum(np.abs(far.pcm()) > 2000)) == heard == port.play_position()


def test_stopping_at_once_tells_nothing_was_heard(engine: Engine) -> None:
    port = engine.open()
    assert port.stop_play() == 0
    play = port.play([speech(1).tobytes()])
    assert port.stop_play() == 0
    assert collect(engine, [], PlayDone) == [PlayDone(port=port.id, play=play, samples=0, total=8000, complete=False)]


def test_a_new_playback_replaces_the_old(engine: Engine) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        first = port.play([speech(5).tobytes()])
        until(lambda: port.play_position() > 0, "the first to begin")
        second = port.play([speech(0.2).tobytes()])
        done = collect(engine, [], PlayDone, 2)
        assert [(e.play, e.complete) for e in done if isinstance(e, PlayDone)] == [(first, False), (second, True)]


def test_clips_follow_each_other_with_gaps(engine: Engine) -> None:
    one, two = np.full(1000, 3000, np.int16), np.full(500, -5000, np.int16)
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.play([one.tobytes(), two.tobytes()], gap_ms=50)
        done = collect(engine, [], PlayDone)[0]
        assert isinstance(done, PlayDone)
        assert (done.samples, done.total) == (1900, 1900)
        until(lambda: int(np.sum(far.pcm() < -4000)) == 500, "the second clip")
        heard = far.pcm()
    first = int(np.argmax(heard > 2000))
    assert np.all(heard[first : first + 1000] > 2000)
    assert np.all(np.abs(heard[first + 1000 : first + 1400]) < 100)
    assert np.all(heard[first + 1400 : first + 1900] < -4000)


def test_a_loop_goes_on_until_it_is_stopped(engine: Engine) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.play([np.full(330, 4000, np.int16).tobytes()], loop=True)
        until(lambda: port.play_position() > 2000, "several rounds")
        heard = port.stop_play()
        done = collect(engine, [], PlayDone)[0]
        assert isinstance(done, PlayDone)
        assert (done.samples, done.complete) == (heard, False)


def test_what_stands_before_a_loop_is_played_once(engine: Engine) -> None:
    words, tune, other = (np.full(size, level, np.int16) for size, level in ((500, 8000), (400, -4000), (300, 2000)))
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.play([words.tobytes(), tune.tobytes(), other.tobytes()], loop=True, loop_from=1)
        until(lambda: port.play_position() > 2200, "two rounds of the tunes")
        until(lambda: int(np.sum(far.pcm() < -2000)) >= 800, "the tune twice")
        heard = far.pcm()
        port.stop_play()
    first = int(np.argmax(heard > 6000))
    assert np.sum(heard > 6000) == 500 and np.all(heard[first : first + 500] > 6000)
    for round_ in (0, 700):
        tune_at = first + 500 + round_
        assert np.all(heard[tune_at : tune_at + 400] < -2000), round_
    assert np.all(heard[first + 900 : first + 1200] > 1000)


def test_a_file_is_read_before_anybody_plays_it(tmp_path: Path) -> None:
    tune, cache = write_wav(tmp_path / "tune.wav", speech(0.5).tobytes()), AudioCache()
    asyncio.run(cache.make_ready(tune))
    assert cache.held == 8000
    assert cache.load(tune).samples == 4000 and cache.held == 8000
    with pytest.raises(SwitchroomError) as missing:
        asyncio.run(cache.make_ready(tmp_path / "none.wav"))
    assert missing.value.id == "media.file"


@pytest.mark.parametrize("ptime", [10, 30, 40])
def test_other_packet_times(engine: Engine, ptime: int) -> None:
    source = speech(0.6, seed=ptime)
    with Far() as far:
        port = engine.open()
        connect(port, far, ptime_ms=ptime)
        port.play([source.tobytes()])
        collect(engine, [], PlayDone)
        until(lambda: match(far.pcm(), source).worst > 0.99, "the whole clip")
        assert {len(p.payload) for p in far.audio()} == {8 * ptime}


def test_hold_pauses_playing_and_loses_nothing(engine: Engine) -> None:
    source = speech(1.0, seed=9)
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.play([source.tobytes()])
        until(lambda: port.play_position() > 2000, "a part")
        connect(port, far, direction="inactive")
        count = _settled(far)
        position = port.play_position()
        connect(port, far, direction="sendrecv")
        collect(engine, [], PlayDone)
        assert 2000 < position < len(source)
        assert len(far.audio()) > count
        until(lambda: len(b"".join(p.payload for p in far.audio())) >= len(source), "all of it")
        until(lambda: match(expand("PCMA", b"".join(p.payload for p in far.audio())), source, 0).worst > 0.99, "no gap")


def _settled(far: Far) -> int:
    """Packets received once none has come for a while."""
    last = [-1, 0.0]

    def quiet() -> bool:
        count, now = len(far.packets), time.monotonic()
        if count != last[0]:
            last[:] = [count, now]
        return now - last[1] > 0.15

    until(quiet, "the stream to pause")
    return int(last[0])


def test_g722_is_decoded_as_what_was_played(engine: Engine, tmp_path: Path) -> None:
    source = tone(1000, 1.0)
    one, two = engine.open(), engine.open()
    for here, there in ((one, two), (two, one)):
        here.connect(MediaAnswer(host="127.0.0.1", port=there.port, codec="G722", payload_type=9))
    two.record(tmp_path / "heard.wav", max_seconds=1.5)
    one.play([source.tobytes()])
    collect(engine, [], RecordDone)
    with wave.open(str(tmp_path / "heard.wav")) as got:
        heard = np.frombuffer(got.readframes(got.getnframes()), "<i2")
    loud = heard[np.abs(heard) > 4000]
    first = int(np.argmax(np.abs(heard) > 4000))
    assert len(loud) > 3000
    assert power_at(heard[first + 800 : first + 4800], 1000) == pytest.approx(8000, rel=0.1)


# ---- files -----------------------------------------------------------------------------------------------------------


def test_files_of_every_kind_become_the_same_audio(tmp_path: Path) -> None:
    cache = AudioCache()
    source = tone(440, 0.5)
    wide = (8000 * np.sin(2 * np.pi * 440 * np.arange(11025) / 22050)).astype("<i2")
    (tmp_path / "raw.alaw").write_bytes(compress("PCMA", source))
    files = [
        write_wav(tmp_path / "a.wav", source.tobytes()),
        write_wav(tmp_path / "b.wav", wide.tobytes(), 22050),
        write_wav(tmp_path / "c.wav", np.repeat(source, 2).tobytes(), 8000, 2),
        write_wav(tmp_path / "d.wav", (source.astype("<i4") << 16).tobytes(), 8000, 1, 4),
        tmp_path / "raw.alaw",
    ]
    for path in files:
        audio = cache.load(path)
        pcm = np.frombuffer(audio.pcm(), np.int16)
        assert abs(audio.samples - 4000) <= 1
        assert power_at(pcm[400:3600], 440) == pytest.approx(8000, rel=0.02), path.name
    assert cache.load(files[0]) is cache.load(files[0])


def test_a_changed_file_is_read_anew_and_memory_stays_bounded(tmp_path: Path) -> None:
    cache = AudioCache(limit=40000)
    path = write_wav(tmp_path / "a.wav", tone(400, 1).tobytes())
    assert cache.load(path).samples == 8000
    write_wav(path, tone(400, 0.5).tobytes())
    until(lambda: cache.load(path).samples == 4000, "the change to be seen", 1)
    for i in range(10):
        cache.load(write_wav(tmp_path / f"{i}.wav", tone(400, 1).tobytes()))
        assert cache.held <= 40000


def test_what_is_no_audio_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt ")
    (tmp_path / "y.wav").write_bytes(b"ID3 whatever")
    for name in ("x.wav", "y.wav", "missing.wav"):
        with pytest.raises(SwitchroomError) as caught:
            AudioCache().load(tmp_path / name)
        assert caught.value.id == "media.file"
        assert name in caught.value.message


def test_resampling_keeps_the_band_and_drops_what_would_fold() -> None:
    t = np.arange(48000) / 48000
    for hz, kept in ((1000, True), (3300, True), (5500, False)):
        wide = (8000 * np.sin(2 * np.pi * hz * t)).astype(np.int16)
        out = np.frombuffer(resample(wide.tobytes(), 48000, 8000), np.int16)[400:7600]
        assert len(out) == 7200
        rms = float(np.sqrt(np.mean(out.astype(float) ** 2)))
        assert rms == pytest.approx(8000 / np.sqrt(2), rel=0.05) if kept else rms < 60


def test_wav_headers_that_lie() -> None:
    good = (
        b"RIFF"
        + b"\x00" * 4
        + b"WAVE"
        + b"fmt \x10\x00\x00\x00"
        + b"\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00"
    )
    # A recording that was cut off says more data than there is: what is there is played.
    pcm, rate = parse_wav(good + b"data\xff\xff\xff\x7f" + b"\x01\x00" * 100)
    assert (len(pcm), rate) == (200, 8000)
    with pytest.raises(ValueError, match="no audio"):
        parse_wav(good)


# ---- errors ----------------------------------------------------------------------------------------------------------


def test_orders_that_cannot_be_followed(engine: Engine, tmp_path: Path) -> None:
    port = engine.open()
    with pytest.raises(SwitchroomError, match="clips"):
        port.play([])
    with pytest.raises(SwitchroomError, match="digits"):
        port.send_digits("12x")
    with pytest.raises(SwitchroomError) as caught:
        port.play([tmp_path / "nothing.wav"])
    assert caught.value.id == "media.file"
    with Far() as far:
        for changes, found in (
            ({"codec": "opus"}, "media.codec"),
            ({"host": "example.org"}, "media.address"),
            ({"port": 0}, "media.address"),
        ):
            with pytest.raises(SwitchroomError) as caught:
                connect(port, far, **changes)
            assert caught.value.id == found
    port.close()
    with pytest.raises(SwitchroomError) as caught:
        port.play([b"\0\0"])
    assert caught.value.id == "media.port-closed"
