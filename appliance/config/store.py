"""Versions of the configuration on disk: kept, compared, rolled back.

    DATA/config/versions/000007.toml   the text as it was given, comments and all
    DATA/config/versions/000007.json   when, by whom, from where (`Version`)
    DATA/config/current                the number in force

A version counts once its .json is there; every file is written beside its place, synced and renamed, so that a crash
leaves the old or the new state. History only grows: rolling back makes a new version of an old text.

Files named by a configuration (lists, greetings) stay where their owner keeps and edits them: a version remembers the
directory it was imported from (`base`), and a relative file name means that directory ever after, also after a
roll-back. A text that came without a file (from a web page) takes them from DATA/lists.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from appliance.clock import Clock, SystemClock
from appliance.config import diff as differences
from appliance.config import words
from appliance.config.diff import Diff
from appliance.config.load import loads, read_text
from appliance.config.model import Config
from appliance.config.walk import Leaf, changed
from appliance.errors import SwitchroomError, because
from appliance.sentences import say
from appliance.system import files

log = logging.getLogger("config")

Kind = Literal["serve", "import", "rollback", "edit"]
_SUMMARY_CHANGES = 3


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a version. `when` is UTC seconds; `kind` how it came: "serve" (`serve --config FILE`),
    "import", "rollback" or "edit"; `source` the file it came from; `base` the directory its files are relative to."""

    number: int
    when: float
    by: str
    summary: str
    kind: Kind
    source: str = ""
    base: str = ""


class Store:
    """The versions under `data_dir`. Safe for several processes: writing takes a lock, reading sees whole files."""

    def __init__(self, data_dir: Path, clock: Clock | None = None) -> None:
        self.data_dir = data_dir
        self.root = data_dir / "config"
        self.versions = self.root / "versions"
        self.clock = clock if clock is not None else SystemClock()

    # ---- reading -------------------------------------------------------------------------------------------------

    def history(self) -> list[Version]:
        """All versions, newest first."""
        return [self.entry(number) for number in sorted(self._numbers(".json"), reverse=True)]

    def in_force(self) -> Version | None:
        """The version in force; None before the first."""
        try:
            text = (self.root / "current").read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        if not text.strip().isdigit():
            raise SwitchroomError("config.store-damaged", "{root} is damaged.", "Run `switchroom config rollback N`.",
                                  root=self.root / "current")
        return self.entry(int(text))

    def entry(self, number: int) -> Version:
        """Raises SwitchroomError "config.no-version"."""
        try:
            return msgspec.json.decode(self._file(number, ".json").read_bytes(), type=Version)
        except FileNotFoundError:
            raise SwitchroomError("config.no-version", "There is no version {number}.",
                                  "`switchroom config history` lists them.", number=number) from None
        except msgspec.DecodeError as error:
            raise SwitchroomError("config.store-damaged", "{file} is damaged: {error}.", "Roll back to another.",
                                  file=self._file(number, ".json"), error=error) from None

    def text(self, number: int | None = None, *, secrets: bool = True) -> str:
        """The text of a version (None: the one in force), with secrets masked unless asked for."""
        text = read_text(self._file(self._known(number).number, ".toml"))
        return text if secrets else differences.mask_text(text)

    def config(self, number: int | None = None) -> Config:
        """A version as a Config. Files it names are not looked at: the box starts without a list, too.
        Raises ConfigError, or SwitchroomError "config.none" before the first version."""
        number = self._known(number).number
        return loads(self.text(number), f"version {number}")

    def has_current(self) -> bool:
        """Whether there is a configuration to run."""
        return self.in_force() is not None

    def version(self) -> int:
        """Number of the version in force; 0 before the first."""
        version = self.in_force()
        return version.number if version is not None else 0

    def current(self) -> Config:
        """The configuration to run: the version in force, its file names made absolute. Raises as `config`."""
        return self.numbered()[0]

    def numbered(self) -> tuple[Config, int]:
        """`current`, and the number of that version."""
        version = self._known(None)
        return with_base(self.config(version.number), self.base_of(version)), version.number

    def base_of(self, version: Version) -> Path:
        """The directory that a version's files are relative to."""
        return Path(version.base) if version.base else self.data_dir / "lists"

    def diff(self, old: int, new: int | None = None, *, secrets: bool = False) -> Diff:
        """From version `old` to `new` (None: the one in force)."""
        after = self._known(new).number
        return self.compare(self.text(old), f"version {old}", self.text(after), f"version {after}", secrets=secrets)

    @staticmethod
    def compare(old: str, old_name: str, new: str, new_name: str, *, secrets: bool = False) -> Diff:
        """The difference of two texts, both valid configurations."""
        return Diff(
            unified=differences.unified(old, new, old_name, new_name, secrets=secrets),
            said=differences.changes(loads(old, old_name), loads(new, new_name), secrets=secrets),
        )

    def _known(self, number: int | None) -> Version:
        if number is not None:
            return self.entry(number)
        version = self.in_force()
        if version is None:
            raise SwitchroomError(
                "config.none",
                "The box has no configuration yet.",
                "Import one: `switchroom config import office.toml`.",
            )
        return version

    # ---- writing -------------------------------------------------------------------------------------------------

    def add(
        self, text: str, *, by: str, summary: str = "", kind: Kind = "edit", source: str = "", base: str = "",
        expected: int | None = None,
    ) -> Version:  # fmt: skip
        """Check `text` and make it the version in force. Nothing changes on ConfigError. The same text, base and
        source as the one in force make no new version. `expected`: the version that it was made from; raises SwitchroomError
        "config.conflict" where another is in force by now."""
        config = loads(text, source or "configuration", base=Path(base) if base else None)
        with self._lock():
            now = self._replaced()
            if expected is not None and expected != (now.number if now is not None else 0):
                raise _conflict(now)
            if now is not None and now.base == base and now.source == source and self._says(now, text):
                return now
            made = Version(
                number=max(self._numbers(".toml") | self._numbers(".json"), default=0) + 1,
                when=self.clock.utc(),
                by=by,
                summary=summary or self._summary(now, config),
                kind=kind,
                source=source,
                base=base,
            )
            self._write(self._file(made.number, ".toml"), text.encode())
            self._write(self._file(made.number, ".json"), msgspec.json.encode(made))
            self._point_at(made.number)
            return made

    def _replaced(self) -> Version | None:
        """The version that another takes the place of. One that is damaged can be replaced, or nobody could put the box right."""
        try:
            return self.in_force()
        except SwitchroomError as problem:
            log.error("what is in force cannot be read and is replaced: %s", problem)
            return None

    def _says(self, version: Version, text: str) -> bool:
        try:
            return self.text(version.number) == text
        except SwitchroomError:  # damaged
            return False

    def import_file(self, path: Path | str, *, by: str, summary: str = "", kind: Kind = "import") -> Version:
        """Make a file the version in force. Raises ConfigError."""
        path = Path(path).resolve()
        return self.add(read_text(path), by=by, summary=summary, kind=kind, source=str(path), base=str(path.parent))

    def serve_file(self, path: Path | str, *, by: str = "serve") -> Version:
        """What `serve --config FILE` runs. FILE becomes a new version when it changed since it was last served; an
        unchanged FILE leaves alone what was imported or rolled back after it, so that a restart undoes no decision."""
        path = Path(path).resolve()
        text = read_text(path)
        now = self.in_force()
        served = next((version for version in self.history() if version.kind == "serve"), None)
        if now is not None and served is not None and served.source == str(path) and self.text(served.number) == text:
            return now
        return self.add(text, by=by, kind="serve", source=str(path), base=str(path.parent))

    def save(self, text: str, *, by: str, summary: str = "", expected: int | None = None) -> Version:
        """Make a text that came without a file the version in force (the web pages). `expected` as in `add`."""
        now = self.in_force()
        return self.add(text, by=by, summary=summary, base=now.base if now is not None else "", expected=expected)

    def reload(self, *, by: str) -> tuple[Config, int]:
        """The configuration to run now, and its number. Where the version in force came from a file that has changed
        since, the file becomes a new version first. Raises ConfigError, and then nothing has changed."""
        now = self.in_force()
        if now is not None and now.kind in ("serve", "import") and Path(now.source).is_file():
            self.import_file(Path(now.source), by=by, kind=now.kind)
        return self.numbered()

    def rollback(self, number: int, *, by: str) -> Version:
        """Make the text of version `number` the one in force again, as a new version."""
        old = self.entry(number)
        summary = str(say("rolled back to version {number}", number=number))
        return self.add(self.text(number), by=by, summary=summary, kind="rollback", source=old.source, base=old.base)

    def _summary(self, now: Version | None, config: Config) -> str:
        if now is None:
            return str(say("first version"))
        try:
            found = differences.changes(self.config(now.number), config)
        except SwitchroomError:
            return str(say("in place of version {number}, which is damaged", number=now.number))
        if len(found) > _SUMMARY_CHANGES:
            found[_SUMMARY_CHANGES:] = [say("and {number} more", number=len(found) - _SUMMARY_CHANGES)]
        return "; ".join(map(str, found or [say("layout and comments")]))

    # ---- files ---------------------------------------------------------------------------------------------------

    def _file(self, number: int, ending: str) -> Path:
        return self.versions / f"{number:06d}{ending}"

    def _numbers(self, ending: str) -> set[int]:
        return {int(file.stem) for file in self.versions.glob(f"*{ending}") if file.stem.isdigit()}

    def _point_at(self, number: int) -> None:
        self._write(self.root / "current", f"{number}\n".encode())

    def _write(self, path: Path, data: bytes) -> None:
        """All or nothing, also through a power cut. The texts hold secrets: only their owner reads them."""
        try:
            files.write(path, data, owner=self._owner())
        except OSError as error:
            raise SwitchroomError("config.store-failed", "The configuration could not be stored: {reason}.",
                                  "Free some space on the disk; the old configuration stays in force.",
                                  reason=because(error)) from error

    def _owner(self) -> tuple[int, int] | None:
        """What root writes by the command line belongs to the owner of the data, or the box could not read it."""
        if os.geteuid() != 0:
            return None
        owner = self.data_dir.stat()
        return owner.st_uid, owner.st_gid

    @contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            for folder in (self.root, self.versions):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                if (owner := self._owner()) is not None:
                    os.chown(folder, *owner)
            handle = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise SwitchroomError("config.store-failed", "{root} cannot be written: {reason}.",
                                  "Check its owner and rights.", root=self.root, reason=because(error)) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _conflict(now: Version | None) -> SwitchroomError:
    who = f"version {now.number} by {now.by}" if now is not None else "none"
    return SwitchroomError("config.conflict", "The configuration was changed meanwhile: {who} is in force.",
                           "Look at what changed, then decide.", who=who)


def with_base(config: Config, base: Path) -> Config:
    """The same configuration with the names of its files made absolute."""

    def absolute(leaf: Leaf) -> str:
        if leaf.value and "file" in leaf.marks:
            return str(base / leaf.value)
        return words.with_base(leaf.value, base) if "words" in leaf.marks else leaf.value

    return changed(config, absolute)
