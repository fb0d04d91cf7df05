"""Finding CDRs: which index serves a question, and walking it a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeVar

import msgspec

from appliance.errors import SwitchroomError

from .cdr import Cdr, CdrRow, micros
from .codec import MARK
from .keys import call_key, sip_key, text_key
from .persons import Texts, id_key
from .store import U32, WHOLE, Dbs, U64x2

Row = TypeVar("Row", bound=CdrRow)
_END = b"\xff" * 16
_decoders: dict[type[CdrRow], Any] = {cls: msgspec.msgpack.Decoder(cls) for cls in (Cdr, CdrRow)}


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """See `LedgerReader.cdrs`."""

    since: float | None = None
    until: float | None = None
    number: str = ""
    line: str = ""
    extension: str = ""
    campaign: int = 0
    queue: str = ""
    agent: str = ""
    after: str = ""
    newest_first: bool = False


def parse_after(after: str) -> bytes:
    """The key in `CdrRow.key`."""
    start, _, seq = after.partition("-")
    if not (start.isdecimal() and seq.isdecimal()) or max(int(start), int(seq)) >= 1 << 64:
        raise SwitchroomError("ledger.bad-page", "{after} names no CDR.", "Give the `key` of the last CDR you got.",
                              after=repr(after))
    return U64x2.pack(int(start), int(seq))


def knows_places(txn: Any, dbs: Dbs) -> bool:
    """Whether calls can be found by queue and agent: every call of the ledger is in these indexes."""
    return "cdr_queue" in dbs and txn.get(WHOLE, db=dbs["cdr_queue"]) is not None


def _heads(txn: Any, dbs: Dbs, query: Query) -> list[tuple[str, bytes]] | None:
    """Indexes that serve the query and the head of their keys, the most telling first. None: nothing can match."""
    heads: list[tuple[str, bytes]] = []
    if query.number:
        person = txn.get(id_key(0, query.number), db=dbs["person_ids"])
        if person is None:
            return None
        heads.append(("cdr_number", person))
    if query.campaign:
        heads.append(("cdr_campaign", U32.pack(query.campaign)))
    if query.agent:
        heads.append(("cdr_agent", text_key(query.agent)))
    if query.extension:
        heads.append(("cdr_extension", text_key(query.extension)))
    if query.queue:
        heads.append(("cdr_queue", text_key(query.queue)))
    if query.line:
        heads.append(("cdr_line", text_key(query.line)))
    return heads


def find(txn: Any, dbs: Dbs, query: Query, cls: type[Row]) -> Iterator[Row]:
    """CDRs that fit, in order of their start. Raises "ledger.no-places"."""
    if (query.queue or query.agent) and not knows_places(txn, dbs):
        raise SwitchroomError("ledger.no-places", "This ledger began before calls could be found by queue and agent.",
                              "Stop the box, run `switchroom ledger rebuild`, and start it again.")
    heads = _heads(txn, dbs, query)
    if heads is None:
        return
    low = U64x2.pack(micros(query.since or 0.0), 0)
    high = U64x2.pack(micros(query.until), 0) if query.until is not None else _END
    if query.after:
        after = parse_after(query.after)
        if query.newest_first:
            high = min(high, after)
        else:
            low = max(low, after + b"\0")
    decode = _decoders[cls].decode
    readable = _readable(cls, Texts(txn, dbs))
    name, head = heads[0] if heads else ("cdr", b"")
    with txn.cursor(db=dbs[name]) as cursor:
        walk = _backward if query.newest_first else _forward
        if not heads:
            for _, value in walk(cursor, low, high, True):
                yield readable(decode(value))
            return
        others = [(dbs[index], other) for index, other in heads[1:]]
        size = len(head)
        for key, _ in walk(cursor, head + low, head + high, False):
            tail = key[size:]
            if all(txn.get(other + tail, db=db) is not None for db, other in others):
                yield readable(decode(txn.get(tail, db=dbs["cdr"])))


def _forward(cursor: Any, low: bytes, high: bytes, values: bool) -> Iterator[tuple[bytes, bytes]]:
    """Keys in [low, high), ascending."""
    if cursor.set_range(low):
        for item in cursor.iternext(keys=True, values=True):
            if item[0] >= high:
                return
            yield item


def _backward(cursor: Any, low: bytes, high: bytes, values: bool) -> Iterator[tuple[bytes, bytes]]:
    """Keys in [low, high), descending."""
    there = cursor.set_range(high)
    if not (cursor.prev() if there else cursor.last()):
        return
    for item in cursor.iterprev(keys=True, values=True):
        if item[0] < low:
            return
        yield item


def take(rows: Iterator[Row], limit: int) -> list[Row]:
    return list(islice(rows, max(0, limit)))


def by_call(txn: Any, dbs: Dbs, call: str) -> Cdr | None:
    return _by_key(txn, dbs, txn.get(call_key(call), db=dbs["cdr_call"]))


def by_sip(txn: Any, dbs: Dbs, sip_call_id: str) -> Cdr | None:
    return _by_key(txn, dbs, txn.get(sip_key(sip_call_id), db=dbs["cdr_sip"]))


def _by_key(txn: Any, dbs: Dbs, key: bytes | None) -> Cdr | None:
    if key is None:
        return None
    cdr: Cdr = _decoders[Cdr].decode(txn.get(key, db=dbs["cdr"]))
    return _readable(Cdr, Texts(txn, dbs))(cdr)


def _readable(cls: type[Row], texts: Texts) -> Callable[[Row], Row]:
    """Puts texts in place of tokens. In place: the records were decoded a moment ago and nobody else has them."""
    put = msgspec.structs.force_setattr

    def row(found: Row) -> Row:
        if found.caller.startswith(MARK):
            put(found, "caller", texts(found.caller))
        if found.to.startswith(MARK):
            put(found, "to", texts(found.to))
        return found

    def whole(found: Any) -> Any:
        for leg in found.legs:
            if leg.number:
                put(leg, "number", texts(leg.number))
            if leg.name:
                put(leg, "name", texts(leg.name))
        for transfer in found.transfers:
            put(transfer, "target", texts(transfer.target))
        return row(found)

    return whole if cls is Cdr else row
