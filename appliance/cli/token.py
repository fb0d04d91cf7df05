"""`switchroom token`: how programs come into the API."""

from __future__ import annotations

from functools import partial

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance.cli import noting
from appliance.cli.answers import json_option, tell
from appliance.cli.office import office_time
from appliance.cli.user import open_store
from appliance.errors import SwitchroomError
from appliance.system.logs import plain
from appliance.users import tokens
from appliance.users.rights import Right


@click.group()
def token() -> None:
    """Tokens of programs for the API (Authorization: Bearer SECRET). One may what both its scopes and its person's role allow.

    \b
    switchroom token make anna crm --scope calls.view --days 365     says the secret, once
    switchroom token list
    switchroom token drop 1f0c22aa
    """


@token.command("list")
@click.option("--of", "login", default="", metavar="LOGIN", help="This person's alone.")
@json_option
@click.pass_context
def list_command(ctx: click.Context, login: str) -> None:
    """The tokens, oldest first; never their secrets."""
    with open_store(ctx) as store:
        found = [each for each in store.tokens() if login in ("", each.login)]
    if ctx.obj.json:
        shown = [{"id": each.id, "name": each.name, "login": each.login, "scopes": each.scopes, "made": each.made,
                  "until": each.until} for each in found]
        click.echo(msgspec.json.encode(shown).decode())
        return
    table = Table("Id", "Name", "Of", "May", "Made", "Until", highlight=False)
    for each in found:
        table.add_row(each.id, escape(plain(each.name)), each.login, ", ".join(each.scopes), office_time(each.made),
                      office_time(each.until))
    Console().print(table)


@token.command()
@click.argument("login")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice([right.value for right in Right]),
              metavar="RIGHT", help="What it may; may be given several times. See: switchroom user roles")
@click.option("--days", default=0, show_default=True, type=click.IntRange(0, tokens.MAX_DAYS),
              help="It ends after so many; 0: never.")
@json_option
@click.pass_context
def make(ctx: click.Context, login: str, name: str, scopes: tuple[str, ...], days: int) -> None:
    """Make a token NAME for a program that acts for the user LOGIN; says its secret, this once."""
    name = " ".join(name.split())[:64]
    if not name:
        raise click.UsageError("The token needs a NAME.")
    with open_store(ctx) as store:
        user = store.user(login)
        if user is None:
            raise SwitchroomError("users.unknown", "There is no user {login}.", "See `switchroom user list`.", login=login[:64])
        lacks = [each for each in scopes if not user.may(Right(each))]
        if lacks:
            raise SwitchroomError("users.no-right", "{login} has no right {right}.", "See `switchroom user roles`.", login=login,
                                  right=lacks[0])

        def note(what: str, target: str, detail: str) -> None:
            """At the pages whoever makes one makes it for themselves; here the note must say for whom."""
            noting.note(ctx.obj.data, what, str(tokens.TOKEN.about(name=target, login=user.login)), detail)

        made, secret = tokens.make(store, user, name, [Right(each) for each in scopes], days, note)
    tell(ctx, {"id": made.id, "name": made.name, "login": login, "secret": secret},
         f"{secret}\nToken {made.id}; the secret is shown this once. Programs send it as Authorization: Bearer SECRET.")


@token.command()
@click.argument("id")
@click.pass_context
def drop(ctx: click.Context, id: str) -> None:
    """End token ID: what goes by it stops at once."""
    with open_store(ctx) as store:
        tokens.drop(store, id, lambda _: True, partial(noting.note, ctx.obj.data))
