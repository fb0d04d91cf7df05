"""A report as CSV and XLSX, in the language of whoever reads it. Names come from the configuration and from people: no cell is
taken for a formula."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from zoneinfo import ZoneInfo

from appliance.catalogues import text_in
from appliance.ledger.export import safe_cell
from appliance.sentences import say

from .definitions import Figure
from .report import Line, Report, columns

Cell = str | float | int | None
HEADS = {
    "queue": say("Queue"), "agent": say("Agent"), "line": say("Line"), "campaign": say("Campaign"),
    "quarter": say("Quarter of an hour"), "hour": say("Hour"), "day": say("Day"), "weekday": say("Day of the week"),
    "clock": say("Hour of the day"),
}  # fmt: skip
"""What stands above the rows' names, by how the report is divided."""
UNITS = {
    "count": say("number"), "seconds": say("seconds"), "share": say("share of 1"), "per-hour": say("an hour"),
    "points": say("points"), "score": say("score"),
}  # fmt: skip
HEAD = say("{figure} ({unit})")
ALL, FIGURES, FORMULAS = say("All"), say("Figures"), say("Formulas")


def key_text(report: Report, line: Line, zone: ZoneInfo, language: str = "en") -> str:
    """A row's name for people who read a table."""
    match report.question.by:
        case "quarter" | "hour":
            return datetime.fromtimestamp(int(line.key), zone).strftime("%Y-%m-%d %H:%M")
        case "weekday":
            from babel import Locale  # seldom asked for, and large

            return str(Locale(language).days["stand-alone"]["wide"][int(line.key)])
        case "clock":
            return f"{int(line.key):02}:00"
    return line.name or line.key


def _cell(line: Line, figure: Figure) -> Cell:
    found = line.values.get(figure.id)
    if found is None or found.value is None:
        return None
    return round(found.value) if figure.unit == "count" else round(found.value, 4)


def cells(report: Report, zone: ZoneInfo, language: str = "en") -> tuple[list[str], list[list[Cell]]]:
    """Header and rows, the total last."""
    tell, figures = text_in(language), columns(report)
    heads = [HEAD.about(figure=tell(figure.name), unit=UNITS[figure.unit].told(tell)) for figure in figures]
    header = [HEADS[report.question.by].told(tell), *(head.told(tell) for head in heads)]
    rows: list[list[Cell]] = [
        [key_text(report, line, zone, language), *(_cell(line, figure) for figure in figures)] for line in report.rows]
    rows.append([ALL.told(tell), *(_cell(report.total, figure) for figure in figures)])
    return header, rows


def csv_bytes(report: Report, zone: ZoneInfo, language: str = "en") -> bytes:
    """UTF-8 with a mark that spreadsheets know it by; plain numbers, shares from 0 to 1."""
    header, rows = cells(report, zone, language)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    lines: list[list[Cell]] = [[*header], *rows]
    for row in lines:
        writer.writerow(["" if cell is None else safe_cell(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def xlsx_bytes(report: Report, zone: ZoneInfo, language: str = "en") -> bytes:
    """Two sheets: the figures, and the formula of each."""
    import xlsxwriter  # 2 MB, and seldom asked for

    tell = text_in(language)
    header, rows = cells(report, zone, language)
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        bold = book.add_format({"bold": True})
        sheet = book.add_worksheet(FIGURES.told(tell)[:31])
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, 0, 24)
        sheet.write_row(0, 0, header, bold)
        for number, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(number, column, cell)
                elif cell is not None:
                    sheet.write_number(number, column, cell)
        words = book.add_worksheet(FORMULAS.told(tell)[:31])
        words.set_column(0, 0, 34)
        words.set_column(1, 1, 80)
        for number, figure in enumerate(columns(report)):
            words.write_string(number, 0, tell(figure.name), bold)
            words.write_string(number, 1, tell(figure.formula))
    return out.getvalue()
