"""`switchroom prompts`: what the box can say, and having it spoken."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from appliance.prompts.build import build as speak
from appliance.prompts.texts import LANGUAGES, Words, pieces, slots, speech
from appliance.system.paths import prompts_dir

_language = click.Choice(LANGUAGES)


@click.group()
def prompts() -> None:
    """Speak the box's prompts, or see what there is.

    An office's own recording of a prompt goes to DATA/prompts/LANGUAGE/NAME.wav (mono, 16 bit, 8 or 16 kHz) and is used
    instead at once.
    """


@prompts.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Where the clips go (default: the box's).")
@click.option("--language", "languages", multiple=True, type=_language, help="Only this one; may be repeated.")
@click.pass_context
def build(ctx: click.Context, out: Path | None, languages: tuple[str, ...]) -> None:
    """Have espeak-ng speak every prompt that is missing or has changed."""
    target = out or prompts_dir()
    chosen = languages or LANGUAGES
    if ctx.obj is not None and ctx.obj.json:
        click.echo(json.dumps({"made": speak(target, chosen), "out": str(target)}))
        return
    console = Console(stderr=True)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("prompts", total=None)

        def show(done: int, total: int, language: str) -> None:
            progress.update(task, completed=done, total=total, description=f"prompts {language}")

        made = speak(target, chosen, show)
    console.print(f"Prompts: {made} clips made, in {target}." if made else f"Prompts: nothing to do in {target}.")


@prompts.command("list")
@click.argument("language", type=_language, default="en")
@click.pass_context
def list_prompts(ctx: click.Context, language: str) -> None:
    """List the prompts of a LANGUAGE: the names of their clips, and the texts."""
    texts = speech(language).texts
    if ctx.obj is not None and ctx.obj.json:
        rows = [
            {
                "name": name,
                "text": text,
                "values": slots(language, name),
                "clips": [piece.name for piece in pieces(language, name) if isinstance(piece, Words)],
            }
            for name, text in texts.items()
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("Name", "Text")
    for name, text in texts.items():
        table.add_row(name, escape(text))
    Console().print(table)
