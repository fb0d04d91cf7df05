"""What differs between two configurations: as lines of text, and as sentences about keys. Pure; secrets are masked."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

import msgspec

from appliance.config.check import KEYS
from appliance.config.decode import SECRET_KEYS
from appliance.config.locate import Path as KeyPath
from appliance.config.locate import Place, Places
from appliance.config.model import Config, Table
from appliance.config.values import enc_hook

_MASK = "***"
_NAMES = {"hours": "hours", "queues": "queue", "scenarios": "scenario", "phones": "phone", "agents": "agent"}
_NAMES |= {"lines": "line", "routes": "route", "menus": "menu", "lists": "list", "mailboxes": "mailbox"}
_NAMES |= {"music": "music", "breaks": "break", "outcomes": "outcome", "surveys": "survey", "callers": "callers"}
_NAMES |= {"targets": "target", "reports": "report"}


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """`unified` is a unified diff of the texts; `changes` sentences such as "scenario 701: lines 5 → 3"."""

    unified: str
    changes: list[str]


def mask_text(text: str) -> str:
    """A TOML text with every secret and PIN replaced by "***"; comments and layout stay."""
    return _masked(text, {})


def mask(value: Any) -> Any:
    """The same for plain values (`to_builtins`)."""
    if isinstance(value, dict):
        return {key: _MASK if key in SECRET_KEYS and item is not None else mask(item) for key, item in value.items()}
    return [mask(item) for item in value] if isinstance(value, list) else value


def _secret_places(text: str) -> Iterator[tuple[KeyPath, Place, str]]:
    for path, place in Places(text).found.items():
        if path[-1] in SECRET_KEYS and place.start < place.end:
            yield path, place, text[place.start : place.end]


def _masked(text: str, older: dict[KeyPath, str]) -> str:
    pieces: list[str] = []
    end = 0
    for path, place, value in sorted(_secret_places(text), key=lambda each: each[1].start):
        changed = path in older and older[path] != value
        pieces += [text[end : place.start], f'"{_MASK} (changed)"' if changed else f'"{_MASK}"']
        end = place.end
    return "".join([*pieces, text[end:]])


def unified(old: str, new: str, old_name: str, new_name: str, *, secrets: bool = False) -> str:
    """A unified diff with three lines around each change. A changed secret shows as changed, not its value."""
    if not secrets:
        before = {path: value for path, _, value in _secret_places(old)}
        old, new = mask_text(old), _masked(new, before)
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), old_name, new_name, lineterm="")
    return "\n".join(lines)


def changes(old: Config, new: Config, *, secrets: bool = False) -> list[str]:
    """What a person would say differs, in the order of the document."""
    found: list[str] = []
    for section in Config.__struct_fields__:
        before, after = getattr(old, section), getattr(new, section)
        if section in KEYS:
            found += _list_changes(section, before, after, secrets)
        else:
            found += _table_changes(section, before, after, secrets)
    return found


def _list_changes(section: str, old: list[Table], new: list[Table], secrets: bool) -> Iterator[str]:
    key = KEYS[section]
    before = {getattr(table, key): table for table in old}
    after = {getattr(table, key): table for table in new}
    for name in before:
        if name not in after:
            yield f"{_NAMES[section]} {name}: removed"
    for name, table in after.items():
        if name not in before:
            yield f"{_NAMES[section]} {name}: added"
        else:
            yield from _table_changes(f"{_NAMES[section]} {name}", before[name], table, secrets)
    kept_before, kept_after = [n for n in before if n in after], [n for n in after if n in before]
    if kept_before != kept_after:
        yield f"{section}: order {', '.join(kept_before)} → {', '.join(kept_after)}"


def _table_changes(name: str, old: Table, new: Table, secrets: bool) -> Iterator[str]:
    for field in type(new).__struct_fields__:
        before, after = getattr(old, field), getattr(new, field)
        if before == after:
            continue
        if isinstance(before, Table) and isinstance(after, Table):
            yield from _table_changes(f"{name}: {field}", before, after, secrets)
            continue
        if field in SECRET_KEYS and not secrets:
            yield f"{name}: {field} {'removed' if after is None else 'set' if before is None else 'changed'}"
        else:
            yield f"{name}: {field} {_words(before)} → {_words(after)}"


def _words(value: Any) -> str:
    if value is None:
        return "none"
    plain = msgspec.to_builtins(value, enc_hook=enc_hook)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, list):
        return "[" + ", ".join(_words(item) for item in plain) + "]"
    if isinstance(plain, dict):
        return "{" + ", ".join(f"{key} = {_words(item)}" for key, item in plain.items()) + "}"
    if isinstance(plain, float):
        return f"{plain:g}"
    text = str(plain)
    return text if text and text.isalnum() else f'"{text}"'
