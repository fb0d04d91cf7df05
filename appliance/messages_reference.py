"""docs/messages.md, written from the types. `python -m appliance.messages_reference > docs/messages.md`."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator

from appliance import messages as m
from appliance.sentences import Said

HEAD = """# Messages on the bus

Written by `python -m appliance.messages_reference`; a test compares it. Change the sources, not this page.

Three Unix sockets in the data directory: commands (ZeroMQ ROUTER; frames: request id, MessagePack map with its `type`; one reply
each), wake-ups (PUB: the ledger reaches this sequence number) and what changes in the queues (PUB: `Changed`). The ledger's
events: [ledger.md](ledger.md).

"""


def block(cls: type) -> str:
    """A type as its source has it, after what it is for."""
    doc = inspect.cleandoc(cls.__doc__ or "")
    fields = [f"| `{name}` | `{kind}` |" for name, kind in _fields(cls)]
    table = "\n".join(("| field | type |", "|---|---|", *fields, "")) if fields else ""
    return f"### {cls.__name__}\n\n{doc}\n\n{table}\n"


def _fields(cls: type) -> Iterator[tuple[str, str]]:
    """Name and type of each field of its own."""
    (tree,) = ast.parse(inspect.getsource(cls)).body
    assert isinstance(tree, ast.ClassDef)
    for line in tree.body:
        if isinstance(line, ast.AnnAssign):
            yield ast.unparse(line.target), ast.unparse(line.annotation).replace("|", "\\|")


def page() -> str:
    parts = [HEAD, "## Commands\n\n", *map(block, m.COMMANDS), "## Replies\n\n", *map(block, m.REPLIES),
             "## Parts of replies\n\n", *map(block, (Said, m.QueueNow, m.AgentNow, m.ContactNow, m.LineStatus, m.PhoneStatus)),
             "## Published\n\n", *map(block, (m.Wake, m.Changed))]
    return "".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
