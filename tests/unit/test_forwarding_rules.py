"""Calls that are sent on: what is set, who may set it, where they end up, and that they come to an end."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from appliance.calls import disk, forwarding
from appliance.calls.codes import ToCode
from appliance.calls.flows.settings import SettingCodes
from appliance.calls.forwarding import Diversion, When
from appliance.calls.routing import ToExcuse, ToExtension, ToOutside, ToQueue, ToVoicemail
from appliance.calls.settings import NAMESPACE, NOTHING, SettingsBook, state_of, target_of
from appliance.config import Config
from appliance.config.model import Codes
from appliance.config.values import Target
from appliance.core.commands import Commands
from appliance.errors import SwitchroomError
from appliance.media.events import PlayDone
from appliance.messages import CallEnded, CallForwarded, Cause, Done, PhoneSet, SetPhone, Setting
from drivers.base import Ended, Place
from tests.callslab import Lab, dial, in_time, settle


def changed(config: Config, extension: str, **values: Any) -> Config:
    phones = [msgspec.structs.replace(p, **values) if p.extension == extension else p for p in config.phones]
    return msgspec.structs.replace(config, phones=phones)


def use(lab: Lab, config: Config) -> None:
    lab.config = lab.switch.config = config


# ---- what is set ---------------------------------------------------------------------------------------------------------


def test_settings_survive_and_go_before_the_configuration() -> None:
    async def work() -> None:
        lab = Lab()
        phone = changed(lab.config, "101", forward_busy=Target("queue:front")).phone("101")
        assert phone is not None and target_of(phone, lab.settings.of("101"), "forward_busy") == "queue:front"
        await lab.settings.set("101", "forward_busy", "102", "101")
        await lab.settings.set("101", "do_not_disturb", "on", "101")
        again = SettingsBook(lab.ledger)
        assert target_of(phone, again.of("101"), "forward_busy") == "102" and again.of("101").do_not_disturb
        await again.set("101", "forward_busy", "", "cli")
        assert target_of(phone, again.of("101"), "forward_busy") == ""  # off, whatever the configuration says
        await again.set("101", "forward_busy", "configured", "cli")
        assert state_of(phone, again.of("101")).forward_busy == "queue:front"
        await again.set("101", "do_not_disturb", "", "101")
        assert again.of("101") == NOTHING and not lab.ledger.states(NAMESPACE)
        assert [(e.setting, e.value, e.by) for e in lab.ledger.of(PhoneSet)][-1] == ("do_not_disturb", "", "101")

    in_time(work())


def test_nobody_is_told_before_it_is_on_the_disk() -> None:
    async def work() -> None:
        office, waits = Office(), asyncio.get_running_loop().create_future()
        office.lab.ledger.commit = lambda *events: waits  # type: ignore[method-assign]
        book = SettingsBook(office.lab.ledger)
        box = SimpleNamespace(config=office.lab.config, settings=book)
        told = asyncio.ensure_future(Commands._set_phone(SimpleNamespace(_box=box), SetPhone(  # type: ignore[arg-type]
            extension="102", setting="forward_busy", value="103", by="cli")))
        for _ in range(5):
            await asyncio.sleep(0)
        assert book.of("102").forward_busy == "103" and not told.done()  # it holds; it is not said yet
        assert (NAMESPACE, "102") in office.lab.ledger.kept  # queued before the event, so it is safe with it
        waits.set_result(1)
        assert await told == Done()

    in_time(work())


def test_settings_that_cannot_be_read_are_none() -> None:
    lab = Lab()
    lab.ledger.put_state(NAMESPACE, "101", b"\xff")
    assert SettingsBook(lab.ledger).of("101") == NOTHING


@pytest.mark.parametrize(("cause", "when"), [
    (Cause(sip=486), When.BUSY), (Cause(sip=600), When.BUSY), (Cause(sip=603), When.BUSY), (Cause(q850=17), When.BUSY),
    (Cause(sip=480, q850=20), When.UNREGISTERED), (Cause(sip=480, q850=19), When.NO_ANSWER), (Cause(sip=408), When.NO_ANSWER),
    (Cause(sip=487), None), (Cause(sip=500), None), (Cause(sip=488), None),
])
def test_which_forwarding_a_failed_call_falls_under(cause: Cause, when: When | None) -> None:
    assert forwarding.what_happened(cause) is when


@pytest.mark.parametrize(("value", "decision"), [
    ("102", ToExtension("102")), ("600", ToQueue("front")), ("00401234567", ToOutside),
    ("*97", ToVoicemail("101")), ("voicemail:102", ToVoicemail("102")), ("outside:0401234567", ToOutside),
    ("outside:+358401234567", ToOutside), ("outside:+4930123456", None), ("112", None), ("101", None), ("extension:101", None),
    ("701", None), ("*41", None), ("nonsense:1", None), ("", None), ("scenario:701", None), ("999999", None),
])
def test_what_a_phone_may_wish(value: str, decision: Any) -> None:
    """The reference office dials 0 for outside; +49 is not among its routes."""
    config = Lab().config
    if decision is None:
        with pytest.raises(SwitchroomError) as refused:
            forwarding.wish(config, "101", value)
        assert refused.value.id == "forward.bad-number"
        return
    assert forwarding.wish(config, "101", value) == value
    means = forwarding.decide(config, "101", value)
    assert isinstance(means, decision) if isinstance(decision, type) else means == decision


def test_the_rights_are_those_of_the_phone_that_sends_on() -> None:
    config = changed(Lab().config, "101", allow=["national"])
    assert isinstance(forwarding.decide(config, "101", "outside:+358401234567"), ToExcuse)
    assert isinstance(forwarding.decide(config, "102", "outside:+358401234567"), ToOutside)


def test_diversions_are_bounded() -> None:
    first = Diversion("101", When.ALWAYS, "102")
    assert forwarding.allowed([], first) and not forwarding.allowed([first], first)
    assert forwarding.allowed([first], first, since=1)  # a menu lies between
    many = [Diversion(str(n), When.ALWAYS, "1") for n in range(forwarding.MOST)]
    assert not forwarding.allowed(many, first)


def test_who_sent_the_call_on_is_shown() -> None:
    config = changed(Lab().config, "101", caller_id="+358917700001")
    made = (Diversion("102", When.ALWAYS, "101"), Diversion("101", When.BUSY, "103"))
    assert forwarding.shown(config, "", made) == {"diverted_from": "101", "diverted_why": "busy", "diversions": 2}
    assert forwarding.shown(config, "provider", made)["diverted_from"] == "+358917700001"


# ---- calls ------------------------------------------------------------------------------------------------------------------


class Office:
    """101 calls; `acts` says what becomes of a call by the number placed."""

    def __init__(self, **acts: Any) -> None:
        self.lab = Lab()
        self.lab.devices = {n: [f"sip:{n}@a"] for n in ("102", "103", "104")}
        self.acts = acts
        self.lab.driver.on_place = self._placed

    def _placed(self, order: Place) -> None:
        act = self.acts.get(order.endpoint if order.kind == "phone" else "outside")
        if act == "answer":
            self.lab.answers(order)
        elif act is not None:
            self.lab.fails(act)(order)

    async def call(self, extension: str = "102") -> None:
        """Until the call is over or stands; then 101 hangs up."""
        self.a = self.lab.comes(extension)
        task = dial(self.lab, self.a, ToExtension(extension))
        for _ in range(5):
            await settle()
        self.lab.tell(Ended(leg=self.a.id, cause=Cause(q850=16)))
        await task

    @property
    def rang(self) -> list[str]:
        return [order.endpoint for order in self.lab.driver.placed]

    @property
    def forwarded(self) -> list[tuple[str, str, str]]:
        return [(e.extension, e.when, e.target) for e in self.lab.ledger.of(CallForwarded)]


@pytest.mark.parametrize(("setting", "act", "rang", "when"), [
    ("forward_always", "answer", ["103"], "always"),
    ("forward_busy", 486, ["102", "103"], "busy"),
    ("forward_busy", 603, ["102", "103"], "busy"),
    ("forward_no_answer", 480, ["102", "103"], "no_answer"),
    ("forward_unregistered", None, ["103"], "unregistered"),
])
def test_each_case_goes_where_it_is_set(setting: Setting, act: Any, rang: list[str], when: str) -> None:
    async def work() -> None:
        office = Office(**{"102": act, "103": "answer"})
        await office.lab.settings.set("102", setting, "103", "102")
        if act is None:
            del office.lab.devices["102"]
        await office.call()
        assert office.rang == rang and office.forwarded == [("102", when, "103")]
        assert office.lab.driver.placed[-1].diverted_from == "102"
        assert [e.disposition for e in office.lab.ledger.of(CallEnded)] == ["answered"]
        assert not office.lab.engine.open_ports

    in_time(work())


def test_nothing_set_is_as_it_was() -> None:
    async def work() -> None:
        office = Office(**{"102": 486})
        await office.call()
        assert office.rang == ["102"] and not office.forwarded and office.lab.driver.placed[0].diverted_from == ""
        assert ("reject", office.a.id, 486, None) in office.lab.driver.did

    in_time(work())


def test_do_not_disturb_is_busy() -> None:
    async def work() -> None:
        office = Office()
        await office.lab.settings.set("102", "do_not_disturb", "on", "102")
        await office.call()
        assert not office.rang and ("reject", office.a.id, 486, None) in office.lab.driver.did

    in_time(work())


def test_to_something_that_is_no_phone() -> None:
    async def work() -> None:
        office = Office()
        await office.lab.settings.set("102", "do_not_disturb", "on", "102")
        await office.lab.settings.set("102", "forward_busy", "voicemail:102", "102")
        await office.call()
        assert office.lab.sent == [ToVoicemail("102")] and not office.rang

    in_time(work())


def test_outside_by_the_rights_of_the_one_who_sends_on() -> None:
    async def work() -> None:
        office = Office(outside="answer")
        use(office.lab, changed(office.lab.config, "101", allow=[]))
        await office.lab.settings.set("102", "forward_always", "outside:+358401234567", "102")
        await office.call()
        order = office.lab.driver.placed[0]
        assert (order.kind, order.number) == ("line", "0401234567")

    in_time(work())


@pytest.mark.parametrize(("target", "rang"), [("103", ["102", "103"]), ("112", ["102"]), ("102", ["102"])])
def test_what_the_phone_says_itself_goes_first(target: str, rang: list[str]) -> None:
    async def work() -> None:
        office = Office(**{"103": "answer", "104": "answer"})
        await office.lab.settings.set("102", "forward_busy", "104", "102")
        office.lab.driver.on_place = lambda order: office.lab.tell(
            Ended(leg=order.leg, cause=Cause(sip=302), target=target)) if order.endpoint == "102" else office.lab.answers(order)
        await office.call()
        assert office.rang == rang

    in_time(work())


def test_a_circle_ends_and_the_caller_is_told() -> None:
    async def work() -> None:
        office = Office(**{"102": 486, "103": 486, "104": 486})
        for by, to in (("102", "103"), ("103", "104"), ("104", "102")):
            office.lab.settings.set(by, "forward_busy", to, by)
        await office.call()
        assert office.rang == ["102", "103", "104"]
        assert ("reject", office.a.id, 486, None) in office.lab.driver.did

    in_time(work())


def test_a_call_is_not_sent_back_to_the_phone_that_made_it() -> None:
    async def work() -> None:
        office = Office()
        office.lab.devices["101"] = ["sip:101@a"]
        await office.lab.settings.set("102", "forward_always", "101", "102")
        await office.call()
        assert not office.rang and ("reject", office.a.id, 486, None) in office.lab.driver.did

    in_time(work())


# ---- follow-me ----------------------------------------------------------------------------------------------------------------


def follow(office: Office, after: float = 0.0) -> None:
    use(office.lab, changed(office.lab.config, "102", follow_me="0401234567", follow_me_after_seconds=after))


async def following(office: Office) -> Any:
    a = office.lab.comes("102")
    task = dial(office.lab, a, ToExtension("102"))
    for _ in range(3):
        await settle()
    return a, task


@pytest.mark.parametrize(("key", "talks"), [("1", True), ("2", False)])
def test_an_answer_outside_counts_after_a_key(key: str, talks: bool) -> None:
    async def work() -> None:
        office = Office(outside="answer")
        follow(office)
        a, task = await following(office)
        desk, mobile = office.lab.driver.placed
        assert (desk.endpoint, mobile.number) == ("102", "0401234567")
        leg = office.lab.switch.legs[mobile.leg]
        assert not a.answered_at and leg.port is not None and leg.port.playing == 1  # it is asked
        office.lab.tell_digit(leg, "5")
        await settle()
        assert not a.answered_at
        office.lab.tell_digit(leg, key)
        await settle()
        assert bool(a.answered_at) is talks
        assert (("hang_up", desk.leg, 26) in office.lab.driver.did) is talks
        if not talks:
            assert ("hang_up", mobile.leg, 21) in office.lab.driver.did
            office.lab.answers(desk)
            await settle()
            assert a.answered_at
        office.lab.tell(Ended(leg=a.id, cause=Cause(q850=16)))
        await task
        assert not office.lab.engine.open_ports and office.lab.busy("gateway") == 0

    in_time(work())


def test_the_desk_may_be_faster_and_a_silent_mailbox_gets_nothing() -> None:
    async def work() -> None:
        office = Office(outside="answer")
        follow(office)
        a, task = await following(office)
        desk, mobile = office.lab.driver.placed
        office.lab.answers(desk)
        await settle()
        assert a.answered_at and ("hang_up", mobile.leg, 26) in office.lab.driver.did
        office.lab.tell(Ended(leg=a.id, cause=Cause(q850=16)))
        await task

    in_time(work())


@pytest.mark.parametrize(("act", "rang"), [(480, 2), (486, 1), (None, 1)])
def test_who_follows_later(act: Any, rang: int) -> None:
    """Rung after 5 s; sooner where the phone is not there or gives up, not at all where it is busy."""
    async def work() -> None:
        office = Office(**{"102": act})
        follow(office, after=5)
        a, task = await following(office)
        assert len(office.rang) == rang
        office.lab.tell(Ended(leg=a.id, cause=Cause(q850=16)))
        await task

    in_time(work())


def test_a_phone_that_is_not_there_is_followed_at_once() -> None:
    async def work() -> None:
        office = Office()
        del office.lab.devices["102"]
        follow(office, after=5)
        a, task = await following(office)
        assert [order.kind for order in office.lab.driver.placed] == ["line"]
        office.lab.tell(Ended(leg=a.id, cause=Cause(q850=16)))
        await task

    in_time(work())


def test_without_a_line_the_phone_rings_alone() -> None:
    async def work() -> None:
        office = Office(**{"102": "answer"})
        follow(office)
        for line in office.lab.config.lines:
            office.lab.channels.set_up(line.name, False, "test")
        a, task = await following(office)
        assert office.rang == ["102"] and a.answered_at
        office.lab.tell(Ended(leg=a.id, cause=Cause(q850=16)))
        await task

    in_time(work())


# ---- by code -----------------------------------------------------------------------------------------------------------------


def test_every_code_of_a_setting_has_a_flow() -> None:
    names = {name for name in Codes.__struct_fields__ if name.startswith(("forward_", "do_not_disturb"))}
    assert set(SettingCodes(Lab().settings).table()) == names


async def code(lab: Lab, decision: ToCode, keys: str = "") -> list[str]:
    """The prompts heard at phone 101."""
    leg = lab.comes("*")
    leg.language = "en"
    task = lab.switch.lead(leg.call, lambda: SettingCodes(lab.settings).table()[decision.name](leg, decision.digits))
    await settle()
    assert leg.port is not None
    for key in keys:
        lab.tell_digit(leg, key)
        await settle()
    for _ in range(3):
        if not leg.is_ended:
            leg.inbox.put(PlayDone(port=leg.port.id, play=leg.port.playing, samples=1, total=1, complete=True))
        await settle()
    await task
    return leg.port.heard


@pytest.mark.parametrize(("name", "digits", "keys", "heard", "kept"), [
    ("do_not_disturb_on", "", "", ["do-not-disturb-on"], {"do_not_disturb": True}),
    ("do_not_disturb_off", "", "", ["do-not-disturb-off"], {}),
    ("forward_busy_on", "102", "", ["forward-busy"], {"forward_busy": "102"}),
    ("forward_always_on", "", "102#", ["forward-enter-number", "forward-always"], {"forward_always": "102"}),
    ("forward_no_answer_on", "112", "", ["forward-number-bad"], {}),
    ("forward_unregistered_off", "", "", ["forward-off"], {"forward_unregistered": ""}),
])
def test_a_code_sets_and_says_so(name: str, digits: str, keys: str, heard: list[str], kept: dict[str, Any]) -> None:
    async def work() -> None:
        lab = Lab()
        assert await code(lab, ToCode(name, digits), keys) == heard
        assert msgspec.to_builtins(lab.settings.of("101")) == kept

    in_time(work())


@pytest.mark.parametrize("name", ["do_not_disturb_on", "forward_unregistered_off"])
def test_who_sets_something_while_the_disk_takes_nothing_hears_no_silence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        lab = Lab()
        lab.ledger.commit = lambda *events: asyncio.get_running_loop().create_future()  # type: ignore[method-assign]
        assert await asyncio.wait_for(code(lab, ToCode(name, "")), 30) == ["technical-trouble"]

    monkeypatch.setattr(disk, "SECONDS", 0.0)
    in_time(work())
