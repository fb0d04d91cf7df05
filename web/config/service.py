"""What the pages, the wizard and the API do with the configuration. A draft is changed freely; only `apply` has an effect."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from appliance import bus
from appliance.config import diff as differences
from appliance.config import edit
from appliance.config.apply import put_in_force
from appliance.config.check import KEYS
from appliance.config.diff import Diff
from appliance.config.load import MAX_BYTES, loads
from appliance.config.locate import Path as KeyPath
from appliance.config.model import Config
from appliance.config.problems import ConfigError, ConfigProblem
from appliance.config.store import Store, Version
from appliance.errors import SwitchroomError
from appliance.messages import Reload
from web.audit.service import note, who
from web.config.drafts import Draft, Drafts

if TYPE_CHECKING:
    from web.app import Services

RELOAD_SECONDS = 120.0
"""The core speaks new texts before it takes them over."""
NAME = "draft"
_KEPT = 16
_checked: OrderedDict[tuple[str, Path | None], Checked] = OrderedDict()
_lock = threading.Lock()
_applying = threading.Lock()


class Checked(msgspec.Struct, frozen=True):
    """A text after its check: what it says, or what is wrong with it."""

    config: Config | None
    problems: list[ConfigProblem]


def check(text: str, base: Path | None = None) -> Checked:
    """Pages check at each look; the last texts are remembered."""
    key = (text, base)
    with _lock:
        found = _checked.get(key)
        if found is not None:
            _checked.move_to_end(key)
            return found
    try:
        found = Checked(loads(text, NAME, base), [])
    except ConfigError as error:
        found = Checked(None, error.problems)
    with _lock:
        _checked[key] = found
        while len(_checked) > _KEPT:
            _checked.popitem(last=False)
    return found


class Work:
    """One person's work on the configuration: the draft, or what is in force where there is none."""

    def __init__(self, box: Services, login: str) -> None:
        self.box = box
        self.login = login
        self.store: Store = box.store
        self._drafts = Drafts(box.data)
        self.draft = self._drafts.get(login)
        self.version = self.store.version()

    # ---- looking -------------------------------------------------------------------------------------------------

    @property
    def in_force(self) -> str:
        return self.store.text() if self.version else ""

    @property
    def text(self) -> str:
        return self.draft.text if self.draft is not None else self.in_force

    @property
    def values(self) -> dict[str, Any]:
        return edit.plain(self.text)

    def checked(self) -> Checked:
        now = self.store.in_force()
        return check(self.text, Path(now.base) if now is not None and now.base else None)

    @property
    def outdated(self) -> bool:
        """Somebody else changed what this draft was begun from."""
        return self.draft is not None and self.draft.base != self.version

    def meanwhile(self) -> list[Version]:
        """The versions that came since the draft was begun, newest first."""
        base = self.draft.base if self.draft is not None else self.version
        return [each for each in self.store.history() if each.number > base]

    def difference(self) -> Diff | None:
        """From what is in force to the draft; the sentences are left out while the draft has mistakes."""
        if self.draft is None or self.draft.text == self.in_force:
            return None
        return compare(self.in_force, f"version {self.version}", self.text, NAME)

    def theirs(self) -> Diff | None:
        """What others changed since the draft was begun."""
        if self.draft is None or not self.outdated:
            return None
        try:
            begun = self.store.text(self.draft.base) if self.draft.base else ""
        except SwitchroomError:
            begun = ""
        return compare(begun, f"version {self.draft.base}", self.in_force, f"version {self.version}")

    # ---- changing the draft --------------------------------------------------------------------------------------

    def keep(self, text: str) -> None:
        """This is the draft from now on. Raises SwitchroomError where it is no TOML or too long."""
        if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise SwitchroomError("api.too-large", "The configuration is longer than 1 MiB.", "Lists belong into files.")
        edit.plain(text)
        base = self.draft.base if self.draft is not None else self.version
        self.draft = Draft(text=text, base=base, at=self.box.clock.utc())
        self._drafts.put(self.login, self.draft)

    def keep_masked(self, text: str) -> None:
        """A text that was shown with its secrets masked, and came back changed."""
        text = text.replace("\r\n", "\n")
        self.keep(edit.restore_secrets(text, self.text, self.in_force))

    def set_keys(self, path: KeyPath, changes: Mapping[str, Any]) -> None:
        if changes:
            self.keep(edit.set_keys(self.text, path, changes))

    def add_row(self, section: str, values: Mapping[str, Any]) -> int:
        """The index of the new row."""
        self.keep(edit.add_row(self.text, section, values))
        return len(self.values[section]) - 1

    def remove_row(self, section: str, index: int) -> None:
        self.keep(edit.remove_row(self.text, section, index))

    def move_row(self, section: str, index: int, to: int) -> None:
        self.keep(edit.move_row(self.text, section, index, to))

    def discard(self) -> None:
        self._drafts.drop(self.login)
        self.draft = None

    def rebase(self) -> None:
        """Keep this draft although others changed what it was begun from: theirs is undone where it differs."""
        if self.draft is not None:
            self.draft = msgspec.structs.replace(self.draft, base=self.version)
            self._drafts.put(self.login, self.draft)

    def merge(self) -> list[str]:
        """Put what this draft changed on top of what is in force now. What both changed stays as others have it; returned are
        its names, such as "line gateway"."""
        if self.draft is None or not self.outdated:
            return []
        begun = edit.plain(self.store.text(self.draft.base)) if self.draft.base else {}
        text, lost = merged(begun, self.values, self.in_force)
        self.draft = Draft(text=text, base=self.version, at=self.box.clock.utc())
        self._drafts.put(self.login, self.draft)
        return lost

    # ---- effects -------------------------------------------------------------------------------------------------

    def apply(self, summary: str = "") -> Version:
        """Put the draft in force. Raises ConfigError, SwitchroomError "config.conflict", "config.no-draft", or what the core
        says."""
        if self.draft is None:
            raise SwitchroomError("config.no-draft", "There is no draft to apply.", "Change something first.")
        made = apply(self.box, self.draft.text, self.draft.base, summary)
        self.discard()
        self.version = made.number
        return made


def compare(old: str, old_name: str, new: str, new_name: str) -> Diff:
    """Two texts, right or not; secrets are masked."""
    before, after = check(old).config, check(new).config
    return Diff(unified=differences.unified(old, new, old_name, new_name),
                said=differences.changes(before, after) if before is not None and after is not None else [])


def apply(box: Services, text: str, base: int, summary: str = "") -> Version:
    """`base`: the version that the text was made from. Noted, stored, and taken over by the core where one runs."""
    found = check(text)
    if found.problems:
        raise ConfigError(found.problems)
    told = "; ".join(compare(box.store.text(), "", text, "").changes[:5]) if box.store.has_current() else "first version"
    return _put(box, "config.apply", "", told or "layout and comments",
                lambda: box.store.save(text, by=who(), summary=summary[:200], expected=base))


def roll_back(box: Services, number: int) -> Version:
    """Raises SwitchroomError "config.no-version", ConfigError (an old text that this release refuses), or what the core says."""
    box.store.entry(number)
    return _put(box, "config.rollback", str(number), "", lambda: box.store.rollback(number, by=who()))


def _put(box: Services, what: str, target: str, detail: str, make: Callable[[], Version]) -> Version:
    note(what, target, detail)

    def reload(by: str) -> object:
        return box.core.ask(Reload(by=by), RELOAD_SECONDS)

    with _applying:
        return put_in_force(box.store, make, reload if bus.running(box.data) else None)[0]


# ---- putting two people's work together ------------------------------------------------------------------------------


def merged(begun: dict[str, Any], mine: dict[str, Any], theirs_text: str) -> tuple[str, list[str]]:
    """`theirs_text` with what `mine` changed against `begun`, key by key; and what both changed, where theirs stays."""
    text, lost = theirs_text, list[str]()
    for section in [*mine, *(name for name in begun if name not in mine)]:
        old, new = begun.get(section), mine.get(section)
        if old == new:
            continue
        if section in KEYS and isinstance(new if new is not None else old, list):
            text = _merge_rows(section, old or [], new or [], text, lost)
        else:
            text = _merge_table((section,), section, old or {}, new or {}, text, lost)
    return text, lost


def _merge_table(path: KeyPath, name: str, old: dict[str, Any], new: dict[str, Any], text: str, lost: list[str]) -> str:
    there = edit.table_at(edit.plain(text), path)
    changes: dict[str, Any] = {}
    for key in {**old, **new}:
        if old.get(key) == new.get(key) or there.get(key) == new.get(key):
            continue
        if there.get(key) != old.get(key):
            lost.append(f"{name} {key}")
        else:
            changes[key] = new.get(key)
    return edit.set_keys(text, path, changes) if changes else text


def _merge_rows(section: str, old: list[Any], new: list[Any], text: str, lost: list[str]) -> str:
    key = KEYS[section]
    before, after = ({row.get(key): row for row in rows if isinstance(row, dict)} for rows in (old, new))
    for name in {**before, **after}:
        rows = edit.plain(text).get(section, [])
        index = next((i for i, row in enumerate(rows) if row.get(key) == name), None)
        mine, was = after.get(name), before.get(name)
        if mine == was:
            continue
        if was is None and index is None:
            text = edit.add_row(text, section, mine or {})
        elif was is None or index is None or (mine is None and rows[index] != was):
            lost.append(f"{section} {name}")
        elif mine is None:
            text = edit.remove_row(text, section, index)
        else:
            text = _merge_table((section, index), f"{section} {name}", was, mine, text, lost)
    return text
