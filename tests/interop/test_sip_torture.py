"""The 49 messages of RFC 4475, each with what must be answered: first the guard alone, then the running driver.

The files are not ours to give away: they are read from ../shared/rfc4475 beside the checkout, else these tests skip.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from appliance import config
from drivers.base import Ended, Incoming
from tests.fuzz.guardlib import CLOSE, DROP, PASS, REPLY, TORTURE, WAIT, Guard, build
from tests.peers.net import PATIENCE
from tests.peers.sipdriver import Peer, gateway, office, phone
from tests.peers.strangers import Datagrams, Response, any_loopback, authorization

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


# ---- the running driver ----------------------------------------------------------------------------------------------

NORMAL = {200, 401, 403, 404, 405, 480, 481, 486, 488}
DRIVER: dict[str, set[int]] = {
    name: {expected} if isinstance(expected, int) else set() if expected == "drop" else NORMAL
    for name, expected in GUARD.items()
} | {
    "unreason": set(), "noreason": set(), "regaut01": {401}, "escnull": {401}, "cparam01": {401}, "cparam02": {401},
    "regescrt": {401}, "wsinv": {401, 481}, "lwsdisp": {200, 404}, "semiuri": {200, 404}, "transports": {200, 404},
    "zeromf": {200, 404},
}  # fmt: skip


def vias(data: bytes) -> list[str]:
    """All Via values in order; white space and commas may be laid out anew on the way."""
    head = re.sub(rb"\r\n[ \t]+", b" ", data.split(b"\r\n\r\n")[0])
    found = re.findall(rb"(?im)^v(?:ia)?\s*:\s*(.*?)\r?$", head)
    return [re.sub(r"\s+", "", value) for line in found for value in line.decode("latin-1").split(",")]


@pytest.fixture
async def box() -> AsyncIterator[Peer]:
    async with Peer(office(phone("101"))) as peer:
        yield peer


@pytest.mark.parametrize("name", GUARD)
async def test_driver_on_a_datagram(box: Peer, name: str) -> None:
    data = message(name)
    port = 5050 if name == "quotbal" else 5070 if name == "mpart01" else 5060
    with Datagrams(("127.0.0.1", box.port), any_loopback(), port) as peer:
        expected = DRIVER[name]
        peer.send(data)
        answer = await peer.wait(lambda r: r.status >= 200 and b"probe" not in r.raw) if expected else None
        # Silence must be proven: OPTIONS passes the SIP thread, REGISTER Python as well; then nothing else may be there.
        assert await peer.alive()
        barrier = await peer.ask(peer.request("REGISTER", "sip:127.0.0.1", to="<sip:101@127.0.0.1>"))
        assert barrier is not None
        assert barrier.status == 401
        others = [r for r in peer.got if b"probe" not in r.raw]
        if not expected:
            assert others == []
            return
        assert answer is not None, "silence"
        assert answer.status in expected
        assert {r.status for r in others if r.status >= 200} == {answer.status}
        check_echo(name, data, answer)
    assert box.driver.registered("101") is False


def check_echo(name: str, data: bytes, answer: Response) -> None:
    """What goes back with any answer, and what single rows ask for."""
    assert vias(answer.raw)[1:] == vias(data)[1:]
    if name == "mpart01":
        assert vias(answer.raw)[0].startswith(vias(data)[0] + "=5070;received=127.")
    elif name == "badinv01":
        assert vias(answer.raw) == vias(data)
    else:
        assert vias(answer.raw)[0].partition(";received=127.")[0] == vias(data)[0]
    if name == "longreq":
        assert len(vias(answer.raw)) == 34
    if name == "regaut01":
        assert answer.one("WWW-Authenticate").startswith("Digest ")
    if name == "dblreq":
        assert b"900765@192.0.2.15" not in answer.raw
    if answer.status in (405, 501):
        assert "INVITE" in answer.one("Allow")


@pytest.mark.parametrize("name", GUARD)
async def test_driver_on_a_stream(box: Peer, name: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", box.port, local_addr=(any_loopback(), 0))
    try:
        # dblreq is about datagrams: on a stream it is two requests and noise, so only the first is sent.
        writer.write(message(name)[:300] if name == "dblreq" else message(name))
        expected = {400} if name in STREAM_CLOSED else DRIVER[name]
        if not expected or name in STREAM_WAITS:
            if name not in STREAM_WAITS:
                writer.write(b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bKq\r\nFrom: <sip:a@b>;tag=1\r\n"
                             b"To: <sip:127.0.0.1>\r\nCall-ID: q\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")  # fmt: skip
                first = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
                assert b"\r\nCall-ID: q\r\n" in first
            return
        while True:
            answer = Response(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE))
            if answer.status >= 200:
                break
        assert answer.status in expected
        if name in STREAM_CLOSED:
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    finally:
        writer.close()


# ---- rows that a challenge hides: with credentials, and from a line ---------------------------------------------------


def phones_named(*names: str) -> config.Config:
    """An office whose phones are called like the users in the RFC's messages (the grammar wants digits)."""
    plain = office(*(phone(str(201 + i)) for i in range(len(names))))
    chosen = [
        msgspec.structs.replace(entry, extension=name)
        for name, entry in zip(names, [p for p in plain.phones if p.extension != "101"], strict=True)
    ]
    return msgspec.structs.replace(plain, phones=chosen)


REGISTERS = {
    "escnull": ("null-\0-null", ["<sip:%00@host5.example.com>", "<sip:%00%00@host5.example.com>"]),
    "cparam01": ("watson", ["<sip:+19725552222@gw1.example.net>;unknownparam"]),
    "cparam02": ("watson", ["<sip:+19725552222@gw1.example.net;unknownparam>"]),
    "regescrt": ("user", ["<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"]),
    "dblreq": ("j.user", ["<sip:j.user@host.example.com>"]),
}


@pytest.mark.parametrize("name", REGISTERS)
async def test_registers_with_credentials(name: str) -> None:
    user, contacts = REGISTERS[name]
    data = message(name)
    async with Peer(phones_named(user)) as box:
        secret = box.config.phones[0].secret
        with Datagrams(("127.0.0.1", box.port), any_loopback(), 5060) as peer:
            challenge = await peer.ask(data)
            assert challenge is not None
            assert challenge.status == 401
            line = authorization(challenge, user, str(secret), "REGISTER", "sip:example.com").encode()
            again = re.sub(rb"(?m)^(Call-ID|I)\s*:", line + rb"\1:", data, count=1)
            again = re.sub(rb"branch=(\S+)", rb"branch=\1second", again, count=1)
            again = re.sub(rb"CSeq: (\d+)", rb"CSeq: 1\1", again, count=1)
            answer = await peer.ask(again)
            assert answer is not None
            assert answer.status == 200
            found = sorted(value.rpartition(";expires=")[0] for value in answer.all("Contact"))
            assert found == sorted(contacts)
            assert box.driver.registered(user)
            assert not box.driver.registered("null-")


@pytest.mark.parametrize("name", ["esc01", "longreq", "inv2543", "baddate", "wsinv"])
async def test_invites_from_a_line(name: str) -> None:
    """What a challenge hides: from a line's address the call is offered to the core, with its user unescaped once."""
    host = any_loopback()
    async with Peer(office(gateway("line", 5060, host=host), phone("101"))) as box:
        with Datagrams(("127.0.0.1", box.port), host, 5060) as peer:
            peer.send(message(name))
            if name == "wsinv":
                answer = await peer.wait(lambda r: r.status >= 200)
                assert answer is not None
                assert answer.status == 481
                return
            call = await box.wait(Incoming)
            assert call.number == {"esc01": "sips:user@example.com", "inv2543": "UserB"}.get(name, "user")
            box.driver.reject(call.leg, 404)
            answer = await peer.wait(lambda r: r.status >= 200)
            assert answer is not None
            assert answer.status == 404
            check_echo(name, message(name), answer)
            # The ACK, as this peer would send it: without a branch where its INVITE had none. Then nothing is repeated.
            start = message(name).split(b"\r\n")[0].replace(b"INVITE ", b"ACK ", 1)
            keep = [
                f"Via: {vias(message(name))[0].replace('SIP/2.0/UDP', 'SIP/2.0/UDP ').replace('SIP/2.0/TCP', 'SIP/2.0/TCP ')}"
            ]
            keep += [f"From: {answer.one('From')}", f"To: {answer.one('To')}", f"Call-ID: {answer.one('Call-ID')}"]
            cseq = answer.one("CSeq").split()[0]
            ack = start + "\r\n".join(["", *keep, f"CSeq: {cseq} ACK", "Content-Length: 0", "", ""]).encode()
            peer.send(ack)
            await box.wait(Ended)
            assert await peer.alive()
            repeated = await peer.wait(lambda r: b"probe" not in r.raw and r.status == 404 and r is not answer, 1.2)
            assert repeated is None, "the ACK did not find its transaction"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(STREAM_WAITS))
async def test_half_a_message_does_not_hold_a_stream(box: Peer, name: str) -> None:
    """What never becomes whole is closed after a limit, also when a byte comes now and then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", box.port, local_addr=(any_loopback(), 0))
    writer.write(message(name))
    closed = asyncio.create_task(reader.read())
    for _ in range(60):
        done, _ = await asyncio.wait({closed}, timeout=0.5)
        if done:
            break
        writer.write(b"x")
    writer.close()
    assert closed.done(), "still open after half a minute"
