"""What nobody could read again is not written: values that a field cannot have."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from appliance import messages as m
from appliance.clock import ManualClock
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.ledger.choices import CHOICES
from tests.ledger_samples import SAMPLES

CHOSEN = [(event, name) for event in SAMPLES for name, _, _ in CHOICES.get(type(event), ())]


def test_some_fields_have_choices() -> None:
    assert (m.LegOpened, "kind") in {(type(event), name) for event, name in CHOSEN}
    assert (m.LegEnded, "cause.by") in {(type(event), name) for event, name in CHOSEN}


@pytest.mark.parametrize(("event", "name"), CHOSEN, ids=lambda each: each if isinstance(each, str) else type(each).__name__)
@pytest.mark.parametrize("bad", ["no such value", "", None, 7, ["in"]])
async def test_a_value_that_cannot_be_is_refused(tmp_path: Path, event: m.Event, name: str, bad: object) -> None:
    outer, _, inner = name.partition(".")
    value = msgspec.structs.replace(getattr(event, outer), **{inner: bad}) if inner else bad
    wrong = msgspec.structs.replace(event, **{outer: value})
    with pytest.raises(msgspec.ValidationError):  # as a reader would
        msgspec.msgpack.decode(msgspec.msgpack.encode(wrong), type=type(event))
    ledger = Ledger(tmp_path / "ledger", ManualClock())
    try:
        with pytest.raises(SwitchroomError) as refused:
            await ledger.commit(wrong)
        assert refused.value.id == "ledger.bad-event" and name in str(refused.value)
        with pytest.raises(SwitchroomError) as refused:
            ledger.append(wrong)
        assert refused.value.id in ("ledger.bad-event", "ledger.needs-commit") and not ledger.queued
    finally:
        await ledger.close()


async def test_every_event_as_it_is_made_is_taken(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger", ManualClock())
    try:
        for event in SAMPLES:
            if type(event) in CHOICES:
                ledger._stamp([event])
    finally:
        await ledger.close()
