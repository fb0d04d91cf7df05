"""The guard as a small shared library of its own, for tests that need no SIP stack."""

from __future__ import annotations

import socket
import struct
import subprocess
from pathlib import Path
from typing import Any

from cffi import FFI

ROOT = Path(__file__).resolve().parents[2]
SIP = ROOT / "drivers" / "sip"
TORTURE = ROOT.parent / "shared" / "rfc4475"
_PARTS = ("guard.c", "guard_form.c", "guard_msg.c", "guard_text.c", "guard_reply.c", "guard_table.c")
SOURCES = [SIP / name for name in _PARTS]
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"]

PASS, DROP, REPLY, CLOSE = range(4)
WAIT, WHOLE, SKIP, BAD = range(4)

CDEF = """
struct guard_config { uint8_t secret[16]; const char *allow; const char *supported;
    unsigned source_burst; unsigned source_rate; unsigned retry_after; };
struct guard_out { int verdict; uint16_t status; uint16_t port; bool rewritten; const char *why; size_t len;
    uint8_t buf[33792]; };
struct guard_counters { uint64_t seen, passed, rewritten, replied, dropped, closed, banned, limited, shed; };
void *guard_new(const struct guard_config *cfg);
void guard_free(void *g);
int guard_check(void *g, const uint8_t *buf, size_t len, const void *src, bool stream, uint64_t now_us,
    struct guard_out *out);
size_t guard_outgoing(const void *g, uint8_t *buf, size_t len);
int guard_frame(const uint8_t *buf, size_t len, size_t *n);
bool guard_ban(void *g, const void *addr, uint64_t until_us);
bool guard_unban(void *g, const void *addr);
bool guard_banned(const void *g, const void *addr, uint64_t now_us);
bool guard_allow(void *g, const void *addr);
bool guard_disallow(void *g, const void *addr);
bool guard_allowed(const void *g, const void *addr);
void guard_set_shed(void *g, unsigned per_second, unsigned burst);
bool guard_set_emergency(void *g, const char *users);
void guard_counters(const void *g, struct guard_counters *out);
"""


def build(folder: Path) -> Path:
    target = folder / "libguard.so"
    command = ["cc", *FLAGS, "-O2", "-shared", "-fPIC", *map(str, SOURCES), "-o", str(target)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return target


def sockaddr(host: str, port: int) -> bytes:
    """A sockaddr_in or sockaddr_in6 as this machine lays it out."""
    if ":" in host:
        packed = socket.inet_pton(socket.AF_INET6, host)
        return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0) + packed + b"\0" * 4
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host) + b"\0" * 8


class Result:
    """What `guard_check` said, taken out of its buffer."""

    def __init__(self, verdict: int, out: Any, ffi: FFI) -> None:
        self.verdict = verdict
        self.status = int(out.status)
        self.port = int(out.port)
        self.rewritten = bool(out.rewritten)
        self.why = ffi.string(out.why).decode()
        self.data = bytes(ffi.buffer(out.buf, out.len))

    def headers(self, name: bytes) -> list[bytes]:
        lines = self.data.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        return [line.split(b":", 1)[1].strip() for line in lines if line.split(b":", 1)[0].lower() == name.lower()]

    def __repr__(self) -> str:
        return f"<{('PASS', 'DROP', 'REPLY', 'CLOSE')[self.verdict]} {self.status} {self.why}>"


class Guard:
    """One guard. Addresses are (host, port); time is in seconds here."""

    def __init__(self, library: Path, *, secret: bytes = b"0123456789abcdef", **limits: int) -> None:
        self.ffi = FFI()
        self.ffi.cdef(CDEF)
        self.lib: Any = self.ffi.dlopen(str(library))
        config = self.ffi.new("struct guard_config *", {"secret": list(secret), **limits})
        self.g = self.lib.guard_new(config)
        self.out: Any = self.ffi.new("struct guard_out *")

    def check(
        self, data: bytes, src: tuple[str, int] = ("192.0.2.1", 5060), *, stream: bool = False, now: float = 1000.0
    ) -> Result:
        # A heap block of exactly this size: under valgrind or ASan a read past the end shows.
        verdict = self.lib.guard_check(
            self.g, self.ffi.from_buffer(data), len(data), sockaddr(*src), stream, int(now * 1e6), self.out
        )
        return Result(verdict, self.out, self.ffi)

    def frame(self, data: bytes) -> tuple[int, int]:
        n = self.ffi.new("size_t *")
        return self.lib.guard_frame(self.ffi.from_buffer(data), len(data), n), n[0]

    def outgoing(self, data: bytes) -> bytes:
        buffer = self.ffi.new("uint8_t[]", data)
        return bytes(self.ffi.buffer(buffer, self.lib.guard_outgoing(self.g, buffer, len(data))))

    def ban(self, host: str, until: float, port: int = 0) -> bool:
        return self.lib.guard_ban(self.g, sockaddr(host, port), int(until * 1e6))

    def unban(self, host: str, port: int = 0) -> bool:
        return self.lib.guard_unban(self.g, sockaddr(host, port))

    def banned(self, host: str, now: float, port: int = 0) -> bool:
        return self.lib.guard_banned(self.g, sockaddr(host, port), int(now * 1e6))

    def allow(self, host: str, port: int = 0) -> bool:
        return self.lib.guard_allow(self.g, sockaddr(host, port))

    def disallow(self, host: str, port: int = 0) -> bool:
        return self.lib.guard_disallow(self.g, sockaddr(host, port))

    def allowed(self, host: str, port: int = 0) -> bool:
        return self.lib.guard_allowed(self.g, sockaddr(host, port))

    def shed(self, per_second: int, burst: int = 0) -> None:
        self.lib.guard_set_shed(self.g, per_second, burst)

    def emergency(self, users: str) -> bool:
        return self.lib.guard_set_emergency(self.g, users.encode())

    def counters(self) -> dict[str, int]:
        out = self.ffi.new("struct guard_counters *")
        self.lib.guard_counters(self.g, out)
        return {name: getattr(out, name) for name, _ in self.ffi.typeof("struct guard_counters").fields}

    def close(self) -> None:
        self.lib.guard_free(self.g)
