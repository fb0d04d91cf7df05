"""Queues, menus, phones and codes: what a small office gets without writing anything, all that can be written, and the
mistakes that are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import Config, dumps, load, loads
from appliance.config.diff import changes, mask_text
from appliance.config.model import CallKeys, Codes, Member
from appliance.config.store import with_base
from appliance.config.values import RecordRule, Target
from appliance.config.walk import leaves
from appliance.config.words import choose, spoken
from tests import config_mistakes
from tests.config_mistakes import Mistake, check_named, names, problems_of

OFFICE = Path(__file__).parents[1] / "office" / "office.toml"
TEXT = OFFICE.read_text(encoding="utf-8")

WHOLE = """
[office]
name = "X"
country = "FI"

[dialling]
outside_prefix = "0"

[recording]
calls = "20%"
announcement = { en = "This call is recorded.", fi = "file:nauhoitus.wav" }

[[lines]]
name = "gateway"
driver = "sip-gateway"
address = "192.0.2.20:5060"
channels = 4
inbound_to = "menu:main"
anonymous_to = "voicemail:general"
record = "never"
language = "fi"

[[routes]]
name = "all"
numbers = ["+358*"]
lines = ["gateway"]

[[phones]]
extension = "101"
secret = "abc-101"
forward_no_answer = "voicemail:101"
forward_unregistered = "outside:0401234567"
follow_me = "0401234567"
pickup_groups = ["sales", "desk"]
watched_by = ["102"]
record = "on-demand"
reject_anonymous = true

[[phones]]
extension = "102"
secret = "abc-102"

[codes]
queue_status = ""
sign_in = "*21"

[call_keys]
blind_transfer = "#1"

[[mailboxes]]
name = "general"
pin = "4711"
email = ["office@example.com"]
greeting = "Please leave a message."
phones = ["101"]

[[music]]
name = "default"
files = ["a.mp3", "b.wav"]

[[agents]]
id = "anna"
extension = "101"
outside_number = "+358401234567"
capacity = { chat = 3 }

[[breaks]]
digit = "7"
name = "coffee"
title = "Coffee"

[[outcomes]]
code = "12"
name = "sold"
marks = ["sale", "solved"]

[[queues]]
name = "front"
number = "600"
strategy = "weighted-random"
agents = ["anna", { extension = "102", rank = 2, weight = 3 }]
hours = "day"
when_nobody_signed_in = "outside:+358401234567"
when_all_on_break = "callback:front"
when_full_or_late = "voicemail:general"
greeting = { en = "Hello.", fi = "Hei." }
messages = ["We are on the web as well.", "file:news.wav"]
music = "default"
record = "always"
survey = "after"
offer_callback_after_seconds = 45

[queues.callback]
first = "customer"
hours = "day"

[[surveys]]
name = "after"
questions = [{ name = "happy", kind = "csat" }, { name = "why", kind = "comment", text = "Why?" }]

[[menus]]
name = "main"
greeting = "Welcome."
keys = { 1 = "queue:front", 2 = "callback:front", 3 = "extension:101", 0 = "hangup" }
languages = { 9 = "fi" }
dial_extensions = true
dialable = ["102"]
invalid = "queue:front"

[menus.ask]
name = "account"
forms = ["7#######"]
luhn = true

[[hours]]
name = "day"
open = ["mon-fri 08:00-18:00"]
code = "1"

[night]
allowed = ["101"]
pin = "99"
target = "voicemail:general"

[[callers]]
name = "pests"
kind = "block"
numbers = ["+35891234*"]

[[callers]]
name = "friends"
kind = "vip"
file = "friends.csv"
priority = 8
to = "queue:front"

[phone_book]
file = "book.csv"
"""


def changed(old: str, new: str) -> str:
    return config_mistakes.changed(WHOLE, old, new)


def test_a_small_office_writes_none_of_it() -> None:
    config = load(OFFICE)
    front = config.queue("front")
    assert front is not None
    assert [member.agent for member in front.members] == ["anna", "boris", "chen"]
    assert {(member.rank, member.weight) for member in front.members} == {(1, 1)}
    assert front.overflow == "voicemail:front" and config.queues[1].overflow == "voicemail:billing"
    assert (front.ring_at_once, front.break_after_misses, front.callback.first, front.weight) == (1, 3, "agent", 1)
    assert [(each.digit, each.name) for each in config.breaks][:2] == [("1", "short"), ("2", "lunch")]
    assert [each.code for each in config.outcomes] == ["1", "2", "3", "4"]
    assert config.recording.calls == "on-demand" and config.recording.announce
    assert config.phones[0].pickup_groups == ["office"] and config.phones[0].watched_by is None
    assert config.mailbox("front").name == "front" and config.music_named(None) is None
    assert len(Codes().in_use()) == 28 and len(CallKeys().in_use()) == 7


def test_no_default_code_hides_another() -> None:
    for codes in (list(Codes().in_use()), list(CallKeys().in_use())):
        assert not [(a, b) for a in codes for b in codes if a != b and a.startswith(b)]


def test_all_that_can_be_written() -> None:
    config = loads(WHOLE)
    front = config.queues[0]
    assert front.members == [Member(agent="anna"), Member(extension="102", rank=2, weight=3)]
    assert (front.callback.first, front.callback.hours, front.callback.attempts) == ("customer", "day", 3)
    assert front.when_nobody_signed_in == Target("outside:+358401234567")
    assert front.record == "always" and front.record is not None and front.record.percent == 100
    assert config.recording.calls == RecordRule("20%") and config.recording.calls.percent == 20
    menu = config.menu("main")
    assert menu is not None and menu.ask is not None
    assert (menu.ask.name, menu.ask.forms, menu.languages) == ("account", ["7#######"], {"9": "fi"})
    assert [each.name for each in config.breaks] == ["coffee"]
    assert config.codes.sign_in == "*21" and "" not in config.codes.in_use()
    assert config.callers[1].priority == 8 and config.mailbox("general").pin == "4711"
    music = config.music_named(None)
    assert music is not None and music.files == ["a.mp3", "b.wav"]
    assert loads(dumps(config)) == config


MISTAKES = [
    # what stands there, what is written instead, id, part of the line that must be named, what the message or fix says
    ('"anna", { ext', '"ana", { ext', "config.dangling", "agents = ", '"anna"'),
    ('extension = "102", rank', 'extension = "109", rank', "config.dangling", "agents = ", "109"),
    ('extension = "102", rank', 'agent = "anna", extension = "102", rank', "config.missing-key", "agents = ", "agent and"),
    ('{ extension = "102", rank', '{ agent = "anna", rank', "config.duplicate", "agents = ", "twice"),
    ('extension = "102", rank', 'extension = "101", rank', "config.clash", "agents = ", 'agent "anna": the queue would never'),
    ("weight = 3", "weight = 0", "config.wrong-value", "agents = ", "from 1 to 100"),
    ("weight = 3", "wait = 3", "config.unknown-key", "agents = ", '"weight"'),
    ('agents = ["anna", ', "agents = [5, ", "config.wrong-type", "agents = ", "quotes"),
    ("weighted-random", "wieghted-random", "config.wrong-value", "strategy", '"weighted-random"'),
    ('"callback:front"\nwhen_full', '"callback:frnt"\nwhen_full', "config.dangling", "when_all_on_break", '"front"'),
    ('"callback:front"\nwhen_full', '"queue:front"\nwhen_full', "config.loop", "when_all_on_break", "itself"),
    ("outside:+358401234567", "outside:+46812345678", "config.no-route", "when_nobody", "route"),
    ("outside:+358401234567", "outside:+35860012345", "config.no-route", "when_nobody", "premium"),
    ("outside:+358401234567", "outside:abc", "config.wrong-value", "when_nobody", "number"),
    ('follow_me = "0401234567"', 'follow_me = "+46812345678"', "config.no-route", "follow_me", "[[routes]]"),
    ('outside_number = "+358401234567"', 'outside_number = "12"', "config.wrong-value", "outside_number", "12"),
    ('hours = "day"\n\n', 'hours = "dya"\n\n', "config.dangling", 'hours = "dya"', '"day"'),
    ('first = "customer"', 'first = "client"', "config.wrong-value", "first", "agent"),
    ('survey = "after"', 'survey = "before"', "config.dangling", "survey", "after"),
    ('music = "default"', 'music = "jazz"', "config.dangling", "music = ", "default"),
    ('record = "always"', 'record = "120%"', "config.wrong-value", 'record = "120%"', "on-demand"),
    ('{ name = "why", kind', '{ name = "happy", kind', "config.duplicate", "questions", "happy"),
    ('languages = { 9', "languages = { 1", "config.clash", "languages", "queue:front"),
    ("dial_extensions = true\n", "", "config.wrong-key", "dialable", "dial_extensions"),
    ('forms = ["7#######"]', 'forms = ["7###", "##################"]', "config.wrong-value", "forms", "16"),
    ("luhn = true", "luhn = true\nmin_digits = 20", "config.wrong-value", "min_digits", "max_digits"),
    ('{ en = "Hello.", fi', '{ en = "Hello.", sv', "config.wrong-value", "greeting", "en"),
    ('{ en = "Hello.", fi = "Hei." }', "7", "config.wrong-type", "greeting = 7", "quotes"),
    ('"file:news.wav"', '"file:"', "config.wrong-value", "messages", "welcome.wav"),
    ('name = "general"\npin', 'name = "genral"\npin', "config.dangling", "voicemail:general", "genral"),
    ("[[music]]", '[[mailboxes]]\nname = "fornt"\n[[music]]', "config.dangling", 'name = "fornt"', "voicemail:fornt"),
    ('numbers = ["+35891234*"]', "", "config.missing-key", "[[callers]]", "numbers"),
    ('numbers = ["+35891234*"]', 'numbers = ["+35891234*"]\npriority = 3', "config.wrong-key", "priority = 3", "vip"),
    ('sign_in = "*21"', 'sign_in = "*42"', "config.clash", 'sign_in = "*42"', "sign_out"),
    ('sign_in = "*21"', 'sign_in = "*4"', "config.clash", 'sign_in = "*4"', "*42"),
    ('sign_in = "*21"', 'sign_in = "10"', "config.clash", 'sign_in = "10"', "phone"),
    ('sign_in = "*21"', 'sign_in = "01"', "config.clash", 'sign_in = "01"', "outside prefix"),
    ('sign_in = "*21"', 'sign_in = "11"', "config.clash", 'sign_in = "11"', "112"),
    ('sign_in = "*21"', 'sign_in = "*21x"', "config.wrong-value", "sign_in", "*41"),
    ('blind_transfer = "#1"', 'blind_transfer = "*"', "config.clash", "blind_transfer", "attended_transfer"),
    ('digit = "7"', 'digit = "7"\nname = "x"\n[[breaks]]\ndigit = "7"', "config.duplicate", 'digit = "7"', "digit"),
    ('watched_by = ["102"]', 'watched_by = ["102", "102"]', "config.duplicate", "watched_by", "twice"),
    ('language = "fi"', 'language = "de"', "config.wrong-value", "language", "en"),
    ('allowed = ["101"]\npin', 'allowed = ["105"]\npin', "config.dangling", "allowed", "101"),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=names(MISTAKES))
def test_each_mistake_is_named_with_its_line(mistake: Mistake) -> None:
    check_named(WHOLE, mistake)


def test_the_secrets_of_mailboxes_and_night_are_masked() -> None:
    masked = mask_text(WHOLE)
    assert "4711" not in masked and '"99"' not in masked
    other = loads(WHOLE.replace("4711", "1234"))
    assert [*map(str, changes(loads(WHOLE), other))] == ["mailbox general: pin changed"]


def test_a_change_within_a_table_of_a_table_is_named() -> None:
    other = loads(WHOLE.replace('first = "customer"', 'first = "agent"'))
    assert [*map(str, changes(loads(WHOLE), other))] == ['queue front: callback: first customer → agent']


def test_files_of_every_kind_are_looked_for(tmp_path: Path) -> None:
    files = {"a.mp3", "b.wav", "news.wav", "nauhoitus.wav", "friends.csv", "book.csv"}
    missing = [problem for problem in problems_of(WHOLE, tmp_path) if problem.id == "config.file-missing"]
    assert len(missing) == len(files) and all(any(file in problem.what for problem in missing) for file in files)
    for file in files:
        (tmp_path / file).write_bytes(b"")
    config = loads(WHOLE, base=tmp_path)
    assert isinstance(config, Config)
    based = with_base(config, tmp_path)
    assert based.music[0].files == [f"{tmp_path}/a.mp3", f"{tmp_path}/b.wav"]
    assert based.queues[0].messages == ["We are on the web as well.", f"file:{tmp_path}/news.wav"]
    assert based.recording.announcement == {"en": "This call is recorded.", "fi": f"file:{tmp_path}/nauhoitus.wav"}
    assert based.phone_book.file == f"{tmp_path}/book.csv" and based.web.certificate == ""
    assert based.queues[0].when_all_on_break == "callback:front"
    assert with_base(config, tmp_path) == based and config.phone_book.file == "book.csv"


def test_every_text_is_walked_once() -> None:
    config = loads(WHOLE)
    words = [leaf.value for leaf in leaves(config) if "words" in leaf.marks and leaf.value]
    assert words == [
        "This call is recorded.", "file:nauhoitus.wav", "Please leave a message.", "Hello.", "Hei.",
        "We are on the web as well.", "file:news.wav", "Why?", "Welcome.",
    ]  # fmt: skip
    targets = [str(leaf.value) for leaf in leaves(config) if isinstance(leaf.value, Target)]
    assert targets.count("queue:front") == 3 and "hangup" in targets and "voicemail:101" in targets


def test_words_are_chosen_by_the_callers_language() -> None:
    words = {"en": "Hello.", "fi": "Hei."}
    assert choose(words, "fi", "en") == ("Hei.", "fi")
    assert choose(words, "ru", "en") == ("Hello.", "en")
    assert choose({"fi": "Hei."}, "ru", "en") == ("Hei.", "fi")
    assert choose("Hello.", "fi", "en") == ("Hello.", "en")
    assert choose({}, "fi", "en") == ("", "en") and choose("", "fi", "en") == ("", "en")


def test_everything_spoken_has_its_language() -> None:
    text = changed('name = "main"\n', 'name = "main"\nlanguage = "fi"\n')
    said = dict(spoken(loads(text)))
    assert said["Welcome."] == "fi" and said["Why?"] == "en" and said["Hei."] == "fi" and said["Hello."] == "en"
    assert said["file:nauhoitus.wav"] == "fi" and said["Coffee"] == "en" and said["file:news.wav"] == "en"
    assert set(said) == {
        "This call is recorded.", "file:nauhoitus.wav", "Please leave a message.", "Hello.", "Hei.", "Why?", "Welcome.",
        "We are on the web as well.", "file:news.wav", "Coffee",
    }  # fmt: skip
    assert list(spoken(load(OFFICE))) == [
        ("Welcome to Harbour Office. For billing press 1, for everything else press 2.", "en")
    ]


@pytest.mark.parametrize("text", ["", "101%", "-1%", "%", "often", "20 %", "Always"])
def test_a_recording_rule_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="on-demand"):
        RecordRule(text)


def test_on_demand_is_possible_unless_never() -> None:
    assert [RecordRule(text).on_demand for text in ("always", "never", "on-demand", "0%")] == [True, False, True, True]
