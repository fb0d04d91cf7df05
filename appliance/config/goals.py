"""The tables about figures: what they should be, and who is sent them when."""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Annotated, Literal

from msgspec import Meta, field

from appliance.config.kinds import AgentId, Language, MailAddress, Name, QueueName, Table

FigureId = Literal[
    "offered", "answered", "service-level", "service-level-answered", "service-level-offered", "service-level-kind", "asa",
    "first-response", "first-response-p90", "abandoned", "abandoned-short", "abandon-rate", "abandon-time", "unhandled",
    "overflowed", "turned-away", "messages", "arrival-rate", "repeat-rate", "handled", "aht", "talk", "hold", "acw",
    "talk-total", "transfer-rate", "transfer-rate-blind", "transfer-rate-attended", "broken", "fcr", "fcr-outcome",
    "resolution-time", "solved", "sales", "conversion", "survey-asked", "survey-answered", "csat", "nps", "ces", "occupancy",
    "talk-share", "productivity", "logged-in", "ready", "on-break", "paid-breaks", "unpaid-breaks", "not-answering",
    "missed-offers", "callbacks", "callbacks-reached", "callback-attempts", "callback-time", "callbacks-expired", "dialled",
    "reached", "confirmed", "heard", "hung-up", "seconds-heard", "declined", "machine", "busy", "no-answer", "unreachable",
    "retries", "calls", "calls-answered", "calls-failed", "line-use", "call-talk", "blocked-rate",
]  # fmt: skip
"""Those of docs/figures.md; a test compares them."""
TargetKind = Literal["queues", "agents", "lines", "campaigns"]
ReportBy = Literal["queue", "agent", "line", "campaign", "day", "hour", "weekday", "clock"]
ReportPeriod = Literal["today", "yesterday", "week", "last-week", "month", "last-month"]
_Amount = Annotated[float, Meta(ge=-1_000_000, le=1_000_000_000)]


class FigureTarget(Table, frozen=True, kw_only=True):
    """What a figure should be. It is shown beside the figure, in colour and by a sign: met, missed, or an alarm. Shares are
    written in percent, times in seconds; a count is that of a day. Where several hold, one that names the queue or agent goes
    first, then the first."""

    name: Annotated[Name, Meta(description="Name for lists and messages.")]
    figure: Annotated[FigureId, Meta(description="Id of the figure (docs/figures.md).")]
    of: Annotated[
        TargetKind, Meta(description="Whose figure: queues (and the office as a whole), agents, lines or campaigns.")
    ] = "queues"
    queues: Annotated[
        list[QueueName], Meta(max_length=100, description="Of these queues alone; empty: of each, and of the office.")
    ] = []
    agents: Annotated[
        list[AgentId], Meta(max_length=500, description='Of these agents alone, where `of` is "agents"; empty: of each.')
    ] = []
    at_least: Annotated[_Amount | None, Meta(description="The figure should not be below this.")] = None
    at_most: Annotated[_Amount | None, Meta(description="The figure should not be above this.")] = None
    alarm_below: Annotated[
        _Amount | None, Meta(description="Below this it is an alarm; empty: as soon as it is below `at_least`.")
    ] = None
    alarm_above: Annotated[
        _Amount | None, Meta(description="Above this it is an alarm; empty: as soon as it is above `at_most`.")
    ] = None


class FigureReport(Table, frozen=True, kw_only=True):
    """Figures that are mailed by themselves, at a time of the office's clock."""

    name: Annotated[Name, Meta(description="Name for lists and messages.")]
    to: Annotated[list[MailAddress], Meta(min_length=1, max_length=50, description="Who gets it.")]
    every: Annotated[Literal["day", "week", "month"], Meta(description="How often.")] = "day"
    at: Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="Time of day.")] = "07:00"
    weekday: Annotated[
        Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], Meta(description="week: on this day.")
    ] = "mon"
    day: Annotated[int, Meta(ge=1, le=28, description="month: on this day of it.")] = 1
    period: Annotated[
        ReportPeriod | None,
        Meta(description="What it is about; empty: the day, week or month that is over."),
    ] = None
    by: Annotated[ReportBy, Meta(description="What stands in its rows.")] = "queue"
    queue: Annotated[QueueName | None, Meta(description="Of this queue alone; empty: of the office.")] = None
    figures: Annotated[
        list[FigureId],
        Meta(max_length=40, description="Ids of the figures in the mail (docs/figures.md), in order; empty: the usual."),
    ] = []
    files: Annotated[list[Literal["xlsx", "csv"]], Meta(max_length=2, description="What is attached.")] = field(
        default_factory=lambda: ["xlsx"]
    )
    language: Annotated[Language | None, Meta(description="Language of the mail; empty: the office's.")] = None

    @property
    def about(self) -> ReportPeriod:
        """The period that it is about."""
        over: dict[str, ReportPeriod] = {"day": "yesterday", "week": "last-week", "month": "last-month"}
        return self.period or over[self.every]
