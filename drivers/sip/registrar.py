"""The registrar (RFC 3261 10.3): REGISTER in, bindings and an answer out. Pure but for its store.

The driver authenticates first (drivers/sip/digest.py) and hands over what the request says. Times are UTC seconds:
bindings outlive a restart. A record is written before the answer that promises it is returned.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

import msgspec

from appliance.messages import Event, PhoneGone, PhoneRegistered
from drivers.sip.uri import NameAddr, parse_name_addr, parse_uri, same_uri, split_commas

RECORD_VERSION = 1


class Store(Protocol):
    """Where bindings survive a restart: one record per extension (in the ledger, state "registration")."""

    def load(self) -> Iterable[tuple[str, bytes]]: ...
    def put(self, key: str, value: bytes) -> None: ...
    def delete(self, key: str) -> None: ...


class MemoryStore:
    """A store that forgets: for tests, and for a box that is told to keep nothing."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}

    def load(self) -> Iterable[tuple[str, bytes]]:
        return list(self.records.items())

    def put(self, key: str, value: bytes) -> None:
        self.records[key] = value

    def delete(self, key: str) -> None:
        self.records.pop(key, None)


class Binding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One contact of an extension.

    `uri` is the Contact's URI exactly as sent, with its own parameters and headers; `params` those of the header (q,
    +sip.instance, unknown ones; not expires). `source` ("192.0.2.7:5060") is where the REGISTER came from: behind NAT
    that, not `uri`, is where the phone can be reached. `path` (RFC 3327) is the route to put before it."""

    uri: str
    call_id: str
    cseq: int
    expires_at: float
    updated_at: float
    source: str
    transport: str = "udp"
    params: tuple[tuple[str, str], ...] = ()
    path: tuple[str, ...] = ()
    user_agent: str = ""

    @property
    def q(self) -> float:
        """Preference 0..1 (RFC 3261 20.10), 1 where none was given."""
        return next((float(value) for name, value in self.params if name.lower() == "q"), 1.0)


class _Record(msgspec.Struct, frozen=True):
    version: int
    bindings: list[Binding]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a REGISTER says. `extension` is the authenticated owner of the AOR in To. `contacts` and `path` are whole
    header values, one per header line, `expires` the Expires value as it stands."""

    extension: str
    call_id: str
    cseq: int
    contacts: list[str]
    source: str
    expires: str | None = None
    transport: str = "udp"
    path: list[str] = []
    supports_path: bool = False
    user_agent: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The response, and what happened. `changed`: bindings were added, refreshed or removed."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    events: tuple[Event, ...] = ()
    changed: bool = False


class _Refusal(Exception):
    def __init__(self, status: int, reason: str, *headers: tuple[str, str]) -> None:
        super().__init__(reason)
        self.answer = Answer(status=status, reason=reason, headers=headers)


class Registrar:
    """Bindings of all extensions. Limits in seconds: a shorter wish than `min_expires` gets 423, a longer one than
    `max_expires` is shortened. An extension keeps at most `max_contacts`; the one refreshed longest ago makes room, so
    that a phone that changes its port at each start is not locked out."""

    def __init__(
        self,
        store: Store,
        *,
        min_expires: int = 60,
        max_expires: int = 3600,
        default_expires: int = 3600,
        max_contacts: int = 10,
    ) -> None:
        self._store = store
        self._min, self._max, self._default = min_expires, max_expires, default_expires
        self._max_contacts = max_contacts
        self._bindings: dict[str, list[Binding]] = {}

    def restore(self, now: float) -> list[Event]:
        """Reads the store at start. Bindings that expired meanwhile are dropped and reported; an unreadable record is
        dropped too (its phone registers again), never fatal."""
        events: list[Event] = []
        for extension, data in self._store.load():
            try:
                record = msgspec.json.decode(data, type=_Record)
                for binding in record.bindings:
                    parse_uri(binding.uri)
                self._bindings[extension] = record.bindings[: self._max_contacts]
            except ValueError:  # msgspec's errors are ValueErrors as well
                self._store.delete(extension)
        events.extend(self.tick(now))
        return events

    # ---- REGISTER ----------------------------------------------------------------------------------------------------

    def register(self, request: Request, now: float) -> Answer:
        """Carries out a REGISTER whole or not at all (RFC 3261 10.3, steps 6 to 8)."""
        try:
            wanted = self._wanted(request)
            kept, events = self._merge(request, wanted, now)
        except _Refusal as refusal:
            return refusal.answer
        if wanted or events:
            self._keep(request.extension, kept)
        return Answer(
            status=200, reason="OK", headers=self._ok_headers(request, kept, now), events=tuple(events),
            changed=bool(wanted or events),
        )

    def _wanted(self, request: Request) -> list[tuple[NameAddr, int]] | None:
        """Contacts asked for, with their seconds; None means "*": all are to go. Empty: a mere question."""
        try:
            values = [value for header in request.contacts[:64] for value in split_commas(header)]
            if "*" in values:
                if len(values) > 1 or request.expires is None or request.expires.strip() != "0":
                    raise _Refusal(400, "Wildcard Needs Expires 0 And No Other Contact")
                return None
            contacts = [parse_name_addr(value) for value in values]
            _path(request)
        except ValueError as error:
            raise _Refusal(400, "Bad Contact") from error
        if len(contacts) > self._max_contacts:
            raise _Refusal(403, "Too Many Contacts")
        return [(contact, self._seconds(contact, request.expires)) for contact in contacts]

    def _seconds(self, contact: NameAddr, header: str | None) -> int:
        """RFC 3261 10.2.1.1: the contact's own parameter, else the header, else our default; garbage is the default."""
        text = contact.param("expires")
        text = (header if text is None else text) or ""
        digits = text.strip()
        seconds = min(int(digits[:10]), self._max) if digits.isascii() and digits.isdigit() else self._default
        if 0 < seconds < self._min:
            raise _Refusal(423, "Interval Too Brief", ("Min-Expires", str(self._min)))
        q = contact.param("q")
        if q is not None and not _is_q(q):
            raise _Refusal(400, "Bad q")
        return seconds

    def _merge(
        self, request: Request, wanted: list[tuple[NameAddr, int]] | None, now: float
    ) -> tuple[list[Binding], list[Event]]:
        extension = request.extension
        kept = self._live(extension, now)
        events: list[Event] = []
        if wanted is None:
            for binding in kept:
                self._check_order(binding, request)
            return [], [_gone(extension, binding, "unregistered") for binding in kept]
        for contact, seconds in wanted:
            old = _find(kept, contact)
            if old is not None:
                self._check_order(old, request)
                kept.remove(old)
            if seconds:
                new = self._binding(request, contact, seconds, now)
                kept.append(new)
                if old is None or old.uri != new.uri:
                    events += [_gone(extension, old, "removed")] if old else []
                    events.append(PhoneRegistered(extension=extension, contact=new.uri, transport=new.transport))
            elif old is not None:
                events.append(_gone(extension, old, "unregistered"))
        while len(kept) > self._max_contacts:
            oldest = min(kept, key=lambda b: b.updated_at)
            kept.remove(oldest)
            events.append(_gone(extension, oldest, "removed"))
        return kept, events

    @staticmethod
    def _check_order(old: Binding, request: Request) -> None:
        """Step 7: within one Call-ID a request must be newer. The same one again (its 200 was lost over our restart, so
        that no transaction catches it) is let through: it changes nothing but the expiry."""
        if old.call_id == request.call_id and request.cseq < old.cseq:
            raise _Refusal(400, "CSeq Is Older Than The Binding")

    @staticmethod
    def _binding(request: Request, contact: NameAddr, seconds: int, now: float) -> Binding:
        return Binding(
            uri=contact.uri,
            params=tuple((name, value) for name, value in contact.params if name.lower() != "expires"),
            call_id=request.call_id[:256],
            cseq=request.cseq,
            expires_at=now + seconds,
            updated_at=now,
            source=request.source,
            transport=request.transport,
            path=_path(request),
            user_agent=request.user_agent[:128],
        )

    @staticmethod
    def _ok_headers(request: Request, kept: list[Binding], now: float) -> tuple[tuple[str, str], ...]:
        headers = [("Contact", contact_value(b, now)) for b in _by_preference(kept)]
        if request.supports_path:
            headers += [("Path", value) for value in request.path[:8]]
        return tuple(headers)

    # ---- questions and time ------------------------------------------------------------------------------------------

    def contacts_of(self, extension: str, now: float) -> list[Binding]:
        """Live bindings, best first: by q, then the one refreshed last."""
        return _by_preference(self._live(extension, now))

    def registered(self, now: float) -> dict[str, list[Binding]]:
        """All extensions with live bindings."""
        found = {extension: self.contacts_of(extension, now) for extension in self._bindings}
        return {extension: bindings for extension, bindings in found.items() if bindings}

    def sources(self, now: float) -> set[str]:
        """Where live registrations came from ("192.0.2.7:5060"): these are never banned."""
        return {b.source for bindings in self._bindings.values() for b in bindings if b.expires_at > now}

    def next_expiry(self) -> float | None:
        """When `tick` has work next, UTC seconds."""
        return min((b.expires_at for bindings in self._bindings.values() for b in bindings), default=None)

    def tick(self, now: float) -> list[Event]:
        """Removes what has expired."""
        events: list[Event] = []
        for extension in list(self._bindings):
            live = self._live(extension, now)
            expired = [b for b in self._bindings[extension] if b not in live]
            if expired:
                self._keep(extension, live)
                events += [_gone(extension, b, "expired") for b in expired]
        return events

    def drop(
        self, extension: str, reason: Literal["unreachable", "removed"] = "removed", uri: str | None = None
    ) -> list[Event]:
        """Takes away an extension's bindings (or the one with this URI): no longer configured, or found dead."""
        bindings = self._bindings.get(extension, [])
        going = [b for b in bindings if uri is None or b.uri == uri]
        if going:
            self._keep(extension, [b for b in bindings if b not in going])
        return [_gone(extension, b, reason) for b in going]

    def _live(self, extension: str, now: float) -> list[Binding]:
        return [b for b in self._bindings.get(extension, []) if b.expires_at > now]

    def _keep(self, extension: str, bindings: list[Binding]) -> None:
        if bindings:
            self._store.put(extension, msgspec.json.encode(_Record(RECORD_VERSION, bindings)))
            self._bindings[extension] = bindings
        else:
            self._store.delete(extension)
            self._bindings.pop(extension, None)


def contact_value(binding: Binding, now: float) -> str:
    """A binding as a Contact value of the 200: the URI inside brackets, the header's parameters outside (RFC 4475
    3.3.12, 3.3.13), expires in whole seconds left, at least 1."""
    params = "".join(f";{name}={value}" if value else f";{name}" for name, value in binding.params)
    return f"<{binding.uri}>{params};expires={max(1, round(binding.expires_at - now))}"


def _path(request: Request) -> tuple[str, ...]:
    values = [value for header in request.path[:8] for value in split_commas(header)]
    for value in values:
        if not value.startswith("<") or not value.isascii():
            raise ValueError("path")
        parse_name_addr(value)
    return tuple(values[:16])


def _is_q(text: str) -> bool:
    whole, _, fraction = text.partition(".")
    ok = whole in ("0", "1") and len(fraction) <= 3 and (not fraction or (fraction.isascii() and fraction.isdigit()))
    return ok and float(text) <= 1


def _by_preference(bindings: list[Binding]) -> list[Binding]:
    return sorted(bindings, key=lambda b: (-b.q, -b.updated_at)) if len(bindings) > 1 else bindings


def _instance(params: tuple[tuple[str, str], ...]) -> tuple[str, str] | None:
    found = {name.lower(): value for name, value in params}
    return (found["+sip.instance"], found.get("reg-id", "")) if found.get("+sip.instance") else None


def _find(bindings: list[Binding], contact: NameAddr) -> Binding | None:
    """The binding that this contact means: the same URI, or the same device by its instance id (RFC 5626 6)."""
    uri, instance = parse_uri(contact.uri), _instance(contact.params)
    for binding in bindings:
        if same_uri(parse_uri(binding.uri), uri) or (instance and _instance(binding.params) == instance):
            return binding
    return None


def _gone(
    extension: str, binding: Binding, reason: Literal["expired", "unregistered", "unreachable", "removed"]
) -> PhoneGone:
    return PhoneGone(extension=extension, contact=binding.uri, reason=reason)
