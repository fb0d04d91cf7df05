"""What a dialled number means in the reference office."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from appliance.calls import routing
from appliance.config import Config, load
from appliance.config.values import Target

OFFICE = Path(__file__).parents[1] / "office" / "office.toml"


@pytest.fixture(scope="module")
def office() -> Config:
    return load(OFFICE)


def test_numbers_of_the_house(office: Config) -> None:
    assert routing.from_phone(office, "101", "102") == routing.ToExtension("102")
    assert routing.from_phone(office, "101", "701") == routing.ToScenario("701")
    assert routing.from_phone(office, "101", "600") == routing.ToQueue("front")


def test_codes_and_their_digits(office: Config) -> None:
    assert routing.from_phone(office, "101", "*41") == routing.ToCode("sign_in")
    assert routing.from_phone(office, "101", "*441") == routing.ToCode("take_break", "1")
    assert routing.from_phone(office, "101", "**102") == routing.ToCode("pick_up", "102")
    assert isinstance(routing.from_phone(office, "101", "*41x"), routing.ToExcuse)
    off = msgspec.structs.replace(office, codes=msgspec.structs.replace(office.codes, sign_in=""))
    assert isinstance(routing.from_phone(off, "101", "*41"), routing.ToExcuse)


@pytest.mark.parametrize(("dialled", "decision"), [
    ("*96", routing.ToVoicemail("101")), ("*96103", routing.ToVoicemail("103")), ("*96601", routing.ToVoicemail("billing")),
    ("*96999", routing.ToExcuse("voicemail-unknown", 404, "voicemail:999")),
])
def test_a_mailbox_can_be_dialled(office: Config, dialled: str, decision: routing.Decision) -> None:
    assert routing.from_phone(office, "101", dialled) == decision


@pytest.mark.parametrize(("target", "decision"), [
    ("extension:101", routing.ToExtension("101")), ("queue:front", routing.ToQueue("front")),
    ("menu:main", routing.ToMenu("main")), ("voicemail:101", routing.ToVoicemail("101")),
    ("callback:front", routing.ToCallback("front")), ("hangup", routing.ToHangUp()),
    ("agents", routing.ToAgents()),
    ("outside:0917700000", routing.ToOutside("+358917700000", ["gateway", "provider"])),
])
def test_targets(office: Config, target: str, decision: routing.Decision) -> None:
    assert routing.to_target(office, Target(target)) == decision


@pytest.mark.parametrize("target", ["scenario:701", "outside:+4930123456", "outside:0600123456"])
def test_targets_that_cannot_be(office: Config, target: str) -> None:
    assert isinstance(routing.to_target(office, Target(target)), routing.ToExcuse)


def test_outside_needs_the_prefix(office: Config) -> None:
    assert routing.from_phone(office, "101", "00917700000") == routing.ToOutside("+358917700000", ["gateway", "provider"])
    assert isinstance(routing.from_phone(office, "101", "917700000"), routing.ToExcuse)


def test_international_has_no_route_here(office: Config) -> None:
    decision = routing.from_phone(office, "101", "+4930123456")
    assert isinstance(decision, routing.ToExcuse) and decision.sip_code == 404


@pytest.mark.parametrize("dialled", ["112", "0112"])
def test_emergency_passes_with_and_without_the_prefix(office: Config, dialled: str) -> None:
    decision = routing.from_phone(office, "101", dialled)
    assert decision == routing.ToOutside("112", ["gateway", "provider"], emergency=True)


def test_emergency_passes_although_the_phone_may_call_nobody(office: Config) -> None:
    mute = msgspec.structs.replace(office, routes=[], phones=[msgspec.structs.replace(p, allow=[]) for p in office.phones])
    decision = routing.from_phone(mute, "101", "112")
    assert isinstance(decision, routing.ToOutside) and decision.emergency
    assert isinstance(routing.from_phone(mute, "101", "00917700000"), routing.ToExcuse)


def test_emergency_numbers_are_the_countrys_unless_the_office_names_its_own(office: Config) -> None:
    def of(**changes: object) -> tuple[str, ...]:
        return routing.emergency_numbers(msgspec.structs.replace(
            office, office=msgspec.structs.replace(office.office, country=changes.pop("country", "FI")),
            dialling=msgspec.structs.replace(office.dialling, **changes)))

    assert of(emergency=None) == ("112",)
    assert "110" in of(emergency=None, country="CN") and "112" not in of(emergency=["911"])
    assert of(emergency=[]) == ()


def test_what_lines_reach(office: Config) -> None:
    assert routing.from_line(office, "gateway", "0917700000") == routing.ToMenu("main")
    assert isinstance(routing.from_line(office, "nowhere", "1"), routing.ToExcuse)


def test_campaign_lines_follow_the_route(office: Config) -> None:
    assert routing.campaign_lines(office, "+358917700000", []) == ["gateway", "provider"]
    assert routing.campaign_lines(office, "+358917700000", ["provider"]) == ["provider"]
    assert routing.campaign_lines(office, "+4930123456", []) == []


@pytest.mark.parametrize("dialled", ["", "9" * 500, "abc", "*#*#", "0" * 64])
def test_hostile_dialling_is_an_excuse(office: Config, dialled: str) -> None:
    assert isinstance(routing.from_phone(office, "101", dialled), routing.ToExcuse)


@pytest.mark.parametrize(("country", "form", "written", "number"), [
    ("FI", "e164", "0401234567", "+358401234567"),
    ("FI", "e164", "358401234567", "+358401234567"),
    ("FI", "e164", "00491701234567", "+491701234567"),
    ("DE", "e164", "491701234567", "+491701234567"),
    ("DE", "e164", "01701234567", "+491701234567"),
    ("DE", "digits", "358401234567", "+358401234567"),
    ("US", "e164", "2125550123", "+12125550123"),
    ("US", "e164", "12125550123", "+12125550123"),
    ("FI", "e164", "104", "104"),
])
def test_a_caller_has_one_number_however_the_line_writes_it(
    office: Config, country: str, form: str, written: str, number: str
) -> None:
    lines = [msgspec.structs.replace(line, send_as=form) for line in office.lines]
    there = msgspec.structs.replace(office, office=msgspec.structs.replace(office.office, country=country), lines=lines)
    assert routing.caller_on(there, lines[0].name, written) == number
