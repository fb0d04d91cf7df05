"""The configuration's queues and agents as the ACD's rules."""

from __future__ import annotations

from pathlib import Path

from appliance import _core as acd
from appliance.acd.of_config import phone_agent, rules_of
from appliance.config.load import load, loads

OFFICE = Path(__file__).parents[1] / "office" / "office.toml"
SMALL = """
[office]
name = "Harbour"
country = "FI"

[[phones]]
extension = "101"
secret = "correct-horse-battery"

[[agents]]
id = "anna"
pin = "4711"
skills = { billing = 3 }
capacity = { chat = 4 }

[[queues]]
name = "front"
strategy = "ring-progressively"
agents = [{ agent = "anna", rank = 2, weight = 3 }, { extension = "101" }]
when_nobody_signed_in = "voicemail:front"
priority_rises_every_seconds = 60
leave_with_last_agent = true
callback = { after_hang_up_seconds = 45, minutes_between = 5.0, expires_hours = 2.0 }
"""


def test_the_office_works_whole() -> None:
    config = load(OFFICE)
    queues, agents = rules_of(config)
    assert [queue.name for queue in queues] == [queue.name for queue in config.queues]
    core = acd.Acd()
    core.configure(queues, agents, 1.0)
    assert core.queue_names() == [queue.name for queue in config.queues]


def test_each_key_arrives() -> None:
    (queue,), (anna, phone) = rules_of(loads(SMALL))
    assert queue.strategy == "progressive"
    members = [(member.agent, member.rank, member.weight) for member in queue.members]
    assert members == [("anna", 1, 3.0), (phone_agent("101"), 0, 1.0)]
    assert (queue.age_seconds, queue.callback_retry_seconds, queue.callback_expiry_seconds) == (60.0, 300.0, 7200.0)
    assert (queue.enter_when_nobody_in, queue.enter_when_all_on_break, queue.stay_when_nobody_in) == (False, True, False)
    assert queue.targets == {"nobody-in": "voicemail:front"}
    assert queue.callback_after_hangup_seconds == 45.0
    assert (anna.skills, anna.capacity) == ({"billing": 3}, {"chat": 4, "mail": 1})
    assert phone.id == "extension:101"
