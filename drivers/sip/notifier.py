"""Lamps on the wire: SUBSCRIBE answered, NOTIFY sent, mailboxes told. What is decided stands in subscriptions.py, what is
written in bodies.py; here is when something leaves.

A subscription has one NOTIFY under way at most: what changes meanwhile goes out as one further NOTIFY with the state of that
moment, so a phone that is slow to answer gets less, never more (RFC 6665 4.2.2).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drivers.base import LampCall, Watched, WatchPolicy
from drivers.sip import headers as h
from drivers.sip import wire
from drivers.sip.bodies import TYPES, Tags, dialog_info, message_summary, pidf
from drivers.sip.phones import Checked, Phones, Reply, States, StateStore
from drivers.sip.registrar import Binding, MemoryStore
from drivers.sip.subscriptions import GONE, Right, Subscribe, Subscription, Subscriptions
from drivers.sip.transfers import Known

log = logging.getLogger("sip")
_USER = b"switchroom"
_LAMPS = ("dialog", "presence")
_NAMED_MAX = 1024
"""Resources beside extensions that the core may name."""


class Notifier:
    """`command` and `handle` reach the SIP thread, `tell` the core; `legs` are the driver's, by id; `host` is our own in URIs."""

    def __init__(
        self, config: Any, command: Callable[..., None], handle: Callable[[], int], tell: Callable[[Watched], None],
        phones: Phones, legs: Mapping[str, Known], host: Callable[[], str], states: States | None,
    ) -> None:
        self._command, self._handle, self._tell = command, handle, tell
        self._phones, self._legs, self._host = phones, legs, host
        store = StateStore(states, "subscription") if states is not None else MemoryStore()
        self._subscriptions = Subscriptions(store, self._right)
        self._policy: WatchPolicy = lambda watcher, resource: "look"
        self._calls: dict[str, tuple[LampCall, ...]] = {}
        self._mailboxes: dict[str, tuple[int, int]] = {}
        self._tags: dict[str, Tags | None] = {}
        """Of legs that ring, for those who may pick up; None: asked for."""
        self._asked: dict[int, str] = {}
        self._busy: dict[str, bool] = {}
        """Subscriptions with a NOTIFY under way, and whether another is due after it."""
        self._sent: dict[int, Subscription | None] = {}
        self._now = 0.0
        self._quiet = ""
        """The subscription that is just beginning: it is told once the core has said how the lamp stands."""
        self.configure(config)

    def configure(self, config: Any) -> None:
        sip = config.sip
        self._subscriptions.min_seconds = sip.subscription_min_seconds
        self._subscriptions.max_seconds = sip.subscription_max_seconds
        self._unasked = sip.mailbox_lamps == "always"
        self._extensions = frozenset(phone.extension for phone in config.phones)
        self._review()

    def _review(self) -> None:
        for one in self._subscriptions.review():
            self._end(one, "noresource")

    def restore(self, now: float) -> None:
        """Subscriptions of before a restart: their phones are told how things stand."""
        kept = self._subscriptions.restore(now)
        for resource in {one.resource for one in kept}:
            self._tell(Watched(resource=resource, on=True))
        for one in kept:
            self._notify(one)

    # ---- what the core says ------------------------------------------------------------------------------------------

    def set_policy(self, policy: WatchPolicy) -> None:
        self._policy = policy
        self._review()

    def watched(self, resource: str) -> bool:
        return self._subscriptions.watched(resource)

    def set_lamp(self, resource: str, calls: Sequence[LampCall]) -> None:
        new = tuple(calls)
        if self._calls.get(resource) == new:
            return
        if resource not in self._calls and resource not in self._extensions and len(self._calls) >= _NAMED_MAX:
            log.error("too many lamps are named", extra={"resource": h.printable(resource)})
            return
        for call in self._calls.get(resource, ()):
            self._tags.pop(call.leg, None)
        self._calls[resource] = new
        for one in self._subscriptions.of(resource, *_LAMPS):
            self._notify(one)

    def set_mailbox(self, extension: str, new: int, old: int) -> None:
        if self._mailboxes.get(extension) == (new, old):
            return
        self._mailboxes[extension] = (new, old)
        watching = self._subscriptions.of(extension, "message-summary")
        for one in watching:
            self._notify(one)
        if not watching:
            for binding in self._phones.best(extension, self._now):
                self._tell_mailbox(extension, binding)

    # ---- what phones say ---------------------------------------------------------------------------------------------

    def _right(self, watcher: str, resource: str, package: str) -> Right | None:
        """An extension's mailbox is its own; its calls are anybody's to see whom the core lets."""
        if package == "message-summary":
            if resource in self._extensions:
                return "look" if watcher == resource else "no"
            return self._policy(watcher, resource) if resource in self._mailboxes else None
        if resource not in self._extensions and (resource not in self._calls or package == "presence"):
            return None
        return self._policy(watcher, resource) if watcher in self._extensions else "no"

    def on_subscribe(self, record: wire.Record, now: float) -> Checked:
        """A SUBSCRIBE as the thread hands it over (REQIN_* of sip.h). Its answer goes out here; what is returned has news of
        bans."""
        self._now = now
        _, code, handle, cseq, _b, raw = record
        parts = [part.decode("utf-8", "replace") for part in raw]
        source, ruri, sender, to, call_id, credentials, contact, expires = parts[1:9]
        event, local, tag, accept = parts[12], parts[14], parts[15], parts[17]
        routes = [h.plain(route) for route in h.value_lines(parts[16])]
        checked = self._phones.check("SUBSCRIBE", ruri, h.user_of(h.uri_of(sender)), h.value_lines(credentials), source,
                                     "tcp" if code else "udp", now)
        if checked.reply is not None:
            self._reply(handle, checked.reply)
            return checked
        resource = h.user_of(ruri)
        outcome = self._subscriptions.subscribe(Subscribe(
            watcher=checked.extension, resource=resource, event=h.plain(event), accept=accept, expires=expires, call_id=call_id,
            cseq=cseq, sender=h.plain(sender), to=h.plain(to), tag=tag, contact=contact, routes=routes,
            source=source, transport=code, entity=f"sip:{h.escape_user(resource)}@{self._host()}",
        ), now)
        headers = outcome.headers
        if outcome.subscription is not None:
            headers += (("Contact", f"<sip:switchroom@{local}{';transport=tcp' if code else ''}>"),)
        self._reply(handle, Reply(status=outcome.status, reason=outcome.reason, headers=headers))
        for one in outcome.dropped:
            self._busy.pop(one.local_tag, None)
        if outcome.subscription is not None:
            if not outcome.over:
                self._quiet = outcome.subscription.local_tag
                self._tell(Watched(resource=outcome.subscription.resource, on=True))
                self._quiet = ""
            self._notify(outcome.subscription, "timeout" if outcome.over else "")
            if outcome.over:
                self._left(outcome.subscription.resource)
        return checked

    def _reply(self, handle: int, reply: Reply) -> None:
        self._command(wire.CMD_REPLY, reply.status, handle,
                      strings=(reply.reason.encode(), h.header_lines(reply.headers).encode(), b""))

    def registered(self, extension: str, contact: str) -> None:
        """A phone came (`contact`) or went (""): those who watch its presence are told, and it how its mailbox stands."""
        for one in self._subscriptions.of(extension, "presence"):
            self._notify(one)
        if contact and extension in self._mailboxes and not self._subscriptions.of(extension, "message-summary"):
            for binding in self._phones.best(extension, self._now):
                if binding.uri == contact:
                    self._tell_mailbox(extension, binding)

    def response(self, record: wire.Record) -> bool:
        """An answer to a NOTIFY; False where the request was none of ours."""
        _, status, handle, _err, _b, _parts = record
        if handle not in self._sent:
            return False
        one = self._sent.pop(handle)
        if one is None:
            return True
        again = self._busy.pop(one.local_tag, False)
        if not self._subscriptions.alive(one):
            return True
        if status == 0 or status == 408 or status in GONE:
            log.info("a phone no longer wants to hear of a lamp", extra={
                "phone": one.watcher, "resource": one.resource, "status": status})
            self._subscriptions.end(one)
            self._left(one.resource)
        elif again:
            self._notify(one)
        return True

    def dialog(self, record: wire.Record) -> None:
        """The names of a leg that rings, as it was asked for."""
        _, found, handle, _a, _b, parts = record
        leg = self._asked.pop(handle, "")
        if leg not in self._tags:
            return
        call_id, ours, theirs = (part.decode("utf-8", "replace") for part in parts)
        self._tags[leg] = (call_id, theirs or "0", ours) if found else ("", "", "")
        for resource, calls in self._calls.items():
            if any(call.leg == leg for call in calls):
                for one in self._subscriptions.of(resource, "dialog"):
                    if one.right == "pick-up":
                        self._notify(one)

    def tick(self, now: float) -> None:
        self._now = now
        for one in self._subscriptions.tick(now):
            self._notify(one, "timeout")
            self._left(one.resource)

    def _end(self, one: Subscription, reason: str) -> None:
        self._subscriptions.end(one)
        self._notify(one, reason)
        self._left(one.resource)

    def _left(self, resource: str) -> None:
        if not self._subscriptions.watched(resource):
            self._tell(Watched(resource=resource, on=False))

    # ---- NOTIFY ------------------------------------------------------------------------------------------------------

    def _notify(self, one: Subscription, over: str = "") -> None:
        """Now, or after the one under way. `over`: why it is the last."""
        if one.local_tag == self._quiet:
            return
        if not over and one.local_tag in self._busy:
            self._busy[one.local_tag] = True
            return
        body = self._body(one)
        if body is None and not over:
            return  # comes with the names of the leg that rings
        one.cseq += 1
        left = max(1, round(one.expires_at - self._now))
        state = f"terminated;reason={over}" if over else f"active;expires={left}"
        handle = self._request(
            one.target, f"{one.remote};tag={one.remote_tag}", f"{one.local};tag={one.local_tag}", one.call_id, one.source,
            one.transport, one.cseq, one.event, state, TYPES[one.package], body or "", one.routes)
        if over:
            self._busy.pop(one.local_tag, None)
        else:
            self._busy[one.local_tag] = False
        self._sent[handle] = None if over else one

    def _body(self, one: Subscription) -> str | None:
        """None: it has to wait for the names of a leg."""
        calls = self._calls.get(one.resource, ())
        if one.package == "message-summary":
            return message_summary(one.entity, *self._mailboxes.get(one.resource, (0, 0)))
        if one.package == "presence":
            return pidf(one.entity, bool(self._phones.best(one.resource, self._now)), calls)
        names = self._names(calls) if one.right == "pick-up" else {}
        if names is None:
            return None
        body = dialog_info(one.entity, one.version, calls, names)
        one.version += 1
        return body

    def _names(self, calls: Sequence[LampCall]) -> dict[str, Tags] | None:
        """Call-ID and tags of the legs that ring; None where the thread has to be asked first."""
        names: dict[str, Tags] = {}
        waits = False
        for call in calls:
            entry = self._legs.get(call.leg) if call.state == "ringing" else None
            if entry is None:
                continue
            if call.leg not in self._tags:
                self._tags[call.leg] = None
                handle = entry.handle
                self._asked[handle] = call.leg
                self._command(wire.CMD_DIALOG, 0, handle)
            tags = self._tags[call.leg]
            waits |= tags is None
            if tags is not None and tags[0]:
                names[call.leg] = tags
        return None if waits else names

    def _tell_mailbox(self, extension: str, binding: Binding) -> None:
        """A phone that never subscribed (RFC 3842 gives it no word for that, phones take it all the same)."""
        if not self._unasked:
            return
        own = f"<sip:{h.escape_user(extension)}@{self._host()}>"
        handle = self._request(
            binding.uri, own, f"{own};tag={secrets.token_hex(6)}", secrets.token_hex(12), binding.source,
            int(binding.transport == "tcp"), 1, "message-summary", "active", TYPES["message-summary"],
            message_summary(own[1:-1], *self._mailboxes[extension]), list(binding.path))
        self._sent[handle] = None

    def _request(
        self, target: str, to: str, sender: str, call_id: str, destination: str, transport: int, cseq: int, event: str,
        state: str, kind: str, body: str, routes: list[str],
    ) -> int:
        lines = [("Route", route) for route in routes] + [("Event", event), ("Subscription-State", state)]
        if body:
            lines.append(("Content-Type", kind))
        handle = self._handle()
        texts = ("NOTIFY", target, to, sender, call_id)
        self._command(wire.CMD_REQUEST, transport, handle, cseq, strings=(
            *(text.encode() for text in texts), _USER, destination.encode(), h.header_lines(lines).encode(), body.encode()))
        return handle

    def health(self) -> dict[str, int]:
        return {"subscriptions": len(self._subscriptions.all())}
