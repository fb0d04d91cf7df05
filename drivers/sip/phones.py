"""Phones: who they are, where they are registered, and what their requests are worth. Python's half of the registrar."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from appliance.messages import Event, SourceBanned
from drivers.sip import headers as h
from drivers.sip.bans import Bans
from drivers.sip.digest import Account, Authenticator, Verdict
from drivers.sip.registrar import Binding, MemoryStore, Registrar, Request, Store

log = logging.getLogger("sip")
_NAMESPACE = "registration"


class States(Protocol):
    """The ledger's state records."""

    def states(self, namespace: str) -> dict[str, bytes]: ...
    def put_state(self, namespace: str, key: str, value: bytes | None) -> None: ...


class StateStore:
    """Registrations (or what else has to survive a restart) as state records of the ledger."""

    def __init__(self, states: States, namespace: str = _NAMESPACE) -> None:
        self._states, self._namespace = states, namespace

    def load(self) -> Iterable[tuple[str, bytes]]:
        return list(self._states.states(self._namespace).items())

    def put(self, key: str, value: bytes) -> None:
        self._states.put_state(self._namespace, key, value)

    def delete(self, key: str) -> None:
        self._states.put_state(self._namespace, key, None)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A request judged: whose it is, or the reply that it gets. `ban` is news for the guard and the ledger."""

    extension: str = ""
    reply: Reply | None = None
    ban: SourceBanned | None = None


def address_of(source: str) -> str:
    """ "192.0.2.1:5060" -> "192.0.2.1"; "[2001:db8::1]:5060" -> "2001:db8::1"."""
    return source.rpartition(":")[0].strip("[]")


class Phones:
    """`key` seals nonces; `states` None forgets registrations at the end."""

    def __init__(self, config: Any, key: bytes, states: States | None) -> None:
        sip = config.sip
        store: Store = StateStore(states) if states is not None else MemoryStore()
        self.registrar = Registrar(store, min_expires=sip.register_min_seconds, max_expires=sip.register_max_seconds)
        self.auth = Authenticator(key, sip.realm, self._account, nonce_seconds=float(sip.nonce_seconds))
        self.bans = Bans(failures=sip.ban_after_failures, window=float(sip.ban_window_seconds),
                         seconds=float(sip.ban_seconds), longest=float(sip.ban_max_seconds))
        self._never = [ipaddress.ip_network(str(network)) for network in sip.never_ban]
        self.ours: frozenset[str] = frozenset()
        """Addresses with ports of lines and live registrations: what a ban must not touch."""
        self.silent: set[tuple[str, str]] = set()
        """Extension and contact of devices that are registered and do not answer (drivers/sip/silence.py)."""
        self._phones: dict[str, Any] = {}
        self.configure(config)

    def configure(self, config: Any) -> list[Event]:
        """Takes over the phones; registrations of those that are gone are dropped."""
        before = set(self._phones)
        self._phones = {phone.extension: phone for phone in config.phones}
        self.auth.decoys = tuple(_algorithm(phone) for phone in config.phones) or ("MD5",)
        gone: list[Event] = []
        for extension in before - set(self._phones):
            gone += self.registrar.drop(extension)
        return gone

    def restore(self, now: float) -> list[Event]:
        events = self.registrar.restore(now)
        for extension in list(self.registrar.registered(now)):
            if extension not in self._phones:
                events += self.registrar.drop(extension)
        return events

    def _account(self, username: str) -> Account | None:
        phone = self._phones.get(username)
        return Account(username, str(phone.secret), _algorithm(phone)) if phone is not None else None

    def registered_flow(self, extension: str, source: str, now: float) -> bool:
        """Whether a live registration of this phone came over this very address and port."""
        return any(b.source == source for b in self.registrar.contacts_of(extension, now))

    def check(
        self, method: str, uri: str, claimed: str, credentials: list[str], source: str, transport: str, now: float
    ) -> Checked:
        """Who sends this. A TCP connection that carries the phone's own registration is proof enough; a datagram's source
        address is not, anybody on the wire can write it."""
        if transport == "tcp" and not credentials and claimed in self._phones and self.registered_flow(claimed, source, now):
            return Checked(extension=claimed)
        address = address_of(source)
        own = self.registered_flow(claimed, source, now)
        named = self.auth.named_in(credentials) or claimed
        if credentials and not own and self.bans.throttled(address, named, now):
            return Checked(reply=self._challenge(self.auth.challenge(claimed, address, now)))
        verdict = self.auth.check(method, uri, claimed, credentials, address, now)
        if verdict.kind == "accepted":
            self.bans.success(address, verdict.username)
            return self._allowed(verdict.username, address)
        ban = None
        if verdict.kind == "failed" and verdict.proven:
            shared = any(address_of(endpoint) == address for endpoint in self.ours)
            port = int(source.rpartition(":")[2])
            ours = source in self.ours or any(ipaddress.ip_address(address) in network for network in self._never)
            log.warning("a wrong password, or a phone that is not in the configuration",
                        extra={"phone": h.printable(named), "source": source})
            ban = self.bans.failure(address, port, verdict.username, now, shared=shared, ours=ours)
            if ban is not None:
                log.warning("shut out", extra={"source": ban.address, "seconds": ban.seconds, "why": ban.reason})
        if verdict.kind == "malformed":
            return Checked(reply=Reply(status=400, reason="Bad Authorization"), ban=ban)
        return Checked(reply=self._challenge(verdict.challenge), ban=ban)

    def _allowed(self, extension: str, address: str) -> Checked:
        networks = getattr(self._phones[extension], "from_networks", ()) or ()
        if networks and not any(ipaddress.ip_address(address) in ipaddress.ip_network(str(n)) for n in networks):
            return Checked(reply=Reply(status=403, reason="Not From There"))
        return Checked(extension=extension)

    @staticmethod
    def _challenge(value: str) -> Reply:
        return Reply(status=401, reason="Unauthorized", headers=(("WWW-Authenticate", value),))

    def on_register(self, transport: int, cseq: int, parts: list[str], now: float) -> tuple[Checked, tuple[Event, ...]]:
        """A REGISTER as the thread hands it over (REQIN_* of sip.h): the reply, and what it changed."""
        method, source, ruri, _from, to, call_id, credentials, contacts, expires, path, supported, agent, *_ = parts
        claimed = h.user_of(h.uri_of(to))
        # Even over TCP the password is asked for: the connection proves nothing yet.
        checked = self.check(method, ruri, claimed, h.value_lines(credentials), source, "udp", now)
        if checked.reply is not None:
            return checked, ()
        if checked.extension != claimed:
            return Checked(reply=Reply(status=403, reason="Not Your Address")), ()
        answer = self.registrar.register(
            Request(extension=claimed, call_id=call_id, cseq=cseq, contacts=h.value_lines(contacts), source=source,
                    expires=expires or None, transport="tcp" if transport else "udp", path=h.value_lines(path),
                    supports_path="path" in supported.lower(), user_agent=agent),
            now,
        )
        reply = Reply(status=answer.status, reason=answer.reason, headers=answer.headers)
        return Checked(extension=claimed if answer.changed else "", reply=reply), answer.events

    def best(self, extension: str, now: float) -> list[Binding]:
        """The devices that a phone can be reached at, best first: registered, and not silent."""
        if extension not in self._phones:
            return []
        found = self.registrar.contacts_of(extension, now)
        return [b for b in found if (extension, b.uri) not in self.silent] if self.silent else found

    def tick(self, now: float) -> list[Event]:
        self.auth.tick(now)
        return self.registrar.tick(now)


def _algorithm(phone: Any) -> Any:
    return "SHA-256" if str(phone.digest).lower() == "sha-256" else "MD5"


__all__ = ["Checked", "Phones", "Reply", "StateStore", "States", "Verdict", "address_of"]
