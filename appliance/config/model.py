"""The configuration as one typed document. Each struct is a TOML table, each field a key of its name.

The descriptions are the reference: `python -m appliance.config.reference` makes docs/configuration.md of them.
Single values are checked by their type; what ties several keys together is checked in `appliance.config.check`.
The tables stand by what they are about in `box`, `lines`, `people`, `queues`, `menus`, `callers`, `features`, `campaigns`
and `goals`, the kinds of values in `kinds`; others take them all from here.

The files of the model leave out `from __future__ import annotations`: msgspec would read each type from its text once
more for every look at a table, and the first reading of a configuration take four times as long.
"""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from functools import cached_property
from typing import Any, TypeVar

import msgspec
from msgspec import field

from appliance.config.box import Log, Mail, Office, Recording, Sip, Storage, Web
from appliance.config.callers import CallerList, PhoneBook, Question, Survey
from appliance.config.campaigns import Scenario, SubscriberList
from appliance.config.features import CallKeys, Codes, Mailbox, Music, Parking, Voicemail
from appliance.config.goals import FigureReport, FigureTarget
from appliance.config.kinds import Table
from appliance.config.lines import Dialling, Line, Route
from appliance.config.menus import Ask, Hours, Menu, NightSwitch
from appliance.config.people import Agent, Break, Outcome, Phone, usual_breaks, usual_outcomes
from appliance.config.queues import CallbackRules, Member, Queue
from appliance.config.values import enc_hook
from appliance.config.webhooks import Webhook

__all__ = [
    "Agent",
    "Ask",
    "Break",
    "CallKeys",
    "CallbackRules",
    "CallerList",
    "Codes",
    "Config",
    "Dialling",
    "FigureReport",
    "FigureTarget",
    "Hours",
    "Line",
    "Log",
    "Mail",
    "Mailbox",
    "Member",
    "Menu",
    "Music",
    "NightSwitch",
    "Office",
    "Outcome",
    "Parking",
    "Phone",
    "PhoneBook",
    "Question",
    "Queue",
    "Recording",
    "Route",
    "Scenario",
    "Sip",
    "Storage",
    "SubscriberList",
    "Survey",
    "Table",
    "Voicemail",
    "Web",
    "Webhook",
    "to_builtins",
]


T = TypeVar("T")


class Config(Table, frozen=True, kw_only=True, dict=True):
    """The whole document."""

    office: Office
    sip: Sip = Sip()
    web: Web = Web()
    mail: Mail = Mail()
    recording: Recording = Recording()
    storage: Storage = Storage()
    log: Log = Log()
    lines: list[Line] = []
    dialling: Dialling = Dialling()
    routes: list[Route] = []
    phones: list[Phone] = []
    codes: Codes = Codes()
    call_keys: CallKeys = CallKeys()
    voicemail: Voicemail = Voicemail()
    mailboxes: list[Mailbox] = []
    parking: Parking = Parking()
    music: list[Music] = []
    agents: list[Agent] = []
    breaks: list[Break] = field(default_factory=usual_breaks)
    outcomes: list[Outcome] = field(default_factory=usual_outcomes)
    queues: list[Queue] = []
    surveys: list[Survey] = []
    menus: list[Menu] = []
    hours: list[Hours] = []
    night: NightSwitch = NightSwitch()
    callers: list[CallerList] = []
    phone_book: PhoneBook = PhoneBook()
    lists: list[SubscriberList] = []
    scenarios: list[Scenario] = []
    webhooks: list[Webhook] = []
    targets: list[FigureTarget] = []
    reports: list[FigureReport] = []

    def line(self, name: str) -> Line | None:
        return self._lines.get(name)

    def phone(self, extension: str) -> Phone | None:
        return self._phones.get(extension)

    def agent(self, id: str) -> Agent | None:
        return self._agents.get(id)

    def queue(self, name: str) -> Queue | None:
        return self._queues.get(name)

    def menu(self, name: str) -> Menu | None:
        return self._menus.get(name)

    def hours_named(self, name: str) -> Hours | None:
        return self._hours.get(name)

    def survey(self, name: str) -> Survey | None:
        return self._surveys.get(name)

    def mailbox(self, name: str) -> Mailbox:
        """The mailbox of this name: the usual one where no table says otherwise."""
        return self._mailboxes.get(name) or Mailbox(name=name)

    def music_named(self, name: str | None) -> Music | None:
        """The music of this name, else the office's default; None is the built-in melody."""
        return self._music.get(name or "default")

    def list_numbered(self, number: str) -> SubscriberList | None:
        return self._lists.get(number)

    def scenario(self, code: str) -> Scenario | None:
        return self._scenarios.get(code)

    # Every call looks things up, and a configuration never changes: each index is made once, when first asked for.

    @cached_property
    def _lines(self) -> dict[str, Line]:
        return _first_by(self.lines, "name")

    @cached_property
    def _phones(self) -> dict[str, Phone]:
        return _first_by(self.phones, "extension")

    @cached_property
    def _agents(self) -> dict[str, Agent]:
        return _first_by(self.agents, "id")

    @cached_property
    def _queues(self) -> dict[str, Queue]:
        return _first_by(self.queues, "name")

    @cached_property
    def _menus(self) -> dict[str, Menu]:
        return _first_by(self.menus, "name")

    @cached_property
    def _hours(self) -> dict[str, Hours]:
        return _first_by(self.hours, "name")

    @cached_property
    def _surveys(self) -> dict[str, Survey]:
        return _first_by(self.surveys, "name")

    @cached_property
    def _mailboxes(self) -> dict[str, Mailbox]:
        return _first_by(self.mailboxes, "name")

    @cached_property
    def _music(self) -> dict[str, Music]:
        return _first_by(self.music, "name")

    @cached_property
    def _lists(self) -> dict[str, SubscriberList]:
        return _first_by(self.lists, "number")

    @cached_property
    def _scenarios(self) -> dict[str, Scenario]:
        return _first_by(self.scenarios, "code")


def _first_by(entries: list[T], key: str) -> dict[str, T]:
    """Entries by this field. Of several with one value (a document that is being checked) the first counts."""
    found: dict[str, T] = {}
    for entry in entries:
        found.setdefault(getattr(entry, key), entry)
    return found


def to_builtins(table: Table) -> Any:
    """Plain dicts, lists and texts with the TOML keys (defaults left out): for campaign rules, JSON, export."""
    return msgspec.to_builtins(table, enc_hook=enc_hook)
