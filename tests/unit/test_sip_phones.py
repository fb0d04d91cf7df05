"""What [sip] says about strangers is what happens to them."""

from __future__ import annotations

import pytest

from appliance.messages import SourceBanned
from drivers.sip.client_auth import authorization
from drivers.sip.phones import Phones
from tests.peers.sipdriver import office

URI = "sip:127.0.0.1"


def guess(phones: Phones, source: str, now: float) -> SourceBanned | None:
    """One wrong password, with a nonce that we gave to this very address."""
    asked = phones.check("REGISTER", URI, "101", [], source, "udp", now)
    assert asked.reply is not None
    challenge = dict(asked.reply.headers)["WWW-Authenticate"]
    line = authorization(401, [challenge], "REGISTER", URI, "101", "a wrong one", "")
    assert line is not None
    return phones.check("REGISTER", URI, "101", [line.partition(": ")[2].strip()], source, "udp", now).ban


def guesses(sip: str, source: str, times: int) -> list[SourceBanned | None]:
    phones = Phones(office(sip=sip), bytes(32), None)
    # Half a minute apart: a user who was guessed at too often is not even looked at for a while.
    return [guess(phones, source, 1000.0 + 31.0 * n) for n in range(times)]


def test_bans_are_as_configured() -> None:
    limits = "ban_after_failures = 2\nban_window_seconds = 100\nban_seconds = 30\nban_max_seconds = 100"
    bans = guesses(limits, "192.0.2.66:5060", 8)
    assert [ban.seconds if ban else 0 for ban in bans] == [0, 30, 0, 60, 0, 100, 0, 100]


@pytest.mark.parametrize(("source", "banned"), [("192.0.2.66:5060", False), ("198.51.100.1:5060", True)])
def test_networks_that_are_never_banned(source: str, banned: bool) -> None:
    bans = guesses('ban_after_failures = 2\nban_window_seconds = 100\nnever_ban = ["192.0.2.0/24"]', source, 4)
    assert any(bans) is banned
