"""Where each key and value of a TOML text stands.

`tomllib` gives values without places. This scanner walks the same text and notes the place of every key, array element
and value. It judges nothing (tomllib does): on text that is no TOML it simply stops, and up to that point it sees
what tomllib sees, so its bounds on depth protect the parser from hostile nesting. TOML 1.0, https://toml.io/en/v1.0.0.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

import msgspec

Path = tuple[str | int, ...]
"""("lines", 1, "name"): keys, and indexes into arrays."""

MAX_DEPTH = 16

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")' r"|'''.*?'{3,5}(?!')" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n\r]+")


class TooDeep(Exception):
    """Nesting beyond MAX_DEPTH; `offset` is where."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class Place(msgspec.Struct, frozen=True):
    """Character offsets: of the key (or array element), and of the value from `start` to `end` (equal for tables)."""

    key: int
    start: int
    end: int


class Places:
    """The places of one text. Lines and columns count from 1."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: dict[Path, Place] = {}
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        _Scanner(text, self.found).document()

    def line_column(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def of(self, path: Path) -> tuple[int, int]:
        """Line and column of `path`, or of the nearest table around it that stands in the text."""
        for length in range(len(path), 0, -1):
            place = self.found.get(path[:length])
            if place is not None:
                return self.line_column(place.key)
        return 1, 1


class _Stop(Exception):
    """The text is no TOML from here on."""


class _Scanner:
    def __init__(self, text: str, found: dict[Path, Place]) -> None:
        self.text = text
        self.at = 0
        self.found = found
        self.tables: dict[Path, int] = {}  # arrays of tables: how many elements so far

    def document(self) -> None:
        table: Path = ()
        try:
            while self._skip(_BLANK) < len(self.text):
                table = self._header() if self.text[self.at] == "[" else self._pair(table)
        except _Stop:
            return

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return self.at

    def _expect(self, token: str) -> None:
        if not self.text.startswith(token, self.at):
            raise _Stop
        self.at += len(token)

    def _note(self, path: Path, key: int, start: int, end: int) -> None:
        # The first place counts: a table opened by its header is not moved by a later dotted key.
        self.found.setdefault(path, Place(key, start, end))

    def _header(self) -> Path:
        opened = self.at
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        self._skip(_SPACE)
        keys = self._key()
        self._skip(_SPACE)
        self._expect("]]" if array else "]")
        path = self._resolve((), keys[:-1])
        path = (*path, keys[-1])
        if array:
            index = self.tables.get(path, 0)
            self.tables[path] = index + 1
            self._note(path, opened, opened, opened)
            path = (*path, index)
        else:
            path = self._resolve(path[:-1], path[-1:])
        self._note(path, opened, opened, opened)
        return path

    def _resolve(self, path: Path, keys: tuple[str | int, ...]) -> Path:
        """Add keys to a path; an array of tables met on the way means its latest element."""
        for key in keys:
            path = (*path, key)
            if path in self.tables:
                path = (*path, self.tables[path] - 1)
        return path

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            parts.append(self._key_part())
            if len(parts) > MAX_DEPTH:
                raise TooDeep(self.at)
            after = self.at
            self._skip(_SPACE)
            if not self.text.startswith(".", self.at):
                self.at = after
                return tuple(parts)
            self.at += 1
            self._skip(_SPACE)

    def _key_part(self) -> str:
        bare = _BARE.match(self.text, self.at)
        if bare is not None:
            self.at = bare.end()
            return bare[0]
        quoted = _STRING.match(self.text, self.at)
        if quoted is None:
            raise _Stop
        self.at = quoted.end()
        try:
            return str(tomllib.loads(f"k={quoted[0]}")["k"])
        except tomllib.TOMLDecodeError:
            raise _Stop from None

    def _pair(self, table: Path) -> Path:
        key_at = self.at
        keys = self._key()
        self._skip(_SPACE)
        self._expect("=")
        self._skip(_SPACE)
        for length in range(1, len(keys)):
            self._note((*table, *keys[:length]), key_at, key_at, key_at)
        self._value((*table, *keys), key_at)
        return table

    def _value(self, path: Path, key_at: int) -> None:
        if len(path) > MAX_DEPTH:
            raise TooDeep(self.at)
        start = self.at
        head = self.text[start : start + 1]
        if head == "[":
            self._array(path)
        elif head == "{":
            self._inline_table(path)
        elif head in ("'", '"') and head:
            if not _STRING.match(self.text, start):
                raise _Stop
            self._skip(_STRING)
        elif self._skip(_SCALAR) == start:
            raise _Stop
        end = start + len(self.text[start : self.at].rstrip())
        self._note(path, key_at, start, end)

    def _array(self, path: Path) -> None:
        self._expect("[")
        index = 0
        while True:
            self._skip(_BLANK)
            if self.text.startswith("]", self.at):
                self.at += 1
                return
            self._value((*path, index), self.at)
            index += 1
            self._skip(_BLANK)
            if not self.text.startswith("]", self.at):
                self._expect(",")

    def _inline_table(self, path: Path) -> None:
        self._expect("{")
        while True:
            self._skip(_BLANK)
            if self.text.startswith("}", self.at):
                self.at += 1
                return
            self._pair(path)
            self._skip(_BLANK)
            if not self.text.startswith("}", self.at):
                self._expect(",")
