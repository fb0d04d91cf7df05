"""Lists that the box keeps itself: DATA/lists/NUMBER.csv, come through the pages or `switchroom list import`, and their tables in
the configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.campaigns.purge import locked
from appliance.config import edit
from appliance.config.model import Config, SubscriberList
from appliance.errors import SwitchroomError, because

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


@contextmanager
def exchanged(target: Path, made: Path) -> Iterator[None]:
    """`made` is the list's file from now on, unless what is done meanwhile raises. Raises SwitchroomError "list.unwritable"."""
    try:
        with locked(target.parent):
            before = target.with_name(f".{target.name}.old")
            before.unlink(missing_ok=True)
            if target.is_file():
                os.link(target, before)
            try:
                made.replace(target)
                yield
            except BaseException:
                if before.exists():
                    before.replace(target)
                else:
                    target.unlink(missing_ok=True)
                raise
            finally:
                before.unlink(missing_ok=True)
    except OSError as problem:
        raise SwitchroomError("list.unwritable", "The list cannot be kept: {reason}.", "Free some space.",
                              reason=because(problem)) from None
