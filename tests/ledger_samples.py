"""One event of each type, every field filled: for fixtures and round trips."""

from __future__ import annotations

from appliance import messages as m

CAUSE = m.Cause(sip=486, q850=17, by="tone", tone="busy", text="User busy")
QUALITY = m.Quality(
    packets_in=500, packets_out=510, lost=5, loss=0.01, jitter_ms=3.5, mos=4.1, far_loss=0.02, rtt_ms=21.0, codec="PCMA"
)

SAMPLES: tuple[m.Event, ...] = (
    m.LegOpened(
        call="c1", leg="l1", direction="out", kind="line", endpoint="gateway", number="+358401234567", name="Anna Ångström",
        sip_call_id="abc@198.51.100.7", peer="198.51.100.7:5060", media_port=20000, purpose="campaign", campaign=7,
    ),
    m.LegRinging(leg="l1", early_media=True),
    m.LegAnswered(leg="l1", codec="PCMA", heard=True),
    m.LegHeld(leg="l1", by="near"),
    m.LegResumed(leg="l1"),
    m.LegEnded(leg="l1", cause=CAUSE, quality=QUALITY),
    m.CallReached(call="c1", target="extension:102"),
    m.CallTransferred(call="c1", by_leg="l1", kind="attended", target="+358407654321"),
    m.CallEnded(call="c1", disposition="busy"),
    m.CampaignCreated(
        campaign=7, scenario="701", name="News", list="12", lines=5, message="campaigns/7/message.wav", message_seconds=12.5,
        subscribers=300, duplicates=2, bad_rows=[m.BadRow(row=3, text="n/a", reason="no number")],
        rules={"retries": 2, "retry_after_minutes": 10, "confirm": "1"}, by="101", report_to=["office@harbour.example"],
    ),
    m.CampaignStateChanged(campaign=7, state="paused", by="101", reason="lunch"),
    m.AttemptStarted(campaign=7, subscriber=3, attempt=1, call="c1", leg="l1", line="gateway"),
    m.AttemptEnded(
        campaign=7, subscriber=3, attempt=1, call="c1", outcome="confirmed", line="gateway", seconds_heard=12.0,
        fraction_heard=0.96, digit="1", cause=CAUSE, why="pressed 1",
    ),
    m.ReportRequested(campaign=7, by="101", to=["a@b.example"]),
    m.ReportSent(campaign=7, to=["a@b.example"], mail_id="m1"),
    m.BoxStarted(version="0.1.0", clean=False),
    m.BoxStopped(reason="asked"),
    m.ConfigApplied(version=4, by="cli", summary="two phones"),
    m.LineChanged(line="gateway", up=False, reason="no answer to OPTIONS"),
    m.PhoneRegistered(extension="101", contact="sip:101@192.0.2.5:5060", transport="tcp"),
    m.PhoneGone(extension="101", contact="sip:101@192.0.2.5:5060", reason="unregistered"),
    m.SourceBanned(address="127.0.0.66", reason="wrong passwords", seconds=600.0),
    m.ShortageChanged(what="disk", level="campaigns", detail="100 MiB free"),
    m.ContactOutcome(at=106.5, contact="c1", agent="boris", code="2", name="sold"),
    m.ContactNoted(at=107.5, contact="c1", agent="boris", caller="+358401234567", text="Wants a berth in May."),
    m.MissedMarked(contact="c1", by="anna", done=True),
    m.FactKeyed(call="c1", caller="+358401234567", digits="12345678", name="account", label="Account"),
    m.CallerScreened(call="c1", verdict="block", list="pests", target="hangup"),
    m.VoicemailLeft(
        message="1800000000000-0a1b2c3d", box="front", call="c1", seconds=12.5, sha256="ab" * 32, caller="+358401234567"
    ),
    m.VoicemailHeard(message="1800000000000-0a1b2c3d", box="front", by="101"),
    m.VoicemailDeleted(message="1800000000000-0a1b2c3d", box="front", by="101", reason="expired"),
    m.GreetingChanged(owner="menu", name="main", by="101", seconds=3.5),
    m.NightSwitched(setting="closed", hours="office", by="101"),
    m.SurveyAsked(call="c1", contact="c1", survey="after", queue="front", agent="anna"),
    m.SurveyAnswered(
        call="c1", contact="c1", survey="after", queue="front", agent="anna", question="happy", kind="csat", score=4,
        recording="2026-03-02/c1-2.wav", seconds=6.5,
    ),
    m.PhoneSet(extension="101", setting="forward_busy", value="+358401234567", by="101"),
    m.CallForwarded(call="c1", extension="101", when="busy", target="+358401234567"),
    m.CallParked(call="c1", leg="c1-1", slot=3, by="101"),
    m.CallUnparked(call="c1", leg="c1-1", slot=3, how="taken", by="102"),
    m.CallConferenced(call="c1", by_leg="c1-1", target="+358401234567"),
    m.RecordingStarted(call="c1", leg="c1-1", recording="2026-03-02/c1-1.wav", queue="front", why="rule"),
    m.RecordingPaused(call="c1", recording="2026-03-02/c1-1.wav", paused=True),
    m.RecordingEnded(call="c1", recording="2026-03-02/c1-1.wav", seconds=12.5, bytes=400044, sha256="00ff", reason="stopped"),
    m.RecordingErased(call="c1", recording="2026-03-02/c1-1.wav", reason="age"),
    m.ContactQueued(
        at=100.0, contact="c1", queue="front", channel="callback", priority=2, skills={"billing": 3}, vip=True, sticky="anna",
        caller="k1", since=90.0, position=2, asked={"type": "Enter"},
    ),
    m.ContactOffered(at=101.0, contact="c1", agent="anna", queue="front", until=116.0, asked={"type": "Ready"}),
    m.OfferEnded(at=102.0, contact="c1", agent="anna", queue="front", how="missed", asked={"type": "Refuse"}),
    m.ContactConnected(at=103.0, contact="c1", agent="anna", queue="front", waited=13.0, asked={"type": "Answer"}),
    m.ContactHandedOver(at=104.0, contact="c1", agent="anna", to="boris", queue="front", asked={"type": "HandOver"}),
    m.ContactEnded(at=105.0, contact="c1", agent="boris", queue="front", talked=2.0, reason="caller", asked={"type": "HangUp"}),
    m.ContactLeft(
        at=106.0, contact="c2", queue="front", reason="max-wait", waited=300.0, target="voicemail:front", asked={"type": "HangUp"}
    ),
    m.AgentStateChanged(
        at=107.0, agent="anna", state="break", before="wrap-up", reason="lunch", until=200.0, asked={"type": "Break"}
    ),
    m.CallbackRequested(
        at=108.0, contact="c3", queue="front", since=50.0, expires=9000.0, caller="k3", asked={"type": "KeepPlace"}
    ),
    m.CallbackAttempted(at=109.0, contact="c3", queue="front", attempt=1, agent="anna", asked={"type": "Answer"}),
    m.CallbackFailed(at=110.0, contact="c3", queue="front", reason="busy", again=410.0, asked={"type": "Unreached"}),
    m.CallbackClosed(at=111.0, contact="c3", queue="front", reason="expired", asked={"type": "CloseCallback"}),
    m.QueueSwitched(at=112.0, queue="front", open=True, what="door", reason="hours", asked={"type": "SwitchQueue"}),
    m.DayBegan(at=113.0, asked={"type": "NewDay"}),
    m.AcdConfigured(at=114.0, version=4, unpaid=["lunch"]),
    m.AuditNoted(
        at=1800000000.0, by="web:admin", what="config.apply", address="192.0.2.9", target="4", detail="line gateway: added"
    ),
)  # fmt: skip
