"""Webhooks of a running box: a CRM hears of real calls, once each, also when it was away and the web process was killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance import bus
from appliance.messages import ControlAgent, Queues
from tests.peers.crm import Crm
from tests.peers.house import House
from tests.peers.net import listening, wait_for
from tests.peers.station import Station

SECRET = "a secret of at least 24 signs"
NUMBER = "+358401234567"


@pytest.fixture(scope="module")
def crm() -> Iterator[Crm]:
    with Crm(SECRET.encode()) as crm:
        yield crm


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, crm: Crm) -> Iterator[House]:
    edits = {r"^keep_free_for_inbound = 0$": 'keep_free_for_inbound = 0\ninbound_numbers = { "+358911111160" = "queue:front" }',
             r"^wrap_up_seconds = 10$": "wrap_up_seconds = 0"}
    hook = f'\n[[webhooks]]\nname = "crm"\nurl = "{crm.url}"\nsecret = "{SECRET}"\nallow_local = true\n'
    with House(tmp_path_factory.mktemp("webhooks"), edits=edits, more=hook) as house:
        house.gateway.user = NUMBER
        wait_for(lambda: listening(house.box.web_port), 30, "the pages")
        yield house


@pytest.fixture(scope="module")
def anna(house: House) -> Station:
    anna = house.desk("101", "anna")
    bus.ask_once(house.box.data, ControlAgent(agent="anna", action="login"))
    return anna


def serve_a_caller(house: House, anna: Station) -> str:
    """One call from outside to its end; the call's id."""
    wait_for(lambda: _state(house) == "ready", 10, "the agent")
    before = len(house._rows())
    caller = house.gateway.dial("+358911111160", name="Mrs Smith")
    anna.wait_call().wait_up()
    caller.wait_up().hang_up()
    rows = wait_for(lambda: house._rows()[before:] and house._rows(), 10, "the call's record")
    return str(max(row.call for row in rows))


def _state(house: House) -> str:
    return next(each.state for each in bus.ask_once(house.box.data, Queues()).agents if each.id == "anna")


def log_of(house: House) -> list[dict[str, object]]:
    found: list[dict[str, object]] = house.box.json("webhook", "log")
    return found


def test_the_caller_is_on_the_screen_before_the_phone_is_picked_up(house: House, crm: Crm, anna: Station) -> None:
    call = serve_a_caller(house, anna)
    wait_for(lambda: crm.of("call.ended"), 10, "the end to be told")
    assert [message["type"] for _, message in crm.taken] == ["call.ringing", "call.answered", "call.ended"]
    ringing = crm.of("call.ringing")[0]
    assert (ringing["call"], ringing["number"], ringing["agent"], ringing["extension"], ringing["queue"]) == (
        call, NUMBER, "anna", "101", "front")
    assert crm.of("call.ended")[0]["disposition"] == "answered" and crm.forged == []
    wait_for(lambda: all(each["state"] == "sent" for each in log_of(house)), 10, "all noted as sent")


def test_a_crm_that_was_away_and_a_killed_web_process_lose_nothing(house: House, crm: Crm, anna: Station) -> None:
    """It refuses twice, the process is killed with messages waiting, a call ends meanwhile: each message comes once, in order."""
    crm.taken.clear()
    crm.refuse = 2
    first = serve_a_caller(house, anna)
    wait_for(lambda: crm.refuse == 0, 10, "two refusals")
    house.box.kill("web")
    second = serve_a_caller(house, anna)
    wait_for(lambda: len(crm.of("call.ended")) == 2, 45, f"both ends to be told: {crm.taken} {log_of(house)}")
    wait_for(lambda: len(crm.taken) == 6, 45, f"all to be told: {crm.taken}")
    for call in (first, second):
        types = {message["type"] for _, message in crm.taken if message["data"]["call"] == call}
        assert types == {"call.ringing", "call.answered", "call.ended"}
    assert crm.forged == []
    tried = [each for each in log_of(house) if each["tries"] != 1]
    assert tried, "what was refused says so"


def test_a_test_is_sent_from_the_command_line_too(house: House, crm: Crm) -> None:
    wait_for(lambda: listening(house.box.web_port), 30, "the pages")
    house.box.run("webhook", "test", "crm")
    wait_for(lambda: crm.of("webhook.test"), 15, "the test")
    refused = house.box.run("webhook", "test", "nobody", check=False)
    assert refused.returncode == 1 and "no webhook" in refused.stderr + refused.stdout


def test_no_secret_and_no_number_is_logged(house: House) -> None:
    text = house.box.log() + house.box.run("webhook", "log").stdout + house.box.run("config", "show").stdout
    assert SECRET not in text and NUMBER not in text
