"""What holds of the guard and the parsers for any input."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.sip.digest import Account, Authenticator, parse_credentials, quote
from drivers.sip.registrar import MemoryStore, Registrar, Request
from tests.fuzz.guardlib import CLOSE, PASS, REPLY, SKIP, WHOLE, Guard, build
from tests.fuzz.mutate import mutations, originals

SHARED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PIECES = [piece for data in originals() for line in data.split(b"\r\n") for piece in (line, line.partition(b":")[2])]


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    made = Guard(build(tmp_path_factory.mktemp("guard")))
    made.allow("192.0.2.1")
    yield made
    made.close()


def lines_from() -> st.SearchStrategy[bytes]:
    line = st.one_of(st.sampled_from(PIECES), st.binary(max_size=30))
    return st.lists(line, max_size=15).map(lambda lines: b"\r\n".join(lines) + b"\r\n\r\n")


@SHARED
@given(data=st.one_of(lines_from(), st.integers(0, 2**32).map(lambda seed: next(mutations(seed, 1)))))
def test_verdicts_are_sound(guard: Guard, data: bytes) -> None:
    result = guard.check(data, ("192.0.2.1", 5060))
    assert result.verdict != CLOSE
    if result.verdict == REPLY:
        assert 400 <= result.status < 600
        assert result.data.endswith(b"\r\n\r\n")
        bare = result.data.replace(b"\r\n", b"")
        assert b"\r" not in bare
        assert b"\n" not in bare
        # An answer is a response that a guard (and so a peer with one) would let in, unless its request was beyond that.
        assert result.data.count(b"\r\n\r\n") == 1
    if result.verdict == PASS and result.rewritten:
        again = guard.check(result.data, ("192.0.2.1", 5060))
        assert (again.verdict, again.rewritten) == (PASS, False)


@SHARED
@given(st.lists(st.sampled_from(originals()[:13]), max_size=6), st.data())
def test_a_stream_is_cut_the_same_however_it_arrives(guard: Guard, messages: list[bytes], data: st.DataObject) -> None:
    whole = b"\r\n".join(messages)
    found: list[bytes] = []
    buffer = b""
    at = 0
    while at < len(whole):
        step = data.draw(st.integers(1, 900))
        buffer += whole[at : at + step]
        at += step
        while buffer:
            verdict, n = guard.frame(buffer)
            if verdict == WHOLE:
                found.append(buffer[:n])
            elif verdict != SKIP:
                break
            buffer = buffer[n:]
    assert found == messages


@given(st.dictionaries(st.sampled_from(["username", "realm", "nonce", "uri", "cnonce"]), st.text(max_size=40), min_size=1))
def test_quoted_credentials_come_back(values: dict[str, str]) -> None:
    header = "Digest " + ", ".join(f"{name}={quote(value)}" for name, value in values.items())
    assert parse_credentials(header) == values


@given(st.text(max_size=300))
def test_any_authorization_gets_a_verdict(text: str) -> None:
    auth = Authenticator(b"k" * 32, "switchroom", {"101": Account("101", "x")}.get)
    for header in (text, "Digest " + text, f'Digest realm="switchroom", {text}'):
        assert auth.check("REGISTER", "sip:x", "101", [header], "192.0.2.1", 1.0).kind != "accepted"


@given(st.lists(st.tuples(st.text(max_size=60), st.integers(0, 5), st.integers(0, 4000)), max_size=12))
def test_any_contacts_leave_the_registrar_whole(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is asked, bounds hold, and what a restart reads back is what there was."""
    store = MemoryStore()
    registrar = Registrar(store, max_contacts=3)
    now = 0.0
    for text, cseq, wait in steps:
        now += wait
        request = Request(
            extension="101",
            call_id="c",
            cseq=cseq,
            contacts=[text, f"<sip:{cseq}@h>;x={text}"][: 1 + cseq % 2],
            source="h:1",
            expires=str(wait),
        )
        answer = registrar.register(request, now)
        assert answer.status in (200, 400, 403, 423)
        assert len(registrar.contacts_of("101", now)) <= 3
        for _, value in answer.headers:
            assert not any(c < " " and c != "\t" for c in value)
        again = Registrar(store)
        again.restore(now)
        assert again.contacts_of("101", now) == registrar.contacts_of("101", now)
