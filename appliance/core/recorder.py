"""Ringing a phone to have a message for campaigns recorded there."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from appliance import messages as m
from appliance.calls.flows.recordmessage import RecordMessage
from appliance.core.ringing import check_phone
from appliance.errors import SwitchroomError
from appliance.media import message
from appliance.sentences import say
from appliance.system import files

if TYPE_CHECKING:
    from appliance.core.box import Box

_ID = re.compile(r"[0-9a-f]{16}")
MOST_SECONDS = 300.0


class Recorder:
    def __init__(self, box: Box) -> None:
        self._box = box

    async def record(self, command: m.RecordMessage) -> m.Reply:
        box, extension = self._box, command.extension
        check_phone(box, extension, say("Choose one from the list."))
        if not _ID.fullmatch(command.message):
            raise SwitchroomError("message.bad-id", "A message's id has sixteen digits, 0-9 and a-f.", "Make another one.")
        if not box.desk.can_record():
            raise SwitchroomError("campaign.short", "The disk is nearly full: nothing can be recorded.",
                                  "Free space on the disk.")
        self._ring(command)
        return m.Done()

    def _ring(self, command: m.RecordMessage) -> None:
        box = self._box
        folder = box.data / "campaigns" / "messages"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept, draft = folder / f"{command.message}.wav", folder / f".{command.message}.draft.wav"
        call = box.switch.new_call("record-message")
        leg = call.add_leg("out", "phone", command.extension, command.extension)
        leg.language = box.switch.language_of(command.extension)
        most = float(max([MOST_SECONDS, *(each.max_message_seconds for each in box.config.scenarios)]))

        async def ready() -> None:
            level = box.config.recording.level_dbov
            await asyncio.to_thread(message.prepare, draft, draft, max_seconds=most, target_dbov=level)

        async def keep() -> None:
            await asyncio.to_thread(files.put, draft, kept)

        box.switch.lead(call, RecordMessage(leg, draft, most, ready, keep).run)
