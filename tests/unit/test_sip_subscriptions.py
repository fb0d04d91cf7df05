"""Who watches what (drivers/sip/subscriptions.py) and what is written of it (bodies.py), without a network."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from drivers.base import LAMP_ON, LampCall
from drivers.sip import headers as h
from drivers.sip.bodies import dialog_info, message_summary, pidf
from drivers.sip.registrar import MemoryStore
from drivers.sip.subscriptions import AFTER_RESTART, Subscribe, Subscriptions, accepts

NOW = 1_000_000.0


def wish(**changes: Any) -> Subscribe:
    known = {
        "watcher": "101", "resource": "102", "event": "dialog", "accept": "", "expires": "600", "call_id": "c", "cseq": 1,
        "sender": "<sip:101@x>;tag=w", "to": "<sip:102@x>", "tag": "t1", "contact": "<sip:101@192.0.2.1>", "routes": [],
        "source": "192.0.2.1:5060", "transport": 0, "entity": "sip:102@x",
    }
    return Subscribe(**{**known, **changes})


def right(watcher: str, resource: str, package: str) -> Any:
    return {"secret": "no", "nobody": None}.get(resource, "look")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def subs(store: MemoryStore) -> Subscriptions:
    return Subscriptions(store, right, most=20, most_of_one=5)


def test_a_subscription_from_its_beginning_to_its_end(subs: Subscriptions, store: MemoryStore) -> None:
    begun = subs.subscribe(wish(), NOW)
    assert (begun.status, begun.headers, begun.over) == (200, (("Expires", "600"),), False)
    assert subs.watched("102") and len(store.records) == 1
    inside = {"to": "<sip:102@x>;tag=t1", "cseq": 2}
    assert subs.subscribe(wish(**inside, expires="99999"), NOW + 10).headers == (("Expires", "3600"),)
    assert subs.tick(NOW + 3000) == []
    over = subs.subscribe(wish(**{**inside, "cseq": 3}, expires="0"), NOW + 3000)
    assert over.over and over.subscription is begun.subscription and not subs.watched("102") and not store.records


def test_it_expires(subs: Subscriptions) -> None:
    one = subs.subscribe(wish(), NOW).subscription
    assert subs.tick(NOW + 599.9) == [] and subs.tick(NOW + 600) == [one] and not subs.watched("102")


@pytest.mark.parametrize(("changes", "status"), [
    ({"event": "conference"}, 489), ({"event": ""}, 489), ({"accept": "text/plain, image/*"}, 406),
    ({"accept": "text/plain," * 100000}, 406), ({"expires": "59"}, 423), ({"expires": "x"}, 400), ({"expires": "²"}, 400),
    ({"expires": "9" * 4000}, 200), ({"resource": "nobody"}, 404), ({"resource": "secret"}, 403), ({"contact": "*"}, 400),
    ({"contact": "<sips:a@b>"}, 400), ({"contact": ""}, 400), ({"sender": "<sip:101@x>"}, 400), ({"call_id": "c" * 300}, 400),
    ({"sender": f"<sip:101@x>;tag={'t' * 300}"}, 400), ({"routes": [f"<sip:{'p' * 3000}@x;lr>"]}, 400),
    ({"routes": ["<sip:p@x;lr>"] * 9}, 400), ({"routes": ["<sip:p@x;lr>"] * 8}, 200),
    ({"to": "<sip:102@x>;tag=other"}, 481), ({"event": "Dialog;id=7"}, 200),
    ({"accept": "application/dialog-info+xml;q=0.5"}, 200), ({"accept": "application/*"}, 200),
])
def test_what_is_refused(subs: Subscriptions, changes: dict[str, Any], status: int) -> None:
    assert subs.subscribe(wish(**changes), NOW).status == status


@pytest.mark.parametrize(("changes", "status"), [
    ({"watcher": "103"}, 403), ({"event": "presence"}, 403), ({"call_id": "d"}, 481), ({"sender": "<sip:101@x>;tag=z"}, 481),
    ({"cseq": 1}, 500), ({"cseq": 2}, 200),
])
def test_a_refresh_is_its_own_phones(subs: Subscriptions, changes: dict[str, Any], status: int) -> None:
    subs.subscribe(wish(), NOW)
    assert subs.subscribe(wish(**{"to": "<sip:102@x>;tag=t1", "cseq": 2, **changes}), NOW).status == status
    assert subs.watched("102")


def test_a_phone_that_was_restarted_does_not_pile_up(subs: Subscriptions) -> None:
    first = subs.subscribe(wish(), NOW).subscription
    again = subs.subscribe(wish(call_id="d", tag="t2"), NOW)
    assert again.dropped == (first,) and len(subs.all()) == 1
    assert not subs.subscribe(wish(call_id="e", tag="t3", source="192.0.2.1:5062"), NOW).dropped  # its second device


def test_numbers_are_bounded(subs: Subscriptions) -> None:
    got = [subs.subscribe(wish(resource=str(n), tag=f"t{n}"), NOW).status for n in range(6)]
    assert got == [200] * 5 + [503]
    got = [subs.subscribe(wish(watcher=str(n // 5), resource="x", tag=f"u{n}", source=f"192.0.2.1:{n}"), NOW).status
           for n in range(30)]
    assert got == [200] * 15 + [503] * 15


def test_they_outlive_a_restart_with_numbers_that_grow(store: MemoryStore) -> None:
    before = Subscriptions(store, right)
    one = before.subscribe(wish(), NOW).subscription
    before.subscribe(wish(resource="103", tag="t2", expires="60"), NOW)
    before.subscribe(wish(resource="104", tag="t4"), NOW)
    assert one is not None
    one.cseq, one.version = 40, 39  # NOTIFYs since: not written down
    store.records["broken"] = b"{"
    after = Subscriptions(store, lambda watcher, resource, package: None if resource == "104" else "look")
    (kept,) = after.restore(NOW + 100)
    assert kept.resource == "102" and kept.cseq >= AFTER_RESTART > one.cseq and set(store.records) == {"t1"}
    assert after.subscribe(wish(to="<sip:102@x>;tag=t1", cseq=2), NOW + 100).status == 200


def test_they_outlive_two_restarts_between_two_refreshes(store: MemoryStore) -> None:
    """A phone takes no NOTIFY whose CSeq or version is not above the one before."""
    Subscriptions(store, right).subscribe(wish(), NOW)
    (once,) = Subscriptions(store, right).restore(NOW)
    once.cseq, once.version = once.cseq + 40, once.version + 40  # NOTIFYs since
    (twice,) = Subscriptions(store, right).restore(NOW)
    assert twice.cseq > once.cseq and twice.version > once.version


def test_a_right_that_changed_counts_from_then_on(store: MemoryStore) -> None:
    may = {"102": "pick-up", "103": "look", "104": "look"}
    subs = Subscriptions(store, lambda watcher, resource, package: may.get(resource))  # type: ignore[return-value, arg-type]
    taken, given, barred = (subs.subscribe(wish(resource=n, tag=n), NOW).subscription for n in may)
    assert taken is not None and given is not None
    may.update({"102": "look", "103": "pick-up", "104": "no"})
    assert subs.review() == [barred] and (taken.right, given.right) == ("look", "pick-up")
    again = Subscriptions(store, lambda watcher, resource, package: "look")
    assert {one.resource: one.right for one in again.restore(NOW)}["103"] == "pick-up"  # what was last decided
    del may["104"]
    assert subs.review() == [barred]


@pytest.mark.parametrize(("value", "expected"), [
    ("<sip:a@b>;tag=1", ("<sip:a@b>", "1")),
    ('"A;tag=9 <x>" <sip:a@b;x=y>;p=1;Tag=2;q', ('"A;tag=9 <x>" <sip:a@b;x=y>;p=1;q', "2")),
    ("sip:a@b;tag=3", ("sip:a@b", "3")), ("<sip:a@b>", ("<sip:a@b>", "")), ("sip:a@b", ("sip:a@b", "")), ("", ("", "")),
    ('"open', ('"open', "")), ("<sip:a@b", ("<sip:a@b", "")),
])
def test_tags_are_taken_off(value: str, expected: tuple[str, str]) -> None:
    assert h.split_tag(value) == expected


# ---- bodies -----------------------------------------------------------------------------------------------------------------

SPACE = "{urn:ietf:params:xml:ns:dialog-info}"


def test_dialog_info() -> None:
    calls = [LampCall(leg="a", state="ringing", other="1<2", other_name='A "&" B'), LampCall(leg="b")]
    tree = ElementTree.fromstring(dialog_info("sip:102@x", 7, calls, {"a": ("c@d", "their's", "ours")}))
    assert (tree.get("version"), tree.get("state"), tree.get("entity")) == ("7", "full", "sip:102@x")
    one, two = tree.findall(f"{SPACE}dialog")
    assert (one.get("call-id"), one.get("local-tag"), one.get("remote-tag"), one.get("direction")) == (
        "c@d", "their's", "ours", "recipient")
    assert [d.findtext(f"{SPACE}state") for d in (one, two)] == ["early", "confirmed"]
    remote = one.find(f"{SPACE}remote/{SPACE}identity")
    assert remote is not None and (remote.text, remote.get("display")) == ("sip:1<2@x", 'A "&" B')
    assert two.get("call-id") is None


def test_a_lamp_that_is_out_is_a_terminated_dialog() -> None:
    tree = ElementTree.fromstring(dialog_info("sip:102@x", 0, (), {}))
    assert [d.text for d in tree.iter(f"{SPACE}state")] == ["terminated"]
    assert "confirmed" in dialog_info("sip:*87@x", 1, LAMP_ON, {})
    many = dialog_info("sip:102@x", 0, [LampCall(leg=str(n)) for n in range(100)], {})
    assert many.count("<dialog ") == 8


def test_mailboxes_and_presence() -> None:
    assert message_summary("sip:101@x", 2, 1).splitlines() == [
        "Messages-Waiting: yes", "Message-Account: sip:101@x", "Voice-Message: 2/1 (0/0)"]
    assert "Messages-Waiting: no" in message_summary("sip:101@x", 0, 9)
    for there, basic in ((True, "open"), (False, "closed")):
        tree = ElementTree.fromstring(pidf("sip:101@x", there, [LampCall()]).encode())
        assert [e.text for e in tree.iter("{urn:ietf:params:xml:ns:pidf}basic")] == [basic]


def test_accept_is_read_to_its_bound() -> None:
    assert accepts("a/b\napplication/pidf+xml", "application/pidf+xml")
    assert not accepts("a/b," * 1000 + "application/pidf+xml", "application/pidf+xml")
