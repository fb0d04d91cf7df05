"""The pure Python parts of the SIP driver: records, header values, client digest; and sip.h against wire.py."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from drivers.base import MediaAnswer, MediaOffer
from drivers.sip import headers as h
from drivers.sip import wire
from drivers.sip.client_auth import authorization
from drivers.sip.digest import Account, Authenticator

HEADER = Path(__file__).parents[2] / "drivers" / "sip" / "sip.h"


def test_numbers_of_commands_and_events_are_those_of_sip_h() -> None:
    found = {n: int(v) for n, v in re.findall(r"^\s*((?:CMD|EV)_\w+) = (\d+),", HEADER.read_text(), re.MULTILINE)}
    assert len(found) == 32
    assert {name: getattr(wire, name) for name in found} == found


HEAD = struct.Struct("<IHHQIIH6x")
"""RING_HEAD of ring.h."""


def test_a_command_has_every_string_with_a_nul_behind_it() -> None:
    record = wire.command(wire.CMD_REJECT, 486, 7, 1, 2, (b"Busy Here", b""))
    assert len(record) == int.from_bytes(record[:4], "little") == 32 + 2 + 9 + 1 + 2 + 0 + 1
    assert record.endswith(b"\x09\x00Busy Here\x00\x00\x00\x00")
    with pytest.raises(ValueError):
        wire.command(wire.CMD_REPLY, strings=(b"x" * 65001,))


def test_records_come_back_in_order() -> None:
    most = (1 << 16) - 1, (1 << 64) - 1, (1 << 32) - 1, (1 << 32) - 1
    one = HEAD.pack(32 + 5, wire.EV_INFO, 1, 2, 3, 4, 1) + b"\x03\x00abc"
    two = HEAD.pack(32, wire.EV_STOPPED, *most, 0)
    assert wire.records(one + two) == [(wire.EV_INFO, 1, 2, 3, 4, [b"abc"]), (wire.EV_STOPPED, *most, [])]
    assert wire.records(b"") == []


@pytest.mark.parametrize("broken", [
    HEAD.pack(32, 1, 0, 0, 0, 0, 0)[:31],  # half a head
    HEAD.pack(31, 1, 0, 0, 0, 0, 0),  # smaller than its head: it would never end
    HEAD.pack(64, 1, 0, 0, 0, 0, 0),  # larger than what there is
    HEAD.pack(32, 1, 0, 0, 0, 0, 1),  # a string of which there is nothing
    HEAD.pack(37, 1, 0, 0, 0, 0, 1) + b"\x04\x00abc",  # one that reaches beyond the record
    HEAD.pack(37, 1, 0, 0, 0, 0, 1) + b"\x04\x00abc" + HEAD.pack(32, 1, 0, 0, 0, 0, 0),
])
def test_a_broken_record_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError):
        wire.records(broken)


def test_a_command_refuses_numbers_that_do_not_fit() -> None:
    for wrong in ({"code": 1 << 16}, {"id": 1 << 64}, {"id": -1}, {"a": 1 << 32}, {"b": -1}):
        with pytest.raises(OverflowError):
            wire.command(wire.CMD_CALL, **wrong)


@pytest.mark.parametrize("block", [b"\x20\x4e", b"\x20\x4e\x21\x4e\x07\x00\x65\x14\x01\x00192.0.2.1",
                                   b"\x20\x4e\x21\x4e\x01\x00\x65\x14\x04\x00192.0.2.1"])
def test_a_broken_description_of_audio_is_refused(block: bytes) -> None:
    with pytest.raises(ValueError):
        wire.media_answer(block)


def test_media_blocks() -> None:
    offer = wire.media_offer(MediaOffer(host="192.0.2.1", port=20000, codecs=("G722", "PCMA"), direction="sendonly"))
    assert offer == b"\x20\x4e\x14\x02\x02\x00\xff192.0.2.1"
    assert wire.media_answer(b"") is None
    assert wire.media_answer(b"\x20\x4e\x21\x4e\x01\x00\x65\x14\x01\x00192.0.2.1") == MediaAnswer(
        host="192.0.2.1", port=20000, codec="PCMU", payload_type=0, telephone_event=101, direction="recvonly", rtcp_port=20001)


@pytest.mark.parametrize(("value", "uri", "name", "user"), [
    ('"Anna \\"A\\" B" <sip:101@x>;tag=1', "sip:101@x", 'Anna "A" B', "101"),
    ('"<script>\\">" <sip:101@x>;tag=1', "sip:101@x", '<script>">', "101"),
    ("Anna <sip:a%20b;x=1@x:5060;transport=tcp>", "sip:a%20b;x=1@x:5060;transport=tcp", "Anna", "a b"),
    ("sip:+358401@x;tag=2", "sip:+358401@x", "", "+358401"),
    ("<tel:+358401;phone-context=x>", "tel:+358401;phone-context=x", "", "+358401"),
    ("<sip:x.example>", "sip:x.example", "", ""),
])
def test_from_values(value: str, uri: str, name: str, user: str) -> None:
    assert (h.uri_of(value), h.display_of(value), h.user_of(h.uri_of(value))) == (uri, name, user)


def test_what_we_write_cannot_break_out_of_its_line() -> None:
    assert h.name_addr("sip:a@b", 'An"na\r\n') == '"Anna" <sip:a@b>'
    assert h.escape_user("1 2<3>@x") == "1%202%3C3%3E%40x"
    for headers in ([("X", "a\r\nb")], [("X: y", "a")], [("", "a")]):
        with pytest.raises(ValueError):
            h.header_lines(headers)
    assert h.one_line("a\r\nb" + "c" * 500) == b"ab" + b"c" * 118


@pytest.mark.parametrize(("value", "expected"), [
    ("<sip:103@x>", ("103", "")),
    ("<sip:103@x?Replaces=abc%40y%3Bto-tag%3D1%3Bfrom-tag%3D2&X=1>", ("103", "abc@y")),
    ("sip:0401234567@x;method=INVITE", ("0401234567", "")),
])
def test_refer_targets(value: str, expected: tuple[str, str]) -> None:
    assert h.refer_target(value) == expected


@pytest.mark.parametrize(("kind", "body", "expected"), [
    ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", ("5", 160)),
    ("application/dtmf-relay", "Signal= 10\nDuration= x", ("*", 0)),
    ("application/dtmf", "d", ("D", 0)),
    ("application/dtmf", "55", None),
    ("text/plain", "5", None),
])
def test_info_digits(kind: str, body: str, expected: tuple[str, int] | None) -> None:
    assert h.info_digit(kind, body) == expected


def test_client_digest_of_rfc_2617() -> None:
    """The example of RFC 2617 3.5, with a known client nonce."""
    challenge = ('Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
                 'opaque="5ccc069c403ebaf9f0171e9517f40e41"')
    line = authorization(401, [challenge], "GET", "/dir/index.html", "Mufasa", "Circle Of Life", cnonce="0a4f113b")
    assert line is not None and line.startswith("Authorization: Digest ")
    assert 'response="6629fae49393a05397450978507c4ef1"' in line and 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in line


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_our_client_satisfies_our_server(algorithm: str) -> None:
    account = Account("101", "s\"e\\cret", algorithm)  # type: ignore[arg-type]
    server = Authenticator(b"k" * 32, "realm", lambda name: account)
    challenge = server.challenge("101", "192.0.2.1", 1000.0)
    line = authorization(407, [challenge], "INVITE", "sip:102@x", "101", account.secret)
    assert line is not None
    name, _, value = line.strip().partition(": ")
    assert name == "Proxy-Authorization"
    assert server.check("INVITE", "sip:102@x", "101", [value], "192.0.2.1", 1000.0).kind == "accepted"


def test_challenges_that_are_not_answered() -> None:
    assert authorization(401, ['Digest realm="a", nonce="n", algorithm=AKAv1-MD5'], "R", "sip:x", "u", "s") is None
    assert authorization(401, ['Digest realm="a", nonce="n"'], "R", "sip:x", "u", "s", realm="b") is None
    assert authorization(401, ["Basic realm=x"], "R", "sip:x", "u", "s") is None
    both = authorization(401, ['Digest realm="a", nonce="m", algorithm=MD5', 'Digest realm="a", nonce="s", algorithm=SHA-256'],
                         "R", "sip:x", "u", "s")
    assert both is not None and "algorithm=SHA-256" in both
