"""Everything that follows from the events, kept up with them in the same transaction: indexes, open calls, CDRs, sums.

`Deriver.take` gets each event once, tokenised and in order; `put` writes what came of them. The writer uses it as
events arrive,
`ledger rebuild` as it reads them back, so both come to the same.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from appliance import messages as m

from .cdr import CallFold, Cdr, micros, with_outcome
from .codec import decode, person_of
from .durability import CAMPAIGN_EVENTS
from .rollup import Rollups
from .store import ATTEMPT, U32, U64, Dbs, U32x2, U64x2

_encoder = msgspec.msgpack.Encoder()
_cdr_decoder = msgspec.msgpack.Decoder(Cdr)
_OPENERS = (m.LegOpened, m.AttemptStarted, m.CallReached)
Pairs = list[tuple[bytes, bytes]]


def text_key(text: str) -> bytes:
    """A name as the head of a key (LMDB's keys end at 511 bytes); NUL ends it so that no name is the head of
    another."""
    return text.encode("utf-8", "replace")[:400].replace(b"\0", b" ") + b"\0"


def sip_key(sip_call_id: str) -> bytes:
    """SIP Call-IDs are long and the far end's choice: their digest is the key."""
    return hashlib.blake2b(sip_call_id.encode("utf-8", "replace"), digest_size=16).digest()


def call_key(call: str) -> bytes:
    return sip_key(call) if len(call) > 64 else call.encode("utf-8", "replace")


def cdr_key(cdr: Cdr) -> bytes:
    return U64x2.pack(micros(cdr.start), cdr.seq)


class Deriver:
    """State between transactions: the open calls. `load` reads it back after a start or a failed transaction."""

    def __init__(self) -> None:
        self.calls: dict[str, CallFold] = {}
        self.call_of_leg: dict[str, str] = {}
        self._rollups = Rollups()
        self._clear()

    def _clear(self) -> None:
        self._touched: dict[str, None] = {}
        self._cdrs: Pairs = []
        self._indexes: dict[str, Pairs] = {name: [] for name in (
            "cdr_call", "cdr_sip", "cdr_number", "cdr_line", "cdr_extension", "cdr_campaign", "campaign_events",
        )}  # fmt: skip
        self._seconds: list[list[int]] = []

    def load(self, txn: Any, dbs: Dbs) -> None:
        """The open calls as they stand on disk."""
        self.calls.clear()
        self.call_of_leg.clear()
        self._rollups.forget()
        self._clear()
        with txn.cursor(db=dbs["open"]) as cursor:
            stored = [value for _, value in cursor]
        for seqs in stored:
            for (seq,) in U64.iter_unpack(seqs):
                found = decode(txn.get(U64.pack(seq), db=dbs["events"]))
                self._fold(seq, found.event, found.utc, found.mono, found.boot)
        self._touched.clear()

    def take(self, txn: Any, dbs: Dbs, seq: int, event: m.Event, utc: float, mono: float, boot: int) -> None:
        """One event, after its checks. `event` holds tokens."""
        second = max(0, int(utc))
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][2] = seq
        else:
            self._seconds.append([second, seq, seq])
        if event.__class__ in CAMPAIGN_EVENTS:
            self._campaign(txn, dbs, seq, event)
        if isinstance(event, m.CallEnded):
            self._call_ended(txn, dbs, event, mono, boot)
        elif (fold := self._fold(seq, event, utc, mono, boot)) is not None:
            self._touched[fold.call] = None
        elif isinstance(event, m.AttemptEnded):
            self._late_outcome(txn, dbs, event)

    def _fold(self, seq: int, event: m.Event, utc: float, mono: float, boot: int) -> CallFold | None:
        if isinstance(event, m.LegOpened):
            self.call_of_leg[event.leg] = event.call
        call = getattr(event, "call", "") or self.call_of_leg.get(getattr(event, "leg", ""), "")
        if not call:
            return None
        fold = self.calls.get(call)
        if fold is None:
            if not isinstance(event, _OPENERS):
                return None
            fold = self.calls[call] = CallFold(call, seq, utc, mono, boot)
        fold.take(seq, event, utc, mono, boot)
        return fold

    # -- campaigns --

    def _campaign(self, txn: Any, dbs: Dbs, seq: int, event: Any) -> None:
        number = event.campaign
        self._indexes["campaign_events"].append((U32.pack(number) + U64.pack(seq), b""))
        key = U32.pack(number)
        if isinstance(event, m.CampaignCreated):
            txn.put(key, U64x2.pack(seq, 0), db=dbs["campaigns"])
        elif isinstance(event, m.CampaignStateChanged):
            if found := txn.get(key, db=dbs["campaigns"]):
                txn.put(key, U64x2.pack(U64x2.unpack(found)[0], seq), db=dbs["campaigns"])
        elif isinstance(event, m.AttemptStarted):
            txn.put(attempt_key(event), U64x2.pack(seq, 0), db=dbs["attempts"])
        elif isinstance(event, m.AttemptEnded):
            found = txn.get(attempt_key(event), db=dbs["attempts"])
            started = U64x2.unpack(found)[0] if found else 0
            txn.put(attempt_key(event), U64x2.pack(started, seq), db=dbs["attempts"])

    # -- calls --

    def _call_ended(self, txn: Any, dbs: Dbs, event: m.CallEnded, mono: float, boot: int) -> None:
        fold = self.calls.pop(event.call, None)
        if fold is None:
            return
        self._touched[event.call] = None
        for leg in fold.legs:
            self.call_of_leg.pop(leg, None)
        cdr = fold.finish(event, mono, boot)
        key = cdr_key(cdr)
        self._cdrs.append((key, _encoder.encode(cdr)))
        self._index(cdr, key)
        self._rollups.add(txn, dbs["rollup"], cdr)

    def _index(self, cdr: Cdr, key: bytes) -> None:
        put = self._indexes
        put["cdr_call"].append((call_key(cdr.call), key))
        people: set[int] = set()
        lines: set[str] = set()
        extensions: set[str] = set()
        for leg in cdr.legs:
            (lines if leg.kind == "line" else extensions).add(leg.endpoint)
            people.add(person_of(leg.number))
            if leg.sip_call_id:
                put["cdr_sip"].append((sip_key(leg.sip_call_id), key))
        put["cdr_number"] += [(U64.pack(person) + key, b"") for person in people if person]
        put["cdr_line"] += [(text_key(name) + key, b"") for name in lines]
        put["cdr_extension"] += [(text_key(name) + key, b"") for name in extensions]
        if cdr.campaign:
            put["cdr_campaign"].append((U32.pack(cdr.campaign) + key, b""))

    def _late_outcome(self, txn: Any, dbs: Dbs, event: m.AttemptEnded) -> None:
        """The campaign's index of CDRs has the call already where its legs named the campaign; if not, it gets it
        now."""
        self._put_cdrs(txn, dbs)
        key = txn.get(call_key(event.call), db=dbs["cdr_call"])
        if key is None:
            return
        cdr = with_outcome(_cdr_decoder.decode(txn.get(key, db=dbs["cdr"])), event)
        txn.put(key, _encoder.encode(cdr), db=dbs["cdr"])
        txn.put(U32.pack(cdr.campaign) + key, b"", db=dbs["cdr_campaign"])

    # -- writing --

    def _put_cdrs(self, txn: Any, dbs: Dbs) -> None:
        for name, pairs in (("cdr", self._cdrs), *self._indexes.items()):
            if pairs:
                with txn.cursor(db=dbs[name]) as cursor:
                    cursor.putmulti(pairs)
                pairs.clear()

    def put(self, txn: Any, dbs: Dbs) -> None:
        """Write what the events taken since the last `put` came to."""
        for second, first, last in self._seconds:
            txn.put(U32.pack(second) + U64.pack(first), U64.pack(last), db=dbs["utc"])
        self._seconds.clear()
        for call in self._touched:
            fold = self.calls.get(call)
            if fold is None:
                txn.delete(open_key(call), db=dbs["open"])
            else:
                txn.put(open_key(call), b"".join(map(U64.pack, fold.seqs)), db=dbs["open"])
        self._touched.clear()
        self._put_cdrs(txn, dbs)
        self._rollups.put(txn, dbs["rollup"])


def open_key(call: str) -> bytes:
    return call_key(call)


def attempt_key(event: m.AttemptStarted | m.AttemptEnded) -> bytes:
    return ATTEMPT.pack(event.campaign, event.subscriber, event.attempt)


def subscriber_key(campaign: int, index: int) -> bytes:
    return U32x2.pack(campaign, index)
