"""RTP as it comes from real networks and from strangers: latching, refusals, reports, ends."""

from __future__ import annotations

import os
import random
import socket
import time
import wave
from pathlib import Path

import numpy as np
import psutil
import pytest

from appliance.errors import SwitchroomError
from appliance.media.engine import Engine, Port
from appliance.media.events import RecordDone, Silent
from tests.mediakit import EVENT, Far, collect, connect, digits_of, match, pack, speech, until
from tests.peers.net import has_ipv6, media_range, wait_for
from tests.relay import Relay

RTCP_SR, RTCP_BYE = 200, 203


# ---- sockets ---------------------------------------------------------------------------------------------------------


def test_a_socket_that_a_child_process_still_has_is_let_go(engine: Engine) -> None:
    """Between fork and exec a child has all our sockets, so closing ours does not end them. What comes in on one must not be
    taken for a port that is gone."""
    with Far() as far:
        port = engine.open()
        connect(port, far)
        far.send(b"\xd5" * 160, port.port)
        wait_for(lambda: port.stats().packets_in, 5, "the first packet")
        waits, ends = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ends)
            os.read(waits, 1)
            os._exit(0)
        try:
            port.close()
            beside = engine.open()  # orders are carried out in order: after this one the first port is closed
            connect(beside, far)
            far.send(b"\xd5" * 160, beside.port)
            wait_for(lambda: beside.stats().packets_in, 5, "a packet at the second port")
            began, used = time.monotonic(), time.process_time()
            while time.monotonic() < began + 0.5:
                far.send(b"\xd5" * 160, port.port)
                time.sleep(0.02)
            assert time.process_time() - used < 0.1, "the media thread turns round a socket that nobody reads"
        finally:
            os.close(ends)
            os.close(waits)
            os.waitpid(child, 0)


# ---- the network -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "jitter", "least", "worst"), [(0.0, 0, 0.99, 0.99), (0.0, 30, 0.5, 0.9), (0.01, 30, 0.5, 0.6), (0.05, 30, 0.5, 0.45)]
)
def test_audio_over_a_bad_network(engine: Engine, tmp_path: Path, loss: float, jitter: int, least: float, worst: float) -> None:
    """From one port through the relay to another, played and recorded by the engine."""
    source = speech(3.0, seed=31)
    with Relay(loss=loss, jitter_ms=jitter, seed=7) as relay:
        one, two = engine.open(), engine.open()
        path = relay.path(("127.0.0.1", two.port))
        with Far() as far:
            one.connect(far.answer(port=path.port))
            two.connect(far.answer(port=path.far_port))
        two.record(tmp_path / "r.wav", max_seconds=4.0)
        until(lambda: two.stats().packets_in > 20, "the stream")
        one.play([source.tobytes()])
        collect(engine, [], RecordDone)
        quality = two.close()
    with wave.open(str(tmp_path / "r.wav")) as got:
        heard = np.frombuffer(got.readframes(got.getnframes()), "<i2")
    found = match(heard, source)
    print(f"loss {loss:.0%}, jitter {jitter} ms: {found}, {quality}")
    if os.environ.get("SWITCHROOM_SANITIZED"):
        return  # the sanitizers slow the engine down: then it is memory that is tested, not the sound
    assert found.worst >= worst
    assert found.correlation >= least
    assert found.gain == pytest.approx(1.0, abs=0.15)
    # What was lost before the first packet that came, or behind the last, nobody can know of.
    assert path.dropped_to_target - 4 <= quality.lost <= path.dropped_to_target
    assert quality.jitter_ms < 25
    assert 1.0 < quality.mos <= 4.5


def test_a_cut_message_would_be_noticed() -> None:
    source = speech(3.0, seed=31)
    assert match(np.concatenate([np.zeros(999, np.int16), source]), source).worst > 0.99
    for cut in (source[1600:], source[:-1600], np.concatenate([source[:8000], source[9600:]])):
        assert match(cut, source).worst < 0.45


def test_the_far_ends_clock_may_drift(engine: Engine, tmp_path: Path) -> None:
    """Half a percent fast (far more than any crystal): the buffer neither overflows nor runs dry."""
    from appliance.media._media import ffi, lib

    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.detect(digits=True)
        syllables = speech(6.0) * (np.arange(48000) % 4000 < 2800)
        far.say(syllables.astype(np.int16), port.port, drift_ppm=20000).join()
        raw = ffi.new("struct port_stats *")
        lib.port_stats(port._handle, raw)
    assert raw.skipped > 0
    assert raw.late == 0


# ---- whom we believe -------------------------------------------------------------------------------------------------


def test_the_stream_follows_where_packets_really_come_from(engine: Engine) -> None:
    """RFC 4961: SDP names one port, behind NAT packets come from another; ours go there."""
    with Far() as said, Far() as real:
        port = engine.open()
        connect(port, said)
        real.say(speech(0.4), port.port)
        until(lambda: len(real.audio()) > 5, "audio at the real address")
        assert port.stats().packets_in > 0


def test_strangers_are_not_heard(engine: Engine) -> None:
    with Far() as far, Far(host="127.0.0.2") as stranger:
        port = engine.open()
        connect(port, far)
        far.say(speech(0.3), port.port).join()
        until(lambda: port.stats().packets_in >= 15, "the far end")
        before = port.stats().packets_in
        stranger.ssrc = 99
        stranger.say(speech(0.3), port.port).join()
        stranger.press("1", port.port)
        until(lambda: engine.health()["packets_stray"] >= 22, "the stranger's packets to be refused")
        assert port.stats().packets_in == before
        assert stranger.packets == []
        assert digits_of(engine.events()) == []


def test_without_nat_only_the_signalled_host_counts(engine: Engine) -> None:
    with Far() as far, Far(host="127.0.0.2") as stranger:
        port = engine.open()
        port.connect(far.answer(), nat=False)
        stranger.say(speech(0.3), port.port).join()
        until(lambda: engine.health()["packets_stray"] >= 15, "refusal")
        assert port.stats().packets_in == 0
        port.connect(far.answer(host="127.0.0.3"), nat=True)
        stranger.say(speech(0.3), port.port).join()
        # Behind NAT another address is believed, after a few packets in sequence.
        until(lambda: port.stats().packets_in >= 12, "the latched source")


def test_a_new_source_number_needs_two_packets(engine: Engine) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        far.say(speech(0.2), port.port).join()
        until(lambda: port.stats().packets_in == 10, "the first stream")
        far.ssrc, far.seq = 777, 5
        far.send(b"\xd5" * 160, port.port)
        until(lambda: engine.health()["packets_stray"] == 1, "the first of it to be refused")
        far.send(b"\xd5" * 160, port.port)
        until(lambda: port.stats().packets_in == 11, "the second to count")


def test_garbage_of_every_kind(engine: Engine) -> None:
    """Thousands of datagrams from the right address: noise, broken headers, wild numbers. The call goes on."""
    rng = random.Random(5)
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.detect(digits=True, voice=True, tones="fi")
        far.say(speech(0.2), port.port).join()
        for i in range(3000):
            kind = i % 6
            body = rng.randbytes(rng.randrange(0, 400))
            if kind == 1:
                body = b"\x80" + body
            elif kind == 2:
                body = pack(8, rng.randrange(65536), rng.randrange(1 << 32), far.ssrc, body)
            elif kind == 3:
                body = pack(EVENT, far.seq + i, rng.randrange(1 << 32), far.ssrc, body[:8])
            elif kind == 4:
                body = bytes([0x80 | rng.randrange(64), 8]) + body
            elif kind == 5:
                far.socket.sendto(bytes([0x80 | rng.randrange(32), 200 + rng.randrange(5)]) + body, ("127.0.0.1", port.port + 1))
                continue
            far.socket.sendto(body, ("127.0.0.1", port.port))
        before = len(far.packets)
        until(lambda: len(far.packets) > before + 10, "the stream to go on")
        far.seq, far.ts = 100, 100
        far.say(speech(0.3), port.port).join()
        count = port.stats().packets_in
        far.say(speech(0.3), port.port).join()
        until(lambda: port.stats().packets_in >= count + 10, "good packets to count again")


def test_silence_is_told_once_and_again(engine: Engine) -> None:
    with Engine("127.0.0.1", media_range(), rtp_timeout=0.6) as quick, Far() as far:
        port = quick.open()
        connect(port, far)
        first = collect(quick, [], Silent)[0]
        assert isinstance(first, Silent)
        assert 0.6 <= first.seconds < 3
        far.say(speech(0.2), port.port).join()
        collect(quick, [], Silent)


# ---- reports, ends, limits -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_reports_tell_loss_and_round_trip(engine: Engine) -> None:
    one, two = engine.open(), engine.open()
    with Relay(loss=0.1, seed=3) as relay:
        path = relay.path(("127.0.0.1", two.port))
        control = relay.path(("127.0.0.1", two.port + 1))
        with Far() as far:
            one.connect(far.answer(port=path.port, rtcp_port=control.port))
            two.connect(far.answer(port=path.far_port, rtcp_port=control.far_port))

        def known() -> bool:
            q = one.stats()
            return q.far_loss is not None and q.rtt_ms is not None and q.far_loss > 0.02

        until(known, "reports", 40)
        assert one.stats().rtt_ms == pytest.approx(0, abs=20)


def test_ports_run_out_with_a_clear_word_and_come_back() -> None:
    low, _ = media_range()
    with Engine("127.0.0.1", (low, low + 7)) as engine:
        ports = [engine.open() for _ in range(4)]
        assert {p.port for p in ports} == {low, low + 2, low + 4, low + 6}
        with pytest.raises(SwitchroomError) as caught:
            engine.open()
        assert caught.value.id == "media.ports-exhausted"
        assert "media_ports" in caught.value.hint
        ports[1].close()

        def again() -> Port | None:
            try:
                return engine.open()
            except SwitchroomError:
                return None

        assert wait_for(again, 5, "the port to be free again").port == ports[1].port


def test_taken_ports_are_left_out() -> None:
    low, _ = media_range()
    with Engine("127.0.0.1", (low, low + 7)) as engine, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", low + 2))
        assert [engine.open().port for _ in range(3)] == [low, low + 4, low + 6]


class Reports:
    """The far end's RTCP port: what came there, by packet type, until there was one of `kind`."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(10)
        self.port: int = self.socket.getsockname()[1]

    def until(self, kind: int) -> tuple[bytes, tuple[str, int]]:
        while True:
            data, source = self.socket.recvfrom(2048)
            at = 0
            while at < len(data):
                if data[at + 1] == kind:
                    return data, source
                at += 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")


def test_reports_and_the_leave_come_from_the_port_above() -> None:
    low, _ = media_range()
    reports = Reports()
    with Engine("127.0.0.1", (low, low + 1)) as engine, Far() as far, reports.socket:
        port = engine.open()
        connect(port, far, rtcp_port=reports.port)
        assert reports.until(RTCP_SR)[1] == ("127.0.0.1", low + 1)
        port.close()
        assert reports.until(RTCP_BYE)[1] == ("127.0.0.1", low + 1)


def test_a_short_call_opens_no_socket_for_reports() -> None:
    low, _ = media_range()
    with Engine("127.0.0.1", (low, low + 1)) as engine, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        port = engine.open()
        other.bind(("127.0.0.1", low + 1))
        with Far() as far:
            connect(port, far)
            port.play([speech(1).tobytes()])
            until(lambda: len(far.audio()) > 40, "a call without reports")


def test_the_end_of_a_port_is_no_news(engine: Engine) -> None:
    with Far() as far:
        port = engine.open()
        connect(port, far)
        port.play([speech(5).tobytes()])
        until(lambda: port.play_position() > 0, "it to begin")
        port.close()
        until(lambda: engine.health()["ports_open"] == 0, "the port to be gone")
        assert engine.events() == []


def test_a_foreign_address_cannot_be_bound(engine: Engine) -> None:
    for host in ("192.0.2.200", "nonsense"):
        with pytest.raises(SwitchroomError) as caught:
            engine.open(host)
        assert caught.value.id == "media.host"


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6(engine: Engine) -> None:
    one, two = engine.open("::1"), engine.open("::1")
    with Far() as far:
        one.connect(far.answer(host="::1", port=two.port))
        two.connect(far.answer(host="::1", port=one.port))
    until(lambda: two.stats().packets_in > 5, "packets over IPv6")


def test_everything_is_returned_after_calls() -> None:
    process = psutil.Process(os.getpid())
    with Engine("127.0.0.1", media_range()) as engine, Far() as far:

        def calls() -> None:
            for _ in range(30):
                a, b = engine.open(), engine.open()
                connect(a, far)
                connect(b, far)
                engine.bridge([a, b])
                a.detect(digits=True, voice=True, tones="fi")
                a.play([speech(1).tobytes()])
                a.close()
                b.close()

        calls()
        until(lambda: engine.health()["ports_open"] == 0, "all ports to be closed")
        files, memory = process.num_fds(), process.memory_info().rss
        for _ in range(5):
            calls()
            engine.events()
        until(lambda: process.num_fds() <= files, "all sockets to be closed")
        # 300 more ports have come and gone: had they stayed, it would be megabytes.
        assert process.memory_info().rss - memory < 3_000_000
