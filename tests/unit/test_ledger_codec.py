"""Stored events: every release's records can be read, personal text stands apart, other versions are lifted or
refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from appliance import messages as m
from appliance.errors import SwitchroomError
from appliance.ledger import codec
from appliance.ledger._derive import encode
from tests.ledger_samples import SAMPLES

FIXTURES = Path(__file__).parents[1] / "fixtures" / "ledger"
"""RELEASE/TYPE.VERSION.msgpack: records as that release wrote them; never written again. Made with `make_fixtures`."""


def make_fixtures(release: str) -> None:
    """For a release that changes a type: `python -c "from tests.unit.test_ledger_codec import *;
    make_fixtures('v0.2.0')"`."""
    directory = FIXTURES / release
    directory.mkdir(parents=True, exist_ok=True)
    for number, event in enumerate(SAMPLES):
        hidden = codec.with_text(event, lambda text: codec.token(len(text)))
        data = encode(hidden, 1_800_000_000.25 + number, 1000.5 + number, 1)
        (directory / f"{type(event).__name__}.{codec.VERSIONS[type(event)]}.msgpack").write_bytes(data)


def test_there_is_a_sample_of_each_type() -> None:
    assert [type(event) for event in SAMPLES] == list(m.EVENTS)


@pytest.mark.parametrize("cls", m.EVENTS, ids=lambda cls: cls.__name__)
def test_todays_version_has_a_fixture(cls: type[m.Event]) -> None:
    assert list(FIXTURES.glob(f"*/{cls.__name__}.{codec.VERSIONS[cls]}.msgpack")), "a new version needs a stored fixture"


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/*.msgpack")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_release_can_be_read(path: Path) -> None:
    stored = codec.decode(path.read_bytes())
    sample = {type(event).__name__: event for event in SAMPLES}[path.name.split(".")[0]]
    wanted = codec.with_text(sample, lambda text: codec.token(len(text)))
    if isinstance(sample, m.CampaignCreated) and isinstance(wanted, m.CampaignCreated) and path.parent.name == "v0.1.0":
        open_rows = [msgspec.structs.replace(row, reason=plain.reason)  # its reasons were open to all
                     for row, plain in zip(wanted.bad_rows, sample.bad_rows, strict=True)]
        wanted = msgspec.structs.replace(wanted, bad_rows=open_rows)
    if isinstance(wanted, m.AcdConfigured) and path.name.split(".")[1] == "1":
        wanted = msgspec.structs.replace(wanted, unpaid=None)  # it did not tell
    assert stored.event == wanted
    assert stored.utc >= 1_800_000_000.25
    assert stored.boot == 1


def test_which_fields_are_personal() -> None:
    assert {
        m.LegOpened: ("number", "name"), m.CallTransferred: ("target",), m.FactKeyed: ("caller", "digits"),
        m.VoicemailLeft: ("caller",), m.PhoneSet: ("value",), m.CallForwarded: ("target",), m.CallConferenced: ("target",),
        m.ContactNoted: ("caller", "text"),
    } == codec.PERSONAL


def _raw(version: int, event: dict[str, object]) -> bytes:
    return msgspec.msgpack.encode([version, 1.0, 2.0, 1, event])


def test_an_older_version_is_lifted_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codec.VERSIONS, m.LineChanged, 3)
    monkeypatch.setitem(
        codec.UPCASTERS, ("LineMoved", 1), lambda e: {"type": "LineChanged", "name": e["line"], "state": e["state"]}
    )
    monkeypatch.setitem(
        codec.UPCASTERS, ("LineChanged", 2), lambda e: {"type": e["type"], "line": e["name"], "up": e["state"] == "up"}
    )
    stored = codec.decode(_raw(1, {"type": "LineMoved", "line": "gw", "state": "up"}))
    assert stored.event == m.LineChanged(line="gw", up=True)
    assert stored.version == 3


@pytest.mark.parametrize("version, name", [(2, "LineChanged"), (1, "Unheard")])
def test_the_future_is_refused(version: int, name: str) -> None:
    with pytest.raises(SwitchroomError) as refused:
        codec.decode(_raw(version, {"type": name, "line": "gw", "up": True}))
    assert refused.value.id == "ledger.unknown-event"
