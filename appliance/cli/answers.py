"""How a command answers: in words, or with `--json` in JSON for scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import msgspec

Command = Callable[..., Any]


def json_option(command: Command) -> Command:
    """`--json` after the command as well as before it."""

    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.obj.json = ctx.obj.json or value

    return click.option("--json", is_flag=True, expose_value=False, callback=remember,
                        help="Answer in JSON, for scripts.")(command)


def in_json(ctx: click.Context, facts: Any) -> bool:
    """Print the facts where JSON is asked for; else the words are the caller's. -> whether it was."""
    if ctx.obj.json:
        click.echo(msgspec.json.encode(facts).decode())
    return bool(ctx.obj.json)


def tell(ctx: click.Context, facts: Any, words: str) -> None:
    """The facts in JSON, or the words."""
    if not in_json(ctx, facts):
        click.echo(words)
