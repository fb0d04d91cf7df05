"""What is still to be told, on disk: DATA/webhooks, an LMDB of its own. Messages, and how far the ledger was read for them, go
into one transaction: a kill anywhere loses nothing and makes nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from struct import Struct
from typing import Any, Literal

import lmdb
import msgspec

from appliance.errors import SwitchroomError
from appliance.sentences import say

State = Literal["waiting", "sent", "dead", "dropped"]
"""`dead`: given up after keep_trying_hours, or the program said that it is gone. `dropped`: too many waited."""
MAP_BYTES = 256 << 20
MOST_WAITING = 5_000
"""Of one webhook."""
KEPT = 200
"""Of each webhook: what is sent, dead or dropped and still shown."""
_U64 = Struct(">Q")
_PROGRESS = b"progress"


class Progress(msgspec.Struct, frozen=True):
    """All records up to `seq` were told of; a fold begins after `since` to know what is open. `ledger` tells which ledger."""

    seq: int = 0
    since: int = 0
    ledger: str = ""


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message for one webhook. `number` is its place; times are UTC seconds; `status` the last answer's, 0: none; `body` is
    erased once it is sent: it has callers' numbers."""

    number: int
    hook: str
    id: str
    type: str
    made: float
    state: State = "waiting"
    tries: int = 0
    next_try: float = 0.0
    done: float = 0.0
    status: int = 0
    error: str = ""
    body: bytes = b""


_of = msgspec.msgpack.Decoder(Delivery).decode
_put = msgspec.msgpack.Encoder().encode


class WebhookStore:
    """Safe for threads and processes; one instance a process and folder. Give back with `close`."""

    def __init__(self, data: Path) -> None:
        folder = data / "webhooks"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._env = lmdb.open(str(folder), map_size=MAP_BYTES, max_dbs=2, max_readers=128, mode=0o600)
        self._all, self._meta = self._env.open_db(b"deliveries"), self._env.open_db(b"meta")

    def close(self) -> None:
        self._env.close()

    def progress(self) -> Progress | None:
        with self._env.begin() as txn:
            found = txn.get(_PROGRESS, db=self._meta)
        return msgspec.msgpack.decode(found, type=Progress) if found else None

    def is_new(self) -> bool:
        """No webhook was ever told anything, or all of it is forgotten."""
        with self._env.begin() as txn:
            return txn.get(_PROGRESS, db=self._meta) is None and not txn.stat(self._all)["entries"]

    def begin_anew(self) -> None:
        """Forget how far the ledger was read."""
        with self._env.begin(write=True) as txn:
            txn.delete(_PROGRESS, db=self._meta)

    def take(self, made: Iterable[Delivery], progress: Progress | None) -> None:
        """Keep these (their `number` is given here), and that the ledger was read so far."""
        with self._env.begin(write=True) as txn:
            waiting: dict[str, int] = {}
            for each in made:
                if each.hook not in waiting:
                    waiting[each.hook] = sum(one.hook == each.hook and one.state == "waiting" for one in self._in(txn))
                kept = msgspec.structs.replace(each, number=self._next(txn))
                if waiting[each.hook] >= MOST_WAITING:
                    kept = msgspec.structs.replace(kept, state="dropped", done=each.made, body=b"",
                                                   error=str(say("{most} messages waited already.", most=MOST_WAITING)))
                else:
                    waiting[each.hook] += 1
                txn.put(_U64.pack(kept.number), _put(kept), db=self._all)
            if progress is not None:
                txn.put(_PROGRESS, _put(progress), db=self._meta)

    def _next(self, txn: Any) -> int:
        found = txn.get(b"last", db=self._meta)
        number: int = (_U64.unpack(found)[0] if found else 0) + 1
        txn.put(b"last", _U64.pack(number), db=self._meta)
        return number

    def _in(self, txn: Any) -> list[Delivery]:
        return [_of(value) for _, value in txn.cursor(db=self._all)]

    def all(self, hook: str = "") -> list[Delivery]:
        """Newest first."""
        with self._env.begin() as txn:
            return [each for each in reversed(self._in(txn)) if not hook or each.hook == hook]

    def waiting(self, hook: str) -> list[Delivery]:
        """Oldest first."""
        with self._env.begin() as txn:
            return [each for each in self._in(txn) if each.hook == hook and each.state == "waiting"]

    def change(self, number: int, how: Callable[[Delivery], Delivery]) -> Delivery:
        """Raises SwitchroomError "webhook.unknown"."""
        with self._env.begin(write=True) as txn:
            found = txn.get(_U64.pack(number), db=self._all) if 0 <= number < 2**64 else None
            if found is None:
                raise SwitchroomError("webhook.unknown", "There is no message {number}.", "See: switchroom webhook log",
                                      number=number)
            changed = how(_of(found))
            txn.put(_U64.pack(number), _put(changed), db=self._all)
        return changed

    def retry(self, number: int, now: float) -> Delivery:
        """Try it again at once, as if it were new. Raises SwitchroomError "webhook.unknown", "webhook.no-text"."""
        def again(each: Delivery) -> Delivery:
            if not each.body:
                raise SwitchroomError("webhook.no-text", "This message is not kept any more.", "What was sent is erased.")
            return msgspec.structs.replace(each, state="waiting", tries=0, next_try=0.0, made=now, done=0.0, error="")

        return self.change(number, again)

    def erase(self, numbers: Iterable[str]) -> int:
        """Forget every message that names one of these numbers, told or not. -> how many."""
        wanted = [msgspec.json.encode(number) for number in numbers]
        with self._env.begin(write=True) as txn:
            found = [each.number for each in self._in(txn) if any(number in each.body for number in wanted)]
            for number in found:
                txn.delete(_U64.pack(number), db=self._all)
        return len(found)

    def sweep(self, hooks: Iterable[str]) -> None:
        """Forget what is done beyond KEPT, and what waits for webhooks that are configured no more."""
        known = set(hooks)
        with self._env.begin(write=True) as txn:
            seen: dict[str, int] = {}
            for each in reversed(self._in(txn)):
                done = each.state != "waiting"
                seen[each.hook] = seen.get(each.hook, 0) + done
                if (done and seen[each.hook] > KEPT) or each.hook not in known:
                    txn.delete(_U64.pack(each.number), db=self._all)
