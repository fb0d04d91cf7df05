"""Every text of a document with what its type says of it: files, spoken words, names of other tables, targets.

What must happen to all values of a kind (checks, paths made absolute, clips spoken) is written once with this, so that
a new key cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import inspect

from appliance.config.kinds import Table
from appliance.config.locate import Path

T = TypeVar("T", bound=Table)
_WORDLESS: set[type] = {inspect.IntType, inspect.FloatType, inspect.BoolType, inspect.NoneType}
_SINGLE = _WORDLESS | {inspect.StrType, inspect.LiteralType, inspect.CustomType}


class Leaf(NamedTuple):
    """A text in `table`, at `path` below it (keys of dicts and indexes of lists included). `marks` is the `extra` of its
    kind. A text that is the key of a dict is a leaf too, at the path of its value."""

    table: Table
    path: Path
    value: str
    marks: dict[str, Any]


def leaves(table: Table) -> Iterator[Leaf]:
    """Every text in a table and the tables below it, in the order of the model."""
    for name, key, kind, marks in _fields(type(table)):
        value = getattr(table, name)
        if marks is None:
            yield from _below(table, (key,), value, kind)
        elif isinstance(value, str):
            yield Leaf(table, (key,), value, marks)


def _below(table: Table, path: Path, value: Any, kind: Any) -> Iterator[Leaf]:
    if isinstance(value, Table):
        yield from leaves(value)
        return
    kind, marks = _meant(value, kind)
    if isinstance(value, str):
        yield Leaf(table, path, value, marks)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _below(table, (*path, index), item, kind.item_type)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _below(table, (*path, key), key, kind.key_type)
            yield from _below(table, (*path, key), item, kind.value_type)


def changed(table: T, change: Callable[[Leaf], str]) -> T:
    """The same table with every text (not the keys of dicts) replaced by what `change` gives for it."""
    made = {
        name: _replaced(table, (key,), getattr(table, name), kind, change)
        for name, key, kind, _ in _fields(type(table))
    }
    return msgspec.structs.replace(table, **made)


def _replaced(table: Table, path: Path, value: Any, kind: Any, change: Callable[[Leaf], str]) -> Any:
    if isinstance(value, Table):
        return changed(value, change)
    kind, marks = _meant(value, kind)
    if isinstance(value, str):
        return change(Leaf(table, path, value, marks))
    if isinstance(value, list):
        return [_replaced(table, (*path, i), item, kind.item_type, change) for i, item in enumerate(value)]
    if isinstance(value, dict):
        return {key: _replaced(table, (*path, key), item, kind.value_type, change) for key, item in value.items()}
    return value


@cache
def _fields(cls: type) -> list[tuple[str, str, Any, dict[str, Any] | None]]:
    """Name, TOML key and kind of each field that can hold text; and the marks of the text, where the field holds one value
    and not a table, an array or a dict of them."""
    info: Any = inspect.type_info(cls)
    return [
        (field.name, field.encode_name, field.type, _meant("", field.type)[1] if kinds <= _SINGLE else None)
        for field in info.fields
        if not (kinds := _alternatives(field.type)) <= _WORDLESS
    ]


def _alternatives(kind: Any) -> set[type]:
    """Every bare kind that a key takes."""
    if isinstance(kind, inspect.Metadata):
        return _alternatives(kind.type)
    if isinstance(kind, inspect.UnionType):
        return set().union(*map(_alternatives, kind.types))
    return {type(kind)}


def _meant(value: object, kind: Any) -> tuple[Any, dict[str, Any]]:
    """The bare kind of `value`, where a key takes several, and all marks on the way to it."""
    marks: dict[str, Any] = {}
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.Metadata):
            marks |= kind.extra or {}
            kind = kind.type
        else:
            kind = next(each for each in kind.types if _holds(each, value))
    return kind, marks


def _holds(kind: Any, value: object) -> bool:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if value is None or isinstance(kind, inspect.NoneType):
        return value is None and isinstance(kind, inspect.NoneType)
    if isinstance(kind, inspect.DictType):
        return isinstance(value, dict)
    if isinstance(kind, inspect.ListType):
        return isinstance(value, list)
    return not isinstance(value, dict | list) and not isinstance(kind, inspect.StructType)
