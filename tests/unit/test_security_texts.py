"""Text of strangers (names, numbers, columns, reasons) stays text: in spreadsheets, web pages, terminals, logs and SIP."""

from __future__ import annotations

import csv
import io
import json
import logging

import pytest

from appliance.campaigns.render.tables import safe_cell
from appliance.ledger import export
from appliance.system.logs import JsonFormatter, TerminalFormatter
from drivers.sip import headers as h

FORMULAS = ['=HYPERLINK("http://x","y")', "+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(1,1)", "\t=1+1", "\r=1+1", "\n=1", " =1+1"]
PLAIN = ["+358401234567", "Anna", "", "12", "-5"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_report_is_a_formula(text: str) -> None:
    assert safe_cell(text).startswith("'")


@pytest.mark.parametrize("text", [text for text in FORMULAS if not text.startswith(" ")])
def test_no_cell_of_the_call_records_is_a_formula(text: str) -> None:
    assert str(export.safe_cell(text)).startswith("'")


@pytest.mark.parametrize("text", PLAIN)
def test_plain_cells_stay_as_they_are(text: str) -> None:
    assert safe_cell(text) == text == export.safe_cell(text)


def test_a_cell_cannot_break_out_of_its_row() -> None:
    out = io.StringIO()
    csv.writer(out).writerow([safe_cell('a",b\r\n=1+1,c'), "next"])
    assert list(csv.reader(io.StringIO(out.getvalue()))) == [['a",b\r\n=1+1,c', "next"]]


SMUGGLED = ["x\r\nVia: evil", "x\nContact: <sip:evil>", "x\rBye", "x\0y", "\r\n\r\nINVITE sip:evil SIP/2.0"]


@pytest.mark.parametrize("text", SMUGGLED)
def test_no_line_end_gets_into_a_sip_header(text: str) -> None:
    """Names and numbers of callers and lists go into headers and request URIs."""
    for made in (h.escape_user(text), h.name_addr("sip:a@b", text), h.one_line(text).decode()):
        assert not set("\r\n\0") & set(made), made
    with pytest.raises(ValueError, match="not a header"):
        h.header_lines([("X-Note", text)])


@pytest.mark.parametrize("user", ["a@evil.example", "a;transport=tcp", "a>b", "a b", 'a"b', "a?Replaces=x", "a%0d%0aVia"])
def test_a_number_cannot_become_more_than_a_user(user: str) -> None:
    """`;` and `?` are ordinary characters of a user part (RFC 3261 25.1): what ends it are these."""
    assert not set("@<> \":") & set(h.escape_user(user))


def record(text: str, **extra: str) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "sip", "levelname": "INFO", "levelno": 20, "msg": text})
    vars(made).update(extra)
    return made


@pytest.mark.parametrize("evil", ["\x1b]0;title\x07", "\x1b[2J", "one\ntwo", "\x9b31m", "\u202egnp.exe"])
def test_no_log_line_is_more_than_one_or_steers_a_terminal(evil: str) -> None:
    """A far end chooses its reason phrases; the log may be read on a terminal."""
    for text in (JsonFormatter().format(record(evil, reason=evil)), TerminalFormatter().format(record(evil, reason=evil))):
        assert all(char.isprintable() for char in text), repr(text)
    assert json.loads(JsonFormatter().format(record(evil, reason=evil)))["reason"] == evil


def test_what_a_log_holds_of_a_stranger_is_short() -> None:
    assert h.printable("x" * 500 + "\x1b") == "x" * 40
    assert h.printable("a\x1b[2Jb") == "a?[2Jb"
