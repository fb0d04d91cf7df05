"""Recording: what is in the file, when it ends, and that it is playable at any moment."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from appliance.media.audio import parse_wav
from appliance.media.engine import Engine
from appliance.media.events import MediaEvent, RecordDone
from tests.mediakit import Far, Pcm, collect, connect, match, speech, until


def read(path: Path) -> Pcm:
    with wave.open(str(path)) as got:
        assert (got.getframerate(), got.getsampwidth()) == (8000, 2)
        pcm = np.frombuffer(got.readframes(got.getnframes()), "<i2")
        return pcm.reshape(-1, got.getnchannels()) if got.getnchannels() > 1 else pcm


def finish(engine: Engine) -> RecordDone:
    done = collect(engine, [], RecordDone)[0]
    assert isinstance(done, RecordDone)
    return done


def test_a_recording_is_what_was_said(engine: Engine, tmp_path: Path) -> None:
    source = speech(1.5, seed=5)
    with Far("PCMU") as far:
        port = engine.open()
        connect(port, far)
        record = port.record(tmp_path / "r.wav", max_seconds=60)
        far.say(source, port.port).join()
        until(lambda: port.stats().packets_in >= 75, "all packets")
        # The jitter buffer holds the end for a moment: what was sent is recorded before the recording is stopped.
        far.say(np.zeros(1600, np.int16), port.port).join()
        port.stop_record()
        done = finish(engine)
    assert (done.record, done.reason, done.error, done.port) == (record, "stopped", "", port.id)
    heard = read(tmp_path / "r.wav")
    assert len(heard) == done.samples
    found = match(heard, source)
    assert found.worst > 0.95  # a loaded machine may send a packet too late; a cut of 200 ms gives less than 0.45
    assert found.gain == pytest.approx(1.0, abs=0.02)


def test_stereo_keeps_both_sides_apart_and_both_mixes_them(engine: Engine, tmp_path: Path) -> None:
    theirs, ours = speech(1.0, seed=6), speech(1.0, seed=7)
    for name, extra in (("stereo", {"stereo": True}), ("both", {"both": True})):
        with Far() as far:
            port = engine.open()
            connect(port, far)
            port.record(tmp_path / f"{name}.wav", max_seconds=1.6, **extra)
            port.play([ours.tobytes()])
            far.say(theirs, port.port).join()
            assert finish(engine).reason == "limit"
    apart = read(tmp_path / "stereo.wav")
    assert match(apart[:, 0], theirs).worst > 0.95
    assert match(apart[:, 1], ours).worst > 0.95
    mixed = read(tmp_path / "both.wav")
    assert match(mixed, theirs).correlation > 0.6
    assert match(mixed, ours).correlation > 0.6


def test_a_pause_is_silence_and_takes_its_time(engine: Engine, tmp_path: Path) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.record(tmp_path / "r.wav", max_seconds=1.2, stereo=True)
        port.pause_record()
        port.play([speech(1.0, seed=7).tobytes()])
        far.say(speech(0.6, seed=6), port.port).join()
        port.pause_record(False)
        said = speech(0.4, seed=8)
        far.say(said, port.port).join()
        assert finish(engine).samples == 9600
    heard = read(tmp_path / "r.wav")
    assert not heard[800:4000].any()
    assert heard[6000:, 0].any() and heard[6000:, 1].any()


def test_the_limit_is_exact(engine: Engine, tmp_path: Path) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.record(tmp_path / "r.wav", max_seconds=0.333)
        done = finish(engine)
    assert (done.reason, done.samples) == ("limit", 2664)
    assert len(read(tmp_path / "r.wav")) == 2664


def test_silence_ends_it(engine: Engine, tmp_path: Path) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.record(tmp_path / "r.wav", max_seconds=30, stop_silence_seconds=0.5)
        far.say(np.concatenate([speech(1.0, seed=2), np.zeros(8000, np.int16)]), port.port).join()
        done = finish(engine)
    assert done.reason == "silence"
    assert 8000 + 4000 <= done.samples <= 8000 + 4000 + 2400


def test_the_file_is_playable_while_it_grows(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.record(path, max_seconds=60)
        far.say(speech(1.5), port.port)
        until(lambda: path.exists() and path.stat().st_size > 44 + 8000, "the first write")
        # As it would lie there after a kill -9.
        data = path.read_bytes()
        pcm, rate = parse_wav(data)
        assert rate == 8000
        assert len(pcm) >= 8000
        assert int.from_bytes(data[40:44], "little") == len(pcm)
        port.stop_record()
        finish(engine)


def test_a_path_that_cannot_be_written_is_told(engine: Engine, tmp_path: Path) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.record(tmp_path / "nowhere" / "r.wav", max_seconds=60)
        done = finish(engine)
    assert done.reason == "error"
    assert "No such file" in done.error


def test_a_full_disk_ends_the_recording_not_the_call(engine: Engine) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.record("/dev/full", max_seconds=60)
        done = finish(engine)
        assert (done.reason, "No space" in done.error) == ("error", True)
        count = len(far.packets)
        until(lambda: len(far.packets) > count + 3, "audio to go on")


def test_closing_the_port_keeps_the_recording(engine: Engine, tmp_path: Path) -> None:
    got: list[MediaEvent] = []
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.record(tmp_path / "r.wav", max_seconds=60)
        far.say(speech(0.5), port.port).join()
        port.close()
        done = collect(engine, got, RecordDone)[0]
    assert isinstance(done, RecordDone)
    assert (done.reason, done.samples) == ("stopped", len(read(tmp_path / "r.wav")))
    assert done.samples > 3000
