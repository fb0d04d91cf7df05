"""`switchroom user`: who may use the pages and the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance.cli import noting
from appliance.cli.answers import in_json, json_option, tell
from appliance.errors import SwitchroomError
from appliance.users import admin
from appliance.users.rights import RIGHTS, ROLES
from appliance.users.store import UserStore


@click.group()
def user() -> None:
    """Say who may use the pages and the API, and with which role.

    \b
    switchroom user setup-code                  for the first start of the pages
    switchroom user add anna --role supervisor  says the first password, once
    switchroom user password anna               a new one
    switchroom user list
    """


@contextmanager
def open_store(ctx: click.Context) -> Iterator[UserStore]:
    if not ctx.obj.data.is_dir():
        raise SwitchroomError("bus.not-running", "There is no box in {data}.",
                              "Start it with `switchroom serve`, or name the right folder with --data DIR.",
                              data=ctx.obj.data)
    store = UserStore(ctx.obj.data)
    try:
        yield store
    finally:
        store.close()


@user.command("list")
@json_option
@click.pass_context
def list_users(ctx: click.Context) -> None:
    """List all users."""
    with open_store(ctx) as store:
        found = store.users()
    if ctx.obj.json:
        rows = [{key: value for key, value in msgspec.to_builtins(each).items() if key not in ("password", "totp", "totp_used")}
                | {key: "all" if names is None else names for key, names in (("queues", each.queues), ("lists", each.lists))}
                for each in found]
        click.echo(msgspec.json.encode(rows).decode())
        return
    table = Table("Signs in as", "Name", "Role", "Agent", "Queues", "Lists", "State")
    for each in found:
        state = "disabled" if each.disabled else "second factor" if each.totp else ""
        table.add_row(each.login, escape(each.name), each.role, each.agent, _names(each.queues), _names(each.lists), state)
    Console(highlight=False).print(table)


def _names(seen: list[str] | None) -> str:
    return "all" if seen is None else escape(", ".join(seen)) or "none"


def _seen(given: dict[str, Any]) -> dict[str, Any]:
    """`queues`, `lists` as a user has them, of the options that were given; those that were not are left out."""
    fields = dict[str, Any]()
    for key in ("queues", "lists"):
        names, everything = given.pop(key), given.pop(f"all_{key}")
        if names and everything:
            raise click.UsageError(f"Either --all-{key} or some of them.")
        if names or everything:
            fields[key] = None if everything else [each for each in names if each]
    return fields


@user.command()
@click.argument("login")
@click.option("--name", help="The person's name (default: LOGIN).")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
@click.option("--agent", default="", help="Id of the agent that this person is.")
@click.option("--queue", "queues", multiple=True, help="Sees these queues.")
@click.option("--all-queues", is_flag=True, help="Sees every queue, later ones too.")
@click.option("--list", "lists", multiple=True, help="Sees these lists.")
@click.option("--all-lists", is_flag=True, help="Sees every list, later ones too.")
@json_option
@click.pass_context
def add(ctx: click.Context, login: str, name: str | None, role: str, agent: str, **given: Any) -> None:
    """Add the user LOGIN; says the first password. Sees no queue and no list but those that are named."""
    seen = {"queues": [], "lists": []} | _seen(given)
    with open_store(ctx) as store:
        noting.note(ctx.obj.data, "user.add", login[:64], f"role {role}")
        password = admin.add(store, login, name=name or login, role=role, agent=agent, **seen)
    _tell(ctx, login, password)
    if seen["queues"] == seen["lists"] == [] and not ctx.obj.json:
        click.echo(f"{login} sees no queue and no list: see `switchroom user change --help`.")


@user.command()
@click.argument("login")
@json_option
@click.pass_context
def password(ctx: click.Context, login: str) -> None:
    """Give LOGIN a new password; whoever is signed in with the old one is signed out."""
    with open_store(ctx) as store:
        noting.note(ctx.obj.data, "user.password", login[:64])
        new = admin.new_password(store, login)
    _tell(ctx, login, new)


def _tell(ctx: click.Context, login: str, password: str) -> None:
    tell(ctx, {"login": login, "password": password},
         f"{login} signs in with {password}\nIt is shown this once; it can be changed under My account.")


@user.command()
@click.argument("login")
@click.argument("role", type=click.Choice(ROLES))
@click.pass_context
def role(ctx: click.Context, login: str, role: str) -> None:
    """Give LOGIN another role."""
    _change(ctx, login, role=role)


@user.command()
@click.argument("login")
@click.option("--name", help="The person's name.")
@click.option("--role", type=click.Choice(ROLES))
@click.option("--agent", help="Id of the agent that this person is; \"\" for none.")
@click.option("--queue", "queues", multiple=True, help="Sees only these queues; \"\" for none.")
@click.option("--all-queues", is_flag=True, help="Sees every queue, later ones too.")
@click.option("--list", "lists", multiple=True, help="Sees only these lists; \"\" for none.")
@click.option("--all-lists", is_flag=True, help="Sees every list, later ones too.")
@click.pass_context
def change(ctx: click.Context, login: str, **given: Any) -> None:
    """Change what LOGIN is and sees; what is not named stays. Whoever is signed in signs in again.

    \b
    switchroom user change anna --queue front --queue billing
    switchroom user change anna --all-queues      all queues again
    """
    seen = _seen(given)
    fields = {key: value for key, value in given.items() if value is not None} | seen
    if not fields:
        raise click.UsageError("Nothing to change: see --help.")
    _change(ctx, login, **fields)


def _change(ctx: click.Context, login: str, **fields: Any) -> None:
    with open_store(ctx) as store:
        noting.note(ctx.obj.data, "user.save", login[:64], f"role {fields['role']}" if "role" in fields else "")
        admin.change(store, login, **fields)


@user.command()
@click.argument("login")
@click.pass_context
def disable(ctx: click.Context, login: str) -> None:
    """Let LOGIN in no more; the user stays."""
    _able(ctx, login, "disable")


@user.command()
@click.argument("login")
@click.pass_context
def enable(ctx: click.Context, login: str) -> None:
    """Let LOGIN in again."""
    _able(ctx, login, "enable")


def _able(ctx: click.Context, login: str, what: str) -> None:
    with open_store(ctx) as store:
        noting.note(ctx.obj.data, f"user.{what}", login[:64])
        admin.change(store, login, disabled=what == "disable")


@user.command()
@click.argument("login")
@click.pass_context
def remove(ctx: click.Context, login: str) -> None:
    """Remove LOGIN with all sessions and tokens."""
    with open_store(ctx) as store:
        noting.note(ctx.obj.data, "user.remove", login[:64])
        store.remove_user(login)


@user.command("second-factor-off")
@click.argument("login")
@click.pass_context
def second_factor_off(ctx: click.Context, login: str) -> None:
    """For who has lost the phone with the codes."""
    with open_store(ctx) as store:
        noting.note(ctx.obj.data, "user.second-factor-off", login[:64])
        admin.second_factor_off(store, login)


@user.command("roles")
@json_option
@click.pass_context
def roles(ctx: click.Context) -> None:
    """Say what each role may do."""
    if in_json(ctx, {role: sorted(rights) for role, rights in RIGHTS.items()}):
        return
    for name in ROLES:
        click.echo(f"{name}: {', '.join(sorted(RIGHTS[name]))}")


@user.command("setup-code")
@json_option
@click.pass_context
def setup_code(ctx: click.Context) -> None:
    """Say the code that the first start of the pages asks for."""
    with open_store(ctx) as store:
        code = store.setup_code()
    if ctx.obj.json:
        click.echo(msgspec.json.encode({"code": code}).decode())
    else:
        click.echo(code or "This box has an administrator already: sign in, or see `switchroom user list`.")
