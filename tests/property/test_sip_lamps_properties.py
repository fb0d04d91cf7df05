"""SUBSCRIBE of any bytes: an answer every time, bounds kept, and what is written is well-formed whatever callers are called."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import LampCall
from drivers.sip import headers as h
from drivers.sip.bodies import dialog_info, pidf
from drivers.sip.registrar import MemoryStore
from drivers.sip.subscriptions import Subscribe, Subscriptions

TEXT = st.text(max_size=60) | st.sampled_from([
    "dialog", "dialog;id=1", "presence", "message-summary", "0", "60", "3600", "<sip:101@x>;tag=a", "<sip:102@x>;tag=t0",
    "<sip:102@x>", '"<" <sip:a@b>;tag="x', "101", "102", "application/*", "c",
])
WISHES = st.builds(
    Subscribe, watcher=TEXT, resource=TEXT, event=TEXT, accept=TEXT, expires=TEXT, call_id=TEXT, cseq=st.integers(0, 2**31),
    sender=TEXT, to=TEXT, tag=st.sampled_from(["t0", "t1", "t2", "t3"]), contact=TEXT, routes=st.lists(TEXT, max_size=10),
    source=TEXT, transport=st.integers(0, 1), entity=TEXT,
)


@settings(max_examples=300)
@given(st.lists(WISHES, max_size=20))
def test_every_subscribe_gets_an_answer(wishes: list[Subscribe]) -> None:
    store = MemoryStore()
    subs = Subscriptions(store, lambda watcher, resource, package: "look", most=5, most_of_one=3)
    for n, wish in enumerate(wishes):
        outcome = subs.subscribe(wish, float(n))
        assert outcome.status in (200, 400, 403, 404, 406, 423, 481, 489, 500, 503)
        assert (outcome.subscription is not None) is (outcome.status == 200)
        h.header_lines(outcome.headers)
        assert len(subs.all()) <= 5 and set(store.records) == {one.local_tag for one in subs.all()}
    subs.tick(1e9)
    assert not subs.all() and not store.records


@given(st.text(max_size=200))
def test_a_tag_is_taken_off_or_not_there(value: str) -> None:
    kept, _tag = h.split_tag(value)
    assert len(kept) <= len(value)


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_bodies_are_xml(other: str, name: str, entity: str) -> None:
    calls = [LampCall(leg="x", state="ringing", other=other, other_name=name)]
    safe = f"sip:{h.escape_user(''.join(c for c in entity if c.isprintable()))}@x"
    ElementTree.fromstring(dialog_info(safe, 1, calls, {}).encode())
    ElementTree.fromstring(pidf(safe, True, calls).encode())
