"""A list on its way into the box: what its columns are, which of its rows can be called, and the file that campaigns will read.

`python -m appliance.campaigns.intake look|check FOLDER` does it as a process of its own, so that 200,000 rows neither hold up
the pages nor stay in their memory. FOLDER/plan.json says what is wanted, FOLDER/state.json tells how far it is and what came of
it; the rows that can be called are in FOLDER/list.csv.
"""

from __future__ import annotations

import csv
import itertools
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from appliance.campaigns import workbook
from appliance.campaigns.lists import MAX_FIELD, MAX_ROWS, RowReader, check_bad, counted, find_columns, header_of, open_rows
from appliance.config.model import SubscriberList
from appliance.errors import SwitchroomError, because
from appliance.sentences import NOTHING, Said
from appliance.system import files

SHOWN_ROWS = 8
STEP_SECONDS = 0.3
"""Between two words on how far it is."""
MAX_MEMORY = 2 << 30
"""Bytes of address space for the process: a file that makes it grow beyond any list is refused."""
_CHUNK = 1 << 20

TOO_LARGE = SwitchroomError("list.too-long", "The file needs more memory than any list should.", "Split it.")

Phase = Literal["new", "checking", "ready", "failed"]


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of a file. `rows` are its first ones, below the header; `number_at`, `name_at` the columns that are likely
    meant, -1 where none is; `lines` about how many rows there are."""

    columns: list[str]
    rows: list[list[str]]
    number_at: int
    name_at: int
    encoding: str
    lines: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`source`: the file; `before`: a list whose rows come first ("" for none), read by the columns and the encoding that the
    configuration names for it; `country` and `emergency` as in the configuration. Columns by index, -1 for no name."""

    source: str
    number_at: int
    name_at: int = -1
    country: str
    emergency: list[str] | None = None
    encoding: str = "auto"
    before: str = ""
    before_number: str = ""
    before_name: str = ""
    before_encoding: str = "auto"


class Bad(msgspec.Struct, frozen=True):
    """A row that cannot be called: where it stands, what is wrong with it, and what to do."""

    row: int
    text: str
    reason: Said
    hint: Said


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is: `done` of about `total` rows; then `good` rows that can be called, of them `kept` from before; `duplicates`
    left out; and the bad rows. `error` and `hint` where the whole file is wrong."""

    phase: Phase = "new"
    done: int = 0
    total: int = 0
    good: int = 0
    kept: int = 0
    duplicates: int = 0
    bad: list[Bad] = []
    error_id: str = ""
    error: Said = NOTHING
    hint: Said = NOTHING


def before(entry: SubscriberList) -> dict[str, str]:
    """The list that stands, as campaigns read it: for a Plan that adds to it."""
    return {"before": entry.file, "before_number": entry.number_column, "before_name": entry.name_column,
            "before_encoding": entry.encoding}


def glance(path: Path, encoding: str = "auto") -> Glance:
    """Look at the beginning of a file. Raises SwitchroomError "list.*"."""
    with open_rows(path, encoding) as (used, rows):
        columns = header_of(rows, path)
        first = [[cell[:MAX_FIELD] for cell in cells[:len(columns)]] for _, cells in itertools.islice(rows, SHOWN_ROWS)]
    number_at, name_at = find_columns(columns, path)
    return Glance(columns=columns, rows=first, number_at=-1 if number_at is None else number_at,
                  name_at=-1 if name_at is None else name_at, encoding=used, lines=count_lines(path))


def count_lines(path: Path) -> int:
    """About how many rows a file has below its header; 0 for a workbook that does not say it."""
    count, last = 0, b"\n"
    with path.open("rb") as file:
        if workbook.is_workbook(file):
            return max(0, workbook.about_rows(file) - 1)
        while data := file.read(_CHUNK):
            count += data.count(b"\n") or data.count(b"\r")
            last = data[-1:]
    return max(0, count - (1 if last in (b"\n", b"\r") else 0))


def take_in(plan: Plan, out: Path, tell: Callable[[State], None] = lambda state: None) -> State:
    """Read `plan.source` and write what can be called to `out`: UTF-8, number and name first, numbers as E.164. Raises
    SwitchroomError "list.*"."""
    source, before = Path(plan.source), Path(plan.before) if plan.before else None
    bad: list[Bad] = []
    seen: set[str] = set()
    kept = duplicates = 0
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        with open_rows(source, plan.encoding) as (_, rows):
            total = count_lines(source)
            columns = header_of(rows, source)
            reader = _reader(columns, plan)
            extra = _extra_columns(columns, plan)
            if before is not None:
                old_extra, old_rows = _existing(before, plan)
                extra = [*old_extra, *(name for name in extra if name not in old_extra)]
            writer.writerow(["number", "name", *extra])
            if before is not None:
                for number, name, more in old_rows:
                    seen.add(number)
                    writer.writerow([number, name, *(more.get(column, "") for column in extra)])
                kept = len(seen)
            said = 0.0
            for done, (row, cells) in enumerate(counted(rows, source), 1):
                try:
                    made = reader.take(row, cells)
                except SwitchroomError as problem:
                    bad.append(Bad(row, reader.shown(cells), problem.said, problem.said_hint))
                    check_bad(len(bad), bad[0].row, bad[0].reason, Path(source.name), columns[plan.number_at])
                    made = None
                if made is not None:
                    if made.number in seen:
                        duplicates += 1
                    else:
                        writer.writerow([made.number, made.name, *(made.extra.get(column, "") for column in extra)])
                if time.monotonic() - said > STEP_SECONDS:
                    said = time.monotonic()
                    tell(State(phase="checking", done=done, total=max(total, done), good=reader.good, bad=[]))
        file.flush()
        os.fsync(file.fileno())
    good = kept + reader.good - duplicates
    if good > MAX_ROWS:
        raise SwitchroomError("list.too-long", "The list would have more than {most} rows.", "Make two of it.",
                              most=MAX_ROWS)
    return State(phase="ready", done=total, total=total, good=good, kept=kept, duplicates=duplicates + reader.duplicates, bad=bad)


def _reader(columns: Sequence[str], plan: Plan) -> RowReader:
    if not 0 <= plan.number_at < len(columns) or not -1 <= plan.name_at < len(columns) or plan.name_at == plan.number_at:
        raise SwitchroomError("list.no-column", "The columns do not fit the file.",
                              "Choose the columns of number and name again.")
    return RowReader(columns, plan.number_at, plan.name_at if plan.name_at >= 0 else None, plan.country, plan.emergency)


def _extra_columns(columns: Sequence[str], plan: Plan) -> list[str]:
    """The further columns, each once."""
    return list(dict.fromkeys(name for at, name in enumerate(columns) if name and at not in (plan.number_at, plan.name_at)))


Old = tuple[str, str, dict[str, str]]


def _existing(path: Path, plan: Plan) -> tuple[list[str], Iterator[Old]]:
    """The further columns of a list that stands, and its people."""
    with open_rows(path, plan.before_encoding) as (_, rows):
        columns = header_of(rows, path)
    number_at, name_at = find_columns(columns, path, plan.before_number, plan.before_name)
    if number_at is None:
        raise SwitchroomError("list.no-column", "The list that stands has no column of numbers.", "Replace it instead.")
    found = msgspec.structs.replace(plan, number_at=number_at, name_at=-1 if name_at is None else name_at)

    def people() -> Iterator[Old]:
        reader = _reader(columns, found)
        with open_rows(path, plan.before_encoding) as (_, rows):
            header_of(rows, path)
            for row, cells in counted(rows, path):
                try:
                    made = reader.take(row, cells)
                except SwitchroomError:
                    continue  # it could not be called before either
                if made is not None:
                    yield made.number, made.name, made.extra

    return _extra_columns(columns, found), people()


# ---- as a process ----------------------------------------------------------------------------------------------------


def read_state(folder: Path) -> State:
    """State() where there is none yet."""
    try:
        return msgspec.json.decode((folder / "state.json").read_bytes(), type=State)
    except (FileNotFoundError, msgspec.DecodeError):
        return State()


def write_state(folder: Path, state: State) -> None:
    files.write(folder / "state.json", msgspec.json.encode(state))


def failed(problem: SwitchroomError) -> State:
    return State(phase="failed", error_id=problem.id, error=problem.said, hint=problem.said_hint)


def run(folder: Path) -> None:
    """Do what FOLDER/plan.json says."""
    plan = msgspec.json.decode((folder / "plan.json").read_bytes(), type=Plan)
    try:
        state = take_in(plan, folder / "list.csv", lambda state: write_state(folder, state))
    except SwitchroomError as problem:
        state = failed(problem)
    except OSError as problem:
        state = failed(SwitchroomError("list.unwritable", "The list cannot be kept: {reason}.", "Free some space.",
                                       reason=because(problem)))
    except MemoryError:
        state = failed(TOO_LARGE)
    write_state(folder, state)


def look(folder: Path) -> None:
    """The beginning of FOLDER/source as FOLDER/glance.json, or why it is no list as the state."""
    try:
        (folder / "glance.json").write_bytes(msgspec.json.encode(glance(folder / "source")))
    except SwitchroomError as problem:
        write_state(folder, failed(problem))
    except MemoryError:
        write_state(folder, failed(TOO_LARGE))


def behave() -> None:
    """This process leaves the processor to calls, and grows no further than a list may make it."""
    os.umask(0o077)
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


def main() -> None:
    behave()
    {"look": look, "check": run}[sys.argv[1]](Path(sys.argv[2]))


if __name__ == "__main__":
    main()
