"""A mistake written into a document of the configuration, and how its problem must be named."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import ConfigError, ConfigProblem, loads

Mistake = tuple[str, str, str, str, str]
"""What is replaced, by what, the problem's id, what its line holds, what the words say."""

FILE = "office.toml"


def problems_of(text: str, base: Path | None = None) -> list[ConfigProblem]:
    with pytest.raises(ConfigError) as caught:
        loads(text, FILE, base)
    return caught.value.problems


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def names(mistakes: list[Mistake]) -> list[str]:
    return [f"{mistake[2]}-{mistake[1][:40]}" for mistake in mistakes]


def check_named(document: str, mistake: Mistake) -> None:
    """The mistake gives a problem of its id, at its line, that says what would be right."""
    old, new, id, place, says = mistake
    text = changed(document, old, new)
    problems = problems_of(text)
    matching = [problem for problem in problems if problem.id == id]
    assert matching, problems
    problem = matching[0]
    assert says in f"{problem.what} {problem.fix}"
    assert place.split("\n")[0] in text.splitlines()[problem.line - 1], problem
    assert str(problem).startswith(f"{FILE}:{problem.line}:{problem.column}: ")
