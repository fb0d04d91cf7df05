"""docs/messages.md, written from the types. `python -m appliance.messages_reference > docs/messages.md`."""

from __future__ import annotations

import inspect
import sys

from appliance import messages as m

HEAD = """# Messages on the bus

Written by `python -m appliance.messages_reference`; a test compares it. Change the sources, not this page.

Three Unix sockets in the data directory: commands (ZeroMQ ROUTER; frames: request id, MessagePack map with its `type`; one reply
each), wake-ups (PUB: the ledger reaches this sequence number) and what changes in the queues (PUB: `Changed`). The ledger's
events: [ledger.md](ledger.md).

"""


def block(cls: type) -> str:
    """A type as its source has it, after what it is for."""
    doc = inspect.cleandoc(cls.__doc__ or "")
    fields = [f"| `{name}` | `{_kind(kind)}` |" for name, kind in cls.__annotations__.items()]
    table = "\n".join(("| field | type |", "|---|---|", *fields, "")) if fields else ""
    return f"### {cls.__name__}\n\n{doc}\n\n{table}\n"


def _kind(kind: object) -> str:
    return str(kind).replace("|", "\\|")


def page() -> str:
    parts = [HEAD, "## Commands\n\n", *map(block, m.COMMANDS), "## Replies\n\n", *map(block, m.REPLIES),
             "## Parts of replies\n\n", *map(block, (m.QueueNow, m.AgentNow, m.ContactNow, m.LineStatus, m.PhoneStatus)),
             "## Published\n\n", *map(block, (m.Wake, m.Changed))]
    return "".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
