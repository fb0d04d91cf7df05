"""docs/configuration.md, made from the typed model: `python -m appliance.config.reference > docs/configuration.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from appliance.config.decode import SHAPES
from appliance.config.model import Config
from appliance.config.values import enc_hook

_INTRO = """# Configuration

One TOML document describes the office. `switchroom config check FILE` names every mistake with its line,
`switchroom config import FILE` makes it the configuration in force. An unknown key is an error. Numbers that are
dialled or keyed stand in quotes: a leading zero means something.

Files that the document names (lists, greetings, certificates) are relative to the directory that the document was
imported from, and are read where they stand: edit a list and the next campaign uses it. Recordings and music (WAV, MP3,
OGG, FLAC) are brought into shape when the configuration is taken into use, and texts are spoken then; what changed since
is heard after `switchroom config reload`. A document that came without a file takes them from `DATA/lists`.

Every import, edit and roll-back makes a version; `switchroom config history`, `diff` and `rollback` work on them.
A box started with `serve --config FILE` takes FILE over as a new version if it changed since it was last served;
an unchanged FILE does not undo what was imported or rolled back meanwhile.

A **target** says where a call goes: `extension:101`, `queue:NAME`, `menu:NAME`, `voicemail:NAME` (the mailbox that a
queue, phone, agent or menu has by itself), `callback:QUEUE` (that queue calls back, the caller keeps a place in it),
`outside:NUMBER` (as people of the country dial it), `scenario:CODE`, `agents` (where agents call from their
`outside_number` to sign in) or `hangup` (a spoken goodbye).

**Words** are what callers are told: a text that the box speaks in the language of the table (`"Welcome."`), a recording
(`"file:welcome.wav"`), or one of these for each language (`{ en = "Welcome.", fi = "file:tervetuloa.wav" }`). What a
caller hears who has chosen none of these languages is the text in the office's, else the first.

A **recording rule** is `always`, `never`, `on-demand` or a share of the calls (`20%`). Where several hold for a call,
that of the queue counts, then the phone's, the line's, and `[recording]`.

This page is made from the model: `python -m appliance.config.reference > docs/configuration.md`.
"""

_TEXTS = {"Target": "target", "HostPort": "address", "PortRange": "port range", "Network": "network"}
_TEXTS |= {"RecordRule": "recording rule"}
_LISTED = 20
"""Choices that are written out; of more the description says where they stand."""


def reference() -> str:
    """The page as Markdown."""
    parts = [_INTRO]
    for field in inspect.type_info(Config).fields:  # type: ignore[attr-defined]
        kind = _bare(field.type)
        many = isinstance(kind, inspect.ListType)
        table = _bare(kind.item_type) if many else kind
        parts += _sections("##", field.name, table, many)
    return "\n".join(parts)


def _sections(level: str, name: str, table: Any, many: bool) -> Iterator[str]:
    """A table, and after it the tables that its keys hold."""
    inner = [(field, *_table_of(field.type)) for field in table.fields]
    title = f"[[{name}]]" if many else f"[{name}]"
    rows = [f"{level} `{title}`", "", _first_paragraph(table.cls), ""]
    rows += ["| key | kind | default | meaning |", "|---|---|---|---|"]
    rows += [
        f"| `{field.encode_name}` | {_cell(_kind(field.type))} | {_cell(_default(field))} | {_cell(_meaning(field.type))} |"
        for field, below, _ in inner
        if below is None or _meaning(field.type)
    ]
    yield "\n".join(rows) + "\n"
    for field, below, several in inner:
        if below is not None:
            yield from _sections(level + "#", f"{name}.{field.encode_name}", below, several)


def _table_of(kind: Any) -> tuple[Any, bool]:
    """The table that a key holds, if any, and whether it holds several."""
    kind = _bare(kind)
    if isinstance(kind, inspect.ListType):
        return _table_of(kind.item_type)[0], True
    if isinstance(kind, inspect.UnionType):
        return next((found for each in kind.types if (found := _table_of(each))[0] is not None), (None, False))
    return (kind, False) if isinstance(kind, inspect.StructType) else (None, False)


def _first_paragraph(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _bare(kind: Any) -> Any:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def _meaning(kind: Any) -> str:
    while isinstance(kind, inspect.Metadata):
        description = (kind.extra_json_schema or {}).get("description")
        if description:
            return str(description)
        kind = kind.type
    return ""


def _kind(kind: Any) -> str:
    kind = _bare(kind)
    if isinstance(kind, inspect.UnionType):
        if any(isinstance(_bare(each), inspect.DictType) for each in kind.types):
            return "words"  # the only kind that is a text or a table by language
        return " or ".join(_kind(each) for each in kind.types if not isinstance(each, inspect.NoneType))
    if isinstance(kind, inspect.StructType):
        return "table"
    if isinstance(kind, inspect.ListType):
        return f"array of: {_kind(kind.item_type)}"
    if isinstance(kind, inspect.DictType):
        return f"table: {_kind(kind.key_type)} = {_kind(kind.value_type)}"
    if isinstance(kind, inspect.CustomType):
        return _TEXTS[kind.cls.__name__]
    if isinstance(kind, inspect.LiteralType):
        if len(kind.values) > _LISTED:
            return f"`{kind.values[0]}`, …"
        return ", ".join(f"`{value}`" for value in kind.values)
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return _number(kind)
    if isinstance(kind, inspect.StrType):
        plain = kind.pattern is None or kind.pattern.startswith(r"^[^\x00-\x1f")
        return "text" if plain else str(SHAPES[str(kind.pattern)])
    return "true or false"


def _number(kind: inspect.IntType | inspect.FloatType) -> str:
    name = "whole number" if isinstance(kind, inspect.IntType) else "number"
    low = str(kind.ge) if kind.ge is not None else f">{kind.gt}" if kind.gt is not None else ""
    return f"{name}, {low}…{kind.le}" if kind.le is not None else name


def _default(field: inspect.Field) -> str:
    if field.required:
        return "**needed**"
    value = field.default
    if value is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    value = msgspec.to_builtins(value, enc_hook=enc_hook)
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    return "`" + (msgspec.json.encode(value).decode() if not isinstance(value, float) else f"{value:g}") + "`"


if __name__ == "__main__":
    sys.stdout.write(reference())
