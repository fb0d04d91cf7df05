"""Drafts on disk: DATA/config/drafts/LOGIN.json, one a person; they outlive restarts, and hold secrets as the versions do."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import msgspec

from appliance.errors import SwitchroomError, because
from appliance.system import files


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """`base`: the version that it was begun from; `at` UTC seconds of its last change. The text is TOML, right or not."""

    text: str
    base: int
    at: float


class Drafts:
    def __init__(self, data: Path) -> None:
        self._folder = data / "config" / "drafts"

    def _path(self, login: str) -> Path:
        return self._folder / f"{login}.json"  # a login has small letters, digits, dots and dashes (users.model.Login)

    def get(self, login: str) -> Draft | None:
        try:
            return msgspec.json.decode(self._path(login).read_bytes(), type=Draft)
        except (FileNotFoundError, msgspec.DecodeError):
            return None  # one that cannot be read is worth nothing to anybody

    def put(self, login: str, draft: Draft) -> None:
        """All or nothing. Raises SwitchroomError "config.store-failed"."""
        path = self._path(login)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            files.write(path, msgspec.json.encode(draft), beside=path.with_name(f".{path.name}.{threading.get_native_id()}"))
        except OSError as problem:
            raise SwitchroomError("config.store-failed", "The draft could not be stored: {reason}.",
                                  "Free some space on the disk; what is in force stays as it is.",
                                  reason=because(problem)) from problem

    def drop(self, login: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._path(login).unlink()
