"""Seeded mutations of SIP messages: what a broken or hostile peer might send. Same seed, same messages."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.fuzz.guardlib import TORTURE

HOSTILE = [
    b"\0", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b'"', b"<", b">", b";", b",", b":", b"@", b"%00", b"%", b"\\", b"*", b"\xff",
    b"z9hG4bK", b"-1", b"4294967296", b"18446744073709551616", b" ", b"\t", b"A" * 300, b"SIP/2.0", b"Via: ", b"l: 9\r\n",
    b"\xe2\x82\xac", b"[::1]", b"sip:", b"tag=", b"${x}", b"%s%n",
]  # fmt: skip


def originals(host: str = "127.0.0.1", port: int = 5060) -> list[bytes]:
    """Valid messages of our own, one of each kind, and those of RFC 4475 where they are present."""
    body = (
        f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    )
    kinds = {
        "OPTIONS": "Accept: application/sdp\r\n", "REGISTER": "Expires: 60\r\nAuthorization: Digest username=\"101\", "
        "realm=\"switchroom\", nonce=\"abc\", uri=\"sip:x\", response=\"0\", qop=auth, nc=00000001, cnonce=\"y\"\r\n",
        "INVITE": "Supported: timer, 100rel\r\nReplaces: the-call;to-tag=x;from-tag=y\r\n"
        "Session-Expires: 1800;refresher=uac\r\nContent-Type: application/sdp\r\n",
        "ACK": "", "BYE": "Reason: Q.850;cause=16\r\n", "CANCEL": "", "INFO": "Content-Type: application/dtmf-relay\r\n",
        "PRACK": "RAck: 1 1 INVITE\r\n", "UPDATE": "Session-Expires: 90\r\n", "NOTIFY": "Event: refer\r\n",
        "REFER": "Refer-To: <sip:102@h?Replaces=a%40b%3Bto-tag%3Dx%3Bfrom-tag%3Dy>\r\n", "SUBSCRIBE": "Event: dialog\r\n",
    }  # fmt: skip
    found = []
    for method, extra in kinds.items():
        content = body if method == "INVITE" else "Signal=1\r\nDuration=100\r\n" if method == "INFO" else ""
        to_tag = ";tag=x" if method in ("ACK", "BYE", "INFO", "PRACK", "UPDATE", "NOTIFY", "REFER") else ""
        found.append(
            (
                f"{method} sip:101@{host}:{port};transport=udp SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {host}:6000;rport;branch=z9hG4bK{method}\r\nMax-Forwards: 70\r\n"
                f'From: "Fuzz, F." <sip:102@{host}>;tag=f{method}\r\nTo: <sip:101@{host}>{to_tag}\r\n'
                f"Call-ID: {method}@{host}\r\nCSeq: 7 {method}\r\nContact: <sip:102@{host}:6000>;expires=60\r\n{extra}"
                f"Content-Length: {len(content)}\r\n\r\n{content}"
            ).encode()
        )
    found.append(
        f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
        f"To: <sip:c@d>;tag=2\r\nCall-ID: r@h\r\nCSeq: 1 INVITE\r\nContact: <sip:c@d>\r\nContent-Length: 0\r\n\r\n".encode()
    )
    return found + [path.read_bytes() for path in sorted(TORTURE.glob("*.dat"))]


def mutations(seed: int, count: int, sources: list[bytes] | None = None) -> Iterator[bytes]:
    """`count` messages, each an original with one to five changes."""
    rng = random.Random(seed)
    sources = sources or originals()
    for number in range(count):
        data = bytearray(rng.choice(sources))
        for _ in range(rng.randint(1, 5)):
            _change(rng, data, sources)
        # Another Call-ID and branch, so that transactions do not swallow the message as a retransmission.
        yield bytes(data).replace(b"z9hG4bK", b"z9hG4bK%d." % number, 1).replace(b"Call-ID: ", b"Call-ID: %d" % number, 1)


def _change(rng: random.Random, data: bytearray, sources: list[bytes]) -> None:
    at = rng.randrange(len(data) + 1)
    kind = rng.randrange(7)
    if kind == 0 and data:
        data[at % len(data)] ^= 1 << rng.randrange(8)
    elif kind == 1:
        data[at:at] = rng.choice(HOSTILE)
    elif kind == 2:
        del data[at : at + rng.randint(1, 40)]
    elif kind == 3:
        data[at:at] = data[at : at + rng.randint(1, 200)]
    elif kind == 4:
        lines = bytes(data).split(b"\r\n")
        first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
        lines[first], lines[second] = lines[second], lines[first]
        data[:] = b"\r\n".join(lines)
    elif kind == 5:
        lines = bytes(data).split(b"\r\n")
        lines.insert(rng.randrange(len(lines)), rng.choice(rng.choice(sources).split(b"\r\n")))
        data[:] = b"\r\n".join(lines)
    else:
        del data[at:]
    del data[30000:]
