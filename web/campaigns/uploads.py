"""Files on their way to be lists: DATA/lists/incoming/ID, with the file, what is wanted of it and how far it is. Each is its
uploader's alone, and goes after a day.

The rows are read by a process of its own (`appliance.campaigns.intake`), one at a time.
"""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Annotated, Literal

import msgspec
from flask import g
from msgspec import Meta

from appliance.campaigns import intake, workbook
from appliance.campaigns.intake import Glance, Phase, Plan, State
from appliance.errors import SwitchroomError, because
from appliance.sentences import Said, say
from appliance.sounds import incoming
from appliance.system import files
from web.app import Services, services
from web.audit.service import note
from web.audit.words import LIST
from web.campaigns import lists
from web.i18n import tell

log = logging.getLogger("campaigns")
MAX_BYTES = 32 << 20
MAX_WAITING = 40
MAX_OWN = 5
"""Of one user: nobody takes the room of all others."""
KEEP_SECONDS = 86_400.0
CHECK_SECONDS = 1_800.0
LOOK_SECONDS = 120.0
MAX_FILE_NAME = 120
_ID = re.compile(r"[0-9a-f]{16}")
_one = threading.Lock()
_changing = threading.Lock()
"""One request at a time begins a check, saves or drops: a button is pressed twice."""
_under_way: set[str] = set()
Mode = Literal["new", "replace", "add"]


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shall become of a file: which columns are the number and the name (-1: none), and of which list. `mode` "add" keeps
    who is on the list; `name` of the list ("" keeps it)."""

    number_at: Annotated[int, Meta(ge=0, le=10_000)]
    name_at: Annotated[int, Meta(ge=-1, le=10_000)] = -1
    mode: Mode = "new"
    list: Annotated[str, Meta(max_length=10)]
    name: Annotated[str, Meta(max_length=lists.MAX_NAME)] = ""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A file that came in: its beginning, what is wanted, and how far it is."""

    id: str
    file: str
    by: str
    at: float
    glance: Glance
    wish: Wish | None = None
    stood: str = ""
    """The list's file as it was when this was checked: size and time."""


class BadShown(msgspec.Struct, frozen=True):
    """A row that cannot be called: where it stands, what is wrong with it, and what to do."""

    row: int
    text: str
    reason: str
    hint: str


class StateShown(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is: `done` of about `total` rows; then `good` rows that can be called, of them `kept` from before; `duplicates`
    left out; and the bad rows. `error` and `hint` where the whole file is wrong."""

    phase: Phase
    done: int
    total: int
    good: int
    kept: int
    duplicates: int
    bad: list[BadShown]
    error_id: str
    error: str
    hint: str


class UploadShown(msgspec.Struct, frozen=True, kw_only=True):
    """An upload, and `state`: what came of checking it."""

    id: str
    file: str
    at: float
    glance: Glance
    wish: Wish | None
    state: StateShown


def _folder(box: Services) -> Path:
    return box.data.absolute() / "lists" / "incoming"


def take(content: IO[bytes], file: str) -> UploadShown:
    """A file comes in. Raises SwitchroomError "list.…" where it is no list at all."""
    box = services()
    sweep(box)
    waiting = [_read(folder) for folder in _folder(box).glob("*")]
    if len(waiting) >= MAX_WAITING or sum(each is not None and each.by == g.user.login for each in waiting) >= MAX_OWN:
        raise SwitchroomError("web.too-many", "Too many files wait to be taken over.", "Save or drop some first.")
    id = secrets.token_hex(8)
    folder = _folder(box) / id
    name = "".join(char for char in Path(file).name if char.isprintable())[:MAX_FILE_NAME] or "list"
    _under_way.add(str(folder))  # it has no upload.json yet: who uploads meanwhile must not sweep it away
    try:
        folder.mkdir(parents=True, mode=0o700)
        incoming.keep(content, folder / "source", MAX_BYTES, "list.too-long", say("Split it."))
        upload = Upload(id=id, file=name, by=g.user.login, at=box.clock.utc(), glance=_look(folder))
        _write(folder, upload)
    except OSError as problem:
        shutil.rmtree(folder, ignore_errors=True)
        raise SwitchroomError("list.unwritable", "The file cannot be kept: {reason}.", "Free some space.",
                              reason=because(problem)) from None
    except SwitchroomError as problem:
        shutil.rmtree(folder, ignore_errors=True)
        raise _named(problem, folder, name) from None
    finally:
        _under_way.discard(str(folder))
    return _shown(upload, State())


def _named(problem: SwitchroomError, folder: Path, file: str) -> SwitchroomError:
    """With the name that the uploader knows."""
    return SwitchroomError(problem.id, _by_name(problem.said, folder, file), problem.said_hint)


def _by_name(said: Said, folder: Path, file: str) -> Said:
    source = folder / "source"
    return said.instead(source, file).instead(source.name, file)  # workbooks are told by their bare name


def one(id: str) -> UploadShown:
    """Raises SwitchroomError "list.upload-unknown"."""
    upload = _own(id)
    return _shown(upload, _state(upload))


def mine() -> list[UploadShown]:
    """The newest first."""
    box = services()
    sweep(box)
    found = [_read(path.parent) for path in _folder(box).glob("*/upload.json")]
    own = [each for each in found if each is not None and each.by == g.user.login]
    return [_shown(each, _state(each)) for each in sorted(own, key=lambda each: -each.at)]


def _own(id: str) -> Upload:
    found = _read(_folder(services()) / id) if _ID.fullmatch(id) else None
    if found is None or found.by != g.user.login:
        raise SwitchroomError("list.upload-unknown", "This file is not there any more.", "Upload it again.")
    return found


def _state(upload: Upload) -> State:
    folder = _folder(services()) / upload.id
    under_way, state = str(folder) in _under_way, intake.read_state(folder)
    if under_way:
        return msgspec.structs.replace(state, phase="checking", bad=[])  # its process has not ended yet
    if state.phase == "checking":
        return intake.failed(SwitchroomError("list.interrupted", "The check was interrupted.", "Check it again."))
    return msgspec.structs.replace(state, error=_by_name(state.error, folder, upload.file))


def _shown(upload: Upload, state: State) -> UploadShown:
    return UploadShown(id=upload.id, file=upload.file, at=upload.at, glance=upload.glance, wish=upload.wish, state=_told(state))


def _told(state: State) -> StateShown:
    """In the language of who asks."""
    return StateShown(phase=state.phase, done=state.done, total=state.total, good=state.good, kept=state.kept,
                      duplicates=state.duplicates, bad=_bad(state), error_id=state.error_id, error=tell(state.error),
                      hint=tell(state.hint))


def _bad(state: State) -> list[BadShown]:
    return [BadShown(each.row, each.text, tell(each.reason), tell(each.hint)) for each in state.bad]


def check(id: str, wish: Wish) -> UploadShown:
    """Read all rows, in the background; `one` tells how far it is. Raises SwitchroomError "list.…"."""
    box, upload = services(), _own(id)
    config, folder = box.config, _folder(services()) / id
    wish = msgspec.structs.replace(wish, name=" ".join(wish.name.split()))
    if wish.mode == "new":
        lists.check_new(config, wish.list)
        entry = None
    else:
        entry = lists.entry_of(config, wish.list)
    country = entry.country if entry is not None else None
    plan = Plan(source=str(folder / "source"), number_at=wish.number_at, name_at=wish.name_at,
                country=country or config.office.country, emergency=config.dialling.emergency,
                **intake.before(entry) if entry is not None and wish.mode == "add" else {})
    upload = msgspec.structs.replace(upload, wish=wish, stood=_stamp(entry.file) if entry is not None else "")
    state = State(phase="checking", total=upload.glance.lines)
    with _changing:
        if str(folder) in _under_way:
            raise SwitchroomError("list.busy", "This file is being checked.", "Wait until it is done.")
        _own(id)  # it may have been saved or dropped meanwhile
        _under_way.add(str(folder))
    try:
        _write(folder, upload)
        (folder / "plan.json").write_bytes(msgspec.json.encode(plan))
        intake.write_state(folder, state)
    except OSError as problem:
        _under_way.discard(str(folder))
        raise SwitchroomError("list.unwritable", "The file cannot be kept: {reason}.", "Free some space.",
                              reason=because(problem)) from None
    threading.Thread(target=_run, args=(folder,), name="list-check", daemon=True).start()
    return _shown(upload, state)


def _process(what: Literal["look", "check"], folder: Path, seconds: float) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "appliance.campaigns.intake", what, str(folder)], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=seconds, check=False)


def _look(folder: Path) -> Glance:
    """A workbook must be unpacked even for its first rows: that is done in a process of its own, too."""
    with (folder / "source").open("rb") as file:
        if not workbook.is_workbook(file):
            return intake.glance(folder / "source")
    try:
        done = _process("look", folder, LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        raise SwitchroomError("list.failed", "Unpacking the file took too long.", "Save it as CSV in UTF-8.") from None
    state = intake.read_state(folder)
    if state.phase == "failed":
        raise SwitchroomError(state.error_id, state.error, state.hint)
    if done.returncode:
        log.error("looking at a list failed: %s", done.stderr.decode(errors="replace")[-2000:])
        raise SwitchroomError("list.failed", "The file could not be read.", "Save it as CSV in UTF-8.")
    return msgspec.json.decode((folder / "glance.json").read_bytes(), type=Glance)


def _stamp(file: str) -> str:
    try:
        stat = Path(file).stat()
    except OSError:
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _run(folder: Path) -> None:
    """One at a time: reading takes the processor that calls need."""
    try:
        with _one:
            done = _process("check", folder, CHECK_SECONDS)
        if done.returncode:
            log.error("checking a list failed: %s", done.stderr.decode(errors="replace")[-2000:])
            _fail(folder, SwitchroomError("list.failed", "The file could not be checked.", "The log has the details."))
    except subprocess.TimeoutExpired:
        _fail(folder, SwitchroomError("list.failed", "Checking the file took too long.", "Split it."))
    finally:
        _under_way.discard(str(folder))


def _fail(folder: Path, problem: SwitchroomError) -> None:
    if folder.is_dir():
        intake.write_state(folder, intake.failed(problem))


def save(id: str) -> str:
    """What was checked becomes the list; its number. Raises SwitchroomError "list.not-checked", "list.nobody", "list.changed"."""
    with _changing:
        return _save(id)


def _save(id: str) -> str:
    box, upload = services(), _own(id)
    state, wish, folder = _state(upload), upload.wish, _folder(services()) / id
    if state.phase != "ready" or wish is None:
        raise SwitchroomError("list.not-checked", "This file has not been checked yet.", "Choose the columns, then check it.")
    if not state.good:
        raise SwitchroomError("list.nobody", "Nobody in this file can be called.", "Choose another column, or mend the file.")
    if wish.mode == "new":
        lists.check_new(box.config, wish.list)
    elif upload.stood != _stamp(lists.entry_of(box.config, wish.list).file):
        raise SwitchroomError("list.changed", "Somebody else changed this list meanwhile.", "Check the file again.")
    note(f"list.{wish.mode}", wish.list, str(LIST.about(good=state.good, twice=state.duplicates, bad=len(state.bad))))
    lists.save(wish.list, wish.name, folder / "list.csv")
    shutil.rmtree(folder, ignore_errors=True)
    return wish.list


def drop(id: str) -> None:
    with _changing:
        upload = _own(id)
        if str(_folder(services()) / upload.id) in _under_way:
            raise SwitchroomError("list.busy", "This file is being checked.", "Wait until it is done.")
        shutil.rmtree(_folder(services()) / upload.id, ignore_errors=True)


def bad_rows(id: str) -> tuple[str, list[BadShown]]:
    """The file's name, and its rows that cannot be called."""
    upload = _own(id)
    return upload.file, _bad(_state(upload))


def sweep(box: Services) -> None:
    """Files that nobody took over within a day: they are somebody's customers."""
    for folder in _folder(box).glob("*"):
        found = _read(folder)
        if str(folder) not in _under_way and (found is None or found.at < box.clock.utc() - KEEP_SECONDS):
            shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path) -> Upload | None:
    try:
        return msgspec.json.decode((folder / "upload.json").read_bytes(), type=Upload)
    except (OSError, msgspec.DecodeError):
        return None


def _write(folder: Path, upload: Upload) -> None:
    files.write(folder / "upload.json", msgspec.json.encode(upload))
