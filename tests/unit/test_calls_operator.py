"""The operator's dialogue with a person of paper: what is said, in order, for each thing a person may do; waits cost nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.calls.flows import operator
from appliance.calls.flows.operator import Draft, Operator, Preview, Progress, about
from appliance.config.model import Scenario
from appliance.errors import SwitchroomError
from appliance.prompts import Moment
from tests.operatorlab import GOOD, HANG_UP, PREVIEW, TO_FORECAST, TO_LIST, TO_MENU, FakeDesk, FakePins, Person, in_order, talk


async def test_the_whole_way() -> None:
    person, desk = Person(TO_FORECAST | {"forecast-confirm": ["1"]}), FakeDesk()
    said = await talk(person, desk)
    assert said == [
        "(answered)", "pause-long", "enter-pin", "attention-recording", "beep", "recording-menu", "enter-list-number",
        "list-digits", "forecast", "forecast-confirm", "campaign-started",
    ]
    assert desk.done == ["preview 12", "start 12"]


@pytest.mark.parametrize(
    ("keyed", "prompts"),
    [
        (["4321"], ["attention-recording"]),
        (["4321#"], ["attention-recording"]),
        (["43*4321"], ["attention-recording"]),
        (["#4321"], ["attention-recording"]),
        (["1111#", "4321#"], ["wrong-pin", "attention-recording"]),
        (["11111", "22#", "4321"], ["wrong-pin", "wrong-pin", "attention-recording"]),
        (["1111#", "2222#", "3333#"], ["wrong-pin", "wrong-pin", "wrong-pin-goodbye"]),
        (["", "4321"], ["nothing-pressed", "enter-pin", "attention-recording"]),
        ([], ["nothing-pressed", "enter-pin", "nothing-pressed", "enter-pin", "goodbye"]),
    ],
)
async def test_pin(keyed: list[str], prompts: list[str]) -> None:
    tries = deque(keyed)
    reacts: dict[str, list[str]] = {"enter-pin": [], "wrong-pin": []}
    asked = ["enter-pin", *[p for p in prompts if p in ("enter-pin", "wrong-pin")]]
    for name in asked:
        if tries:
            reacts[name].append(tries.popleft())
    said = await talk(Person(reacts | {"recording-menu": [HANG_UP]}), FakeDesk())
    assert said[3:3 + len(prompts)] == prompts
    assert ("recording-menu" in said) == ("attention-recording" in prompts)


async def test_a_door_that_guessing_has_shut_is_said_to_be() -> None:
    said = await talk(Person({"enter-pin": ["1111#"], "wrong-pin": ["2222#"]}), FakeDesk(pins=FakePins(most=2)))
    assert said == ["(answered)", "pause-long", "enter-pin", "wrong-pin", "pin-locked"]
    assert await talk(Person({}), FakeDesk(pins=FakePins(minutes=4.0))) == ["(answered)", "pause-long", "pin-locked"]


async def test_this_phone_may_not() -> None:
    assert await talk(Person({}), FakeDesk(allowed=False)) == ["(answered)", "pause-long", "not-allowed-to-start"]


async def test_no_pin_asked_where_none_is_set() -> None:
    assert "enter-pin" not in await talk(Person({"recording-menu": [HANG_UP]}), FakeDesk(), pin=None)


@pytest.mark.parametrize(("media", "listens"), [(101, []), (0, [True])])
async def test_tones_are_listened_for_where_keys_come_no_other_way(media: int, listens: list[bool]) -> None:
    person = Person({"enter-pin": [HANG_UP]})
    person.media = SimpleNamespace(telephone_event=media)
    await talk(person, FakeDesk())
    assert person.detected == listens


async def test_the_disk_is_short() -> None:
    assert (await talk(Person(TO_MENU), FakeDesk(space=False)))[-1] == "storage-short"
    assert (await talk(Person(TO_MENU, ["full"]), FakeDesk()))[-1] == "storage-short"
    assert (await talk(Person(TO_MENU), FakeDesk(drafts=["message.unwritable"])))[-1] == "storage-short"


# -- hours --


@pytest.mark.parametrize(("keys", "last"), [("*", "campaign-not-started"), ("", "campaign-not-started")])
async def test_closed_and_not_wanted(keys: str, last: str) -> None:
    desk = FakeDesk(closed=Moment(0, 8))
    said = await talk(Person(TO_MENU | {"closed-start-anyway": [keys, keys]}), desk)
    in_order(said, "closed-until", "closed-start-anyway", last)
    assert "attention-recording" not in said and not desk.done


async def test_closed_and_recorded_for_later() -> None:
    desk = FakeDesk(closed=Moment(0, 8), previews=[Preview("12", 300, 0, 0, 5, 34.0, True, Moment(0, 8))])
    said = await talk(Person(TO_FORECAST | {"closed-start-anyway": ["1"], "forecast-confirm": ["1"]}), desk)
    in_order(said, "closed-until", "attention-recording", "forecast", "forecast-begins", "forecast-confirm", "campaign-scheduled")
    assert "campaign-started" not in said and desk.done[-1] == "start 12"


async def test_closed_for_longer_than_a_weekday_can_say() -> None:
    desk = FakeDesk(closed=SwitchroomError("campaign.closed-long", "a week"))
    assert (await talk(Person(TO_MENU), desk))[-1] == "closed-now"


# -- the message --


async def test_silence_then_too_short_then_a_message() -> None:
    desk = FakeDesk(drafts=["message.silent", Draft(Path("d"), 0.6), GOOD])
    said = await talk(Person(TO_MENU | {"recording-menu": [HANG_UP]}), desk)
    in_order(said, "beep", "message-empty", "attention-recording", "beep", "message-too-short", "attention-recording", "beep",
             "recording-menu")


async def test_three_times_nothing() -> None:
    said = await talk(Person(TO_MENU), FakeDesk(drafts=["message.silent"] * 3))
    assert said.count("beep") == 3 and said.count("message-empty") == 2 and said[-1] == "message-none-goodbye"


async def test_recorded_again_as_often_as_wanted() -> None:
    person = Person(TO_FORECAST | {"recording-menu": ["2"] * 8 + ["#"], "forecast-confirm": ["*"]})
    said = await talk(person, FakeDesk())
    assert said.count("beep") == 9 and said[-1] == "campaign-not-started"


@pytest.mark.parametrize(
    ("menu", "while_heard", "then"),
    [
        (["1", "#"], [], ["your-message", "draft.wav", "recording-menu", "enter-list-number"]),
        (["1"], ["#"], ["your-message", "draft.wav", "enter-list-number"]),
        (["1", HANG_UP], ["2"], ["your-message", "draft.wav", "attention-recording"]),
        (["1", "#"], ["1", ""], ["your-message", "draft.wav", "your-message", "draft.wav", "recording-menu"]),
        (["1", "#"], ["*"], ["your-message", "draft.wav", "recording-menu", "enter-list-number"]),
    ],
)
async def test_heard_again(menu: list[str], while_heard: list[str], then: list[str]) -> None:
    person = Person(TO_MENU | {"recording-menu": menu, "draft.wav": while_heard, "enter-list-number": [HANG_UP]})
    said = await talk(person, FakeDesk())
    at = said.index("your-message")
    assert said[at:at + len(then)] == then


async def test_who_waits_at_the_menu_goes_on() -> None:
    person = Person(TO_MENU | {"enter-list-number": [HANG_UP]})
    said = await talk(person, FakeDesk())
    assert said.count("recording-menu") == 3 and said[-1] == "enter-list-number"
    assert person.waited[-3:] == [operator.CHOICE_SECONDS] * 3


async def test_a_key_that_means_nothing() -> None:
    person = Person({})
    pressed = iter(["7", "#"])

    async def key(keys: object, timeout: float) -> str:
        return next(pressed)

    asked = Operator(person, Scenario(code="701"), FakeDesk(), FakePins(), "en")  # type: ignore[arg-type]
    person.key = key  # type: ignore[method-assign]
    assert await asked._ask([[Path("recording-menu")]], "12#") == "#"
    assert person.said == ["recording-menu", "invalid-key", "recording-menu"]


async def test_nine_keys_that_mean_nothing_call_nobody() -> None:
    person = Person({})

    async def key(keys: object, timeout: float) -> str:
        return "7"

    asked = Operator(person, Scenario(code="701"), FakeDesk(), FakePins(), "en")  # type: ignore[arg-type]
    person.key = key  # type: ignore[method-assign]
    with pytest.raises(operator.Goodbye) as end:
        await asked._agreed(PREVIEW)
    assert end.value.prompt == "campaign-not-started"


async def test_the_limit_is_told() -> None:
    said = await talk(Person(TO_MENU | {"recording-menu": [HANG_UP]}, ["limit"]), FakeDesk())
    in_order(said, "recording-limit", "recording-menu")


# -- the list --


@pytest.mark.parametrize(
    ("keyed", "known", "asked", "waits"),
    [
        ("13", {"12", "13"}, "13", []),
        ("13#", {"12", "13"}, "13", []),
        ("12", {"12", "123"}, "12", [operator.LAST_KEY_SECONDS]),
        ("12#", {"12", "123"}, "12", []),
        ("123", {"12", "123"}, "123", []),
        ("1", {"12", "123"}, "1", [operator.NEXT_KEY_SECONDS]),
        ("99", {"12"}, "99", [operator.LAST_KEY_SECONDS]),
        ("9*12", {"12"}, "12", []),
        ("#12", {"12"}, "12", []),
        ("12345678902", {"12345678901234"}, "1234567890", []),
    ],
)
async def test_where_a_list_number_ends(keyed: str, known: set[str], asked: str, waits: list[float]) -> None:
    person, desk = Person(TO_LIST | {"enter-list-number": [keyed], "forecast-confirm": ["*"]}), FakeDesk(known=known)
    await talk(person, desk)
    assert desk.done == [f"preview {asked}"] and person.waited == waits


@pytest.mark.parametrize(
    ("problems", "prompts"),
    [
        (["list.unknown"], ["list-unknown", "list-digits"]),
        (["list.empty", "list.encoding"], ["list-empty", "list-unreadable", "list-digits"]),
        (["list.unknown"] * 3, ["list-unknown", "list-unknown", "list-unknown-goodbye"]),
        (["list.unknown", "list.unknown", "list.encoding"], ["list-unknown", "list-unknown", "list-trouble-goodbye"]),
    ],
)
async def test_lists_that_cannot_be_used(problems: list[str], prompts: list[str], caplog: pytest.LogCaptureFixture) -> None:
    reacts = TO_FORECAST | {name: ["13#", "13#"] for name in ("list-unknown", "list-empty", "list-unreadable")}
    said = await talk(Person(reacts | {"forecast-confirm": ["*"]}), FakeDesk(previews=list(problems)))
    at = said.index("enter-list-number") + 1
    assert said[at:at + len(prompts)] == prompts
    assert sum("cannot be used: no list" in r.getMessage() for r in caplog.records) == len(problems)


async def test_no_list_number_at_all() -> None:
    person, desk = Person(TO_LIST), FakeDesk()
    said = await talk(person, desk)
    assert said[-5:] == ["nothing-pressed", "enter-list-number", "nothing-pressed", "enter-list-number", "campaign-not-started"]
    assert not desk.done


async def test_a_list_that_takes_long_is_not_waited_for_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator, "PATIENCE_SECONDS", 0.0)
    desk = FakeDesk(slow=asyncio.Event())
    person = Person(TO_FORECAST | {"forecast-confirm": ["1"]})
    play = person.play

    async def listening(clips: list[Path], *, keys: str = "") -> str:
        if clips[0].name == "please-wait" and desk.slow is not None:
            desk.slow.set()
        return await play(clips, keys=keys)

    person.play = listening  # type: ignore[method-assign]
    in_order(await talk(person, desk), "enter-list-number", "please-wait", "forecast", "campaign-started")


# -- hanging up --


@pytest.mark.parametrize(
    ("reacts", "starts"),
    [
        ({"enter-pin": ["43" + HANG_UP]}, False),
        (TO_MENU | {"attention-recording": [HANG_UP]}, False),
        (TO_MENU | {"recording-menu": [HANG_UP]}, False),
        (TO_LIST | {"enter-list-number": [HANG_UP]}, False),
        (TO_LIST | {"enter-list-number": ["1" + HANG_UP]}, False),
        (TO_LIST | {"enter-list-number": ["99" + HANG_UP]}, False),
        (TO_LIST | {"enter-list-number": ["12" + HANG_UP]}, True),
        (TO_LIST | {"enter-list-number": ["13" + HANG_UP]}, True),
        (TO_FORECAST | {"forecast": [HANG_UP]}, True),
        (TO_FORECAST | {"forecast-confirm": [HANG_UP]}, True),
        (TO_FORECAST | {"forecast-confirm": ["1" + HANG_UP]}, True),
        (TO_FORECAST | {"forecast-confirm": ["*" + HANG_UP]}, False),
    ],
)
async def test_when_hanging_up_starts(reacts: dict[str, list[str]], starts: bool) -> None:
    desk = FakeDesk()
    await talk(Person(reacts), desk)
    assert any(d.startswith("start") for d in desk.done) == starts


async def test_the_box_breaking_the_call_off_starts_nothing() -> None:
    person, desk = Person(TO_FORECAST | {"forecast": [HANG_UP]}), FakeDesk()
    person.call.interrupted = "the appliance stops"
    await talk(person, desk)
    assert desk.done == ["preview 12"]


async def test_a_list_that_fails_after_the_hang_up_is_told_by_ringing_back() -> None:
    person, desk = Person(TO_LIST | {"enter-list-number": ["12" + HANG_UP]}), FakeDesk(previews=["list.encoding"])
    await talk(person, desk)
    assert desk.done == ["preview 12", "apologise 101"]


async def test_a_start_beside_a_campaign_that_was_begun_meanwhile() -> None:
    """While the message was spoken, somebody began one elsewhere."""
    there, desk = Person(TO_FORECAST | {"forecast-confirm": ["1"]}), FakeDesk(trouble="campaign.under-way")
    assert (await talk(there, desk))[-1] == "campaign-under-way" and desk.done == ["preview 12"]


async def test_a_start_that_fails() -> None:
    there, desk = Person(TO_FORECAST | {"forecast-confirm": ["1"]}), FakeDesk(trouble="campaign.short")
    assert (await talk(there, desk))[-1] == "campaign-start-failed" and desk.done == ["preview 12"]
    gone, desk = Person(TO_FORECAST | {"forecast-confirm": [HANG_UP]}), FakeDesk(trouble="campaign.short")
    await talk(gone, desk)
    assert desk.done == ["preview 12", "apologise 101"]


async def test_saying_nothing_starts_it_after_two_times_of_asking() -> None:
    person, desk = Person(TO_FORECAST), FakeDesk()
    said = await talk(person, desk)
    assert said[-6:] == ["list-digits", "forecast", "forecast-confirm", "forecast", "forecast-confirm", "campaign-started"]
    assert desk.done[-1] == "start 12"


async def test_bad_rows_and_repeats_are_told_once_and_can_be_cut_short() -> None:
    many = Preview("12", 298, 2, 3, 5, 34.0)
    said = await talk(Person(TO_FORECAST), FakeDesk(previews=[many]))
    assert said[-8:-1] == ["list-digits", "forecast", "list-bad-numbers", "list-duplicates", "forecast-confirm", "forecast",
                           "forecast-confirm"]
    ahead = Person(TO_LIST | {"enter-list-number": ["12#1"]})
    desk = FakeDesk(previews=[many])
    assert (await talk(ahead, desk))[-1] == "campaign-started" and desk.done[-1] == "start 12"


# -- a campaign under way --


def under_way(state: str = "running", *, confirm: bool = True) -> Progress:
    return Progress(7, state, 120, 300, 40, 90, confirm)


async def test_pause_go_on_and_leave_it() -> None:
    desk = FakeDesk(progress=[under_way(), under_way("paused"), under_way()])
    said = await talk(Person(TO_MENU | {"campaign-menu-running": ["1"], "campaign-menu-paused": ["2"]}), desk)
    assert said[3:] == [
        "campaign-state-running", "campaign-progress", "campaign-menu-running", "campaign-paused", "campaign-menu-paused",
        "campaign-resumed", "campaign-menu-running", "campaign-menu-running", "goodbye",
    ]
    assert desk.done == ["pause 7 by 101", "resume 7 by 101"]


async def test_keys_before_the_state_was_told_count() -> None:
    desk = FakeDesk(progress=[under_way(confirm=False), under_way("paused", confirm=False)])
    said = await talk(Person({"enter-pin": ["4321#1"]}), desk)
    assert "campaign-progress-heard" in said and desk.done == ["pause 7 by 101"]


async def test_cancel_is_asked_twice() -> None:
    desk = FakeDesk(progress=[under_way()])
    reacts = TO_MENU | {"campaign-menu-running": ["3", "3"], "campaign-cancel-sure": ["*", "1"]}
    said = await talk(Person(reacts), desk)
    in_order(said, "campaign-cancel-sure", "campaign-state-running", "campaign-cancel-sure", "campaign-cancelled")
    assert desk.done == ["cancel 7 by 101"]


async def test_it_ends_while_we_speak() -> None:
    desk = FakeDesk(progress=[under_way()], trouble="campaign.unknown")
    assert (await talk(Person(TO_MENU | {"campaign-menu-running": ["1"]}), desk))[-1] == "campaign-over"
    desk = FakeDesk(progress=[under_way(), None])
    assert (await talk(Person(TO_MENU | {"campaign-menu-running": ["1"]}), desk))[-1] == "campaign-over"


async def test_something_of_ours_fails_is_said() -> None:
    person = Person(TO_MENU)
    with pytest.raises(SwitchroomError):
        await talk(person, FakeDesk(drafts=["message.unreadable"]))
    assert person.said[-1] == "technical-trouble"
    person, desk = Person(TO_MENU), FakeDesk()
    desk.can_record = lambda: 1 / 0  # type: ignore[assignment,return-value,method-assign]
    with pytest.raises(ZeroDivisionError):
        await talk(person, desk)
    assert person.said[-1] == "technical-trouble"


@pytest.mark.parametrize(
    ("minutes", "said"), [(0.0, 1), (0.4, 1), (1.0, 1), (1.6, 2), (19.7, 20), (21.0, 20), (23.0, 25), (34.0, 35), (97.0, 95)]
)
def test_minutes_are_said_no_more_exactly_than_known(minutes: float, said: int) -> None:
    assert about(minutes) == said
