"""`switchroom webhook`: what other programs are told, and whether they take it."""

from __future__ import annotations

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance.cli.answers import in_json
from appliance.cli.office import office_time
from appliance.clock import SystemClock
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.webhooks.courier import trial
from appliance.webhooks.sign import new_secret
from appliance.webhooks.store import Delivery, WebhookStore

_STYLES = {"waiting": "yellow", "sent": "green", "dead": "bold red", "dropped": "bold red"}


@click.group()
def webhook() -> None:
    """See what other programs are told, and whether they take it. Webhooks are configured in [[webhooks]].

    \b
    waiting   will be sent, or tried again
    sent      the program took it
    dead      given up after keep_trying_hours; again with: switchroom webhook retry NUMBER
    dropped   too many waited already
    """


def _shown(each: Delivery) -> dict[str, object]:
    """All but the body, which has callers' numbers."""
    return {name: value for name, value in msgspec.structs.asdict(each).items() if name != "body"}


@webhook.command("log")
@click.option("--of", "hook", metavar="NAME", default="", help="Only this webhook's.")
@click.option("-n", "count", default=50, show_default=True, type=click.IntRange(1, 5000), help="At most so many.")
@click.pass_context
def show_log(ctx: click.Context, hook: str, count: int) -> None:
    """The messages, newest first, and what became of each."""
    store = WebhookStore(ctx.obj.data)
    found = store.all(hook)[:count]
    store.close()
    if in_json(ctx, [_shown(each) for each in found]):
        return
    if not found:
        click.echo("Nothing was sent yet.")
        return
    table = Table("Number", "When", "Webhook", "Event", "State", "Tries", "Next try", "Answer")
    for each in found:
        table.add_row(str(each.number), office_time(each.made), escape(each.hook), each.type,
                      f"[{_STYLES[each.state]}]{each.state}[/]", str(each.tries),
                      office_time(each.next_try) if each.state == "waiting" else "", escape(each.error or str(each.status or "")))
    Console().print(table)


@webhook.command()
@click.argument("name")
@click.pass_context
def test(ctx: click.Context, name: str) -> None:
    """Have a message sent that says nothing but that it works; see `switchroom webhook log`."""
    if all(each.name != name for each in Store(ctx.obj.data).current().webhooks):
        raise SwitchroomError("webhook.unknown", "There is no webhook {name}.", "See [[webhooks]]: switchroom config show",
                              name=repr(name))
    store = WebhookStore(ctx.obj.data)
    store.take([trial(name, SystemClock().utc())], None)
    store.close()
    click.echo('{"queued": 1}' if ctx.obj.json else "It is sent while the box runs. See: switchroom webhook log")


@webhook.command()
@click.argument("number", type=click.IntRange(1, 2**63))
@click.pass_context
def retry(ctx: click.Context, number: int) -> None:
    """Try a message again at once, also one that was given up."""
    store = WebhookStore(ctx.obj.data)
    again = store.retry(number, SystemClock().utc())
    store.close()
    click.echo(msgspec.json.encode(_shown(again)).decode() if ctx.obj.json else f"Message {number} is tried again.")


@webhook.command()
def secret() -> None:
    """Make a secret for [[webhooks]] and the program that checks our signatures."""
    click.echo(new_secret())
