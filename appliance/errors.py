"""The one error type of the house: a stable id, what is wrong, and what to do next."""

from __future__ import annotations

from appliance.sentences import Said, say


class SwitchroomError(Exception):
    """Something a person can act on.

    `id` is stable and dotted ("config.unknown-key"): scripts and tests hold on to it. `message` says what is wrong, `hint` names
    the next step; both are plain English sentences without secrets. Pages tell `said` and `said_hint`, which are the same
    sentences, in the reader's language.
    """

    def __init__(self, id: str, message: str | Said, hint: str | Said = "", /, **values: object) -> None:
        """`message` and `hint` are constant texts, whose places such as {number} `values` fill, or sentences said elsewhere."""
        self.id = id
        self.said = message if isinstance(message, Said) else Said(message).about(**values)
        self.said_hint = hint if isinstance(hint, Said) else Said(hint).about(**values)
        self.message = str(self.said)
        self.hint = str(self.said_hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


def because(problem: OSError) -> Said:
    """What the system says went wrong. What is usual is translated; the rest comes as it is."""
    return Said(problem.strerror or type(problem).__name__)


USUAL = (
    say("No space left on device"), say("Permission denied"), say("Operation not permitted"), say("Read-only file system"),
    say("No such file or directory"), say("Input/output error"), say("Disk quota exceeded"), say("Too many open files"),
    say("Is a directory"), say("Not a directory"), say("File exists"), say("File name too long"), say("File too large"),
    say("Address already in use"), say("Cannot assign requested address"), say("Cannot allocate memory"),
)
"""What `because` is likely to give (strerror(3), glibc)."""
