"""`switchroom survey`: what callers answered after their calls."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from appliance.cli import noting
from appliance.cli.answers import in_json, json_option
from appliance.cli.cdr import open_reader, parse_when
from appliance.cli.office import office_now, office_time
from appliance.errors import SwitchroomError
from appliance.ledger.surveys import asked_since
from appliance.surveys import Asked, Figure, figures


@click.group()
def survey() -> None:
    """See what callers answered after their calls.

    \b
    switchroom survey list                  who was asked, and the answers
    switchroom survey show                  CSAT, NPS and CES of each question
    switchroom survey show --queue front --since 30d
    """


def filters(function: Any) -> Any:
    for option in reversed((
        click.option("--since", default="7d", show_default=True, metavar="WHEN", help="today, 7d, 2026-11-22, …"),
        click.option("--until", metavar="WHEN", help="Asked before this."),
        click.option("--survey", "name", default="", help="Of this survey alone."),
        click.option("--queue", default="", help="After calls of this queue."),
        click.option("--agent", default="", help="After calls with this agent."),
    )):  # fmt: skip
        function = option(function)
    return function


def chosen(ctx: click.Context, since: str, until: str | None, name: str, queue: str, agent: str) -> list[Asked]:
    now = office_now()
    with open_reader(ctx) as reader:
        found = asked_since(reader, parse_when(since, now), parse_when(until, now) if until else None)
    return [each for each in found if name in ("", each.survey) and queue in ("", each.queue) and agent in ("", each.agent)]


def said(asked: Asked) -> str:
    """The answers on one line."""
    return ", ".join(f"{answer.question} {f'{answer.seconds:.0f} s of speech' if answer.kind == 'comment' else answer.score}"
                     for answer in asked.answers.values())


@survey.command("list")
@filters
@json_option
@click.pass_context
def list_command(ctx: click.Context, **given: Any) -> None:
    """The callers who were asked, oldest first. A comment's file is among the call's recordings."""
    rows = chosen(ctx, **given)
    noting.note(ctx.obj.data, "survey.read", given["name"], given["queue"])
    if in_json(ctx, rows):
        return
    table = Table("Asked", Column("Call", no_wrap=True), "Survey", "Queue", "Agent", "Answers")
    for each in rows:
        at = office_time(each.utc)
        table.add_row(at, each.call, each.survey, each.queue, each.agent, escape(said(each)) or "none")
    Console(highlight=False).print(table)


@survey.command("show")
@filters
@json_option
@click.pass_context
def show(ctx: click.Context, **given: Any) -> None:
    """The figure of each question: CSAT is the share of 4 and 5 of 5, NPS the percent of 9 and 10 less that of 0 to 6, CES the
    mean of 1 to 7."""
    rows = chosen(ctx, **given)
    found = figures(rows)
    if in_json(ctx, {"asked": len(rows), "questions": found}):
        return
    if not rows:
        raise SwitchroomError("survey.none", "Nobody was asked in this time.", "Widen it: --since 30d.")
    table = Table("Survey", "Question", "Kind", "Answers", "Figure", title=f"Callers asked: {len(rows)}", title_justify="left")
    for each in found:
        table.add_row(each.survey, each.question, each.figure.kind, str(each.figure.n), text_of(each.figure))
    Console(highlight=False).print(table)


def text_of(figure: Figure) -> str:
    if figure.value is None:
        return ""
    return {"csat": f"{figure.value:.0%}", "nps": f"{figure.value:+.0f}", "ces": f"{figure.value:.1f}"}[figure.kind]
