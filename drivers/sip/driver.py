"""The SIP driver: drivers/base.py's contract on top of the SIP thread.

Decides who a request is from, where a call goes and what goes on the wire; the thread (C) carries dialogs, transactions
and timers. Every method returns at once; results come through the sink on the event loop that `start` was called on.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from appliance.clock import Clock, SteadyClock, SystemClock
from appliance.messages import Cause, Event, PhoneGone, PhoneRegistered
from drivers.base import (
    Answered,
    DigitInfo,
    DriverEvent,
    EarlyMedia,
    Ended,
    EndpointChanged,
    Incoming,
    LampCall,
    MediaChanged,
    MediaOffer,
    OrphanEnded,
    OrphanFound,
    Place,
    Referred,
    Ringing,
    Sink,
    WatchPolicy,
)
from drivers.sip import headers as h
from drivers.sip import identity, targets, wire
from drivers.sip.client_auth import authorization
from drivers.sip.door import Door
from drivers.sip.legs import ABSENT, BY, FOR_ALL, NETWORK, Leg, Legs
from drivers.sip.lines import Lines
from drivers.sip.notifier import Notifier
from drivers.sip.phones import Checked, Phones, Reply, States, address_of
from drivers.sip.silence import Silence
from drivers.sip.thread import SipThread
from drivers.sip.transfers import Transfers

log = logging.getLogger("sip")
_TICK_SECONDS = 1.0
_STOP_MS = 4000


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


class SipDriver:
    """`config` is the whole configuration document, `journal` the file for live dialogs (None: orphans are not ended),
    `state` the ledger's state records (registrations survive a restart there), `emergency` the numbers that call for help:
    they are never shed. Which those are the core says: it knows the country."""

    def __init__(
        self, config: Any, *, journal: Path | None = None, clock: Clock | None = None, state: States | None = None,
        emergency: Sequence[str] = (), dead_gateway_seconds: float = 8.0, dead_phone_seconds: float = 4.0, max_legs: int = 4096,
    ) -> None:
        self._config = config
        self._clock = SteadyClock(clock or SystemClock())
        self._journal = journal
        self._emergency = tuple(emergency)
        self._timer_b_ms = {"line": int(dead_gateway_seconds * 1000), "phone": int(dead_phone_seconds * 1000)}
        self._max_legs = max_legs
        self._salt = secrets.token_bytes(16)
        self._prefix = f"s{secrets.token_hex(4)}"
        self._named = "", ""
        """The leg that was last given a Call-ID, and this: it is asked for twice, for the ledger and for the INVITE."""
        self._legs = Legs()
        self._next = 2
        self._numbers = 0
        self._phones = Phones(config, secrets.token_bytes(32), state)
        self._thread = SipThread(self._event)
        self._lines = Lines(self._thread.command, self._new_handle, self._tell, self._clock)
        self._allowed: set[str] = set()
        self._stopped: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._door = Door(self._thread.command, self._clock, config.sip.max_new_calls_per_second)
        self._sink: Sink = lambda event: None
        self._notifier = Notifier(
            config, self._thread.command, self._new_handle, self._tell, self._phones, self._legs.by_id, self._here, state)
        self._transfers = Transfers(self._thread.command, self._legs.by_id, self._tell, self._here)
        self._silence = Silence(self._thread.command, self._new_handle, self._here, self._phones)

    # ---- life --------------------------------------------------------------------------------------------------------

    def start(self, sink: Sink) -> None:
        """Raises SwitchroomError "sip.start" when the sockets cannot be bound."""
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        sip = self._config.sip
        listen = [targets.listens_at(where) for where in (sip.listen, *sip.also_listen)]
        self._thread.start(
            listen, self._journal, emergency=self._shed_free(), max_legs=self._max_legs,
            public_address=targets.public_of(sip), local_networks=tuple(str(n.network) for n in sip.local_networks),
            session_seconds=sip.session_expires_seconds, min_se=sip.min_session_expires_seconds,
        )
        self._door.open()
        self._registrations(self._phones.restore(self._clock.utc()))
        for extension in self._phones.registrar.registered(self._clock.utc()):
            contact = self._phones.best(extension, self._clock.utc())[0].uri
            self._sink(EndpointChanged(endpoint=extension, kind="phone", up=True, reason=contact))
        self._notifier.restore(self._clock.utc())
        self._lines.configure(self._config)
        self._allow_sources()
        self._tick()
        self._door.watch(self._loop)

    def _shed_free(self) -> tuple[str, ...]:
        prefix = self._config.dialling.outside_prefix
        return tuple(dict.fromkeys([*self._emergency, *(prefix + n for n in self._emergency)]))[:32]

    async def stop(self) -> None:
        """Hangs up what still stands, gives the far ends a few seconds, and joins the thread."""
        if not self._thread.running:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._door.stop()
        self._lines.stop()
        self._stopped = self._loop.create_future()
        self._thread.command(wire.CMD_STOP, a=_STOP_MS)
        async with asyncio.timeout(_STOP_MS / 1000 + 5):  # and not wait_for: in 3.11 it may swallow a cancellation
            await self._stopped
        self._thread.close()

    @property
    def ports(self) -> list[int]:
        """Local SIP ports, in the order of `listen` and `also_listen`."""
        return self._thread.ports()

    @property
    def leaked(self) -> int:
        """Blocks that the library had not freed when it was stopped; 0 is right."""
        return self._thread.leaked

    def reconfigure(self, config: Any, phones: Sequence[object] = ()) -> None:
        """New configuration (the whole document): endpoints added, changed, removed; legs in progress stay. Addresses that
        SIP listens on, and the numbers that are never shed, change at the next start only."""
        self._config = config
        self._door.configure(config.sip.max_new_calls_per_second)
        self._registrations(self._phones.configure(config))
        self._notifier.configure(config)
        self._lines.configure(config)
        self._allow_sources()

    def _tick(self) -> None:
        self._registrations(self._phones.tick(self._clock.utc()))
        self._lines.tick(self._clock.mono())
        self._registrations(self._silence.tick(self._clock.mono(), self._clock.utc()))
        self._notifier.tick(self._clock.utc())
        self._allow_sources()
        self._timer = self._loop.call_later(_TICK_SECONDS, self._tick)

    def _allow_sources(self) -> None:
        """The guard learns whom it may not ban: lines and the sources of live registrations."""
        wanted = self._lines.sources() | self._phones.registrar.sources(self._clock.utc())
        for address in wanted - self._allowed:
            self._thread.command(wire.CMD_ALLOW, 1, strings=(address.encode(),))
        for address in self._allowed - wanted:
            self._thread.command(wire.CMD_ALLOW, 0, strings=(address.encode(),))
        self._allowed = wanted
        self._phones.ours = frozenset(wanted)

    def _tell(self, event: DriverEvent) -> None:
        self._sink(event)

    def registered(self, extension: str) -> bool:
        return bool(self._phones.best(extension, self._clock.utc()))

    def contacts(self, extension: str) -> list[str]:
        """Contact URIs of a phone's live registrations, best first."""
        return [binding.uri for binding in self._phones.best(extension, self._clock.utc())]

    def health(self) -> dict[str, object]:
        return {
            "running": self._thread.running, **self._thread.counters(), "lines": self._lines.health(),
            "banned": self._phones.bans.banned(self._clock.utc()),
            "new_calls_per_second": self._door.rate,
            "registered": len(self._phones.registrar.registered(self._clock.utc())), **self._notifier.health(),
        }

    # ---- legs --------------------------------------------------------------------------------------------------------

    def _new_handle(self) -> int:
        self._next += 2
        return self._next

    def _here(self) -> str:
        return f"{targets.own_host(self._config)}:{self.ports[0]}"

    def call_id_of(self, leg: str) -> str:
        """The Call-ID of a leg: of one that called us as it came, of one that is yet to be placed as it will be."""
        known = self._legs.get(leg)
        if known is not None:
            return known.call_id
        if self._named[0] != leg:
            self._named = leg, hashlib.blake2b(leg.encode(), key=self._salt, digest_size=16).hexdigest()
        return self._named[1]

    def place(self, order: Place) -> None:
        call_id = self.call_id_of(order.leg)
        try:
            found = self._targets(order)
        except targets.NoWay as no:
            cause = Cause(sip=no.status, by="near", text=no.text)
            self._loop.call_soon(self._sink, Ended(leg=order.leg, cause=cause))
            return
        entry = self._legs.add(order.leg, self._new_handle(), order.endpoint, order.kind, call_id)
        for i, target in enumerate(found):
            handle = self._new_handle() if i else entry.handle
            if i:
                self._legs.branch(entry, handle)
            if order.kind == "phone":
                entry.devices[handle] = target.uri
            strings = targets.invite(order, f"{call_id}-{i}" if i else call_id, target)
            limit = self._timer_b_ms[order.kind]
            self._thread.command(wire.CMD_CALL, target.transport, handle, limit, int(i > 0), strings=strings)

    def _targets(self, order: Place) -> list[targets.Target]:
        if order.kind == "phone":
            return targets.of_phone(order, self._phones.best(order.endpoint, self._clock.utc()), targets.own_host(self._config))
        return targets.of_line(order, self._lines.route(order.endpoint))

    def _command(self, leg: str, kind: int, code: int = 0, *strings: bytes) -> None:
        entry = self._legs.get(leg)
        if entry is not None:
            self._thread.command(kind, code, entry.handle, strings=strings)

    def ring(self, leg: str) -> None:
        self._command(leg, wire.CMD_PROGRESS, 180, b"")

    def early(self, leg: str, media: MediaOffer) -> None:
        self._command(leg, wire.CMD_PROGRESS, 183, wire.media_offer(media))

    def answer(self, leg: str, media: MediaOffer) -> None:
        self._command(leg, wire.CMD_ANSWER, 0, wire.media_offer(media))

    def reject(self, leg: str, sip_code: int, reason: str = "", retry_after: int | None = None) -> None:
        extra = [("Retry-After", str(retry_after))] if retry_after is not None else []
        self._command(leg, wire.CMD_REJECT, sip_code, h.one_line(reason or h.REASONS.get(sip_code, "Declined")),
                      h.header_lines(extra).encode())

    def hang_up(self, leg: str, q850: int = 16, text: str = "") -> None:
        entry = self._legs.get(leg)
        for handle in entry.branches if entry is not None else ():
            self._thread.command(wire.CMD_HANGUP, q850, handle, strings=(h.one_line(text),))

    def modify(self, leg: str, media: MediaOffer) -> None:
        self._command(leg, wire.CMD_MODIFY, 0, wire.media_offer(media))

    def send_info_digit(self, leg: str, digit: str, duration_ms: int = 160) -> None:
        body = f"Signal={digit}\r\nDuration={duration_ms}\r\n"
        self._command(leg, wire.CMD_INDIALOG, 0, b"INFO", b"", body.encode(), b"application/dtmf-relay")

    def refer(self, leg: str, target: str, replaces_leg: str = "") -> None:
        self._transfers.refer(leg, target, replaces_leg)

    def transfer_state(self, leg: str, sip_code: int, reason: str = "") -> None:
        self._transfers.state(leg, sip_code, reason)

    def watched(self, resource: str) -> bool:
        return self._notifier.watched(resource)

    def set_lamp(self, resource: str, calls: Sequence[LampCall]) -> None:
        self._notifier.set_lamp(resource, calls)

    def set_watch_policy(self, policy: WatchPolicy) -> None:
        self._notifier.set_policy(policy)

    def set_mailbox(self, extension: str, new: int, old: int) -> None:
        self._notifier.set_mailbox(extension, new, old)

    def end_orphans(self, sip_call_ids: Sequence[str]) -> None:
        """These Call-IDs, and every other dialog that the journal still has from before. OrphanEnded also tells of those that
        ended shortly before the restart."""
        for call_id in sip_call_ids:
            self._thread.command(wire.CMD_ORPHANS, strings=(call_id.encode(),))
        self._thread.command(wire.CMD_ORPHANS, strings=(b"",))

    # ---- events of the thread ------------------------------------------------------------------------------------------

    def _event(self, record: wire.Record) -> None:
        handler = _HANDLERS.get(record[0])
        if handler is not None:
            handler(self, record)

    def _on_invite(self, record: wire.Record) -> None:
        self._door.invites += 1
        _, code, handle, low, high, parts = record
        source, ruri, sender, _to, asserted, call_id, credentials, far, _contact, _agent, _local, privacy, diversion = parts
        now = self._clock.utc()
        transport = "tcp" if code & 1 else "udp"
        from_uri = h.uri_of(_text(sender))
        line = self._lines.of_source(_text(source), transport)
        if line is not None:
            endpoint, kind = line, "line"
        else:
            given = h.value_lines(_text(credentials))
            checked = self._phones.check("INVITE", _text(ruri), h.user_of(from_uri), given, _text(source), transport, now)
            self._banned(checked)
            if checked.reply is not None:
                self._refuse(handle, checked.reply)
                return
            endpoint, kind = checked.extension, "phone"
            self._registrations(self._silence.heard(endpoint, _text(source), now))
        replaced = self._legs.at(low | high << 32) if low or high else None
        if code >> 1 or (replaced is None and (low or high)):  # the leg to be replaced is not there, or not to be had
            status = code >> 1 or 481
            self._refuse(handle, Reply(status=status, reason=h.REASONS[status]))
            return
        self._numbers += 1
        leg = f"{self._prefix}-{self._numbers}"
        self._legs.add(leg, handle, endpoint, kind, _text(call_id))
        who = _text(asserted.partition(b"\n")[0]) if asserted and kind == "line" else _text(sender)
        number = h.user_of(_text(ruri))
        hidden = identity.is_anonymous(_text(sender), _text(privacy))
        self._sink(Incoming(
            leg=leg, endpoint=endpoint, kind=kind,  # type: ignore[arg-type]
            number=number, caller="anonymous" if hidden else h.user_of(h.uri_of(who)), anonymous=hidden,
            caller_name="" if hidden else h.display_of(who), peer=_text(source),
            diverted_from=identity.diverted_from(_text(diversion)),
            sip_call_id=_text(call_id), offer=wire.media_answer(far), replaces=replaced.id if replaced else "",
            emergency=number in self._emergency,
        ))

    def _refuse(self, handle: int, reply: Reply) -> None:
        self._thread.command(wire.CMD_REJECT, reply.status, handle, 1,
                             strings=(reply.reason.encode(), h.header_lines(reply.headers).encode()))

    def _on_progress(self, record: wire.Record) -> None:
        leg = self._legs.at(record[2])
        if leg is None:
            return
        media = wire.media_answer(record[5][0])
        if media is not None and record[2] == leg.handle:
            self._sink(EarlyMedia(leg=leg.id, media=media))
        if (record[1] == 180 or media is None) and not (leg.rang and len(leg.branches) > 1):
            leg.rang = True
            self._sink(Ringing(leg=leg.id))

    def _on_answered(self, record: wire.Record) -> None:
        leg, media = self._legs.at(record[2]), wire.media_answer(record[5][0])
        if leg is None or media is None:
            return
        for other in self._legs.answered(leg, record[2]):
            self._thread.command(wire.CMD_HANGUP, 26, other, strings=(b"answered elsewhere",))
        self._sink(Answered(leg=leg.id, media=media))

    def _on_media(self, record: wire.Record) -> None:
        leg, media = self._legs.at(record[2]), wire.media_answer(record[5][0])
        if leg is not None and media is not None:
            self._sink(MediaChanged(leg=leg.id, media=media))

    def _on_ended(self, record: wire.Record) -> None:
        _, code, handle, q850, by, parts = record
        leg = self._legs.end(handle)
        if leg is None:  # an INVITE that was refused before it became a leg
            return
        silent = leg.devices.pop(handle, "") if by == NETWORK else ""
        cause = Cause(sip=code, q850=ABSENT if silent else q850, by=BY[by], text=_text(parts[0]))
        leg.refused(cause, h.user_of(h.uri_of(_text(parts[1]))) if len(parts) > 1 and parts[1] else "")
        self._branch_ended(leg, handle, code, by)
        if silent:
            self._registrations(self._silence.began(leg.endpoint, silent, self._clock.mono(), self._clock.utc()))

    def _branch_ended(self, leg: Leg, handle: int, code: int, by: int) -> None:
        leg.branches.remove(handle)
        if leg.branches:
            leg.handle = leg.branches[0]
            if code in FOR_ALL:
                self.hang_up(leg.id, 21)
            return
        self._legs.forget(leg)
        if leg.kind == "line":
            self._lines.call_ended(leg.endpoint, code, BY[by], self._clock.mono())
        assert leg.cause is not None
        self._sink(Ended(leg=leg.id, cause=leg.cause, target=leg.target))

    def _on_info(self, record: wire.Record) -> None:
        leg = self._legs.at(record[2])
        found = h.info_digit(_text(record[5][0]), _text(record[5][1]))
        if leg is not None and found is not None:
            self._sink(DigitInfo(leg=leg.id, digit=found[0], duration_ms=found[1]))

    def _on_refer(self, record: wire.Record) -> None:
        leg = self._legs.at(record[2])
        if leg is not None:
            self._transfers.asked(leg.id, _text(record[5][0]))

    def _on_referred(self, record: wire.Record) -> None:
        leg = self._legs.at(record[2])
        if leg is not None:
            self._sink(Referred(leg=leg.id, sip_code=record[1]))

    def _on_auth(self, record: wire.Record) -> None:
        """The far end wants credentials for one of our requests in a call."""
        _, status, handle, number, tries, (method, uri, challenges) = record
        leg = self._legs.at(handle)
        account = self._lines.account(leg.endpoint) if leg is not None and leg.kind == "line" else None
        line = None
        if account is not None and tries < 2:
            line = authorization(status, h.value_lines(_text(challenges)), _text(method), _text(uri), *account)
        self._thread.command(wire.CMD_AUTH, 0 if line else 1, handle, number, strings=((line or "").encode(),))

    def _on_request(self, record: wire.Record) -> None:
        _, code, handle, cseq, _b, parts = record
        method = _text(parts[0])
        if method == "REGISTER":
            checked, events = self._phones.on_register(code, cseq, [_text(part) for part in parts], self._clock.utc())
            self._banned(checked)
            self._reply(handle, checked.reply or Reply(status=500, reason="No Decision"))
            if checked.extension:
                events = (*events, *self._silence.heard(checked.extension, _text(parts[1]), self._clock.utc()))
            self._registrations(events)
            if events:
                self._allow_sources()
        elif method == "SUBSCRIBE":
            self._banned(self._notifier.on_subscribe(record, self._clock.utc()))
        else:
            self._reply(handle, Reply(status=405 if method in ("MESSAGE", "PUBLISH") else 489, reason="Not Served Here"))

    def _reply(self, handle: int, reply: Reply) -> None:
        self._thread.command(wire.CMD_REPLY, reply.status, handle,
                             strings=(reply.reason.encode(), h.header_lines(reply.headers).encode(), b""))

    def _registrations(self, events: Iterable[Event]) -> None:
        for event in events:
            self._registration(event)

    def _registration(self, event: Event) -> None:
        """A binding came or went: the core hears of it, and of the phone's state as it is now."""
        if not isinstance(event, PhoneRegistered | PhoneGone):
            return
        contacts = self._phones.best(event.extension, self._clock.utc())
        self._notifier.registered(event.extension, event.contact if isinstance(event, PhoneRegistered) else "")
        self._sink(EndpointChanged(
            endpoint=event.extension, kind="phone", up=bool(contacts), reason=contacts[0].uri if contacts else "",
            event=event,
        ))

    def _banned(self, checked: Checked) -> None:
        ban = checked.ban
        if ban is None:
            return
        self._thread.command(wire.CMD_BAN, a=max(1, int(ban.seconds)), strings=(ban.address.encode(),))
        self._sink(EndpointChanged(endpoint=ban.address, kind="phone", up=False, reason=ban.reason, event=ban))

    def _on_dialog(self, record: wire.Record) -> None:
        self._notifier.dialog(record)

    def _on_response(self, record: wire.Record) -> None:
        if self._notifier.response(record):
            return
        ours, events = self._silence.response(record, self._clock.mono(), self._clock.utc())
        if ours:
            self._registrations(events)
            return
        self._lines.response(record, self._clock.mono())

    def _on_orphan(self, record: wire.Record) -> None:
        call_id, line, detail = (_text(part) for part in record[5])
        if record[1] == wire.ORPHAN_FOUND:
            self._sink(OrphanFound(sip_call_id=call_id, line=line))
        else:
            self._sink(OrphanEnded(sip_call_id=call_id, line=line, ended=bool(record[1]), detail=detail))

    def _on_stopped(self, record: wire.Record) -> None:
        if self._stopped is not None and not self._stopped.done():
            self._stopped.set_result(None)


_HANDLERS = {
    wire.EV_INVITE: SipDriver._on_invite,
    wire.EV_PROGRESS: SipDriver._on_progress,
    wire.EV_ANSWERED: SipDriver._on_answered,
    wire.EV_MEDIA: SipDriver._on_media,
    wire.EV_ENDED: SipDriver._on_ended,
    wire.EV_INFO: SipDriver._on_info,
    wire.EV_REFER: SipDriver._on_refer,
    wire.EV_REFERRED: SipDriver._on_referred,
    wire.EV_AUTH: SipDriver._on_auth,
    wire.EV_REQUEST: SipDriver._on_request,
    wire.EV_RESPONSE: SipDriver._on_response,
    wire.EV_DIALOG: SipDriver._on_dialog,
    wire.EV_ORPHAN: SipDriver._on_orphan,
    wire.EV_STOPPED: SipDriver._on_stopped,
}

__all__ = ["SipDriver", "address_of"]
