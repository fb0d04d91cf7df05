"""Whom to call back: numbers of virtual callers, kept apart from the ledger's events until the callback is over."""

from __future__ import annotations

from typing import Protocol

import msgspec

from appliance.calls.flows.desk import Customer

NAMESPACE = "callback"


class States(Protocol):
    def get_state(self, namespace: str, key: str) -> bytes | None: ...
    def put_state(self, namespace: str, key: str, value: bytes | None) -> None: ...
    def states(self, namespace: str) -> dict[str, bytes]: ...


class Customers:
    """By the contact's id. What is kept is on disk no later than the next commit."""

    def __init__(self, states: States) -> None:
        self._states = states

    def keep(self, contact: str, customer: Customer) -> None:
        self._states.put_state(NAMESPACE, contact, msgspec.msgpack.encode(customer))

    def get(self, contact: str) -> Customer | None:
        raw = self._states.get_state(NAMESPACE, contact)
        return msgspec.msgpack.decode(raw, type=Customer) if raw is not None else None

    def all(self) -> dict[str, Customer]:
        """Everybody who is promised a call, by contact."""
        return {contact: msgspec.msgpack.decode(raw, type=Customer) for contact, raw in self._states.states(NAMESPACE).items()}

    def forget(self, contact: str) -> None:
        if self._states.get_state(NAMESPACE, contact) is not None:
            self._states.put_state(NAMESPACE, contact, None)
