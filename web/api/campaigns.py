"""Campaigns: what runs and ran, starting and steering, reports, messages, scenarios."""

from __future__ import annotations

from typing import Annotated, Any, cast

import msgspec
from flask import Response, request, send_file
from msgspec import Meta

from appliance.campaigns.summary import Totals
from appliance.errors import SwitchroomError
from appliance.messages import CampaignStarted, Done
from appliance.sounds.messages import MAX_NAME, Kept
from appliance.users.rights import Right
from web.api.routes import api
from web.app import services
from web.campaigns import messages, service
from web.campaigns.books import Progress
from web.campaigns.routes import send_bytes
from web.campaigns.service import Action, Forecast, Order, People

Page = Annotated[int, Meta(ge=0, le=(1 << 32) - 1)]


class CampaignsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`before`: the id of the last one of the answer before; 0: from the newest."""

    before: Page = 0
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class PeopleQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`outcome`: of these alone, "pending" for those of none yet; `after`: `next` of the answer before."""

    outcome: str = ""
    after: Page = 0
    limit: Annotated[int, Meta(ge=1, le=service.MAX_PEOPLE)] = service.PEOPLE


class CampaignOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`reason` stands in the report."""

    action: Action
    reason: Annotated[str, Meta(max_length=200)] = ""


class ReportMail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`to`: addresses; none: to whom the scenario sends it."""

    to: Annotated[list[str], Meta(max_length=service.MAX_TO)] = []


class TypedMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text that the box speaks, in one of its languages; `name` "": its beginning."""

    text: str
    language: str
    name: Annotated[str, Meta(max_length=MAX_NAME)] = ""


class PhoneMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`extension` of the phone that rings."""

    extension: Annotated[str, Meta(max_length=10)]
    name: Annotated[str, Meta(max_length=MAX_NAME)] = ""


class FileQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`name` of the file."""

    name: Annotated[str, Meta(max_length=200)] = "file"


class ScenarioView(msgspec.Struct, frozen=True, kw_only=True):
    """`confirm` and `hours` are "" for none; `lists` empty: all."""

    code: str
    name: str
    lines: int
    confirm: str
    retries: int
    hours: str
    lists: list[str]
    report_to: list[str]


@api.get("/campaigns", Right.CAMPAIGNS_VIEW, returns=list[Progress], query=CampaignsQuery)
def campaigns(query: CampaignsQuery) -> list[Progress]:
    """The campaigns of the lists that you may see, the newest first."""
    return service.page(query.before, query.limit)


@api.post("/campaigns", Right.CAMPAIGNS_RUN, returns=CampaignStarted, body=Order, status=201)
def start_campaign(body: Order) -> CampaignStarted:
    """Start one, now or at a time. The list is read and the message prepared before the answer comes."""
    return service.start(body)


@api.post("/campaigns/forecast", Right.CAMPAIGNS_RUN, returns=Forecast, body=Order)
def forecast_campaign(body: Order) -> Forecast:
    """What a campaign would be; nobody is called."""
    return service.forecast(body)


@api.get("/campaigns/<int:id>", Right.CAMPAIGNS_VIEW, returns=Progress)
def campaign(id: int) -> Progress:
    """Where a campaign stands."""
    return service.one(id)


@api.get("/campaigns/<int:id>/figures", Right.CAMPAIGNS_VIEW, returns=Totals)
def campaign_figures(id: int) -> Totals:
    """Counts of its subscribers by outcome, and how the run went."""
    return service.figures(id)


@api.get("/campaigns/<int:id>/people", Right.CAMPAIGNS_VIEW, returns=People, query=PeopleQuery)
def campaign_people(id: int, query: PeopleQuery) -> People:
    """Its subscribers with outcome and attempts, in the order of the list."""
    return service.people(id, query.outcome, query.after, query.limit)


@api.get("/campaigns/<int:id>/report.csv", Right.CAMPAIGNS_VIEW, returns=bytes, content="text/csv")
def campaign_csv(id: int) -> Response:
    """The whole list with outcomes, as the report's mail has it."""
    return send_bytes(service.exported(id, "csv"), "csv", f"campaign-{id}.csv")


@api.get("/campaigns/<int:id>/report.xlsx", Right.CAMPAIGNS_VIEW, returns=bytes,
         content="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
def campaign_xlsx(id: int) -> Response:
    """The report as a workbook, with each attempt."""
    return send_bytes(service.exported(id, "xlsx"), "xlsx", f"campaign-{id}.xlsx")


@api.post("/campaigns/<int:id>/order", Right.CAMPAIGNS_RUN, returns=Done, body=CampaignOrder)
def order_campaign(id: int, body: CampaignOrder) -> Done:
    """Pause a campaign, go on with it, or end it for good."""
    return service.control(id, body.action, body.reason)


@api.post("/campaigns/<int:id>/mail", Right.CAMPAIGNS_RUN, returns=Done, body=ReportMail)
def mail_campaign(id: int, body: ReportMail) -> Done:
    """Send its report by mail once more."""
    return service.mail(id, body.to)


@api.get("/scenarios", Right.CAMPAIGNS_VIEW, returns=list[ScenarioView])
def scenarios() -> list[ScenarioView]:
    """How campaigns call. They are changed in the configuration."""
    return [ScenarioView(code=each.code, name=each.name, lines=each.lines, confirm=each.confirm or "", retries=each.retries,
                         hours=each.hours or "", lists=each.lists, report_to=each.report_to)
            for each in services().config.scenarios]


# ---- messages --------------------------------------------------------------------------------------------------------


@api.get("/messages", Right.CAMPAIGNS_VIEW, returns=list[Kept])
def all_messages() -> list[Kept]:
    """Messages that campaigns can play, the newest first."""
    return messages.all_kept(services())


@api.post("/messages", Right.CAMPAIGNS_RUN, returns=Kept, body=TypedMessage, status=201)
def speak_message(body: TypedMessage) -> Kept:
    """Have a text spoken."""
    return messages.speak(body.text, body.language, body.name)


@api.post_file("/messages/file", Right.CAMPAIGNS_RUN, returns=Kept, query=FileQuery)
def upload_message(query: FileQuery) -> Kept:
    """A recording as the body: WAV, MP3, Ogg or FLAC."""
    if not request.content_length:
        raise SwitchroomError("message.empty", "There is no file.", "Send the recording as the body.")
    return messages.upload(cast(Any, request.stream), query.name)


@api.post("/messages/record", Right.CAMPAIGNS_RUN, returns=Kept, body=PhoneMessage, status=201)
def record_message(body: PhoneMessage) -> Kept:
    """Ring a phone, where somebody says it; it has no seconds until then."""
    return messages.record(body.extension, body.name)


@api.get("/messages/<id>/sound", Right.CAMPAIGNS_VIEW, returns=bytes, content="audio/wav")
def message_sound(id: str) -> Response:
    """As it will be heard."""
    return send_file(messages.path_of(messages.one(id)), "audio/wav", conditional=True, etag=False, max_age=0)


@api.delete("/messages/<id>", Right.CAMPAIGNS_RUN)
def remove_message(id: str) -> None:
    """Campaigns that were started with it keep theirs."""
    messages.remove(id)
