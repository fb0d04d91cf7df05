"""Figures as a mail ([[reports]]): in words and tables, with the whole as files, queued once for each time that it is due."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal

from appliance.catalogues import text_in
from appliance.clock import Clock
from appliance.config.goals import FigureReport
from appliance.config.model import Config
from appliance.figures import report, table
from appliance.figures.ask import Of, Sources
from appliance.figures.definitions import BY_ID, Figure
from appliance.figures.report import Line, Report
from appliance.figures.shown import USUAL, bounds, text_of
from appliance.figures.store import FiguresStore
from appliance.ledger.reader import LedgerReader
from appliance.mail.figures_words import WORDS
from appliance.mail.outbox import Outbox
from appliance.percent import percent

log = logging.getLogger("figures")

Attached = tuple[str, tuple[str, str], bytes]
"""Name, type, content."""
MOST_ROWS = 100
"""In the mail itself: the files have all."""
CATCH_UP_SECONDS = 600.0
"""Somebody else who computes the figures is waited for so long."""
_XLSX = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")
_MEGABYTE = 1_000_000
_BASE64 = 4 / 3 * 78 / 76
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_CELL = "padding:3px 14px 3px 0;border-bottom:1px solid #d8dee4;text-align:{side}"
_SIGNS = {"missed": "◆", "alarm": "■"}


def mail_id(wanted: FigureReport, due: float, zone: ZoneInfo) -> str:
    """The mail's id in the outbox: one time that it is due never gives two mails."""
    return f"figures-{wanted.name}-{datetime.fromtimestamp(due, zone):%Y%m%d-%H%M}"


def queue_report(data: Path, config: Config, wanted: FigureReport, due: float, clock: Clock) -> bool:
    """Compute and queue what was due then; False where that was done before. Blocks on the disk. Raises SwitchroomError,
    OSError."""
    zone, outbox = ZoneInfo(config.office.timezone), Outbox(data / "mail", clock)
    id = mail_id(wanted, due, zone)
    if outbox.has(id):
        return False
    with FiguresStore(data) as store, LedgerReader(data / "ledger") as ledger:
        catch_up(store, ledger)
        made = compute(config, wanted, Sources(store, ledger, zone, due))
    return outbox.queue(compose(config, wanted, made, zone), id)


def catch_up(store: FiguresStore, ledger: LedgerReader) -> None:
    """Up to what the ledger holds now, whoever it is that computes it."""
    last, deadline = ledger.last_seq(), time.monotonic() + CATCH_UP_SECONDS
    while store.catch_up(ledger).seq < last and time.monotonic() < deadline:
        time.sleep(0.2)


def compute(config: Config, wanted: FigureReport, sources: Sources) -> Report:
    question = report.Question(period=wanted.about, by=wanted.by, of=Of(queue=wanted.queue or ""))
    return report.ask_for(question, sources, config)


def compose(config: Config, wanted: FigureReport, made: Report, zone: ZoneInfo) -> EmailMessage:
    """The whole mail: text, HTML, and the files as far as the size limit lets through."""
    letter = Letter(config, wanted, made, zone)
    attached, left_out = _files(config, wanted, made, zone)
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = letter.subject
    if config.mail.sender:
        sender, _, domain = config.mail.sender.partition("@")
        mail["From"] = Address(_one_line(config.mail.sender_name or config.office.name), sender, domain)
    mail["To"] = ", ".join(wanted.to)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's out-of-office answers it
    notes = letter.notes(bool(attached), left_out)
    mail.set_content(letter.text(notes), cte="base64")
    mail.add_alternative(letter.html(notes), subtype="html", cte="base64")
    for name, (kind, subtype), content in attached:
        params = {"charset": "utf-8"} if kind == "text" else {}
        mail.add_attachment(content, maintype=kind, subtype=subtype, filename=name, params=params)
    mail["Content-Language"] = letter.language
    return mail


def _files(config: Config, wanted: FigureReport, made: Report, zone: ZoneInfo) -> tuple[list[Attached], list[str]]:
    room = config.mail.max_attachment_mb * _MEGABYTE
    since, until = (datetime.fromtimestamp(at, zone).date() for at in (made.period.since, made.period.until - 1))
    attached: list[Attached] = []
    left_out: list[str] = []
    for form in dict.fromkeys(wanted.files):
        name = f"figures-{wanted.name}-{since}{f'-{until}' if until != since else ''}.{form}"
        content = (table.xlsx_bytes if form == "xlsx" else table.csv_bytes)(made, zone, wanted.language or config.office.language)
        if len(content) * _BASE64 > room:
            left_out.append(name)
            continue
        room -= int(len(content) * _BASE64)
        attached.append((name, _XLSX if form == "xlsx" else ("text", "csv"), content))
    return attached, left_out


def _one_line(text: str) -> str:
    return _CONTROL.sub(" ", text)


class Letter:
    """A report put into words of one language."""

    def __init__(self, config: Config, wanted: FigureReport, made: Report, zone: ZoneInfo) -> None:
        self.language = wanted.language or config.office.language
        self._words = WORDS[self.language]
        self._wanted = wanted
        self._made = made
        self._zone = zone
        kind = made.rows[0].kind if made.rows else made.total.kind
        self._columns = [BY_ID[id] for id in wanted.figures or USUAL[kind]]
        heads = made.total.values
        self._totals = [figure for figure in (BY_ID[id] for id in wanted.figures or USUAL[made.total.kind]) if figure.id in heads]
        self.subject = _one_line(self._words["subject"].format(
            office=config.office.name, name=wanted.name, period=self._span(made.period.since, made.period.until)))

    def _span(self, since: float, until: float) -> str:
        first, last = (datetime.fromtimestamp(at, self._zone).date() for at in (since, until - 1))
        begin = format_date(first, "medium", locale=self.language)
        return begin if first == last else f"{begin} – {format_date(last, 'medium', locale=self.language)}"

    def _number(self, value: float, digits: int) -> str:
        return str(format_decimal(round(value, digits), f"#,##0.{'0' * digits}" if digits else "#,##0", locale=self.language))

    def _percent(self, share: float, digits: int) -> str:
        return percent(share, self.language, digits)

    def _name(self, figure: Figure) -> str:
        return text_in(self.language)(figure.name)

    def _cell(self, figure: Figure, line: Line) -> str:
        goal = line.goals.get(figure.id)
        sign = _SIGNS.get(goal.standing or "") if goal else None
        text = text_of(figure, line.values.get(figure.id), self._number, self._percent)
        return f"{text} {sign}" if sign else text

    def totals(self) -> list[list[str]]:
        """Head, and a row for each figure: name, value, before, target."""
        words, made = self._words, self._made
        rows = [[words["figure"], words["value"], words["before"], words["target"]]]
        for figure in self._totals:
            rows.append([self._name(figure), self._cell(figure, made.total),
                         text_of(figure, made.before.get(figure.id), self._number, self._percent),
                         bounds(figure, made.total.goals.get(figure.id), self._number, self._percent)])
        return rows if any(row[3] for row in rows[1:]) else [row[:3] for row in rows]

    def rows(self) -> list[list[str]]:
        """Head, and the report's own rows, as many as fit."""
        made = self._made
        head = [self._words[made.question.by], *(self._name(figure) for figure in self._columns)]
        return [head] + [[self._key(line), *(self._cell(figure, line) for figure in self._columns)]
                         for line in made.rows[:MOST_ROWS]]

    def _key(self, line: Line) -> str:
        return _one_line(table.key_text(self._made, line, self._zone, self.language))

    def notes(self, attached: bool, left_out: Sequence[str]) -> list[str]:
        words, made, setting = self._words, self._made, self._made.setting
        shown = [goal.standing for line in (made.total, *made.rows) for goal in line.goals.values()]
        signs = ", ".join(f"{sign} {words[standing]}" for standing, sign in _SIGNS.items() if standing in shown)
        more = len(made.rows) - MOST_ROWS
        return [each for each in (
            signs, words["more"].format(count=more) if more > 0 else "", words["files"] if attached else "",
            words["left_out"].format(files=", ".join(left_out)) if left_out else "",
            words["compared"].format(period=self._span(made.compared.since, made.compared.until)),
            words["thresholds"].format(level=f"{setting.level_seconds:g}", short=f"{setting.short_seconds:g}"),
        ) if each]

    # -- as text and as HTML --

    def text(self, notes: Sequence[str]) -> str:
        parts = [self.subject, "", *_lines(self.totals()), ""]
        parts += [*_lines(self.rows()), ""] if self._made.rows else [self._words["nothing"], ""]
        parts += [*notes, "", "-- ", self._words["footer"].format(name=self._wanted.name), ""]
        return "\n".join(parts)

    def html(self, notes: Sequence[str]) -> str:
        """Tables and inline styles alone: mail programs drop the rest."""
        body = [f'<h1 style="font-size:20px;margin:0 0 12px 0">{escape(self.subject)}</h1>', _table(self.totals())]
        body.append(_table(self.rows()) if self._made.rows else f"<p>{escape(self._words['nothing'])}</p>")
        body += [f'<p style="margin:8px 0 0 0">{escape(note)}</p>' for note in notes]
        footer = self._words["footer"].format(name=self._wanted.name)
        body.append(f'<p style="margin:20px 0 0 0;color:#57606a;font-size:12px">{escape(footer)}</p>')
        font = "font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:20px;color:#24292f"
        return (
            f'<!DOCTYPE html>\n<html lang="{self.language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self.subject)}</title></head>\n"
            f'<body style="margin:0;padding:0;background:#ffffff"><div style="padding:20px;{font}">\n'
            + "\n".join(body) + "\n</div></body></html>\n")


def _lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]

    def line(row: Sequence[str]) -> str:
        first, *others = zip(row, widths, strict=True)
        return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()

    return [line(row) for row in rows]


def _table(rows: Sequence[Sequence[str]]) -> str:
    sides = ["left", *["right"] * (len(rows[0]) - 1)]
    left, right = _CELL.format(side="left"), _CELL.format(side="right")
    head = "".join(f'<th scope="col" style="{_CELL.format(side=side)}">{escape(cell)}</th>'
                   for cell, side in zip(rows[0], sides, strict=True))
    body = ""
    for first, *others in rows[1:]:
        cells = "".join(f'<td style="{right}">{escape(cell)}</td>' for cell in others)
        body += f'<tr><th scope="row" style="{left};font-weight:normal">{escape(first)}</th>{cells}</tr>'
    return ('<table cellpadding="0" cellspacing="0" border="0" style="border-collapse:collapse;margin:0 0 20px 0">'
            f"<tr>{head}</tr>{body}</table>")
