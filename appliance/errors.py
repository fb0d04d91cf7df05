"""The one error type of the house: a stable id, what is wrong, and what to do next."""

from __future__ import annotations


class SwitchroomError(Exception):
    """Something a person can act on.

    `id` is stable and dotted ("config.unknown-key"): scripts, tests and translations hold on to it.
    `message` says what is wrong, `hint` names the next step; both are plain sentences without secrets.
    """

    def __init__(self, id: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.id = id
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
