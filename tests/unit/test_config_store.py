"""Versions on disk: kept, compared, rolled back, safe through a crash; what `serve --config FILE` takes over."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from appliance.campaigns.lists import load_list
from appliance.clock import ManualClock
from appliance.config import ConfigError
from appliance.config.store import Store
from appliance.errors import SwitchroomError

OFFICE = Path(__file__).parents[1] / "office"


@pytest.fixture
def office(tmp_path: Path) -> Path:
    """A copy of the reference office that a test may edit."""
    folder = tmp_path / "office"
    shutil.copytree(OFFICE, folder)
    return folder / "office.toml"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "data").mkdir()
    return Store(tmp_path / "data", ManualClock())


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_an_empty_box_has_nothing_and_says_so(store: Store) -> None:
    assert (store.in_force(), store.version(), store.history(), store.has_current()) == (None, 0, [], False)
    with pytest.raises(SwitchroomError) as caught:
        store.current()
    assert caught.value.id == "config.none"
    assert "import" in caught.value.hint


def test_versions_are_kept_with_what_changed(store: Store, office: Path) -> None:
    first = store.import_file(office, by="anna")
    edit(office, "lines = 5\nconfirm", "lines = 3\nconfirm")
    edit(office, 'secret = "anna-101"', 'secret = "another"')
    second = store.import_file(office, by="boris")
    assert [version.number for version in store.history()] == [2, 1]
    assert (first.summary, first.by, first.when) == ("first version", "anna", 1_800_000_000.0)
    assert second.summary == "phone 101: secret changed; scenario 701: lines 5 → 3"
    assert store.current().scenarios[0].lines == 3
    assert store.config(1).scenarios[0].lines == 5


def test_the_same_again_is_no_new_version(store: Store, office: Path) -> None:
    assert store.import_file(office, by="anna") == store.import_file(office, by="anna")
    assert len(store.history()) == 1


def test_a_file_with_mistakes_changes_nothing(store: Store, office: Path) -> None:
    store.import_file(office, by="anna")
    edit(office, "lines = 5\nconfirm", 'lines = "x"\nconfirm')
    with pytest.raises(ConfigError) as caught:
        store.import_file(office, by="anna")
    assert caught.value.problems[0].file == str(office)
    assert store.version() == 1
    assert len(list(store.versions.iterdir())) == 2


def test_roll_back_is_a_new_version_of_the_old_text(store: Store, office: Path) -> None:
    store.import_file(office, by="anna")
    original = office.read_text(encoding="utf-8")
    edit(office, "channels = 10", "channels = 4")
    store.import_file(office, by="anna")
    rolled = store.rollback(1, by="boris")
    assert (rolled.number, rolled.summary, store.version()) == (3, "rolled back to version 1", 3)
    assert store.text() == original
    assert store.rollback(2, by="boris").number == 4
    assert store.current().lines[1].channels == 4
    with pytest.raises(SwitchroomError) as caught:
        store.rollback(99, by="boris")
    assert caught.value.id == "config.no-version"


def test_diff_masks_secrets_unless_asked(store: Store, office: Path) -> None:
    store.import_file(office, by="anna")
    edit(office, 'secret = "anna-101"', 'secret = "top-secret"')
    edit(office, 'pin = "1101"', 'pin = "9999"')
    store.import_file(office, by="anna")
    masked = store.diff(1)
    assert masked.changes == ["phone 101: secret changed", "agent anna: pin changed"]
    for secret in ("anna-101", "top-secret", "9999", "1101", "boris-102", "4321"):
        assert secret not in masked.unified
    assert '+secret = "*** (changed)"' in masked.unified
    plain = store.diff(1, 2, secrets=True)
    assert '+secret = "top-secret"' in plain.unified
    assert 'phone 101: secret "anna-101" → "top-secret"' in plain.changes
    assert "trunk-secret" not in store.text(2, secrets=False)
    assert store.text(2, secrets=False).count("***") == 9


def test_changes_are_said_as_people_would(store: Store, office: Path) -> None:
    store.import_file(office, by="anna")
    edit(office, '[[phones]]\nextension = "104"\nname = "Daria"\nsecret = "daria-104"\n', "")
    edit(office, 'name = "provider"', 'name = "backup"')
    edit(office, '"gateway", "provider"]', '"backup", "gateway"]')
    edit(office, "holidays = true", "holidays = false")
    edit(office, 'no_answer = "queue:front"', 'no_answer = "hangup"')
    store.import_file(office, by="anna")
    assert store.diff(1).changes == [
        "line provider: removed",
        "line backup: added",
        "route country: lines [gateway, provider] → [backup, gateway]",
        "phone 104: removed",
        'menu main: no_answer "queue:front" → hangup',
        "hours office: holidays true → false",
    ]


def test_list_files_stay_with_their_owner_and_edits_count(store: Store, office: Path) -> None:
    store.import_file(office, by="anna")
    config = store.current()
    entry = config.list_numbered("12")
    assert entry is not None and entry.file == str(office.parent / "managers.csv")
    assert len(load_list(entry, config).subscribers) == 300
    (office.parent / "managers.csv").write_text("number\n+358917700001\n", encoding="utf-8")
    assert len(load_list(entry, config).subscribers) == 1
    (office.parent / "managers.csv").unlink()
    assert store.current().lists == config.lists  # the box starts without the list, too
    with pytest.raises(SwitchroomError) as caught:
        load_list(entry, config)
    assert caught.value.id == "list.unreadable"


def test_a_text_without_a_file_keeps_the_directory_of_the_one_before(store: Store, office: Path) -> None:
    store.import_file(office, by="anna")
    number = store.save(office.read_text(encoding="utf-8").replace("channels = 10", "channels = 7"), by="api:web").number
    assert number == 2
    assert store.current().lists[0].file == str(office.parent / "managers.csv")


def test_reload_takes_over_a_changed_file(store: Store, office: Path) -> None:
    store.serve_file(office)
    assert store.reload(by="cli")[1] == 1
    edit(office, "channels = 10", "channels = 4")
    config, number = store.reload(by="cli")
    assert (number, config.lines[1].channels) == (2, 4)
    edit(office, "channels = 4", 'channels = "x"')
    with pytest.raises(ConfigError):
        store.reload(by="cli")
    assert (store.version(), store.current().lines[1].channels) == (2, 4)
    office.unlink()
    assert store.reload(by="cli")[1] == 2


def test_a_restart_undoes_no_roll_back(store: Store, office: Path) -> None:
    store.serve_file(office)
    edit(office, "channels = 10", "channels = 4")
    assert store.serve_file(office).number == 2
    store.rollback(1, by="cli")
    assert store.serve_file(office).number == 3  # the file is as it was served: the roll-back stays
    assert store.reload(by="cli")[1] == 3
    edit(office, "channels = 4", "channels = 6")
    assert store.serve_file(office).number == 4
    assert store.current().lines[1].channels == 6


def test_another_file_served_is_taken_over(store: Store, office: Path, tmp_path: Path) -> None:
    other = office.with_name("other.toml")
    other.write_text(office.read_text(encoding="utf-8").replace("channels = 10", "channels = 3"), encoding="utf-8")
    assert [store.serve_file(file).number for file in (office, other, office)] == [1, 2, 3]


def test_what_a_crash_leaves_behind_does_not_matter(store: Store, office: Path) -> None:
    store.import_file(office, by="anna")
    # killed between the text and its description, and in the middle of writing
    (store.versions / "000002.toml").write_text("half", encoding="utf-8")
    (store.versions / ".000003.toml.new").write_text("ha", encoding="utf-8")
    assert [version.number for version in store.history()] == [1]
    edit(office, "channels = 10", "channels = 4")
    assert store.import_file(office, by="anna").number == 3
    assert store.current().lines[1].channels == 4


def test_damage_is_told(store: Store, office: Path) -> None:
    store.import_file(office, by="anna")
    (store.root / "current").write_text("x\n", encoding="utf-8")
    with pytest.raises(SwitchroomError) as caught:
        store.current()
    assert caught.value.id == "config.store-damaged"


def test_only_the_owner_reads_versions(store: Store, office: Path) -> None:
    store.import_file(office, by="anna")
    for file in (*store.versions.iterdir(), store.root / "current"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.root.stat().st_mode) == 0o700


def test_a_full_disk_keeps_the_old(store: Store, office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.import_file(office, by="anna")
    edit(office, "channels = 10", "channels = 4")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SwitchroomError) as caught:
        store.import_file(office, by="anna")
    assert caught.value.id == "config.store-failed"
    assert "No space left" in caught.value.message
    monkeypatch.undo()
    assert store.version() == 1
    assert not [file for file in store.versions.iterdir() if file.name.startswith(".")]


def test_descriptions_are_plain_json(store: Store, office: Path) -> None:
    store.import_file(office, by="anna", summary="hello")
    description = json.loads((store.versions / "000001.json").read_text(encoding="utf-8"))
    assert (description["number"], description["by"], description["summary"]) == (1, "anna", "hello")


@pytest.mark.parametrize(("file", "content"), [
    ("current", b""), ("current", b"\0\0"), ("current", b"7\n"), ("versions/000002.json", b"{"),
    ("versions/000002.toml", b"\xff\xfe"), ("versions/000002.toml", b"[office"),
])
def test_what_is_damaged_can_be_put_right(store: Store, office: Path, file: str, content: bytes) -> None:
    store.import_file(office, by="anna")
    edit(office, "lines = 5\nconfirm", "lines = 3\nconfirm")
    store.import_file(office, by="anna")
    (store.root / file).write_bytes(content)
    with pytest.raises(SwitchroomError):
        store.current()
    assert store.rollback(1, by="anna").number == 3 and store.current().scenarios[0].lines == 5
    (store.root / file).write_bytes(content)
    assert store.import_file(office, by="anna").number == 4 and store.current().scenarios[0].lines == 3
