"""Lists of subscribers: a CSV file or workbook as offices have them becomes numbers that can be called, and rows that cannot.

Understood without being told: the encoding (UTF-8, UTF-16 with its mark, Windows-1251, Latin-1), the delimiter (comma,
semicolon, tab), and which columns hold number and name. Where the file leaves doubt it is refused with the row, the
byte and the way out: a wrong guess would call strangers. Read as a stream; the bounds below hold for any input.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from appliance.campaigns import workbook
from appliance.config.model import Config, SubscriberList
from appliance.config.numbers import emergency_numbers, is_emergency, normalise
from appliance.errors import SwitchroomError, because
from appliance.messages import BadRow, Subscriber
from appliance.sentences import Said, made_of, say

MAX_ROWS = 200_000
MAX_BYTES = 64 << 20
MAX_LINE = 16_384
MAX_FIELD = 1_000
MAX_COLUMNS = 64
MAX_HEADER = 4_000
"""Characters of all names of columns together: they are stored with each subscriber."""
MAX_BAD_ROWS = 1_000
"""More bad rows than this are no list of numbers: refused, rather than gathered."""

_CHUNK = 1 << 16
_SHOWN = 80
_DELIMITERS = ",;\t"

# fmt: off
NUMBER_HEADERS = frozenset((
    "number", "phone", "tel", "telephone", "mobile", "cell", "phonenumber", "telephonenumber", "mobilenumber",
    "msisdn", "numero", "puhelin", "puhelinnumero", "puh", "matkapuhelin", "gsm", "телефон", "номер",
    "номертелефона", "тел", "мобильный", "мобільний", "телефонний", "номертелефону", "电话", "电话号码", "号码", "手机",
    "手机号", "手机号码", "telefon", "nummer", "telefonnummer", "rufnummer", "numerodetelephone",
))
# fmt: on
# fmt: off
NAME_HEADERS = frozenset((
    "name", "fullname", "contact", "customer", "subscriber", "nimi", "asiakas", "имя", "фио", "абонент",
    "клиент", "ім'я", "імя", "піб", "клієнт", "姓名", "名字", "名称", "客户", "namn", "nom",
))
# fmt: on


Row = tuple[int, list[str]]


class LoadedList(NamedTuple):
    """What a file holds. `columns` are its headers in order; `duplicates` counts rows left out because their number had
    come before; `encoding` is the one it was read with."""

    subscribers: list[Subscriber]
    bad: list[BadRow]
    duplicates: int
    columns: list[str]
    encoding: str


def load_list(entry: SubscriberList, config: Config) -> LoadedList:
    """Load the file of a configured list. `config` comes from `Store.current()`, which makes file names absolute."""
    return load(
        Path(entry.file),
        country=entry.country or config.office.country,
        emergency=config.dialling.emergency,
        number_column=entry.number_column,
        name_column=entry.name_column,
        encoding=entry.encoding,
    )


def load(
    path: Path,
    *,
    country: str,
    emergency: Collection[str] | None = None,
    number_column: str = "",
    name_column: str = "",
    encoding: str = "auto",
) -> LoadedList:
    """Read a list. Numbers without + are read as dialled in `country`; `emergency` numbers (None: the country's) are
    refused like any number that cannot be called. Raises SwitchroomError "list.*" where the whole file is wrong."""
    with open_rows(path, encoding) as (used, rows):
        return _read(rows, path, used, country, emergency, number_column, name_column)


@contextmanager
def open_rows(path: Path, encoding: str = "auto") -> Iterator[tuple[str, Iterator[Row]]]:
    """The encoding ("xlsx" for a workbook), and (row in the file, cells) of each row that is not blank, the header first.
    Raises SwitchroomError "list.*", also while rows are taken."""
    try:
        with path.open("rb") as file:
            if workbook.is_workbook(file):
                yield "xlsx", workbook.rows(file, path.name)
                return
            used = _encoding_of(file, path) if encoding == "auto" else _CODECS[encoding]
            file.seek(0)
            _check_decodes(file, used, path)
            file.seek(0)
            yield used, _rows(io.TextIOWrapper(file, encoding=used, errors="strict", newline=""), path)
    except OSError as error:
        raise SwitchroomError("list.unreadable", "{path} cannot be read: {reason}.", "Check the path and its permissions.",
                              path=path, reason=because(error)) from None


# ---- encoding --------------------------------------------------------------------------------------------------------

_CODECS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "cp1251": "cp1251", "latin-1": "latin-1"}
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_GUESSES = {"cp1251": "cp1251", "latin_1": "latin-1", "cp1252": "latin-1"}
_SAMPLE = 256 * 1024


def _encoding_of(file: BinaryIO, path: Path) -> str:
    head = file.read(4)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    file.seek(0)
    bad = _first_bad(file, "utf-8")
    if bad is None:
        return "utf-8"
    file.seek(0)
    sample = _around(file, bad.offset)
    if b"\x00" in sample:
        raise _wrong_encoding(path, bad)
    # What is ASCII tells nothing about the encoding; only lines with other bytes are judged.
    from charset_normalizer import from_bytes  # needed for the odd list only, and slow to load

    telling = b"\n".join(line for line in sample.splitlines() if not line.isascii())
    best = from_bytes(telling, cp_isolation=list(_GUESSES), threshold=0.3).best()
    if best is None or best.encoding not in _GUESSES or not _sounds_right(telling, _GUESSES[best.encoding]):
        raise _wrong_encoding(path, bad)
    return _GUESSES[best.encoding]


def _around(file: BinaryIO, offset: int) -> bytes:
    file.seek(max(offset - _SAMPLE // 2, 0))
    return file.read(_SAMPLE)


def _sounds_right(sample: bytes, encoding: str) -> bool:
    """Whether the letters beyond ASCII look like one script: Cyrillic words in cp1251, single accented letters in
    Latin-1. Short samples mislead statistics; this catches the mistakes that matter."""
    text = sample.decode(encoding, errors="replace")
    foreign = [char for char in text if not char.isascii()]
    letters = sum(char.isalpha() for char in foreign)
    if not foreign or letters < len(foreign) * 0.9:
        return False
    runs = sum(
        1 for a, b in itertools.pairwise(text) if not a.isascii() and not b.isascii() and a.isalpha() and b.isalpha()
    )
    # In Cyrillic text most such letters have another beside them; in Latin languages few have.
    return runs > letters * 0.5 if encoding == "cp1251" else runs <= letters * 0.5


class _Bad(NamedTuple):
    offset: int
    row: int
    byte: int


def _first_bad(file: BinaryIO, encoding: str) -> _Bad | None:
    """The first byte that `encoding` cannot have, or None. Raises where the file is longer than MAX_BYTES."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    read = rows = 0
    while chunk := file.read(_CHUNK):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            offset = error.start - pending
            return _Bad(read + offset, rows + chunk.count(b"\n", 0, max(offset, 0)) + 1, error.object[error.start])
        read += len(chunk)
        rows += chunk.count(b"\n")
        if read > MAX_BYTES:
            raise SwitchroomError("list.too-long", "The list is longer than {most} MiB.", "Split it.",
                                  most=MAX_BYTES >> 20)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return _Bad(max(read - 1, 0), rows + 1, error.object[error.start])
    return None


def _check_decodes(file: BinaryIO, encoding: str, path: Path) -> None:
    bad = _first_bad(file, encoding)
    if bad is not None:
        raise _wrong_encoding(path, bad, encoding)


def _wrong_encoding(path: Path, bad: _Bad, encoding: str = "utf-8") -> SwitchroomError:
    return SwitchroomError("list.encoding",
                           "{path}, line {row}: byte 0x{byte} (at {offset}) does not belong into {encoding}, and which "
                           "encoding it is cannot be told for sure.",
                           'Save the file as UTF-8, or set encoding = "cp1251" or "latin-1" in its [[lists]].', path=path,
                           row=bad.row, byte=f"{bad.byte:02X}", offset=bad.offset, encoding=encoding)


# ---- rows ------------------------------------------------------------------------------------------------------------


def _read(
    rows: Iterator[Row],
    path: Path,
    encoding: str,
    country: str,
    emergency: Collection[str] | None,
    number_column: str,
    name_column: str,
) -> LoadedList:
    columns = header_of(rows, path)
    number_at, name_at = find_columns(columns, path, number_column, name_column)
    if number_at is None:
        raise _no_number_column(path, columns, country)
    reader = RowReader(columns, number_at, name_at, country, emergency)
    subscribers, bad = list[Subscriber](), list[BadRow]()
    for row, cells in counted(rows, path):
        try:
            made = reader.take(row, cells)
        except SwitchroomError as error:
            bad.append(BadRow(row=row, text=reader.shown(cells), reason=error.message))
            check_bad(len(bad), bad[0].row, bad[0].reason, path, columns[number_at])
            continue
        if made is not None:
            subscribers.append(made)
    return LoadedList(subscribers, bad, reader.duplicates, columns, encoding)


def header_of(rows: Iterator[Row], path: Path) -> list[str]:
    """The names of the columns. Raises SwitchroomError "list.empty", "list.columns"."""
    first = next(rows, None)
    if first is None:
        raise SwitchroomError("list.empty", "{path} is empty.", "Its first line names the columns: number,name", path=path)
    columns = [cell.strip() for cell in first[1]]
    if sum(map(len, columns)) > MAX_HEADER:
        raise SwitchroomError("list.columns", "The names of the columns have more than {most} characters together.",
                              "Shorten them: the first line names the columns.", most=MAX_HEADER)
    return columns


def find_columns(columns: Sequence[str], path: Path, number: str = "", name: str = "") -> tuple[int | None, int | None]:
    """Where the number and the name stand: in the columns of these headers, else in those with a usual one."""
    return _column(columns, number, NUMBER_HEADERS, path), _column(columns, name, NAME_HEADERS, path)


def counted(rows: Iterator[Row], path: Path) -> Iterator[Row]:
    """At most MAX_ROWS. Raises SwitchroomError "list.too-long"."""
    for count, each in enumerate(rows, 1):
        if count > MAX_ROWS:
            raise SwitchroomError("list.too-long", "{path} has more than {most} rows.", "Split the list.", path=path,
                                  most=MAX_ROWS)
        yield each


_WHY_BAD = (
    say("{number} is no phone number."), say("{number} has an extension."), say("{number} has an unknown country code."),
    say("{number} is too short."), say("{number} is too long."), say("{number} lacks the area code."),
    say("{number} has an impossible length."), say("{number} was rounded by a spreadsheet."),
    say("{number} does not exist in the numbering plan of {region}."), say("The row has more than {most} columns."),
    say("A field is longer than {most} characters."),
)  # fmt: skip


def why_bad(reason: str) -> Said:
    """The sentence of a bad row's stored reason, to be told in another language."""
    return made_of(reason, _WHY_BAD)


def check_bad(count: int, row: int, reason: str | Said, path: Path, column: str) -> None:
    """Raises SwitchroomError "list.bad" where so many rows are bad that it is no list of numbers."""
    if count > MAX_BAD_ROWS:
        raise SwitchroomError("list.bad", "{path}: over {most} rows cannot be called, first line {row}: {reason}",
                              'Is "{column}" the column of the numbers? Else set number_column in [[lists]].', path=path,
                              most=MAX_BAD_ROWS, row=row, reason=reason, column=column)  # fmt: skip


def _rows(text: io.TextIOWrapper, path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line in the file, cells) of each row that is not blank. The delimiter is the one the header has most of."""
    lines = _lines(text, path)
    header = next(lines, None)
    if header is None:
        return
    reader = csv.reader(itertools.chain([header], lines), delimiter=delimiter_of(header), strict=True)
    ended = 0
    try:
        for cells in reader:
            row, ended = ended + 1, reader.line_num
            if any(cell.strip() for cell in cells):
                yield row, cells
    except csv.Error as error:
        raise SwitchroomError("list.quotes", "{path}: from line {ended} the quotes do not match ({error}).",
                              "Look for a quote that is opened there and not closed.", path=path, ended=ended + 1,
                              error=error) from None  # fmt: skip


def delimiter_of(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


def _lines(text: io.TextIOWrapper, path: Path) -> Iterator[str]:
    for number in itertools.count(1):
        line = text.readline(MAX_LINE + 1)
        if not line:
            return
        if len(line) > MAX_LINE:
            raise SwitchroomError("list.too-long", "{path}, line {number} is longer than {most} characters.",
                                  "Is it a CSV file?", path=path, number=number, most=MAX_LINE)
        if "\x00" in line:
            raise SwitchroomError("list.encoding", "{path}, line {number} holds zero bytes: it is no plain text.",
                                  "Save it as CSV in UTF-8.", path=path, number=number)
        yield line


def _column(columns: Sequence[str], wanted: str, usual: frozenset[str], path: Path) -> int | None:
    if wanted:
        for at, column in enumerate(columns):
            if column.casefold() == wanted.casefold():
                return at
        raise SwitchroomError("list.no-column", '{path} has no column "{wanted}".', "It has: {columns}.", path=path,
                              wanted=wanted, columns=", ".join(columns)[:_SHOWN * 2])
    return next((at for at, column in enumerate(columns) if _bare_header(column) in usual), None)


def _bare_header(column: str) -> str:
    return "".join(char for char in column.casefold() if char.isalpha() or char == "'")


def _no_number_column(path: Path, columns: Sequence[str], country: str) -> SwitchroomError:
    for cell in columns:
        try:
            normalise(cell, country)
        except SwitchroomError:
            continue
        return SwitchroomError("list.no-header", "{path} begins with a number: the line that names the columns is missing.",
                               "Put a first line such as number,name.", path=path)  # fmt: skip
    return SwitchroomError("list.no-column", "{path} has no column of numbers.",
                           "Call the column number (it has: {columns}), or set number_column in [[lists]].", path=path,
                           columns=", ".join(columns)[:_SHOWN * 2])  # fmt: skip


class RowReader:
    """Reads rows one by one; remembers the numbers that came, and no more."""

    def __init__(
        self,
        columns: Sequence[str],
        number_at: int,
        name_at: int | None,
        country: str,
        emergency: Collection[str] | None,
    ) -> None:
        self.columns = columns
        self.number_at = number_at
        self.name_at = name_at
        self.country = country
        self.emergency = emergency_numbers(country) if emergency is None else emergency
        self.duplicates = 0
        self._seen: set[str] = set()

    @property
    def good(self) -> int:
        return len(self._seen)

    def take(self, row: int, cells: list[str]) -> Subscriber | None:
        """The row as a subscriber; None where its number came before. Raises SwitchroomError where it cannot be called."""
        self._check_cells(cells)
        number = self._number(self._text(cells))
        if number in self._seen:
            self.duplicates += 1
            return None
        self._seen.add(number)
        return Subscriber(index=len(self._seen) - 1, number=number, name=self._name(cells), row=row, extra=self._extra(cells))

    def shown(self, cells: list[str]) -> str:
        """A bad row in a report: its number, or all of it where there is none."""
        text = self._text(cells)
        return (text if text.strip() else ",".join(cells))[:_SHOWN]

    def _text(self, cells: list[str]) -> str:
        return cells[self.number_at] if self.number_at < len(cells) else ""

    def _check_cells(self, cells: list[str]) -> None:
        if len(cells) > MAX_COLUMNS:
            raise SwitchroomError("list.columns", "The row has more than {most} columns.",
                                  "Take out what is not needed.", most=MAX_COLUMNS)
        if any(len(cell) > MAX_FIELD for cell in cells):
            raise SwitchroomError("list.field", "A field is longer than {most} characters.", "Shorten it.",
                                  most=MAX_FIELD)

    def _number(self, text: str) -> str:
        if not text.strip():
            raise SwitchroomError("number.missing", "The number is missing.", "Fill it in, or take the row out.")
        if is_emergency(text.strip(), self.country, numbers=self.emergency):
            raise SwitchroomError("number.emergency", "It is an emergency number.", "Take the row out.")
        return normalise(text, self.country)

    def _name(self, cells: list[str]) -> str:
        return cells[self.name_at].strip() if self.name_at is not None and self.name_at < len(cells) else ""

    def _extra(self, cells: list[str]) -> dict[str, str]:
        return {
            column: cells[at].strip()
            for at, column in enumerate(self.columns)
            if column and at < len(cells) and at not in (self.number_at, self.name_at) and cells[at].strip()
        }
