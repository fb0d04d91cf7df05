"""The 49 messages of RFC 4475, each with what must be answered: first the guard alone, then the running driver.

The files are not ours to give away: they are read from ../shared/rfc4475 beside the checkout, else these tests skip.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.guardlib import CLOSE, DROP, PASS, REPLY, TORTURE, WAIT, Guard, build

if not (TORTURE / "wsinv.dat").exists():
    pytest.skip("the RFC 4475 messages are not there (../shared/rfc4475)", allow_module_level=True)

# What the guard must say to the datagram: "pass", "drop", or the status of its own answer.
GUARD: dict[str, str | int] = {
    "wsinv": "pass", "intmeth": 501, "esc01": "pass", "escnull": "pass", "esc02": 501, "lwsdisp": "pass",
    "longreq": "pass", "dblreq": "pass", "semiuri": "pass", "transports": "pass", "mpart01": 405, "unreason": "pass",
    "noreason": "pass", "badinv01": 400, "clerr": 400, "ncl": 400, "scalar02": 400, "scalarlg": "drop", "quotbal": 400,
    "ltgtruri": 400, "lwsruri": 400, "lwsstart": 400, "trws": 400, "escruri": 400, "baddate": "pass", "regbadct": 400,
    "badaspec": 400, "baddn": 400, "badvers": 505, "mismatch01": 400, "mismatch02": 501, "bigcode": "drop",
    "badbranch": 400, "insuf": 400, "unkscm": 416, "novelsc": 416, "unksm2": 400, "bext01": 420, "invut": 415,
    "regaut01": "pass", "multi01": 400, "mcl01": 400, "bcast": "drop", "zeromf": "pass", "cparam01": "pass",
    "cparam02": "pass", "regescrt": "pass", "sdp01": 406, "inv2543": "pass",
}  # fmt: skip
# On a stream: what cannot be framed is answered where it can be, then closed; what is not whole is waited for.
STREAM_CLOSED = {"ncl", "mcl01", "inv2543"}
STREAM_WAITS = {"clerr", "baddn"}
REWRITTEN = {"longreq", "inv2543", "dblreq"}


def message(name: str) -> bytes:
    return (TORTURE / f"{name}.dat").read_bytes()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("guard"))


@pytest.fixture
def guard(library: Path) -> Iterator[Guard]:
    made = Guard(library)
    yield made
    made.close()


def test_every_message_has_its_row() -> None:
    assert {path.stem for path in TORTURE.glob("*.dat")} == set(GUARD)
    assert len(GUARD) == 49


@pytest.mark.parametrize("name", GUARD)
def test_guard_on_a_datagram(guard: Guard, name: str) -> None:
    expected = GUARD[name]
    result = guard.check(message(name), ("192.0.2.200", 5070))
    if expected == "pass":
        assert (result.verdict, result.rewritten) == (PASS, name in REWRITTEN), result.why
    elif expected == "drop":
        assert (result.verdict, result.data) == (DROP, b""), result.why
    else:
        assert (result.verdict, result.status) == (REPLY, expected), result.why
        assert result.data.startswith(b"SIP/2.0 %d " % expected)
        assert result.data.endswith(b"\r\nContent-Length: 0\r\n\r\n")
        assert result.headers(b"Via")


@pytest.mark.parametrize("name", GUARD)
def test_guard_on_a_stream(guard: Guard, name: str) -> None:
    data = message(name)
    verdict, n = guard.frame(data)
    if name in STREAM_WAITS:
        assert verdict == WAIT
        return
    result = guard.check(data[:n], stream=True)
    if name in STREAM_CLOSED:
        assert (result.verdict, result.status) == (CLOSE, 400)
        return
    expected = GUARD[name]
    assert result.verdict == (PASS if expected == "pass" else DROP if expected == "drop" else REPLY)
    if isinstance(expected, int):
        assert result.status == expected
    if name == "dblreq":
        assert n < len(data), "over a stream these are two requests"


def test_baddn_with_its_empty_line(guard: Guard) -> None:
    """The file stops short of the empty line; with it, the RFC's own point (unquoted comma) is what is wrong."""
    result = guard.check(message("baddn") + b"\r\n")
    assert (result.verdict, result.status) == (REPLY, 400)
    assert "To" in result.why


def test_echoes(guard: Guard) -> None:
    result = guard.check(message("intmeth"))
    [to] = result.headers(b"To")
    assert b"NUL:\\\x00 DEL" in to
    assert result.headers(b"Call-ID") == [b"intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"]
    assert b"OPTIONS" in result.headers(b"Allow")[0]
    assert guard.check(message("bext01")).headers(b"Unsupported") == [b"nothingSupportsThis, nothingSupportsThisEither"]
    assert guard.check(message("invut")).headers(b"Accept") == [b"application/sdp"]
    assert guard.check(message("sdp01")).headers(b"Warning")[0].startswith(b"399 ")
    assert guard.check(message("badinv01")).headers(b"Via") == [b"SIP/2.0/UDP 192.0.2.15;;,;,,"]


def test_rewritten_longreq_keeps_its_34_vias(guard: Guard) -> None:
    data = message("longreq")
    result = guard.check(data)
    lines = [line for line in result.data.split(b"\r\n") if re.match(rb"v(ia)?\s*:", line, re.IGNORECASE)]
    assert len(lines) == 34
    assert guard.outgoing(b"SIP/2.0 200 OK\r\n" + b"\r\n".join(lines) + b"\r\n\r\n").count(b"branch=z9hG4bK") + 1 == (
        result.data.count(b"branch=z9hG4bK")
    )


def test_two_senders_of_the_bare_cookie_are_not_merged(guard: Guard) -> None:
    first = guard.check(message("badbranch"))
    second = guard.check(message("badbranch").replace(b"Call-ID: badbranch", b"Call-ID: other"))
    assert (first.verdict, second.verdict) == (REPLY, REPLY)
    assert first.headers(b"To") != second.headers(b"To")
