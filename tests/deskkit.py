"""What was before at the desks: calls as the ledger has them, and their notes as the core notes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from appliance import messages as m
from appliance.ledger import Ledger, late
from tests.webkit import Pages

NUMBER = "+3589111222"
PAST = [
    m.LegOpened(call="c0", leg="c0-1", direction="in", kind="line", endpoint="gateway", number=NUMBER),
    m.CallReached(call="c0", target="queue:front"),
    m.ContactQueued(at=1.0, contact="c0", queue="front", caller="key"),
    m.ContactConnected(at=2.0, contact="c0", agent="anna", queue="front", waited=1.0),
    m.LegAnswered(leg="c0-1"),
    m.ContactEnded(at=3.0, contact="c0", agent="anna", queue="front"),
    m.LegEnded(leg="c0-1"),
    m.CallEnded(call="c0", disposition="answered"),
    m.LegOpened(call="lost", leg="lost-1", direction="in", kind="line", endpoint="gateway", number="+3589555666"),
    m.ContactQueued(at=4.0, contact="lost", queue="front", caller="other"),
    m.ContactLeft(at=40.0, contact="lost", queue="front", reason="abandoned", waited=36.0),
]


async def write(folder: Path, pages: Pages, events: list[m.Event], noted: list[m.Event]) -> None:
    """`noted` come when the calls are long over, as the core notes them."""
    ledger = Ledger(folder / "ledger", pages.clock)
    for event in events:
        await ledger.commit(event)
    pages.clock.advance(3600.0)
    for event in noted:
        seq = await ledger.commit(event)
        of: Any = event
        ledger.put_state(late.NAMESPACE, of.contact, late.added(ledger.get_state(late.NAMESPACE, of.contact), seq))
    await ledger.flush()
    await ledger.close()
