"""The report as an HTML mail. Only tables and inline styles: mail programs drop scripts, style sheets, SVG and often
pictures, so the charts are table cells with a background."""

from __future__ import annotations

from html import escape

from appliance.campaigns.render.view import Bar, Section, View

_FONT = "font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:20px;color:#24292f"
_CELL = "padding:3px 10px 3px 0;vertical-align:top"
_LINE = "border-bottom:1px solid #d8dee4"
_BAR_WIDTH = 240


def html(view: View) -> str:
    """A whole HTML document."""
    body = [
        f'<h1 style="font-size:20px;line-height:26px;margin:0 0 4px 0">{escape(view.title)}</h1>',
        f'<p style="margin:0 0 16px 0;color:#57606a">{escape(view.subject)}</p>',
        _facts(view.facts),
        _heading(view.results_title),
        _bars(view.results, view.total),
    ]
    if view.hours:
        body += [_heading(view.hours_title), _bars(view.hours, None)]
    body += [_section(section) for section in view.sections]
    body += [f'<p style="margin:12px 0 0 0">{escape(note)}</p>' for note in view.notes]
    body.append(f'<p style="margin:20px 0 0 0;color:#57606a;font-size:12px">{escape(view.footer)}</p>')
    return (
        f'<!DOCTYPE html>\n<html lang="{view.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(view.subject)}</title></head>\n"
        f'<body style="margin:0;padding:0;background:#ffffff"><div style="max-width:680px;padding:20px;{_FONT}">\n'
        + "\n".join(body)
        + "\n</div></body></html>\n"
    )


def _heading(text: str) -> str:
    return f'<h2 style="font-size:16px;line-height:22px;margin:20px 0 6px 0">{escape(text)}</h2>'


def _table(rows: list[str], role: str = "") -> str:
    attribute = f' role="{role}"' if role else ""
    start = f'<table{attribute} cellpadding="0" cellspacing="0" border="0" style="border-collapse:collapse;{_FONT}">'
    return start + "".join(rows) + "</table>"


def _facts(facts: list[tuple[str, str]]) -> str:
    return _table(
        [
            f'<tr><th scope="row" align="left" style="{_CELL};font-weight:normal;color:#57606a">{escape(label)}</th>'
            f'<td style="{_CELL}">{escape(value)}</td></tr>'
            for label, value in facts
        ]
    )


def _bars(bars: list[Bar], total: Bar | None) -> str:
    rows = [_bar(bar) for bar in bars]
    if total is not None:
        rows.append(
            f'<tr><th scope="row" align="left" style="{_CELL};border-top:1px solid #d8dee4">{escape(total.label)}</th>'
            f'<td align="right" style="{_CELL};border-top:1px solid #d8dee4"><b>{escape(total.count)}</b></td>'
            '<td style="border-top:1px solid #d8dee4"></td><td style="border-top:1px solid #d8dee4"></td></tr>'
        )
    return _table(rows)


def _bar(bar: Bar) -> str:
    """One row: label, count, share, and a cell as long as the figure. Width stands as attribute too, for Outlook."""
    width = max(1 if bar.length else 0, round(bar.length * _BAR_WIDTH))
    drawn = (
        f'<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr><td width="{width}" height="14" '
        f'bgcolor="{bar.colour}" style="width:{width}px;height:14px;background:{bar.colour};font-size:1px;'
        'line-height:1px">&nbsp;</td></tr></table>'
        if width
        else ""
    )
    return (
        f'<tr><th scope="row" align="left" style="{_CELL};font-weight:normal">{escape(bar.label)}</th>'
        f'<td align="right" style="{_CELL}">{escape(bar.count)}</td>'
        f'<td align="right" style="{_CELL};color:#57606a">{escape(bar.share)}</td>'
        f'<td style="padding:3px 0;vertical-align:middle">{drawn}</td></tr>'
    )


def _section(section: Section) -> str:
    parts = [_heading(section.title)]
    rows = []
    if section.header:
        cells = "".join(f'<th align="left" style="{_CELL};{_LINE}">{escape(text)}</th>' for text in section.header)
        rows.append(f"<tr>{cells}</tr>")
    for row in section.rows:
        rows.append("<tr>" + "".join(f'<td style="{_CELL};{_LINE}">{escape(text)}</td>' for text in row) + "</tr>")
    if rows:
        parts.append(_table(rows))
    if section.note:
        parts.append(f'<p style="margin:6px 0 0 0">{escape(section.note)}</p>')
    return "\n".join(parts)
