"""Files that are the old or the new one, whole, whatever happens: also where the power goes.

A file system may do a renaming before it has written what the file holds, and may forget a renaming that it has not written down
yet. So the content goes to the disk first, then the name changes, then the folder goes to the disk. All of it blocks on the disk.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

_FEW = 16
"""For more files than that it is quicker to have all that waits written out first. sync(2) tells no errors, so each file is asked
for its own all the same: then there is nothing left to write."""


def write(path: Path, data: bytes, *, beside: Path | None = None, owner: tuple[int, int] | None = None) -> None:
    """`data` is what stands under `path` when this returns, read by its owner alone; it is put together under the name `beside`
    (".NAME.new"), which two writers at once must not share. `owner`: user and group it is given to. Raises OSError, and then
    `path` is as it was, or where the folder could not be written out has the new content already."""
    beside = beside if beside is not None else path.with_name(f".{path.name}.new")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def put(made: Path, target: Path) -> None:
    """The file `made` is called `target` from now on, in place of what had that name. Raises OSError."""
    sync(made)
    made.replace(target)
    sync(target.parent)
    if made.parent != target.parent:
        sync(made.parent)


def put_all(made: Sequence[tuple[Path, Path]]) -> None:
    """`put` for many files: (made, target). Raises OSError."""
    if len(made) > _FEW:
        os.sync()
    for part, _ in made:
        sync(part)
    for part, target in made:
        part.replace(target)
    for folder in {target.parent for _, target in made}:
        sync(folder)


def remove(path: Path) -> None:
    """There is no such file from now on, also after a power cut. Raises OSError."""
    path.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """A file's content, or the names in a folder, are on the disk when this returns. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
