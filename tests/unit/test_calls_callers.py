"""Who calls: the phone book, the lists, and numbers that are hidden."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from appliance.calls.callers import NOBODY, is_hidden, load
from appliance.config import Config
from appliance.config import load as load_config
from appliance.config.callers import CallerList, PhoneBook
from tests.callslab import OFFICE


@pytest.fixture
def office(tmp_path: Path) -> Config:
    rows = ["number,name,Company", "0917700000,Äiti,", "+4930123456,,Bolts Ltd", "0917700002,,", "nonsense,X,"]
    (tmp_path / "book.csv").write_text("\n".join(rows))
    (tmp_path / "pests.csv").write_text("number\n0917700009\n")
    return msgspec.structs.replace(
        load_config(OFFICE), phone_book=PhoneBook(file=str(tmp_path / "book.csv")),
        callers=[
            CallerList(name="friends", kind="vip", numbers=["0917700009"]),
            CallerList(name="pests", kind="block", numbers=["+35850*"], file=str(tmp_path / "pests.csv")),
        ])


def test_names_from_the_phone_book(office: Config) -> None:
    callers = load(office)
    assert callers.name_of("+358917700000") == "Äiti" and callers.name_of("+4930123456") == "Bolts Ltd"
    assert callers.name_of("+358917700002") == "" == callers.name_of("")


def test_the_first_list_that_holds_a_number_counts(office: Config) -> None:
    callers = load(office)
    found = {number: callers.list_of(number) for number in ("+358917700009", "+358501234567", "+358917700001")}
    assert [entry and entry.name for entry in found.values()] == ["friends", "pests", None]
    assert NOBODY.list_of("+358917700009") is None
    only = msgspec.structs.replace(office, callers=office.callers[1:])
    entry = load(only).list_of("+358917700009")
    assert entry is not None and entry.name == "pests"


def test_a_changed_file_is_seen_and_a_missing_one_is_no_reason_to_stop(office: Config, caplog: pytest.LogCaptureFixture) -> None:
    callers, book = load(office), Path(office.phone_book.file)
    assert not callers.changed()
    os.utime(book, (1, 1))
    assert callers.changed()
    book.unlink()
    assert load(office).name_of("+358917700000") == "" and "is not used" in caplog.text


@pytest.mark.parametrize(("caller", "hidden"), [
    ("anonymous", True), ("Anonymous", True), ("", True), ("unavailable", True), ("restricted", True), ("+358917700000", False),
    ("0917700000", False), ("some body", True),
])
def test_who_hides(caller: str, hidden: bool) -> None:
    assert is_hidden(caller) is hidden
