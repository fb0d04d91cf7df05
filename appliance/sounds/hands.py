"""For whom sounds are made ready, and where: the pages, the API and the command line do the same, each in its own way."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.config.model import Config


@dataclass(frozen=True, kw_only=True)
class Hands:
    """`utc` now in seconds; `by` who asks, as it stands in notes; `note(what, target, detail)` is on disk when it returns, or
    raises; `ask(command)` hands it to the core and returns its reply, `ask(command, seconds)` waits no longer."""

    data: Path
    config: Config
    utc: float
    by: str
    note: Callable[[str, str, str], None]
    ask: Callable[..., Any]

    def owner(self) -> tuple[int, int] | None:
        """Whom files are given to: root at the command line keeps none, the box must be able to read and remove them."""
        if os.geteuid() != 0:
            return None
        found = self.data.stat()
        return found.st_uid, found.st_gid

    def folder(self, *names: str) -> Path:
        """A folder in the data directory, made where it is not there. Raises OSError."""
        path = self.data.absolute()
        for name in names:
            path = path / name
            if not path.exists():
                path.mkdir(exist_ok=True, mode=0o700)
                self.give(path)
        return path

    def give(self, path: Path) -> None:
        """Raises OSError."""
        if (owner := self.owner()) is not None:
            os.chown(path, *owner, follow_symlinks=False)
