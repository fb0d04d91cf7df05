"""What is wrong with a configuration: every problem with its place and what would be right."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from appliance.config.locate import Path
from appliance.errors import SwitchroomError
from appliance.sentences import Said

MAX_PROBLEMS = 100
"""More are counted, not listed: a file this wrong is the wrong file."""


class ShownProblem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One problem, as programs get it. `line` and `column` count from 1; `key` is the path as people write it
    ("scenarios[0].hours"); `what` says what is wrong, `fix` what would be right."""

    id: str
    file: str
    line: int
    column: int
    key: str
    what: str
    fix: str


class ConfigProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One problem: fields as in `ShownProblem`, its sentences such that a page can tell them in the reader's language."""

    id: str
    file: str
    line: int
    column: int
    key: str
    said: Said
    said_fix: Said

    @property
    def what(self) -> str:
        return str(self.said)

    @property
    def fix(self) -> str:
        return str(self.said_fix)

    def shown(self) -> ShownProblem:
        return ShownProblem(id=self.id, file=self.file, line=self.line, column=self.column, key=self.key, what=self.what,
                            fix=self.fix)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.what} {self.fix}".rstrip()


class ConfigError(SwitchroomError):
    """A configuration was refused. `problems` holds all of them in the order of the file, never empty; the running
    configuration stays as it is."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.line, problem.column))[:MAX_PROBLEMS]
        count = len(problems)
        first = self.problems[0]
        where = f"{first.file}:{first.line}"
        if count == 1:
            super().__init__("config.invalid", "{where}: {what}", first.said_fix, where=where, what=first.said)
        else:
            super().__init__("config.invalid", "{where}: {what} (and {more} more)", first.said_fix, where=where, what=first.said,
                             more=count - 1)


def path_text(path: Path) -> str:
    """("lines", 1, "name") -> "lines[1].name"."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
