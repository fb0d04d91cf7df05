"""A list on its way in: what is seen first, what can be called, what cannot and why; workbooks, also hostile ones."""

from __future__ import annotations

import csv
import datetime as dt
import io
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
import xlsxwriter

from appliance.campaigns import intake, lists, workbook
from appliance.campaigns.intake import Plan, State
from appliance.errors import SwitchroomError


def book(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    made = openpyxl.Workbook()
    for row in rows:
        made.worksheets[0].append(list(row))
    made.save(path)
    return path


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def taken(source: Path, number_at: int = 0, name_at: int = 1, **more: Any) -> tuple[State, list[list[str]]]:
    out = source.with_name("out.csv")
    state = intake.take_in(Plan(source=str(source), number_at=number_at, name_at=name_at, country="FI", **more), out)
    with out.open(encoding="utf-8", newline="") as file:
        return state, list(csv.reader(file))


def test_the_first_look_finds_columns_and_rows(tmp_path: Path) -> None:
    seen = intake.glance(text(tmp_path / "a.csv", "id;Puhelin;Nimi\n" + "1;0917700001;Anna\n" * 30))
    assert (seen.columns, seen.number_at, seen.name_at) == (["id", "Puhelin", "Nimi"], 1, 2)
    assert (seen.lines, seen.encoding) == (30, "utf-8")
    assert seen.rows == [["1", "0917700001", "Anna"]] * intake.SHOWN_ROWS
    unknown = intake.glance(text(tmp_path / "b.csv", "a,b\n1,2"))
    assert (unknown.number_at, unknown.name_at, unknown.lines) == (-1, -1, 1)


def test_the_list_that_stands_is_read_by_its_own_columns_and_encoding(tmp_path: Path) -> None:
    before = tmp_path / "before.csv"
    before.write_bytes("Number;Клиент;Связь\n40111222;Анна;0917700001\n40111223;Борис;0917700002\n".encode("cp1251"))
    state, rows = taken(text(tmp_path / "a.csv", "number,name\n0917700003,Cay\n"), before=str(before), before_number="Связь",
                        before_name="Клиент", before_encoding="cp1251")
    assert [row[:2] for row in rows[1:]] == [["+358917700001", "Анна"], ["+358917700002", "Борис"], ["+358917700003", "Cay"]]
    assert (state.good, state.kept) == (3, 2)


def test_what_can_be_called_is_kept_and_the_rest_told(tmp_path: Path) -> None:
    source = text(tmp_path / "a.csv", "House,Tel,Who\nA,0917700001,Anna\nB,abc,Bo\nC,09 17700001,Anna\n"
                  "D,112,Help\nE,0917700002,=1+1\n")
    state, rows = taken(source, 1, 2)
    assert rows == [["number", "name", "House"], ["+358917700001", "Anna", "A"], ["+358917700002", "=1+1", "E"]]
    assert (state.phase, state.good, state.kept, state.duplicates) == ("ready", 2, 0, 1)
    assert [(each.row, each.text) for each in state.bad] == [(3, "abc"), (5, "112")]
    assert all(each.reason and each.hint for each in state.bad)
    again = lists.load(source.with_name("out.csv"), country="US")  # the box's own file means the same anywhere
    assert [each.number for each in again.subscribers] == ["+358917700001", "+358917700002"] and not again.bad


def test_names_of_other_columns_do_not_confuse_the_kept_file(tmp_path: Path) -> None:
    source = text(tmp_path / "a.csv", "phone,name,mobile\nx,ignored,0917700001\n")
    state, rows = taken(source, 2, -1)
    assert rows == [["number", "name", "phone", "name"], ["+358917700001", "", "x", "ignored"]] and state.good == 1
    loaded = lists.load(source.with_name("out.csv"), country="FI")
    assert [(each.number, each.name) for each in loaded.subscribers] == [("+358917700001", "")]


def test_rows_are_added_to_a_list_that_stands(tmp_path: Path) -> None:
    before = text(tmp_path / "old.csv", "name,phone,Flat\nAnna,0917700001,3\nbad,xyz,4\n")
    source = text(tmp_path / "a.csv", "tel,who,Floor\n0917700001,again,1\n0917700002,Bo,2\n")
    state, rows = taken(source, before=str(before))
    assert rows == [["number", "name", "Flat", "Floor"], ["+358917700001", "Anna", "3", ""], ["+358917700002", "Bo", "", "2"]]
    assert (state.good, state.kept, state.duplicates, state.bad) == (2, 1, 1, [])


@pytest.mark.parametrize("columns", [(-1, 0), (0, 0), (5, 0), (0, 9)])
def test_columns_that_are_not_there_are_refused(tmp_path: Path, columns: tuple[int, int]) -> None:
    with pytest.raises(SwitchroomError) as caught:
        taken(text(tmp_path / "a.csv", "a,b\n0917700001,x\n"), *columns)
    assert caught.value.id == "list.no-column"


def test_a_list_grows_to_its_limit_and_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MAX_ROWS", 2)
    before = text(tmp_path / "old.csv", "number\n0917700001\n0917700002\n")
    with pytest.raises(SwitchroomError) as caught:
        taken(text(tmp_path / "a.csv", "tel,who\n0917700003,Cy\n"), before=str(before))
    assert caught.value.id == "list.too-long"


# ---- workbooks -------------------------------------------------------------------------------------------------------


def test_a_workbook_is_a_list_like_any_other(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [["Phone", "Name", "Since", "Sum"], ["0917700001", "Anna", dt.datetime(2026, 3, 2), 3.0],
                                      [], [917700002, "Bo", dt.datetime(2026, 3, 2, 9, 30), 2.5], ["n/a", None, None, True]])
    seen = intake.glance(path)
    assert (seen.columns, seen.number_at, seen.name_at, seen.encoding) == (["Phone", "Name", "Since", "Sum"], 0, 1, "xlsx")
    assert seen.lines == 4
    state, rows = taken(path)
    assert rows[1:] == [["+358917700001", "Anna", "2026-03-02", "3"], ["+358917700002", "Bo", "2026-03-02 09:30:00", "2.5"]]
    assert [(each.row, each.text) for each in state.bad] == [(5, "n/a")]
    loaded = lists.load(path, country="FI")  # also where the configuration names it
    assert [each.row for each in loaded.subscribers] == [2, 4] and loaded.encoding == "xlsx"


def test_a_formula_is_its_saved_value_and_never_computed(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [["number", "name"], ["0917700001", '=HYPERLINK("http://x.example","y")']])
    _, rows = taken(path)
    assert rows[1] == ["+358917700001", ""]  # nothing was saved with it


def bomb(path: Path, size: int) -> Path:
    with zipfile.ZipFile(book(path, [["number"]]), "a", zipfile.ZIP_DEFLATED) as parts, parts.open("xl/extra.xml", "w") as part:
        for _ in range(size >> 20):
            part.write(b"\0" * (1 << 20))
    return path


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_UNPACKED", 8 << 20)
    path = bomb(tmp_path / "a.xlsx", 16 << 20)
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(SwitchroomError) as caught:
        intake.glance(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.id == "list.too-long" and peak < 8 << 20


def lying(data: bytes, claimed: int) -> bytes:
    """The directory of the archive says that its last part is small."""
    at = data.rfind(b"PK\x01\x02")
    return data[: at + 24] + claimed.to_bytes(4, "little") + data[at + 28 :]


@pytest.mark.parametrize("content", [
    b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 200, b"PK\x05\x06" + b"\0" * 18,
])
def test_what_only_looks_like_a_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(SwitchroomError) as caught:
        intake.glance(tmp_path / "a.xlsx")
    assert caught.value.id.startswith("list.") and caught.value.hint


def test_an_archive_that_lies_about_its_parts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(lying(bomb(path, 4 << 20).read_bytes(), 10))
    with pytest.raises(SwitchroomError) as caught:
        intake.glance(path)
    assert caught.value.id == "list.workbook"


@pytest.mark.parametrize("name", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
def test_entities_that_grow_are_refused(tmp_path: Path, name: str) -> None:
    """Billion laughs in any part of the book (Python's expat stops them)."""
    plain = tmp_path / "plain.xlsx"
    with xlsxwriter.Workbook(plain) as made:  # with shared strings, as Excel writes them
        made.add_worksheet().write_row(0, 0, ["number", "name"])
        made.worksheets()[0].write_row(1, 0, ["0917700001", "Anna"])
    assert taken(plain)[1][1] == ["+358917700001", "Anna"]
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    evil = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><x>&l9;</x>'
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w") as new:
        for each in old.namelist():
            new.writestr(each, evil if each == name else old.read(each))
    with pytest.raises(SwitchroomError) as caught:
        taken(path)
    assert caught.value.id in ("list.workbook", "list.empty", "list.no-column")


def test_noise_in_a_workbook_ends_in_a_clear_error(tmp_path: Path) -> None:
    data = bytearray(book(tmp_path / "a.xlsx", [["number", "name"], ["0917700001", "Anna"]]).read_bytes())
    for at in range(0, len(data), 97):
        broken = bytearray(data)
        broken[at] ^= 0xFF
        (tmp_path / "b.xlsx").write_bytes(broken)
        try:
            taken(tmp_path / "b.xlsx")
        except SwitchroomError as problem:
            assert problem.id.startswith("list.") and problem.hint


# ---- as a process ----------------------------------------------------------------------------------------------------


def run(folder: Path, plan: Plan) -> State:
    (folder / "plan.json").write_bytes(msgspec.json.encode(plan))
    subprocess.run([sys.executable, "-m", "appliance.campaigns.intake", "check", str(folder)], check=True, timeout=60)
    return intake.read_state(folder)


def test_it_tells_in_a_file_what_came_of_it(tmp_path: Path) -> None:
    source = text(tmp_path / "source", "number,name\n0917700001,Anna\nx,y\n")
    state = run(tmp_path, Plan(source=str(source), number_at=0, country="FI"))
    assert (state.phase, state.good, [each.row for each in state.bad]) == ("ready", 1, [3])
    assert (tmp_path / "list.csv").read_text().splitlines() == ["number,name,name", "+358917700001,,Anna"]
    state = run(tmp_path, Plan(source=str(tmp_path / "none"), number_at=0, country="FI"))
    assert (state.phase, state.error_id) == ("failed", "list.unreadable") and state.hint


def test_progress_is_told_while_it_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "STEP_SECONDS", 0.0)
    source = text(tmp_path / "a.csv", "number\n" + "".join(f"0917700{n:03}\n" for n in range(50)))
    told: list[State] = []
    intake.take_in(Plan(source=str(source), number_at=0, country="FI"), tmp_path / "out.csv", told.append)
    assert [each.done for each in told] == list(range(1, 51)) and {each.total for each in told} == {50}


def test_a_state_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_bytes(b"{")
    assert intake.read_state(tmp_path) == State() == intake.read_state(tmp_path / "none")


def test_text_of_cells() -> None:
    assert [workbook.text_of(each) for each in (None, True, 3.0, 2.5, 1e20, "a\0b", dt.date(2026, 1, 2))] == [
        "", "yes", "3", "2.5", "1e+20", "a b", "2026-01-02"]
    assert workbook.is_workbook(io.BytesIO(b"PK\x03\x04")) and not workbook.is_workbook(io.BytesIO(b"number"))


def test_names_of_columns_are_bounded_as_each_subscriber_has_them(tmp_path: Path) -> None:
    source = text(tmp_path / "a.csv", f"number,{'x' * lists.MAX_HEADER}\n0917700001,y\n")
    for read in (lambda: intake.glance(source), lambda: taken(source, name_at=-1), lambda: lists.load(source, country="FI")):
        with pytest.raises(SwitchroomError, match="names of the columns"):
            read()


def test_the_first_look_at_huge_rows_is_small(tmp_path: Path) -> None:
    cell = '"' + ("y" * 90 + "\n") * 1_000 + '"'
    seen = intake.glance(text(tmp_path / "a.csv", "number,note\n" + ",".join(["1", *[cell] * 200]) + "\n"))
    assert [len(each) for each in seen.rows[0]] == [1, lists.MAX_FIELD]


def test_a_row_that_no_sheet_has_ends_the_reading(tmp_path: Path) -> None:
    made = book(tmp_path / "a.xlsx", [["number"], ["0917700001"]])
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as new:
        for each in old.namelist():
            new.writestr(each, old.read(each).replace(b'r="2"', b'r="999999999999"').replace(b'r="A2"', b'r="A999999999999"'))
    with pytest.raises(SwitchroomError, match="beyond"):
        intake.glance(tmp_path / "b.xlsx")
