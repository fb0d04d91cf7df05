"""A form as its template draws it: each field with what stands in it, what may be chosen, and what is wrong with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from appliance.config.check import KEYS
from appliance.config.locate import Path as KeyPath
from appliance.config.problems import ConfigProblem, path_text
from web.config.fields import Field, Section, shown
from web.config.names import FIRST

MOST_OPTIONS = 500


@dataclass
class Input:
    field: Field
    values: dict[str, str]
    problems: list[ConfigProblem] = dataclasses.field(default_factory=list)
    options: list[str] = dataclasses.field(default_factory=list)
    called: list[str] = dataclasses.field(default_factory=list)
    """The options as people know them."""
    is_set: bool = False
    inner: list[Input] = dataclasses.field(default_factory=list)

    @property
    def value(self) -> str:
        return self.values.get(self.field.name, "")

    @property
    def wrong(self) -> bool:
        return bool(self.problems) or any(each.wrong for each in self.inner)


@dataclass
class Form:
    """`problems` are those of the table as a whole: a key that is missing, one that is not known."""

    section: Section
    inputs: list[Input]
    problems: list[ConfigProblem]

    @property
    def first(self) -> list[Input]:
        named = FIRST.get(self.section.name)
        if named is None:
            return self.inputs
        by_key = {each.field.key: each for each in self.inputs}
        return [by_key[key] for key in named if key in by_key]

    @property
    def rest(self) -> list[Input]:
        first = {each.field.key for each in self.first}
        return [each for each in self.inputs if each.field.key not in first]

    @property
    def rest_matters(self) -> bool:
        """Something there is wrong, and must not be folded away."""
        return any(each.wrong for each in self.rest)


def build(section: Section, path: KeyPath, values: dict[str, Any], document: dict[str, Any], problems: Iterable[ConfigProblem],
          typed: dict[str, str] | None = None) -> Form:
    """`typed`: what was sent and could not be kept, shown again; never a secret."""
    here = path_text(path)
    ours = [each for each in problems if each.key == here or each.key.startswith((f"{here}.", f"{here}["))]
    inputs = [_input(each, here, values, document, ours, typed) for each in section.fields]
    placed = {id(problem) for each in inputs for problem in _all(each)}
    return Form(section, inputs, [each for each in ours if id(each) not in placed])


def _all(each: Input) -> list[ConfigProblem]:
    return each.problems + [problem for below in each.inner for problem in _all(below)]


def _input(each: Field, here: str, values: dict[str, Any], document: dict[str, Any], problems: list[ConfigProblem],
           typed: dict[str, str] | None) -> Input:
    at = f"{here}.{each.name}"
    mine = [problem for problem in problems if problem.key == at or problem.key.startswith((f"{at}.", f"{at}["))]
    now = values.get(each.key)
    made = Input(each, shown(each, values), is_set=now is not None)
    if typed is not None and each.kind != "secret":
        made.values |= {name: text for name, text in typed.items() if name == each.name or name.startswith(f"{each.name}@")}
    if each.kind == "table":
        below = now if isinstance(now, dict) else {}
        made.inner = [_input(inner, here, below, document, mine, typed) for inner in each.inner]
        placed = {id(problem) for inner in made.inner for problem in inner.problems}
        mine = [problem for problem in mine if id(problem) not in placed]
    made.problems = mine
    made.options = list(each.options) or names_in(document, each.refers)
    made.called = called(document, each.refers)
    return made


def names_in(document: dict[str, Any], section: str) -> list[str]:
    """The names that other tables may refer to."""
    rows = document.get(section) if section else None
    key = KEYS.get(section, "")
    return [str(row[key]) for row in (rows if isinstance(rows, list) else [])[:MOST_OPTIONS]
            if isinstance(row, dict) and isinstance(row.get(key), str)]


def called(document: dict[str, Any], section: str) -> list[str]:
    """The same names, each with what people call it where that is something else: "anna (Anna Laine)"."""
    key, rows = KEYS.get(section, ""), document.get(section) if section else None
    known = {row[key]: row["name"] for row in (rows if isinstance(rows, list) else [])
             if isinstance(row, dict) and isinstance(row.get(key), str) and isinstance(row.get("name"), str)}
    return [f"{each} ({known[each]})" if known.get(each, each) not in ("", each) else each
            for each in names_in(document, section)]


def targets(document: dict[str, Any]) -> list[str]:
    """Where calls can be sent, for the list that fields offer."""
    made = ["hangup", "agents"]
    for section, kinds in (("phones", ("extension", "voicemail")), ("queues", ("queue", "voicemail", "callback")),
                           ("menus", ("menu",)), ("scenarios", ("scenario",)), ("mailboxes", ("voicemail",))):
        made += [f"{kind}:{name}" for kind in kinds for name in names_in(document, section)]
    return made[:MOST_OPTIONS]


def brief(section: Section, row: Any) -> str:
    """A row in a few words: its name, and what it is about."""
    if not isinstance(row, dict):
        return ""
    wanted = ("name", "title", "driver", "address", "registrar", "extension", "number", "agents", "numbers", "lines", "open",
              "greeting")
    found = [row[key] for key in wanted if key != section.key and row.get(key)]
    texts = [", ".join(str(item) for item in each[:4]) if isinstance(each, list) else str(each) for each in found]
    return " · ".join(text for text in texts if text)[:120]


def problems_of_row(problems: Iterable[ConfigProblem], section: str, index: int) -> int:
    here = f"{section}[{index}]"
    return sum(each.key == here or each.key.startswith(f"{here}.") for each in problems)
