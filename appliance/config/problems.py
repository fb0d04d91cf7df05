"""What is wrong with a configuration: every problem with its place and what would be right."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from appliance.config.locate import Path
from appliance.errors import SwitchroomError

MAX_PROBLEMS = 100
"""More are counted, not listed: a file this wrong is the wrong file."""


class ConfigProblem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One problem. `line` and `column` count from 1; `key` is the path as people write it ("scenarios[0].hours");
    `what` says what is wrong, `fix` what would be right."""

    id: str
    file: str
    line: int
    column: int
    key: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.what} {self.fix}".rstrip()


class ConfigError(SwitchroomError):
    """A configuration was refused. `problems` holds all of them in the order of the file, never empty; the running
    configuration stays as it is."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.line, problem.column))[:MAX_PROBLEMS]
        count = len(problems)
        first = self.problems[0]
        more = "" if count == 1 else f" (and {count - 1} more)"
        super().__init__("config.invalid", f"{first.file}:{first.line}: {first.what}{more}", first.fix)


def path_text(path: Path) -> str:
    """("lines", 1, "name") -> "lines[1].name"."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
