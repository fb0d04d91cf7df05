"""Erasing what is kept of a person, known by the number."""

from typing import Literal

from appliance.messages_base import Command, Reply

Part = Literal["recordings", "voicemail", "callbacks", "texts"]
"""texts: the number itself and all that came with it (names, notes, keyed numbers, rows of campaign lists) in events and call
records."""


class ErasePerson(Command, frozen=True, kw_only=True):
    """Erase these parts of what is kept of an outside number; `dry_run` counts only. Noted in the audit log (without the number)
    before anything goes. -> PersonErased, or Refused "person.bad-number"."""

    number: str
    parts: list[Part]
    dry_run: bool = False
    by: str = "cli"


class PersonErased(Reply, frozen=True, kw_only=True):
    """What went (or would go): `calls` with this number in the records, files of `recordings`, messages in mailboxes, promised
    `callbacks`, `texts`, `list_rows` of lists that came through the pages (or that had it in a further column), files on their
    way to be lists (`uploads`). Not erased: what calls that go on `now` leave; what the office itself wrote, in `files` (CSV) and
    in `lists` of callers in the configuration; and what may stand in lists that are `unread` because they cannot be read."""

    calls: int = 0
    recordings: int = 0
    voicemail: int = 0
    callbacks: int = 0
    texts: int = 0
    now: int = 0
    list_rows: int = 0
    uploads: int = 0
    unread: list[str] = []  # noqa: RUF012 - msgspec copies it
    files: list[str]
    lists: list[str]
