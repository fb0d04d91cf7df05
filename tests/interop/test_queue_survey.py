"""The survey after a call on real calls: keys are really pressed, what is said is recognised, answers survive a kill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from appliance import bus
from appliance.messages import (
    AskSurveys,
    ControlAgent,
    Event,
    Queues,
    QueuesReply,
    RecordingEnded,
    SurveyAnswered,
    SurveyAsked,
    SurveyFigures,
)
from tests.interop.test_office_callers import Party
from tests.peers import sound
from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.station import Station, StationCall

E = TypeVar("E", bound=Event)

QUEUES = """
[[queues]]
name = "asked"
number = "620"
agents = ["anna"]
wrap_up_seconds = 0
survey = "after"

[[queues]]
name = "told"
number = "621"
agents = ["anna"]
wrap_up_seconds = 0
survey = "words"

[[surveys]]
name = "after"
ask_again_days = 0
questions = [{ name = "happy", kind = "csat" }, { name = "tell", kind = "nps" }, { name = "easy", kind = "ces" }]

[[surveys]]
name = "words"
ask_again_days = 0
questions = [{ name = "why", kind = "comment", max_seconds = 20 }]

[recording]
stop_after_pause_seconds = 2

[[agents]]
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    edits = {r"\A((?:.|\n)*?)^\[\[agents\]\]$": r"\1" + QUEUES.strip()}
    with House(tmp_path_factory.mktemp("survey"), edits=edits, provider=False) as house:
        yield house


def be_ready(house: House) -> None:
    """Anna is signed in and free."""
    def state() -> str:
        reply: QueuesReply = bus.ask_once(house.box.data, Queues())
        return next(each.state for each in reply.agents if each.id == "anna")

    if state() == "logged-out":
        bus.ask_once(house.box.data, ControlAgent(agent="anna", action="login"))
    wait_for(lambda: state() == "ready", 20, f"Anna to be ready, not {state()}")


@pytest.fixture(autouse=True)
def ready(house: House, anna: Station, daria: Station) -> Iterator[None]:
    be_ready(house)
    yield
    for call in [*anna.calls, *daria.calls]:
        if call.up:
            call.hang_up()
    wait_for(lambda: house.status().calls == 0, 15, "all calls to end")


def events(house: House, kind: type[E]) -> list[E]:
    return [record.event for record in house.reader.read(limit=100_000) if isinstance(record.event, kind)]


def answers(house: House, call: str) -> dict[str, int | None]:
    return {event.question: event.score for event in events(house, SurveyAnswered) if event.call == call}


def served(house: House, anna: Station, daria: Station, number: str) -> tuple[Party, str]:
    """A caller whom Anna has talked to and left; the call's id."""
    before = len(events(house, SurveyAsked))
    call: StationCall = daria.dial(number)
    at_anna = anna.wait_call().wait_up()
    party = Party(call)
    wait_for(lambda: len(at_anna.heard()) > 1000, 10, "Anna to hear the caller")
    at_anna.hang_up()
    asked = wait_for(lambda: events(house, SurveyAsked)[before:], 10, "the survey")
    assert (asked[0].agent, asked[0].contact) == ("anna", asked[0].call)
    return party, asked[0].call


def test_three_answers_by_key(house: House, anna: Station, daria: Station) -> None:
    before = len(events(house, SurveyAsked))  # where it is tried again, the first caller's answers are there too
    party, call = served(house, anna, daria, "620")
    party.hear("survey-intro")
    party.hear("survey-csat")
    party.call.press("8")
    party.hear("survey-invalid")
    party.call.press("5")
    party.hear("survey-nps")
    party.call.press("10")
    party.hear("survey-ces")
    party.call.press("6")
    party.hear("survey-thanks")
    party.call.wait_end()
    assert answers(house, call) == {"happy": 5, "tell": 10, "easy": 6}
    reply: SurveyFigures = bus.ask_once(house.box.data, AskSurveys(since=0.0, queue="asked"))
    assert {each.question: each.value for each in reply.questions} == {"happy": 1.0, "tell": 100.0, "easy": 6.0}
    shown: Any = house.box.json("survey", "show", "--since", "2026-01-01")
    assert shown["asked"] == reply.asked == before + 1 and {each["figure"]["n"] for each in shown["questions"]} <= {1, before + 1}
    listed = {row["call"]: row for row in house.box.json("survey", "list", "--since", "2026-01-01")}
    assert len(listed) == before + 1 and listed[call]["answers"]["tell"]["score"] == 10


def test_who_hangs_up_first_is_not_asked(house: House, anna: Station, daria: Station) -> None:
    before = len(events(house, SurveyAsked))
    call = daria.dial("620")
    at_anna = anna.wait_call().wait_up()
    call.wait_up().hang_up()
    at_anna.wait_end()
    wait_for(lambda: house.status().calls == 0, 10, "the end of the call")
    assert len(events(house, SurveyAsked)) == before


def test_who_keys_nothing_is_let_go(house: House, anna: Station, daria: Station) -> None:
    party, call = served(house, anna, daria, "620")
    party.ear.hear("nothing-pressed", 40)
    party.call.wait_end(40)
    assert answers(house, call) == {}


def test_a_comment_is_kept_and_heard(
    house: House, anna: Station, daria: Station, tmp_path: Path,
) -> None:
    words = sound.load(sound.message_of(tmp_path / "w.wav", 3.0))
    party, call = served(house, anna, daria, "621")
    party.hear("survey-comment")
    party.hear("beep")
    party.call.say(np.concatenate([words, np.zeros(4 * sound.RATE)]))
    party.ear.hear("survey-thanks", 20)
    party.call.wait_end()
    (answer,) = [event for event in events(house, SurveyAnswered) if event.call == call]
    assert answer.kind == "comment" and answer.score is None and answer.seconds == pytest.approx(3.0, abs=0.7)
    heard = sound.load(house.box.data / "recordings" / answer.recording)
    assert sound.likeness(words, heard) > 0.9
    assert "0 with trouble" in house.box.run("recording", "verify", "--since", "2026-01-01").stdout


def test_a_kill_in_the_middle_loses_no_answer(house: House, anna: Station, daria: Station, tmp_path: Path) -> None:
    party, call = served(house, anna, daria, "620")
    party.hear("survey-csat")
    party.call.press("4")
    party.hear("survey-nps")
    house.box.kill("core")
    house.box.wait_up()
    assert answers(house, call) == {"happy": 4}
    wait_for(lambda: house.status().calls == 0 and house.status().phones[0].registered, 20, "Anna's phone")
    be_ready(house)
    words = sound.load(sound.message_of(tmp_path / "w.wav", 4.0))
    party, call = served(house, anna, daria, "621")
    party.hear("beep")
    party.call.say(words)
    wait_for(lambda: len(party.call._say) < sound.RATE // 2, 10, "it is said")
    before = len(events(house, RecordingEnded))
    house.box.kill("core")
    house.box.wait_up()
    wait_for(lambda: len(events(house, RecordingEnded)) > before, 20, "the comment made whole")
    (answer,) = [event for event in events(house, SurveyAnswered) if event.call == call]
    assert answer.kind == "comment" and answer.seconds > 2
