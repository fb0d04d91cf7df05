"""`switchroom`, the one command. Groups are loaded when used: `--help` and scripts stay quick."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from appliance import __version__
from appliance.errors import SwitchroomError
from appliance.system.paths import data_dir

GROUPS = {
    "serve": ("appliance.cli.serve:serve", "Start the box here, in the foreground."),
    "demo": ("appliance.cli.demo:demo", "See the main job with simulated lines and phones."),
    "status": ("appliance.cli.status:status", "What the box is doing: lines, phones, calls, campaigns, troubles."),
    "config": ("appliance.cli.config:config", "Check, show, import, export and roll back the configuration."),
    "campaign": ("appliance.cli.campaign:campaign", "Start, watch, pause and report notification campaigns."),
    "message": ("appliance.cli.message:message", "Messages that campaigns can play: typed, as files, said at a phone."),
    "greeting": ("appliance.cli.greeting:greeting", "Recordings that callers are greeted with."),
    "night": ("appliance.cli.night:night", "Close or open the office, whatever its hours say."),
    "voicemail": ("appliance.cli.voicemail:voicemail", "List, play, export and delete messages that callers left."),
    "line": ("appliance.cli.line:line", "Look for gateways in the network."),
    "list": ("appliance.cli.lists:list_group", "Look at the lists of numbers that campaigns call; import files as such."),
    "queue": ("appliance.cli.queue:queue", "See the queues, who waits in them, and why."),
    "call": ("appliance.cli.call:call", "See the calls that go on; hang one up."),
    "agent": ("appliance.cli.agent:agent", "See the agents; sign them in and out, ready and on a break."),
    "callback": ("appliance.cli.callback:callback", "See and cancel the calls promised to callers."),
    "abandoned": ("appliance.cli.abandoned:abandoned", "Work off the list of callers whom nobody served."),
    "phone": ("appliance.cli.phone:phone", "Forwarding and do not disturb of phones."),
    "recording": ("appliance.cli.recording:recording", "List, export, verify and erase the recordings of calls."),
    "person": ("appliance.cli.person:person", "Erase what is kept of a caller."),
    "survey": ("appliance.cli.survey:survey", "See what callers answered after their calls."),
    "cdr": ("appliance.cli.cdr:cdr", "Search and export call records."),
    "figures": ("appliance.cli.figures:figures", "The office's figures: service level, handling, agents, campaigns."),
    "ledger": ("appliance.cli.ledger:ledger", "Look at the ledger of events; rebuild what is derived from it."),
    "mail": ("appliance.cli.mail:mail", "See which reports left by mail and which still wait."),
    "webhook": ("appliance.cli.webhook:webhook", "What other programs are told: state, log, test, secrets."),
    "audit": ("appliance.cli.audit:audit_log", "See who changed or listened to what."),
    "user": ("appliance.cli.user:user", "Say who may use the pages and the API."),
    "token": ("appliance.cli.token:token", "Let programs into the API, and out again."),
    "prompts": ("appliance.cli.prompts:prompts", "Speak the box's prompts, or listen to what there is."),
}


@dataclass
class Context:
    data: Path
    json: bool


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(GROUPS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in GROUPS:
            return None
        module, attribute = GROUPS[name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in GROUPS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--data", metavar="DIR", help="The box's data directory (default: SWITCHROOM_DATA, else ./data).")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for scripts.")
@click.version_option(__version__, prog_name="switchroom")
@click.pass_context
def cli(ctx: click.Context, data: str | None, as_json: bool) -> None:
    """Switchroom, a contact centre in one box.

    \b
    Try it:        switchroom demo
    Start it:      switchroom serve --config office.toml --data data
    See it:        switchroom status
    Call a list:   switchroom campaign start 701 --list 12 --message news.wav
                   switchroom campaign watch 1
    Look back:     switchroom cdr list --since today
    """
    ctx.obj = Context(data_dir(data), as_json)


def tell(problem: SwitchroomError) -> None:
    """Say it to whoever gave the command: in JSON to a script, else in two lines."""
    if "--json" in sys.argv:
        click.echo(json.dumps({"error": {"id": problem.id, "message": problem.message, "hint": problem.hint}}))
        return
    console = Console(stderr=True, soft_wrap=True)
    console.print(f"[bold red]{escape(problem.message)}[/]", highlight=False)
    if problem.hint:
        console.print(escape(problem.hint), highlight=False)


def main() -> None:
    """Run the command and leave with its exit status: 1 for an error, 2 for a wrong command line, 130 for Ctrl-C."""
    try:
        # Out of standalone mode click hands `ctx.exit(N)` over as a return value, not as an exception.
        status = cli(standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except SwitchroomError as problem:
        tell(problem)
        sys.exit(1)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
