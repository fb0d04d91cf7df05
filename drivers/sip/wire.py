"""Records between Python and the SIP thread (drivers/sip/ring.h, sip.h). Pure: bytes in, tuples out and back."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from drivers.base import CODECS, MediaAnswer, MediaOffer

_HEAD = struct.Struct("<IHHQIIH6x")
_HEAD_SIZE = _HEAD.size
_LEN = struct.Struct("<H")
_FAR = struct.Struct("<HH6B")
_LOCAL = struct.Struct("<HBB3B")
_DIRECTIONS: tuple[Literal["inactive", "recvonly", "sendonly", "sendrecv"], ...] = (
    "inactive", "recvonly", "sendonly", "sendrecv",
)
_NO_CODEC = 255

# enum ua_cmd and enum ua_ev of sip.h; tests/unit/test_sip_driver_wire.py holds them together.
CMD_CALL, CMD_PROGRESS, CMD_ANSWER, CMD_REJECT, CMD_HANGUP, CMD_MODIFY, CMD_INDIALOG, CMD_AUTH = range(1, 9)
CMD_REPLY, CMD_REQUEST, CMD_ORPHANS, CMD_BAN, CMD_ALLOW, CMD_SHED, CMD_STOP, CMD_REFER, CMD_DIALOG = range(9, 18)
EV_INVITE, EV_PROGRESS, EV_ANSWERED, EV_MEDIA, EV_ENDED, EV_INFO, EV_REFER, EV_AUTH = range(1, 9)
EV_REQUEST, EV_RESPONSE, EV_ORPHAN, EV_STOPPED, EV_BANNED, EV_REFERRED, EV_DIALOG = range(9, 16)
ORPHAN_FOUND = 2
"""The code of an EV_ORPHAN that says that a dialog is being ended, and not that it is over."""

Record = tuple[int, int, int, int, int, list[bytes]]
"""type, code, id, a, b, strings"""


def command(kind: int, code: int = 0, id: int = 0, a: int = 0, b: int = 0, strings: tuple[bytes, ...] = ()) -> bytes:
    """One command record. Strings end at their first NUL, as C reads them; media blocks have their length to go by.

    Raises ValueError for a string of more than 65,000 bytes."""
    parts = [b""]
    size = _HEAD.size
    for text in strings:
        if len(text) > 65000:
            raise ValueError("a string of a command is too long")
        parts += [_LEN.pack(len(text)), text, b"\0"]
        size += len(text) + 3
    parts[0] = _HEAD.pack(size, kind, code, id, a, b, len(strings))
    return b"".join(parts)


def records(buf: bytes) -> Iterator[Record]:
    """The event records in what `ua_events` copied: whole ones, in order."""
    at, end = 0, len(buf)
    while at < end:
        size, kind, code, id, a, b, n = _HEAD.unpack_from(buf, at)
        strings = []
        pos = at + _HEAD_SIZE
        for _ in range(n):
            start = pos + 2
            pos = start + (buf[pos] | buf[pos + 1] << 8)
            strings.append(buf[start:pos])
        yield kind, code, id, a, b, strings
        at += size


def media_offer(media: MediaOffer) -> bytes:
    """Our side of the audio as `desc_local_decode` reads it."""
    direction = _DIRECTIONS.index(media.direction)
    return _LOCAL.pack(media.port, media.ptime_ms, direction, *_three(media.codecs)) + media.host.encode()


@lru_cache(maxsize=256)
def _three(codecs: tuple[str, ...]) -> list[int]:
    found = [CODECS.index(name) for name in codecs if name in CODECS][:3]
    return found + [_NO_CODEC] * (3 - len(found))


def media_answer(block: bytes) -> MediaAnswer | None:
    """The far end's side as `record_far` wrote it; None where it is empty."""
    if not block:
        return None
    port, rtcp_port, codec, payload_type, event, ptime, direction, mux = _FAR.unpack_from(block)
    return MediaAnswer(
        host=block[_FAR.size :].decode("ascii"), port=port, codec=CODECS[codec], payload_type=payload_type,
        telephone_event=event, ptime_ms=ptime, direction=_DIRECTIONS[direction], rtcp_mux=bool(mux), rtcp_port=rtcp_port,
    )
