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
from appliance.sentences import Said, made_of, say

_MASK = "***"
_NAMES = {
    "hours": say("hours"), "queues": say("queue"), "scenarios": say("scenario"), "phones": say("phone"), "agents": say("agent"),
    "lines": say("line"), "routes": say("route"), "menus": say("menu"), "lists": say("list"), "mailboxes": say("mailbox"),
    "music": say("music"), "breaks": say("break"), "outcomes": say("outcome"), "surveys": say("survey"),
    "callers": say("callers"), "targets": say("target"), "reports": say("report"), "webhooks": say("webhook"),
}


class ShownDiff(msgspec.Struct, frozen=True, kw_only=True):
    """`unified` is a unified diff of the texts; `changes` sentences such as "scenario 701: lines 5 → 3"."""

    unified: str
    changes: list[str]


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """The same, its sentences such that a page can tell them in the reader's language."""

    unified: str
    said: list[Said]

    @property
    def changes(self) -> list[str]:
        return [str(each) for each in self.said]

    def shown(self) -> ShownDiff:
        return ShownDiff(unified=self.unified, changes=self.changes)


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


def changes(old: Config, new: Config, *, secrets: bool = False) -> list[Said]:
    """What a person would say differs, in the order of the document."""
    found: list[Said] = []
    for section in Config.__struct_fields__:
        before, after = getattr(old, section), getattr(new, section)
        if section in KEYS:
            found += _list_changes(section, before, after, secrets)
        else:
            found += _table_changes(Said(section), before, after, secrets)
    return found


def _list_changes(section: str, old: list[Table], new: list[Table], secrets: bool) -> Iterator[Said]:
    key = KEYS[section]
    before = {getattr(table, key): table for table in old}
    after = {getattr(table, key): table for table in new}
    for name in before:
        if name not in after:
            yield say("{place}: removed", place=_place(section, name))
    for name, table in after.items():
        if name not in before:
            yield say("{place}: added", place=_place(section, name))
        else:
            yield from _table_changes(_place(section, name), before[name], table, secrets)
    kept_before, kept_after = [n for n in before if n in after], [n for n in after if n in before]
    if kept_before != kept_after:
        yield say("{section}: order {before} → {after}", section=section, before=", ".join(kept_before),
                  after=", ".join(kept_after))


def _place(section: str, name: str) -> Said:
    return Said("{thing} {name}", {"thing": _NAMES[section], "name": name})


def _table_changes(place: Said, old: Table, new: Table, secrets: bool) -> Iterator[Said]:
    for field in type(new).__struct_fields__:
        before, after = getattr(old, field), getattr(new, field)
        if before == after:
            continue
        if isinstance(before, Table) and isinstance(after, Table):
            yield from _table_changes(Said("{place}: {key}", {"place": place, "key": field}), before, after, secrets)
        elif field in SECRET_KEYS and not secrets:
            said = (say("{place}: {key} removed") if after is None else say("{place}: {key} set") if before is None
                    else say("{place}: {key} changed"))
            yield said.about(place=place, key=field)
        else:
            yield Said("{place}: {key} {before} → {after}",
                       {"place": place, "key": field, "before": _words(before), "after": _words(after)})


_SENTENCES = (
    say("{place}: removed"), say("{place}: added"), say("{place}: {key} removed"), say("{place}: {key} set"),
    say("{place}: {key} changed"), Said("{section}: order {before} → {after}"), Said("{place}: {key} {before} → {after}"),
    say("and {number} more"), say("rolled back to version {number}"), say("list {number} removed"), say("list {number}"),
    say("first version"), say("layout and comments"), say("in place of version {number}, which is damaged"),
)  # fmt: skip
"""Of stored summaries; the first that fits is meant."""


def summary_of(stored: str) -> list[Said]:
    """A version's stored summary as sentences that can be told in another language; what people wrote is one by itself."""
    return [_sentence(each) for each in stored.split("; ")]


def _sentence(text: str) -> Said:
    found = made_of(text, _SENTENCES)
    if not str(found.values.get("number", "0")).isdecimal():
        return Said(text)  # somebody's own words that begin alike
    place = str(found.values.get("place", ""))
    kind, _space, name = place.partition(" ")
    section = next((section for section, thing in _NAMES.items() if str(thing) == kind), "")
    if section and name:
        found = found.about(**{**found.values, "place": _place(section, name)})
    return found


def _words(value: Any) -> str | Said:
    return say("none") if value is None else _toml(value)


def _toml(value: Any) -> str:
    plain = msgspec.to_builtins(value, enc_hook=enc_hook)
    if plain is None:
        return "none"
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, list):
        return "[" + ", ".join(_toml(item) for item in plain) + "]"
    if isinstance(plain, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in plain.items()) + "}"
    if isinstance(plain, float):
        return f"{plain:g}"
    text = str(plain)
    return text if text and text.isalnum() else f'"{text}"'
