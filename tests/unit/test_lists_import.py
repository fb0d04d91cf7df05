"""`switchroom list import`: what the pages' upload does, at the command line."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from appliance import audit
from appliance.config.store import Store
from appliance.system.paths import ensure_layout
from tests.peers.commands import switchroom
from tests.webkit import OFFICE

FILE = "Phone;Who;House\n0917700001;=1+1;A\nabc;Bo;B\n0917700002;Cy;C\n09 17700001;again;D\n112;Em;E\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    ensure_layout(made)
    Store(made).import_file(OFFICE, by="test")
    return made


def run(data: Path, *words: str, status: int = 0) -> Any:
    done = switchroom("--data", str(data), "--json", "list", *words)
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def people(tmp_path: Path, text: str = FILE) -> str:
    path = tmp_path / "people.csv"
    path.write_text(text)
    return str(path)


def kept(data: Path, number: str = "13") -> list[list[str]]:
    with (data / "lists" / f"{number}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_a_file_becomes_a_list(data: Path, tmp_path: Path) -> None:
    told = run(data, "import", people(tmp_path), "--list", "13", "--name", "House  7", "--name-column", "Who",
               "--bad-rows", str(tmp_path / "bad.csv"))
    assert (told["saved"], told["good"], told["duplicates"]) == (True, 2, 1)
    assert [(each["row"], each["text"]) for each in told["bad_rows"]] == [(3, "abc"), (6, "112")]
    assert kept(data) == [["number", "name", "House"], ["+358917700001", "=1+1", "A"], ["+358917700002", "Cy", "C"]]
    entry = Store(data).current().list_numbered("13")
    assert entry is not None and (entry.name, entry.file) == ("House 7", str(data / "lists" / "13.csv"))
    assert [each["number"] for each in run(data, "show", "13")] == ["+358917700001", "+358917700002"]
    with (tmp_path / "bad.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row[:2] for row in csv.reader(file)] == [["row", "text"], ["3", "abc"], ["6", "112"]]
    noted = audit.waiting(data)
    assert [(each.what, each.target) for each in noted] == [("list.new", "13")] and "+358" not in str(noted)
    assert not list((data / "lists").glob(".import*"))


def test_a_list_is_replaced_and_added_to(data: Path, tmp_path: Path) -> None:
    run(data, "import", people(tmp_path), "--list", "13", "--name", "House 7")
    version = Store(data).version()
    added = run(data, "import", people(tmp_path, "Mobile,Name\n0401112222,Di\n0917700001,Anna\n"), "--list", "13", "--add")
    assert (added["good"], added["kept"], added["duplicates"]) == (3, 2, 1)
    assert [row[0] for row in kept(data)] == ["number", "+358917700001", "+358917700002", "+358401112222"]
    assert Store(data).version() == version  # the list itself is no matter of the configuration
    run(data, "import", people(tmp_path, "Mobile,Name\n0401112222,Di\n"), "--list", "13", "--replace", "--name", "Other")
    assert [row[0] for row in kept(data)] == ["number", "+358401112222"]
    entry = Store(data).current().list_numbered("13")
    assert entry is not None and entry.name == "Other"


def test_a_list_is_removed_with_its_file(data: Path, tmp_path: Path) -> None:
    run(data, "import", people(tmp_path), "--list", "13")
    done = switchroom("--data", str(data), "list", "remove", "13")
    assert done.returncode == 0, done.stderr
    assert Store(data).current().list_numbered("13") is None and not (data / "lists" / "13.csv").exists()
    assert [each.what for each in audit.waiting(data)] == ["list.new", "list.remove"]
    assert run(data, "remove", "13", status=1)["error"]["id"] == "list.unknown"
    own_file = Path(Store(data).current().list_numbered("12").file)  # type: ignore[union-attr]
    assert switchroom("--data", str(data), "list", "remove", "12").returncode == 0
    assert own_file.exists() and Store(data).current().list_numbered("12") is None  # somebody else's file stays


def test_a_workbook_with_columns_that_are_said(data: Path, tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    for row in (["A", "B", "C"], [1, "0917700001", "Anna"], [2, "0917700002", "Bo"]):
        made.worksheets[0].append(row)
    made.save(tmp_path / "people.xlsx")
    file = str(tmp_path / "people.xlsx")
    assert run(data, "import", file, "--list", "13", status=1)["error"]["id"] == "list.no-column"
    assert run(data, "import", file, "--list", "13", "--number-column", "X", status=1)["error"]["id"] == "list.no-column"
    run(data, "import", file, "--list", "13", "--number-column", "2", "--name-column", "c")
    assert kept(data) == [["number", "name", "A"], ["+358917700001", "Anna", "1"], ["+358917700002", "Bo", "2"]]


@pytest.mark.parametrize(("words", "text", "id"), [
    (["--list", "12"], FILE, "list.taken"), (["--list", "13", "--add"], FILE, "list.unknown"),
    (["--list", "../13"], FILE, "list.bad-number"), (["--list", "../13", "--replace"], FILE, "list.unknown"),
    (["--list", "13"], "number\nabc\n", "list.nobody"), (["--list", "13"], "", "list.empty"),
])
def test_what_cannot_be_taken_over_changes_nothing(data: Path, tmp_path: Path, words: list[str], text: str, id: str) -> None:
    before = Store(data).version()
    assert run(data, "import", people(tmp_path, text), *words, status=1)["error"]["id"] == id
    assert Store(data).version() == before and not list((data / "lists").glob("*.csv")) and audit.waiting(data) == []


def test_a_dry_run_keeps_nothing(data: Path, tmp_path: Path) -> None:
    told = run(data, "import", people(tmp_path), "--list", "13", "--dry-run")
    assert told["good"] == 2 and not told["saved"] and not list((data / "lists").glob("*.csv")) and audit.waiting(data) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_imports_is_the_boxes(data: Path, tmp_path: Path) -> None:
    os.chown(data, 4711, 4712)
    run(data, "import", people(tmp_path), "--list", "13")
    for each in (data / "lists", data / "lists" / "13.csv", data / "lists" / ".lock"):
        assert (each.stat().st_uid, each.stat().st_gid) == (4711, 4712), each


def test_people_are_told_in_words(data: Path, tmp_path: Path) -> None:
    done = switchroom("--data", str(data), "list", "import", people(tmp_path), "--list", "13")
    assert done.returncode == 0 and "Row 3: abc" in done.stdout and "List 13 is kept." in done.stdout, done.stdout + done.stderr
