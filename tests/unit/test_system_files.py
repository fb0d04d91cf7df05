"""Order on the disk: content, then name, then folder. And no place changes a file's name in another way."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from appliance.campaigns import own, purge
from appliance.config.load import loads
from appliance.config.model import SubscriberList
from appliance.config.store import Store
from appliance.errors import SwitchroomError
from appliance.mail import figures_marks
from appliance.prompts import build
from appliance.sounds import greetings as sounds
from appliance.sounds.messages import Kept, Messages
from appliance.system import files
from appliance.voicemail.greetings import Greetings
from web.config.drafts import Draft, Drafts

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to the disk, in order: "sync NAME", "name NAME", "sync all"."""
    log = list[str]()
    fsync, replace, all_of_it = os.fsync, Path.replace, os.sync

    def synced(handle: int) -> None:
        log.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().name}")
        fsync(handle)

    def renamed(self: Path, target: Path) -> Path:
        log.append(f"name {Path(target).name}")
        return replace(self, target)

    def everything() -> None:
        log.append("sync all")
        all_of_it()

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    monkeypatch.setattr(os, "sync", everything)
    return log


def test_what_is_written_is_whole_before_it_has_its_name(tmp_path: Path, done: list[str]) -> None:
    files.write(tmp_path / "current", b"7\n")
    assert done == ["sync .current.new", "name current", f"sync {tmp_path.name}"]
    assert (tmp_path / "current").read_bytes() == b"7\n" and (tmp_path / "current").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["current"]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "current").write_bytes(b"6\n")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        files.write(tmp_path / "current", b"7\n")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("current", b"6\n")]


def test_a_file_that_moves_leaves_its_folder_on_the_disk_too(tmp_path: Path, done: list[str]) -> None:
    (tmp_path / "drafts").mkdir()
    (tmp_path / "drafts" / "a.wav").write_bytes(b"sound")
    (tmp_path / "menu").mkdir()
    files.put(tmp_path / "drafts" / "a.wav", tmp_path / "menu" / "main.wav")
    assert done == ["sync a.wav", "name main.wav", "sync menu", "sync drafts"]


@pytest.mark.parametrize(("count", "first"), [(2, []), (40, ["sync all"])])
def test_many_at_once(tmp_path: Path, done: list[str], count: int, first: list[str]) -> None:
    made = [(tmp_path / f"{at}.part", tmp_path / f"{at}.wav") for at in range(count)]
    for part, _ in made:
        part.write_bytes(b"x")
    files.put_all(made)
    assert done == [*first, *(f"sync {at}.part" for at in range(count)), *(f"name {at}.wav" for at in range(count)),
                    f"sync {tmp_path.name}"]


@pytest.mark.parametrize("count", [2, 40])
def test_of_many_none_has_its_name_where_one_was_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """sync(2) tells nothing of a disk that failed; fsync(2) of the file does."""
    fsync = os.fsync

    def failing(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink().name == "1.part":
            raise OSError(5, "Input/output error")
        fsync(handle)

    made = [(tmp_path / f"{at}.part", tmp_path / f"{at}.wav") for at in range(count)]
    for part, _ in made:
        part.write_bytes(b"x")
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError):
        files.put_all(made)
    assert not list(tmp_path.glob("*.wav"))


# ---- a list and its table in the configuration -----------------------------------------------------------------------

OLD, NEW = "Nimi,Puh\nAnna,0917700001\n", "number,name\n+358917700002,Bo\n"
TABLE = 'file = "13.csv"\nnumber = "13"\n'
OFFICE = '[office]\nname = "Office"\ncountry = "FI"\ntimezone = "Europe/Helsinki"\nlanguage = "en"\n'
CONFIG = loads(OFFICE, "office")


def state_of(data: Path) -> tuple[str | None, str, str]:
    """The list as the box sees it: its file, its name, its column."""
    entry = Store(data).current().list_numbered("13")
    target = data / "lists" / "13.csv"
    text = target.read_text() if target.exists() else None
    return (text, entry.name, entry.number_column) if entry is not None else (text, "", "")


@pytest.mark.parametrize("table", [
    "", '[[lists]]\nname = "Old"\nnumber_column = "Puh"\n' + TABLE, '[[lists]]\nname = "New"\n' + TABLE,
], ids=["new", "other columns", "the same table"])
def test_the_power_may_go_at_any_moment_of_an_exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    data = tmp_path / "data"
    (data / "lists").mkdir(parents=True)
    store = Store(data)
    store.save(OFFICE + table, by="test")
    if table:
        (data / "lists" / "13.csv").write_text(OLD)
    made, target = data / "lists" / ".import-1.csv", data / "lists" / "13.csv"
    made.write_text(NEW)
    before, cuts = state_of(data), list[Path]()

    def cut() -> None:
        cuts.append(tmp_path / f"cut{len(cuts)}" / "data")
        shutil.copytree(data, cuts[-1], symlinks=True)

    def watched(how: Callable[..., Any]) -> Callable[..., Any]:
        def does(*args: Any, **more: Any) -> Any:
            cut()
            done = how(*args, **more)
            cut()
            return done

        return does

    with monkeypatch.context() as patched:
        for owner, name in ((Path, "replace"), (Path, "unlink"), (os, "link"), (os, "fsync")):
            patched.setattr(owner, name, watched(getattr(owner, name)))
        with own.exchanged(target, made, "New", store.current):
            if not own.reads_itself(store.current().list_numbered("13"), target, "New"):
                store.save(own.with_list(store.text(), "13", "New", target, data / "lists"), by="test")
    after, seen = state_of(data), set[tuple[str | None, str, str]]()
    assert after == (NEW, "New", "") and not list((data / "lists").glob(".13*"))
    for each in cuts:
        own.settle(each / "lists", Store(each).current())
        assert state_of(each) in (before, after), each
        assert not list((each / "lists").glob(".13*.exchange"))
        seen.add(state_of(each))
    assert seen == {before, after} and len(cuts) > 20


def test_an_exchange_that_fails_leaves_the_old_list(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    target, made = own.path_of(tmp_path, "13"), tmp_path / "lists" / ".import-1.csv"
    for text in (None, OLD):
        if text is not None:
            target.write_text(text)
        made.write_text(NEW)
        with pytest.raises(SwitchroomError, match="no"), own.exchanged(target, made, "", lambda: CONFIG):
            raise SwitchroomError("config.conflict", "no", "")
        assert (target.read_text() if target.exists() else None) == text
        assert {each.name for each in (tmp_path / "lists").iterdir()} <= {"13.csv", ".lock"}


def test_a_list_that_is_removed_is_exchanged_by_nobody_meanwhile(tmp_path: Path, done: list[str]) -> None:
    (tmp_path / "lists").mkdir()
    target = own.path_of(tmp_path, "13")
    target.write_text(OLD)
    entry = SubscriberList(number="13", name="Old", file=str(target))

    def take_out() -> None:
        assert target.exists()
        with pytest.raises(BlockingIOError), purge.locked(tmp_path / "lists", wait=False):
            pass

    own.remove(target, entry, lambda: CONFIG, take_out)
    assert [each.name for each in (tmp_path / "lists").iterdir()] == [".lock"] and done == ["sync lists"]


def test_of_a_removed_list_nothing_stays_that_an_exchange_left(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    target = own.path_of(tmp_path, "13")
    for name, text in (("13.csv", NEW), (".13.csv.old", OLD), (".13.csv.exchange", '{"name":"New","had":true}')):
        (tmp_path / "lists" / name).write_text(text)
    own.remove(target, SubscriberList(number="13", file=str(target)), lambda: CONFIG, lambda: None)
    assert [each.name for each in (tmp_path / "lists").iterdir()] == [".lock"]


def test_a_list_that_cannot_be_taken_out_keeps_its_file(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    target = own.path_of(tmp_path, "13")
    target.write_text(OLD)

    def refused() -> None:
        raise SwitchroomError("config.conflict", "no", "")

    with pytest.raises(SwitchroomError, match="no"):
        own.remove(target, SubscriberList(number="13", file=str(target)), lambda: CONFIG, refused)
    assert target.read_text() == OLD
    office = tmp_path / "office.csv"  # a file of the office's own
    office.write_text(OLD)
    own.remove(target, SubscriberList(number="13", file=str(office)), lambda: CONFIG, lambda: None)
    assert office.exists() and target.exists()


def test_one_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    target, made = own.path_of(tmp_path, "13"), tmp_path / "lists" / ".import-1.csv"
    made.write_text(NEW)
    with own.exchanged(target, made, "", lambda: CONFIG):
        own.settle(tmp_path / "lists", CONFIG)
        assert target.read_text() == NEW


# ---- the places that do it -------------------------------------------------------------------------------------------


def greeting(folder: Path) -> None:
    greetings = Greetings(folder)
    draft = greetings.draft("menu", "main", "c1")
    draft.write_bytes(b"sound")
    greetings.use("menu", "main", draft)


def test_a_greeting_that_is_removed_stays_removed(tmp_path: Path, done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    greeting(tmp_path)
    greetings = Greetings(tmp_path)
    done.clear()
    greetings.remove("menu", "main")
    assert done == ["sync menu"] and greetings.of("menu", "main") is None and not list((tmp_path / "menu").iterdir())
    greetings.remove("menu", "main")  # nothing there
    greeting(tmp_path)
    greetings = Greetings(tmp_path)

    def refuses(path: Path, missing_ok: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuses)
    with pytest.raises(SwitchroomError) as refused:
        greetings.remove("menu", "main")
    assert refused.value.id == "greeting.unwritable" and greetings.of("menu", "main") is not None


@pytest.mark.parametrize(("what", "wanted"), [
    (greeting, ["sync menu-main-c1.wav", "name main.wav", "sync menu", "sync drafts"]),
    (lambda folder: Drafts(folder).put("anna", Draft(text="", base=1, at=0.0)), ["sync .anna", "name anna.json", "sync drafts"]),
    (lambda folder: figures_marks.put_marks(folder, {"daily": 1.0}), ["sync .figures", "name figures.marks", "sync mail"]),
    (lambda folder: build._write_wav(folder / "beep.wav", build.beep(8000), 8000), ["sync beep", "name beep.wav", "sync test_"]),
], ids=["greeting", "draft", "marks", "prompt"])
def test_names_and_folders(tmp_path: Path, done: list[str], what: Callable[[Path], None], wanted: list[str]) -> None:
    what(tmp_path)
    assert len(done) == len(wanted) and all(each.startswith(one) for each, one in zip(done, wanted, strict=True)), done


def test_nobody_renames_past_the_helper() -> None:
    """A renaming of a file anywhere else would be forgotten by a disk without power."""
    by_hand = re.compile(r"\.(replace|rename)\((?=[^,=]*\)$)|os\.(replace|rename)\(|shutil\.move")
    found = {str(path.relative_to(ROOT)) for folder in ("appliance", "drivers", "web") for path in (ROOT / folder).rglob("*.py")
             if any(by_hand.search(line) for line in path.read_text().splitlines())}
    assert found == {"appliance/system/files.py", "appliance/campaigns/own.py"}  # own: back to the old file, then its folder


def test_what_is_removed_stays_removed(tmp_path: Path, done: list[str]) -> None:
    (tmp_path / "a").write_bytes(b"x")
    files.remove(tmp_path / "a")
    files.remove(tmp_path / "a")  # nothing there
    assert done == [f"sync {tmp_path.name}"] * 2 and not list(tmp_path.iterdir())


def test_a_message_that_is_removed_at_a_page_stays_removed(tmp_path: Path, done: list[str]) -> None:
    """It is somebody's voice."""
    folder, id = tmp_path / "campaigns" / "messages", "0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / f"{id}.wav").write_bytes(b"sound")
    (folder / f"{id}.json").write_bytes(msgspec.json.encode(
        Kept(id=id, name="News", source="uploaded", seconds=1.0, at=1.0, by="web:ann")))
    noted = list[str]()
    hands: Any = SimpleNamespace(data=tmp_path, note=lambda what, *about: noted.append(what))
    Messages(hands).remove(id)
    assert done == ["sync messages"] and noted == ["message.remove"] and not list(folder.iterdir())


def test_an_uploaded_greeting_that_is_removed_at_a_page_stays_removed(tmp_path: Path, done: list[str]) -> None:
    folder, name = tmp_path / "greetings" / "uploaded", "welcome-0123456789ab.wav"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"sound")
    hands: Any = SimpleNamespace(data=tmp_path, note=lambda *about: None)
    sounds.remove(hands, name)
    assert done == ["sync uploaded"] and not list(folder.iterdir())
