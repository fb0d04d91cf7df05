"""The LMDB environment: one per process and path, sub-databases, map growth, the writer's lock.

LMDB forbids opening one file twice in a process, so a `Ledger` and any `LedgerReader`s of one process share a `Store`.
The map may only be resized while no transaction of the process is under way: `Store` counts them.
Sub-databases that are derived from the events carry a generation in their name; a rebuild writes the next one and
swaps.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import Any

import lmdb

from appliance.errors import SwitchroomError
from appliance.sentences import Said, say

from . import whole

BASE = ("meta", "events", "persons", "person_ids", "subscribers", "boots", "states")
DERIVED = (
    "utc", "campaign_events", "campaigns", "attempts", "open",
    "cdr", "cdr_call", "cdr_sip", "cdr_number", "cdr_line", "cdr_extension", "cdr_campaign", "rollup",
    "audit", "cdr_queue", "cdr_agent",
)  # fmt: skip
YOUNGER = frozenset({"cdr_queue", "cdr_agent"})
"""Not in ledgers of earlier releases until a core or a rebuild has made them."""
WHOLE = b"\0"
"""In "cdr_queue", and no queue's key: it and "cdr_agent" know every call. Not so in a ledger that had calls before."""
FORMAT = b"1"
"""Layout of the sub-databases; a ledger of another format is refused."""
START_MAP = 64 << 20
GROW_STEP = 1 << 30
MAX_DBS = 64

U64 = Struct(">Q")
U64x2 = Struct(">QQ")
U32 = Struct(">I")
U32x2 = Struct(">II")
ATTEMPT = Struct(">III")
Dbs = dict[str, Any]


def derived_name(name: str, generation: int) -> bytes:
    return f"{name}.{generation}".encode()


class Store:
    """One environment of this process. Get it with `open_store`, give it back with `close`."""

    def __init__(self, path: Path, write: bool) -> None:
        self.path = path
        self.users = 0
        self.writable = write
        self._gate = threading.Condition()
        self._active = 0
        self._resizing = False
        self.env: Any = self._open(write)
        self.is_open = True
        """False after a `reopen` that failed: nothing but another one helps."""
        self._base: Dbs = {}
        self._derived: dict[int, Dbs] = {}
        self.generation = 0

    def _open(self, write: bool) -> Any:
        if not write and not (self.path / "data.mdb").exists():
            raise SwitchroomError("ledger.missing", "There is no ledger in {path}.",
                                  "Start the box once, or name its directory with --data.", path=self.path)
        self._look()
        try:
            return lmdb.open(
                str(self.path), map_size=START_MAP if write else 1 << 20, max_dbs=MAX_DBS, readonly=not write, create=write,
                max_readers=254, max_spare_txns=4, meminit=False, mode=0o600,
            )  # fmt: skip
        except (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError, lmdb.PageNotFoundError) as error:
            raise SwitchroomError(
                "ledger.damaged", "{file} is damaged or is no ledger: {error}.", self._put_back(), file=self.path / "data.mdb",
                error=error,
            ) from error
        except lmdb.Error as error:
            raise SwitchroomError("ledger.open", "The ledger in {path} cannot be opened: {error}.",
                                  "Check the rights on the directory; `switchroom ledger check` looks inside.",
                                  path=self.path, error=error) from error

    def _look(self) -> None:
        """Before it is mapped: a file cut short would end this process by SIGBUS."""
        try:
            whole.look(self.path / "data.mdb")
        except FileNotFoundError:
            return  # a new one
        except OSError as error:
            raise SwitchroomError("ledger.open", "The ledger in {path} cannot be read: {error}.",
                                  "Check the rights on the directory.", path=self.path, error=error) from error
        except whole.CutShort as short:
            raise SwitchroomError(
                "ledger.damaged", "{file} is cut short: {problem}.", self._put_back(), file=self.path / "data.mdb", problem=short,
            ) from short

    def _put_back(self) -> Said:
        return say(
            "Put a copy of it back (docs/operations.md, Backup and restore), or: mv {path} {path}.damaged; "
            "the box then begins with an empty ledger.", path=self.path,
        )

    # -- transactions --

    @contextmanager
    def read(self) -> Iterator[tuple[Any, Dbs]]:
        """A read transaction and the sub-databases as of it. Keep it short: it holds pages back from reuse."""
        while True:
            if not self._base:
                self._open_handles()
            self._enter()
            txn = None
            try:
                txn = self.env.begin()
                generation = U64.unpack(txn.get(b"generation", db=self._base["meta"]))[0]
                dbs = self._derived.get(generation)
                if dbs is not None:
                    yield txn, dbs
                    return
            except lmdb.MapResizedError:
                generation = 0
            finally:
                if txn is not None:
                    txn.abort()
                self._leave()
            if generation:
                self._open_handles()  # rebuilt since we looked
            else:
                self.adopt_size()

    @contextmanager
    def write(self) -> Iterator[tuple[Any, Dbs]]:
        """The write transaction: committed and synced at the end, aborted by an exception. On the writer's thread
        only."""
        if not self._base:
            self._open_handles()
        self._enter()
        try:
            with self.env.begin(write=True) as txn:
                yield txn, self._derived[self.generation]
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._gate:
            while self._resizing:
                self._gate.wait()
            self._active += 1

    def _leave(self) -> None:
        with self._gate:
            self._active -= 1
            self._gate.notify_all()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No transaction of this process is under way, and none starts."""
        with self._gate:
            while self._resizing:
                self._gate.wait()
            self._resizing = True
            while self._active:
                self._gate.wait()
        try:
            yield
        finally:
            with self._gate:
                self._resizing = False
                self._gate.notify_all()

    def adopt_size(self) -> None:
        """Another process made the map larger: take its size."""
        with self._alone():
            self.env.set_mapsize(0)

    def grow(self, room: int = 0) -> None:
        """Make the map larger: twice the size up to steps of 1 GiB, and at least `room` bytes more."""
        with self._alone():
            size = self.env.info()["map_size"]
            self.env.set_mapsize(size + max(min(size, GROW_STEP), room))

    def room(self) -> int:
        """Bytes of the map not yet used by the file."""
        info = self.env.info()
        return int(info["map_size"] - (info["last_pgno"] + 1) * 4096)

    def make_writable(self) -> None:
        """Open the environment again for writing (readers of this process were there first)."""
        with self._alone():
            self.env.close()
            self._base, self._derived = {}, {}
            self.env = self._open(True)
            self.writable = True

    def reopen(self) -> None:
        """After an error that LMDB calls fatal: the file is good up to the last commit, the environment is not."""
        with self._alone():
            self.env.close()
            self.is_open = False
            self._base, self._derived = {}, {}
            self.env = self._open(self.writable)
            self.is_open = True

    # -- sub-databases --

    def create(self) -> None:
        """Make what is missing (first start)."""
        meta = self.env.open_db(b"meta")
        with self.env.begin(write=True) as txn:
            found = txn.get(b"format", db=meta)
            if found is None:
                txn.put(b"format", FORMAT, db=meta)
                txn.put(b"generation", U64.pack(1), db=meta)
            elif found != FORMAT:
                raise SwitchroomError("ledger.format",
                                      "The ledger in {path} has format {found}; this release knows {format}.",
                                      "Run the release that wrote it, or a newer one.", path=self.path, found=repr(found),
                                      format=repr(FORMAT))  # fmt: skip
            generation = U64.unpack(txn.get(b"generation", db=meta))[0]
        for name in BASE:
            self.env.open_db(name.encode())
        derived = {name: self.env.open_db(derived_name(name, generation)) for name in DERIVED}
        with self.env.begin(write=True) as txn:
            if not any(txn.stat(db=derived[name])["entries"] for name in ("cdr", "open")):
                txn.put(WHOLE, b"", db=derived["cdr_queue"])

    def _open_handles(self) -> None:
        """Handles of the generation in force. LMDB wants them opened alone, and drops those of an aborted
        transaction."""
        with self._alone():
            while True:
                try:
                    base, derived, generation = self._look_up()
                    break
                except lmdb.MapResizedError:
                    self.env.set_mapsize(0)  # the writer made it larger since we opened it
            self._base, self.generation = base, generation
            self._derived = {generation: base | derived}

    def _look_up(self) -> tuple[Dbs, Dbs, int]:
        try:
            base = {name: self.env.open_db(name.encode(), create=False) for name in BASE}
            with self.env.begin() as txn:
                generation = U64.unpack(txn.get(b"generation", db=base["meta"]))[0]
            derived = {name: self.env.open_db(derived_name(name, generation), create=False) for name in DERIVED
                       if name not in YOUNGER}
        except (lmdb.NotFoundError, lmdb.ReadonlyError) as error:
            raise SwitchroomError("ledger.missing", "The ledger in {path} is empty.", "Start the box once.",
                                  path=self.path) from error
        for name in YOUNGER:
            with contextlib.suppress(lmdb.NotFoundError, lmdb.ReadonlyError):
                derived[name] = self.env.open_db(derived_name(name, generation), create=False)
        return base, derived, generation

    def swap(self, fill: Callable[[Dbs], None]) -> None:
        """Let `fill` write the derived sub-databases of the next generation, then put them in force and drop the old
        ones in
        one transaction. For a writer that does nothing else meanwhile."""
        if not self._base:
            self._open_handles()
        old, generation = self._derived[self.generation], self.generation + 1
        new = self._base | {name: self.env.open_db(derived_name(name, generation)) for name in DERIVED}
        with self.env.begin(write=True) as txn:
            for name in DERIVED:
                txn.drop(new[name], delete=False)  # leftovers of a rebuild that was cut short
            txn.put(WHOLE, b"", db=new["cdr_queue"])
        fill(new)
        with self.env.begin(write=True) as txn:
            txn.put(b"generation", U64.pack(generation), db=self._base["meta"])
            for name in DERIVED:
                txn.drop(old[name])
        self._open_handles()


_stores: dict[str, Store] = {}
_stores_lock = threading.Lock()


def open_store(path: Path, write: bool) -> Store:
    """The process's store for this directory."""
    key = str(path.resolve())
    with _stores_lock:
        store = _stores.get(key)
        if store is None:
            store = _stores[key] = Store(Path(key), write)
        elif write and not store.writable:
            store.make_writable()
        store.users += 1
        return store


def close_store(store: Store) -> None:
    """Give back; the environment is closed with its last user."""
    with _stores_lock:
        store.users -= 1
        if store.users == 0:
            del _stores[str(store.path)]
            store.env.close()


class WriterLock:
    """One writer per ledger, held by a lock on a file that dies with the process."""

    def __init__(self, directory: Path) -> None:
        self._fd = os.open(directory / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise SwitchroomError("ledger.locked", "The ledger in {directory} already has a writer.",
                                  "Stop the running core first.", directory=directory) from error

    def release(self) -> None:
        os.close(self._fd)


def state_key(namespace: str, key: str) -> bytes:
    raw = namespace.encode() + b"\0" + key.encode()
    if len(raw) > 500 or "\0" in namespace:
        raise SwitchroomError("ledger.state-key", "The state key {key}… is too long.", "Keep it under 400 bytes.",
                              key=repr(key[:40]))
    return raw
