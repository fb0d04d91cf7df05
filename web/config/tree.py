"""Menus as a tree: what each key leads to, from the lines' first menus down. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MAX_NODES = 300
MAX_DEPTH = 8
Menus = dict[str, tuple[int, dict[str, Any]]]
"""By name: index and table."""


@dataclass
class Node:
    """`target` as it is written; `index` of the menu that it is, else None; `again`: drawn further up already."""

    key: str
    target: str
    index: int | None = None
    greeting: str = ""
    again: bool = False
    below: list[Node] = field(default_factory=list)


def tree(document: dict[str, Any]) -> list[Node]:
    """The menus that no other menu leads to, each with all below it; then those that only a circle leads to."""
    rows = document.get("menus")
    menus = {str(row.get("name")): (index, row) for index, row in enumerate(rows if isinstance(rows, list) else [])
             if isinstance(row, dict)}
    inner = {target.removeprefix("menu:") for _, row in menus.values() for _, target in _ways(row) if target.startswith("menu:")}
    room = [MAX_NODES]
    drawn: set[str] = set()
    roots = [_node("", f"menu:{name}", menus, drawn, 0, room) for name in menus if name not in inner]
    return roots + [_node("", f"menu:{name}", menus, drawn, 0, room) for name in menus if name not in drawn]


def _ways(row: dict[str, Any]) -> list[tuple[str, str]]:
    keys = row.get("keys")
    ways = [(str(key), str(target)) for key, target in keys.items()] if isinstance(keys, dict) else []
    return ways + [(name, str(row[name])) for name in ("no_answer", "invalid", "when_closed") if isinstance(row.get(name), str)]


def _node(key: str, target: str, menus: Menus, drawn: set[str], depth: int, room: list[int]) -> Node:
    room[0] -= 1
    name = target.removeprefix("menu:") if target.startswith("menu:") else ""
    if name not in menus:
        return Node(key, target)
    index, row = menus[name]
    greeting = row.get("greeting", "")
    made = Node(key, target, index, str(greeting)[:80] if isinstance(greeting, str) else "", again=name in drawn)
    if made.again or depth >= MAX_DEPTH:
        return made
    drawn.add(name)
    made.below = [_node(*way, menus, drawn, depth + 1, room) for way in _ways(row) if room[0] > 0]
    return made
