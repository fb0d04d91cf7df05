"""What ties keys together: references, clashing numbers, targets, files. Pure, but for files looked for on disk.

Works on what `decode` could make of a document, so that one wrong key does not hide the rest. Names that others may
refer to are taken from the raw document: a table left out for a wrong key still has its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any

from appliance.config import check_codes, check_goals, check_office, check_rules, check_webhooks
from appliance.config.decode import Report, nearest, shown
from appliance.config.locate import Path
from appliance.config.model import Config, Table
from appliance.config.numbers import emergency_numbers
from appliance.config.values import Target
from appliance.config.walk import Leaf, leaves
from appliance.config.words import FILE, file_of
from appliance.sentences import Said, say

KEYS = {
    "lines": "name",
    "routes": "name",
    "phones": "extension",
    "mailboxes": "name",
    "music": "name",
    "agents": "id",
    "breaks": "digit",
    "outcomes": "code",
    "queues": "name",
    "surveys": "name",
    "menus": "name",
    "hours": "name",
    "callers": "name",
    "lists": "number",
    "scenarios": "code",
    "targets": "name",
    "reports": "name",
    "webhooks": "name",
}
"""What tells the tables of a section apart."""

INTERNAL_NUMBERS = {"phones": "extension", "queues": "number", "menus": "number", "scenarios": "code"}
"""What phones dial inside; one number may stand here once only. List numbers are keyed later and do not count."""

_SINGULAR = {
    "lines": say("line"),
    "routes": say("route"),
    "phones": say("phone"),
    "mailboxes": say("mailbox"),
    "music": say("music"),
    "agents": say("agent"),
    "breaks": say("break"),
    "outcomes": say("outcome"),
    "queues": say("queue"),
    "surveys": say("survey"),
    "menus": say("menu"),
    "hours": say("opening hours"),
    "callers": say("list of callers"),
    "lists": say("list"),
    "scenarios": say("scenario"),
    "targets": say("target"),
    "reports": say("report"),
    "webhooks": say("webhook"),
}


_TARGET_SECTIONS = {
    "extension": ("phones",),
    "queue": ("queues",),
    "callback": ("queues",),
    "menu": ("menus",),
    "scenario": ("scenarios",),
    "voicemail": ("queues", "phones", "agents", "menus", "mailboxes"),  # X has its mailbox by itself
}
"""Where the name of a target must stand, by its kind."""


class Checker:
    """One run over one document. `where` gives the path of a table; `base` the directory list files are relative to
    (None: files are not looked at)."""

    def __init__(
        self,
        config: Config,
        raw: dict[str, Any],
        report: Report,
        where: Callable[[Table], Path],
        base: FilePath | None,
    ) -> None:
        self.config = config
        self.raw = raw
        self.report = report
        self.where = where
        self.base = base
        self.leaves = list(leaves(config))
        self.known = {section: self._names(section, key) for section, key in KEYS.items()}

    def run(self) -> None:
        self._duplicates()
        self._clashes()
        self._references()
        self._targets()
        self._files()
        for rules in (check_rules, check_office, check_codes, check_goals, check_webhooks):
            rules.run(self.config, self.report, self.where, self.leaves)

    def _rows(self, section: str) -> Iterator[tuple[int, dict[str, Any]]]:
        rows = self.raw.get(section)
        for index, row in enumerate(rows if isinstance(rows, list) else ()):
            if isinstance(row, dict):
                yield index, row

    def _names(self, section: str, key: str) -> list[str]:
        # A number without quotes is told as a wrong type once, not again at each place that refers to it.
        return [str(row[key]) for _, row in self._rows(section) if type(row.get(key)) in (str, int)]

    # ---- numbers and names that must be there once -------------------------------------------------------------------

    def _duplicates(self) -> None:
        for section, key in KEYS.items():
            seen: dict[str, int] = {}
            for index, row in self._rows(section):
                value = row.get(key)
                if not isinstance(value, str):
                    continue
                if value in seen:
                    what = (
                        say("Two {section} have the {key} {value}.", section=section, key=key, value=shown(value))
                        if section != "hours"
                        else say("Two [[hours]] share a name.")
                    )
                    self.report(
                        "config.duplicate",
                        (section, index, key),
                        what,
                        say("Give this {thing} another {key}.", thing=_SINGULAR[section], key=key),
                    )
                seen.setdefault(value, index)

    def _clashes(self) -> None:
        taken: dict[str, tuple[str, Said]] = {}
        for section, key in INTERNAL_NUMBERS.items():
            for index, row in self._rows(section):
                number = row.get(key)
                if not isinstance(number, str):
                    continue
                owner = Said("{thing} {name}", {"thing": _SINGULAR[section], "name": str(row.get("name") or number)})
                path = (section, index, key)
                if number in taken and taken[number][0] != section:
                    self._clash(path, say("{number} is already the number of {other}.", number=number, other=taken[number][1]))
                taken.setdefault(number, (section, owner))
                self._clash_outside(path, number)

    def _clash_outside(self, path: Path, number: str) -> None:
        dialling = self.config.dialling
        prefix = dialling.outside_prefix
        emergency = dialling.emergency
        if emergency is None:
            emergency = list(emergency_numbers(self.config.office.country))
        if number in emergency or (prefix and number.removeprefix(prefix) in emergency):
            self._clash(path, say("{number} is an emergency number.", number=number))
        elif prefix and number.startswith(prefix):
            self._clash(path, say("{number} begins with the outside prefix {prefix}.", number=number, prefix=prefix))

    def _clash(self, path: Path, what: Said) -> None:
        self.report("config.clash", path, what, say("Choose a number that nothing else has."))

    # ---- references --------------------------------------------------------------------------------------------------

    def _references(self) -> None:
        seen: set[tuple[int, Path, str]] = set()
        for leaf in self.leaves:
            section = leaf.marks.get("refers")
            if section is None:
                continue
            path = self._place(leaf)
            if leaf.value not in self.known[section]:
                what = say('No such {thing}: {value} (in "{key}").', thing=_SINGULAR[section], value=shown(leaf.value),
                           key=_key(leaf))
                self.report("config.dangling", path, what, _rather(leaf.value, self.known[section], section))
            once = (id(leaf.table), leaf.path[:-1], leaf.value)
            if isinstance(leaf.path[-1], int) and once in seen:
                what = say("{value} stands twice in {key}.", value=shown(leaf.value), key=_key(leaf))
                self.report("config.duplicate", path, what, say("Take one out."))
            seen.add(once)

    def _place(self, leaf: Leaf) -> Path:
        """Where a text stands. Where a wrong element was left out, indexes shifted: then the array itself is the place."""
        path = (*self.where(leaf.table), *leaf.path)
        there: Any = self.raw
        for part in path:
            try:
                there = there[part]
            except (KeyError, IndexError, TypeError):
                there = None
                break
        if there == leaf.value or leaf.value == path[-1]:
            return path
        index = next((at for at, part in enumerate(leaf.path) if isinstance(part, int)), len(leaf.path))
        return (*self.where(leaf.table), *leaf.path[:index])

    # ---- targets -----------------------------------------------------------------------------------------------------

    def _targets(self) -> None:
        for leaf in self.leaves:
            if isinstance(leaf.value, Target):
                self._target(self._place(leaf), leaf.value)

    def _target(self, path: Path, target: Target) -> None:
        sections = _TARGET_SECTIONS.get(target.kind)
        if sections is None:
            return  # "hangup" and "agents" need nothing, numbers outside are looked at with all other numbers
        known = [name for section in sections for name in self.known[section]]
        if target.name not in known:
            what = say("{target} leads nowhere: there is no {thing} {name}.", target=shown(target), thing=_one_of(sections),
                       name=shown(target.name))
            self.report("config.dangling", path, what, _rather(target.name, known, sections[0]))

    # ---- files -------------------------------------------------------------------------------------------------------

    def _files(self) -> None:
        if self.base is None:
            return
        for leaf in self.leaves:
            if "file" in leaf.marks and leaf.value:
                self._file(self._place(leaf), leaf.value)
            elif "words" in leaf.marks and leaf.value.startswith(FILE):
                self._file(self._place(leaf), file_of(leaf.value))
        check_webhooks.of_files(self.config, self.report, self.where, self.base)

    def _file(self, path: Path, name: str) -> None:
        base = self.base if self.base is not None else FilePath()
        try:
            there = "\x00" not in name and (base / name).is_file()
        except OSError:
            there = False
        if not there:
            fix = say("Put the file into {base}, or write its whole path.", base=base)
            self.report("config.file-missing", path, say("There is no file {name}.", name=shown(name)), fix)


def _key(leaf: Leaf) -> str:
    return next(part for part in leaf.path if isinstance(part, str))


def _one_of(sections: Sequence[str]) -> Said:
    found = _SINGULAR[sections[0]]
    for section in sections[1:]:
        found = say("{these} or {that}", these=found, that=_SINGULAR[section])
    return found


def _rather(name: str, known: list[str], section: str) -> Said:
    guess = nearest(name, known)
    if guess and not name.isdigit():  # numbers that look alike are not meant alike: list them instead
        return say('Did you mean "{guess}"?', guess=guess)
    if known:
        some = ", ".join(dict.fromkeys(known[:10]))
        return say("There are: {known}.", known=f"{some}, …" if len(known) > len(known[:10]) else some)
    return say("Add it as [[{table}]].", table=section)
