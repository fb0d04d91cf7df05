"""Who calls: the phone book's name of a number, and the lists of callers who are turned away or go before others.

The files are read when a configuration is taken over, and again when they have changed. A call looks into dictionaries only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from appliance.calls.routing import canonical
from appliance.campaigns import lists
from appliance.config.model import CallerList, Config, SubscriberList
from appliance.errors import SwitchroomError

log = logging.getLogger("callers")

HIDDEN = frozenset({"anonymous", "unavailable", "unknown", "restricted", "private", "withheld", ""})
"""What stands in place of a number that is not shown (RFC 3323 4.1.1.3, RFC 3325 7, and what gateways make up)."""


MOST_NAME = 80
"""Characters of a name that phones are shown."""


def is_hidden(caller: str) -> bool:
    if caller[-1:].isdigit():  # as nearly every one does
        return False
    return caller.lower() in HIDDEN or not any(character.isdigit() for character in caller)


class _Numbers:
    """The numbers of one list: whole ones in a set, beginnings apart."""

    def __init__(self, entry: CallerList, more: Iterable[str], country: str) -> None:
        self.entry = entry
        self._whole = {canonical(number, country) for number in entry.numbers if not number.endswith("*")} | set(more)
        self._beginnings = tuple(number[:-1] for number in entry.numbers if number.endswith("*"))

    def has(self, number: str) -> bool:
        return number in self._whole or bool(self._beginnings and number.startswith(self._beginnings))


class Callers:
    """What the files of one configuration say. `load` reads them."""

    def __init__(self, names: dict[str, str], lists: Sequence[_Numbers], seen: dict[str, int], country: str) -> None:
        self._names = names
        self._lists = lists
        self._seen = seen
        self._country = country

    def name_of(self, caller: str) -> str:
        """The name that the phone book has for a number, however it is written, or ""."""
        return self._names.get(canonical(caller, self._country), "") if self._names else ""

    def list_of(self, caller: str) -> CallerList | None:
        """The first list that holds a number, however it is written."""
        if not self._lists:
            return None
        number = canonical(caller, self._country)
        return next((numbers.entry for numbers in self._lists if numbers.has(number)), None)

    def changed(self) -> bool:
        """Whether a file is another one now than the one that was read."""
        return any(_mark(file) != mark for file, mark in self._seen.items())


NOBODY = Callers({}, [], {}, "")


def load(config: Config) -> Callers:
    """Read the phone book and the lists. Blocks on the disk. A file that cannot be read is as good as empty, and logged: calls
    must go on."""
    book, country = config.phone_book, config.office.country
    seen: dict[str, int] = {}
    names = {number: name for number, name in _read(config, book.file, book.country, seen) if name} if book.file else {}
    found = [
        _Numbers(entry, [number for number, _ in _read(config, entry.file, None, seen)], country) for entry in config.callers
    ]
    return Callers(names, found, seen, country)


def _read(config: Config, file: str, country: str | None, seen: dict[str, int]) -> list[tuple[str, str]]:
    """Numbers of a CSV file with their names, else their companies."""
    if not file:
        return []
    seen[file] = _mark(file)
    try:
        loaded = lists.load_list(SubscriberList(number="0", file=file, country=country), config)
    except SwitchroomError as problem:
        log.error("%s is not used: %s", file, problem, extra={"error": problem.id})
        return []
    for bad in loaded.bad[:5]:
        log.warning("%s, line %d: %s", file, bad.row, bad.reason)
    return [(entry.number, (entry.name or _company(entry.extra))[:MOST_NAME]) for entry in loaded.subscribers]


def _company(extra: dict[str, str]) -> str:
    return next((value for column, value in extra.items() if column.lower() == "company"), "")


def _mark(file: str) -> int:
    try:
        return Path(file).stat().st_mtime_ns
    except OSError:
        return 0
