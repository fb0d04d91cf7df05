"""The kinds of values that the model's keys have, each with its bounds."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Driver = Literal["sip-gateway", "sip-trunk"]
AnswerSupervision = Literal["signalled", "audio"]
NumberForm = Literal["national", "e164", "digits"]
NumberClass = Literal["national", "mobile", "international", "premium"]
"""Classes that rules can allow. "emergency" is one too (numbers.classify), but always passes and is never listed."""
LANGUAGES = ("en", "fi", "ru", "uk", "zh")
Language = Annotated[Literal["en", "fi", "ru", "uk", "zh"], Meta(extra={"language": True})]
Codec = Literal["PCMA", "PCMU", "G722"]
Transport = Literal["udp", "tcp"]
MailSecurity = Literal["none", "starttls", "tls"]

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""What other keys refer to: letters, digits, "-", "_", "."."""
Text = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line: it may end up in a SIP header, a mail header or a log."""
LongText = Annotated[str, Meta(max_length=2000)]
Secret = Annotated[str, Meta(max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$", extra={"secret": True})]
"""Masked wherever a configuration is shown, unless asked for."""
Extension = Annotated[str, Meta(pattern=r"^[0-9]{1,10}$")]
Pin = Annotated[str, Meta(pattern=r"^[0-9]{1,12}$", extra={"secret": True})]
Key = Annotated[str, Meta(pattern=r"^[0-9*#]$")]
MailAddress = Annotated[str, Meta(pattern=r"^[^@\s<>,;]{1,64}@[^@\s<>,;]{1,255}$")]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$", extra={"country": True})]
Timezone = Annotated[str, Meta(max_length=64, extra={"timezone": True})]
NumberText = Annotated[str, Meta(pattern=r"^\+?[0-9 ()./-]{2,32}$", extra={"number": True})]
NumberPattern = Annotated[str, Meta(pattern=r"^(\*|\+?[0-9]{1,20}\*?|\+\*)$")]
"""A number, or its beginning followed by "*"; "*" alone is every number."""


FileName = Annotated[str, Meta(max_length=1024, extra={"file": True})]
"""A file, relative to the directory that the document was imported from."""

# Names that another table of the document must have: `check.py` finds each by its mark.
LineName = Annotated[Name, Meta(extra={"refers": "lines"})]
AgentId = Annotated[Name, Meta(extra={"refers": "agents"})]
QueueName = Annotated[Name, Meta(extra={"refers": "queues"})]
HoursName = Annotated[Name, Meta(extra={"refers": "hours"})]
SurveyName = Annotated[Name, Meta(extra={"refers": "surveys"})]
MusicName = Annotated[Name, Meta(extra={"refers": "music"})]
PhoneExtension = Annotated[Extension, Meta(extra={"refers": "phones"})]
ListNumber = Annotated[Extension, Meta(extra={"refers": "lists"})]

_Spoken = Annotated[LongText, Meta(extra={"words": True})]
Words = _Spoken | dict[Language, _Spoken]
"""What callers are told: a text that is spoken, "file:NAME.wav" for a recording, or one of these for each language
({ en = "Welcome.", fi = "Tervetuloa." }). `appliance.config.words` reads it."""
Code = Annotated[str, Meta(pattern=r"^[0-9*#]{0,6}$")]
"""Keys that do something; empty: nothing does."""


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A table of the document. Immutable: a change is a new version."""
