"""Workbooks (XLSX) as rows of text: their first sheet, read as a stream.

A workbook is a ZIP of XML from a stranger: what it unpacks to is counted before anything is read of it, whatever its directory
says, and neither formulas nor links are followed (the values that were saved with them are taken).
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, BinaryIO

from appliance.errors import SwitchroomError

MAX_UNPACKED = 256 << 20
"""Bytes of all parts together: 200,000 rows of a dozen columns have less."""
MAX_PARTS = 1_000
MAX_ROW = 1 << 20
"""The last row that a sheet of a spreadsheet program can have: the library counts up to whatever the file claims."""
_CHUNK = 1 << 20
_HEAD = 4096
_DIMENSION = re.compile(rb'<dimension ref="(?:[A-Z]{1,3}[0-9]{1,7}:)?[A-Z]{1,3}([0-9]{1,7})"')
_MAGIC = b"PK\x03\x04"


def is_workbook(file: BinaryIO) -> bool:
    head = file.read(len(_MAGIC))
    file.seek(0)
    return head == _MAGIC


def rows(file: BinaryIO, name: str) -> Iterator[tuple[int, list[str]]]:
    """(row of the sheet, cells as text) of each row of the first sheet that is not blank. Raises SwitchroomError
    "list.workbook", "list.too-long"."""
    _check_size(file, name)
    # Loaded where it is needed: most lists are CSV.
    import openpyxl

    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # the size that the file claims may be a lie, or missing
            for row, values in enumerate(sheet.iter_rows(values_only=True), 1):
                if row > MAX_ROW:
                    raise SwitchroomError("list.too-long", "{name} has a row beyond {most}.", "Save it as CSV.",
                                          name=name, most=MAX_ROW)
                cells = [text_of(value) for value in values]
                if any(cell.strip() for cell in cells):
                    yield row, _trimmed(cells)
        finally:
            book.close()
    except SwitchroomError:
        raise
    except Exception as problem:  # a broken file may break anywhere in the library
        why = str(problem)[:200] or type(problem).__name__
        raise SwitchroomError("list.workbook", "{name} is no workbook that can be read: {why}.",
                              "Save it again as XLSX, or as CSV in UTF-8.", name=name, why=why) from problem


def about_rows(file: BinaryIO) -> int:
    """How many rows the first sheet says that it has; 0 where it does not. Costs nothing, and may be wrong."""
    try:
        with zipfile.ZipFile(file) as parts:
            name = min(each for each in parts.namelist() if each.startswith("xl/worksheets/sheet"))
            with parts.open(name) as part:
                found = _DIMENSION.search(part.read(_HEAD))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError):
        return 0  # whoever reads it is told
    return min(int(found[1]), 1 << 20) if found else 0


def _check_size(file: BinaryIO, name: str) -> None:
    try:
        with zipfile.ZipFile(file) as parts:
            names = parts.infolist()
            if len(names) > MAX_PARTS:
                raise _too_long(name)
            left = MAX_UNPACKED
            for each in names:
                with parts.open(each) as part:
                    while data := part.read(_CHUNK):
                        left -= len(data)
                        if left < 0:
                            raise _too_long(name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as problem:
        raise SwitchroomError("list.workbook", "{name} is no workbook: {problem}.",
                              "Save it again as XLSX without a password, or as CSV in UTF-8.", name=name,
                              problem=str(problem)[:200]) from None
    file.seek(0)


def _too_long(name: str) -> SwitchroomError:
    return SwitchroomError("list.too-long", "{name} unpacks to more than {most} MiB.",
                           "Split it, or save it as CSV.", name=name, most=MAX_UNPACKED >> 20)


def text_of(value: Any) -> str:
    """A cell as it reads: whole numbers without a point, days and times as ISO 8601, what Excel calls an error as it stands."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer() and abs(value) < 1e16:
            return str(int(value))
        case datetime():
            midnight = not (value.hour or value.minute or value.second)
            return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
        case date():
            return value.isoformat()
    return str(value).replace("\0", " ")


def _trimmed(cells: list[str]) -> list[str]:
    """Without the empty cells at the end: sheets are as wide as their widest row."""
    width = len(cells)
    while width and not cells[width - 1].strip():
        width -= 1
    return cells[:width]
