"""The threads that carry: one reads the ledger and makes messages, one for each webhook delivers them in their order.

A webhook that cannot be reached rests, so that what is new does not run into each timeout; one that answers with an error keeps
its message and gets the next. Everything stands on disk, so the process may end at any moment.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from appliance.clock import Clock
from appliance.config.model import Config
from appliance.config.webhooks import Webhook
from appliance.errors import SwitchroomError
from appliance.ledger.reader import LedgerReader
from appliance.webhooks import sender
from appliance.webhooks.events import Fold, Message
from appliance.webhooks.store import Delivery, Progress, WebhookStore

log = logging.getLogger("webhooks")
LOOK_SECONDS = 0.2
BATCH = 2_000
LONGEST_REST = 60.0
TIDY_SECONDS = 60.0
TEST = "webhook.test"


class Courier:
    """Give back with `close`."""

    def __init__(self, data: Path, store: WebhookStore, config: Callable[[], Config], clock: Clock) -> None:
        self._data, self._store, self._config, self._clock = data, store, config, clock
        self._stop, self._news = threading.Event(), threading.Condition()
        self._threads: dict[str, threading.Thread] = {}
        self._follower = threading.Thread(target=self._follow, name="webhooks", daemon=True)
        self._ledger: LedgerReader | None = None
        self._fold: Fold | None = None

    def start(self) -> None:
        self._follower.start()

    def close(self) -> None:
        self._stop.set()
        self.wake()
        if self._ledger is not None and not self._follower.is_alive():
            self._ledger.close()
        for thread in (self._follower, *list(self._threads.values())):
            if thread.is_alive():
                thread.join(2)  # one that waits for a far end ends with the process; its message stays

    def wake(self) -> None:
        """Something new was put into the store."""
        with self._news:
            self._news.notify_all()

    def hooks(self) -> dict[str, Webhook]:
        """Those that are told. Raises SwitchroomError where the configuration cannot be read: nobody knows who listens."""
        return {each.name: each for each in self._configured() if each.active}

    def _configured(self) -> list[Webhook]:
        try:
            return self._config().webhooks
        except SwitchroomError as problem:
            if problem.id != "config.none" or not self._store.is_new():
                raise  # also where there was a configuration once: what waits is kept until there is one again
            return []  # before the first configuration

    # ---- from the ledger into the store --------------------------------------------------------------------------

    def _follow(self) -> None:
        tidied = 0.0
        while not self._stop.is_set():
            try:
                hooks = self.hooks()
                more = self._read(hooks)
                self._employ(hooks)
                if time.monotonic() - tidied > TIDY_SECONDS:
                    self._store.sweep(each.name for each in self._configured())
                    tidied = time.monotonic()
            except Exception:
                log.exception("the webhooks could not be brought up to date")
                self._fold, more = None, False
                self._stop.wait(5)
            if not more:
                self._stop.wait(LOOK_SECONDS)

    def _read(self, hooks: dict[str, Webhook]) -> bool:
        """Take a batch of what is new; True: there is more."""
        if not hooks:  # nobody listens: nothing is read and nothing written; whoever comes later hears from then on
            if self._store.progress() is not None:
                self._fold = None
                self._store.begin_anew()
            return False
        ledger = self._reader()
        if ledger is None:
            return False
        fold, progress = self._begun(ledger)
        last = ledger.last_seq()
        records = ledger.read(progress.seq, BATCH) if last > progress.seq else []
        if not records:
            return False
        made = [_delivery(hook, message) for record in records for message in fold.feed(record)
                for hook in hooks.values() if wants(hook, message)]
        fold.forget(records[-1].utc)
        seq = records[-1].seq
        self._store.take(made, msgspec.structs.replace(progress, seq=seq, since=fold.since(seq)))
        if made:
            self.wake()
        return len(records) == BATCH

    def _reader(self) -> LedgerReader | None:
        if self._ledger is None:
            try:
                self._ledger = LedgerReader(self._data / "ledger")
            except SwitchroomError as problem:
                if problem.id != "ledger.missing":
                    raise
        return self._ledger

    def _begun(self, ledger: LedgerReader) -> tuple[Fold, Progress]:
        """The fold as it was when the last message was made. Another ledger than that is told of from its end on."""
        first = ledger.event(1)
        name = first.boot if first is not None else ""
        progress = self._store.progress()
        if progress is None or progress.ledger != name or progress.seq > ledger.last_seq():
            last = ledger.last_seq()
            progress = Progress(last, last, name)
            self._store.take([], progress)
            self._fold = None
        if self._fold is None:
            fold = Fold(self._extension_of)
            for record in ledger.follow(progress.since):
                if record.seq > progress.seq:
                    break
                for _ in fold.feed(record):
                    pass  # was told of then
            self._fold = fold
        return self._fold, progress

    def _extension_of(self, agent: str) -> str:
        found = self._config().agent(agent)
        return (found.extension or "") if found is not None else ""

    # ---- from the store to the programs --------------------------------------------------------------------------

    def _employ(self, hooks: dict[str, Webhook]) -> None:
        for name in hooks:
            thread = self._threads.get(name)
            if thread is None or not thread.is_alive():
                thread = threading.Thread(target=self._carry, args=(name,), name=f"webhook-{name[:8]}", daemon=True)
                self._threads[name] = thread
                thread.start()

    def _carry(self, name: str) -> None:
        """Until the webhook is configured no more."""
        while not self._stop.is_set():
            rest = 0.5
            try:
                hook = self.hooks().get(name)
                if hook is None:
                    return
                rest = self._round(hook)
            except Exception:
                log.exception("a webhook could not be served", extra={"webhook": name})
                rest = 5.0
            with self._news:
                if not self._stop.is_set():
                    self._news.wait(rest)

    def _round(self, hook: Webhook) -> float:
        """Try what is due; how long to rest then."""
        now = self._clock.utc()
        for each in self._store.waiting(hook.name):
            if self._stop.is_set() or self.hooks().get(hook.name) != hook:
                break  # many may wait, and each try of them takes long: what is configured now counts at once
            if each.next_try > now:
                continue
            tried = sender.deliver(hook, each.id, each.body, self._clock.utc())
            after = self._store.change(each.number, partial(judged, tried=tried, hook=hook, now=self._clock.utc()))
            if not tried.taken:
                log.warning("a webhook did not take a message", extra={"webhook": hook.name, "status": tried.status,
                                                                       "error": tried.why, "state": after.state})
            if not tried.status:
                self._stop.wait(min(sender.backoff(after.tries), LONGEST_REST))
        return 0.5


def wants(hook: Webhook, message: Message) -> bool:
    return message.type in hook.events and (not hook.queues or bool(message.queues.intersection(hook.queues)))


def _delivery(hook: Webhook, message: Message) -> Delivery:
    return Delivery(number=0, hook=hook.name, id=message.id, type=message.type, made=message.utc, body=message.body())


def judged(each: Delivery, tried: sender.Tried, hook: Webhook, now: float) -> Delivery:
    """What becomes of a message by a try. Pure."""
    tries = each.tries + 1
    if tried.taken:
        return msgspec.structs.replace(each, state="sent", tries=tries, done=now, status=tried.status, error="", body=b"")
    over = tried.status == sender.GONE or now - each.made >= hook.keep_trying_hours * 3600
    return msgspec.structs.replace(each, state="dead" if over else "waiting", tries=tries, done=now if over else 0.0,
                                   status=tried.status, error=tried.why, next_try=0.0 if over else now + sender.backoff(tries))


def trial(hook: str, now: float) -> Delivery:
    """A message that says nothing but that it works."""
    message = Message(id=f"test-{int(now * 1000)}", type=TEST, utc=now, data={"webhook": hook})
    return Delivery(number=0, hook=hook, id=message.id, type=TEST, made=now, body=message.body())
