"""Which event is written when: the one table of durability classes, and which events a campaign's reader follows."""

from __future__ import annotations

import enum

from appliance import messages as m


class Durability(enum.Enum):
    """COMMIT: on disk (fsync) before anybody acts on it; only `Ledger.commit` takes it.
    BEHIND: joins the next group commit, at most 100 ms later; `Ledger.append` or `Ledger.commit` take it."""

    COMMIT = "commit before effect"
    BEHIND = "write behind"


COMMIT = Durability.COMMIT
BEHIND = Durability.BEHIND

DURABILITY: dict[type[m.Event], Durability] = {
    m.LegOpened: BEHIND,  # the SIP thread's journal knows the dialog before an INVITE leaves; a campaign's attempt commits it
    m.LegRinging: BEHIND,
    m.LegAnswered: BEHIND,
    m.LegHeld: BEHIND,
    m.LegResumed: BEHIND,
    m.LegEnded: BEHIND,
    m.CallReached: BEHIND,
    m.CallTransferred: COMMIT,  # a hand-over
    m.CallEnded: BEHIND,  # lost in a crash, the call is found open and becomes "interrupted"
    m.CampaignCreated: COMMIT,
    m.CampaignStateChanged: COMMIT,
    m.AttemptStarted: COMMIT,  # the lease: nobody is called twice for one attempt
    m.AttemptEnded: COMMIT,  # a committed success is never called again
    m.ReportRequested: COMMIT,
    m.ReportSent: COMMIT,  # or it would be mailed twice
    m.BoxStarted: BEHIND,
    m.BoxStopped: BEHIND,
    m.ConfigApplied: COMMIT,
    m.LineChanged: BEHIND,
    m.PhoneRegistered: BEHIND,
    m.PhoneGone: BEHIND,
    m.SourceBanned: BEHIND,
    m.ShortageChanged: BEHIND,
    m.FactKeyed: COMMIT,  # the caller is not asked again, also after a restart
    m.CallerScreened: BEHIND,
    m.VoicemailLeft: COMMIT,  # the caller is told that it is saved
    m.VoicemailHeard: BEHIND,
    m.VoicemailDeleted: BEHIND,
    m.GreetingChanged: COMMIT,
    m.NightSwitched: COMMIT,
    m.SurveyAsked: BEHIND,
    m.SurveyAnswered: COMMIT,  # the next question comes when the answer is safe
    m.PhoneSet: COMMIT,  # its user is told that it holds
    m.CallForwarded: BEHIND,
    m.CallParked: BEHIND,
    m.CallUnparked: BEHIND,
    m.CallConferenced: BEHIND,
    m.RecordingStarted: BEHIND,
    m.RecordingPaused: BEHIND,
    m.RecordingEnded: BEHIND,
    m.RecordingErased: BEHIND,
    m.ContactQueued: BEHIND,
    m.ContactOffered: BEHIND,
    m.OfferEnded: BEHIND,
    m.ContactConnected: BEHIND,
    m.ContactHandedOver: COMMIT,  # a hand-over
    m.ContactEnded: BEHIND,
    m.ContactLeft: BEHIND,
    m.MissedMarked: COMMIT,
    m.ContactOutcome: COMMIT,  # the agent is told that it is noted
    m.ContactNoted: COMMIT,
    m.AgentStateChanged: BEHIND,
    m.CallbackRequested: COMMIT,  # a promise
    m.CallbackAttempted: COMMIT,  # nobody is called twice for one attempt
    m.CallbackFailed: COMMIT,
    m.CallbackClosed: COMMIT,  # a customer who was reached is not called again
    m.QueueSwitched: BEHIND,
    m.DayBegan: BEHIND,
    m.AcdConfigured: BEHIND,
    m.AuditNoted: COMMIT,  # noted, then done
}

CAMPAIGN_EVENTS: frozenset[type[m.Event]] = frozenset({
    m.CampaignCreated, m.CampaignStateChanged, m.AttemptStarted, m.AttemptEnded, m.ReportRequested, m.ReportSent,
})  # fmt: skip
"""What `campaign_events` lists. A campaign's legs are not among them: they are reached by its CDRs."""
