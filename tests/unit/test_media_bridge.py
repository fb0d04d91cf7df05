"""Bridges: relaying, tapping, mixing, transcoding, gains, hold, digits on their way through."""

from __future__ import annotations

import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from appliance.errors import SwitchroomError
from appliance.media.engine import Engine, Port
from appliance.media.events import Digit, PlayDone, RecordDone
from tests.mediakit import Far, collect, compress, connect, match, power_at, speech, tone, until
from tests.peers.net import media_range


def relayed(port: Port) -> int:
    from appliance.media._media import ffi, lib

    raw = ffi.new("struct port_stats *")
    lib.port_stats(port._handle, raw)
    return int(raw.relayed)


def test_a_plain_pair_is_relayed_untouched(engine: Engine) -> None:
    with Far() as left, Far() as right:
        a = engine.open()
        b = engine.open(near=a)
        connect(a, left)
        connect(b, right)
        engine.bridge([a, b])
        data = compress("PCMA", speech(1.0, seed=1))
        left.say(data, a.port).join()
        until(lambda: relayed(b) >= 50, "fifty packets to be relayed")
        until(lambda: data in b"".join(p.payload for p in right.audio()), "every byte as it was sent")
        packets = [p for p in right.audio() if p.payload in data]
        assert {(y.seq - x.seq) & 0xFFFF for x, y in pairwise(packets)} == {1}
        assert len({p.ssrc for p in right.audio()}) == 1


def test_loss_is_passed_on_for_the_far_end_to_see(engine: Engine) -> None:
    with Far() as left, Far() as right:
        a, b = engine.open(), engine.open()
        connect(a, left)
        connect(b, right)
        engine.bridge([a, b])
        frames = [bytes([0x40 + i]) * 160 for i in range(20)]
        for i, frame in enumerate(frames):
            if i in (7, 8):
                left.seq += 1
            else:
                left.send(frame, a.port)
            left.ts += 160
        until(lambda: any(p.payload == frames[19] for p in right.audio()), "the last packet")
        seen = {p.payload[0] - 0x40: p for p in right.audio() if p.payload in frames}
    assert sorted(seen) == [i for i in range(20) if i not in (7, 8)]
    assert (seen[9].seq - seen[6].seq) & 0xFFFF == 3
    assert (seen[9].ts - seen[6].ts) & 0xFFFFFFFF == 480


def test_a_tap_records_a_relayed_call_without_disturbing_it(engine: Engine, tmp_path: Path) -> None:
    one, two = speech(2.0, seed=11), speech(2.0, seed=12)
    with Far() as left, Far() as right:
        a, b = engine.open(), engine.open()
        connect(a, left)
        connect(b, right)
        engine.bridge([a, b])
        coming = compress("PCMA", one)
        left.say(coming, a.port)
        saying = right.say(two, b.port)
        until(lambda: relayed(b) > 20, "the call to be relayed")
        a.record(tmp_path / "call.wav", max_seconds=0.8, stereo=True)
        a.detect(digits=True, voice=True)
        b.meter(True)
        done = collect(engine, [], RecordDone)[0]
        saying.join()
        until(lambda: coming in b"".join(p.payload for p in right.audio()), "every byte, tap or not")
    assert isinstance(done, RecordDone)
    with wave.open(str(tmp_path / "call.wav")) as got:
        sides = np.frombuffer(got.readframes(got.getnframes()), "<i2").reshape(-1, 2)
    # The first tenth of a second fills the jitter buffers.
    for side, source in ((0, one), (1, two)):
        assert match(source, sides[1600:6400, side]).worst > 0.95


@pytest.mark.parametrize(("here", "there"), [("PCMA", "PCMU"), ("PCMU", "PCMA")])
def test_laws_are_transcoded(engine: Engine, here: str, there: str) -> None:
    source = speech(1.2, seed=21)
    with Far(here) as left, Far(there) as right:
        a, b = engine.open(), engine.open()
        connect(a, left)
        connect(b, right)
        engine.bridge([a, b])
        left.say(source, a.port).join()
        until(lambda: match(right.pcm(), source).worst > 0.95, "the whole of it")
        assert match(right.pcm(), source).gain == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("law", ["PCMA", "PCMU"])
def test_g722_is_transcoded_both_ways(engine: Engine, law: str) -> None:
    """Through three bridges, law - G.722 - G.722 - law: level and frequency come out as they went in."""
    from drivers.base import MediaAnswer

    with Far(law) as left, Far(law) as right:
        a, b, c, d = (engine.open() for _ in range(4))
        connect(a, left)
        connect(d, right)
        for here, far in ((b, c), (c, b)):
            here.connect(MediaAnswer(host="127.0.0.1", port=far.port, codec="G722", payload_type=9))
        engine.bridge([a, b])
        engine.bridge([c, d])
        source = tone(1000, 2.0)
        left.say(source, a.port).join()

        def heard() -> bool:
            pcm = right.pcm()
            loud = np.flatnonzero(np.abs(pcm) > 4000)
            return len(loud) > 4000 and abs(power_at(pcm[loud[0] + 2000 : loud[0] + 10000], 1000) - 8000) < 800

        until(heard, "a tone of the same level")


def test_three_hear_each_other_but_not_themselves(engine: Engine) -> None:
    with Far("PCMA") as x, Far("PCMU") as y, Far("PCMA") as z:
        fars = (x, y, z)
        ports = [engine.open() for _ in fars]
        for port, far in zip(ports, fars, strict=True):
            connect(port, far)
        engine.bridge(ports)
        pitches = (500, 900, 1700)
        for far, port, hz in zip(fars, ports, pitches, strict=True):
            far.say(tone(hz, 1.5, 4000), port.port)

        def mixed() -> bool:
            for i, far in enumerate(fars):
                piece = far.pcm()[-6400:-1600]
                if len(piece) < 4800:
                    return False
                levels = [power_at(piece, hz) for hz in pitches]
                if not all((abs(level - 4000) < 400) == (k != i) and (k != i or level < 50) for k, level in enumerate(levels)):
                    return False
            return True

        until(mixed, "everybody to hear the two others and not themselves", 5)


def test_gains_whisper_and_listen_in(engine: Engine) -> None:
    """A supervisor hears both, the agent hears the supervisor at half, the caller does not."""
    with Far() as caller, Far() as agent, Far() as chief:
        ports = {}
        for name, far in (("caller", caller), ("agent", agent), ("chief", chief)):
            ports[name] = engine.open()
            connect(ports[name], far)
        bridge = engine.bridge([ports["caller"], ports["agent"]])
        bridge.add(ports["chief"], heard=0.0)
        bridge.set_gain(ports["chief"], ports["agent"], 0.5)
        chief.say(tone(1100, 1.5, 8000), ports["chief"].port)
        caller.say(tone(600, 1.5, 4000), ports["caller"].port)

        def right() -> bool:
            parts = [far.pcm()[-4800:-1600] for far in (caller, agent, chief)]
            if any(len(p) < 3200 for p in parts):
                return False
            return (
                power_at(parts[0], 1100) < 50
                and abs(power_at(parts[1], 1100) - 4000) < 400
                and abs(power_at(parts[1], 600) - 4000) < 400
                and abs(power_at(parts[2], 600) - 4000) < 400
            )

        until(right, "the gains to hold", 5)
        bridge.set_gain(ports["chief"], ports["agent"], 0.0)
        bridge.remove(ports["chief"])
        assert bridge.ports == (ports["caller"], ports["agent"])


def test_digits_pass_a_relay_with_the_other_sides_payload_type(engine: Engine) -> None:
    with Far(event=101) as left, Far(event=96) as right:
        a, b = engine.open(), engine.open()
        connect(a, left)
        connect(b, right)
        engine.bridge([a, b])
        left.say(speech(0.3), a.port).join()
        left.press("7", a.port)
        digit = collect(engine, [], Digit)[0]
        assert digit == Digit(port=a.id, digit="7", source="rfc4733", duration_ms=20)
        until(lambda: right.digits() == [("7", 100)], "the press at the other side")


def test_digits_pass_a_transcoding_bridge(engine: Engine) -> None:
    with Far("PCMA") as left, Far("PCMU", event=96) as right:
        a, b = engine.open(), engine.open()
        connect(a, left)
        connect(b, right)
        engine.bridge([a, b])
        left.say(speech(0.2), a.port)
        left.press("5", a.port)
        until(lambda: [d for d, _ in right.digits()] == ["5"], "the press at the other side")


@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
def test_digits_that_are_kept_are_told_and_go_no_further(engine: Engine, codec: str) -> None:
    """In a relayed pair (PCMA) and in a mixed one; until they are passed on again."""
    with Far("PCMA", event=101) as left, Far(codec, event=101) as right:
        a, b = engine.open(), engine.open()
        connect(a, left)
        connect(b, right)
        engine.bridge([a, b])
        a.keep_digits()
        left.say(speech(0.2), a.port).join()
        left.press("7", a.port)
        assert [e.digit for e in collect(engine, [], Digit) if isinstance(e, Digit)] == ["7"]
        a.keep_digits(False)
        left.say(speech(0.2), a.port).join()
        left.press("8", a.port)
        until(lambda: [d for d, _ in right.digits()] == ["8"], "the second press alone")


def test_hold_is_silent_for_the_other_and_ends(engine: Engine) -> None:
    with Far() as left, Far() as right:
        a, b = engine.open(), engine.open()
        connect(a, left)
        connect(b, right)
        engine.bridge([a, b])
        talking = left.say(tone(1000, 3.0), a.port)
        until(lambda: relayed(b) > 10, "the call")
        connect(b, right, direction="recvonly")
        until(lambda: b.stats().packets_in == 0, "no packet from the held side")
        until(_no_more(b), "the stream to the held side to stop")
        connect(b, right, direction="sendrecv")
        count = len(right.packets)
        until(lambda: len(right.packets) > count + 5, "audio after hold")
        talking.join()


def _no_more(port: Port):  # type: ignore[no-untyped-def]
    seen: list[int] = []

    def quiet() -> bool:
        seen.append(port.stats().packets_out)
        return len(seen) > 8 and len(set(seen[-8:])) == 1

    return quiet


def test_a_relayed_leg_that_gets_nothing_hears_silence(engine: Engine) -> None:
    with Far() as left, Far() as right:
        a, b = engine.open(), engine.open()
        connect(a, left)
        connect(b, right)
        engine.bridge([a, b])
        until(lambda: len(right.audio()) > 10, "packets though the other side is mute")
        data = compress("PCMA", speech(0.5))
        left.say(data, a.port).join()
        until(lambda: data in b"".join(p.payload for p in right.audio()), "relaying to take over")
        numbers = [p.seq for p in right.audio()]
        assert {(y - x) & 0xFFFF for x, y in pairwise(numbers)} == {1}


def test_playing_into_a_bridge_is_mixed_in(engine: Engine) -> None:
    with Far() as left, Far() as right:
        a, b = engine.open(), engine.open()
        connect(a, left)
        connect(b, right)
        engine.bridge([a, b])
        left.say(tone(600, 2.0, 4000), a.port)
        until(lambda: relayed(b) > 10, "the call")
        b.play([tone(1500, 0.6, 4000).tobytes()])
        done = collect(engine, [], PlayDone)[0]
        assert isinstance(done, PlayDone)
        assert done.complete
        both = right.pcm()[-3200:-800]
        assert power_at(both, 600) == pytest.approx(4000, rel=0.15)
        assert power_at(both, 1500) == pytest.approx(4000, rel=0.15)
        before = relayed(b)
        until(lambda: relayed(b) > before, "relaying again afterwards")


def test_ports_of_different_threads_are_brought_together() -> None:
    with Engine("127.0.0.1", media_range(), threads=2) as engine, Far() as left, Far() as right:
        a, *_, b = [engine.open() for _ in range(17)]  # the first 16 share a thread
        assert engine.health()["threads"] == 2
        connect(a, left)
        connect(b, right)
        bridge = engine.bridge([a, b])
        data = compress("PCMA", speech(0.4))
        left.say(data, a.port)
        right.say(data, b.port).join()
        until(lambda: data in b"".join(p.payload for p in right.audio()), "left to right")
        until(lambda: data in b"".join(p.payload for p in left.audio()), "right to left")
        bridge.close()
        bridge.close()
        with pytest.raises(SwitchroomError):
            bridge.add(a)


def test_a_large_conference_and_its_end(engine: Engine) -> None:
    ports = [engine.open() for _ in range(20)]
    bridge = engine.bridge(ports)
    with Far() as far:
        for port in ports:
            connect(port, far)
        for port in ports[::2]:
            port.close()
        assert len(bridge.ports) == 10
        until(lambda: len({p.ssrc for p in list(far.packets)}) >= 10, "the rest to go on")
        bridge.close()
