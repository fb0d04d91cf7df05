"""Messages that campaigns can play, as the pages and the API keep them."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from appliance.sounds.messages import Kept, Messages
from web.app import Services, services
from web.audit.service import hands


def _of(box: Services) -> Messages:
    return Messages(hands(box))


def all_kept(box: Services) -> list[Kept]:
    """The newest first."""
    return _of(box).all()


def awaited(box: Services) -> list[Kept]:
    """Those that are being recorded at a phone now: the newest first."""
    return _of(box).awaited()


def record(extension: str, name: str) -> Kept:
    """As `Messages.record`, as the others here."""
    return _of(services()).record(extension, name)


def one(id: str) -> Kept:
    return _of(services()).one(id)


def path_of(kept: Kept) -> Path:
    return _of(services()).path_of(kept)


def speak(text: str, language: str, name: str = "") -> Kept:
    return _of(services()).speak(text, language, name)


def upload(content: IO[bytes], name: str) -> Kept:
    return _of(services()).upload(content, name)


def remove(id: str) -> None:
    _of(services()).remove(id)
