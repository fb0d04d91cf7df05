"""Calls out and in over the office's lines, through the whole box: routes, fail-over, limits, emergency."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.test_calls_phones import prompt, wait_heard
from tests.peers import sound
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.station import Station


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(autouse=True)
def idle(house: House) -> Iterator[None]:
    house.forget()
    for station in (house.gateway, house.provider):
        station.plan, station.plans, station.deaf = [180, 200], {}, False
        station.calls.clear()
    yield
    for station in (house.gateway, house.provider):
        for call in station.calls:
            call.hang_up()


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> sound.Samples:
    return sound.load(sound.message_of(tmp_path_factory.mktemp("words") / "w.wav", 2.0))


def test_a_call_out_over_the_gateway(house: House, anna: Station, words: sound.Samples) -> None:
    call = anna.dial("00917700001").wait_up()
    far = house.gateway.wait_call()
    assert far.number == "0917700001"  # national, without our prefix
    assert "101" not in far.invite.get("From")  # the office's number, not the desk's
    call.say(words)
    far.say(words)
    wait_heard(far.heard, words)
    wait_heard(call.heard, words)
    assert house.line("gateway").busy == 1
    far.hang_up()
    call.wait_end()
    cdr = house.cdr()
    assert (cdr.direction, cdr.disposition, cdr.line, cdr.reached) == ("out", "answered", "gateway", "outside")
    assert [leg.number for leg in cdr.legs] == ["00917700001", "+358917700001"] and cdr.talk > 1
    assert all(leg.quality is not None and leg.quality.packets_in > 50 for leg in cdr.legs)
    wait_for(lambda: house.line("gateway").busy == 0, 5, "the channel is free again")


@pytest.mark.parametrize(("says", "told", "disposition"), [
    (486, 486, "busy"), (404, 404, "failed"), (603, 603, "failed"), (480, 480, "no_answer"), (484, 484, "failed"),
])
def test_what_the_far_end_says_reaches_the_phone(
    house: House, anna: Station, says: int, told: int, disposition: str,
) -> None:
    house.gateway.plan = [180, 0, says]
    call = anna.dial("00917700002").wait_end()
    assert call.statuses[-1] == told and 180 in call.statuses
    assert house.cdr().disposition == disposition
    assert not house.provider.calls


def test_early_media_is_heard_before_the_answer(house: House, anna: Station, words: sound.Samples) -> None:
    house.gateway.plan = [183]
    call = anna.dial("00917700003").wait_status(183)
    far = house.gateway.wait_call()
    far.say(words)
    wait_heard(call.heard, words, 4)
    assert not call.up
    far.answer()
    call.wait_up()
    call.hang_up()
    far.wait_end()
    assert house.cdr().disposition == "answered"


def test_ringing_in_vain_ends_and_so_does_the_far_end(house: House, anna: Station) -> None:
    house.gateway.plan = [180]
    call = anna.dial("00917700004").wait_end(12)
    assert call.statuses[-1] == 480 and house.gateway.calls[0].cancelled
    assert house.cdr().disposition == "no_answer"


def test_the_caller_gives_up(house: House, anna: Station) -> None:
    house.gateway.plan = [180]
    call = anna.dial("00917700004").wait_status(180)
    call.cancel()
    house.gateway.wait_call().wait_end()
    assert house.cdr().disposition == "cancelled"


@pytest.mark.parametrize("how", ["503", "silent"])
def test_the_second_line_takes_over(house: House, anna: Station, how: str) -> None:
    """The gateway says 503, or nothing at all."""
    if how == "503":
        house.gateway.plan = [503]
    else:
        house.gateway.deaf = True
    call = anna.dial("00917700005").wait_up(15)
    far = house.provider.wait_call()
    assert far.number == "+358917700005"  # e164 there
    call.hang_up()
    far.wait_end()
    house.gateway.deaf = False
    cdr = house.cdr()
    assert cdr.disposition == "answered" and [leg.line for leg in cdr.legs] == ["", "gateway", "provider"]
    if how == "silent":
        house.gateway.plan = [180]
        late = house.gateway.wait_call(fits=lambda each: each.number == "0917700005")  # the INVITE again, which it hears now
        late.wait_end()
        assert late.cancelled
        wait_for(lambda: house.line("gateway").up, 40, "the gateway is found again")


def test_no_line_takes_the_call(house: House, anna: Station) -> None:
    house.gateway.plan = house.provider.plan = [503]
    call = anna.dial("00917700006").wait_end(20)
    assert call.statuses[-1] == 503 and call.early_sdp
    wait_heard(call.heard, prompt("line-down"), 1)
    cdr = house.cdr()
    assert cdr.disposition == "failed" and len(cdr.legs) == 3 and cdr.reached == "excuse:line:failed"


@pytest.mark.parametrize(("number", "excuse", "status"), [
    ("00600123456", "call-not-allowed", 403), ("0004930123456", "number-not-in-service", 404), ("333", "number-unknown", 404),
])
def test_what_may_not_be_called_is_said(house: House, anna: Station, number: str, excuse: str, status: int) -> None:
    """Premium, abroad (no route), and a number that is none."""
    call = anna.dial(number).wait_end(20)
    assert call.statuses[-1] == status and call.ended_by != "here"
    wait_heard(call.heard, prompt(excuse), 1)
    assert house.cdr().disposition == "failed" and not house.gateway.calls


# ---- in ------------------------------------------------------------------------------------------------------------------


def test_a_caller_reaches_the_menu(house: House) -> None:
    """inbound_to = "menu:main" (tests/interop/test_office_callers.py has what happens there)."""
    call = house.gateway.dial("0912345678").wait_up()
    wait_for(lambda: sound.level_db(call.heard()[-4000:]) > -40 if len(call.heard()) > 4000 else False, 10, "the greeting")
    call.hang_up()
    cdr = house.cdr()
    assert (cdr.direction, cdr.reached, cdr.line) == ("in", "menu:main", "gateway")
    listed = house.box.json("cdr", "list", "--line", "gateway")
    rows = listed["calls"] if isinstance(listed, dict) else listed
    assert cdr.call in {row["call"] for row in rows}
    shown = house.box.run("cdr", "show", cdr.call).stdout
    assert "menu:main" in shown and "MOS" in shown.upper()


def test_a_caller_reaches_a_phone(house: House, anna: Station, words: sound.Samples) -> None:
    call = house.gateway.dial("0911111101")
    desk = anna.wait_call()
    assert "gateway" in desk.invite.get("From")  # the caller's own user
    call.wait_up().say(words)
    wait_heard(desk.heard, words)
    desk.hang_up()
    call.wait_end()
    cdr = house.cdr()
    assert (cdr.direction, cdr.disposition, cdr.reached, cdr.line) == ("in", "answered", "extension:101", "gateway")


def test_a_caller_from_outside_hears_words_where_the_phone_is_not_there(house: House) -> None:
    call = house.gateway.dial("0911111103").wait_up()
    wait_heard(call.heard, prompt("phone-not-connected"))
    call.wait_end()
    assert house.cdr().disposition == "answered"


def test_the_sixth_caller_is_refused(house: House, anna: Station) -> None:
    anna.plan = [180]
    try:
        calls = [house.gateway.dial("0911111101").wait_status(180) for _ in range(4)]  # max_calls of 101 is 4
        calls.append(house.gateway.dial("0912345678").wait_up())
        sixth = house.gateway.dial("0911111101").wait_end()
        assert sixth.statuses[-1] == 503
        wait_for(lambda: house.line("gateway").busy == 5, 5, "the refused one to be forgotten")
        for call in calls:
            call.cancel() if not call.up else call.hang_up()
        wait_for(lambda: house.line("gateway").busy == 0, 8, "all channels are free")
    finally:
        anna.plan = [180, 200]
    assert len(house.cdrs(6)) == 6


# ---- emergency -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["112", "0112"])
def test_emergency(house: House, anna: Station, number: str) -> None:
    call = anna.dial(number).wait_up()
    far = house.gateway.wait_call()
    assert far.number == "112"
    call.hang_up()
    far.wait_end()
    cdr = house.cdr()
    assert cdr.reached == "emergency" and cdr.disposition == "answered"


def test_emergency_goes_over_any_line_that_takes_it(house: House, anna: Station) -> None:
    house.gateway.plan = [404]
    call = anna.dial("112").wait_up()
    far = house.provider.wait_call()
    assert far.number == "112"
    call.hang_up()
    far.wait_end()
    assert house.cdr().disposition == "answered"


# ---- the far end dies ----------------------------------------------------------------------------------------------------


def test_a_far_end_that_goes_dumb_is_hung_up(house: House, anna: Station) -> None:
    """No RTP for media_timeout_seconds (8 here): the gateway lost power in mid-call."""
    call = anna.dial("00917700001").wait_up()
    far = house.gateway.wait_call().wait_up()
    far.mute = True
    call.wait_end(12)
    assert call.ended_by == "box"
    far.wait_end()
    cdr = house.cdr()
    assert cdr.disposition == "answered" and "no audio" in cdr.legs[1].cause.text


def test_a_new_configuration_drops_no_call(house: House, anna: Station, words: sound.Samples) -> None:
    call = anna.dial("00917700001").wait_up()
    far = house.gateway.wait_call().wait_up()
    text = house.box.config.read_text()
    house.box.config.write_text(text.replace('name = "Harbour Office"', 'name = "Harbour & Sons"'))
    version = house.status().config_version
    house.box.reload_signal()
    wait_for(lambda: house.status().config_version == version + 1, 10, "the new configuration")
    house.box.config.write_text("[office]\nnonsense = 1\n")
    house.box.reload_signal()
    wait_for(lambda: "the configuration stays as it was" in house.box.log(), 10, "the refusal in the log")
    house.box.config.write_text(text)
    house.box.run("config", "import", str(house.box.config))
    wait_for(lambda: house.status().config_version == version + 2, 10, "the old configuration")
    call.say(words)
    wait_heard(far.heard, words)
    call.hang_up()
    far.wait_end()
    assert house.cdr().disposition == "answered"
