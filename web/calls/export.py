"""The calls that fit as CSV or a workbook: a row at a time, at most MOST, and no cell that a spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from flask_babel import gettext as _

from appliance.config.model import Config
from appliance.ledger import export
from appliance.ledger.cdr import Cdr
from appliance.ledger.reader import LedgerReader
from appliance.sentences import say
from appliance.users.model import User
from web.calls import search, words
from web.calls.contacts import Contact
from web.i18n import tell

MOST = 100_000
COLUMNS = (*export.COLUMNS, "queues", "agents", "waited", "left", "note")
HEADS = dict(zip(COLUMNS, (
    say("Call"), say("Began (UTC)"), say("Direction"), say("Number of the caller"), say("Number called"),
    say("What became of it"), say("Duration, s"), say("Rang, s"), say("Talked, s"), say("On hold, s"),
    say("Purpose"), say("Came to"), say("Line"), say("Campaign"), say("Subscriber"),
    say("Attempt"), say("Outcome"), say("Heard, s"), say("Digit"), say("Parties"),
    say("SIP Call-IDs"), say("SIP status"), say("Q.850 cause"), say("MOS"), say("Loss"), say("Jitter, ms"), say("Recordings"),
    say("Answers"), say("Queues"), say("Agents"), say("Waited, s"), say("Left the queue"), say("Agent's outcome"),
), strict=True))  # fmt: skip
WORDS = {"disposition": words.disposition, "outcome": words.outcome, "left": words.left}
"""Columns whose stable words people read in their language."""
CELL = 32_000


def rows(found: Iterable[tuple[Cdr, Contact]]) -> Iterator[list[Any]]:
    """Header first; text that begins like a formula has an apostrophe before it."""
    yield [tell(head) for head in HEADS.values()]
    for cdr, contact in found:
        flat = [*export.flat(cdr).values(), " ".join(contact.queues), " ".join(contact.agents), contact.waited, contact.left,
                contact.outcome]
        told = (WORDS[name](value) if value and name in WORDS else value for name, value in zip(COLUMNS, flat, strict=True))
        yield [_cell(value) for value in told]


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
        sheet = book.add_worksheet(_("Calls")[:31])
        sheet.freeze_panes(1, 0)
        for at, row in enumerate(rows(search.walk(reader, asked, user, config, MOST))):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(at, column, value)
                else:
                    sheet.write_number(at, column, value)
    made.seek(0)
    return made
