"""Forms out of the typed model: what each key is, how its value is shown, and what was typed as a TOML value.

Nothing is judged here. What cannot be read as its kind goes into the draft as text, and the check of the configuration says at
its field what would be right.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import msgspec
from msgspec import inspect

from appliance.config.check import KEYS
from appliance.config.decode import SECRET_KEYS
from appliance.config.kinds import LANGUAGES
from appliance.config.model import Config
from appliance.config.values import enc_hook

Kind = Literal["text", "long", "secret", "whole", "number", "bool", "choice", "refers", "target", "words", "list", "map", "table"]
MAX_DIGITS = 15
MAX_NESTED = 4
MAX_LINES = 1000
_TARGET = "Target"


@dataclass(frozen=True)
class Field:
    """A key. `name` is its path in the form ("callback.digit"); `kind` of a list's elements or a map's values is `of`."""

    name: str
    key: str
    kind: Kind
    meaning: str
    required: bool
    default: str
    options: tuple[str, ...] = ()
    refers: str = ""
    of: Kind = "text"
    inner: tuple[Field, ...] = field(default=())
    longest: int = 0


@dataclass(frozen=True)
class Section:
    """A top-level table, or an array of tables whose rows `key` tells apart."""

    name: str
    many: bool
    about: str
    key: str
    fields: tuple[Field, ...]


@cache
def sections() -> dict[str, Section]:
    """By name, in the order of the document."""
    info: Any = inspect.type_info(Config)
    return {each.name: _section(each) for each in info.fields}


def _section(each: inspect.Field) -> Section:
    kind = _bare(each.type)
    many = isinstance(kind, inspect.ListType)
    table: Any = _bare(kind.item_type) if isinstance(kind, inspect.ListType) else kind
    about = " ".join((table.cls.__doc__ or "").split("\n\n")[0].split())
    return Section(each.name, many, about, KEYS.get(each.name, ""), tuple(_fields(table, "")))


def _fields(table: Any, prefix: str) -> Iterator[Field]:
    for each in table.fields:
        yield _field(each, prefix)


def _field(each: inspect.Field, prefix: str) -> Field:
    marks, meaning = _told(each.type)
    bare = _without_none(each.type)
    name = prefix + each.encode_name
    common: dict[str, Any] = {"name": name, "key": each.encode_name, "meaning": meaning, "required": each.required,
                              "default": _default(each)}
    if isinstance(bare, inspect.StructType):
        return Field(**common, kind="table", inner=tuple(_fields(bare, name + ".")))
    if marks.get("words") or _is_words(each.type):
        return Field(**common, kind="words")
    if isinstance(bare, inspect.ListType):
        inner_marks, _ = _told(bare.item_type)
        if _is_words(bare.item_type):
            return Field(**common, kind="list")
        return Field(**common, kind="list", of=_plain(bare.item_type), refers=str(inner_marks.get("refers", "")),
                     options=_options(bare.item_type))
    if isinstance(bare, inspect.DictType):
        return Field(**common, kind="map", of=_plain(bare.value_type))
    if each.encode_name in SECRET_KEYS:
        return Field(**common, kind="secret")
    if marks.get("refers"):
        return Field(**common, kind="refers", refers=str(marks["refers"]))
    longest = getattr(bare, "max_length", None) or 0
    return Field(**common, kind=_plain(bare), options=_options(bare), longest=longest)


def _told(kind: Any) -> tuple[dict[str, Any], str]:
    """Marks and description anywhere on the way to the bare kind."""
    marks: dict[str, Any] = {}
    meaning = ""
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.Metadata):
            marks |= kind.extra or {}
            meaning = meaning or str((kind.extra_json_schema or {}).get("description") or "")
            kind = kind.type
        else:
            kind = next(each for each in kind.types if not isinstance(each, inspect.NoneType))
    return marks, meaning


def _bare(kind: Any) -> Any:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def _without_none(kind: Any) -> Any:
    kind = _bare(kind)
    while isinstance(kind, inspect.UnionType):
        kind = _bare(next(each for each in kind.types if not isinstance(each, inspect.NoneType)))
    return kind


def _is_words(kind: Any) -> bool:
    kind = _bare(kind)
    if not isinstance(kind, inspect.UnionType):
        return False
    return any(_told(each)[0].get("words") for each in kind.types)


def _plain(kind: Any) -> Kind:
    bare = _without_none(kind)
    if isinstance(bare, inspect.BoolType):
        return "bool"
    if isinstance(bare, inspect.LiteralType):
        return "choice"
    if isinstance(bare, inspect.IntType):
        return "whole"
    if isinstance(bare, inspect.FloatType):
        return "number"
    if isinstance(bare, inspect.CustomType) and bare.cls.__name__ == _TARGET:
        return "target"
    return "text"


def _options(kind: Any) -> tuple[str, ...]:
    bare = _without_none(kind)
    return tuple(map(str, bare.values)) if isinstance(bare, inspect.LiteralType) else ()


def _default(each: inspect.Field) -> str:
    if each.required:
        return ""
    value = each.default
    if value is msgspec.NODEFAULT and each.default_factory is not msgspec.NODEFAULT:
        value = each.default_factory()
    value = msgspec.to_builtins(value, enc_hook=enc_hook)
    if value is None or value in ("", [], {}) or isinstance(value, dict):
        return ""
    return ", ".join(map(scalar, value)) if isinstance(value, list) else scalar(value)


# ---- showing ---------------------------------------------------------------------------------------------------------


def scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return inline(value)
    return str(value)


def inline(value: Any) -> str:
    """A value as TOML writes it within a line. What TOML calls a basic string is JSON's but for a few characters."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {inline(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f") if isinstance(value, str) else scalar(value)


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("-", "").replace("_", "").isalnum() else inline(key)


def shown(field: Field, values: dict[str, Any]) -> dict[str, str]:
    """What stands in the inputs of this field, by their names. A secret is never among it."""
    value = values.get(field.key)
    if field.kind == "table":
        below = value if isinstance(value, dict) else {}
        return {name: text for each in field.inner for name, text in shown(each, below).items()}
    if field.kind == "secret" or value is None:
        return {field.name: ""}
    if field.kind == "words" and isinstance(value, dict):
        return {field.name: ""} | {f"{field.name}@{language}": scalar(value.get(language, "")) for language in LANGUAGES}
    if field.kind == "list" and isinstance(value, list):
        return {field.name: "\n".join(map(scalar, value))}
    if field.kind == "map" and isinstance(value, dict):
        return {field.name: "\n".join(f"{key} = {scalar(item)}" for key, item in value.items())}
    return {field.name: scalar(value)}


# ---- reading ---------------------------------------------------------------------------------------------------------


class Keep:
    """What was typed says: leave it as it is."""


KEEP = Keep()


def read(field: Field, form: dict[str, str]) -> Any:
    """What was typed as a TOML value; None: nothing (the key goes); KEEP: as it is."""
    text = form.get(field.name, "").replace("\r\n", "\n").strip()
    if field.kind == "secret":
        return None if form.get(f"{field.name}!remove") else text or KEEP
    if field.kind == "words":
        by_language = {code: typed for code in LANGUAGES if (typed := form.get(f"{field.name}@{code}", "").strip())}
        return by_language or text or None  # where both are typed, the languages are meant
    if not text:
        return None
    if field.kind == "list":
        return [_typed(line.strip(), field.of) for line in text.split("\n")[:MAX_LINES] if line.strip()]
    if field.kind == "map":
        return _map(text, field.of)
    return _typed(text, field.kind)


def _map(text: str, of: Kind) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for line in text.split("\n")[:MAX_LINES]:
        if line.strip():
            key, _, value = line.partition("=")
            made[key.strip()] = _typed(value.strip(), of)
    return made


def _typed(text: str, kind: Kind) -> Any:
    if kind == "bool" and text in ("true", "false"):
        return text == "true"
    if kind in ("whole", "number") and len(text) <= MAX_DIGITS:
        try:
            return int(text) if kind == "whole" or text.lstrip("-").isdecimal() else float(text.replace(",", "."))
        except ValueError:
            return text
    if text.startswith("{"):  # a row that is a table of its own: { agent = "anna", rank = 2 }
        try:
            return tomllib.loads(f"value = {text}")["value"] if "\n" not in text and text.count("{") <= MAX_NESTED else text
        except (ValueError, RecursionError):
            return text
    return text


def changes(fields: tuple[Field, ...], values: dict[str, Any], form: dict[str, str]) -> dict[str, Any]:
    """What the form changes in a table: keys with new values, None to take one out. Tables within come whole."""
    made: dict[str, Any] = {}
    for each in fields:
        old = values.get(each.key)
        if each.kind == "table":
            below = old if isinstance(old, dict) else {}
            inner = changes(each.inner, below, form)
            new: Any = {key: value for key, value in (below | inner).items() if value is not None} or None
        else:
            if each.name not in form and not any(name.startswith(f"{each.name}@") for name in form):
                continue  # this form does not have it
            new = read(each, form)
        if new is not KEEP and new != old:
            made[each.key] = new
    return made
