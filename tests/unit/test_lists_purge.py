"""A person is taken out of uploaded lists: found however the number is written, nobody else touched, whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.campaigns import intake, lists, purge
from appliance.campaigns.intake import Plan, State
from appliance.campaigns.purge import Columns, Order, Purged, Wanted
from appliance.config import loads
from appliance.core import erasure
from appliance.core.erasure import from_lists
from appliance.errors import SwitchroomError
from appliance.messages import ErasePerson
from appliance.system import precedence
from tests.peers.net import PATIENCE
from tests.peers.sessions import have_values, value
from tests.unit.test_core_attempts import OFFICE

NUMBER = "+358917700001"
WANTED = Wanted(NUMBER, ["FI"])


def order(**more: object) -> Order:
    return Order(number=NUMBER, countries=["FI"], **more)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "lists"
    (made / "incoming").mkdir(parents=True)
    return made


def rows(path: Path, encoding: str = "utf-8") -> list[list[str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file))


# ---- what is the number ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cell", "it"), [
    (NUMBER, True), ("0917700001", True), ("09 1770 0001", True), ("00358 9 17700001", True), ("(09) 1770-0001", True),
    ("+358 9 17700001", True), ("０９１７７００００１", True), ("ring 0917700001 in the evening", True),
    ("0917700001/0401112222", True),
    ("+358917700002", False), ("+46917700001", False), ("", False), ("House 7", False), ("17700002", False), ("1770", False),
    ("0407700001", False),  # the same end, another number
])
def test_how_a_number_may_be_written(cell: str, it: bool) -> None:
    assert WANTED.is_in(cell) is it


@given(st.text(max_size=60))
def test_any_text_is_read(cell: str) -> None:
    assert WANTED.is_in(cell) in (True, False)


def test_a_short_number_is_taken_as_it_is() -> None:
    short = Wanted("116117", ["FI"])
    assert not short.is_in("Street 116117 B") and not short.is_in("") and short.may_be_in(["anything"])


# ---- lists -----------------------------------------------------------------------------------------------------------


def test_rows_go_cells_are_blanked_and_all_else_stays(folder: Path) -> None:
    people = [["number", "name", "Second", "Note"], [NUMBER, "Anna", "", ""], ["+358917700002", "Bo", "09 17700001", "a;b\"c\nd"],
              ["+358917700003", "Cy", "x", "=1+1"]]
    with (folder / "13.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(people)
    (folder / "13.csv").chmod(0o640)
    (folder / "14.csv").write_text("number,name\n+358917700009,Di\n")
    (folder / "managers.csv").write_text(f"number,name\n{NUMBER},Anna\n")  # the office's own: named, and left alone
    before = (folder / "14.csv").stat()
    assert purge.purge(folder, order(dry_run=True)) == Purged(rows=2, lists=["13.csv"])
    assert rows(folder / "13.csv") == people
    assert purge.purge(folder, order()) == Purged(rows=2, lists=["13.csv"])
    assert rows(folder / "13.csv") == [people[0], ["+358917700002", "Bo", "(erased)", "a;b\"c\nd"], people[3]]
    assert (folder / "13.csv").stat().st_mode & 0o777 == 0o640 and (folder / "14.csv").stat() == before
    assert NUMBER in (folder / "managers.csv").read_text()
    assert sorted(each.name for each in folder.iterdir()) == [".lock", "13.csv", "14.csv", "incoming", "managers.csv"]
    assert purge.purge(folder, order()) == Purged()


def test_columns_and_encoding_are_those_of_the_configuration(folder: Path) -> None:
    (folder / "7.csv").write_bytes("Номер;Связь;Имя\r\n12;0917700001;Анна\r\n0917700001;0917700002;Борис\r\n".encode("cp1251"))
    columns = Columns(number="Связь", name="Имя", encoding="cp1251")
    assert purge.purge(folder, order(lists={"7.csv": columns})).rows == 2
    assert rows(folder / "7.csv", "cp1251") == [["Номер;Связь;Имя"], ["(erased);0917700002;Борис"]]


def test_a_list_that_cannot_be_read_is_told(folder: Path) -> None:
    (folder / "7.csv").write_bytes(b"number,name\n\xff\xfe\x00broken")
    assert purge.purge(folder, order()) == Purged(unread=[str(folder / "7.csv")])


def test_a_full_disk_leaves_the_old_list(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "7.csv").write_text(f"number\n{NUMBER}\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(purge.os, "fsync", full)
    assert purge.purge(folder, order()).unread == [str(folder / "7.csv")]
    assert NUMBER in (folder / "7.csv").read_text() and not (folder / ".7.csv.new").exists()


def test_what_a_kill_left_goes_too(folder: Path) -> None:
    left = [folder / name for name in (".7.csv.old", ".7.csv.new", ".import-4711.csv")]
    for path in left:
        path.write_text(f"number\n{NUMBER}\n")
    assert purge.purge(folder, order(dry_run=True)) == Purged() and all(path.exists() for path in left)
    assert purge.purge(folder, order()) == Purged() and not any(path.exists() for path in left)


def test_a_workbook_under_the_name_of_a_text_is_told_and_holds_up_no_other(folder: Path, tmp_path: Path) -> None:
    workbook(folder / "7.csv", ["number", NUMBER])
    (folder / "8.csv").write_text(f"number\n{NUMBER}\n")
    assert purge.purge(folder, order()) == Purged(rows=1, lists=["8.csv"], unread=[str(folder / "7.csv")])


def test_no_link_is_followed_by_who_locks(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (folder / ".lock").symlink_to(elsewhere)
    with pytest.raises(OSError), purge.locked(folder):
        pass
    assert not elsewhere.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="it is root that could be led elsewhere")
def test_no_link_leads_root_out_of_the_boxs_data(tmp_path: Path) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    for each in (data, elsewhere):
        each.mkdir()
    (data / "lists").symlink_to(elsewhere)
    os.chown(data, 12_345, 12_345)
    with pytest.raises(OSError), purge.locked(data / "lists"):
        pass
    assert elsewhere.stat().st_uid == 0 and not list(elsewhere.iterdir())


def test_a_list_is_not_exchanged_while_it_is_cleaned(folder: Path) -> None:
    (folder / "7.csv").write_text(f"number\n{NUMBER}\n")
    with purge.locked(folder):
        cleaning = threading.Thread(target=purge.purge, args=(folder, order()))
        cleaning.start()
        (folder / "7.csv").write_text(f"number,name\n{NUMBER},Anna\n+358917700002,Bo\n")
        assert cleaning.is_alive()
    cleaning.join(PATIENCE)
    assert rows(folder / "7.csv") == [["number", "name"], ["+358917700002", "Bo"]]


def test_a_link_to_a_file_of_the_offices_is_named_and_left_alone(folder: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "customers.csv"
    theirs.write_text(f"number,name\n{NUMBER},Anna\n")
    (folder / "7.csv").symlink_to(theirs)
    (folder / "8.csv").write_text(f"number,name\n{NUMBER},Anna\n")
    (folder / "9.csv").symlink_to("8.csv")  # what it leads to is cleaned itself
    found = purge.purge(folder, order())
    assert found == Purged(rows=1, lists=["8.csv"], links=[str(theirs)])
    assert NUMBER in theirs.read_text() and (folder / "7.csv").is_symlink() and NUMBER not in (folder / "9.csv").read_text()
    (folder / "7.csv").unlink()
    (folder / "7.csv").symlink_to(tmp_path / "nowhere.csv")
    assert purge.purge(folder, order()) == Purged(unread=[str(folder / "7.csv")])


# ---- files on their way in -------------------------------------------------------------------------------------------


def upload(folder: Path, id: str, source: bytes, made: str = "", **plan: str) -> Path:
    here = folder / "incoming" / id
    here.mkdir()
    (here / "source").write_bytes(source)
    if made:
        (here / "list.csv").write_text(made)
    if plan:
        (here / "plan.json").write_bytes(msgspec.json.encode(Plan(source="x", number_at=0, country="FI", **plan)))  # type: ignore[arg-type]
    return here


def workbook(path: Path, cells: list[str]) -> bytes:
    made = openpyxl.Workbook()
    for cell in cells:
        made.worksheets[0].append([cell])
    made.save(path)
    return path.read_bytes()


def test_uploads_that_have_the_number_go(folder: Path, tmp_path: Path) -> None:
    (folder / "7.csv").write_text(f"number\n{NUMBER}\n")
    gone = [upload(folder, "a", b"Phone;Who\n09 17700001;Anna\n"),
            upload(folder, "b", b"number\n0401112222\n", f"number\n{NUMBER}\n"),  # it was added to a list that has it
            upload(folder, "c", workbook(tmp_path / "x.xlsx", ["number", "09-17700001"])),
            upload(folder, "d", b"\xff\x00\xfe nobody can tell"),
            upload(folder, "e", b"number\n0401112222\n", before=str(folder / "7.csv"))]
    intake.write_state(gone[-1], State(phase="checking"))  # it may be reading the old list just now
    stay = [upload(folder, "f", b"number\n0401112222\n", before=str(folder / "7.csv")),
            upload(folder, "g", workbook(tmp_path / "y.xlsx", ["number", "0401112222"]))]
    assert purge.purge(folder, order(dry_run=True)).uploads == 5 and all(each.exists() for each in gone)
    assert purge.purge(folder, order()) == Purged(rows=1, lists=["7.csv"], uploads=5)
    assert [each.exists() for each in gone] == [False] * 5 and all(each.exists() for each in stay)


# ---- as the core asks for it -----------------------------------------------------------------------------------------


async def test_the_core_has_a_process_do_it(folder: Path, tmp_path: Path) -> None:
    (folder / "12.csv").write_text("Contact;Who\n0917700001;Anna\n0917700002;Bo\n")
    config = loads(OFFICE.replace('file = "all.csv"', f'file = "{folder}/12.csv"\nnumber_column = "Contact"'))
    assert await from_lists(tmp_path, config, NUMBER, dry_run=True) == Purged(rows=1, lists=["12.csv"])
    assert await from_lists(tmp_path, config, NUMBER) == Purged(rows=1, lists=["12.csv"])
    assert (folder / "12.csv").read_text().splitlines() == ["Contact;Who", "0917700002;Bo"]
    assert await from_lists(tmp_path / "nothing", config, NUMBER) == Purged()


def _purging() -> Path | None:
    """/proc/PID of the process that looks through the lists for us."""
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"appliance.campaigns.purge" in (each / "cmdline").read_bytes():
                return each
    return None


async def test_looking_through_lists_does_not_go_first_with_the_calls(folder: Path, tmp_path: Path) -> None:
    """The core's session goes before all others; this work is none of a call's."""
    if not have_values():
        pytest.skip("sessions have no nice value of their own here")
    (folder / "12.csv").write_text("number\n0917700001\n", "utf-8")
    nices: int | None = None
    with purge.locked(folder):
        work = asyncio.ensure_future(from_lists(tmp_path, loads(OFFICE), NUMBER))
        for _ in range(1200):
            await asyncio.sleep(0.05)
            found = _purging()
            if found is not None:
                with contextlib.suppress(OSError):
                    nices = value((found / "autogroup").read_text())
            if nices == precedence.LAST:
                break
    assert nices == precedence.LAST
    assert (await work).rows == 1


async def test_a_process_that_fails_is_told_and_nothing_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lists").mkdir()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    for dry_run, gone in ((True, "Nothing was erased"), (False, "All else is erased")):
        with pytest.raises(SwitchroomError) as told:
            await from_lists(tmp_path, loads(OFFICE), NUMBER, dry_run=dry_run)
        assert told.value.id == "person.lists" and gone in told.value.hint


async def test_the_ledgers_texts_go_right_after_the_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Desks read all anew ERASED_SECONDS after it: 200,000 rows of a list take longer."""
    done: list[str] = []

    async def step(name: str, value: object = None) -> object:
        done.append(name)
        return value

    box = SimpleNamespace(data=tmp_path, config=loads(OFFICE), switch=SimpleNamespace(calls={}))
    made = erasure.Erasure(box)  # type: ignore[arg-type]
    monkeypatch.setattr(made, "_find", lambda number, parts: step("find", erasure.Found(0, [], [], [], 0)))
    monkeypatch.setattr(made, "_note", lambda *_: step("note"))
    monkeypatch.setattr(made, "_erase", lambda *_: step("texts"))
    monkeypatch.setattr(erasure, "from_lists", lambda *_, dry_run=False: step("look" if dry_run else "lists", Purged()))
    await made.run(ErasePerson(number=NUMBER, parts=["texts"], by="test"))
    assert done == ["find", "look", "note", "texts", "lists"]


@pytest.fixture
def large(folder: Path) -> Iterator[Path]:
    """As many rows as a list may have, five columns."""
    with (folder / "7.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "name", "street", "Second", "note"])
        for at in range(lists.MAX_ROWS):
            writer.writerow([f"+35840{at:07}", f"Person {at}", f"Street {at}", f"0500 {at:06}", "–"])
    yield folder / "7.csv"


def test_a_large_list_takes_little_memory_and_seconds(large: Path) -> None:
    wanted = Order(number="+358400199999", countries=["FI", "EE"])
    main = ("import re, sys; from appliance.campaigns import purge; purge.main();"
            " sys.stderr.write(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1])")
    before = os.times()
    done = subprocess.run([sys.executable, "-c", main, str(large.parents[1])], capture_output=True,
                          input=msgspec.json.encode(wanted), check=True, timeout=500)
    assert msgspec.json.decode(done.stdout, type=Purged) == Purged(rows=1, lists=["7.csv"])
    assert sum(1 for _ in large.open()) == lists.MAX_ROWS
    spent = os.times()
    assert spent.children_user + spent.children_system - before.children_user - before.children_system < 60
    assert int(done.stderr) < 120 << 10  # KiB at most ever: of a list of 12 MB no more than a row
