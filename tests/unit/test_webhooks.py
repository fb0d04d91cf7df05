"""Webhooks: what they tell, how they prove who says it, where they may go, what becomes of what is not taken."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.server
import ipaddress
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from appliance import messages as m
from appliance.clock import SystemClock
from appliance.config.store import Store
from appliance.config.webhooks import Webhook
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.webhooks import guard, sender, sign, store
from appliance.webhooks.courier import Courier, judged, trial, wants
from appliance.webhooks.events import OLDEST, Fold, Message
from appliance.webhooks.store import Delivery, Progress, WebhookStore
from tests.peers.net import PATIENCE
from tests.unit.test_web_calls import queue_call

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOOK = Webhook(name="crm", url="https://crm.example/hook?x=1", secret=SECRET)


# ---- signatures ------------------------------------------------------------------------------------------------------


def test_a_message_is_signed_as_the_specification_has_it() -> None:
    """The example of Standard Webhooks."""
    made = sign.headers(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
                    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}


def test_a_secret_is_what_it_says_or_what_is_written() -> None:
    assert sign.key_of("whsec_" + base64.b64encode(b"x" * 24).decode()) == b"x" * 24
    assert sign.key_of("whsec_no base64 at all!") == b"whsec_no base64 at all!"
    assert sign.key_of("plain") == b"plain"
    made = sign.new_secret()
    assert len(sign.key_of(made)) == 24 and made != sign.new_secret()
    assert len(msgspec.convert({"name": "a", "url": "http://a", "secret": made}, Webhook).events) == 7


# ---- where they may go ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::",
])  # fmt: skip
def test_this_machine_and_its_link_are_refused(address: str) -> None:
    assert guard.local(ipaddress.ip_address(address))
    with pytest.raises(SwitchroomError, match="link-local"):
        guard.choose("name.example", 443, False, lambda host, port: ["192.0.2.7", address])
    assert guard.choose("name.example", 443, True, lambda host, port: [address]) == [address]


@pytest.mark.parametrize("address", ["192.168.1.20", "10.0.0.5", "8.8.8.8", "2001:db8::1", "fd00::5"])
def test_the_office_network_and_the_world_are_not(address: str) -> None:
    assert guard.choose("crm.example", 443, False, lambda host, port: [address]) == [address]


@pytest.mark.parametrize("url", ["ftp://a/", "https://user@a/", "https://a\\b/", "//a/", "https://", "http://a b/", "file:///etc/passwd",
                                 "https://a/x#y", "http://a\r\nX: y/"])
def test_an_address_is_one(url: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": "a", "url": url, "secret": SECRET}, Webhook)


# ---- what is told --------------------------------------------------------------------------------------------------------


def records(events: list[m.Event], first: int = 1) -> list[m.Record]:
    return [m.Record(first + at, 1000.0 + at, float(at), "boot", event) for at, event in enumerate(events)]


def told(fold: Fold, events: list[m.Record]) -> list[Message]:
    return [message for record in events for message in fold.feed(record)]


CALL = "aaaa00000000000001"


def test_a_call_of_a_queue_is_told_with_its_caller_and_its_agent() -> None:
    found = told(Fold({"anna": "101"}.__getitem__), records(queue_call(CALL, "front", "anna", "+358401234567", "Mrs Smith", 1.0)))
    assert [each.type for each in found] == ["call.ringing", "call.answered", "recording.ready", "call.ended"]
    ringing, answered, recording, ended = (each.data for each in found)
    assert ringing == {"call": CALL, "direction": "in", "number": "+358401234567", "name": "Mrs Smith", "line": "gateway",
                       "queue": "front", "facts": {}, "agent": "anna", "extension": "101"}
    assert answered["facts"] == {"account": "7712"} and answered["waited"] == 4.0
    assert recording["path"] == f"/api/v1/recordings/{CALL}-1"
    assert (ended["disposition"], ended["agent"], ended["seconds"]) == ("answered", "anna", 6.0)
    assert len({each.id for each in found}) == 4 and all(each.queues == {"front"} for each in found)
    body = json.loads(found[0].body())
    assert body["type"] == "call.ringing" and body["timestamp"].startswith("1970-01-01T00:16:43") and body["data"] == ringing


def test_a_caller_whom_nobody_reached_is_told_once() -> None:
    events = [m.LegOpened(call=CALL, leg="a", direction="in", kind="line", endpoint="gateway", number="+3581"),
              m.ContactQueued(at=1, contact=CALL, queue="front"),
              m.ContactOffered(at=1, contact=CALL, agent="anna", queue="front"),
              m.ContactLeft(at=1, contact=CALL, queue="front", reason="abandoned"),
              m.CallEnded(call=CALL, disposition="no_answer")]
    assert [each.type for each in told(Fold(), records(events))] == ["call.ringing", "call.missed", "call.ended"]


def test_phones_ring_without_a_queue_too() -> None:
    events = [m.LegOpened(call=CALL, leg="a", direction="in", kind="line", endpoint="gateway", number="+3581"),
              m.LegOpened(call=CALL, leg="b", direction="out", kind="phone", endpoint="101"), m.LegRinging(leg="b"),
              m.LegAnswered(leg="b"), m.LegAnswered(leg="a"), m.CallEnded(call=CALL, disposition="answered")]
    found = told(Fold(), records(events))
    assert [(each.type, each.data.get("extension")) for each in found] == [
        ("call.ringing", "101"), ("call.answered", "101"), ("call.ended", None)]


def test_calls_of_campaigns_are_told_as_a_campaign() -> None:
    events = [m.LegOpened(call=CALL, leg="a", direction="out", kind="line", endpoint="gateway", number="+3581", campaign=3),
              m.LegAnswered(leg="a"), m.CallEnded(call=CALL, disposition="answered"),
              m.CampaignStateChanged(campaign=3, state="paused"), m.CampaignStateChanged(campaign=3, state="finished")]
    assert [(each.type, each.data) for each in told(Fold(), records(events))] == [
        ("campaign.ended", {"campaign": 3, "state": "finished", "reason": ""})]


@pytest.mark.parametrize("cut", range(1, 15))
def test_a_start_in_the_middle_of_a_call_tells_the_rest_as_if_there_had_been_none(cut: int) -> None:
    """A fold that is fed from `since` on knows what the old one knew."""
    every = records(queue_call(CALL, "front", "anna", "+358401234567", "Mrs Smith", 1.0))
    whole = told(Fold(), every)
    before = Fold()
    first = told(before, every[:cut])
    since = before.since(cut)
    after = Fold()
    told(after, every[since:cut])
    assert first + told(after, every[cut:]) == whole


def test_what_never_ends_does_not_hold_the_start_back_for_ever() -> None:
    fold = Fold()
    told(fold, records([m.LegOpened(call=CALL, leg="a", direction="in", kind="line", endpoint="gateway")]))
    fold.forget(1000 + OLDEST)
    assert fold.since(99) == 0
    fold.forget(1001 + OLDEST)
    assert fold.since(99) == 99


def test_a_webhook_hears_what_it_asked_for() -> None:
    message = Message(id="1", type="call.ringing", utc=0, data={}, queues=frozenset({"front"}))
    assert wants(HOOK, message)
    assert wants(msgspec.structs.replace(HOOK, queues=["front"]), message)
    assert not wants(msgspec.structs.replace(HOOK, queues=["billing"]), message)
    assert not wants(msgspec.structs.replace(HOOK, events=["call.ended"]), message)


# ---- what becomes of it -----------------------------------------------------------------------------------------------------


def delivery(id: str = "1", made: float = 1000.0) -> Delivery:
    return Delivery(number=0, hook="crm", id=id, type="call.ringing", made=made, body=b"{}")


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[WebhookStore]:
    made = WebhookStore(tmp_path)
    yield made
    made.close()


def test_what_is_taken_is_erased_and_what_is_not_is_tried_ever_later() -> None:
    sent = judged(delivery(), sender.Tried(204), HOOK, 1001)
    assert (sent.state, sent.body, sent.done) == ("sent", b"", 1001)
    each, gaps = delivery(), []
    for _ in range(8):
        each = judged(each, sender.Tried(500), HOOK, 1001)
        gaps.append(each.next_try - 1001)
    assert gaps == [2, 10, 60, 300, 1800, 3600, 3600, 3600] and each.state == "waiting" and each.error == "It answered 500."
    late = judged(each, sender.Tried(0, "refused"), HOOK, 1000 + 72 * 3600)
    assert (late.state, late.body, late.error) == ("dead", b"{}", "refused")
    assert judged(delivery(), sender.Tried(410), HOOK, 1001).state == "dead"


def test_nothing_is_lost_or_made_twice_over_a_restart(tmp_path: Path) -> None:
    first = WebhookStore(tmp_path)
    first.take([delivery("a"), delivery("b")], Progress(7, 5, "boot"))
    first.close()
    again = WebhookStore(tmp_path)
    assert [each.id for each in again.waiting("crm")] == ["a", "b"] and again.progress() == Progress(7, 5, "boot")
    again.close()


def test_without_webhooks_calls_write_nothing_and_who_comes_later_hears_from_then_on(tmp_path: Path) -> None:
    """Each write waits for the disk, and most boxes have no webhook."""
    config: Any = SimpleNamespace(agent=lambda name: None)
    kept, hooks = WebhookStore(tmp_path), {"crm": HOOK}
    kept.take([], Progress(0, 0, "another"))
    courier = Courier(tmp_path, kept, lambda: config, SystemClock())
    courier._read({})

    def call(ledger: Ledger, id: str) -> None:
        ledger.commit_now(
            m.LegOpened(call=id, leg=f"{id}-1", direction="in", kind="line", endpoint="gateway", number="+3581"),
            m.LegEnded(leg=f"{id}-1"), m.CallEnded(call=id, disposition="no_answer"))

    ledger = Ledger(tmp_path / "ledger", SystemClock())
    before = kept._env.info()["last_txnid"]
    call(ledger, "a")
    courier._read({})
    assert kept._env.info()["last_txnid"] == before
    courier._read(hooks)
    call(ledger, "b")
    courier._read(hooks)
    asyncio.run(ledger.close())
    assert [json.loads(each.body)["data"]["call"] for each in kept.waiting("crm")] == ["b", "b"]
    courier.close()
    kept.close()


def test_what_names_a_person_who_is_erased_is_told_no_more(kept: WebhookStore, tmp_path: Path) -> None:
    def of(id: str, number: str) -> Delivery:
        body = Message(id=id, type="call.missed", utc=1000.0, data={"number": number}).body()
        return msgspec.structs.replace(delivery(id), body=body)

    kept.take([of("a", "+358401234567"), of("b", "+3584012345678"), of("c", "0401234567")], None)
    given_up = kept.all()[-1].number
    kept.change(given_up, lambda each: judged(each, sender.Tried(410), HOOK, 1001))
    kept.erase(["+358401234567", "0401234567"])
    assert [each.id for each in kept.all()] == ["b"]


def test_the_queue_has_an_end_and_says_what_it_dropped(kept: WebhookStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_WAITING", 3)
    monkeypatch.setattr(store, "KEPT", 2)
    kept.take([delivery(str(number)) for number in range(6)], None)
    assert [each.state for each in kept.all()] == ["dropped"] * 3 + ["waiting"] * 3
    kept.sweep(["crm"])
    assert [each.state for each in kept.all()] == ["dropped"] * 2 + ["waiting"] * 3
    kept.sweep([])
    assert kept.all() == []


def test_what_was_given_up_can_be_tried_again(kept: WebhookStore) -> None:
    kept.take([delivery()], None)
    number = kept.all()[0].number
    kept.change(number, lambda each: judged(each, sender.Tried(410), HOOK, 1001))
    assert kept.retry(number, 2000).state == "waiting" and kept.waiting("crm")[0].made == 2000
    kept.change(number, lambda each: judged(each, sender.Tried(200), HOOK, 1001))
    for wrong, id in ((number, "webhook.no-text"), (99, "webhook.unknown"), (2**70, "webhook.unknown")):
        with pytest.raises(SwitchroomError) as caught:
            kept.retry(wrong, 2000)
        assert caught.value.id == id


# ---- over the network --------------------------------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[Callable[..., tuple[str, list[tuple[dict[str, str], bytes, str]]]]]:
    """Starts a server that answers with these statuses, one after the other; gives its address and what it got."""
    servers = []

    def start(*statuses: int, location: str = "") -> tuple[str, list[tuple[dict[str, str], bytes, str]]]:
        got: list[tuple[dict[str, str], bytes, str]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got.append(({name.lower(): value for name, value in self.headers.items()}, body, self.path))
                self.send_response(statuses[min(len(got), len(statuses)) - 1])
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *args: object) -> None:
                return None

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", got

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_what_arrives_can_be_proved(listener: Callable[..., tuple[str, list[tuple[dict[str, str], bytes, str]]]]) -> None:
    url, got = listener(200)
    hook = msgspec.structs.replace(HOOK, url=f"{url}/hook?x=1", allow_local=True)
    each = trial("crm", 1234.5)
    assert sender.deliver(hook, each.id, each.body, 1234.5).taken
    heads, body, path = got[0]
    assert path == "/hook?x=1" and json.loads(body)["type"] == "webhook.test" and heads["content-type"] == "application/json"
    signed = f"{heads['webhook-id']}.{heads['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    assert heads["webhook-signature"] == "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def test_no_redirect_is_followed_and_nothing_local_is_reached(listener: Callable[..., tuple[str, list[object]]]) -> None:
    inner, reached = listener(200)
    url, got = listener(302, location=inner)
    hook = msgspec.structs.replace(HOOK, url=url, allow_local=True)
    assert sender.deliver(hook, "1", b"{}", 0) == sender.Tried(302) and len(got) == 1 and reached == []
    refused = sender.deliver(msgspec.structs.replace(hook, allow_local=False), "1", b"{}", 0)
    assert refused.status == 0 and "allow_local" in refused.error and len(got) == 1


def test_the_next_address_of_a_name_is_tried_where_nobody_listens_at_the_first(
    listener: Callable[..., tuple[str, list[tuple[dict[str, str], bytes, str]]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, got = listener(500)
    monkeypatch.setattr(guard, "resolve", lambda host, port: ["127.0.0.9", "127.0.0.1", "127.0.0.1"])
    hook = msgspec.structs.replace(HOOK, url=url.replace("127.0.0.1", "localhost"), allow_local=True)
    assert sender.deliver(hook, "1", b"{}", 0) == sender.Tried(500)
    assert len(got) == 1  # who has answered is not asked again


def test_a_far_end_that_is_not_there_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    hook = msgspec.structs.replace(HOOK, url="http://127.0.0.1:9/", allow_local=True, timeout_seconds=2)
    tried = sender.deliver(hook, "1", b"{}", 0)
    assert tried.status == 0 and tried.error
    monkeypatch.setattr(guard, "resolve", unknown)  # some name servers know every name
    assert "not known" in sender.deliver(msgspec.structs.replace(HOOK, url="http://nobody.invalid/"), "1", b"{}", 0).error
    assert sender.deliver(msgspec.structs.replace(HOOK, url="http://a:99999/"), "1", b"{}", 0).status == 0


def test_what_is_taken_stays_so_where_the_answer_breaks_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        def answer() -> None:
            there, _ = server.accept()
            with there:
                there.recv(10_000)
                there.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")

        thread = threading.Thread(target=answer)
        thread.start()
        hook = msgspec.structs.replace(HOOK, url=f"http://127.0.0.1:{server.getsockname()[1]}/", allow_local=True)
        assert sender.deliver(hook, "1", b"{}", 0) == sender.Tried(200)
        thread.join(PATIENCE)


def test_a_webhook_that_is_changed_is_left_alone_in_the_middle_of_what_waits(
    kept: WebhookStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hours of messages may wait for an address that was wrong."""
    config: dict[str, Any] = {"now": SimpleNamespace(webhooks=[HOOK])}
    tried: list[str] = []

    def deliver(hook: Webhook, id: str, body: bytes, utc: float) -> sender.Tried:
        tried.append(id)
        config["now"] = SimpleNamespace(webhooks=[msgspec.structs.replace(HOOK, active=False)])
        return sender.Tried(500)

    monkeypatch.setattr(sender, "deliver", deliver)
    kept.take([delivery(str(number), SystemClock().utc()) for number in range(5)], None)
    Courier(tmp_path, kept, lambda: config["now"], SystemClock())._round(HOOK)
    assert tried == ["0"]


OFFICE_WITH_HOOK = f"""
[office]
name = "Office"
country = "FI"
timezone = "Europe/Helsinki"
language = "en"
[[webhooks]]
name = "crm"
url = "https://crm.example/hook"
secret = "{SECRET}"
"""


@pytest.mark.parametrize("id", ["config.unreadable", "config.none"])
def test_a_configuration_that_cannot_be_read_is_not_one_without_webhooks(
    kept: WebhookStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, id: str
) -> None:
    """Where nobody listens what waits is forgotten: that must be known."""
    problem = SwitchroomError("config.unreadable", "The disk does not answer.", "Look at it.")

    def config() -> Any:
        raise problem

    courier = Courier(tmp_path, kept, config, SystemClock())
    with pytest.raises(SwitchroomError) as raised:
        courier.hooks()
    assert raised.value is problem
    problem = SwitchroomError("config.none", "The box has no configuration yet.", "Import one.")
    assert courier.hooks() == {}
    kept.take([delivery("a")], None)
    with pytest.raises(SwitchroomError):  # there was one, and somebody listened
        courier.hooks()
    kept.take([], Progress(7, 7, "a"))
    problem = SwitchroomError(id, "The disk does not answer.", "Look at it.")
    courier.start()
    for _ in range(1000):
        if "could not be brought up to date" in caplog.text:
            break
        courier._stop.wait(0.01)
    else:
        raise AssertionError("nothing was said")
    courier.close()
    assert kept.progress() == Progress(7, 7, "a") and [each.id for each in kept.waiting("crm")] == ["a"]


def test_what_happens_while_the_configuration_is_lost_is_told_when_it_is_back(tmp_path: Path) -> None:
    data = tmp_path
    config = Store(data)
    config.save(OFFICE_WITH_HOOK, by="test")
    kept = WebhookStore(data)
    ledger = Ledger(data / "ledger", SystemClock())
    ledger.commit_now(m.BoxStarted(version="1", clean=True))
    courier = Courier(data, kept, config.current, SystemClock())
    courier._read(courier.hooks())
    ledger.commit_now(m.LegOpened(call="a", leg="a-1", direction="in", kind="line", endpoint="gateway", number="+3581"))
    courier._read(courier.hooks())
    (data / "config" / "current").unlink()
    ledger.commit_now(m.LegEnded(leg="a-1"), m.CallEnded(call="a", disposition="no_answer"))
    with pytest.raises(SwitchroomError):
        courier._read(courier.hooks())
    config.rollback(1, by="test")
    courier._read(courier.hooks())
    asyncio.run(ledger.close())
    assert [each.type for each in kept.waiting("crm")] == ["call.missed", "call.ended"]
    courier.close()
    kept.close()
