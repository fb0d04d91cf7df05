"""Changing a configuration's text key by key, so that comments and layout stay. Pure.

Each edit is done twice: on the text (tomlkit) and on its plain values; where the two do not come to the same, the text is left
as it was and the edit refused. What is written need not be right: `loads` says what is wrong with it, at its place.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from appliance.config.check import KEYS
from appliance.config.decode import SECRET_KEYS
from appliance.config.locate import MAX_DEPTH, Path, Places, TooDeep
from appliance.errors import SwitchroomError
from appliance.libraries import of_toml
from appliance.sentences import say

MAX_TEXT = 400_000
"""Characters of the longest text that is edited key by key: some seconds' work. Longer ones are edited as text."""
MASK = "***"
_BY_TEXT = say("Change it in the text instead.")


def plain(text: str) -> dict[str, Any]:
    """The values of a text. Raises SwitchroomError "config.edit-syntax" where it is no TOML."""
    try:
        Places(text)  # refuses hostile nesting before the parser sees it
        return tomllib.loads(text)
    except (ValueError, RecursionError, TooDeep) as problem:
        raise SwitchroomError("config.edit-syntax", "This is no TOML: {problem}.", "Mend the text first.",
                              problem=of_toml(str(problem)[:200] or "it is nested too deep")) from None


def table_at(values: Any, path: Path) -> dict[str, Any]:
    """The table at `path`; {} where there is none."""
    for part in path:
        if isinstance(part, int):
            values = values[part] if isinstance(values, list) and 0 <= part < len(values) else None
        else:
            values = values.get(part) if isinstance(values, dict) else None
    return values if isinstance(values, dict) else {}


def set_keys(text: str, path: Path, changes: Mapping[str, Any]) -> str:
    """The text with these keys of the table at `path` set, or taken out where the value is None. A table that is not there is
    made; one of an array of tables must be there."""

    def change(document: Any, make: Callable[[], Any], wrap: Callable[[Any], Any]) -> None:
        table = document
        for part in path:
            if isinstance(part, str) and part not in table:
                if not any(value is not None for value in changes.values()):
                    return
                table[part] = make()
            table = table[part]
        for key, value in changes.items():
            if value is None:
                if key in table:
                    del table[key]
            else:
                table[key] = wrap(value)

    return _edited(text, change)


def add_row(text: str, section: str, values: Mapping[str, Any]) -> str:
    """One more table at the end of an array of tables."""

    def change(document: Any, make: Callable[[], Any], wrap: Callable[[Any], Any]) -> None:
        row = make()
        for key, value in values.items():
            if value is not None:
                row[key] = wrap(value)
        if isinstance(document, tomlkit.TOMLDocument):
            row.add(tomlkit.nl())
        if section not in document:
            document[section] = tomlkit.aot() if isinstance(document, tomlkit.TOMLDocument) else []
        document[section].append(row)

    return _edited(text.rstrip("\n") + "\n\n", change).rstrip("\n") + "\n"


def remove_row(text: str, section: str, index: int) -> str:
    def change(document: Any, make: Callable[[], Any], wrap: Callable[[Any], Any]) -> None:
        del document[section][index]
        if not document[section]:
            del document[section]

    return _edited(text, change)


def move_row(text: str, section: str, index: int, to: int) -> str:
    """The row at `index` stands at `to` afterwards."""

    def change(document: Any, make: Callable[[], Any], wrap: Callable[[Any], Any]) -> None:
        rows = document[section]
        if not 0 <= to < len(rows):
            raise IndexError(to)
        row = rows[index]
        del rows[index]
        rows.insert(to, row)

    return _edited(text, change)


def _edited(text: str, change: Callable[[Any, Callable[[], Any], Callable[[Any], Any]], None]) -> str:
    if len(text) > MAX_TEXT:
        raise SwitchroomError("config.edit-too-long", "This configuration is too long for forms.", _BY_TEXT)
    wanted = copy.deepcopy(plain(text))
    try:
        change(wanted, dict, copy.deepcopy)
        document = tomlkit.parse(text)
        change(document, tomlkit.table, _item)
        made = tomlkit.dumps(document)
        done = tomllib.loads(made) == wanted
    except (KeyError, IndexError):
        raise SwitchroomError("config.edit-gone", "This entry is not there any more.", "Load the page again.") from None
    except (TOMLKitError, ValueError, TypeError, AttributeError, RecursionError):
        done, made = False, text
    if not done:
        raise SwitchroomError("config.edit-failed", "The text is laid out in a way that a form cannot change.", _BY_TEXT)
    return made


def _item(value: Any) -> Any:
    """A value as it is written: tables within a table stand on one line, long arrays on several."""
    if isinstance(value, dict):
        made = tomlkit.inline_table()
        for key, item in value.items():
            made[str(key)] = _item(item)
        return made
    if isinstance(value, list):
        array = tomlkit.array()
        for item in value:
            array.append(_item(item))
        return array.multiline(sum(len(str(item)) for item in value) > MAX_LINE)
    return tomlkit.item(value)


MAX_LINE = 90


# ---- secrets ---------------------------------------------------------------------------------------------------------


def _named(values: Any, path: Path) -> Path:
    """The same path with the names of rows in place of their indexes: rows may have moved."""
    named: list[str | int] = []
    for part in path:
        if isinstance(part, int) and isinstance(values, list):
            row = values[part]
            key = KEYS.get(str(named[-1])) if len(named) == 1 else None
            named.append(f"={row.get(key)}" if key and isinstance(row, dict) else part)
            values = row
        else:
            named.append(part)
            values = values[part]
    return tuple(named)


def secrets_of(text: str) -> dict[Path, Any]:
    """Every secret by its path, rows by their names."""
    found: dict[Path, Any] = {}
    values = plain(text)

    def walk(value: Any, path: Path) -> None:
        if len(path) > MAX_DEPTH:
            return
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if key in SECRET_KEYS and not isinstance(item, dict | list):
                found[_named(values, (*path, key))] = item
            elif isinstance(item, dict | list):
                walk(item, (*path, key))

    walk(values, ())
    return found


def has_secrets(text: str) -> bool:
    """Whether a secret is written in it that is not masked. Raises SwitchroomError where it is no TOML."""
    plain(text)
    return any(path[-1] in SECRET_KEYS and place.start < place.end and text[place.start + 1 : place.end - 1] != MASK
               for path, place in Places(text).found.items())


def restore_secrets(text: str, *older: str) -> str:
    """A text that was shown with its secrets masked, with those that nobody replaced put back from the first of `older` that has
    them. Raises SwitchroomError "config.secret-unknown" for a mask without a secret behind it."""
    values = plain(text)
    known: dict[Path, Any] = {}
    for each in reversed(older):
        known |= secrets_of(each)
    pieces, end = [], 0
    for path, place in sorted(Places(text).found.items(), key=lambda each: each[1].start):
        if path[-1] not in SECRET_KEYS or place.start >= place.end or text[place.start + 1 : place.end - 1] != MASK:
            continue
        secret = known.get(_named(values, path))
        if secret is None:
            line = text.count("\n", 0, place.start) + 1
            raise SwitchroomError("config.secret-unknown", "Line {line}: there is no secret to keep here.",
                                  "Type it in place of ***.", line=line)
        pieces += [text[end : place.start], tomlkit.item(secret).as_string()]
        end = place.end
    return "".join([*pieces, text[end:]])
