"""The ledger as everybody else sees it: read only, by sequence, by campaign, by call. Never blocks the writer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from appliance import messages as m

from . import queries as q
from . import rollup
from .cdr import Cdr, CdrRow
from .codec import decode, with_text
from .persons import Texts, rows_of
from .store import ATTEMPT, U32, U64, Dbs, U32x2, U64x2, close_store, open_store

_subscriber = msgspec.msgpack.Decoder(m.Subscriber)


CAMPAIGN_MAX = (1 << 32) - 1
SEQ_MAX = (1 << 64) - 1


def campaign_key(campaign: int) -> bytes:
    """The number as a key. What cannot be a campaign's number becomes one that no campaign has."""
    return U32.pack(campaign if 0 <= campaign <= CAMPAIGN_MAX else 0)


class CampaignInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as the ledger knows it: how it was created, and its last state."""

    campaign: int
    created: m.CampaignCreated
    started_utc: float
    state: m.CampaignState = "running"
    changed_utc: float = 0.0
    reason: str = ""


class LedgerReader:
    """Read-only access from any process. Raises "ledger.missing" where no box has written yet. Give back with
    `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._store = open_store(path, write=False)
        if not self._store.writable:
            self._store.env.reader_check()  # slots of readers that died would hold pages back for ever

    def close(self) -> None:
        close_store(self._store)

    def __enter__(self) -> LedgerReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- events --

    def last_seq(self) -> int:
        """The last sequence number, 0 for an empty ledger."""
        with self._store.read() as (txn, dbs), txn.cursor(db=dbs["events"]) as cursor:
            return U64.unpack(cursor.key())[0] if cursor.last() else 0

    def read(self, after_seq: int = 0, limit: int = 1000) -> list[m.Record]:
        """Up to `limit` records with seq > `after_seq`, in order."""
        found: list[m.Record] = []
        with self._store.read() as (txn, dbs), txn.cursor(db=dbs["events"]) as cursor:
            read = _Records(txn, dbs)
            if cursor.set_range(U64.pack(max(0, min(after_seq + 1, SEQ_MAX)))):
                for key, value in cursor:
                    if len(found) >= limit:
                        break
                    found.append(read(U64.unpack(key)[0], value))
        return found

    def event(self, seq: int) -> m.Record | None:
        with self._store.read() as (txn, dbs):
            value = txn.get(U64.pack(seq), db=dbs["events"])
            return _Records(txn, dbs)(seq, value) if value else None

    def seq_at(self, utc: float) -> int:
        """The sequence number before the first record at or after `utc`: `read(seq_at(utc))` starts there."""
        with self._store.read() as (txn, dbs), txn.cursor(db=dbs["utc"]) as cursor:
            if cursor.set_range(U32.pack(max(0, min(int(utc), CAMPAIGN_MAX)))):
                return U64.unpack(cursor.key()[4:])[0] - 1
        return self.last_seq()

    def audit(self, before_seq: int = SEQ_MAX, limit: int = 100) -> list[m.Record]:
        """What was noted of people's doing (AuditNoted) with seq < `before_seq`, newest first."""
        found: list[m.Record] = []
        with self._store.read() as (txn, dbs), txn.cursor(db=dbs["audit"]) as cursor:
            read = _Records(txn, dbs)
            key = U64.pack(max(0, min(before_seq, SEQ_MAX)))
            at = cursor.prev() if cursor.set_range(key) else cursor.last()
            while at and len(found) < limit:
                seq = cursor.key()
                found.append(read(U64.unpack(seq)[0], txn.get(seq, db=dbs["events"])))
                at = cursor.prev()
        return found

    # -- campaigns --

    def campaign_events(self, campaign: int, after_seq: int = 0, limit: int = 100_000) -> list[m.Record]:
        """The records of one campaign (durability.CAMPAIGN_EVENTS) with seq > `after_seq`, in order."""
        found: list[m.Record] = []
        head = campaign_key(campaign)
        with self._store.read() as (txn, dbs), txn.cursor(db=dbs["campaign_events"]) as cursor:
            read = _Records(txn, dbs)
            if cursor.set_range(head + U64.pack(max(0, min(after_seq + 1, SEQ_MAX)))):
                for key in cursor.iternext(keys=True, values=False):
                    if key[:4] != head or len(found) >= limit:
                        break
                    found.append(read(U64.unpack(key[4:])[0], txn.get(key[4:], db=dbs["events"])))
        return found

    def campaigns(self) -> list[CampaignInfo]:
        """All campaigns, oldest first."""
        with self._store.read() as (txn, dbs), txn.cursor(db=dbs["campaigns"]) as cursor:
            read = _Records(txn, dbs)
            return [_campaign(txn, dbs, read, *U64x2.unpack(value)) for _, value in cursor]

    def campaign(self, campaign: int) -> CampaignInfo | None:
        with self._store.read() as (txn, dbs):
            value = txn.get(campaign_key(campaign), db=dbs["campaigns"])
            return _campaign(txn, dbs, _Records(txn, dbs), *U64x2.unpack(value)) if value else None

    def subscribers(self, campaign: int) -> list[m.Subscriber]:
        """The campaign's list, by index. Erased entries have number ""."""
        head = campaign_key(campaign)
        with self._store.read() as (txn, dbs), txn.cursor(db=dbs["subscribers"]) as cursor:
            if not cursor.set_range(U32x2.pack(campaign, 0)):
                return []
            found = []
            for key, value in cursor:
                if key[:4] != head:
                    break
                found.append(_subscriber.decode(value))
            return found

    def subscribers_at(self, campaign: int, places: Iterable[int]) -> list[m.Subscriber]:
        """Those of the campaign's list at these indexes, as `subscribers` has them: a page of 200,000."""
        with self._store.read() as (txn, dbs):
            found = (txn.get(U32x2.pack(campaign, place), db=dbs["subscribers"]) for place in places)
            return [_subscriber.decode(value) for value in found if value is not None]

    def attempt(self, campaign: int, subscriber: int, attempt: int) -> m.AttemptStarted | m.AttemptEnded | None:
        """What is committed about an attempt: its end, else its start, else None."""
        with self._store.read() as (txn, dbs):
            found = txn.get(ATTEMPT.pack(campaign, subscriber, attempt), db=dbs["attempts"])
            if found is None:
                return None
            started, ended = U64x2.unpack(found)
            event = decode(txn.get(U64.pack(ended or started), db=dbs["events"])).event
            return event if isinstance(event, m.AttemptStarted | m.AttemptEnded) else None

    def texts_of(self, number: str) -> int:
        """How many texts `Ledger.erase` would take out for this number."""
        with self._store.read() as (txn, dbs), txn.cursor(db=dbs["subscribers"]) as cursor:
            rows = sum(_subscriber.decode(value).number == number for _, value in cursor)
            return rows + len(rows_of(txn, dbs, number))

    # -- calls --

    def cdrs(
        self, since: float | None = None, until: float | None = None, number: str = "", line: str = "", extension: str = "",
        campaign: int = 0, limit: int = 100, after: str = "", newest_first: bool = False, queue: str = "", agent: str = "",
    ) -> list[Cdr]:  # fmt: skip
        """CDRs that started in [since, until) (UTC seconds) and fit all filters. For the next page give `after` the
        last one's
        `key`. `number` as in the events (E.164 with "+"), `extension` a phone's, `line` a line's name; `queue` that it came to,
        `agent` (id) who had it from a queue. Raises "ledger.no-places" for these two where `knows_places` is False."""
        wanted = q.Query(since=since, until=until, number=number, line=line, extension=extension, campaign=campaign,
                         after=after, newest_first=newest_first, queue=queue, agent=agent)  # fmt: skip
        with self._store.read() as (txn, dbs):
            return q.take(q.find(txn, dbs, wanted, Cdr), limit)

    def rows(
        self, since: float | None = None, until: float | None = None, number: str = "", line: str = "", extension: str = "",
        campaign: int = 0, limit: int = 100, after: str = "", newest_first: bool = False, queue: str = "", agent: str = "",
    ) -> list[CdrRow]:  # fmt: skip
        """As `cdrs`, without legs: several times as fast, for lists."""
        wanted = q.Query(since=since, until=until, number=number, line=line, extension=extension, campaign=campaign,
                         after=after, newest_first=newest_first, queue=queue, agent=agent)  # fmt: skip
        with self._store.read() as (txn, dbs):
            return q.take(q.find(txn, dbs, wanted, CdrRow), limit)

    def knows_places(self) -> bool:
        """Whether calls can be found by queue and agent; in a ledger of an earlier release only once it is rebuilt."""
        with self._store.read() as (txn, dbs):
            return q.knows_places(txn, dbs)

    def cdr(self, call: str) -> Cdr | None:
        """By call id."""
        with self._store.read() as (txn, dbs):
            return q.by_call(txn, dbs, call)

    def cdr_of_sip(self, sip_call_id: str) -> Cdr | None:
        """By the SIP Call-ID of one of its legs."""
        with self._store.read() as (txn, dbs):
            return q.by_sip(txn, dbs, sip_call_id)

    def rollups(self, subject: str, since: float, until: float) -> list[tuple[int, rollup.Rollup]]:
        """Quarter-hour sums of "all", "line:NAME", "extension:101" or "campaign:7"."""
        with self._store.read() as (txn, dbs):
            return list(rollup.read(txn, dbs, subject, since, until))

    def rollup_subjects(self, head: str) -> list[str]:
        """Names of which there are sums: those of lines for "line:"."""
        with self._store.read() as (txn, dbs):
            return [subject.removeprefix(head) for subject in rollup.subjects(txn, dbs, head)]

    # -- state records --

    def state(self, namespace: str, key: str) -> bytes | None:
        with self._store.read() as (txn, dbs):
            found: bytes | None = txn.get(namespace.encode() + b"\0" + key.encode(), db=dbs["states"])
            return found

    def states(self, namespace: str) -> dict[str, bytes]:
        head = namespace.encode() + b"\0"
        found: dict[str, bytes] = {}
        with self._store.read() as (txn, dbs), txn.cursor(db=dbs["states"]) as cursor:
            if cursor.set_range(head):
                for key, value in cursor:
                    if not key.startswith(head):
                        break
                    found[key[len(head) :].decode()] = value
        return found

    def follow(self, after_seq: int = 0, page: int = 1000) -> Iterator[m.Record]:
        """All records after `after_seq` that are there now, page by page (each page its own short transaction)."""
        while records := self.read(after_seq, page):
            yield from records
            after_seq = records[-1].seq


class _Records:
    """Stored events to records, with texts and boots looked up once per transaction."""

    def __init__(self, txn: Any, dbs: Dbs) -> None:
        self._texts = Texts(txn, dbs)
        self._boots: dict[int, str] = {}
        self._txn = txn
        self._dbs = dbs

    def __call__(self, seq: int, value: bytes) -> m.Record:
        stored = decode(value)
        boot = self._boots.get(stored.boot)
        if boot is None:
            boot = self._boots[stored.boot] = (
                self._txn.get(U32.pack(stored.boot), db=self._dbs["boots"]) or b"?"
            ).decode()
        return m.Record(seq, stored.utc, stored.mono, boot, with_text(stored.event, self._texts))


def _campaign(txn: Any, dbs: Dbs, read: _Records, created_seq: int, state_seq: int) -> CampaignInfo:
    record = read(created_seq, txn.get(U64.pack(created_seq), db=dbs["events"]))
    created = record.event
    if not isinstance(created, m.CampaignCreated):
        raise TypeError(f"record {created_seq} is no CampaignCreated")
    info = CampaignInfo(campaign=created.campaign, created=created, started_utc=record.utc, changed_utc=record.utc)
    if state_seq:
        change = read(state_seq, txn.get(U64.pack(state_seq), db=dbs["events"]))
        if isinstance(change.event, m.CampaignStateChanged):
            info = msgspec.structs.replace(
                info, state=change.event.state, changed_utc=change.utc, reason=change.event.reason
            )
    return info
