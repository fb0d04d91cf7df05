"""Who calls, as headers say it (drivers/sip/identity.py)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from drivers.base import Place
from drivers.sip import identity
from tests.peers.sipdriver import media

PLAIN, ASSERTS = SimpleNamespace(assert_identity=False), SimpleNamespace(assert_identity=True)


def order(**changes: Any) -> Place:
    known = {"leg": "l", "endpoint": "gateway", "kind": "line", "number": "0917700001", "caller": "101", "caller_name": "An\"na",
             "media": media()}
    return Place(**{**known, **changes})


def test_a_plain_call_says_no_more_than_it_did() -> None:
    assert identity.lines(order(), "x", PLAIN) == identity.lines(order(), "x", None) == ""
    assert identity.sender(order(), "x") == '"Anna" <sip:101@x>'
    assert identity.lines(order(headers=(("X-Test", "yes"),)), "x", None) == "X-Test: yes\r\n"


def test_asserted_identity_where_the_line_wants_it_also_of_who_hides() -> None:
    assert identity.lines(order(), "x", ASSERTS) == 'P-Asserted-Identity: "Anna" <sip:101@x>\r\n'
    hidden = order(private=True)
    assert identity.sender(hidden, "x") == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert identity.lines(hidden, "x", ASSERTS) == 'P-Asserted-Identity: "Anna" <sip:101@x>\r\nPrivacy: id\r\n'
    assert "101" not in identity.lines(hidden, "x", PLAIN)


def test_intercom_and_diversion() -> None:
    assert "Call-Info: <sip:switchroom.invalid>;answer-after=0\r\n" in identity.lines(order(answer_now=True), "x", None)
    text = identity.lines(order(diverted_from="102", diverted_why="busy", diversions=2), "x", PLAIN)
    assert "Diversion: <sip:102@x>;reason=user-busy;counter=2\r\n" in text
    assert "History-Info: <sip:102@x?Reason=SIP%3Bcause%3D486>;index=1, <sip:0917700001@x>;index=1.1;mp=1\r\n" in text
    with pytest.raises(ValueError):
        identity.lines(order(headers=(("X", "a\r\nb"),)), "x", None)
    assert "\r\nX:" not in identity.lines(order(diverted_from="1\r\nX: y"), "x", None)


@pytest.mark.parametrize(("sender", "privacy", "hidden"), [
    ("<sip:0501@x>", "", False), ("<sip:0501@x>", "none", False), ("<sip:0501@x>", "id", True),
    ("<sip:0501@x>", "Id;critical", True),
    ("<sip:0501@x>", "session\nuser", True), ("<sip:anonymous@anonymous.invalid>;tag=1", "", True),
    ('"Anonymous" <sip:x@anonymous.invalid:5060>', "", True), ("<sip:Anonymous@provider.example>", "", True), ("", "", False),
])
def test_who_wants_not_to_be_known(sender: str, privacy: str, hidden: bool) -> None:
    assert identity.is_anonymous(sender, privacy) is hidden


def test_whom_a_diverted_call_was_for() -> None:
    assert identity.diverted_from("<sip:+35891@x>;reason=no-answer\n<sip:first@x>") == "+35891"
    assert identity.diverted_from("") == identity.diverted_from("nonsense") == ""
