"""The jitter buffer and the RTP parsers by properties: whatever comes in whatever order, nothing is invented, nothing lost.

The pure C files are compiled into a library of their own; the sanitizers watch them in tests/unit/test_media_sanitized.py."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any

import cffi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
MEDIA = ROOT / "appliance" / "media"
FRAME = 160
SURFACE = """
struct jitter_frame { size_t length, present; uint8_t data[240]; uint8_t have[240]; };
struct rtp_header { bool marker; uint8_t type; uint16_t seq; uint32_t ts, ssrc; const uint8_t *payload; size_t length; };
struct rtcp_report { bool present; double loss; uint32_t lsr, dlsr; bool sender; uint32_t ntp; };
void jitter_reset(void *j);
int jitter_put(void *j, uint32_t ts, const uint8_t *data, size_t n, uint32_t now);
bool jitter_take(void *j, struct jitter_frame *f, uint32_t now, bool quiet);
int32_t jitter_delay(const void *j);
bool rtp_parse(struct rtp_header *h, const uint8_t *data, size_t n);
void rtp_build(uint8_t *data, bool marker, uint8_t type, uint16_t seq, uint32_t ts, uint32_t ssrc);
bool rtcp_parse(struct rtcp_report *r, const uint8_t *data, size_t n, uint32_t ours);
int rtp_source_update(void *s, const struct rtp_header *h, uint32_t arrival, bool audio);
uint64_t rtp_source_expected(const void *s);
uint64_t rtp_source_received(const void *s);
"""
NEW, DUPLICATE, REFUSED, RESTARTED = range(4)


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> tuple[cffi.FFI, Any]:
    path = tmp_path_factory.mktemp("pure") / "pure.so"
    sources = [str(MEDIA / "jitter.c"), str(MEDIA / "rtp.c")]
    flags = ["-std=gnu11", "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, "-o", str(path), *sources], check=True)
    ffi = cffi.FFI()
    ffi.cdef(SURFACE)
    return ffi, ffi.dlopen(str(path))


class Buffer:
    def __init__(self, pure: tuple[cffi.FFI, Any]) -> None:
        self.ffi, self.lib = pure
        self.state = self.ffi.new("uint64_t[2048]")  # more than the struct takes
        self.lib.jitter_reset(self.state)
        self.frame = self.ffi.new("struct jitter_frame *")

    def put(self, ts: int, data: bytes, now: int) -> int:
        return int(self.lib.jitter_put(self.state, ts & 0xFFFFFFFF, data, len(data), now & 0xFFFFFFFF))

    def take(self, now: int, quiet: bool = False) -> list[int | None]:
        if not self.lib.jitter_take(self.state, self.frame, now & 0xFFFFFFFF, quiet):
            return []
        f = self.frame
        assert f.length in (80, 160, 240)
        found = [f.data[i] if f.have[i] else None for i in range(f.length)]
        assert f.present == sum(b is not None for b in found)
        return found


def stream(pure: Any, packets: list[tuple[int, int, bytes]], start: int, until: int, quiet: bool) -> list[int | None]:
    """Packets (arrival, timestamp, data) against a tick every 20 ms; all that came out."""
    buffer, out = Buffer(pure), []
    waiting = sorted(packets, key=lambda p: p[0])
    for now in range(start, until, FRAME):
        while waiting and waiting[0][0] <= now:
            at, ts, data = waiting.pop(0)
            buffer.put(ts, data, at)
        out += buffer.take(now, quiet)
    return out


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    jitter=st.integers(0, 50),
    first=st.integers(0, (1 << 32) - 1),
    ptime=st.sampled_from([80, 160, 240, 320]),
    phase=st.integers(0, 159),
)
def test_within_the_first_delay_everything_comes_out_whole_and_in_order(
    pure: Any, seed: int, jitter: int, first: int, ptime: int, phase: int
) -> None:
    """Any jitter that the first delay (60 ms less a frame) covers: each byte once, in order, nothing concealed between."""
    rng = random.Random(seed)
    count = 60
    data = bytes(rng.randrange(256) for _ in range(count * ptime))
    jitter = min(jitter, 38)
    packets = [
        (phase + i * ptime + ptime + rng.randrange(jitter * 8 + 1), first + i * ptime, data[i * ptime : (i + 1) * ptime])
        for i in range(count)
    ]
    # The fastest packet goes first, so that the delay counts from it.
    packets[0] = (phase + ptime, first, data[:ptime])
    out = stream(pure, packets, 0, count * ptime + 8000, False)
    heard = [b for b in out if b is not None]
    whole = bytes(heard)
    if ptime <= FRAME:
        assert whole == data
        begin = next(i for i, b in enumerate(out) if b is not None)
        assert None not in out[begin : begin + len(data)]
    else:
        # A packet longer than a frame may make the buffer wait once more; nothing is lost by it.
        assert whole == data


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 30), loss=st.floats(0, 0.5), jitter=st.integers(0, 200), quiet=st.booleans())
def test_nothing_is_invented_or_repeated(pure: Any, seed: int, loss: float, jitter: int, quiet: bool) -> None:
    """Loss, duplicates and disorder: what comes out is a subsequence of what was sent, in order."""
    rng = random.Random(seed)
    count = 100
    # Each packet is told apart by its bytes.
    packets = []
    for i in range(count):
        if rng.random() < loss:
            continue
        for _ in range(2 if rng.random() < 0.1 else 1):
            packets.append((i * 160 + rng.randrange(jitter * 8 + 1), 5000 + i * 160, bytes([i]) * 160))
    out = stream(pure, packets, 0, count * 160 + 8000, quiet)
    heard = [b for b in out if b is not None]
    assert heard == sorted(heard)
    assert all(heard.count(i) <= 160 for i in range(count))
    sent = {p[2][0] for p in packets}
    assert set(heard) <= sent


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1 << 32), st.integers(0, 1300), st.integers(0, 4000), st.booleans()), max_size=60))
def test_wild_timestamps_break_nothing(pure: Any, orders: list[tuple[int, int, int, bool]]) -> None:
    buffer, now = Buffer(pure), 0
    for ts, size, pause, take in orders:
        now += pause
        assert buffer.put(ts, b"\x55" * size, now) in (0, 1, 2)
        if take:
            buffer.take(now, True)
        assert 0 <= buffer.lib.jitter_delay(buffer.state) <= 2400


def test_a_clock_that_jumped_is_followed(pure: Any) -> None:
    buffer = Buffer(pure)
    now = 0
    for i in range(20):
        buffer.put(1000 + i * 160, b"\x01" * 160, now)
        buffer.take(now)
        now += 160
    out: list[int | None] = []
    for i in range(40):
        buffer.put(3_000_000_000 + i * 160, b"\x02" * 160, now)
        out += buffer.take(now)
        now += 160
    assert out[-160:] == [2] * 160


@given(st.binary(max_size=80))
def test_parsers_take_any_bytes(pure: Any, data: bytes) -> None:
    ffi, lib = pure
    header, report = ffi.new("struct rtp_header *"), ffi.new("struct rtcp_report *")
    raw = ffi.new("uint8_t[]", data or b"\0")
    if lib.rtp_parse(header, raw, len(data)):
        offset = header.payload - raw
        assert offset >= 12
        assert offset + header.length <= len(data)
    lib.rtcp_parse(report, raw, len(data), 1)
    assert 0.0 <= report.loss <= 1.0


@given(st.booleans(), st.integers(0, 127), st.integers(0, 65535), st.integers(0, (1 << 32) - 1), st.binary(max_size=40))
def test_what_is_built_is_parsed_again(pure: Any, marker: bool, kind: int, seq: int, number: int, body: bytes) -> None:
    ffi, lib = pure
    raw, header = ffi.new("uint8_t[]", 12 + len(body)), ffi.new("struct rtp_header *")
    lib.rtp_build(raw, marker, kind, seq, number, number ^ 0xFFFF)
    ffi.memmove(raw + 12, body, len(body))
    assert lib.rtp_parse(header, raw, 12 + len(body))
    assert (header.marker, header.type, header.seq, header.ts) == (marker, kind, seq, number)
    assert bytes(ffi.buffer(header.payload, header.length)) == body


@settings(deadline=None)
@given(start=st.integers(0, 65535), lost=st.sets(st.integers(1, 298), max_size=60), seed=st.integers(0, 1 << 30))
def test_loss_is_counted_exactly(pure: Any, start: int, lost: set[int], seed: int) -> None:
    """Over the wrap of sequence numbers, with disorder of neighbours and duplicates (RFC 3550 A.1, A.3)."""
    ffi, lib = pure
    rng = random.Random(seed)
    source, header = ffi.new("uint64_t[64]"), ffi.new("struct rtp_header *")
    order = [i for i in range(300) if i not in lost]
    for k in range(1, len(order) - 2):
        if rng.random() < 0.2:
            order[k], order[k + 1] = order[k + 1], order[k]
    for i in order:
        header.ssrc, header.seq, header.ts = 9, (start + i) & 0xFFFF, i * 160
        verdict = lib.rtp_source_update(source, header, i * 160, True)
        assert verdict == (RESTARTED if i == 0 else NEW)
        if rng.random() < 0.1:
            assert lib.rtp_source_update(source, header, i * 160, True) == DUPLICATE
    assert lib.rtp_source_expected(source) == 300
    assert lib.rtp_source_received(source) == 300 - len(lost)
