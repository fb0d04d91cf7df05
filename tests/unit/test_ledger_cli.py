"""`switchroom cdr` and `switchroom ledger`, by their commands."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from appliance import messages as m
from appliance.cli.cdr import cdr, parse_when
from appliance.cli.ledger import ledger
from appliance.clock import ManualClock
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.ledger.reader import LedgerReader
from appliance.ledger.store import U64x2
from tests.ledger_samples import CAUSE, QUALITY

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
EVIL = '=cmd|"/c calc"!A1'


@dataclass
class Context:
    data: Path
    json: bool = False


@pytest.fixture
def box(tmp_path: Path) -> Context:
    clock = ManualClock(utc=NOW.timestamp())
    book = Ledger(tmp_path / "ledger", clock, "boot", reserve_bytes=0)
    for n in range(5):
        opened = m.LegOpened(
            call=f"c{n}", leg=f"l{n}", direction="in", kind="line", endpoint="gateway", number=f"+35840123456{n % 2}",
            name=EVIL, sip_call_id=f"s{n}", purpose=EVIL if n == 4 else "excuse",
        )  # fmt: skip
        book.commit_now(opened)
        clock.advance(60)
        book.commit_now(
            m.LegAnswered(leg=f"l{n}", codec="PCMA"), m.LegEnded(leg=f"l{n}", cause=CAUSE, quality=QUALITY),
            m.CallEnded(call=f"c{n}", disposition="answered"),
        )  # fmt: skip
    book.close_now()
    return Context(tmp_path)


def run(box: Context, group: Any, *arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(group, arguments, obj=box)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status
    return result


def test_list_filters_and_pages(box: Context) -> None:
    rows = json.loads(run(box, cdr, "list", "--json").stdout)
    assert [row["call"] for row in rows] == ["c4", "c3", "c2", "c1", "c0"]
    assert rows[0]["from"] == "+358401234560"
    page = json.loads(run(box, cdr, "list", "--json", "--limit", "2", "--after", rows[1]["key"]).stdout)
    assert [row["call"] for row in page] == ["c2", "c1"]
    found = json.loads(run(box, cdr, "list", "--json", "--number", "+358401234561", "--oldest").stdout)
    assert [row["call"] for row in found] == ["c1", "c3"]
    since = json.loads(run(box, cdr, "list", "--json", "--since", "2026-11-22T10:31:30+00:00").stdout)
    assert [row["call"] for row in since] == ["c4", "c3", "c2"]
    assert json.loads(run(box, cdr, "list", "--json", "--line", "other").stdout) == []
    assert "No calls" in run(box, cdr, "list", "--extension", "999").stdout


@pytest.mark.parametrize(("columns", "line"), [("80", False), ("120", True)])
def test_a_listed_call_can_be_named_to_other_commands(
    box: Context, monkeypatch: pytest.MonkeyPatch, columns: str, line: bool,
) -> None:
    """Its id stands in one piece, also in a terminal of few columns, which is told less of the rest."""
    monkeypatch.setenv("COLUMNS", columns)
    book = Ledger(box.data / "ledger", ManualClock(utc=NOW.timestamp() + 600), "boot", reserve_bytes=0)
    call = "01kjps0kgd50e19vvg"
    book.commit_now(
        m.LegOpened(call=call, leg="x", direction="in", kind="line", endpoint="gateway", number="+358401234567"),
        m.LegOpened(call=call, leg="y", direction="out", kind="line", endpoint="provider", number="+358917700000"),
        m.LegEnded(leg="y", cause=CAUSE), m.LegEnded(leg="x", cause=CAUSE), m.CallEnded(call=call, disposition="interrupted"))
    book.close_now()
    listed = run(box, cdr, "list").stdout
    assert call in listed and "+358401234567" in listed and ("gateway" in listed) == line


def test_list_by_queue_and_agent(box: Context) -> None:
    book = Ledger(box.data / "ledger", ManualClock(utc=NOW.timestamp() + 600), "boot", reserve_bytes=0)
    book.commit_now(m.ContactConnected(at=1.0, contact="c2", agent="anna", queue="front"))
    book.close_now()
    for option in (("--queue", "front"), ("--agent", "anna"), ("--queue", "front", "--agent", "anna")):
        assert [each["call"] for each in json.loads(run(box, cdr, "list", "--json", *option).stdout)] == ["c2"]
    assert json.loads(run(box, cdr, "list", "--json", "--queue", "billing").stdout) == []
    assert run(box, cdr, "export", "--agent", "anna").stdout.count("\n") == 2  # with its head


def test_show_by_either_id(box: Context) -> None:
    found = json.loads(run(box, cdr, "show", "s3", "--json").stdout)
    assert found["call"] == "c3"
    assert found["legs"][0]["cause"]["sip"] == 486
    assert found["legs"][0]["quality"]["mos"] == 4.1
    assert "MOS 4.1" in run(box, cdr, "show", "c3").stdout
    with pytest.raises(SwitchroomError) as unknown:
        run(box, cdr, "show", "nope")
    assert unknown.value.id == "cdr.unknown"


def test_export_in_each_form(box: Context) -> None:
    rows = list(csv.DictReader(io.StringIO(run(box, cdr, "export").stdout, newline="")))
    assert [row["call"] for row in rows] == ["c0", "c1", "c2", "c3", "c4"]
    assert rows[4]["purpose"] == "'" + EVIL
    assert rows[0]["from"] == "+358401234560"
    assert rows[0]["start"] == "2026-11-22T10:30:00.000Z"
    lines = [json.loads(line) for line in run(box, cdr, "export", "--format", "jsonl", "--limit", "2").stdout.splitlines()]
    assert [line["legs"][0]["name"] for line in lines] == [EVIL, EVIL]
    target = box.data / "calls.parquet"
    run(box, cdr, "export", "-o", str(target), "--number", "+358401234561")
    table = pq.read_table(target).to_pydict()
    assert table["call"] == ["c1", "c3"]
    assert table["start"][0] == datetime(2026, 11, 22, 10, 31, tzinfo=UTC)
    run(box, cdr, "export", "-o", str(box.data / "calls.csv"))
    assert (box.data / "calls.csv").read_bytes().count(b"\r\n") == 6
    assert not list(box.data.glob("*.part"))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("now", "2026-11-22T10:30:00"), ("today", "2026-11-22T00:00:00"), ("Yesterday", "2026-11-21T00:00:00"),
        ("90m", "2026-11-22T09:00:00"), ("7d", "2026-11-15T10:30:00"), ("2026-11-20", "2026-11-20T00:00:00"),
        ("2026-11-20T08:00:00+02:00", "2026-11-20T06:00:00"),
    ],
)  # fmt: skip
def test_times_as_people_write_them(text: str, expected: str) -> None:
    assert parse_when(text, NOW) == datetime.fromisoformat(expected + "+00:00").timestamp()


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "1y", "99999999999999d"])
def test_no_times(text: str) -> None:
    with pytest.raises(SwitchroomError) as refused:
        parse_when(text, NOW)
    assert refused.value.id == "cdr.bad-time"


OFFICE = """
[office]
name = "Office"
country = "FI"
timezone = "Europe/Helsinki"
language = "en"
[sip]
listen = "127.0.0.1:5060"
[[lines]]
name = "gateway"
driver = "sip-gateway"
address = "127.0.0.9:5060"
channels = 5
"""


def test_rebuild_puts_numbers_of_an_older_release_into_one_form(tmp_path: Path) -> None:
    Store(tmp_path).save(OFFICE, by="test")
    book = Ledger(tmp_path / "ledger", ManualClock(utc=NOW.timestamp()), "boot", reserve_bytes=0)
    calls: list[tuple[str, Literal["line", "phone"], str]] = [
        ("c1", "line", "0401234567"), ("c2", "line", "+358401234567"), ("c3", "line", "anonymous"),
        ("c4", "phone", "00401234567"), ("c5", "line", "0409999999")]
    for call, kind, number in calls:
        book.commit_now(
            m.LegOpened(call=call, leg=f"{call}-1", direction="in", kind=kind, endpoint="gateway", number=number, name="Eeva"),
            m.LegEnded(leg=f"{call}-1"), m.CallEnded(call=call, disposition="no_answer"))
    book.commit_now(m.VoicemailLeft(box="101", message="m1", call="c1", caller="0401234567", seconds=3.0, sha256=""))
    book.close_now()
    box = Context(tmp_path)
    with LedgerReader(tmp_path / "ledger") as reader:
        assert [each.call for each in reader.cdrs(number="+358401234567")] == ["c2"]
    erased(tmp_path, "0409999999")
    assert "2 numbers of callers" in run(box, ledger, "rebuild").stdout
    with LedgerReader(tmp_path / "ledger") as reader:
        assert [each.call for each in reader.cdrs(number="+358401234567")] == ["c1", "c2"]
        assert [each.caller for each in reader.cdrs()] == ["+358401234567", "+358401234567", "anonymous", "gateway", "(erased)"]
        events = [record.event for record in reader.follow()]
        assert [each.name for each in events if isinstance(each, m.LegOpened)] == ["Eeva"] * 4 + ["(erased)"]
        assert [each.number for each in events if isinstance(each, m.LegOpened)][3] == "00401234567"  # what was dialled is that
        assert [each.caller for each in events if isinstance(each, m.VoicemailLeft)] == ["+358401234567"]
    assert json.loads(run(box, ledger, "check", "--json").stdout)["problems"] == []
    assert "numbers of callers" not in run(box, ledger, "rebuild").stdout
    erased(tmp_path, "+358401234567")  # the name goes with the number, as ever
    with LedgerReader(tmp_path / "ledger") as reader:
        assert [each.name for record in reader.follow() if isinstance(each := record.event, m.LegOpened)][:2] == ["(erased)"] * 2


def erased(data: Path, number: str) -> None:
    async def work() -> None:
        book = Ledger(data / "ledger", ManualClock(), "boot", reserve_bytes=0)
        assert await book.erase(number)
        await book.close()

    asyncio.run(work())


def test_check_finds_damage_and_rebuild_mends_it(box: Context) -> None:
    assert json.loads(run(box, ledger, "check", "--json").stdout)["problems"] == []
    book = Ledger(box.data / "ledger", ManualClock(), "boot", reserve_bytes=0)
    with book._store.write() as (txn, dbs):
        key, _ = next(iter(txn.cursor(db=dbs["cdr"])))
        txn.delete(key, db=dbs["cdr"])
        txn.put(U64x2.pack(1, 1) * 2, b"", db=dbs["cdr_line"])
    with pytest.raises(SwitchroomError) as locked:
        run(box, ledger, "rebuild")
    assert locked.value.id == "ledger.locked"
    book.close_now()
    damaged = json.loads(run(box, ledger, "check", "--json", status=1).stdout)
    assert any("c0" in problem for problem in damaged["problems"])
    assert any("cdr_line" in problem for problem in damaged["problems"])
    assert "5 call records" in run(box, ledger, "rebuild").stdout
    assert json.loads(run(box, ledger, "check", "--json").stdout)["cdrs"] == 5


def test_tail(box: Context) -> None:
    lines = run(box, ledger, "tail", "-n", "2").stdout.splitlines()
    assert [line.split()[3] for line in lines] == ["LegEnded", "CallEnded"]
    after = run(box, ledger, "tail", "--after", "19", "--json").stdout.splitlines()
    assert [json.loads(line)["event"] for line in after] == [{"type": "CallEnded", "call": "c4", "disposition": "answered"}]
