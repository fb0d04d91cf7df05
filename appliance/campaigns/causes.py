"""One table from what ended an unanswered call to its outcome, and whether and how soon to call again.

Sources: SIP statuses RFC 3261 section 21 (607: RFC 8197, 608: RFC 8688); causes ITU-T Q.850 (05/2018) table 1, set
against SIP as in RFC 3398 sections 7.2.4.1 and 8.2.6.1; the Reason header that carries both RFC 3326; tones ITU-T
E.180. Where a row is a decision of ours and not the standard's, its note says why.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from appliance.messages import Cause, Outcome


class Retry(enum.Enum):
    """How an outcome is followed up. `FREE_*` use up none of the scenario's retries (but are bounded by FREE_LIMIT)."""

    NEVER = "never"
    SOON = "soon"
    """Busy: the person is there and will be free in a moment."""
    LATER = "later"
    """Nobody came to the phone: give them time to."""
    FREE_LINE = "free-line"
    """Our side had no line: the callee never noticed."""
    FREE_BROKEN = "free-broken"
    """We broke the call off (restart, emergency call took the channel)."""


class GaveUp(enum.Enum):
    """Why *we* ended a call that nobody had answered, or broke off one that somebody had."""

    NOT = "not"
    RING_TIMEOUT = "ring-timeout"
    """It rang for `ring_seconds`."""
    NO_REPLY = "no-reply"
    """Not even a provisional answer from the line (RFC 3261 17.1.1.2, timer B), or no dial tone."""
    CANCELLED = "cancelled"
    """The campaign was cancelled."""
    PREEMPTED = "preempted"
    """An emergency call took the channel."""
    STOPPING = "stopping"
    NO_MEDIA = "no-media"
    """No RTP came or could be sent although the call was answered."""


class Verdict(msgspec.Struct, frozen=True):
    """`outcome` for the report, `retry` for the book, `why` in words for people."""

    outcome: Outcome
    retry: Retry
    why: str


# ---- bounds and waits ------------------------------------------------------------------------------------------------

FREE_LIMIT: Final[dict[Retry, int]] = {Retry.FREE_LINE: 10, Retry.FREE_BROKEN: 8}
"""How many attempts of this kind one subscriber gets beside the counted ones. Without a bound a number that only ever
draws 503, or that brings the core down each time, would keep a campaign open for ever."""

FREE_LINE_WAIT: Final = 0.05
"""First wait for a line as a share of `retry_after_minutes`, doubling with each up to the whole of it."""
FREE_LINE_LEAST: Final = 1.0
"""Seconds: also where retries follow at once, a line that has just failed is given a moment."""
FREE_BROKEN_WAIT: Final = 0.05
"""Share of `retry_after_minutes` after which somebody is called again whose call we broke off."""


# ---- the table -------------------------------------------------------------------------------------------------------

_UNREACHABLE = ("unreachable", Retry.NEVER)
_AWAY = ("no_answer", Retry.LATER)
_BUSY = ("busy", Retry.SOON)
_REJECTED = ("busy", Retry.LATER)
_NO_LINE = ("no_line", Retry.FREE_LINE)
_BROKEN = ("interrupted", Retry.FREE_BROKEN)
_MACHINE = ("machine", Retry.NEVER)

_Row = tuple[Outcome, Retry]


def _rows(table: dict[int, tuple[tuple[str, Retry], str]]) -> dict[int, Verdict]:
    return {code: Verdict(msgspec.convert(row[0], Outcome), row[1], why) for code, (row, why) in table.items()}


SIP: Final[dict[int, Verdict]] = _rows({
    # A class without a row of its own is read as its x00 (RFC 3261 8.1.3.2).
    300: (_UNREACHABLE, "the number has moved"),
    400: (_NO_LINE, "the line did not take the request"),
    401: (_NO_LINE, "the line wants a password"),
    403: (_UNREACHABLE, "calls to this number are not allowed"),
    404: (_UNREACHABLE, "the number does not exist"),
    407: (_NO_LINE, "the line wants a password"),
    408: (_NO_LINE, "the line did not reply in time"),
    410: (_UNREACHABLE, "the number is no longer in use"),
    480: (_AWAY, "the phone cannot be reached now"),
    484: (_UNREACHABLE, "the number is not complete"),
    485: (_UNREACHABLE, "the number is ambiguous"),
    486: (_BUSY, "busy"),
    487: (_AWAY, "ended before an answer"),
    500: (_NO_LINE, "the line failed"),
    503: (_NO_LINE, "the line has no free channel"),
    504: (_NO_LINE, "the network behind the line did not reply"),
    600: (_BUSY, "busy everywhere"),
    # Mobile networks send 603 for the red button: the person is there, now is a bad time. "declined" is for a digit.
    603: (_REJECTED, "the call was rejected"),
    604: (_UNREACHABLE, "the number does not exist anywhere"),
    606: (_NO_LINE, "the line could not agree on the audio"),
    607: (_UNREACHABLE, "the callee does not want such calls"),
    608: (_UNREACHABLE, "the call was rejected by a filter"),
})

Q850: Final[dict[int, Verdict]] = _rows({
    1: (_UNREACHABLE, "the number is not allocated"),
    2: (_UNREACHABLE, "no route to that network"),
    3: (_UNREACHABLE, "no route to the number"),
    4: (_UNREACHABLE, "special information tone"),
    5: (_UNREACHABLE, "wrong trunk prefix"),
    6: (_NO_LINE, "channel unacceptable"),
    8: (_BROKEN, "the call was preempted"),
    9: (_BROKEN, "the call was preempted"),
    17: (_BUSY, "busy"),
    18: (_AWAY, "the phone did not respond"),
    19: (_AWAY, "nobody answered"),
    20: (_AWAY, "the phone is switched off or out of reach"),
    21: (_REJECTED, "the call was rejected"),
    22: (_UNREACHABLE, "the number has changed"),
    23: (_UNREACHABLE, "the number has moved"),
    25: (_NO_LINE, "routing error in the exchange"),
    26: (_UNREACHABLE, "cleared by the network"),
    # 27 and 88 are about the callee's equipment; the first mends itself, the second (a data line) does not.
    27: (_AWAY, "the callee's line is out of order"),
    28: (_UNREACHABLE, "the number is not complete"),
    29: (_NO_LINE, "the network rejected the service"),
    34: (_NO_LINE, "no free channel"),
    38: (_NO_LINE, "the network is out of order"),
    41: (_NO_LINE, "temporary failure"),
    42: (_NO_LINE, "congestion in the exchange"),
    43: (_NO_LINE, "the network dropped the request"),
    44: (_NO_LINE, "the channel is not available"),
    46: (_NO_LINE, "blocked by a call of precedence"),
    47: (_NO_LINE, "no resources"),
    49: (_NO_LINE, "quality of service not available"),
    50: (_NO_LINE, "the line has not subscribed to this"),
    52: (_NO_LINE, "the line may not call out"),
    53: (_NO_LINE, "the line may not call out"),
    54: (_UNREACHABLE, "incoming calls are barred there"),
    55: (_UNREACHABLE, "incoming calls are barred there"),
    57: (_NO_LINE, "the line may not make such calls"),
    58: (_NO_LINE, "the service is not available now"),
    63: (_NO_LINE, "the service is not available"),
    65: (_NO_LINE, "not implemented by the network"),
    69: (_NO_LINE, "not implemented by the network"),
    70: (_NO_LINE, "not implemented by the network"),
    79: (_NO_LINE, "not implemented by the network"),
    87: (_UNREACHABLE, "closed user group"),
    88: (_UNREACHABLE, "no telephone at the number"),
    95: (_NO_LINE, "protocol error"),
    102: (_NO_LINE, "the network timed out"),
    111: (_NO_LINE, "protocol error"),
    127: (_NO_LINE, "error between networks"),
})
"""16 (normal clearing) and 31 (normal, unspecified) are left out: gateways send them with every status, so the SIP
status, which says more, decides. The rest of a class without a row is read as its last row (Q.850 2.2.5)."""

TONES: Final[dict[str, Verdict]] = {
    name: Verdict(msgspec.convert(row[0], Outcome), row[1], why)
    for name, (row, why) in {
        "busy": (_BUSY, "busy tone"),
        "congestion": (_NO_LINE, "congestion tone"),
        "special": (_UNREACHABLE, "special information tone"),
        "ringback": (_AWAY, "nobody answered"),
        "dial": (_NO_LINE, "dial tone stayed: the digits were not taken"),
        "fax": (_MACHINE, "a fax machine"),
        "modem": (_MACHINE, "a modem"),
        "beep": (("machine", Retry.LATER), "an answering machine"),
    }.items()
}

GAVE_UP: Final[dict[GaveUp, Verdict]] = {
    GaveUp.RING_TIMEOUT: Verdict("no_answer", Retry.LATER, "nobody answered"),
    GaveUp.NO_REPLY: Verdict("no_line", Retry.FREE_LINE, "the line did not reply"),
    GaveUp.CANCELLED: Verdict("cancelled", Retry.NEVER, "the campaign was cancelled"),
    GaveUp.PREEMPTED: Verdict("interrupted", Retry.FREE_BROKEN, "an emergency call took the channel"),
    GaveUp.STOPPING: Verdict("interrupted", Retry.FREE_BROKEN, "the appliance stopped"),
    GaveUp.NO_MEDIA: Verdict("interrupted", Retry.FREE_BROKEN, "no audio could pass"),
}

RESTART: Final = Verdict("interrupted", Retry.FREE_BROKEN, "the appliance started again during the call")
NETWORK: Final = Verdict("no_line", Retry.FREE_LINE, "the line did not reply")
RANG_OUT: Final = Verdict("no_answer", Retry.LATER, "it rang and nobody answered")
LOST: Final = Verdict("interrupted", Retry.FREE_BROKEN, "the connection was lost")
NOBODY: Final = Verdict("no_answer", Retry.LATER, "ended before an answer")

BY_OUTCOME: Final[dict[Outcome, Retry]] = {
    "confirmed": Retry.NEVER,
    "heard": Retry.NEVER,
    "declined": Retry.NEVER,
    # Who hung up early answered and made a choice; calling again would be pestering.
    "hung_up": Retry.NEVER,
    "machine": Retry.LATER,
    "busy": Retry.SOON,
    "no_answer": Retry.LATER,
    "unreachable": Retry.NEVER,
    "no_line": Retry.FREE_LINE,
    "interrupted": Retry.FREE_BROKEN,
    "cancelled": Retry.NEVER,
}
"""The follow-up of an outcome where its cause says nothing of its own."""

SUCCESS: Final[frozenset[Outcome]] = frozenset({"confirmed", "heard", "declined"})
"""The subscriber has had the message (and perhaps answered it): never called again in this campaign."""

_MAX_SIP, _MAX_Q850 = 699, 127


def sip_verdict(status: int) -> Verdict | None:
    """The row of a final SIP status 300..699; None for anything else."""
    if not 300 <= status <= _MAX_SIP:
        return None
    return SIP.get(status) or SIP[status // 100 * 100]


def q850_verdict(cause: int) -> Verdict | None:
    """The row of a Q.850 cause; None where the cause says nothing (0, 16, 31) or does not exist."""
    if not 1 <= cause <= _MAX_Q850 or cause in (16, 30, 31):
        return None
    return Q850.get(cause) or next((Q850[last] for last in (47, 63, 79, 95, 111, 127) if 32 < cause <= last), None)


def verdict_of(
    cause: Cause, *, answered: bool = False, rang: bool = False, gave_up: GaveUp = GaveUp.NOT
) -> Verdict:
    """What a call that did not get as far as a message came to.

    `answered`: the far end was connected (outcome.py decides such calls; here only a broken one is read); `rang`: it
    was known to ring; `gave_up`: why we ended it. Order of belief: a restart, our own reason, a tone heard, Q.850, SIP.
    """
    if cause.by == "restart":
        return RESTART
    if gave_up is not GaveUp.NOT:
        return GAVE_UP[gave_up]
    if cause.by == "tone" or cause.tone:
        return TONES.get(cause.tone, NOBODY)
    if answered:
        return LOST
    found = q850_verdict(cause.q850) or sip_verdict(cause.sip)
    # Once it rang the line works: a 408 or a lost transaction then means that nobody came to the phone.
    if rang and (cause.by == "network" or cause.sip == 408) and (found is None or found.outcome == "no_line"):
        return RANG_OUT
    if found is not None:
        return found
    return NETWORK if cause.by == "network" else NOBODY


def outcome_of(
    cause: Cause, *, answered: bool = False, rang: bool = False, gave_up: GaveUp = GaveUp.NOT
) -> Outcome:
    """`verdict_of(...).outcome`."""
    return verdict_of(cause, answered=answered, rang=rang, gave_up=gave_up).outcome


def retry_of(outcome: Outcome, cause: Cause, *, message_left: bool = False) -> Retry:
    """How to follow up an attempt that ended with `outcome`. The cause refines it where the table has a row with the
    same outcome (603 is "busy" but later than 486; a fax is a "machine" for ever). `message_left`: the whole message
    was played to the machine, so the subscriber has it."""
    if outcome == "machine":
        if message_left:
            return Retry.NEVER
        row = TONES.get(cause.tone)
        return row.retry if row and row.outcome == outcome else Retry.LATER
    if outcome in ("busy", "no_answer", "unreachable"):
        row = TONES.get(cause.tone) or q850_verdict(cause.q850) or sip_verdict(cause.sip)
        if row is not None and row.outcome == outcome:
            return row.retry
    return BY_OUTCOME[outcome]


def wait_seconds(retry: Retry, after_minutes: float, busy_minutes: float, times: int = 1) -> float:
    """Seconds from the end of an attempt to the next one. `after_minutes`, `busy_minutes`: the scenario's waits after
    no answer and after busy; `times` counts this subscriber's attempts of the class so far."""
    if retry is Retry.SOON:
        return busy_minutes * 60.0
    if retry is Retry.FREE_LINE:
        share = min(1.0, FREE_LINE_WAIT * 2 ** (max(1, times) - 1))
        return max(FREE_LINE_LEAST, share * after_minutes * 60.0)
    return after_minutes * 60.0 * (FREE_BROKEN_WAIT if retry is Retry.FREE_BROKEN else 1.0)
