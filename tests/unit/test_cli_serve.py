"""`switchroom serve` where there is no configuration: the one it makes, and which one runs afterwards."""

from __future__ import annotations

import io
import re
from pathlib import Path

import phonenumbers
import pytest
from rich.console import Console

from appliance.cli import beginning, keeping, serve
from appliance.config import starter
from appliance.config.load import loads
from appliance.config.numbers import emergency_numbers
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.system.paths import ensure_layout

FINLAND = starter.Place("FI", "Europe/Helsinki", "fi", True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ensure_layout(tmp_path / "data")
    return tmp_path / "data"


def test_starter_has_two_phones_with_passwords_of_their_own() -> None:
    first, second = (loads(starter.starter_text(FINLAND)) for _ in range(2))
    secrets = {phone.secret for config in (first, second) for phone in config.phones}
    assert len(secrets) == 4 and all(len(secret) == starter.PASSWORD_LENGTH for secret in secrets)
    assert (first.office.country, first.office.timezone, first.office.language) == ("FI", "Europe/Helsinki", "fi")
    assert not first.lines


@pytest.mark.parametrize("country", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_a_box_starts_in_every_country(country: str) -> None:
    """In Ukraine, India, Belgium and others 101 or 102 are emergency numbers."""
    config = loads(starter.starter_text(starter.Place(country, "UTC", "en", True)))
    assert not {phone.extension for phone in config.phones} & set(emergency_numbers(country))


def test_starter_examples_are_right_when_uncommented() -> None:
    text = re.sub(r"(?m)^# (?=\[|[a-z_]+ = )", "", starter.starter_text(FINLAND))
    config = loads(text)
    assert [line.name for line in config.lines] == ["gateway"]
    assert [scenario.code for scenario in config.scenarios] == ["701"] and config.mail.server is not None


@pytest.mark.parametrize(("zone", "lang", "country", "language", "sure"), [
    ("Europe/Helsinki", "en_US.UTF-8", "FI", "en", True), ("Etc/UTC", "fi_FI.UTF-8", "FI", "fi", True),
    ("Etc/UTC", "C.UTF-8", starter.NO_COUNTRY, "en", False), ("Europe/Kyiv", "uk_UA.UTF-8", "UA", "uk", True),
])  # fmt: skip
def test_place_of_the_machine(tmp_path: Path, zone: str, lang: str, country: str, language: str, sure: bool) -> None:
    target = tmp_path / "zoneinfo" / zone
    target.parent.mkdir(parents=True)
    target.touch()
    (tmp_path / "localtime").symlink_to(target)
    place = starter.machine_place(tmp_path / "localtime", {"LANG": lang})
    assert place == starter.Place(country, zone, language, sure)


def test_first_start_writes_a_private_file_and_runs_it(folder: Path) -> None:
    assert beginning.choose_config(folder, None) is True
    assert (folder / beginning.STARTER).stat().st_mode & 0o777 == 0o600
    assert [phone.extension for phone in Store(folder).current().phones] == ["101", "102"]
    assert beginning.choose_config(folder, None) is False
    assert Store(folder).version() == 1


def test_an_edited_starter_is_taken_at_the_next_start(folder: Path) -> None:
    beginning.choose_config(folder, None)
    file = folder / beginning.STARTER
    file.write_text(file.read_text().replace("My office", "Harbour Office"))
    beginning.choose_config(folder, None)
    assert Store(folder).current().office.name == "Harbour Office"
    Store(folder).rollback(1, by="test")
    beginning.choose_config(folder, None)
    assert Store(folder).current().office.name == "My office"


def test_a_file_that_is_there_already_is_not_written_over(folder: Path) -> None:
    (folder / beginning.STARTER).write_text('[office]\nname = "Mine"\ncountry = "FI"\n')
    assert beginning.choose_config(folder, None) is False
    assert Store(folder).current().office.name == "Mine"


def test_newcomer_is_told_how_to_register(folder: Path) -> None:
    beginning.choose_config(folder, None)
    config = Store(folder).current()
    console = Console(record=True, width=300, file=io.StringIO())
    beginning.introduce(console, folder)
    told = console.export_text()
    for phone in config.phones:
        assert f"user {phone.extension}  password {phone.secret}" in told
    assert str(folder / beginning.STARTER) in told and ":5060, UDP or TCP" in told


@pytest.mark.parametrize(("listens", "shown"), [
    ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"), ("https://[fd00::7]:443/", "https://[fd00::7]:443/"),
    ("https://0.0.0.0:8443/", "https://192.168.1.5:8443/"), ("http://[::]:80/", "http://192.168.1.5:80/"),
])  # fmt: skip
def test_pages_are_told_with_an_address_that_can_be_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch, listens: str, shown: str
) -> None:
    monkeypatch.setattr(keeping, "own_address", lambda: "192.168.1.5")
    console = Console(record=True, width=300, file=io.StringIO())
    keeping.tell_pages(console, folder, listens)
    told = console.export_text()
    assert f"Pages: {shown}\n" in told and re.search(r"set-up code \d{6}", told)


@pytest.mark.parametrize(("listens", "address", "told"), [
    ("http://127.0.0.1:8080/", "192.168.1.5", True), ("http://127.0.0.1:8080/", "", False),
    ("https://0.0.0.0:8080/", "192.168.1.5", False),
])
def test_a_newcomer_is_told_how_others_of_the_office_come_to_the_pages(
    folder: Path, monkeypatch: pytest.MonkeyPatch, listens: str, address: str, told: bool,
) -> None:
    """A box without a screen is set up from a browser elsewhere."""
    monkeypatch.setattr(keeping, "own_address", lambda: address)
    console = Console(record=True, width=300, file=io.StringIO())
    keeping.tell_pages(console, folder, listens)
    assert ('listen = "0.0.0.0:8080"' in console.export_text()) == told


def test_a_configuration_that_is_wrong_ends_the_start_with_a_word(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    wrong = folder / "wrong.toml"
    wrong.write_text('[office]\nname = "Mine"\ncountry = "FI"\ncolour = "red"\n')
    assert serve.take_over(Console(file=io.StringIO()), folder, str(wrong)) == 1
    assert "colour" in capfd.readouterr().err
    assert Store(folder).in_force() is None


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(SwitchroomError, match="not a time"):
        serve.clock_offset("noon")
    assert serve.clock_offset(None) == 0.0
