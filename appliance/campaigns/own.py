"""Lists that the box keeps itself: DATA/lists/NUMBER.csv, come through the pages or `switchroom list import`, and their tables in
the configuration."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from appliance.campaigns.purge import locked
from appliance.config import edit
from appliance.config.model import Config, SubscriberList
from appliance.errors import SwitchroomError, because
from appliance.system import files

log = logging.getLogger("lists")

MAX_NAME = 80
_NUMBER = re.compile(r"[0-9]{1,10}")


def path_of(data: Path, number: str) -> Path:
    return data.absolute() / "lists" / f"{number}.csv"


def check_new(config: Config, number: str) -> None:
    """Raises SwitchroomError "list.bad-number", "list.taken" where a new list cannot have this number."""
    if not _NUMBER.fullmatch(number):
        raise SwitchroomError("list.bad-number", "The number of a list has one to ten digits.", "Choose one such as 13.")
    if config.list_numbered(number) is not None:
        raise SwitchroomError("list.taken", "There is a list {number} already.",
                              "Choose another number, or replace that list.", number=number)


def reads_itself(entry: SubscriberList | None, target: Path, name: str) -> bool:
    """Whether the configuration has the list as it must be for a file of the box's, under this name ("": whatever it is)."""
    if entry is None or (name and entry.name != name):
        return False
    plain = not entry.number_column and not entry.name_column and entry.encoding in ("auto", "utf-8")
    return plain and Path(entry.file) == target


def with_list(text: str, number: str, name: str, target: Path, folder: Path) -> str:
    """The text of the configuration with this list in it. `folder`: what its files are relative to."""
    file = target.name if folder.absolute() == target.parent else str(target)
    values = {"name": name or None, "file": file, "number_column": None, "name_column": None, "encoding": None}
    at = index_of(text, number)
    if at is None:
        return edit.add_row(text, "lists", {"number": number, **values})
    return edit.set_keys(text, ("lists", at), values)


def index_of(text: str, number: str) -> int | None:
    rows = edit.plain(text).get("lists", [])
    return next((at for at, row in enumerate(rows) if str(row.get("number")) == number), None)


# ---- exchanging ------------------------------------------------------------------------------------------------------


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What is noted while a list's file and its table in the configuration change: `name` as in `reads_itself`; `had`: there was
    a file before, which stands beside it as ".N.csv.old" until it is over."""

    name: str
    had: bool


@contextmanager
def exchanged(target: Path, made: Path, name: str, config: Callable[[], Config]) -> Iterator[None]:
    """`made` is the list's file from now on, unless what is done meanwhile raises: that puts it into the configuration under this
    `name`, where it does not stand there so. Where the power goes between the two, `settle` makes one whole state of it.
    `config`: what is in force. Raises SwitchroomError "list.unwritable"."""
    note, before = _note_of(target), _before(target)
    try:
        with locked(target.parent):
            if note.exists():
                _settle(note, config())
            before.unlink(missing_ok=True)
            if had := os.path.lexists(target):
                os.link(target, before, follow_symlinks=False)
            files.write(note, msgspec.json.encode(Exchange(name=name, had=had)), owner=_owner(target.parent.parent))
            try:
                files.put(made, target)
                yield
            except BaseException:
                _undo(target, had)  # where that fails too, the note stays for `settle`
                _forget(target)
                raise
            _forget(target)
    except OSError as problem:
        raise SwitchroomError("list.unwritable", "The list cannot be kept: {reason}.", "Free some space.",
                              reason=because(problem)) from None


def remove(target: Path, entry: SubscriberList, config: Callable[[], Config], take_out: Callable[[], object]) -> None:
    """`take_out` takes the list out of the configuration; then its file goes, where that is the box's (`target`), with what an
    exchange left beside it. Where the power goes between the two, the file is one that no list names. `config`: what is in force.
    Raises what `take_out` does, SwitchroomError "list.unwritable"."""
    if Path(entry.file) != target:
        take_out()
        return
    try:
        with locked(target.parent):
            if _note_of(target).exists():
                _settle(_note_of(target), config())
            take_out()
            target.unlink(missing_ok=True)
            _forget(target)
    except OSError as problem:
        raise SwitchroomError("list.unwritable", "The list cannot be removed: {reason}.", "Check the disk and its space.",
                              reason=because(problem)) from None


def settle(lists: Path, config: Config) -> None:
    """Finish what a power cut or a kill broke off in DATA/lists: where the configuration in force has the list as it was to be,
    its new file stays, else it gets its old one back. An exchange that goes on just now is left alone. Blocks on the disk."""
    if not any(lists.glob(".*.csv.exchange")):
        return
    try:
        with locked(lists, wait=False):
            for note in lists.glob(".*.csv.exchange"):
                _settle(note, config)
    except BlockingIOError:
        log.info("a list is being exchanged")
    except OSError as problem:
        log.error("a list whose exchange was broken off cannot be looked at: %s", problem)


def _settle(note: Path, config: Config) -> None:
    target = note.with_name(note.name[1:].removesuffix(".exchange"))
    try:
        begun = msgspec.json.decode(note.read_bytes(), type=Exchange)
    except msgspec.DecodeError as problem:
        log.error("%s cannot be read (%s): the list stays as it is", note, problem)
    else:
        good = reads_itself(config.list_numbered(target.stem), target, begun.name)
        log.warning("the exchange of a list was broken off", extra={"list": target.stem, "kept": "new" if good else "old"})
        if not good:
            _undo(target, begun.had)
    _forget(target)


def _undo(target: Path, had: bool) -> None:
    if not had:
        target.unlink(missing_ok=True)
    elif os.path.lexists(_before(target)):  # else the power went before there was one, or a person was erased from it
        _before(target).replace(target)
    files.sync(target.parent)


def _forget(target: Path) -> None:
    _note_of(target).unlink(missing_ok=True)
    files.sync(target.parent)
    _before(target).unlink(missing_ok=True)


def _owner(data: Path) -> tuple[int, int] | None:
    """Root at the command line: the box must be able to read the note."""
    found = data.stat()
    return (found.st_uid, found.st_gid) if os.geteuid() == 0 else None


def _note_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.exchange")


def _before(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")
