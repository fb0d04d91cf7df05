"""What the pages of campaigns and the API do: the campaigns that one may see, starting, steering, reporting."""

from __future__ import annotations

import re
import threading
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from flask import g
from msgspec import Meta

from appliance.campaigns import estimate, opening
from appliance.campaigns.render.tables import csv_bytes, xlsx_bytes
from appliance.campaigns.summary import OUTCOMES, SubscriberRow, Totals, report, subscriber_row, totals
from appliance.config.model import Config, Scenario
from appliance.errors import SwitchroomError
from appliance.mail.reports import read_book, report_setting, talk_seconds
from appliance.messages import CampaignStarted, ControlCampaign, Done, StartCampaign
from web.app import services
from web.audit.service import note, who
from web.audit.words import START
from web.campaigns import lists, messages
from web.campaigns.books import PAGE, Progress, known

Action = Literal["pause", "resume", "cancel"]
START_SECONDS = 300.0
"""The core reads the whole list and prepares the message before it replies."""
PEOPLE = 50
MAX_PEOPLE = 500
MAX_TO = 32
MAX_ADDRESS = 254
ADDRESS = re.compile(r"[^@\s<>,;\x00-\x1f\x7f]{1,64}@[^@\s<>,;\x00-\x1f\x7f]{1,255}")
PENDING = "pending"
_reports = threading.Semaphore(1)
"""A report of 200,000 is large: one at a time is put together."""


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign would be: about so many numbers and minutes; `opens`: UTC from which it calls, 0: at once."""

    scenario: str
    list: str
    numbers: int
    lines: int
    seconds: float
    minutes: float
    opens: float


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Some of a campaign's subscribers; `total` of those asked for; `next`: index to go on from, 0 where there are no more."""

    total: int
    next: int
    people: list[SubscriberRow]


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to start: `message` is the id of a message that is kept; `lines` at once, at most the scenario's; `at`: UTC seconds
    from which it calls, 0 for now. `key`: made up once for this start; sent again with the same one it starts nothing anew.
    `beside`: also where a campaign of the scenario calls the list already, which is refused else ("campaign.under-way")."""

    scenario: str
    list: str
    message: str
    lines: int | None = None
    at: float = 0.0
    key: Annotated[str, Meta(max_length=32)] = ""
    beside: bool = False


def page(before: int = 0, limit: int = PAGE) -> list[Progress]:
    return services().campaigns.page(g.user.sees_list, before, limit)


def one(id: int) -> Progress:
    return services().campaigns.one(id, g.user.sees_list)


# ---- starting --------------------------------------------------------------------------------------------------------


def scenario_of(config: Config, code: str) -> Scenario:
    found = config.scenario(code)
    if found is None:
        raise SwitchroomError("scenario.unknown", "There is no scenario {code}.", "Choose one from the list.", code=code[:20])
    return found


def lists_for(config: Config, scenario: Scenario | None) -> list[str]:
    """Numbers of the lists that one sees and the scenario may be sent to."""
    return [each.number for each in config.lists
            if g.user.sees_list(each.number) and (scenario is None or not scenario.lists or each.number in scenario.lists)]


def forecast(order: Order) -> Forecast:
    """Before anybody is called. Raises SwitchroomError "scenario.unknown", "list.unknown", "message.unknown", "campaign.…"."""
    box = services()
    scenario = scenario_of(box.config, order.scenario)
    if order.list not in lists_for(box.config, scenario):
        raise SwitchroomError("list.unknown", "There is no list {list} for this scenario.", "Choose one from the list.",
                              list=order.list[:20])
    kept = messages.one(order.message)
    if kept.seconds > scenario.max_message_seconds:
        most = scenario.max_message_seconds
        raise SwitchroomError("message.too-long", "The message is longer than the {most} s of this scenario.",
                              "Make it shorter, or choose another scenario.", most=most)
    now = box.clock.utc()
    opening.check_plan(order.at, now)
    numbers = lists.one(order.list).rows
    lines = max(1, min(scenario.lines, order.lines or scenario.lines))
    return Forecast(
        scenario=scenario.code, list=order.list, numbers=numbers, lines=lines, seconds=kept.seconds,
        minutes=estimate.expected_minutes(numbers, lines, kept.seconds, scenario),
        opens=opening.opens_at(box.config, scenario, now, order.at) or 0.0)


def start(order: Order) -> CampaignStarted:
    """Raises SwitchroomError as `forecast`, and what the core says."""
    told = forecast(order)
    path = messages.path_of(messages.one(order.message))
    note("campaign.start", order.scenario, str(START.about(number=order.list, numbers=told.numbers, lines=told.lines)))
    started: CampaignStarted = services().core.ask(StartCampaign(
        scenario=order.scenario, list=order.list, message=str(path.absolute()), lines=order.lines, by=who(), not_before=order.at,
        order=order.key, beside=order.beside), START_SECONDS)
    return started


def local_time(text: str) -> float:
    """UTC of "2026-03-02T18:00", a time of day at the office; 0 for "". Raises SwitchroomError "campaign.bad-time"."""
    if not text.strip():
        return 0.0
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(services().config.office.timezone))
        return moment.timestamp()
    except (ValueError, OverflowError):
        raise SwitchroomError("campaign.bad-time", "This is no time.", "Write it as 2026-03-02T18:00.") from None


# ---- steering --------------------------------------------------------------------------------------------------------


def control(id: int, action: Action, reason: str = "") -> Done:
    """Raises SwitchroomError "campaign.unknown", "campaign.state"."""
    one(id)
    note(f"campaign.{action}", str(id), reason[:200])
    done: Done = services().core.ask(ControlCampaign(campaign=id, action=action, by=who(), reason=reason[:200]), 30.0)
    return done


def mail(id: int, to: list[str]) -> Done:
    """Send the report once more; nobody named: to whom the scenario sends it."""
    one(id)
    addresses = [address.strip() for address in to if address.strip()][:MAX_TO]
    for address in addresses:
        if not _is_address(address):
            raise SwitchroomError("campaign.bad-address", "{address} is no mail address.",
                                  "Write it as name@office.example.", address=address[:80])
    if not addresses:
        with services().campaigns.reader() as reader:
            if not known(reader, id, g.user.sees_list).created.report_to:
                raise SwitchroomError("campaign.no-address", "Nobody is named to send it to.", "Name an address.")
    note("campaign.mail", str(id))
    done: Done = services().core.ask(ControlCampaign(campaign=id, action="report", by=who(), to=addresses), 30.0)
    return done


def _is_address(text: str) -> bool:
    return len(text) <= MAX_ADDRESS and ADDRESS.fullmatch(text) is not None


# ---- reports ---------------------------------------------------------------------------------------------------------


def figures(id: int) -> Totals:
    """Counts of subscribers by outcome, and how the run went. Raises SwitchroomError "campaign.unknown"."""
    with services().campaigns.look(id, g.user.sees_list) as (_, book):
        return totals(book)


def people(id: int, outcome: str = "", after: int = 0, limit: int = PEOPLE) -> People:
    """Of one outcome ("pending": of none yet), or all; in the order of the list, from place `after` among those. Raises
    SwitchroomError "campaign.unknown", "campaign.bad-outcome"."""
    if outcome and outcome != PENDING and outcome not in OUTCOMES:
        raise SwitchroomError("campaign.bad-outcome", "There is no such outcome.", "One of {outcomes}, {pending}.",
                              outcomes=", ".join(OUTCOMES), pending=PENDING)
    wanted = None if outcome == PENDING else outcome
    until = after + max(1, min(limit, MAX_PEOPLE))
    with services().campaigns.look(id, g.user.sees_list) as (reader, book):
        found = [at for at in range(book.size) if book.outcome(at) == wanted] if outcome else range(book.size)
        rows = [subscriber_row(book, each) for each in reader.subscribers_at(id, found[after:until])]
    return People(total=len(found), next=until if until < len(found) else 0, people=rows)


def exported(id: int, kind: Literal["csv", "xlsx"]) -> bytes:
    """The file that the report's mail has; that it was taken is noted."""
    one(id)
    note("campaign.export", str(id), kind)
    if not _reports.acquire(timeout=60):
        raise SwitchroomError("web.too-many", "Another report is being put together.", "Try again in a moment.")
    try:
        with services().campaigns.reader() as reader:
            told = report(read_book(reader, id), reader.subscribers(id))
            setting = report_setting(services().config, told, talk_seconds(reader, id))
        return (csv_bytes if kind == "csv" else xlsx_bytes)(told, setting)
    finally:
        _reports.release()


def message_path(id: int) -> Path:
    """What the campaign plays. Raises SwitchroomError "campaign.unknown", "message.unknown"."""
    data = services().data
    with services().campaigns.reader() as reader:
        path = data / known(reader, id, g.user.sees_list).created.message
    if not path.resolve().is_relative_to(data.resolve()) or not path.is_file():
        raise SwitchroomError("message.unknown", "The message is not there any more.", "It may have been erased by its age.")
    return path
