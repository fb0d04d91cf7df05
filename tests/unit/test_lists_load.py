"""Lists as offices have them: encodings, delimiters, headers in several languages, and everything that can be wrong."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from appliance.campaigns import lists
from appliance.campaigns.lists import LoadedList
from appliance.errors import SwitchroomError

OFFICE = Path(__file__).parents[1] / "office"

RUSSIAN = "Номер;ФИО;Дом\n+358917700001;Иван Петров;Дом 1\n0917700002;Пётр Сидоров;Дом 2\n"
FINNISH = "numero,nimi\n+358917700001,Väinö Hämäläinen\n+358917700002,Åke Österberg\n+358917700003,Yrjö Mäkelä\n"


def read(path: Path, data: str | bytes, written: str = "utf-8", **more: str) -> LoadedList:
    path = path / "list.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode(written))
    return lists.load(path, country="FI", **more)  # type: ignore[arg-type]


def refused(path: Path, data: str | bytes, written: str = "utf-8", **more: str) -> SwitchroomError:
    with pytest.raises(SwitchroomError) as caught:
        read(path, data, written, **more)
    assert caught.value.hint
    return caught.value


def test_the_reference_list() -> None:
    loaded = lists.load(OFFICE / "managers.csv", country="FI")
    assert (len(loaded.subscribers), loaded.bad, loaded.duplicates) == (300, [], 0)
    assert loaded.columns == ["number", "name", "building"]
    first, last = loaded.subscribers[0], loaded.subscribers[-1]
    assert (first.index, first.number, first.name, first.row, first.extra) == (
        0, "+358917700000", "Xenia Ivanova", 2, {"building": "House 1"},
    )  # fmt: skip
    assert (last.index, last.row) == (299, 301)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("cp1251", "cp1251")],
)
def test_cyrillic_lists_in_the_encodings_of_offices(tmp_path: Path, encoding: str, found: str) -> None:
    loaded = read(tmp_path, RUSSIAN, encoding)
    assert loaded.encoding == found
    assert [(each.number, each.name, each.extra) for each in loaded.subscribers] == [
        ("+358917700001", "Иван Петров", {"Дом": "Дом 1"}),
        ("+358917700002", "Пётр Сидоров", {"Дом": "Дом 2"}),
    ]


def test_a_latin_1_list(tmp_path: Path) -> None:
    loaded = read(tmp_path, FINNISH, "latin-1")
    assert [each.name for each in loaded.subscribers] == ["Väinö Hämäläinen", "Åke Österberg", "Yrjö Mäkelä"]


@pytest.mark.parametrize("encoding", ["koi8-r", "cp866", "utf-16-le"])
def test_an_encoding_in_doubt_is_refused_with_row_and_byte(tmp_path: Path, encoding: str) -> None:
    error = refused(tmp_path, RUSSIAN, encoding)
    assert error.id == "list.encoding"
    assert "line 1" in error.message
    assert "UTF-8" in error.hint


def test_a_broken_byte_in_the_middle_names_its_row(tmp_path: Path) -> None:
    data = b"number,name\n" + b"+358917700001,a\n" * 20_000 + b"+358917700002,\x98\xd0\x8f\xff\n"
    error = refused(tmp_path, data)
    assert error.id == "list.encoding"
    assert "line 20002" in error.message and "0x98" in error.message


def test_an_encoding_that_was_set_wrongly_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, FINNISH, "latin-1", encoding="utf-8")
    assert error.id == "list.encoding" and "line 2" in error.message
    assert len(read(tmp_path, FINNISH, "latin-1", encoding="latin-1").subscribers) == 3


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(tmp_path: Path, delimiter: str, end: str) -> None:
    rows = [["number", "name"], ["+358917700001", "Anna"], ["+358917700002", "Boris"]]
    loaded = read(tmp_path, end.join(delimiter.join(row) for row in rows))
    assert [(each.name, each.row) for each in loaded.subscribers] == [("Anna", 2), ("Boris", 3)]


@pytest.mark.parametrize(
    "header",
    ["Number", "PHONE", "Phone number", "puhelin", "Puhelinnumero", "Телефон", "Номер телефона", "电话", "手机号码", "tel."],
)
def test_the_column_of_numbers_goes_by_many_names(tmp_path: Path, header: str) -> None:
    loaded = read(tmp_path, f"id,{header}\n7,+358917700001\n")
    assert [(each.number, each.extra) for each in loaded.subscribers] == [("+358917700001", {"id": "7"})]


def test_columns_can_be_named(tmp_path: Path) -> None:
    text = "number,ring,who\n1,+358917700001,Anna\n"
    loaded = read(tmp_path, text, number_column="Ring", name_column="who")
    assert (loaded.subscribers[0].number, loaded.subscribers[0].name) == ("+358917700001", "Anna")
    error = refused(tmp_path, text, number_column="phone")
    assert error.id == "list.no-column" and "ring" in error.hint


def test_bad_rows_are_reported_with_their_line_and_the_rest_is_called(tmp_path: Path) -> None:
    text = (
        "number,name\n"
        "+358917700001,good\n"
        "abc,letters\n"
        "\n"
        "12,short\n"
        '3.58918E+11,"two\nlines"\n'
        ",missing\n"
        "112,help\n"
        "0112345,\n"
        "+358917700002,good\n"
    )
    loaded = read(tmp_path, text)
    assert [(each.row, each.index) for each in loaded.subscribers] == [(2, 0), (11, 1)]
    told = {each.row: each.reason for each in loaded.bad}
    assert sorted(told) == [3, 5, 6, 8, 9, 10]
    assert "no phone number" in told[3] and "short" in told[5] and "spreadsheet" in told[6]
    assert "missing" in told[8] and "emergency" in told[9]


def test_emergency_numbers_of_the_configuration_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("number\n0917700001\n", encoding="utf-8")
    loaded = lists.load(path, country="FI", emergency=["0917700001"])
    assert (loaded.subscribers, [each.row for each in loaded.bad]) == ([], [2])


def test_duplicates_are_called_once_however_they_are_written(tmp_path: Path) -> None:
    loaded = read(tmp_path, "number,name\n+358917700001,first\n09 17700001,again\n00358917700001,again\n")
    assert [each.name for each in loaded.subscribers] == ["first"]
    assert loaded.duplicates == 2


def test_quotes(tmp_path: Path) -> None:
    loaded = read(tmp_path, 'number,name\n+358917700001,"Dahl, ""Pekka"""\n')
    assert loaded.subscribers[0].name == 'Dahl, "Pekka"'
    error = refused(tmp_path, 'number,name\n+358917700001,a\n+358917700002,"open\n+358917700003,b\n')
    assert error.id == "list.quotes" and "line 3" in error.message


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("", "list.empty"),
        ("\n\n", "list.empty"),
        ("+358917700001,Anna\n", "list.no-header"),
        ("colour,size\nred,5\n", "list.no-column"),
        ("number\n" + "1" * 20_000, "list.too-long"),
        ("number\n\x00\n", "list.encoding"),
        ("number\n" + "x\n" * (lists.MAX_BAD_ROWS + 1), "list.bad"),
    ],
)
def test_files_that_are_no_lists(tmp_path: Path, text: str, id: str) -> None:
    assert refused(tmp_path, text).id == id


def test_bounds_of_rows_and_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = read(tmp_path, f"number,name\n+358917700001,{'x' * 1001}\n+358917700002{',' * 70}\n+358917700003,ok\n")
    assert [each.row for each in loaded.subscribers] == [4]
    assert [each.row for each in loaded.bad] == [2, 3]
    monkeypatch.setattr(lists, "MAX_ROWS", 2)
    assert refused(tmp_path, "number\n0917700001\n0917700002\n0917700003\n").id == "list.too-long"
    monkeypatch.setattr(lists, "MAX_BYTES", 70_000)
    assert refused(tmp_path, "number\n" + "0917700001\n" * 20_000).id == "list.too-long"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SwitchroomError) as caught:
        lists.load(tmp_path / "none.csv", country="FI")
    assert caught.value.id == "list.unreadable"


def test_a_long_list_is_read_as_a_stream(tmp_path: Path) -> None:
    """20,000 rows of which all but one are duplicates: memory must not grow with the file."""
    row = "+358917700001," + "x" * 400 + "\n"
    path = tmp_path / "list.csv"
    path.write_text("number,name\n" + row * 20_000, encoding="utf-8")
    lists.load(OFFICE / "managers.csv", country="FI")  # load the tables of numbers first
    tracemalloc.start()
    loaded = lists.load(path, country="FI")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(loaded.subscribers), loaded.duplicates) == (1, 19_999)
    assert peak < path.stat().st_size / 4
