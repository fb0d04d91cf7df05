"""Each figure, once: what it is called, how it is computed in words and in fact, and which way is better. Pure.

`FIGURES` are those that calls can give; `COMING` those that need more than calls, and what they wait for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from .counts import Counts


def N_(text: str) -> str:
    """To be translated where it is shown."""
    return text


Unit = Literal["count", "seconds", "share", "per-hour", "points", "score"]
Better = Literal["up", "down", ""]
By = Literal["office", "queue", "agent", "line", "campaign"]
Group = Literal["service", "handling", "results", "surveys", "agents", "callbacks", "campaigns", "calls"]


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure depends on beside the counts: T and S of kpi (seconds), and how long the period is."""

    level_seconds: float = 20.0
    short_seconds: float = 5.0
    period_seconds: float = 86_400.0


class Value(msgspec.Struct, frozen=True):
    """A figure; None where it has no meaning (nothing to divide by). `n` is what it is out of."""

    value: float | None
    n: int = 0


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """`what` is the filter of /calls that lists the calls behind it ("" none): of a share those above the line, of a mean those
    that it is the mean of; `of` the things that have it."""

    id: str
    name: str
    formula: str
    unit: Unit
    group: Group
    compute: Callable[[Counts, Setting], Value]
    better: Better = ""
    what: str = ""
    of: tuple[By, ...] = ("office", "queue", "agent")


def _short(c: Counts, s: Setting) -> int:
    return c.within("gave_up", s.short_seconds) if s.short_seconds > 0 else 0


def _count(name: str) -> Callable[[Counts, Setting], Value]:
    return lambda c, s: Value(c[name], c[name])


def ratio(above: float, below: float) -> Value:
    return Value(above / below if below else None, int(below))


def _mean(ms: str, n: str) -> Callable[[Counts, Setting], Value]:
    return lambda c, s: ratio(c[ms] / 1000, c[n])


def _seconds(*names: str) -> Callable[[Counts, Setting], Value]:
    return lambda c, s: Value(sum(c[name] for name in names) / 1000, 0)


def _share(name: str, of: str) -> Callable[[Counts, Setting], Value]:
    return lambda c, s: ratio(c[name], c[of])


def _asked(c: Counts, s: Setting) -> int:
    return c["offered"] - _short(c, s)


def _in_time(c: Counts, s: Setting) -> int:
    return c.within("waits", s.level_seconds)


def _first_contact(c: Counts, s: Setting) -> Value:
    again = ratio(c["answered_again"], c["callers_answered"])
    return Value(None if again.value is None else 1 - again.value, again.n)


def _nps(c: Counts, s: Setting) -> Value:
    return ratio(100 * (c["nps_up"] - c["nps_down"]), c["nps_n"])


def _unhandled(c: Counts, s: Setting) -> Value:
    left = c["offered"] - c["answered"] - c["cb_reached"] - c["messages"] - c["cb_called_again"]
    return Value(max(0, left), c["offered"])


def busy_ms(c: Counts) -> int:
    return c["contact_ms"] + c["wrapping_ms"] + c["dialling_ms"]


def working_ms(c: Counts) -> int:
    """Signed in, less breaks."""
    return busy_ms(c) + c["ready_ms"] + c["ringing_ms"] + c["reserved_ms"] + c["away_ms"]


def _occupancy(c: Counts, s: Setting) -> Value:
    return ratio(busy_ms(c), busy_ms(c) + c["ready_ms"] + c["ringing_ms"] + c["reserved_ms"])


def _p90(c: Counts, s: Setting) -> Value:
    return Value(c.percentile("first", 0.9), c["first_n"])


def _blocked(c: Counts, s: Setting) -> Value:
    return ratio(c["blocked"] + c["turned_full"], c["calls"])


def _reached_share(c: Counts, s: Setting) -> Value:
    met = ("out_confirmed", "out_heard", "out_hung_up", "out_declined")
    return ratio(sum(c[name] for name in met), c["dialled"])


_QUEUES: tuple[By, ...] = ("office", "queue")
_AGENTS: tuple[By, ...] = ("office", "agent")
_CAMPAIGNS: tuple[By, ...] = ("office", "campaign")
_LINES: tuple[By, ...] = ("office", "line", "campaign")

FIGURES: tuple[Figure, ...] = (
    # service
    Figure(id="offered", name=N_("Offered"), unit="count", group="service", of=_QUEUES, what="offered",
           formula=N_("contacts that entered the queue"), compute=_count("offered")),
    Figure(id="answered", name=N_("Answered"), unit="count", group="service", better="up", what="agent-answered",
           formula=N_("contacts whose first agent was connected; callbacks apart"), compute=_count("answered")),
    Figure(id="service-level", name=N_("Service level"), unit="share", group="service", better="up", of=_QUEUES, what="in-time",
           formula=N_("answered within T ÷ (offered − abandoned within S)"),
           compute=lambda c, s: ratio(_in_time(c, s), _asked(c, s))),
    Figure(id="service-level-answered", name=N_("Service level of the answered"), unit="share", group="service", better="up",
           of=_QUEUES, what="in-time", formula=N_("answered within T ÷ answered"),
           compute=lambda c, s: ratio(_in_time(c, s), c["answered"])),
    Figure(id="service-level-offered", name=N_("Service level of all offered"), unit="share", group="service", better="up",
           of=_QUEUES, what="in-time", formula=N_("answered within T ÷ offered"),
           compute=lambda c, s: ratio(_in_time(c, s), c["offered"])),
    Figure(id="service-level-kind", name=N_("Service level, abandons in time as met"), unit="share", group="service", better="up",
           of=_QUEUES, what="in-time-or-left", formula=N_("(answered within T + abandoned within T) ÷ offered"),
           compute=lambda c, s: ratio(_in_time(c, s) + c.within("gave_up", s.level_seconds), c["offered"])),
    Figure(id="asa", name=N_("Average speed of answer"), unit="seconds", group="service", better="down", what="agent-answered",
           formula=N_("Σ(answered − entered queue) ÷ answered"), compute=_mean("wait_ms", "answered")),
    Figure(id="first-response", name=N_("First response time"), unit="seconds", group="service", better="down", of=_QUEUES,
           what="agent-answered", formula=N_("Σ(first answer by a person − arrival of the call) ÷ contacts answered"),
           compute=_mean("first_ms", "first_n")),
    Figure(id="first-response-p90", name=N_("First response time, nine of ten"), unit="seconds", group="service", better="down",
           of=_QUEUES, what="agent-answered", compute=_p90,
           formula=N_("time within which nine of ten answered contacts had their first answer")),
    Figure(id="abandoned", name=N_("Abandoned"), unit="count", group="service", better="down", of=_QUEUES, what="abandoned",
           formula=N_("contacts that left before an answer by hanging up, or were cut off"), compute=_count("abandoned")),
    Figure(id="abandoned-short", name=N_("Abandoned at once"), unit="count", group="service", of=_QUEUES, what="abandoned-short",
           formula=N_("abandoned within S"), compute=lambda c, s: Value(_short(c, s), c["abandoned"])),
    Figure(id="abandon-rate", name=N_("Abandon rate"), unit="share", group="service", better="down", of=_QUEUES,
           what="abandoned-late",
           formula=N_("(abandoned − abandoned within S) ÷ (offered − abandoned within S)"),
           compute=lambda c, s: ratio(c["abandoned"] - _short(c, s), _asked(c, s))),
    Figure(id="abandon-time", name=N_("Time to abandon"), unit="seconds", group="service", of=_QUEUES, what="abandoned",
           formula=N_("Σ(left − entered queue) of the abandoned ÷ abandoned"), compute=_mean("gave_up_ms", "abandoned")),
    Figure(id="unhandled", name=N_("Unhandled"), unit="count", group="service", better="down", of=_QUEUES, what="unhandled",
           formula=N_("offered, and neither answered nor called back nor left a message"), compute=_unhandled),
    Figure(id="overflowed", name=N_("Overflowed"), unit="count", group="service", better="down", of=_QUEUES, what="overflowed",
           formula=N_("left by a rule of the queue (longest wait, nobody in)"), compute=_count("overflowed")),
    Figure(id="turned-away", name=N_("Turned away"), unit="count", group="service", better="down", of=_QUEUES, what="turned-away",
           formula=N_("came while the queue was closed, full, without agents, or its wait too long"),
           compute=lambda c, s: Value(sum(c[f"turned_{why}"] for why in ("closed", "full", "nobody", "long", "otherwise")))),
    Figure(id="messages", name=N_("Left a message"), unit="count", group="service", of=_QUEUES, what="message",
           formula=N_("left the queue for a mailbox and spoke there"), compute=_count("messages")),
    Figure(id="arrival-rate", name=N_("Arrival rate"), unit="per-hour", group="service", of=_QUEUES, what="offered",
           formula=N_("offered ÷ hours of the period"), compute=lambda c, s: ratio(c["offered"] * 3600, s.period_seconds)),
    # handling
    Figure(id="handled", name=N_("Handled"), unit="count", group="handling", better="up", what="handled",
           formula=N_("contacts answered and ended normally, callbacks too"), compute=_count("handled")),
    Figure(id="aht", name=N_("Average handling time"), unit="seconds", group="handling", better="down", what="handled",
           formula=N_("(talk + hold + after-call work) ÷ handled"),
           compute=lambda c, s: ratio((c["talk_ms"] + c["hold_ms"] + c["wrap_ms"]) / 1000, c["handled"])),
    Figure(id="talk", name=N_("Talk time"), unit="seconds", group="handling", what="handled",
           formula=N_("Σ(connected time less hold) ÷ handled"), compute=_mean("talk_ms", "handled")),
    Figure(id="hold", name=N_("Hold time"), unit="seconds", group="handling", better="down", what="handled",
           formula=N_("Σ time on hold ÷ handled"), compute=_mean("hold_ms", "handled")),
    Figure(id="acw", name=N_("After-call work"), unit="seconds", group="handling", better="down", what="handled",
           formula=N_("Σ(end of talk → agent leaves wrap-up) ÷ handled"), compute=_mean("wrap_ms", "handled")),
    Figure(id="talk-total", name=N_("Talk time in all"), unit="seconds", group="handling", what="talked",
           formula=N_("Σ connected time less hold"), compute=_seconds("talk_ms")),
    Figure(id="transfer-rate", name=N_("Transfer rate"), unit="share", group="handling", better="down", what="passed-on",
           formula=N_("contacts an agent passed on ÷ handled"), compute=_share("passed", "handled")),
    Figure(id="transfer-rate-blind", name=N_("Transfer rate, blind"), unit="share", group="handling", better="down",
           what="passed-on-blind",
           formula=N_("contacts passed on without asking ÷ handled"), compute=_share("passed_blind", "handled")),
    Figure(id="transfer-rate-attended", name=N_("Transfer rate, attended"), unit="share", group="handling",
           what="passed-on-attended",
           formula=N_("contacts passed on after asking ÷ handled"), compute=_share("passed_attended", "handled")),
    Figure(id="broken", name=N_("Broken off"), unit="count", group="handling", better="down", what="broken-off",
           formula=N_("conversations that a failure ended"), compute=_count("broken")),
    # what came of it
    Figure(id="fcr", name=N_("First contact resolution"), unit="share", group="results", better="up", of=_QUEUES,
           what="answered-once", compute=_first_contact,
           formula=N_("1 − (callers who called the same queue again within 7 days of an answer ÷ callers answered)")),
    Figure(id="fcr-outcome", name=N_("First contact resolution, by outcome"), unit="share", group="results", better="up",
           of=_QUEUES, what="solved-first", compute=_share("first_solved", "first_noted"),
           formula=N_("solved at the first contact ÷ first contacts with an outcome")),
    Figure(id="repeat-rate", name=N_("Repeat-call rate"), unit="share", group="results", better="down", of=_QUEUES,
           what="called-again", compute=_share("callers_again", "callers"),
           formula=N_("callers with two or more contacts to the same queue within 7 days ÷ callers")),
    Figure(id="resolution-time", name=N_("Resolution time"), unit="seconds", group="results", better="down", of=_QUEUES,
           what="solved-known", compute=_mean("resolved_ms", "resolved"),
           formula=N_("Σ(keyed as solved − first contact in the same matter) ÷ solved, callers with a number")),
    Figure(id="solved", name=N_("Solved"), unit="share", group="results", better="up", what="solved",
           compute=_share("solved", "noted"), formula=N_("contacts keyed as solved ÷ contacts with an outcome")),
    Figure(id="sales", name=N_("Sales"), unit="count", group="results", better="up", what="sale", compute=_count("sales"),
           formula=N_("contacts whose outcome is marked as a sale")),
    Figure(id="conversion", name=N_("Conversion rate"), unit="share", group="results", better="up", what="sale",
           compute=_share("sales", "handled"), formula=N_("sales ÷ handled")),
    # surveys
    Figure(id="survey-asked", name=N_("Asked after the call"), unit="count", group="surveys", what="surveyed",
           compute=_count("survey_asked"), formula=N_("callers who were asked what it was like")),
    Figure(id="survey-answered", name=N_("Answered the survey"), unit="share", group="surveys", better="up",
           what="survey-answered", compute=_share("survey_answered", "survey_asked"),
           formula=N_("callers who answered at least one question ÷ callers asked")),
    Figure(id="csat", name=N_("Customer satisfaction (CSAT)"), unit="share", group="surveys", better="up", what="survey-csat",
           compute=_share("csat_good", "csat_n"), formula=N_("answers of 4 or 5 ÷ answers of 1 to 5")),
    Figure(id="nps", name=N_("Net promoter score (NPS)"), unit="points", group="surveys", better="up", what="survey-nps",
           compute=_nps, formula=N_("share of answers of 9 or 10 − share of answers of 0 to 6, in points")),
    Figure(id="ces", name=N_("Customer effort score (CES)"), unit="score", group="surveys", better="up", what="survey-ces",
           compute=_share("ces_sum", "ces_n"), formula=N_("Σ answers of 1 to 7 ÷ answers; 7 is very easy")),
    # agents
    Figure(id="occupancy", name=N_("Occupancy"), unit="share", group="agents", of=_AGENTS, what="talked",
           formula=N_("(talk + hold + after-call work + dialling) ÷ (that + ready + ringing)"), compute=_occupancy),
    Figure(id="talk-share", name=N_("Talk share"), unit="share", group="agents", better="up", of=_AGENTS, what="talked",
           formula=N_("talk ÷ logged-in time less breaks"),
           compute=lambda c, s: ratio(max(0, c["contact_ms"] - c["held_ms"]), working_ms(c))),
    Figure(id="productivity", name=N_("Productivity"), unit="per-hour", group="agents", better="up", of=_AGENTS, what="handled",
           formula=N_("contacts handled ÷ logged-in hours"),
           compute=lambda c, s: ratio(c["handled"], (working_ms(c) + c["break_ms"]) / 3_600_000)),
    Figure(id="logged-in", name=N_("Logged in"), unit="seconds", group="agents", of=_AGENTS,
           formula=N_("Σ time signed in, breaks too"),
           compute=lambda c, s: Value((working_ms(c) + c["break_ms"]) / 1000)),
    Figure(id="ready", name=N_("Ready"), unit="seconds", group="agents", of=_AGENTS, formula=N_("Σ time ready for a contact"),
           compute=_seconds("ready_ms")),
    Figure(id="on-break", name=N_("On a break"), unit="seconds", group="agents", of=_AGENTS, formula=N_("Σ time on a break"),
           compute=_seconds("break_ms")),
    Figure(id="paid-breaks", name=N_("Paid breaks"), unit="seconds", group="agents", of=_AGENTS,
           formula=N_("Σ time on breaks that count as working time"),
           compute=lambda c, s: Value(max(0, c["break_ms"] - c["unpaid_ms"]) / 1000)),
    Figure(id="unpaid-breaks", name=N_("Unpaid breaks"), unit="seconds", group="agents", of=_AGENTS,
           formula=N_("Σ time on breaks that do not count as working time"), compute=_seconds("unpaid_ms")),
    Figure(id="not-answering", name=N_("Not answering"), unit="seconds", group="agents", better="down", of=_AGENTS,
           formula=N_("Σ time signed in with a phone that nobody answers, or that cannot be rung"), compute=_seconds("away_ms")),
    Figure(id="missed-offers", name=N_("Missed offers"), unit="share", group="agents", better="down", of=("queue", "agent"),
           what="rung-in-vain",
           formula=N_("times rung in vain ÷ times rung"), compute=_share("rung_missed", "rung")),
    # callbacks
    Figure(id="callbacks", name=N_("Callbacks requested"), unit="count", group="callbacks", of=_QUEUES, what="callback",
           formula=N_("callers who asked to be called back"), compute=_count("cb_requested")),
    Figure(id="callbacks-reached", name=N_("Callbacks reached"), unit="count", group="callbacks", better="up", of=_QUEUES,
           what="callback-reached", formula=N_("of these reached"), compute=_count("cb_reached")),
    Figure(id="callback-attempts", name=N_("Callback attempts"), unit="count", group="callbacks", of=_QUEUES, what="called-back",
           formula=N_("calls made to reach them"), compute=_count("cb_attempts")),
    Figure(id="callback-time", name=N_("Request to answer"), unit="seconds", group="callbacks", better="down", of=_QUEUES,
           what="callback-reached", formula=N_("Σ(customer answered − asked to be called back) ÷ callbacks reached"),
           compute=_mean("cb_ms", "cb_reached")),
    Figure(id="callbacks-expired", name=N_("Callbacks expired"), unit="count", group="callbacks", better="down", of=_QUEUES,
           what="callback-expired", formula=N_("whose time was over, or whose attempts were used up"),
           compute=lambda c, s: Value(c["cb_expired"] + c["cb_given_up"], c["cb_requested"])),
    # campaigns
    Figure(id="dialled", name=N_("Dialled"), unit="count", group="campaigns", of=_CAMPAIGNS, what="campaign",
           formula=N_("attempts to reach a subscriber"), compute=_count("dialled")),
    Figure(id="reached", name=N_("Reached"), unit="share", group="campaigns", better="up", of=_CAMPAIGNS, what="reached",
           formula=N_("attempts that a person answered ÷ dialled"), compute=_reached_share),
    Figure(id="confirmed", name=N_("Confirmed"), unit="count", group="campaigns", better="up", of=_CAMPAIGNS, what="confirmed",
           formula=N_("heard and confirmed by key"), compute=_count("out_confirmed")),
    Figure(id="heard", name=N_("Heard to the end"), unit="count", group="campaigns", better="up", of=_CAMPAIGNS, what="heard",
           formula=N_("heard to the end, and no confirmation was asked or given"), compute=_count("out_heard")),
    Figure(id="hung-up", name=N_("Hung up early"), unit="count", group="campaigns", better="down", of=_CAMPAIGNS, what="hung_up",
           formula=N_("hung up before the end of the message"), compute=_count("out_hung_up")),
    Figure(id="seconds-heard", name=N_("Heard before hanging up"), unit="seconds", group="campaigns", of=_CAMPAIGNS,
           what="hung_up",
           formula=N_("Σ seconds heard by those who hung up early ÷ hung up early"), compute=_mean("early_ms", "out_hung_up")),
    Figure(id="declined", name=N_("Declined"), unit="count", group="campaigns", of=_CAMPAIGNS, what="declined",
           formula=N_("declined by key"), compute=_count("out_declined")),
    Figure(id="machine", name=N_("Machine"), unit="count", group="campaigns", of=_CAMPAIGNS, what="machine",
           formula=N_("answered by a machine"), compute=_count("out_machine")),
    Figure(id="busy", name=N_("Busy"), unit="count", group="campaigns", of=_CAMPAIGNS, what="attempt-busy", formula=N_("busy"),
           compute=_count("out_busy")),
    Figure(id="no-answer", name=N_("No answer"), unit="count", group="campaigns", of=_CAMPAIGNS, what="attempt-no-answer",
           formula=N_("rang and nobody answered"), compute=_count("out_no_answer")),
    Figure(id="unreachable", name=N_("Unreachable"), unit="count", group="campaigns", of=_CAMPAIGNS, what="unreachable",
           formula=N_("the network could not reach the number"), compute=_count("out_unreachable")),
    Figure(id="retries", name=N_("Retries"), unit="count", group="campaigns", of=_CAMPAIGNS, what="retry",
           formula=N_("attempts that were not the first of their subscriber"), compute=_count("retries")),
    # calls
    Figure(id="calls", name=N_("Calls"), unit="count", group="calls", of=_LINES, what="all", formula=N_("calls of all kinds"),
           compute=_count("calls")),
    Figure(id="calls-answered", name=N_("Calls answered"), unit="share", group="calls", of=_LINES, what="connected",
           formula=N_("calls answered ÷ calls"), compute=_share("calls_answered", "calls")),
    Figure(id="calls-failed", name=N_("Calls failed"), unit="count", group="calls", better="down", of=_LINES, what="failed",
           formula=N_("calls that failed"), compute=_count("calls_failed")),
    Figure(id="line-use", name=N_("Line use"), unit="seconds", group="calls", of=("line", "campaign"), what="all",
           formula=N_("Σ time from the first sign of a call to its end"), compute=_seconds("call_ms")),
    Figure(id="call-talk", name=N_("Talk time of calls"), unit="seconds", group="calls", of=_LINES, what="connected",
           formula=N_("Σ connected time less hold ÷ calls answered"), compute=_mean("call_talk_ms", "calls_answered")),
    Figure(id="blocked-rate", name=N_("Blocked rate"), unit="share", group="calls", better="down", of=("office",), what="blocked",
           formula=N_("(calls refused for want of a line or channel + turned away by a full queue) ÷ calls"), compute=_blocked),
)
BY_ID: dict[str, Figure] = {each.id: each for each in FIGURES}

COMING: tuple[tuple[str, str], ...] = (
    (N_("Utilisation"), N_("needs the plan of shifts")),
    (N_("Adherence, absence"), N_("needs the plan of shifts")),
    (N_("Value of sales"), N_("needs the money of a sale; their number is here")),
    (N_("Cost per call"), N_("needs wages and fixed costs")),
    (N_("Retention, churn"), N_("needs the list of customers")),
    (N_("QA score"), N_("needs scorecards")),
    (N_("Turnover"), N_("needs the history of agents")),
    (N_("Drop rate of dialers"), N_("needs dialers that call for agents")),
)
