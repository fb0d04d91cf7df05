"""Menus with a caller of paper: where each thing that a caller may do leads, and what is said; waits cost nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from appliance.calls.flows.ask import Asked, fits, luhn
from appliance.calls.flows.menu import MOST_LANGUAGES, Menu
from appliance.calls.leg import Leg
from appliance.config.menus import Ask
from appliance.config.menus import Menu as Rules
from appliance.config.opening import ALWAYS, Opening
from appliance.config.values import Target
from appliance.messages import CallEnded
from tests.callslab import HANG_UP, Caller, Lab, hastily

BILLING, FRONT, DESK = Target("queue:billing"), Target("queue:front"), Target("extension:101")
MAIN = Rules(name="main", greeting="Welcome", keys={"1": BILLING, "2": FRONT}, no_answer=FRONT)


class Desk:
    """The core as a menu sees it."""

    def __init__(self, opening: Opening = ALWAYS) -> None:
        self.open = opening
        self.facts: list[Asked] = []

    def opening(self, hours: str | None) -> Opening:
        return self.open

    def greeting(self, owner: str, name: str, words: Any, language: str, main: str) -> Sequence[bytes]:
        return [f"{words}@{language}".encode()] if words else []

    async def keyed(self, leg: Leg, asked: Asked) -> None:
        self.facts.append(asked)
        leg.call.facts[asked.name] = asked.digits


class Visit:
    """A caller who reacts in a menu: where it leads (`target`), and what was said."""

    def __init__(self, desk: Desk) -> None:
        self.target: Target | None = None
        self.desk = desk
        self.lab = Lab()
        self.leg = self.lab.comes("0912345678", "gateway", "line")
        self.leg.language = "en"
        self.leg.open_port()

    async def run(self, rules: Rules, reacts: dict[str, list[str]], ahead: str) -> None:
        self.caller = Caller(self.lab, self.leg, reacts)
        self.caller.press(ahead)

        async def flow() -> None:
            self.target = await Menu(self.leg, rules, self.desk).run()  # type: ignore[arg-type]

        await self.lab.switch.lead(self.leg.call, flow)

    @property
    def said(self) -> list[str]:
        return self.caller.said


def visit(rules: Rules, reacts: dict[str, list[str]], desk: Desk | None = None, ahead: str = "") -> Visit:
    made: list[Visit] = []

    async def work() -> None:
        made.append(Visit(desk or Desk()))
        await made[0].run(rules, reacts, ahead)

    hastily(work())
    return made[0]


def changed(**keys: Any) -> Rules:
    return msgspec.structs.replace(MAIN, **keys)


@pytest.mark.parametrize(("rules", "reacts", "target", "said"), [
    (MAIN, {"Welcome@en": ["1"]}, BILLING, ["Welcome@en"]),
    (MAIN, {"Welcome@en": ["", "2"]}, FRONT, ["Welcome@en"] * 2),
    (MAIN, {}, FRONT, ["Welcome@en"] * 2),
    (MAIN, {"Welcome@en": ["7", "1"]}, BILLING, ["Welcome@en", "invalid-key", "Welcome@en"]),
    (MAIN, {"Welcome@en": ["7", "7"]}, FRONT, ["Welcome@en", "invalid-key", "Welcome@en"]),
    (changed(invalid=DESK), {"Welcome@en": ["7", "*"]}, DESK, ["Welcome@en", "invalid-key", "Welcome@en"]),
    (changed(invalid=DESK), {"Welcome@en": ["7", ""]}, FRONT, ["Welcome@en", "invalid-key", "Welcome@en"]),
    (changed(no_answer=None), {}, None, ["Welcome@en", "Welcome@en", "menu-goodbye"]),
    (changed(repeats=0), {}, FRONT, ["Welcome@en"]),
    (changed(keys={}), {}, FRONT, ["Welcome@en"]),
    (changed(keys={}, no_answer=None), {}, None, ["Welcome@en", "goodbye"]),
    (changed(keys={"*": BILLING}), {"Welcome@en": ["*"]}, BILLING, ["Welcome@en"]),
    (changed(greeting=""), {}, FRONT, []),
    (changed(language="fi"), {"Welcome@fi": ["1"]}, BILLING, ["Welcome@fi"]),
])  # fmt: skip
def test_where_it_leads(rules: Rules, reacts: dict[str, list[str]], target: Target | None, said: list[str]) -> None:
    found = visit(rules, reacts)
    assert found.target == target and found.said == said
    assert found.lab.ledger.of(CallEnded)


def test_digits_ahead_of_the_greeting_count_and_the_rest_belongs_to_what_follows() -> None:
    found = visit(MAIN, {}, ahead="19")
    assert found.target == BILLING and found.said == ["Welcome@en"]


def test_who_hangs_up_goes_nowhere() -> None:
    found = visit(MAIN, {"Welcome@en": [HANG_UP]})
    assert found.target is None and found.leg.is_ended


# ---- languages --------------------------------------------------------------------------------------------------------------


def test_a_key_chooses_the_language_for_the_rest_of_the_call() -> None:
    rules = changed(languages={"9": "fi", "8": "ru"})
    found = visit(rules, {"Welcome@en": ["9"], "Welcome@fi": ["1"]})
    assert found.target == BILLING and found.said == ["Welcome@en", "Welcome@fi"] and found.leg.language == "fi"


def test_changing_the_language_for_ever_has_an_end() -> None:
    rules = changed(languages={"9": "fi"})
    found = visit(rules, {"Welcome@en": ["9"], "Welcome@fi": ["9"] * 100})
    assert found.target == FRONT and len(found.said) == MOST_LANGUAGES + 2


# ---- extensions -------------------------------------------------------------------------------------------------------------


EXTENSIONS = changed(dial_extensions=True)


@pytest.mark.parametrize(("keys", "target"), [
    (["101"], Target("extension:101")), (["104#"], Target("extension:104")), (["1"], BILLING), (["2"], FRONT),
    (["1999", "1"], BILLING), (["999", "102"], Target("extension:102")),
])
def test_an_extension_may_be_dialled(keys: list[str], target: Target) -> None:
    found = visit(EXTENSIONS, {"Welcome@en": keys})
    assert found.target == target


def test_only_those_that_may_be_dialled() -> None:
    rules = changed(dial_extensions=True, dialable=["103"], keys={}, repeats=0, invalid=DESK)
    assert visit(rules, {"Welcome@en": ["103"]}).target == Target("extension:103")
    found = visit(rules, {"Welcome@en": ["101"]})
    assert found.target == DESK and found.said == ["Welcome@en"]
    assert visit(rules, {"Welcome@en": ["109"]}).target == DESK


# ---- closed -----------------------------------------------------------------------------------------------------------------


MAILBOX, NIGHT = Target("voicemail:front"), Target("voicemail:night")


@pytest.mark.parametrize(("opening", "rules", "target"), [
    (Opening(open=False, target=MAILBOX), MAIN, MAILBOX),
    (Opening(open=False, target=MAILBOX), changed(when_closed=DESK), DESK),
    (Opening(open=False, forced=True, target=MAILBOX), changed(when_closed=DESK), DESK),
    (Opening(open=True, forced=True), changed(keys={}), FRONT),
])
def test_closed(opening: Opening, rules: Rules, target: Target) -> None:
    assert visit(rules, {}, Desk(opening)).target == target


def test_closed_without_a_target_is_told_and_so_is_when_it_opens() -> None:
    assert visit(MAIN, {}, Desk(Opening(open=False))).said == ["closed-office"]
    soon = Lab().switch.clock.utc() + 3600
    found = visit(MAIN, {}, Desk(Opening(open=False, opens=soon)))
    assert found.said == ["closed-office-until"] and found.target is None


# ---- numbers that are asked for ---------------------------------------------------------------------------------------------


ACCOUNT = Ask(name="account", min_digits=4, max_digits=6)


def test_a_number_is_asked_for_kept_and_not_asked_again() -> None:
    found = visit(changed(ask=ACCOUNT), {"ask-number": ["12345#"], "Welcome@en": ["1"]})
    assert found.desk.facts == [Asked("account", "account", "12345")] and found.target == BILLING
    assert found.said == ["ask-number", "Welcome@en"]

    async def again() -> None:
        lab = Lab()
        leg = lab.comes("09", "gateway", "line")
        leg.call.facts["account"] = "12345"
        caller = Caller(lab, leg, {"Welcome@en": ["2"]})
        assert await Menu(leg, changed(ask=ACCOUNT), Desk()).run() == FRONT  # type: ignore[arg-type]
        assert caller.said == ["Welcome@en"]

    hastily(again())


@pytest.mark.parametrize(("keys", "digits"), [
    ("1234#", "1234"), ("123456", "123456"), ("99*4321#", "4321"), ("123456#", "123456"), ("4321", "4321"),
])
def test_how_it_may_be_keyed(keys: str, digits: str) -> None:
    """Ended by "#", by its length (a "#" too many is no choice in the menu), by a pause; "*" begins again."""
    found = visit(changed(ask=ACCOUNT, repeats=0), {"ask-number": [keys], "Welcome@en": ["", "1"]})
    assert [asked.digits for asked in found.desk.facts] == [digits]
    assert found.target in (FRONT, BILLING) and "invalid-key" not in found.said


def test_wrong_ones_are_asked_for_again_and_then_it_goes_on_without() -> None:
    found = visit(changed(ask=ACCOUNT), {"ask-number": ["12#", "", "1#"], "Welcome@en": ["1"]})
    assert found.said == ["ask-number", "ask-invalid", "ask-number", "nothing-pressed", "ask-number", "ask-without", "Welcome@en"]
    assert found.target == BILLING and not found.desk.facts


def test_it_is_read_back_where_that_is_set() -> None:
    rules = changed(ask=msgspec.structs.replace(ACCOUNT, read_back=True, label="Account", then=DESK))
    found = visit(rules, {"ask-number": ["1111#", "2222#"], "ask-read-back": ["2", "1"]})
    assert found.desk.facts == [Asked("account", "Account", "2222")] and found.target == DESK
    assert found.said == ["ask-number", "ask-read-back", "ask-number", "ask-read-back"]


def test_without_the_number_nobody_goes_where_it_leads() -> None:
    rules = changed(ask=msgspec.structs.replace(ACCOUNT, then=DESK, tries=1))
    assert visit(rules, {"Welcome@en": ["1"]}).target == BILLING


@pytest.mark.parametrize(("forms", "check", "digits", "right"), [
    (["7#######"], False, "71234567", True), (["7#######"], False, "81234567", False), (["9###", "1#"], False, "15", True),
    ([], True, "79927398713", True), ([], True, "79927398710", False), ([], False, "123", True), ([], False, "", False),
])
def test_forms_and_check_digits(forms: list[str], check: bool, digits: str, right: bool) -> None:
    assert fits(Ask(name="a", forms=forms, luhn=check), digits) is right


def test_luhn_by_its_definition() -> None:
    assert luhn("4111111111111111") and not luhn("4111111111111112") and luhn("0")
