"""What the bus may ask of the core: one table, a few lines each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from appliance import audit
from appliance import messages as m
from appliance.calls.forwarding import wish
from appliance.calls.settings import CONFIGURED, known_phone, state_of
from appliance.campaigns import estimate
from appliance.core.box import Box
from appliance.core.call_commands import CallCommands
from appliance.core.clicks import Clicks
from appliance.core.erasure import Erasure
from appliance.core.queue_commands import QueueCommands
from appliance.core.recorder import Recorder
from appliance.core.trial import Trial
from appliance.errors import SwitchroomError
from appliance.ledger.surveys import asked_since
from appliance.surveys import figures


class Commands:
    def __init__(self, box: Box) -> None:
        self._box = box
        trial = Trial(box)
        self._table: dict[type[m.Command], Callable[[Any], Awaitable[m.Reply]]] = {
            m.Status: self._status,
            m.Reload: self._reload,
            m.StartCampaign: self._start_campaign,
            m.ControlCampaign: self._control_campaign,
            m.AskAttempt: self._box.attempts.ask,
            m.NoteReport: self._note_report,
            **QueueCommands(box).table,
            **CallCommands(box).table,
            **Clicks(box).table,
            m.AskSurveys: self._surveys,
            m.ErasePerson: Erasure(box).run,
            m.SwitchNight: self._switch_night,
            m.DeleteVoicemail: self._delete_voicemail,
            m.VoicemailMailed: self._voicemail_mailed,
            m.RemoveGreeting: self._remove_greeting,
            m.AskPhones: self._phones,
            m.SetPhone: self._set_phone,
            m.NoteAudit: self._note_audit,
            m.RingPhone: trial.ring_phone,
            m.TryLine: trial.try_line,
            m.RecordMessage: Recorder(box).record,
        }

    async def handle(self, command: m.Command) -> m.Reply:
        return await self._table[type(command)](command)

    async def _status(self, command: m.Status) -> m.Reply:
        return self._box.status()

    async def _reload(self, command: m.Reload) -> m.Reply:
        version = await self._box.take_over(command.by)
        return m.Done(text=f"version {version}")

    async def _start_campaign(self, command: m.StartCampaign) -> m.Reply:
        box = self._box
        scenario = box.config.scenario(command.scenario)
        if scenario is None:
            codes = ", ".join(s.code for s in box.config.scenarios) or "none is configured"
            raise SwitchroomError("campaign.no-scenario", "There is no scenario {scenario}.", "There are: {codes}.",
                                  scenario=command.scenario, codes=codes)
        source = Path(command.message)
        if not source.is_file():
            raise SwitchroomError("campaign.no-message", "There is no file {source}.", "Name a WAV file.", source=source)
        box.desk.check_plan(command.not_before)
        opens = box.desk.opens_at(scenario, command.not_before)
        draft = await box.desk.prepare_file(source, scenario)
        created = await box.desk.create(scenario, command.list, draft, command.by, command.lines, command.not_before,
                                        command.order, command.beside)
        minutes = estimate.expected_minutes(created.subscribers, created.lines, created.message_seconds, scenario)
        return m.CampaignStarted(
            campaign=created.campaign, subscribers=created.subscribers, duplicates=created.duplicates,
            bad_rows=created.bad_rows, lines=created.lines, minutes=minutes, opens=opens or 0.0,
        )

    async def _control_campaign(self, command: m.ControlCampaign) -> m.Reply:
        desk = self._box.desk
        if command.action == "report":
            await desk.request_report(command.campaign, command.by, command.to)
        else:
            await desk.control(command.campaign, command.action, command.by, command.reason)
        return m.Done()

    async def _note_report(self, command: m.NoteReport) -> m.Reply:
        await self._box.desk.note_report(command.campaign, command.to, command.mail_id)
        return m.Done()

    async def _switch_night(self, command: m.SwitchNight) -> m.Reply:
        await self._box.office.night.switch(command.hours, command.setting, command.by)
        return m.Done()

    async def _surveys(self, command: m.AskSurveys) -> m.Reply:
        until = command.until or None
        found = await asyncio.to_thread(asked_since, self._box.ledger.reader, command.since, until)
        rows = [each for each in found if command.survey in ("", each.survey) and command.queue in ("", each.queue)]
        return m.SurveyFigures(asked=len(rows), questions=[
            m.SurveyFigure(survey=each.survey, question=each.question, kind=each.figure.kind, n=each.figure.n,
                           value=each.figure.value) for each in figures(rows)])

    async def _delete_voicemail(self, command: m.DeleteVoicemail) -> m.Reply:
        mailroom = self._box.office.mailroom
        if command.caller:
            return m.Done(text=str(await mailroom.erase_caller(command.caller, command.by)))
        await mailroom.erase(command.box, command.message, command.by)
        return m.Done(text="1")

    async def _voicemail_mailed(self, command: m.VoicemailMailed) -> m.Reply:
        await self._box.office.mailroom.mailed(command.box, command.message)
        return m.Done()

    async def _remove_greeting(self, command: m.RemoveGreeting) -> m.Reply:
        office = self._box.office
        if office.greetings.of(command.owner, command.name) is None:
            raise SwitchroomError("greeting.not-recorded", "No greeting was recorded at a phone here.",
                                  "It may be removed already: load the page again.")
        await office.use_text(command.owner, command.name, command.by)
        return m.Done()

    async def _note_audit(self, command: m.NoteAudit) -> m.Reply:
        await audit.take_waiting(self._box.data, self._box.ledger)
        await self._box.ledger.commit(audit.noted(command))
        return m.Done()

    async def _phones(self, command: m.AskPhones) -> m.Reply:
        box = self._box
        return m.PhoneSettings(phones=[state_of(phone, box.settings.of(phone.extension)) for phone in box.config.phones])

    async def _set_phone(self, command: m.SetPhone) -> m.Reply:
        box, extension, value = self._box, command.extension, command.value
        known_phone(box.config, extension)
        if command.setting == "do_not_disturb":
            if value not in ("on", ""):
                raise SwitchroomError("phone.bad-value", "Do not disturb cannot be {value}.", "Give on or off.",
                                      value=repr(value))
        elif value not in ("", CONFIGURED):
            value = wish(box.config, extension, value)
        await box.settings.set(extension, command.setting, value, command.by)
        return m.Done()
