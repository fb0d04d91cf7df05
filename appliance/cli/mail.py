"""`switchroom mail`: which mails left, which wait and why, and trying again."""

from __future__ import annotations

import email
import re
from email.message import EmailMessage
from email.policy import default as policy

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance.cli.answers import in_json
from appliance.cli.office import office_time
from appliance.errors import SwitchroomError
from appliance.mail.outbox import Entry, Outbox

_ADDRESS = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]{1,255}")
_STYLES = {"waiting": "yellow", "sent": "green", "failed": "bold red", "kept": "cyan"}


@click.group()
def mail() -> None:
    """See which reports left by mail and which still wait.

    \b
    waiting   will be sent, or tried again
    sent      a mail server took it
    failed    given up; try it again with: switchroom mail retry ID
    kept      it has no recipient; name one with: switchroom mail retry ID --to ADDRESS
    """


def _outbox(ctx: click.Context) -> Outbox:
    return Outbox(ctx.obj.data / "mail")


@mail.command("list")
@click.option("--state", type=click.Choice(["waiting", "sent", "failed", "kept"]), help="Only mails in this state.")
@click.pass_context
def list_mails(ctx: click.Context, state: str | None) -> None:
    """List the mails of the outbox, oldest first."""
    entries = [entry for entry in _outbox(ctx).entries() if state in (None, entry.state)]
    if in_json(ctx, [_document(entry) for entry in entries]):
        return
    console = Console()
    if not entries:
        console.print("There is no mail.")
        return
    table = Table("Id", "State", "Queued", "To", "Subject", "Tries", "Next try", "Trouble")
    for entry in entries:
        to = ", ".join([*entry.delivered, *entry.to, *entry.refused])
        coming = office_time(entry.next_try) if entry.state == "waiting" and entry.tries else ""
        shown = (entry.id, f"[{_STYLES[entry.state]}]{entry.state}[/]", office_time(entry.queued), escape(to),
                 escape(entry.subject), str(entry.tries), coming, escape(entry.error))  # fmt: skip
        table.add_row(*shown)
    console.print(table)


def _document(entry: Entry) -> dict[str, object]:
    """A record with every field present, for scripts."""
    return msgspec.structs.asdict(entry)


@mail.command()
@click.argument("id")
@click.option("--raw", is_flag=True, help="The mail as it leaves, with all its parts, for a mail program to open.")
@click.pass_context
def show(ctx: click.Context, id: str, raw: bool) -> None:
    """Show one mail: what became of it, its text, and its attachments' names."""
    outbox = _outbox(ctx)
    if raw:
        click.echo(outbox.text(id), nl=False)
        return
    entry = outbox.entry(id)
    if in_json(ctx, _document(entry)):
        return
    console = Console(highlight=False)
    for label, value in _facts(entry):
        console.print(f"[dim]{label:>10}[/]  {escape(value)}")
    message = email.message_from_bytes(outbox.text(id), _class=EmailMessage, policy=policy)
    body = message.get_body(("plain",))
    click.echo("\n" + (body.get_content() if body is not None else ""))
    for part in message.iter_attachments():
        content = part.get_payload(decode=True)
        size = len(content) if isinstance(content, bytes) else 0
        console.print(f"[dim]attached[/]  {escape(part.get_filename() or part.get_content_type())}  {size:,} bytes")


def _facts(entry: Entry) -> list[tuple[str, str]]:
    refused = ", ".join(f"{address} ({said})" for address, said in entry.refused.items())
    rows = [
        ("state", entry.state),
        ("subject", entry.subject),
        ("queued", office_time(entry.queued)),
        ("sent", office_time(entry.sent)),
        ("delivered", ", ".join(entry.delivered)),
        ("waits for", ", ".join(entry.to)),
        ("refused", refused),
        ("tries", str(entry.tries) if entry.tries else ""),
        ("next try", office_time(entry.next_try) if entry.state == "waiting" and entry.tries else ""),
        ("trouble", entry.error),
    ]
    return [(label, value) for label, value in rows if value]


@mail.command()
@click.argument("id", required=False)
@click.option("--to", "addresses", multiple=True, metavar="ADDRESS", help="Send it to this address instead.")
@click.option("--all", "everything", is_flag=True, help="Try all waiting mails now.")
@click.pass_context
def retry(ctx: click.Context, id: str | None, addresses: tuple[str, ...], everything: bool) -> None:
    """Try a mail again now, or all that wait (--all)."""
    outbox = _outbox(ctx)
    for address in addresses:
        if not _ADDRESS.fullmatch(address):
            raise SwitchroomError("mail.bad-address", "{address} is no mail address.", "Write it as name@example.com.",
                                  address=repr(address))
    if everything and id is None and not addresses:
        count = outbox.retry_all()
        click.echo(f'{{"retried": {count}}}' if ctx.obj.json else f"{count} waiting mails are tried now.")
    elif id is not None and not everything:
        entry = outbox.retry(id, addresses)
        if ctx.obj.json:
            click.echo(msgspec.json.encode(_document(entry)).decode())
        else:
            click.echo(f"Mail {id} is tried again for {', '.join(entry.to)} while the box runs.")
    else:
        raise SwitchroomError("mail.which", "Which mail?", "Name one (switchroom mail list), or all with --all.")
