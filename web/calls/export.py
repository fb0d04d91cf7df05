"""The calls that fit as CSV or a workbook: a row at a time, at most MOST, and no cell that a spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from appliance.config.model import Config
from appliance.ledger import export
from appliance.ledger.cdr import Cdr
from appliance.ledger.reader import LedgerReader
from appliance.users.model import User
from web.calls import search
from web.calls.contacts import Contact

MOST = 100_000
COLUMNS = (*export.COLUMNS, "queues", "agents", "waited", "left", "note")
CELL = 32_000


def rows(found: Iterable[tuple[Cdr, Contact]]) -> Iterator[list[Any]]:
    """Header first; text that begins like a formula has an apostrophe before it."""
    yield list(COLUMNS)
    for cdr, contact in found:
        flat = [*export.flat(cdr).values(), " ".join(contact.queues), " ".join(contact.agents), contact.waited, contact.left,
                contact.outcome]
        yield [_cell(value) for value in flat]


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return "" if value is None else value
    return export.safe_cell(value.replace("\0", " ").encode("utf-8", "replace").decode()[:CELL])


def csv_pieces(folder: Path, asked: search.Asked, user: User, config: Config) -> Iterator[str]:
    """RFC 4180, with the mark by which spreadsheets know UTF-8."""
    yield "\ufeff"
    with LedgerReader(folder) as reader:
        for row in rows(search.walk(reader, asked, user, config, MOST)):
            line = io.StringIO()
            csv.writer(line).writerow(row)
            yield line.getvalue()


def workbook(folder: Path, asked: search.Asked, user: User, config: Config) -> IO[bytes]:
    """A file that is gone when it is closed; rows go to the disk as they come."""
    import xlsxwriter  # 2 MB, and seldom asked for

    made = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(made, options) as book, LedgerReader(folder) as reader:
        sheet = book.add_worksheet("calls")
        sheet.freeze_panes(1, 0)
        for at, row in enumerate(rows(search.walk(reader, asked, user, config, MOST))):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(at, column, value)
                else:
                    sheet.write_number(at, column, value)
    made.seek(0)
    return made
