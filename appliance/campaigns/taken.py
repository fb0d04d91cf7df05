"""A list taken along: everybody who can be called, as CSV or a workbook."""

from __future__ import annotations

import csv
import io
import itertools
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from appliance.campaigns.lists import RowReader, counted, find_columns, header_of, open_rows
from appliance.campaigns.render.tables import safe_cell
from appliance.config.model import Config, SubscriberList
from appliance.errors import SwitchroomError
from appliance.messages import Subscriber


class opened:
    """The columns of a list and its people, None for a row that cannot be called; duplicates are left out."""

    def __init__(self, entry: SubscriberList, config: Config) -> None:
        self._path = Path(entry.file)
        self._entry, self._config = entry, config
        self._rows = open_rows(self._path, entry.encoding)

    def __enter__(self) -> tuple[list[str], Iterator[Subscriber | None]]:
        _, rows = self._rows.__enter__()
        columns = header_of(rows, self._path)
        number_at, name_at = find_columns(columns, self._path, self._entry.number_column, self._entry.name_column)
        if number_at is None:
            raise SwitchroomError("list.no-column", "The list has no column of numbers.", "Upload it again.")
        country = self._entry.country or self._config.office.country
        reader = RowReader(columns, number_at, name_at, country, self._config.dialling.emergency)
        return columns, _people(counted(rows, self._path), reader)

    def __exit__(self, *exc: Any) -> None:
        self._rows.__exit__(None, None, None)


def _people(rows: Iterable[tuple[int, list[str]]], reader: RowReader) -> Iterator[Subscriber | None]:
    for row, cells in rows:
        before = reader.duplicates
        try:
            made = reader.take(row, cells)
        except SwitchroomError:
            yield None
            continue
        if reader.duplicates == before:
            yield made


def export_rows(entry: SubscriberList, config: Config) -> Iterator[list[str]]:
    """Header first; what a spreadsheet would take for a formula is made text. Numbers as they will be dialled. Raises
    SwitchroomError "list.…" at the first row."""
    with opened(entry, config) as (columns, rows):
        first = list(itertools.islice((each for each in rows if each is not None), 1))
        extra = [name for name in dict.fromkeys(columns) if name]
        known = _extra_of(columns, entry)
        extra = [name for name in extra if name in known]
        yield ["number", "name", *map(safe_cell, extra)]
        for each in itertools.chain(first, rows):
            if each is not None:
                yield [each.number, safe_cell(each.name), *(safe_cell(each.extra.get(name, "")) for name in extra)]


def begun(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The same rows, where there are any at all: what is wrong with a list is raised before an answer has begun."""
    return itertools.chain([next(rows)], rows)


def _extra_of(columns: list[str], entry: SubscriberList) -> set[str]:
    places = find_columns(columns, Path(entry.file), entry.number_column, entry.name_column)
    return {name for at, name in enumerate(columns) if at not in places}


def csv_pieces(rows: Iterator[list[str]]) -> Iterator[str]:
    """RFC 4180, with the mark by which spreadsheets know UTF-8."""
    yield "\ufeff"
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow(row)
        yield line.getvalue()


def workbook(rows: Iterator[list[str]]) -> IO[bytes]:
    """A file that is gone when it is closed; rows go to the disk as they come."""
    import xlsxwriter  # 2 MB, and seldom asked for

    made = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(made, options) as book:
        sheet = book.add_worksheet("list")
        sheet.freeze_panes(1, 0)
        for at, row in enumerate(rows):
            for column, value in enumerate(row):
                sheet.write_string(at, column, value)
    made.seek(0)
    return made
