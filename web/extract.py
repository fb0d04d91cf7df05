"""What there is to translate besides `_()`: Babel extractors for babel.cfg. `scripts/translations` and a test run them.

Sentences of the box stand as constants in `say(...)` and `SwitchroomError(id, message, hint)`; tables of the Cython core in
`NAME = {...}`; what the forms of the configuration tell in the typed model itself.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import IO, Any

from babel.messages.extract import extract_python

from appliance.campaigns import causes
from web.config.fields import Field, sections
from web.config.names import LABEL, plain_label

Found = tuple[int, str | None, Any, list[str]]
"""Line, function (None: the text is alone), text, comments."""
HOME = ("appliance.sentences", "appliance.errors", "appliance.config.values")
"""Where they come from: others have a `say` of their own."""
TEXTS = {"say": slice(0, 1), "SwitchroomError": slice(1, 3), "WrongText": slice(0, 2)}
"""Which arguments of a call are texts."""
TABLES = ("DENIALS", "REASONS")


def pages(
    file: IO[bytes], keywords: Mapping[str, Any], comments: Collection[str], options: Mapping[str, Any]
) -> Iterator[Found]:
    """A Python file of web/: what Babel finds, and sentences."""
    found: Iterator[Any] = extract_python(file, keywords, comments, dict(options))  # type: ignore[arg-type]
    yield from found
    file.seek(0)
    yield from sentences(file)


def sentences(file: IO[bytes], *_: object, **__: object) -> Iterator[Found]:
    """A Python file."""
    for line, text in constants(ast.parse(file.read())):
        yield line, None, text, []


def constants(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, text) of each sentence in it."""
    for text in texts_of(tree):
        if isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value:
            yield text.lineno, text.value


def texts_of(tree: ast.AST) -> Iterator[ast.expr]:
    """What stands in it where a constant text belongs, or a sentence said elsewhere."""
    ours = {name.name for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) for name in each.names
            if each.module in HOME} | {each.name for each in ast.walk(tree) if isinstance(each, ast.ClassDef)}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in TEXTS and call.func.id in ours:
            yield from call.args[TEXTS[call.func.id]]


def tables(file: IO[bytes], *_: object, **__: object) -> Iterator[Found]:
    """Tables of sentences in a Cython file."""
    lines = file.read().decode().split("\n")
    for name in TABLES:
        for at, line in enumerate(lines):
            if line.startswith(f"{name} = {{"):
                end = lines.index("}", at)
                table = ast.literal_eval("\n".join(["{", *lines[at + 1:end], "}"]))
                yield from ((at + 1, None, text, []) for text in table.values())


def forms(*_: object, **__: object) -> Iterator[Found]:
    """What the forms of the configuration say of its tables and keys: the model is their only description."""

    def keys(fields: Iterable[Field]) -> Iterator[Field]:
        for each in fields:
            yield each
            yield from keys(each.inner)

    for section in sections().values():
        all_keys = list(keys(section.fields))
        yield from ((0, None, text, []) for text in (section.about, *(each.meaning for each in all_keys)) if text)
        yield from ((0, "pgettext", (LABEL, plain_label(each.key)), []) for each in all_keys)


def verdicts(*_: object, **__: object) -> Iterator[Found]:
    """Why attempts and legs ended, from the tables of causes."""
    for value in vars(causes).values():
        if isinstance(value, dict):
            yield from ((0, None, each.why, []) for each in value.values() if isinstance(each, causes.Verdict))
