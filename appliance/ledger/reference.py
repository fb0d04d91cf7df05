"""docs/ledger.md, written from the messages and the tables. `python -m appliance.ledger.reference > docs/ledger.md`."""

from __future__ import annotations

import ast
import inspect
import sys

import msgspec

from appliance import messages as m

from . import batch, cdr, guard, pace, persons, rollup, space
from .codec import PERSONAL, VERSIONS
from .durability import CAMPAIGN_EVENTS, DURABILITY, Durability
from .store import BASE, DERIVED

HEAD = """# The ledger

Written by `python -m appliance.ledger.reference`; a test compares it. Change the sources, not this page.

The core appends typed events; every call record, index, sum and screen is derived from them and can be rebuilt
(`switchroom ledger rebuild`). The ledger is one LMDB environment in `ledger/` of the data directory, with one writer
(a lock file sees to it) and any number of reading processes, which follow by sequence number.

## How an event is written

- **{commit}**: `await ledger.commit(...)` returns after fsync. The events of one commit stand or fall together. All
commits that
  wait share one transaction. `append` refuses events of this class (`ledger.needs-commit`).
- **{behind}**: `ledger.append(event)` joins the next transaction, at most 100 ms later.

Sequence numbers have no gaps and follow the order of the calls, whatever the class.

## Events
"""


def kinds_of(cls: type) -> dict[str, str]:
    """Field -> its annotation as it stands in the source."""
    tree = ast.parse(inspect.getsource(cls)).body[0]
    if not isinstance(tree, ast.ClassDef):
        raise TypeError(f"{cls} is no class")
    return {
        node.target.id: ast.unparse(node.annotation)
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def _first_line(cls: type) -> str:
    text = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
    return " ".join(text.split("\n\n", 1)[0].split())


def _event(cls: type[m.Event]) -> list[str]:
    kinds = kinds_of(cls)
    lines = [f"### {cls.__name__}, version {VERSIONS[cls]}: {DURABILITY[cls].value}", ""]
    if doc := _first_line(cls):
        lines += [doc, ""]
    if cls in CAMPAIGN_EVENTS:
        lines += ["Listed by `campaign_events`.", ""]
    lines += ["| field | type | |", "|---|---|---|"]
    for field in msgspec.structs.fields(cls):
        kind = kinds[field.name].replace("|", "\\|")
        told = "needed" if field.required else ""
        if field.name in PERSONAL.get(cls, ()):
            told = "personal: stored apart, erasable"
        lines.append(f"| `{field.name}` | `{kind}` | {told} |")
    return [*lines, ""]


def _section(title: str, text: str | None) -> list[str]:
    return [f"## {title}", "", inspect.cleandoc(text or ""), ""]


def page() -> str:
    """The whole page."""
    lines = HEAD.format(commit=Durability.COMMIT.value, behind=Durability.BEHIND.value).splitlines()
    lines.append("")
    for cls in m.EVENTS:
        lines += _event(cls)
    lines += _section("Call records", cdr.__doc__)
    lines += [inspect.cleandoc(cdr.CdrRow.__doc__ or ""), "", inspect.cleandoc(cdr.LegRecord.__doc__ or ""), ""]
    lines += _section("Quarter-hour sums", rollup.__doc__)
    lines += _section("Personal data", persons.__doc__)
    lines += _section("Group commit", pace.gather_seconds.__doc__)
    lines += [*_section("A full disk", space.__doc__), inspect.cleandoc(space.Thresholds.__doc__ or ""), ""]
    lines += _section("Copies", guard.__doc__)
    lines += _section("Refused", batch._check.__doc__)
    lines += ["## Sub-databases", "", f"Kept: {', '.join(BASE)}.", "", f"Derived: {', '.join(DERIVED)}.", ""]
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    sys.stdout.write(page())
