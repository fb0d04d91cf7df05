"""The mail about a message: who called, when, how long, and the audio. In the office's language."""

from __future__ import annotations

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from zoneinfo import ZoneInfo

from appliance.config.model import Config
from appliance.mail.audio import small_wav
from appliance.voicemail import boxes
from appliance.voicemail.store import Message

_MEGABYTE = 1_000_000
_BASE64 = 4 / 3 * 78 / 76
_ID = re.compile(r"voicemail-(.+)-([0-9]{13}-[0-9a-f]{8})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")

WORDS = {
    "en": {
        "subject": "Voicemail for {box} from {caller}", "unknown": "an unknown number",
        "body": "Mailbox: {box}\nFrom: {caller}\nReceived: {when}\nLength: {length} s\n",
        "attached": "The message is attached.", "kept": "The message can be heard at the phone: dial {code}.",
    },
    "fi": {
        "subject": "Ääniviesti: {box}, soittaja {caller}", "unknown": "tuntematon numero",
        "body": "Vastaaja: {box}\nSoittaja: {caller}\nSaapunut: {when}\nPituus: {length} s\n",
        "attached": "Viesti on liitteenä.", "kept": "Viestin voi kuunnella puhelimella: valitse {code}.",
    },
    "ru": {
        "subject": "Голосовое сообщение для {box} от {caller}", "unknown": "неизвестный номер",
        "body": "Ящик: {box}\nОт: {caller}\nПолучено: {when}\nДлительность: {length} с\n",
        "attached": "Сообщение приложено.", "kept": "Сообщение можно прослушать с телефона: наберите {code}.",
    },
    "uk": {
        "subject": "Голосове повідомлення для {box} від {caller}", "unknown": "невідомий номер",
        "body": "Скринька: {box}\nВід: {caller}\nОтримано: {when}\nТривалість: {length} с\n",
        "attached": "Повідомлення додано.", "kept": "Повідомлення можна прослухати з телефона: наберіть {code}.",
    },
    "zh": {
        "subject": "{box} 的语音留言，来自 {caller}", "unknown": "未知号码",
        "body": "信箱：{box}\n来电：{caller}\n时间：{when}\n长度：{length} 秒\n",
        "attached": "留言见附件。", "kept": "可在电话上收听留言：请拨 {code}。",
    },
}  # fmt: skip


def mail_id(message: Message) -> str:
    """The mail's id in the outbox: one message never gives two mails."""
    return f"voicemail-{message.box}-{message.id}"


def message_of(mail: str) -> tuple[str, str] | None:
    """Mailbox and message that a mail is about; None where it is another mail."""
    found = _ID.fullmatch(mail)
    return (found[1], found[2]) if found else None


def compose(config: Config, message: Message, audio: bytes, to: list[str]) -> EmailMessage:
    """The whole mail. The audio is left out where the office does not want it, or where it is too large."""
    words, office = WORDS[config.office.language], config.office
    caller = " ".join(part for part in (message.name, message.caller) if part) or words["unknown"]
    when = datetime.fromtimestamp(message.at, ZoneInfo(office.timezone)).strftime("%Y-%m-%d %H:%M")
    values = {"box": boxes.shown(config, message.box), "caller": caller, "when": when, "length": round(message.seconds)}
    small = small_wav(audio) if config.voicemail.mail_audio else b""
    attached = bool(small) and len(small) * _BASE64 <= config.mail.max_attachment_mb * _MEGABYTE
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = _CONTROL.sub(" ", words["subject"].format(**values))
    if config.mail.sender:
        sender, _, domain = config.mail.sender.partition("@")
        mail["From"] = Address(_CONTROL.sub(" ", config.mail.sender_name or office.name), sender, domain)
    mail["To"] = ", ".join(to)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's out-of-office answers it
    last = words["attached"] if attached else words["kept"].format(code=config.codes.voicemail)
    mail.set_content(f"{words['body'].format(**values)}\n{last}\n", cte="base64")
    if attached:
        mail.add_attachment(small, maintype="audio", subtype="x-wav", filename=f"voicemail-{message.id}.wav")
    return mail
