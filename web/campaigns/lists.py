"""The lists of numbers as the pages show and change them. A list that came through the pages is DATA/lists/NUMBER.csv."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from flask import g

from appliance.campaigns import own, taken
from appliance.campaigns.intake import count_lines
from appliance.campaigns.taken import opened
from appliance.config import edit
from appliance.config.model import Config, SubscriberList
from appliance.errors import SwitchroomError
from appliance.messages import Subscriber
from appliance.sentences import say
from web.app import Services, services
from web.audit.service import note
from web.config import service as configuration

TRIES = 3
"""How often a change is made anew where somebody else changed the configuration at the same moment."""
FIRST = 100
MAX_NAME = own.MAX_NAME
_counts: dict[tuple[str, int, int], int] = {}
_lock = threading.Lock()
_saving = threading.Lock()


class ListShown(msgspec.Struct, frozen=True, kw_only=True):
    """A list. `rows` below the header, whether they can be called or not; `changed` UTC seconds, 0 where the file is missing;
    `own`: its file is the box's. `scenarios` that may be sent to it."""

    number: str
    name: str
    rows: int
    changed: float
    own: bool
    scenarios: list[str]


class ListPeople(msgspec.Struct, frozen=True, kw_only=True):
    """The first people of a list, numbers as they will be dialled."""

    columns: list[str]
    people: list[Subscriber]
    bad: int


def entry_of(config: Config, number: str) -> SubscriberList:
    """Raises SwitchroomError "list.unknown", also for one that must not be seen."""
    found = config.list_numbered(number)
    if found is None or not g.user.sees_list(number):
        raise SwitchroomError("list.unknown", "There is no list {number}.", "Look at the lists.", number=number[:20])
    return found


def all_lists() -> list[ListShown]:
    box = services()
    config = box.config
    return [_shown(box, config, each) for each in config.lists if g.user.sees_list(each.number)]


def one(number: str) -> ListShown:
    config = services().config
    return _shown(services(), config, entry_of(config, number))


def _shown(box: Services, config: Config, entry: SubscriberList) -> ListShown:
    path = Path(entry.file)
    try:
        stat = path.stat()
        rows, changed = _rows(path, stat), stat.st_mtime
    except (OSError, SwitchroomError):
        rows, changed = 0, 0.0
    scenarios = [each.code for each in config.scenarios if not each.lists or entry.number in each.lists]
    return ListShown(number=entry.number, name=entry.name, rows=rows, changed=changed, own=path == own_path(box, entry.number),
                     scenarios=scenarios)


def _rows(path: Path, stat: os.stat_result) -> int:
    key = (str(path), stat.st_mtime_ns, stat.st_size)
    with _lock:
        found = _counts.get(key)
    if found is None:
        found = count_lines(path)
        with _lock:
            if len(_counts) > 1000:
                _counts.clear()
            _counts[key] = found
    return found


def own_path(box: Services, number: str) -> Path:
    return own.path_of(box.data, number)


def people(number: str, limit: int = FIRST) -> ListPeople:
    """Raises SwitchroomError "list.…"."""
    config = services().config
    entry = entry_of(config, number)
    with opened(entry, config) as (columns, rows):
        found, bad = list[Subscriber](), 0
        for each in rows:
            if each is None:
                bad += 1
            else:
                found.append(each)
            if len(found) >= limit or bad >= limit:
                break
    shown = [name for name in dict.fromkeys(columns) if any(name in each.extra for each in found)]
    return ListPeople(columns=shown, people=found, bad=bad)


def export_rows(number: str) -> Iterator[list[str]]:
    """As `taken.export_rows`. Raises SwitchroomError "list.unknown"."""
    config = services().config
    return taken.export_rows(entry_of(config, number), config)


# ---- changing --------------------------------------------------------------------------------------------------------


def check_new(config: Config, number: str) -> None:
    """Raises SwitchroomError "list.bad-number", "list.taken", "web.forbidden" where a new list cannot have this number."""
    own.check_new(config, number)
    if g.user.lists is not None:
        raise SwitchroomError("web.forbidden", "You see some lists only, and could not see a new one.",
                              "Ask an administrator to make it.")


def free_number(config: Config) -> str:
    """One above the highest."""
    taken = [int(each.number) for each in config.lists]
    return str(max(taken, default=10) + 1)


def save(number: str, name: str, made: Path) -> None:
    """`made` becomes the file of the list, which is put into the configuration where it is not there as it must be. Raises
    SwitchroomError "config.…", "list.unwritable"."""
    box = services()
    target = own_path(box, number)
    with _saving:
        entry = box.config.list_numbered(number)
        with own.exchanged(target, made, name, box.store.current):
            if not own.reads_itself(entry, target, name):
                base = box.store.in_force()
                folder = box.store.base_of(base) if base is not None else box.data / "lists"
                called = name or (entry.name if entry is not None else "")
                _change(box, lambda text: own.with_list(text, number, called, target, folder),
                        str(say("list {number}", number=number)))


def remove(number: str) -> None:
    """Out of the configuration, and its file where that is the box's. Raises SwitchroomError "list.unknown", "list.unwritable",
    ConfigError where a scenario names it."""
    box = services()
    entry = entry_of(box.config, number)
    note("list.remove", number)
    with _saving:
        own.remove(own_path(box, number), entry, box.store.current, lambda: _change(
            box, lambda text: _without(text, number), str(say("list {number} removed", number=number))))


def _without(text: str, number: str) -> str:
    at = own.index_of(text, number)
    return text if at is None else edit.remove_row(text, "lists", at)


def _change(box: Services, change: Callable[[str], str], summary: str) -> None:
    """As a change of its own."""
    for left in reversed(range(TRIES)):
        version, text = box.store.version(), box.store.text()
        try:
            configuration.apply(box, change(text), version, summary)
        except SwitchroomError as problem:
            if problem.id != "config.conflict" or not left:
                raise
        else:
            return
