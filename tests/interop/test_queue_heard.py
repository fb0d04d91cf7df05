"""What a waiting caller really hears: told the truth, then music without a gap, then a person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance import bus
from appliance.messages import ControlAgent
from appliance.prompts import Prompts
from appliance.system.paths import prompts_dir
from tests.interop.test_calls_phones import wait_heard
from tests.peers import sound
from tests.peers.ear import Ear
from tests.peers.house import House
from tests.peers.net import wait_for

pytestmark = pytest.mark.xdist_group("queue-heard")
EDITS = {
    r"^announce_position_every = 30$": 'announce_position_every = 10\nmessages = ["Our pages have answers too."]\n'
    'message_every_seconds = 14\noffer_callback_after_seconds = 6\ntell_agent = "A call for the front desk."',
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("heard"), edits=EDITS) as house:
        yield house


@pytest.mark.slow  # on a machine that is busy with other tests, baresip loses what it should hear
def test_place_music_offer_and_a_person(house: House) -> None:
    daria = house.phone("104", "daria")
    ear = Ear(daria)
    daria.dial("600", house.box.sip_port)
    ear.hear("queue-welcome")
    ear.hear("queue-next")
    after = ear.at
    melody = sound.load(Prompts(prompts_dir()).melody())[: 2 * sound.RATE]
    wait_heard(ear.samples, melody)
    ear.hear("callback-offer", digit="1")
    ear.hear("queue-next")
    assert ear.longest_silence(after) < 1.5  # the pauses between sentences and within the melody
    anna = house.phone("101", "anna")
    bus.ask_once(house.box.data, ControlAgent(agent="anna", action="login"))
    anna.wait_event("CALL_INCOMING", 10)
    agent = Ear(anna)
    anna.answer()
    anna.wait_event("CALL_ESTABLISHED", 10)
    said = house.folder / "said.wav"
    sound.save(said, sound.load(sound.message_of(house.folder / "all.wav", 3.0)))
    wait_for(lambda: len(agent.samples()) > 2 * sound.RATE, 10, "the word to the agent")
    daria.speak(said)
    wait_heard(anna.hears, said)
    anna.hang_up()
    daria.wait_event("CALL_CLOSED", 5)
