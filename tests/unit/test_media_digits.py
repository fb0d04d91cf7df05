"""Digits: told once each however they come (events, tones, both, lost, jittered), and sent so that the far end hears them."""

from __future__ import annotations

import itertools
import struct
from contextlib import ExitStack

import numpy as np
import pytest

from appliance.media.engine import Engine
from appliance.media.events import Digit, Level, MediaEvent, PlayDone
from tests.mediakit import EVENT, Far, collect, connect, digits_of, expand, match, power_at, speech, tone, until
from tests.peers.net import media_range
from tests.relay import Relay

DTMF = {"1": (697, 1209), "5": (770, 1336), "#": (941, 1477)}


def inband(digits: str, ms: int = 100, gap_ms: int = 100) -> np.ndarray:
    parts = []
    for digit in digits:
        low, high = DTMF[digit]
        parts += [tone(low, ms / 1000, 5000) + tone(high, ms / 1000, 5000), np.zeros(gap_ms * 8, np.int16)]
    return np.concatenate(parts)


def test_digits_are_told_once_each(engine: Engine) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        for i, digit in enumerate("1100*#9"):
            far.press(digit, port.port)
            got: list[MediaEvent] = []
            collect(engine, got, Digit)
            assert digits_of(got) == [(digit, "rfc4733")], i
            # Faster than 30 ms nobody presses: presses closer than that count as one.
            far.say(np.zeros(480, np.int16), port.port).join()


@pytest.mark.parametrize("drop", [(0,), (0, 1, 2), (0, 1, 2, 3, 4, 5), (4, 5, 6)])
def test_digits_survive_lost_packets(engine: Engine, drop: tuple[int, ...]) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        far.press("3", port.port, drop=drop)
        got: list[MediaEvent] = []
        collect(engine, got, Digit)
        far.say(np.zeros(800, np.int16), port.port).join()
        far.press("4", port.port)
        collect(engine, got, Digit, 2)
    assert [d for d, _ in digits_of(got)] == ["3", "4"]


def test_digits_are_heard_in_band(engine: Engine) -> None:
    with Far(event=0) as far:
        port = engine.open()
        connect(port, far)
        port.detect(digits=True)
        far.say(np.concatenate([np.zeros(1600, np.int16), inband("15#"), np.zeros(1600, np.int16)]), port.port)
        got: list[MediaEvent] = []
        collect(engine, got, Digit, 3)
    assert digits_of(got) == [("1", "inband"), ("5", "inband"), ("#", "inband")]


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "least"), [(0.0, 0.99), (0.01, 0.99), (0.05, 0.95)])
def test_inband_digits_over_a_bad_network(loss: float, least: float) -> None:
    """600 digits of 100 ms over twenty legs, random loss and 30 ms of jitter: how many are heard, and none twice."""
    keys = "15#" * 10
    pressed = heard = 0
    with (
        Engine("127.0.0.1", media_range()) as engine,
        Relay(loss=loss, jitter_ms=30, seed=11) as relay,
        ExitStack() as fars,
    ):
        expected: dict[int, int] = {}
        threads = []
        audio = np.concatenate([np.zeros(4000, np.int16), inband(keys), np.zeros(4000, np.int16)])
        for _ in range(20):
            far = fars.enter_context(Far(event=0))
            port = engine.open()
            path = relay.path(("127.0.0.1", port.port))
            port.connect(far.answer(port=path.far_port))
            port.detect(digits=True)
            expected[port.id] = len(keys)
            threads.append(far.say(audio, path.port))
        for thread in threads:
            thread.join()
        # Half a second of silence has gone by since the last digit: all that will be told has been told.
        got = engine.events()
        for port_id, count in expected.items():
            told = [d for d, _ in digits_of([e for e in got if e.port == port_id])]
            assert len(told) <= count, told
            pressed += count
            heard += len(told)
    print(f"{heard} of {pressed} digits heard at {loss:.0%} loss")
    assert heard / pressed >= least


def test_a_digit_sent_both_ways_is_one_digit(engine: Engine) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.detect(digits=True)
        port.meter(True)
        talking = far.say(np.concatenate([np.zeros(3200, np.int16), inband("55"), np.zeros(3200, np.int16)]), port.port)
        got: list[MediaEvent] = []
        collect(engine, got, Digit)  # heard in the audio first
        far.press("5", port.port)
        talking.join()
        collect(engine, got, Level, len([e for e in got if isinstance(e, Level)]) + 2)
    # The first was heard, then told by its event; the second is a tone of somebody who now is known to send events.
    assert [d for d, _ in digits_of(got)] == ["5"]


def test_digits_are_sent_as_events_with_three_ends(engine: Engine) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        until(lambda: len(far.audio()) > 3, "the stream")
        port.send_digits("1*", 100)
        until(lambda: [d for d, _ in far.digits()] == ["1", "*"], "both presses")
        until(lambda: len([p for p in far.packets if p.type == EVENT and p.payload[1] & 128]) == 6, "three ends each")
        events = [p for p in far.packets if p.type == EVENT]
    for name in {p.ts for p in events}:
        press = [p for p in events if p.ts == name]
        durations = [struct.unpack("!H", p.payload[2:4])[0] for p in press]
        assert durations == [160, 320, 480, 640, 800, 800, 800]
        assert [p.marker for p in press] == [True] + [False] * 6
    numbers = [p.seq for p in far.packets]
    assert {(b - a) & 0xFFFF for a, b in itertools.pairwise(numbers)} == {1}


def test_digits_are_sent_as_tones_where_no_events_are_taken(engine: Engine) -> None:
    with Far(event=0) as far:
        one, two = engine.open(), engine.open()
        connect(one, far)
        one.send_digits("5", 200)
        until(lambda: np.sum(np.abs(far.pcm()) > 3000) > 300, "a tone")
        until(lambda: np.all(np.abs(far.pcm()[-800:]) < 100), "its end")
        pcm = far.pcm()
        loud = np.flatnonzero(np.abs(pcm) > 3000)
        piece = pcm[loud[0] : loud[-1]]
        two.close()
    assert len(piece) == pytest.approx(1600, abs=20)
    assert power_at(piece, 770) == pytest.approx(6000, rel=0.1)
    assert power_at(piece, 1336) == pytest.approx(6000, rel=0.1)
    assert power_at(piece, 1000) < 600


def test_playing_waits_while_digits_are_sent(engine: Engine) -> None:
    source = speech(0.8, seed=4)
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.play([source.tobytes()])
        until(lambda: port.play_position() > 800, "a part of it")
        port.send_digits("5")
        collect(engine, [], PlayDone)
        until(
            lambda: match(expand("PCMA", b"".join(p.payload for p in far.audio())), source, 0).worst > 0.99,
            "each sample once, in order",
        )
