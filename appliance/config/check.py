"""What ties keys together: references, clashing numbers, ports, rules of each driver. Pure, but for list files on disk.

Works on what `decode` could make of a document, so that one wrong key does not hide the rest. Names that others may
refer to are taken from the raw document: a table left out for a wrong key still has its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any

from appliance.config import check_rules
from appliance.config.decode import Report, nearest, shown
from appliance.config.locate import Path
from appliance.config.model import Config, Table
from appliance.config.numbers import emergency_numbers
from appliance.config.values import Target

KEYS = {
    "lines": "name",
    "routes": "name",
    "phones": "extension",
    "agents": "id",
    "queues": "name",
    "menus": "name",
    "hours": "name",
    "lists": "number",
    "scenarios": "code",
}
"""What tells the tables of a section apart."""

INTERNAL_NUMBERS = {"phones": "extension", "queues": "number", "menus": "number", "scenarios": "code"}
"""What phones dial inside; one number may stand here once only. List numbers are keyed later and do not count."""

_SINGULAR = {
    "lines": "line",
    "routes": "route",
    "phones": "phone",
    "agents": "agent",
    "queues": "queue",
    "menus": "menu",
    "hours": "opening hours",
    "lists": "list",
    "scenarios": "scenario",
}


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
        self.known = {section: self._names(section, key) for section, key in KEYS.items()}

    def run(self) -> None:
        self._duplicates()
        self._clashes()
        self._references()
        self._targets()
        self._files()
        check_rules.run(self.config, self.report, self.where)

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
                        f"Two {section} have the {key} {shown(value)}."
                        if section != "hours"
                        else "Two [[hours]] share a name."
                    )
                    self.report(
                        "config.duplicate",
                        (section, index, key),
                        what,
                        f"Give this {_SINGULAR[section]} another {key}.",
                    )
                seen.setdefault(value, index)

    def _clashes(self) -> None:
        taken: dict[str, str] = {}
        for section, key in INTERNAL_NUMBERS.items():
            for index, row in self._rows(section):
                number = row.get(key)
                if not isinstance(number, str):
                    continue
                owner = f"{_SINGULAR[section]} {row.get('name') or number}"
                path = (section, index, key)
                if number in taken and not taken[number].startswith(section):
                    other = taken[number].partition(":")[2]
                    self._clash(path, f"{number} is already the number of {other}.")
                taken.setdefault(number, f"{section}:{owner}")
                self._clash_outside(path, number)

    def _clash_outside(self, path: Path, number: str) -> None:
        dialling = self.config.dialling
        prefix = dialling.outside_prefix
        emergency = dialling.emergency
        if emergency is None:
            emergency = list(emergency_numbers(self.config.office.country))
        if number in emergency or (prefix and number.removeprefix(prefix) in emergency):
            self._clash(path, f"{number} is an emergency number.")
        elif prefix and number.startswith(prefix):
            self._clash(path, f"{number} begins with the outside prefix {prefix}.")

    def _clash(self, path: Path, what: str) -> None:
        self.report("config.clash", path, what, "Choose a number that nothing else has.")

    # ---- references --------------------------------------------------------------------------------------------------

    def _references(self) -> None:
        config = self.config
        for route in config.routes:
            self._refer_all(route, "lines", route.lines, "lines")
        self._refer_all(config.dialling, "emergency_lines", config.dialling.emergency_lines, "lines")
        for agent in config.agents:
            self._refer(agent, "extension", agent.extension, "phones")
        for queue in config.queues:
            self._refer_all(queue, "agents", queue.agents, "agents")
            self._refer(queue, "hours", queue.hours, "hours")
        for menu in config.menus:
            self._refer(menu, "hours", menu.hours, "hours")
        for scenario in config.scenarios:
            self._refer(scenario, "hours", scenario.hours, "hours")
            self._refer_all(scenario, "allowed", scenario.allowed, "phones")
            self._refer_all(scenario, "lists", scenario.lists, "lists")
            self._refer_all(scenario, "over", scenario.over, "lines")

    def _refer_all(self, table: Table, key: str, names: Sequence[str], section: str) -> None:
        for index, name in enumerate(names):
            # Where a wrong element was left out, indexes shifted: then the array itself is the place.
            path = self._element(table, key, index, name)
            self._resolve(path, key, name, section)
            if name in names[:index]:
                self.report("config.duplicate", path, f"{shown(name)} stands twice in {key}.", "Take one out.")

    def _element(self, table: Table, key: str, index: int, name: str) -> Path:
        path = (*self.where(table), key)
        there: Any = self.raw
        for part in path:
            try:
                there = there[part]
            except (KeyError, IndexError, TypeError):
                return path
        return (*path, index) if isinstance(there, list) and index < len(there) and there[index] == name else path

    def _refer(self, table: Table, key: str, name: str | None, section: str) -> None:
        if name is not None:
            self._resolve((*self.where(table), key), key, name, section)

    def _resolve(self, path: Path, key: str, name: str, section: str) -> None:
        known = self.known[section]
        if name in known:
            return
        thing = _SINGULAR[section]
        self.report(
            "config.dangling", path, f'No such {thing}: {shown(name)} (in "{key}").', _rather(name, known, section)
        )

    # ---- targets -----------------------------------------------------------------------------------------------------

    def _targets(self) -> None:
        for line in self.config.lines:
            self._target((*self.where(line), "inbound_to"), line.inbound_to)
            for number, target in line.inbound_numbers.items():
                self._target((*self.where(line), "inbound_numbers", number), target)
        for queue in self.config.queues:
            self._target((*self.where(queue), "when_full_or_late"), queue.when_full_or_late)
            if queue.when_full_or_late == f"queue:{queue.name}":
                path = (*self.where(queue), "when_full_or_late")
                self.report("config.loop", path, "A full queue would send callers to itself.", "Name another target.")
        for menu in self.config.menus:
            self._target((*self.where(menu), "no_answer"), menu.no_answer)
            for key, target in menu.keys.items():
                self._target((*self.where(menu), "keys", key), target)
        for hours in self.config.hours:
            self._target((*self.where(hours), "closed"), hours.closed)

    def _target(self, path: Path, target: Target | None) -> None:
        if target is None or target.kind == "hangup":
            return
        sections = {
            "extension": ("phones",),
            "queue": ("queues",),
            "menu": ("menus",),
            "scenario": ("scenarios",),
            "voicemail": ("queues", "phones", "agents", "menus"),  # X has its mailbox by itself
        }[target.kind]
        known = [name for section in sections for name in self.known[section]]
        if target.name not in known:
            things = " or ".join(_SINGULAR[section] for section in sections)
            what = f"{shown(target)} leads nowhere: there is no {things} {shown(target.name)}."
            self.report("config.dangling", path, what, _rather(target.name, known, sections[0]))

    # ---- files -------------------------------------------------------------------------------------------------------

    def _files(self) -> None:
        if self.base is None:
            return
        for entry in self.config.lists:
            self._file((*self.where(entry), "file"), entry.file)
        for menu in self.config.menus:
            if menu.greeting_file:
                self._file((*self.where(menu), "greeting_file"), menu.greeting_file)
        for key in ("certificate", "key"):
            if getattr(self.config.web, key):
                self._file(("web", key), getattr(self.config.web, key))

    def _file(self, path: Path, name: str) -> None:
        base = self.base if self.base is not None else FilePath()
        try:
            there = "\x00" not in name and (base / name).is_file()
        except OSError:
            there = False
        if not there:
            fix = f"Put the file into {base}, or write its whole path."
            self.report("config.file-missing", path, f"There is no file {shown(name)}.", fix)


def _rather(name: str, known: list[str], section: str) -> str:
    guess = nearest(name, known)
    if guess and not name.isdigit():  # numbers that look alike are not meant alike: list them instead
        return f'Did you mean "{guess}"?'
    if known:
        some = ", ".join(dict.fromkeys(known[:10]))
        return f"There are: {some}{', …' if len(known) > len(known[:10]) else ''}."
    return f"Add it as [[{section}]]."
