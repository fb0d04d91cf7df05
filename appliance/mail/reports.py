"""A campaign's report as a mail: read from the ledger, put into words, with its tables and the message, and queued."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from appliance.campaigns.book import CampaignBook, book_of
from appliance.campaigns.render.html import html
from appliance.campaigns.render.strings import Words
from appliance.campaigns.render.tables import csv_bytes, xlsx_bytes
from appliance.campaigns.render.text import text
from appliance.campaigns.render.view import Rate, Setting, one_line, view
from appliance.campaigns.summary import Report, report
from appliance.clock import Clock, SystemClock
from appliance.config.model import Config
from appliance.errors import SwitchroomError
from appliance.ledger.cdr import CdrRow
from appliance.mail.audio import small_wav
from appliance.mail.outbox import Outbox
from appliance.mail.report_ids import mail_id
from appliance.messages import Record, Subscriber

log = logging.getLogger(__name__)

XLSX = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")
_MEGABYTE = 1_000_000
_BASE64 = 4 / 3 * 78 / 76
_PAGE = 5000
_ADDRESS = re.compile(r"[^@\s<>,;\x00-\x1f\x7f]{1,64}@[^@\s<>,;\x00-\x1f\x7f]{1,255}")

Audio = Literal["attached", "too_large", "not_found", "not_wanted"]
NOT_WANTED: Audio = "not_wanted"


class Reader(Protocol):
    """What is read of the ledger (`appliance.ledger.reader.LedgerReader`)."""

    def campaign_events(self, campaign: int, after_seq: int = 0, limit: int = ...) -> list[Record]: ...
    def subscribers(self, campaign: int) -> list[Subscriber]: ...
    def rows(self, *, campaign: int, limit: int, after: str) -> list[CdrRow]: ...


def queue_report(
    data: Path, config: Config, reader: Reader, campaign: int, request: str, to: Iterable[str] = (), clock: Clock | None = None
) -> str:
    """Queue the report of a campaign for `to` (none: the addresses it was started with); its mail id.

    `request` says which wish this is (a ledger sequence): asking twice for the same one queues one mail. Nothing leaves
    here; the mailer sends it. Blocks on the disk: call it in a thread. Raises SwitchroomError "campaign.unknown",
    OSError."""
    outbox = Outbox(data / "mail", clock or SystemClock())
    id = mail_id(campaign, request)
    if outbox.has(id):
        return id
    book = read_book(reader, campaign)
    document = report(book, reader.subscribers(campaign))
    message = report_mail(
        data,
        config,
        document,
        talk=talk_seconds(reader, campaign),
        to=list(to) or book.created.report_to,
        with_audio=bool(book.created.rules.get("attach_audio", True)),
    )
    if outbox.queue(message, id):
        log.info("report of campaign %d queued as mail %s", campaign, id)
    return id


def read_book(reader: Reader, campaign: int) -> CampaignBook:
    """The campaign's book. Raises SwitchroomError "campaign.unknown"."""
    book = book_of(_events(reader, campaign), campaign)
    if book is None:
        raise SwitchroomError("campaign.unknown", "There is no campaign {campaign}.",
                              "See them with: switchroom campaign list", campaign=campaign)
    return book


def _events(reader: Reader, campaign: int) -> Iterable[Record]:
    after = 0
    while records := reader.campaign_events(campaign, after, _PAGE):
        yield from records
        after = records[-1].seq


def talk_seconds(reader: Reader, campaign: int) -> dict[str, float]:
    """How long each call of a campaign was connected, by call id."""
    talk: dict[str, float] = {}
    after = ""
    while rows := reader.rows(campaign=campaign, limit=_PAGE, after=after):
        talk.update((row.call, row.talk) for row in rows)
        after = rows[-1].key
    return talk


def report_mail(
    data: Path, config: Config, document: Report, *, talk: dict[str, float], to: Sequence[str], with_audio: bool = True
) -> EmailMessage:
    """The whole mail: plain text, HTML, CSV, XLSX and the message, as much as the size limit lets through.

    The tables come first: they are the record, the message can be heard on the box."""
    setting = report_setting(config, document, talk)
    words = Words(setting.language, setting.timezone)
    room = config.mail.max_attachment_mb * _MEGABYTE
    name = words("file_report", id=document.id)
    tables = [
        (f"{name}.csv", ("text", "csv"), csv_bytes(document, setting)),
        (f"{name}.xlsx", XLSX, xlsx_bytes(document, setting)),
    ]
    attached = []
    left_out = []
    for file_name, kind, content in tables:
        if len(content) * _BASE64 <= room:
            attached.append((file_name, kind, content))
            room -= int(len(content) * _BASE64)
        else:
            left_out.append(file_name)
    audio, state = _audio(data, document, room) if with_audio else (b"", NOT_WANTED)
    if audio:
        attached.append((f"{words('file_message', id=document.id)}.wav", ("audio", "x-wav"), audio))
    return _compose(config, msgspec.structs.replace(setting, message=state, left_out=left_out), document, to, attached)


def report_setting(config: Config, document: Report, talk: dict[str, float]) -> Setting:
    """What the report needs of the configuration."""
    names = [entry.name for entry in config.lists if entry.number == document.list_number]
    return Setting(
        office=config.office.name,
        language=config.office.language,
        timezone=config.office.timezone,
        currency=config.office.currency,
        list_name=names[0] if names else "",
        rates={
            line.name: Rate(line.cost_per_minute, line.cost_per_call, line.cost_step_seconds) for line in config.lines
        },
        talk=talk,
    )


def _compose(
    config: Config,
    setting: Setting,
    document: Report,
    to: Sequence[str],
    attached: Sequence[tuple[str, tuple[str, str], bytes]],
) -> EmailMessage:
    shown = view(document, setting)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = one_line(shown.subject)
    if config.mail.sender:
        sender, _, domain = config.mail.sender.partition("@")
        message["From"] = Address(one_line(config.mail.sender_name or config.office.name), sender, domain)
    good = [address for address in to if _ADDRESS.fullmatch(address)]
    if good:
        message["To"] = ", ".join(good)
    for address in to:
        if address not in good:
            log.warning("the report of campaign %d is not sent to %r: that is no address", document.id, address)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's out-of-office answers it
    message.set_content(text(shown), cte="base64")
    message.add_alternative(html(shown), subtype="html", cte="base64")
    for name, (kind, subtype), content in attached:
        message.add_attachment(content, maintype=kind, subtype=subtype, filename=name)
    message["Content-Language"] = shown.language  # last: the parts take over what Content-… there is
    return message


def _audio(data: Path, document: Report, room: int) -> tuple[bytes, Audio]:
    """The recorded message for the mail, and what the mail says of it. Only a file under `data` is ever attached."""
    path = (data / document.message).resolve()
    if not document.message or not path.is_relative_to(data.resolve()):
        return b"", "not_found"
    try:
        audio = small_wav(path.read_bytes())
    except (OSError, SwitchroomError) as problem:
        log.warning("the message of campaign %d cannot be attached: %s", document.id, problem)
        return b"", "not_found"
    return (audio, "attached") if len(audio) * _BASE64 <= room else (b"", "too_large")
