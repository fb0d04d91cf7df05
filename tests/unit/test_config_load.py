"""Loading: the reference office loads as it stands; every kind of mistake is named with its line and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import Config, ConfigError, dumps, load, loads
from appliance.config.load import MAX_BYTES
from appliance.config.problems import MAX_PROBLEMS
from appliance.errors import SwitchroomError
from tests import config_mistakes
from tests.config_mistakes import Mistake, check_named, names, problems_of

OFFICE = Path(__file__).parents[1] / "office" / "office.toml"
TEXT = OFFICE.read_text(encoding="utf-8")


def changed(old: str, new: str) -> str:
    return config_mistakes.changed(TEXT, old, new)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_reference_office_loads_as_it_stands() -> None:
    config = load(OFFICE)
    assert config.office.name == "Harbour Office"
    gateway, provider = config.lines
    assert (gateway.driver, gateway.channels, gateway.send_as) == ("sip-gateway", 5, "national")
    assert gateway.address is not None and (gateway.address.host, gateway.address.port) == ("127.0.0.1", 5070)
    assert gateway.inbound_to is not None and (gateway.inbound_to.kind, gateway.inbound_to.name) == ("menu", "main")
    assert provider.secret == "trunk-secret"
    assert config.sip.media_ports.size == 4000
    assert config.menus[0].keys["2"] == "queue:front"
    scenario = config.scenario("701")
    assert scenario is not None
    assert (scenario.lines, scenario.confirm, scenario.repeat, scenario.retries) == (5, "1", "0", 2)
    assert scenario.busy_retry_minutes < scenario.retry_after_minutes
    assert config.list_numbered("12") is not None and config.phone("104") is not None and config.agent("chen") is not None


def test_export_reads_back_to_the_same() -> None:
    config = load(OFFICE)
    assert loads(dumps(config)) == config


MISTAKES = [
    # what stands there, what is written instead, id, part of the line that must be named, what the message or fix says
    ('timezone = "Eur', 'timzone = "Eur', "config.unknown-key", "timzone", '"timezone"'),
    ("ring_seconds = 15", "ring_secs = 15", "config.unknown-key", "ring_secs", '"ring_seconds"'),
    ("channels = 5\n", 'channels = "five"\n', "config.wrong-type", 'channels = "five"', "whole number"),
    ("channels = 5\n", "channels = 5.5\n", "config.wrong-type", "channels = 5.5", "whole number"),
    ("channels = 5\n", "channels = true\n", "config.wrong-type", "channels = true", "whole number"),
    ("channels = 5\n", "channels = 0\n", "config.wrong-value", "channels = 0", "from 1 to 1000"),
    ('code = "701"', "code = 701", "config.wrong-type", "code = 701", '"701"'),
    ('driver = "sip-gateway"', 'driver = "sip-gatway"', "config.wrong-value", "sip-gatway", '"sip-gateway"'),
    ('numbers = ["+358*"]', 'numbers = "+358*"', "config.wrong-type", "numbers =", '["+358*"]'),
    ("retries = 2", "retries = -1", "config.wrong-value", "retries", "from 0"),
    ("confirm_wait_seconds = 5 ", "confirm_wait_seconds = nan ", "config.wrong-value", "confirm_wait_seconds", "number"),
    ('"office@harbour.example"', '"office"', "config.wrong-value", "report_to", "mail address"),
    ('"menu:main"', '"menu:mian"', "config.dangling", "menu:mian", '"main"'),
    ('"menu:main"', '"main"', "config.wrong-value", "inbound_to", "menu:NAME"),
    ('agents = ["anna", "boris"]', 'agents = ["anna", "bors"]', "config.dangling", '"bors"', '"boris"'),
    ('hours = "office"\n\n', 'hours = "ofice"\n\n', "config.dangling", "ofice", '"office"'),
    ('allowed = ["101", "102"]', 'allowed = ["101", "109"]', "config.dangling", '"109"', "101"),
    ('lines = ["gateway", "provider"]', 'lines = ["gatway"]', "config.dangling", '"gatway"', '"gateway"'),
    ('extension = "103"\npin', 'extension = "1003"\npin', "config.dangling", '"1003"', "101, 102"),
    ("queue:billing", "queue:biling", "config.dangling", "keys =", '"billing"'),
    ('extension = "104"', 'extension = "103"', "config.duplicate", 'extension = "103"\nname = "Daria"', "another"),
    ('number = "600"', 'number = "101"', "config.clash", 'number = "101"', "phone"),
    ('number = "600"', 'number = "701"', "config.clash", 'code = "701"', "queue"),
    ('number = "601"', 'number = "112"', "config.clash", 'number = "112"', "emergency"),
    ('number = "601"', 'number = "0112"', "config.clash", 'number = "0112"', "emergency"),
    ('number = "601"', 'number = "012"', "config.clash", 'number = "012"', "outside prefix"),
    ("20000-23999", "20000-20010", "config.ports-too-few", "media_ports", "68"),
    ("20000-23999", "23999-20000", "config.wrong-value", "media_ports", "upwards"),
    ("20000-23999", "20000", "config.wrong-value", "media_ports", '"20000-23999"'),
    ("127.0.0.1:5060", "127.0.0.1:20001", "config.ports-clash", "listen", "media_ports"),
    ('listen = "127.0.0.1:5060"', 'listen = "pbx.example:5060"', "config.wrong-value", "listen", "192.0.2.10"),
    ('[sip]\n', '[sip]\npublic_address = "pbx.example"\n', "config.wrong-value", "public_address", "IP address"),
    ('[sip]\n', '[sip]\nmedia_address = "pbx.example"\n', "config.wrong-value", "media_address", "IP address"),
    ("127.0.0.1:5060", "127.0.0.1:8080", "config.ports-clash", "127.0.0.1:8080", "twice"),
    ("127.0.0.1:5070", "127.0.0.256:5070", "config.wrong-value", "address", "0 to 255"),
    ("127.0.0.1:5070", "::1:5070", "config.wrong-value", "address", "[2001:db8::1]"),
    ('listen = "127.0.0.1:8080"', 'listen = "0.0.0.0:8080"', "config.needs-tls", "tls", "tls = true"),
    ('address = "127.0.0.1:5070"', 'registrar = "127.0.0.1:5070"', "config.wrong-key", "registrar", "address"),
    ("keep_free_for_inbound = 0", "keep_free_for_inbound = 6", "config.wrong-value", "keep_free", "5"),
    ('secret = "anna-101"', 'secret = "101"', "config.weak-secret", 'secret = "101"', "extension"),
    ('confirm = "1"', 'confirm = "0"', "config.clash", "confirm", "digit"),
    ("mon-fri 08:00-18:00", "mon-fri 8-18", "config.wrong-value", "open =", "08:00-18:00"),
    ("sat 10:00-14:00", "sut 10:00-14:00", "config.wrong-value", "open =", "mon-fri"),
    ("Europe/Helsinki", "Europe/Helsinky", "config.unknown-timezone", "timezone", "Europe/Helsinki"),
    ('country = "FI"', 'country = "QQ"', "config.unknown-country", "country", "ISO 3166"),
    ('country = "FI"', 'country = "fi"', "config.wrong-value", "country", "capital"),
    ('sender = "switchroom@harbour.example"', "", "config.missing-key", "server =", "sender"),
    ('name = "Anna"\nsecret', 'name = "An\\r\\nna"\nsecret', "config.wrong-value", 'name = "An\\r', "line breaks"),
    ('name = "Harbour Office"\n', "", "config.missing-key", "[office]", "name"),
    ('name = "Harbour Office"', "name = Harbour Office", "config.syntax", "name = Harbour", "quotes"),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=names(MISTAKES))
def test_each_mistake_is_named_with_its_line(mistake: Mistake) -> None:
    check_named(TEXT, mistake)


def test_all_problems_are_found_at_once_in_the_order_of_the_file() -> None:
    text = changed('timezone = "Eur', 'timzone = "Eur').replace("channels = 5\n", "channels = 0\n")
    text = text.replace('hours = "office"\n\n', 'hours = "ofice"\n\n', 1).replace('"menu:main"', '"menu:x"')
    problems = problems_of(text)
    assert [problem.id for problem in problems] == [
        "config.unknown-key",
        "config.wrong-value",
        "config.dangling",
        "config.dangling",
    ]
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)


def test_a_wrong_office_does_not_hide_the_rest() -> None:
    ids = {problem.id for problem in problems_of(changed('country = "FI"', "").replace('"menu:main"', '"menu:x"'))}
    assert ids == {"config.missing-key", "config.dangling"}


def test_a_table_left_out_still_has_its_name() -> None:
    """A wrong driver makes the line unusable, but the route that names the line is not at fault."""
    problems = problems_of(changed('driver = "sip-gateway"', 'driver = "isdn"'))
    assert [problem.id for problem in problems] == ["config.wrong-value"]


def test_lines_of_dotted_keys_inline_tables_and_arrays() -> None:
    text = (
        'office.name = "X"\noffice.country = "FI"\n'
        "mail.timeot_seconds = 5\n"
        'phones = [\n  { extension = "1", secret = "abc" },\n  { extension = "2", secret = "abc", nme = "B" },\n]\n'
        '[[hours]]\nname = "h"\nopen = [\n  "mon 08:00-10:00",\n  "tue 10:00",\n]\n'
    )
    places = {problem.key: (problem.line, problem.column) for problem in problems_of(text)}
    assert places == {"mail.timeot_seconds": (3, 1), "phones[1].nme": (6, 38), "hours[0].open[1]": (12, 3)}


def test_missing_list_file(tmp_path: Path) -> None:
    path = tmp_path / "office.toml"
    path.write_text(TEXT, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    assert (problem.id, problem.line) == ("config.file-missing", line_of(TEXT, "file = "))
    assert str(tmp_path) in problem.fix
    (tmp_path / "managers.csv").write_text("number\n", encoding="utf-8")
    assert isinstance(load(path), Config)


def test_secrets_are_in_no_message() -> None:
    for text in (changed('secret = "anna-101"', "secret = 987654321"), changed('pin = "4321"', 'pin = "98765x4321"')):
        for problem in problems_of(text):
            assert "98765" not in str(problem)


def test_a_file_of_another_encoding_names_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "office.toml"
    path.write_bytes('[office]\nname = "Tölö"\n'.encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        load(path)
    problem = caught.value.problems[0]
    assert (problem.id, problem.line, problem.column) == ("config.encoding", 2, 10)
    assert "0xF6" in problem.what


def test_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "office.toml"
    path.write_bytes(b"\xef\xbb\xbf" + b'[office]\r\nname = "X"\r\ncountry = "FI"\r\n[web]\r\nlisten = 5\r\n')
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert [problem.line for problem in caught.value.problems] == [5]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SwitchroomError) as caught:
        load(tmp_path / "none.toml")
    assert caught.value.id == "config.unreadable"


HOSTILE = {
    "nested arrays": "a = " + "[" * 300_000,
    "nested tables": "a = " + "{a=" * 200_000,
    "deep dotted key": "a." * 200_000 + "a = 1",
    "deep header": "[" + "a." * 200_000 + "a]",
    "huge integer": "[sip]\nnonce_seconds = " + "9" * 100_000,
    "huge hex integer": "[sip]\nnonce_seconds = 0x" + "f" * 100_000,
    "impossible date": "[office]\nname = 2026-13-45",
    "unknown keys": "\n".join(f"key{n} = 1" for n in range(60_000)),
    "many tables": "[[lines]]\n" * 90_000,
    "long unknown key": "x" * 500_000 + " = 1",
    "open string": 'a = """' + "\\" * 500_000,
    "quotes": "a = " + '"' * 900_001,
    "zero byte": "a = 1\x00",
    "empty": "",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_end_in_a_bounded_error(name: str) -> None:
    problems = problems_of(HOSTILE[name])
    assert 1 <= len(problems) <= MAX_PROBLEMS
    assert all(problem.line >= 1 and len(str(problem)) < 2000 for problem in problems)


def test_a_text_that_is_too_long() -> None:
    assert problems_of("#" * (MAX_BYTES + 1))[0].id == "config.too-long"
