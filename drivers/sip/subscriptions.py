"""Who watches what (RFC 6665): SUBSCRIBE and time in, answers out. Pure but for its store.

The driver authenticates first, as for INVITE. A subscription lives until it expires, ends itself, or its phone no longer knows
it; the phone refreshes it. Records outlive a restart: numbers that must grow (CSeq, version) then go on above whatever may
have been used, so that nothing has to be written with each NOTIFY.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from drivers.sip import headers as h
from drivers.sip.bodies import TYPES
from drivers.sip.registrar import Store
from drivers.sip.uri import parse_uri

RECORD_VERSION = 1
AFTER_RESTART = 100_000
"""More NOTIFYs than one subscription can see between two of its refreshes."""
ACCEPT_MAX = 2048
"""Characters of Accept that are read; what we send stands at the beginning or nobody means it."""
ROUTES_MAX, ROUTES_LENGTH_MAX = 8, 2048
GONE = frozenset({404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604})
"""Answers to NOTIFY that end a subscription (RFC 6665 4.2.2); so does none at all."""

Right = Literal["no", "look", "pick-up"]


class Subscription(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One dialog. `local` and `remote` are To and From as the phone wrote them, without tags; times are UTC seconds."""

    watcher: str
    resource: str
    package: str
    event: str
    """The Event value to repeat, with its id."""
    call_id: str
    local: str
    local_tag: str
    remote: str
    remote_tag: str
    target: str
    source: str
    transport: int
    entity: str
    routes: list[str] = []
    right: Right = "look"
    rseq: int = 0
    cseq: int = 0
    version: int = 0
    expires_at: float = 0.0


class _Record(msgspec.Struct, frozen=True):
    version: int
    subscription: Subscription


class Subscribe(msgspec.Struct, frozen=True, kw_only=True):
    """What a SUBSCRIBE says. `watcher` is the phone, authenticated; `tag` the one that our answer gives the dialog."""

    watcher: str
    resource: str
    event: str
    accept: str
    expires: str
    call_id: str
    cseq: int
    sender: str
    to: str
    tag: str
    contact: str
    routes: list[str]
    source: str
    transport: int
    entity: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. With `subscription` a NOTIFY follows; `over`: it is the last. `dropped` made room without a word."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    subscription: Subscription | None = None
    over: bool = False
    dropped: tuple[Subscription, ...] = ()


class _Refusal(Exception):
    def __init__(self, status: int, reason: str, *headers: tuple[str, str]) -> None:
        super().__init__(reason)
        self.outcome = Outcome(status=status, reason=reason, headers=headers)


class Subscriptions:
    """`right(watcher, resource, package)` says what somebody may; None: there is no such thing. Limits: `most` altogether,
    `most_of_one` of one phone (its keys), seconds of life; the same key again from the same address takes the old one's place."""

    def __init__(
        self, store: Store, right: Callable[[str, str, str], Right | None], *, min_seconds: int = 60, max_seconds: int = 3600,
        most: int = 4096, most_of_one: int = 256,
    ) -> None:
        self._store, self._right = store, right
        self.min_seconds, self.max_seconds = min_seconds, max_seconds
        self._most, self._most_of_one = most, most_of_one
        self._by_tag: dict[str, Subscription] = {}
        self._of: dict[str, dict[str, Subscription]] = {}

    def restore(self, now: float) -> list[Subscription]:
        """Those that are still alive: each is to be notified. An unreadable record is dropped: its phone subscribes again."""
        for key, data in self._store.load():
            try:
                kept = msgspec.json.decode(data, type=_Record).subscription
                parse_uri(kept.target)
            except ValueError:
                self._store.delete(key)
                continue
            if kept.expires_at <= now or self._right(kept.watcher, kept.resource, kept.package) in (None, "no"):
                self._store.delete(key)
                continue
            kept.cseq += AFTER_RESTART
            kept.version += AFTER_RESTART
            self._keep(kept)  # a second restart goes on above this one
        return list(self._by_tag.values())

    def review(self) -> list[Subscription]:
        """After a change of what somebody may: each has today's right. Those that have none any more, to be ended."""
        barred = []
        for one in self._by_tag.values():
            right = self._right(one.watcher, one.resource, one.package)
            if right is None or right == "no":
                barred.append(one)
            elif right != one.right:
                one.right = right
                self._keep(one)
        return barred

    # ---- SUBSCRIBE ---------------------------------------------------------------------------------------------------

    def subscribe(self, request: Subscribe, now: float) -> Outcome:
        try:
            to, tag = h.split_tag(request.to)
            package = self._package(request)
            seconds = self._seconds(request.expires)
            if tag:
                return self._refresh(request, tag, seconds, now)
            return self._begin(request, package, to, seconds, now)
        except _Refusal as refusal:
            return refusal.outcome

    def _package(self, request: Subscribe) -> str:
        package = request.event.partition(";")[0].strip().lower()
        if package not in TYPES:
            raise _Refusal(489, "Bad Event", ("Allow-Events", ", ".join(TYPES)))
        if not accepts(request.accept, TYPES[package]):
            raise _Refusal(406, "Not Acceptable", ("Accept", TYPES[package]))
        return package

    def _seconds(self, expires: str) -> int:
        text = expires.strip()
        if not text:
            return self.max_seconds
        if not (text.isascii() and text.isdigit()):
            raise _Refusal(400, "Bad Expires")
        seconds = int(text[:10])
        if 0 < seconds < self.min_seconds:
            raise _Refusal(423, "Interval Too Brief", ("Min-Expires", str(self.min_seconds)))
        return min(seconds, self.max_seconds)

    def _refresh(self, request: Subscribe, tag: str, seconds: int, now: float) -> Outcome:
        known = self._by_tag.get(tag)
        if known is None or known.call_id != request.call_id or known.remote_tag != h.split_tag(request.sender)[1]:
            raise _Refusal(481, "Subscription Does Not Exist")
        if known.watcher != request.watcher or known.event.partition(";")[0].lower() != request.event.partition(";")[0].lower():
            raise _Refusal(403, "Not Your Subscription")
        if request.cseq <= known.rseq:
            raise _Refusal(500, "CSeq Out Of Order")
        known.rseq = request.cseq
        if request.contact:
            known.target = _target(request.contact)
        known.source, known.transport = request.source, request.transport
        return self._granted(known, seconds, now)

    def _begin(self, request: Subscribe, package: str, to: str, seconds: int, now: float) -> Outcome:
        right = self._right(request.watcher, request.resource, package)
        if right is None:
            raise _Refusal(404, "Not Found")
        if right == "no":
            raise _Refusal(403, "Forbidden")
        sender, tag = h.split_tag(request.sender)
        texts = ((tag, 128), (request.call_id, 256), (sender, 512), (to, 512), (request.event, 128))
        if not tag or any(len(text) > most for text, most in texts) or len(request.routes) > ROUTES_MAX or (
                sum(map(len, request.routes)) > ROUTES_LENGTH_MAX):  # it is kept, and repeated with each NOTIFY
            raise _Refusal(400, "Bad Request")
        made = Subscription(
            watcher=request.watcher, resource=request.resource, package=package, event=request.event, call_id=request.call_id,
            local=to, local_tag=request.tag, remote=sender, remote_tag=tag, target=_target(request.contact),
            routes=request.routes, source=request.source, transport=request.transport, entity=request.entity, right=right,
            rseq=request.cseq,
        )
        dropped = self._make_room(made) if seconds else ()
        return msgspec.structs.replace(self._granted(made, seconds, now), dropped=dropped)

    def _make_room(self, new: Subscription) -> tuple[Subscription, ...]:
        """The same key from the same phone again: it was restarted, and knows nothing of the one before."""
        old = tuple(s for s in self.of(new.resource, new.package) if s.watcher == new.watcher and s.source == new.source
                    and s.event == new.event)
        for one in old:
            self.end(one)
        mine = sum(s.watcher == new.watcher for s in self._by_tag.values())
        if len(self._by_tag) >= self._most or mine >= self._most_of_one:
            raise _Refusal(503, "Too Many Subscriptions", ("Retry-After", "600"))
        return old

    def _granted(self, one: Subscription, seconds: int, now: float) -> Outcome:
        one.expires_at = now + seconds
        if seconds:
            self._keep(one)
        else:
            self.end(one)
        return Outcome(status=200, reason="OK", headers=(("Expires", str(seconds)),), subscription=one, over=not seconds)

    # ---- questions, time, ends ---------------------------------------------------------------------------------------

    def _keep(self, one: Subscription) -> None:
        self._by_tag[one.local_tag] = one
        self._of.setdefault(one.resource, {})[one.local_tag] = one
        self._store.put(one.local_tag, msgspec.json.encode(_Record(RECORD_VERSION, one)))

    def end(self, one: Subscription) -> None:
        if self._by_tag.pop(one.local_tag, None) is None:
            return
        of = self._of[one.resource]
        del of[one.local_tag]
        if not of:
            del self._of[one.resource]
        self._store.delete(one.local_tag)

    def alive(self, one: Subscription) -> bool:
        return self._by_tag.get(one.local_tag) is one

    def watched(self, resource: str) -> bool:
        return resource in self._of

    def of(self, resource: str, *packages: str) -> list[Subscription]:
        found: Iterable[Subscription] = self._of.get(resource, {}).values()
        return [s for s in found if s.package in packages]

    def all(self) -> list[Subscription]:
        return list(self._by_tag.values())

    def tick(self, now: float) -> list[Subscription]:
        """Those that have just expired; a last NOTIFY tells them so."""
        late = [s for s in self._by_tag.values() if s.expires_at <= now]
        for one in late:
            self.end(one)
        return late


def accepts(accept: str, wanted: str) -> bool:
    """Whether an Accept value (lines joined) has this type; an empty one leaves it to the package."""
    if not accept.strip():
        return True
    listed = [part.partition(";")[0].strip().lower() for part in accept[:ACCEPT_MAX].replace("\n", ",").split(",")]
    return any(kind in (wanted, "*/*", wanted.partition("/")[0] + "/*") for kind in listed)


def _target(contact: str) -> str:
    uri = h.uri_of(contact.partition("\n")[0])
    try:
        if parse_uri(uri).scheme != "sip" or len(uri) > 512:
            raise ValueError("scheme")
    except ValueError as error:
        raise _Refusal(400, "Bad Contact") from error
    return uri
