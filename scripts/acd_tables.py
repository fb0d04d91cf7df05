"""The ACD's state machines as diagrams and tables, written into docs/acd.md between its marks from the tables in
`appliance/acd/tables.pxi`. `python -m scripts.acd_tables` writes; a test compares."""

from __future__ import annotations

import sys
from pathlib import Path

from appliance import _core as acd

DOCS = Path(__file__).parents[1] / "docs" / "acd.md"
BEGIN, END = "<!-- tables: made by scripts/acd_tables.py -->", "<!-- end of tables -->"


def diagram(table: list[acd.Transition]) -> list[str]:
    """One arrow for each pair of states, with the events that lead along it."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in table:
        for target in row.targets:
            if target != row.state:
                arrows.setdefault((row.state, target), []).append(row.event)
    lines = ["```mermaid", "stateDiagram-v2"]
    for (state, target), events in arrows.items():
        lines.append(f"    {_name(state)} --> {_name(target)}: {', '.join(dict.fromkeys(events))}")
    return [*lines, "```"]


def _name(state: str) -> str:
    return "[*]" if state == "none" else state.replace("-", "_")


def rows(table: list[acd.Transition]) -> list[str]:
    lines = ["| state | event | leads to | |", "|---|---|---|---|"]
    for row in table:
        lines.append(f"| {row.state} | {row.event} | {', '.join(row.targets)} | {row.what} |")
    return lines


def section() -> str:
    lines = [BEGIN, "", "### Agents", "", *diagram(acd.AGENT_TABLE), "", *rows(acd.AGENT_TABLE), ""]
    lines += ["### Contacts", "", *diagram(acd.CONTACT_TABLE), "", *rows(acd.CONTACT_TABLE), ""]
    lines += ["### Refusals", "", "| reason | |", "|---|---|", *(f"| {id} | {text} |" for id, text in acd.DENIALS.items()), ""]
    return "\n".join([*lines, END])


def page(text: str) -> str:
    """The page with its part between the marks as the tables say now."""
    before, rest = text.split(BEGIN, 1)
    return before + section() + rest.split(END, 1)[1]


if __name__ == "__main__":
    DOCS.write_text(page(DOCS.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"{DOCS}\n")
