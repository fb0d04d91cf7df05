"""Events as the core commits them, with the fields that a test does not care for filled in."""

from __future__ import annotations

from appliance import messages as m


def opened(call: str = "c1", leg: str = "l1", **more: object) -> m.LegOpened:
    fields: dict[str, object] = {
        "direction": "out", "kind": "line", "endpoint": "gateway", "number": "+358401234567",
    }  # fmt: skip
    return m.LegOpened(call=call, leg=leg, **(fields | more))  # type: ignore[arg-type]


def started(attempt: int = 1, call: str = "c1", leg: str = "l1") -> m.AttemptStarted:
    return m.AttemptStarted(campaign=7, subscriber=3, attempt=attempt, call=call, leg=leg, line="gateway")


def ended(attempt: int = 1, call: str = "c1", outcome: m.Outcome = "heard") -> m.AttemptEnded:
    return m.AttemptEnded(campaign=7, subscriber=3, attempt=attempt, call=call, outcome=outcome)


def created(campaign: int = 7, subscribers: int = 0) -> m.CampaignCreated:
    return m.CampaignCreated(
        campaign=campaign, scenario="701", name="News", list="12", lines=5, message="m.wav", message_seconds=3.0,
        subscribers=subscribers, bad_rows=[m.BadRow(row=2, text="x", reason="no number")], rules={"retries": 2},
        report_to=["office@harbour.example"],
    )  # fmt: skip
