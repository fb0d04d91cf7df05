"""The guard before the SIP stack: bans, rates, overload, rewriting, streams. The RFC 4475 rows: test_sip_torture.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fuzz.guardlib import BAD, CLOSE, DROP, PASS, REPLY, SKIP, WAIT, WHOLE, Guard, build

ME = ("192.0.2.7", 5062)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("guard"))


@pytest.fixture
def make(library: Path) -> Iterator[Callable[..., Guard]]:
    made: list[Guard] = []

    def new(**limits: int) -> Guard:
        made.append(Guard(library, **limits))
        return made[-1]

    yield new
    for guard in made:
        guard.close()


@pytest.fixture
def guard(make: Callable[..., Guard]) -> Guard:
    return make()


def request(
    method: str = "OPTIONS",
    uri: str = "sip:600@192.0.2.9",
    *,
    via: str = "SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKabc",
    to: str = "<sip:600@192.0.2.9>",
    cseq: int = 1,
    call: str = "a@b",
    extra: str = "",
    body: str = "",
) -> bytes:
    head = (
        f"{method} {uri} SIP/2.0\r\nVia: {via}\r\nFrom: <sip:101@192.0.2.9>;tag=f1\r\nTo: {to}\r\nCall-ID: {call}\r\n"
        f"CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContact: <sip:101@192.0.2.7:5062>\r\n{extra}"
    )
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


# ---- form and answers ------------------------------------------------------------------------------------------------


def test_a_plain_request_passes_untouched(guard: Guard) -> None:
    result = guard.check(request(), ME)
    assert result.verdict == PASS
    assert not result.rewritten


def test_reply_echoes_what_rfc_3261_wants(guard: Guard) -> None:
    data = request("FROB", via="SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bKx;rport, SIP/2.0/TCP other;branch=z9hG4bKy")
    result = guard.check(data, ME)
    assert (result.verdict, result.status, result.port) == (REPLY, 501, 5062)
    assert result.data.startswith(b"SIP/2.0 501 Not Implemented\r\n")
    assert result.headers(b"Via") == [
        b"SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bKx;rport=5062;received=192.0.2.7, SIP/2.0/TCP other;branch=z9hG4bKy"
    ]
    assert result.headers(b"From") == [b"<sip:101@192.0.2.9>;tag=f1"]
    assert result.headers(b"To")[0].startswith(b"<sip:600@192.0.2.9>;tag=")
    assert result.headers(b"CSeq") == [b"1 FROB"]
    assert b"INVITE" in result.headers(b"Allow")[0]
    assert result.headers(b"Content-Length") == [b"0"]


def test_without_rport_the_answer_goes_to_the_vias_port(guard: Guard) -> None:
    assert guard.check(request("FROB", via="SIP/2.0/UDP 192.0.2.7:5099;branch=z9hG4bKx"), ME).port == 5099
    assert guard.check(request("FROB", via="SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKx"), ME).port == 5060


def test_received_only_where_it_differs(guard: Guard) -> None:
    result = guard.check(request("FROB", via="SIP/2.0/UDP 192.0.2.7:5099;branch=z9hG4bKx"), ME)
    assert b"received" not in result.data
    result = guard.check(request("FROB", via="SIP/2.0/UDP host:5099;branch=z9hG4bKx"), ("2001:db8::5", 9))
    assert b";received=2001:db8::5\r\n" in result.data


def test_same_tag_for_retransmissions_another_for_others(guard: Guard) -> None:
    def tag(data: bytes) -> bytes:
        return guard.check(data, ME).headers(b"To")[0]

    assert tag(request("FROB")) == tag(request("FROB"))
    assert tag(request("FROB")) != tag(request("FROB", call="other"))


def test_to_tag_of_the_request_is_kept(guard: Guard) -> None:
    result = guard.check(request("FROB", to="<sip:600@192.0.2.9>;tag=t9"), ME)
    assert result.headers(b"To") == [b"<sip:600@192.0.2.9>;tag=t9"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(uri="tel:112"), 416),
        (request("MESSAGE"), 405),
        (request(extra="Require: 100rel, foo\r\nRequire: bar\r\n"), 420),
        (request("INVITE", extra="Content-Type: text/plain\r\n", body="hi"), 415),
        (request("INVITE", extra="Accept: text/plain\r\n"), 406),
        (request(extra="Call-ID: again\r\n"), 400),
        (request(extra="no colon here\r\n"), 400),
        (request(extra="X: a\nY: b\r\n"), 400),
        (request(extra="X: a\rY: b\r\n"), 400),
        (request(cseq=2**31), 400),
        (request(cseq=2**64 + 1), 400),
        (request(uri="sip:"), 400),
        (request(uri="sip:600@"), 400),
        (request(via="SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK"), 400),
        (request(via="SIP/2.0/UDP 192.0.2.7:99999;branch=z9hG4bKx"), 400),
        (request(to="<sip:600@192.0.2.9"), 400),
        (request(to="<sip:600@192.0.2.9>;x=<y;tag=hidden"), 400),
        (request(via="SIP/2.0/UDP 192.0.2.7;x=<y;branch=z9hG4bKhidden"), 400),
        (request(via='SIP/2.0/UDP 192.0.2.7;x="y;branch=z9hG4bKhidden'), 400),
        (request(to='"x <sip:600@192.0.2.9>'), 400),
        (request(to="<sip:600@192.0.2.9>;tag=a;tag=b"), 400),
        (request().replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1), 505),
        (request().replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE"), 400),
        (request().replace(b"CSeq: 1 OPTIONS\r\n", b""), 400),
    ],
)
def test_answered_without_the_stack(guard: Guard, data: bytes, status: int) -> None:
    result = guard.check(data, ME)
    assert (result.verdict, result.status) == (REPLY, status), result.why


def test_420_names_just_what_is_missing(guard: Guard) -> None:
    result = guard.check(request(extra="Require: 100rel, foo\r\nRequire: bar, timer\r\n"), ME)
    assert result.headers(b"Unsupported") == [b"foo, bar"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\0",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"x" * 60000,
        b"OPTIONS sip:a@b SIP/2.0\r\n\r\n",
        request("ACK", cseq=2**31),
        b"SIP/2.0 200 OK\r\n\r\n",
    ],
)
def test_silence(guard: Guard, data: bytes) -> None:
    assert guard.check(data, ME).verdict == DROP


def test_no_header_can_be_smuggled_into_an_answer(guard: Guard) -> None:
    data = request("FROB", to="<sip:600@192.0.2.9>\r\n ;x=1\rEvil: yes\nEvil: yes")
    result = guard.check(data, ME)
    assert result.verdict == REPLY
    lines = result.data.split(b"\r\n")
    assert not [line for line in lines if line.startswith(b"Evil")]
    assert b"\n" not in result.data.replace(b"\r\n", b"")
    assert b"\r" not in result.data.replace(b"\r\n", b"")


# ---- rewriting -------------------------------------------------------------------------------------------------------


def test_an_old_request_gets_a_branch_that_goes_out_again(guard: Guard) -> None:
    via = "SIP/2.0/UDP 192.0.2.7:5062"
    invite = guard.check(request("INVITE", via=via), ME)
    assert invite.verdict == PASS
    assert invite.rewritten
    [value] = invite.headers(b"Via")
    assert value.startswith(via.encode() + b";branch=z9hG4bK")
    response = b"SIP/2.0 200 OK\r\nVia: " + value + b";received=192.0.2.7\r\nTo: x\r\n\r\n"
    assert guard.outgoing(response) == response.replace(value, via.encode())
    # ACK and CANCEL must find the INVITE's transaction; another request must not.
    assert guard.check(request("ACK", via=via), ME).headers(b"Via") == [value]
    assert guard.check(request("CANCEL", via=via), ME).headers(b"Via") == [value]
    assert guard.check(request("INVITE", via=via, cseq=2), ME).headers(b"Via") != [value]
    assert guard.check(request("OPTIONS", via=via), ME).headers(b"Via") != [value]


def test_our_branch_goes_in_before_a_second_via(guard: Guard) -> None:
    result = guard.check(request(via="SIP/2.0/UDP 192.0.2.7 , SIP/2.0/TCP b;branch=z9hG4bKy"), ME)
    [value] = result.headers(b"Via")
    top, second = value.split(b",")
    assert top.startswith(b"SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK")
    assert second.strip() == b"SIP/2.0/TCP b;branch=z9hG4bKy"


def test_outgoing_leaves_other_messages_alone(guard: Guard) -> None:
    for data in (request(), b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKabc\r\n\r\n", b"", b"SIP/2.0 "):
        assert guard.outgoing(data) == data


def test_noise_behind_the_body_is_cut_off(guard: Guard) -> None:
    data = request(body="v=0\r\n", extra="Content-Type: application/sdp\r\n")
    result = guard.check(data + b"INVITE sip:x@y SIP/2.0\r\n", ME)
    assert result.rewritten
    assert result.data == data


# ---- streams ---------------------------------------------------------------------------------------------------------


def test_frames_of_a_stream(guard: Guard) -> None:
    first, second = request(body="abc", extra="Content-Type: x/y\r\n"), request()
    data = first + second
    for cut in range(1, len(first)):
        assert guard.frame(data[:cut])[0] == WAIT
    assert guard.frame(data) == (WHOLE, len(first))
    assert guard.frame(b"\r\n\r\n" + data) == (SKIP, 4)


@pytest.mark.parametrize(
    "length",
    ["", "Content-Length: -1\r\n", "Content-Length: 1\r\nl: 1\r\n", "Content-Length: x\r\n", "l: 99999999\r\n"],
)
def test_lost_framing_is_answered_and_closed(guard: Guard, length: str) -> None:
    data = request().replace(b"Content-Length: 0\r\n", length.encode())
    verdict, n = guard.frame(data)
    assert verdict == BAD
    result = guard.check(data[:n], ME, stream=True)
    assert (result.verdict, result.status) == (CLOSE, 400)


def test_endless_head_and_noise_are_closed(guard: Guard) -> None:
    assert guard.frame(b"OPTIONS sip:a@b SIP/2.0\r\nX: " + b"x" * 20000)[0] == BAD
    assert guard.frame(b"\x16\x03\x01")[0] == BAD
    assert guard.check(b"\x16\x03\x01", ME, stream=True).verdict == CLOSE


# ---- sources ---------------------------------------------------------------------------------------------------------


def test_a_ban_silences_and_ends(guard: Guard) -> None:
    assert guard.ban("192.0.2.7", 2000)
    assert guard.check(request(), ME, now=1999).verdict == DROP
    assert guard.check(request(), ("192.0.2.8", 5062), now=1999).verdict == PASS
    assert guard.check(request(), ("::ffff:192.0.2.7", 5062), now=1999).verdict == DROP
    assert guard.check(request(), ME, now=2001).verdict == PASS
    assert guard.ban("192.0.2.7", 3000)
    assert guard.unban("192.0.2.7")
    assert guard.check(request(), ME, now=2001).verdict == PASS


def test_allowed_sources_cannot_be_banned(guard: Guard) -> None:
    guard.ban("192.0.2.7", 1e9)
    assert guard.allow("192.0.2.7")
    assert guard.check(request(), ME).verdict == PASS
    assert not guard.ban("192.0.2.7", 1e9)
    assert guard.allow("192.0.2.7")
    assert guard.disallow("192.0.2.7")
    assert not guard.ban("192.0.2.7", 1e9), "a second phone is still registered there"
    assert guard.disallow("192.0.2.7")
    assert guard.ban("192.0.2.7", 1e9)


def test_behind_an_address_of_ours_a_port_can_be_banned(guard: Guard) -> None:
    """A gateway at 192.0.2.7:5070 is ours; a guesser on the same machine is not."""
    assert guard.allow("192.0.2.7", 5070)
    assert not guard.ban("192.0.2.7", 2000)
    assert not guard.ban("192.0.2.7", 2000, 5070)
    assert guard.ban("192.0.2.7", 2000, 5062)
    assert guard.check(request(), ("192.0.2.7", 5062)).verdict == DROP
    assert guard.check(request(), ("192.0.2.7", 5070)).verdict == PASS
    assert guard.check(request(), ("192.0.2.7", 5063)).verdict == PASS
    assert guard.allow("192.0.2.7", 5062), "a phone registers from there: it is ours now"
    assert guard.check(request(), ("192.0.2.7", 5062)).verdict == PASS
    assert guard.disallow("192.0.2.7", 5062)
    assert not guard.disallow("192.0.2.7", 5062)
    assert guard.disallow("192.0.2.7", 5070)
    assert not guard.allowed("192.0.2.7")


def test_allow_table_survives_coming_and_going(guard: Guard) -> None:
    hosts = [f"10.1.{i // 250}.{i % 250 + 1}" for i in range(8191)]
    assert all(guard.allow(host) for host in hosts)
    assert not guard.allow("192.0.2.1")
    for host in hosts[::2]:
        assert guard.disallow(host)
    assert all(guard.allowed(host) == bool(i % 2) for i, host in enumerate(hosts))
    assert guard.allow("192.0.2.1")


def test_strangers_get_a_few_answers_then_silence(make: Callable[..., Guard]) -> None:
    guard = make(source_burst=5, source_rate=60)
    verdicts = [guard.check(request("REGISTER", call=str(i)), ME).verdict for i in range(20)]
    assert verdicts == [PASS] * 5 + [DROP] * 15
    assert guard.check(request("REGISTER"), ME, now=1001.5).verdict == PASS
    assert guard.check(request("REGISTER"), ME, now=1001.5).verdict == DROP
    assert guard.counters()["limited"] == 16


def test_errors_and_options_have_a_rate_as_well(make: Callable[..., Guard]) -> None:
    guard = make(source_burst=5, source_rate=60)
    verdicts = [guard.check(request("FROB" if i % 2 else "OPTIONS"), ME).verdict for i in range(40)]
    assert [v != DROP for v in verdicts] == [True] * 25 + [False] * 15
    assert guard.check(request("REGISTER"), ME).verdict == PASS, "each kind has its own"
    assert guard.check(request("OPTIONS"), ME, now=1000.2).verdict == PASS


def test_known_sources_and_dialogs_do_not_feel_the_rate(make: Callable[..., Guard]) -> None:
    guard = make(source_burst=5, source_rate=60)
    for _ in range(20):
        guard.check(request("REGISTER"), ME)
    assert guard.check(request("BYE", to="<sip:600@192.0.2.9>;tag=t"), ME).verdict == PASS
    assert guard.check(request("REGISTER", to="<sip:101@192.0.2.9>;tag=t"), ME).verdict == DROP
    assert guard.allow(ME[0])
    for _ in range(100):
        assert guard.check(request("REGISTER"), ME).verdict == PASS


def test_flood_of_forged_sources_leaves_known_ones_alone(make: Callable[..., Guard]) -> None:
    guard = make()
    guard.allow("192.0.2.7")
    passed = 0
    for i in range(30000):
        source = (f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", 5060)
        passed += guard.check(request("INVITE", call=str(i)), source).verdict == PASS
    assert passed <= 1000
    assert guard.check(request("INVITE", call="mine"), ME).verdict == PASS
    assert not guard.banned("10.0.0.1", 1000)


# ---- overload --------------------------------------------------------------------------------------------------------


def test_new_calls_are_shed_and_nothing_else(make: Callable[..., Guard]) -> None:
    guard = make(retry_after=7)
    guard.allow(ME[0])
    guard.shed(10, burst=3)
    assert guard.emergency("112, 0112,911")
    results = [guard.check(request("INVITE", call=f"c{i}"), ME) for i in range(6)]
    assert [r.status for r in results] == [0, 0, 0, 503, 503, 503]
    assert results[5].headers(b"Retry-After") == [b"7"]
    tagged = "<sip:600@192.0.2.9>;tag=t"
    for data in (
        request("INVITE", call="c9", to=tagged),
        request("REGISTER", call="c9"),
        request("BYE", call="c9", to=tagged),
        request("INVITE", "sip:112@192.0.2.9", call="c10"),
        request("INVITE", "sip:0112;x=y@192.0.2.9", call="c11"),
    ):
        assert guard.check(data, ME).verdict == PASS
    assert guard.check(request("INVITE", "sip:1120@192.0.2.9", call="c12"), ME).status == 503
    assert guard.counters()["shed"] == 4
    guard.shed(0)
    assert guard.check(request("INVITE", call="c13"), ME).verdict == PASS


def test_retransmissions_fare_like_their_first(guard: Guard) -> None:
    guard.allow(ME[0])
    assert guard.check(request("INVITE", call="early"), ME).verdict == PASS
    guard.shed(1, burst=1)
    assert guard.check(request("INVITE", call="in"), ME).verdict == PASS
    first = guard.check(request("INVITE", call="out"), ME)
    assert first.status == 503
    # A second later there would be room again.
    again = guard.check(request("INVITE", call="out"), ME, now=1001.1)
    assert (again.status, again.data) == (503, first.data)
    assert guard.check(request("INVITE", call="early"), ME, now=1001.1).verdict == PASS
    assert guard.check(request("INVITE", call="in"), ME, now=1001.1).verdict == PASS
    # With credentials (a higher CSeq): still the admitted call. A new try of the refused one takes its turn.
    assert guard.check(request("INVITE", call="in", cseq=2), ME, now=1001.1).verdict == PASS
    assert guard.check(request("INVITE", call="out", cseq=2), ME, now=1001.1).verdict == PASS
    assert guard.check(request("INVITE", call="other"), ME, now=1001.1).status == 503


def test_shedding_keeps_its_rate(guard: Guard) -> None:
    guard.allow(ME[0])
    guard.shed(50, burst=1)
    passed = sum(guard.check(request("INVITE", call=f"c{i}"), ME, now=1000 + i / 1000).verdict == PASS for i in range(10000))
    assert 490 <= passed <= 510
