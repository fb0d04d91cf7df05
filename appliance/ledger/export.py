"""CDRs for other programs: flat columns, CSV that no spreadsheet takes for a formula, JSON lines, Parquet. All
streaming."""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from appliance.errors import SwitchroomError

from .cdr import Cdr
from .reader import LedgerReader

COLUMNS = (
    "call", "start", "direction", "from", "to", "disposition", "duration", "ring", "talk", "hold", "purpose", "reached", "line",
    "campaign", "subscriber", "attempt", "outcome", "seconds_heard", "digit", "legs", "sip_call_ids", "cause_sip", "cause_q850",
    "mos", "loss", "jitter_ms", "recordings", "answers",
)  # fmt: skip
PAGE = 1000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def walk(reader: LedgerReader, limit: int | None = None, **query: Any) -> Iterator[Cdr]:
    """All CDRs of a query (see `LedgerReader.cdrs`), a page at a time, each page a short transaction of its own."""
    after, left = "", limit
    while left is None or left > 0:
        page = reader.cdrs(limit=PAGE if left is None else min(PAGE, left), after=after, **query)
        yield from page
        if not page:
            return
        after, left = page[-1].key, None if left is None else left - len(page)


def plain(value: Any) -> Any:
    """A CDR (or part of one) as maps and lists with the names that scripts rely on."""
    if isinstance(value, msgspec.Struct):
        return {field.encode_name: plain(getattr(value, field.name)) for field in msgspec.structs.fields(value)}
    return [plain(item) for item in value] if isinstance(value, list) else value


def utc_text(utc: float) -> str:
    return datetime.fromtimestamp(utc, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def flat(cdr: Cdr) -> dict[str, Any]:
    """One row: the CDR's own fields, the last leg's cause, and the worst quality among its legs."""
    row: dict[str, Any] = {name: value for name, value in plain(cdr).items() if name in COLUMNS}
    heard = [leg.quality for leg in cdr.legs if leg.quality is not None]
    cause = cdr.legs[-1].cause if cdr.legs else None
    row |= {
        "start": utc_text(cdr.start), "legs": len(cdr.legs),
        "sip_call_ids": " ".join(leg.sip_call_id for leg in cdr.legs if leg.sip_call_id),
        "cause_sip": cause.sip if cause else 0, "cause_q850": cause.q850 if cause else 0,
        "mos": min((q.mos for q in heard if q.mos), default=None),
        "recordings": " ".join(each.recording for each in cdr.recordings if not each.erased),
        "answers": " ".join(f"{each.question}={'spoken' if each.score is None else each.score}" for each in cdr.answers),
        "loss": max((q.loss for q in heard), default=None), "jitter_ms": max((q.jitter_ms for q in heard), default=None),
    }  # fmt: skip
    return {name: round(value, 6) if isinstance(value := row[name], float) else value for name in COLUMNS}


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV injection). A plain
    number with
    its sign, as every E.164 number is, cannot do anything and stays as it is."""
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    if value[0] in "+-" and value[1:].isascii() and value[1:].isdigit():
        return value
    return "'" + value


def csv_lines(cdrs: Iterable[Cdr]) -> Iterator[str]:
    """RFC 4180, header first."""
    yield _csv_line(COLUMNS)
    for cdr in cdrs:
        yield _csv_line(["" if value is None else safe_cell(value) for value in flat(cdr).values()])


def _csv_line(cells: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def json_lines(cdrs: Iterable[Cdr]) -> Iterator[str]:
    """One whole CDR per line, legs and all."""
    for cdr in cdrs:
        yield msgspec.json.encode(plain(cdr)).decode() + "\n"


def write_parquet(cdrs: Iterable[Cdr], path: Path, progress: Callable[[int], None] = lambda count: None) -> int:
    """Rows as `flat`, 10,000 to a row group, zstd. Takes pyarrow, which the box itself does not need. -> rows
    written."""
    try:
        pa = importlib.import_module("pyarrow")
        pq = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise SwitchroomError(
            "cdr.no-parquet",
            "Parquet needs pyarrow, which is not installed.",
            "Run `pip install pyarrow`, or export csv or jsonl.",
        ) from error
    texts = {
        "call",
        "direction",
        "from",
        "to",
        "disposition",
        "purpose",
        "reached",
        "line",
        "outcome",
        "digit",
        "sip_call_ids",
        "recordings",
        "answers",
    }
    whole = {"campaign", "subscriber", "attempt", "legs", "cause_sip", "cause_q850"}
    types = (
        {"start": pa.timestamp("ms", tz="UTC")} | dict.fromkeys(texts, pa.string()) | dict.fromkeys(whole, pa.int64())
    )
    schema = pa.schema([(name, types.get(name, pa.float64())) for name in COLUMNS])
    rows, count = iter(cdrs), 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(rows, 10_000)):
            table = [flat(cdr) | {"start": datetime.fromtimestamp(cdr.start, UTC)} for cdr in group]
            writer.write_table(pa.Table.from_pylist(table, schema=schema))
            count += len(group)
            progress(count)
    return count
