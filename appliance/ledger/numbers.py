"""Callers' numbers that older releases noted as the line wrote them ("0401234567"), put into the one form that all have now:
else who called is not found by the number that is called back. Done while all is derived again: nobody else may write meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from appliance import messages as m

from .codec import ERASED, PERSONAL, token
from .persons import Persons, text_of
from .store import Dbs

Form = Callable[[str, str], str]
"""(line, "" where it is not known; number) -> the number in the form of today."""


class Reform:
    """`done` counts the events that were changed."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._persons = Persons()
        self.done = 0

    def event(self, txn: Any, dbs: Dbs, event: m.Event) -> m.Event | None:
        """The event with the number in the other form; None where it has that already, or none. What came with the number goes
        with it, so that both are erased as one."""
        match event:
            case m.LegOpened(direction="in", kind="line"):
                line = event.endpoint
            case m.VoicemailLeft() | m.ContactNoted():
                line = ""
            case _:
                return None
        first, *others = PERSONAL[type(event)]
        number = text_of(txn, dbs, getattr(event, first))
        if not number[:1].isdigit():
            return None
        formed = self._form(line, number)
        if formed == number:
            return None
        person = self._persons.id_of(txn, dbs, formed)
        tokens = {first: token(person)}
        for field in others:
            text = text_of(txn, dbs, getattr(event, field))
            if text and text != ERASED:
                tokens[field] = token(self._persons.id_of(txn, dbs, text, person))
        self.done += 1
        return msgspec.structs.replace(event, **tokens)

    def put(self, txn: Any, dbs: Dbs) -> None:
        """Write the texts of this transaction."""
        self._persons.put(txn, dbs)
