"""Loading: a TOML text becomes a Config, or one ConfigError with everything that is wrong, each with its line.

The text is hostile until proven otherwise: its size, nesting and number of problems are bounded.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from pathlib import Path as FilePath
from typing import Any

import msgspec
import tomli_w

from appliance.config.check import Checker
from appliance.config.decode import WRONG, decode
from appliance.config.locate import Path, Places, TooDeep
from appliance.config.model import Config, Office, Table, to_builtins
from appliance.config.problems import MAX_PROBLEMS, ConfigError, ConfigProblem, path_text
from appliance.config.values import dec_hook
from appliance.errors import SwitchroomError, because
from appliance.libraries import of_toml
from appliance.sentences import Said, say

MAX_BYTES = 1 << 20
_STOP_AFTER = MAX_PROBLEMS + 1
_AT = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)\s*$")
_PLACEHOLDER = Office(name="?", country="FI")
"""Stands in where [office] is wrong, so that the rest can still be checked; such a document is never returned."""


def load(path: FilePath | str) -> Config:
    """Read and check a file. List files are looked for beside it. Raises ConfigError."""
    path = FilePath(path)
    return loads(read_text(path), str(path), base=path.resolve().parent)


def loads(text: str, name: str = "configuration", base: FilePath | None = None) -> Config:
    """Check a text. `name` stands in messages; `base` is the directory that files in it are relative to, None leaves
    files unchecked. Raises ConfigError."""
    return _Loader(text, name, base).run()


def dumps(config: Config) -> str:
    """The configuration as TOML that `loads` reads back to the same Config. Defaults and comments are not in it."""
    return tomli_w.dumps(to_builtins(config))


def read_text(path: FilePath) -> str:
    """The file as text, bounded. Raises ConfigError (not UTF-8, too long) or SwitchroomError "config.unreadable"."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SwitchroomError("config.unreadable", "{path} cannot be read: {reason}.", "Check the path and its permissions.",
                              path=path, reason=because(error)) from None
    if len(data) > MAX_BYTES:
        raise ConfigError([_too_long(str(path))])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        what = say("Byte 0x{byte} is not UTF-8.", byte=f"{data[error.start]:02X}")
        raise ConfigError(
            [_problem("config.encoding", str(path), line, column, what, say("Save the file as UTF-8."))]
        ) from None


def _problem(id: str, file: str, line: int, column: int, what: Said, fix: Said, key: str = "") -> ConfigProblem:
    return ConfigProblem(id=id, file=file, line=line, column=column, key=key, said=what, said_fix=fix)


def _too_long(name: str) -> ConfigProblem:
    return _problem(
        "config.too-long", name, 1, 1, say("The file is longer than 1 MiB."), say("Lists belong into files of their own.")
    )


class _Enough(Exception):
    """So many problems that more would not help."""


class _Loader:
    def __init__(self, text: str, name: str, base: FilePath | None) -> None:
        self.text = text
        self.name = name
        self.base = base
        self.problems: list[ConfigProblem] = []
        self.places: Places
        self.origins: dict[int, Path] = {}

    def run(self) -> Config:
        if len(self.text) > MAX_BYTES or len(self.text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise ConfigError([_too_long(self.name)])
        self._locate()
        raw = self._parse()
        with contextlib.suppress(_Enough):  # the problems gathered so far are reported
            self._decode_and_check(raw)
        if self.problems:
            raise ConfigError(self.problems)
        return self._convert(raw)

    def _locate(self) -> None:
        try:
            self.places = Places(self.text)
        except TooDeep as error:
            line = self.text.count("\n", 0, error.offset) + 1
            what = say("The nesting is deeper than anything a configuration needs.")
            raise ConfigError([_problem("config.syntax", self.name, line, 1, what, say("Write plain tables."))]) from None

    def _parse(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except (ValueError, RecursionError) as error:  # TOMLDecodeError, absurd numbers and dates, nesting
            raise ConfigError([self._syntax(error)]) from None

    def _syntax(self, error: Exception) -> ConfigProblem:
        message = str(error)
        at = _AT.search(message)
        if at is not None and at[1] is not None:
            line, column = int(at[1]), int(at[2])
        else:
            line, column = self.places.line_column(max(len(self.text.rstrip()) - 1, 0))
        what = of_toml(_AT.sub("", message)[:200]) or say("It cannot be read")
        fix = say("Text stands in quotes, a table's name in [brackets], and each key = value on a line of its own.")
        return _problem("config.syntax", self.name, line, column, say("This is no TOML: {what}.", what=what), fix)

    def _decode_and_check(self, raw: dict[str, Any]) -> None:
        config = decode(raw, Config, self._report, self.origins)
        partial = config if config is not WRONG else self._partial(raw)
        if partial is not WRONG:
            Checker(partial, raw, self._report, self._where, self.base).run()

    def _partial(self, raw: dict[str, Any]) -> Any:
        """The document with a placeholder for its wrong [office]."""
        quiet: dict[int, Path] = {}
        office = to_builtins(_PLACEHOLDER)
        made = decode({**raw, "office": office}, Config, lambda *_: None, quiet)
        self.origins = quiet
        return made

    def _where(self, table: Table) -> Path:
        return self.origins.get(id(table), (type(table).__name__.lower(),))

    def _report(self, id: str, path: Path, what: Said, fix: Said) -> None:
        line, column = self.places.of(path)
        self.problems.append(_problem(id, self.name, line, column, what, fix, path_text(path)))
        if len(self.problems) >= _STOP_AFTER:
            raise _Enough

    def _convert(self, raw: dict[str, Any]) -> Config:
        """msgspec has the last word on types; where it differs from `decode`, that is a fault of ours, and told."""
        try:
            strict = msgspec.convert(raw, Config, dec_hook=dec_hook)
        except msgspec.ValidationError as error:
            what = Said("{problem}", {"problem": str(error)})
            fix = say("Please report this message as a fault.")
            raise ConfigError([_problem("config.wrong-value", self.name, 1, 1, what, fix)]) from None
        return strict
