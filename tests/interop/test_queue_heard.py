"""What a waiting caller really hears: told the truth, then music without a gap, then a person; and what the agent hears first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance import bus
from appliance.messages import ControlAgent
from appliance.prompts import Prompts
from appliance.system.paths import prompts_dir
from tests.interop.test_calls_phones import wait_heard
from tests.interop.test_office_callers import own_clip
from tests.peers import sound
from tests.peers.ear import Party
from tests.peers.house import House
from tests.peers.net import wait_for

MESSAGE, WHISPER = "Our pages have answers too.", "A call for the front desk."
EDITS = {
    r"^announce_position_every = 30$": f'announce_position_every = 10\nmessages = ["{MESSAGE}"]\n'
    f'message_every_seconds = 14\noffer_callback_after_seconds = 6\ntell_agent = "{WHISPER}"',
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("heard"), provider=False, edits=EDITS) as house:
        yield house


def melody(seconds: float) -> sound.Samples:
    return sound.load(Prompts(prompts_dir()).melody())[: int(seconds * sound.RATE)]


def test_place_music_offer_message_and_a_person(house: House) -> None:
    daria, anna = house.desk("104", "daria"), house.desk("101", "anna")
    caller = Party(daria.dial("600"))
    caller.hear("queue-welcome")
    caller.hear("queue-next")
    after = caller.ear.at
    wait_heard(caller.call.heard, melody(2))
    caller.hear("callback-offer", digit="1")
    caller.hear("queue-next")
    caller.ear.hear_clips([own_clip(house.box.data, MESSAGE)], 15, MESSAGE)
    assert caller.ear.longest_silence(after) < 1.5  # the pauses between sentences and within the melody
    bus.ask_once(house.box.data, ControlAgent(agent="anna", action="login"))
    agent = Party(anna.wait_call())
    agent.ear.hear_clips([own_clip(house.box.data, WHISPER)], 15, WHISPER)
    said = sound.load(sound.message_of(house.folder / "all.wav", 3.0))
    caller.call.say(said)
    wait_heard(agent.call.heard, said)
    whispered = sound.load(own_clip(house.box.data, WHISPER))
    assert sound.likeness(whispered, caller.call.heard()) < 0.8  # it was for the agent alone
    agent.call.hang_up()
    caller.call.wait_end()
    wait_for(lambda: house.status().calls == 0, 5, "the end")
