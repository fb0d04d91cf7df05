"""Greetings, as the pages and the API take them in."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from appliance.config.words import Words
from appliance.sounds import greetings
from appliance.sounds.greetings import KEEP_SECONDS, MAX_KEPT, AtPhone, Greeting, KeptGreeting
from web.app import Services, services
from web.audit.service import hands

__all__ = ["KEEP_SECONDS", "MAX_KEPT", "AtPhone", "Greeting", "KeptGreeting"]


def folder(box: Services) -> Path:
    return greetings.folder(box.data)


def upload(content: IO[bytes], name: str) -> Greeting:
    """As `greetings.upload`, as the others here."""
    return greetings.upload(hands(services()), content, name)


def from_message(id: str) -> Greeting:
    return greetings.from_message(hands(services()), id)


def found(box: Services, words: object) -> Path | None:
    return greetings.found(box.data, words)


def at_phone(box: Services, queue: str, words: Words, language: str) -> AtPhone | None:
    return greetings.at_phone(box.data, queue, words, language)


def remove_at_phone(box: Services, queue: str) -> None:
    greetings.remove_at_phone(hands(box), queue)


def all_kept() -> list[KeptGreeting]:
    return greetings.all_kept(hands(services()))


def path_of(name: str) -> Path:
    return greetings.path_of(hands(services()), name)


def remove(name: str) -> None:
    greetings.remove(hands(services()), name)
